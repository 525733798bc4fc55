"""Stems: what a pattern fits has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.rules.lexicon import fold
from imsniff.rules.loader import load
from imsniff.rules.schema import Phrase
from imsniff.rules.stems import required_stems, stems_of

PHRASES = load(user=Path("/nonexistent")).phrases


def has_stems(pattern: str, folded: str) -> bool:
    here = stems_of(folded.split())
    return any(all(here & stems for stems in branch) for branch in required_stems(pattern))


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.id)
@given(data=st.data())
def test_all_that_a_phrase_of_the_lexicon_fits_has_its_stems(phrase: Phrase, data: st.DataObject):
    text = data.draw(st.from_regex(phrase.wanted, fullmatch=True))
    assert has_stems(phrase.entry.pattern, fold(text))


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.id)
def test_every_branch_of_the_lexicon_has_a_sure_stem(phrase: Phrase):
    assert all(required_stems(phrase.entry.pattern))


words = st.sampled_from(
    ["pin", "password", "me", "a", "[a-z]+", "logins?", "x{2}", r"\.", r"\d", "[ab]", "(?:on|off)?"]
)
patterns = st.recursive(
    words,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(" ".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: f"(?:{'|'.join(some)})"),
        st.tuples(inner, st.sampled_from(["?", "{0,2}", "{1,2}"])).map(lambda pair: f"(?: ({pair[0]})){pair[1]} to"),
    ),
    max_leaves=8,
)


@given(patterns, st.data())
def test_all_that_any_pattern_fits_has_its_stems(pattern: str, data: st.DataObject):
    text = data.draw(st.from_regex(f" (?:{pattern}) ", fullmatch=True))
    assert has_stems(pattern, text)


def test_a_pattern_of_one_word_has_its_first_characters():
    assert required_stems("password") == [(frozenset(["pass"]),)]
    assert required_stems("pin|passwords?") == [(frozenset(["pin "]),), (frozenset(["pass"]),)]
    assert required_stems("(?:send|tell) me") == [(frozenset(["me "]), frozenset(["send", "tell"]))]
    assert required_stems("[a-z]+") == [()]
