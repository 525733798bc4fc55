"""Lexicons: phrases of one language that a detector looks for in what people write, and the matcher of all of them.

    version = 1
    language = "en"

    [[phrase]]
    id = "en.asks-secret.your"
    class = "asks-secret"
    pattern = '(?:send|tell|give) me your (?:[a-z]+ ){0,2}(?:password|pin)'
    unless = 'never'                  # silent where this stands in the same text
    example = ["Please tell me your old password!"]
    not = ["forgot my password"]

A pattern is one of `rules.pattern` and fits whole words of *folded* text: small letters without accents, every word
between single blanks, and `.` or `?` alone where a sentence ends. So one pattern fits however a phrase was typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from imsniff.base.limits import MAX_PHRASED
from imsniff.rules.schema import Phrase
from imsniff.rules.stems import Stems, required_stems, stems_of

_INNER = re.compile(r"(?<=\w)[.:](?=\w)")
_TOKENS = re.compile(r"[^\W_]+|[.!?;:\n]")
_WEIGHTLESS = re.compile("[\u0300-\u036f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]+")
_ASCII = "".join(
    [char if char.isalnum() or char == "?" else "." if char in ".!;:\n" else " " for char in map(chr, range(128))]
)
"""What becomes of each character: letters and digits stay, what ends a sentence is a full stop, the rest is a blank."""


def fold(text: str) -> str:
    """The form in which phrases are looked for."""
    if not text.isascii():  # compatibility forms are letters, marks and what has no width are nothing
        text = _WEIGHTLESS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    if "." in text or ":" in text:
        text = _INNER.sub(" ", text)  # of a number, a time, a name of a host: no sentence ends there
    if not text.isascii():
        text = " ".join(_TOKENS.findall(text))
    text = text.lower().translate(_ASCII)
    while ".." in text:
        text = text.replace("..", ".")
    if "." in text or "?" in text:
        text = text.replace(".", " . ").replace("?", " ? ")
    return f" {' '.join(text.split())} "


class _Branch(NamedTuple):
    """One of the alternatives of a phrase."""

    number: int
    """Of the phrase."""
    stems: tuple[Stems, ...]
    """Of each of them, one stands in every text that it fits."""


class Lexicon:
    """All phrases, looked for by the stems that they cannot do without: one that has them is tried with `re`, and
    compiled when it is tried first. A capture without talk never needs any of it."""

    def __init__(self, phrases: Iterable[Phrase] = ()) -> None:
        self.phrases = tuple(phrases)
        self._by_stem: dict[str, list[_Branch]] | None = None
        self._always: frozenset[int] = frozenset()
        """Numbers of phrases of which no stem is sure."""

    def find(self, text: str) -> tuple[Phrase, ...]:
        """The phrases that stand in a text, in the order of their files. Of a text longer than MAX_PHRASED characters
        only the beginning is looked at."""
        if not self.phrases:
            return ()
        if self._by_stem is None:
            self._by_stem = self._index()
        folded = fold(text[:MAX_PHRASED])
        stems = stems_of(folded.split())
        tried = {
            branch.number
            for stem in stems & self._by_stem.keys()
            for branch in self._by_stem[stem]
            if not any(map(stems.isdisjoint, branch.stems))
        }
        return tuple(self.phrases[n] for n in sorted(tried | self._always) if self.phrases[n].fits(folded))

    def _index(self) -> dict[str, list[_Branch]]:
        """Branches by the stems of one of their sets: that whose stems the fewest branches ask for."""
        branches = [
            _Branch(number, stems)
            for number, phrase in enumerate(self.phrases)
            for stems in required_stems(phrase.entry.pattern)
        ]
        self._always = frozenset(branch.number for branch in branches if not branch.stems)
        asked = Counter(stem for branch in branches for stems in branch.stems for stem in stems)
        index: dict[str, list[_Branch]] = {}
        for branch in branches:
            for stem in min(branch.stems, key=lambda stems: sum(asked[one] for one in stems), default=()):
                index.setdefault(stem, []).append(branch)
        return index


@lru_cache(maxsize=2)
def lexicon_of(phrases: tuple[Phrase, ...]) -> Lexicon:
    """The lexicon of a signature set: compiled once a process, however many captures are read."""
    return Lexicon(phrases)


def words(phrase: Phrase, text: str) -> str:
    """The folded words of `text` that a phrase fits."""
    found = phrase.wanted.search(fold(text[:MAX_PHRASED]))
    return found[0].strip() if found else ""
