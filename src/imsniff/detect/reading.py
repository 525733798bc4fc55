"""What stands in a text: matchers, registered by the risk they look for, and the reader that asks them all.

A matcher is a pure function of the text. It runs in memory whatever `--content` says; what it found, and not the text,
goes on. A risk that the policy switched off is not looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import NamedTuple

from imsniff.base.limits import MAX_MATCHES, MAX_TEXT
from imsniff.base.records import Severity
from imsniff.base.risks import Risk
from imsniff.rules.lexicon import Lexicon
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


class Talk:
    """A text while it is read: what several matchers want of it is made once."""

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text = text
        self._lexicon = lexicon

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        return self._lexicon.find(self.text)

    @cached_property
    def classes(self) -> frozenset[Class]:
        return frozenset(phrase.entry.kind for phrase in self.phrases)


Matcher = Callable[[Talk], Iterable[Match]]
MATCHERS: dict[Risk, list[Matcher]] = {}
"""In the order of registration; `imsniff.detect` imports the families."""


def reads(risk: Risk) -> Callable[[Matcher], Matcher]:
    """Registers a matcher, and the risk of all that it finds."""

    def register(matcher: Matcher) -> Matcher:
        MATCHERS.setdefault(risk, []).append(matcher)
        return matcher

    return register


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
        self._matchers = [matcher for risk, each in MATCHERS.items() if risk not in off for matcher in each]
        self._last = NOTHING_SAID

    def read(self, text: str) -> Said:
        """What stands in a text. It is asked for more than once while one message is on its way: the last is kept."""
        if text is not self._last.text:
            self._last = self._read(text)
        return self._last

    def _read(self, text: str) -> Said:
        talk = Talk(text[:MAX_TEXT], self._lexicon)
        matches = [match for matcher in self._matchers for match in matcher(talk)]
        if not matches and not talk.phrases:
            return Said(text)
        secrets = tuple(match.secret for match in matches if match.secret)
        return Said(text, tuple(matches[:MAX_MATCHES]), talk.classes, secrets)
