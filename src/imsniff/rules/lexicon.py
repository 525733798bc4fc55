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
from collections.abc import Iterable
from functools import lru_cache

from imsniff.base.limits import MAX_TEXT
from imsniff.rules.engines import Needle, engine
from imsniff.rules.pattern import Expression, from_pattern
from imsniff.rules.schema import Phrase


def in_words(pattern: str) -> Expression:
    """A phrase's pattern as it is looked for in folded text. Raises BadPattern."""
    from_pattern(pattern)  # what is wrong is told by the author's own count of characters
    return from_pattern(f" (?:{pattern}) ")


_INNER = re.compile(r"(?<=\w)[.:](?=\w)")
_TOKENS = re.compile(r"[^\W_]+|[.!?;:\n]")
_WEIGHTLESS = re.compile("[\u0300-\u036f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]+")
_ASCII = "".join(
    [char if char.isalnum() or char == "?" else "." if char in ".!;:\n" else " " for char in map(chr, range(128))]
)
"""What becomes of each character: letters and digits stay, what ends a sentence is a full stop, the rest is a blank."""


def fold(text: str) -> str:
    """The form in which phrases are looked for; of a long text the beginning, as much as would be kept of it."""
    text = text[:MAX_TEXT]
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


class Lexicon:
    """All phrases, looked for at once. Compiled with the first text: a capture without talk never needs it."""

    def __init__(self, phrases: Iterable[Phrase] = (), name: str = "auto") -> None:
        """`name`: of the engine, see `engines.engine`."""
        self.phrases = tuple(phrases)
        self._name = name
        self._needles: list[Needle] | None = None
        self._refusals: dict[int, int] = {}
        """By number of a phrase, the needle that silences it."""

    def find(self, text: str) -> tuple[Phrase, ...]:
        """The phrases that stand in a text, in the order of their files."""
        if not self.phrases:
            return ()
        if self._needles is None:
            self._compile()
        found = self._engine.find(fold(text).encode("utf-8", "replace"))
        if not found:
            return ()
        return tuple(
            self.phrases[number]
            for number in found
            if number < len(self.phrases) and self._refusals.get(number) not in found
        )

    def _compile(self) -> None:
        wanted = [Needle(phrase.wanted, anchored=False) for phrase in self.phrases]
        unless = [(n, phrase.unless) for n, phrase in enumerate(self.phrases) if phrase.unless is not None]
        self._refusals = {number: len(wanted) + at for at, (number, _) in enumerate(unless)}
        self._needles = wanted + [Needle(expression, anchored=False) for _, expression in unless]
        self._engine = engine(self._name, self._needles)


@lru_cache(maxsize=2)
def lexicon_of(phrases: tuple[Phrase, ...]) -> Lexicon:
    """The lexicon of a signature set: compiled once a process, however many captures are read."""
    return Lexicon(phrases)


def words(phrase: Phrase, text: str) -> str:
    """The folded words of `text` that a phrase fits."""
    found = re.search(phrase.wanted.text, fold(text))
    return found[0].strip() if found else ""
