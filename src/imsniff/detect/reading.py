"""What stands in a text: matchers, registered by the risk they look for, and the reader that asks them all.

A matcher is a pure function of the text. It runs in memory whatever `--content` says; what it found, and not the text,
goes on. A risk that the policy switched off is not looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import cache
from typing import NamedTuple

from imsniff.base.limits import MAX_MATCHES, MAX_TEXT
from imsniff.base.records import Severity
from imsniff.base.risks import Risk
from imsniff.rules.engines import Engine, Needle, engine
from imsniff.rules.lexicon import Lexicon
from imsniff.rules.pattern import from_pattern
from imsniff.rules.schema import Class, Phrase


class Match(NamedTuple):
    """One thing that a matcher saw."""

    risk: Risk
    severity: Severity
    rule: str
    says: str
    """What it is, with no word of the text: may be shown whatever is kept."""
    shown: str = ""
    """The words themselves, masked where they are a secret: shown only where the text is kept."""
    secret: tuple[int, int] | None = None
    """Where in the text the secret stands that a kept text must not show."""


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


class Said(NamedTuple):
    """A text that was read."""

    text: str = ""
    matches: tuple[Match, ...] = ()
    classes: frozenset[Class] = frozenset()
    """Of the phrases in it."""
    secrets: tuple[tuple[int, int], ...] = ()
    """Where secrets stand in it: all of them, however many matches are told."""

    @property
    def masked(self) -> str:
        """The text as it may be kept because of a match: without the secrets in it."""
        text = self.text
        for begin, end in self.secrets:
            text = f"{text[:begin]}{'*' * (end - begin)}{text[end:]}"
        return text


NOTHING_SAID = Said()


class Reader:
    """All matchers over one text after the other."""

    def __init__(self, lexicon: Lexicon, off: AbstractSet[str] = frozenset()) -> None:
        """off: risks that nobody looks for."""
        self._lexicon = lexicon
        self._off = off
        self._of_phrases = [number for number, one in enumerate(MATCHERS) if one.hint is None]
        self._last = NOTHING_SAID

    def read(self, text: str) -> Said:
        """What stands in a text. It is asked for more than once while one message is on its way: the last is kept."""
        if text is not self._last.text:
            self._last = self._read(text)
        return self._last

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
