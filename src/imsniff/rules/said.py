"""What stands in a message's text: matches of risks, classes of phrases, and where secrets are."""

from __future__ import annotations

from typing import NamedTuple

from imsniff.base.records import Severity
from imsniff.base.risks import Risk
from imsniff.rules.schema import Class


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
