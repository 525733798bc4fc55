"""What a pattern can begin with: never less than what it matches, and enough to tell rules apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.rules.pattern import BadPattern, from_hex, from_pattern


def head(pattern):
    return from_pattern(pattern).head


@pytest.mark.parametrize(
    ("pattern", "lengths", "exact"),
    [
        ("abc", {3}, True),
        ("[a-f]{2}x", {3}, True),
        ("a|b", {1}, True),
        ("a(?:b|cd)e", {3, 4}, False),
        ("ab|cd", {2}, False),
        ("a?b", {1, 2}, False),
        ("a+", set(range(1, 17)), False),
        ("a{20}", {16}, False),
    ],
)
def test_lengths_and_whether_the_sets_say_it_all(pattern, lengths, exact):
    assert (head(pattern).lengths, head(pattern).exact) == (lengths, exact)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("abc", "abd", True),
        ("abc", "ab", False),
        (r"(?:^|\n)VER", "GET", True),
        (r"(?:^|\n)VER", "VES", True),
        (r"(?:^|\n)VER", r"\nV", False),
        (r"[\r\n]{0,4}SIP", "HTTP", True),
        (r".{0,3}x", "abcd", False),
        ("(?i)get", "GET", False),
        ("(?i)get", "PUT", True),
        (r"(?s).a", r"\na", False),
        (r".a", r"\na", True),
        ("a{3,5}b", "aac", True),
        ("a{3,}b", "aaaaaaaaaac", False),
    ],
)
def test_what_cannot_be_both(one, other, apart):
    assert head(one).excludes(head(other)) is apart
    assert head(other).excludes(head(one)) is apart


def test_hex_has_a_head_too():
    assert from_hex("2A [01-05] ?? 4?").head.pattern == rb"\x2a[\x01-\x05](?s:.)[\x40-\x4f]"
    assert from_hex("2A 2A 2A ?? ?? 01").head.pattern == rb"\x2a{3}(?s:.){2}\x01"


ATOMS = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", r"\n", r"\x00", "(?:a|bb)", "(?:ab?|c)", r"\d"])
REPEATS = st.sampled_from(["", "", "", "?", "{2}", "{1,3}", "{0,2}", "+", "*"])
PATTERNS = st.lists(st.tuples(ATOMS, REPEATS).map("".join), min_size=1, max_size=5).map("".join)


@given(one=PATTERNS, other=PATTERNS, data=st.text("ab\n\0c1", max_size=20).map(str.encode))
def test_it_allows_all_that_the_pattern_matches(one, other, data):
    try:
        expressions = from_pattern(one), from_pattern(other)
    except BadPattern:
        return
    found = [re.match(expression.text.encode(), data) is not None for expression in expressions]
    for matches, expression in zip(found, expressions, strict=True):
        seen = re.match(expression.head.pattern, data) is not None
        assert seen or not matches
        assert seen == matches or not expression.head.exact
    assert not (all(found) and expressions[0].head.excludes(expressions[1].head))
