"""What stands in a text: matchers, registered by the risk they look for, and the reader that asks them all.

A matcher is a pure function of the text. It runs in memory whatever `--content` says; what it found, and not the text,
goes on. A risk that the policy switched off is not looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import cache
from typing import NamedTuple

from imsniff.base.limits import MAX_MATCHES, MAX_SHORT_TEXT, MAX_SHORT_TEXTS, MAX_TEXT
from imsniff.base.risks import Risk
from imsniff.rules.engines import Engine, Needle, engine
from imsniff.rules.lexicon import Lexicon
from imsniff.rules.pattern import from_pattern
from imsniff.rules.said import Match, Said
from imsniff.rules.schema import Class, Phrase


class Talk(NamedTuple):
    """A text while it is read."""

    text: str
    phrases: tuple[Phrase, ...]
    """Those of the lexicon that stand in it."""
    classes: frozenset[Class]
    """Theirs."""


Matcher = Callable[[Talk], Iterable[Match]]


class Registered(NamedTuple):
    matcher: Matcher
    risk: Risk
    hint: str | None
    """A pattern without which it finds nothing: all hints are looked for at once, and most texts have none. None: it is
    asked where a phrase of the lexicon was found."""


MATCHERS: list[Registered] = []
"""In the order of registration; `imsniff.detect` imports the families."""


def reads(risk: Risk, hint: str | None = None) -> Callable[[Matcher], Matcher]:
    """Registers a matcher, the risk of all that it finds, and what must stand in a text that it is asked about."""

    def register(matcher: Matcher) -> Matcher:
        MATCHERS.append(Registered(matcher, risk, hint))
        return matcher

    return register


@cache
def _hints() -> Engine:
    """Numbers of matchers by their hints."""
    nothing = "\\x00\\xff"  # in no UTF-8: of matchers that have no hint
    return engine("auto", [Needle(from_pattern(one.hint or nothing), anchored=False) for one in MATCHERS])


class Reader:
    """All matchers over one text after the other."""

    def __init__(self, lexicon: Lexicon, off: AbstractSet[str] = frozenset()) -> None:
        """off: risks that nobody looks for."""
        self._lexicon = lexicon
        self._off = off
        self._of_phrases = [number for number, one in enumerate(MATCHERS) if one.hint is None]
        self._short: dict[str, Said] = {}
        """Of short texts, which people write again and again."""

    def read(self, text: str) -> Said:
        """What stands in a text."""
        if len(text) > MAX_SHORT_TEXT:
            return self._read(text)
        said = self._short.get(text)
        if said is None:
            if len(self._short) >= MAX_SHORT_TEXTS:
                self._short.clear()
            said = self._short[text] = self._read(text)
        return said

    def _read(self, text: str) -> Said:
        seen = text[:MAX_TEXT]
        phrases = self._lexicon.find(seen)
        asked = [*_hints().find(seen.encode("utf-8", "replace")), *(self._of_phrases if phrases else ())]
        if not asked:
            return Said(text)
        talk = Talk(seen, phrases, frozenset(phrase.entry.kind for phrase in phrases))
        matchers = [one.matcher for number in asked if (one := MATCHERS[number]).risk not in self._off]
        matches = [match for matcher in matchers for match in matcher(talk)]
        secrets = tuple(match.secret for match in matches if match.secret)
        return Said(text, tuple(matches[:MAX_MATCHES]), talk.classes, secrets)
