"""Language against the house rules: what the lexicons know of it, and only where it is aimed at somebody."""

from __future__ import annotations

from collections.abc import Iterator

from imsniff.base.records import Severity
from imsniff.base.risks import Risk
from imsniff.detect.reading import Talk, reads
from imsniff.rules.lexicon import words
from imsniff.rules.said import Match
from imsniff.rules.schema import Class

_SEVERITIES = {
    Class.HARASSMENT: Severity.LOW,
    Class.SEXUAL: Severity.MEDIUM,
    Class.HATE: Severity.MEDIUM,
    Class.THREAT: Severity.HIGH,
}


@reads(Risk.INAPPROPRIATE_LANGUAGE)
def inappropriate_language(talk: Talk) -> Iterator[Match]:
    """A phrase of one of four classes. A phrase may say that it weighs more or less than its class."""
    for phrase in talk.phrases:
        usual = _SEVERITIES.get(phrase.entry.kind)
        if usual is not None:
            yield Match(
                Risk.INAPPROPRIATE_LANGUAGE,
                phrase.entry.severity or usual,
                f"lexicon.{phrase.id}",
                f"{phrase.entry.kind}, {phrase.language}",
                words(phrase, talk.text),
            )
