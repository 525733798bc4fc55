"""Messages that ask for what should not be given: secrets, money, control of the computer, a click on a lure."""

from __future__ import annotations

from collections.abc import Iterator

from imsniff.base.records import Severity
from imsniff.base.risks import Risk
from imsniff.detect.reading import Talk, reads
from imsniff.detect.urls import links
from imsniff.rules.lexicon import words
from imsniff.rules.said import Match
from imsniff.rules.schema import Class

_ASKS = {
    Class.ASKS_SECRET: (Severity.MEDIUM, "asks for a secret"),
    Class.ASKS_MONEY: (Severity.MEDIUM, "asks for a payment"),
    Class.ASKS_CONTROL: (Severity.MEDIUM, "asks for control of the computer"),
    Class.LURE: (Severity.MEDIUM, "makes curious about a link"),
}
_HELP = {
    Class.AUTHORITY: "claims authority",
    Class.PRESSURE: "presses",
}
"""What makes an ask worse: colleagues ask for things too, but not in the name of the bank and by noon."""


@reads(Risk.SOCIAL_ENGINEERING)
def social_engineering(talk: Talk) -> Iterator[Match]:
    """An ask; HIGH with claimed authority or pressure. A lure only beside a link to a place that is not well known."""
    if not talk.classes & _ASKS.keys():
        return
    helped = [says for kind, says in _HELP.items() if kind in talk.classes]
    strange = any(not link.well_known for link in links(talk.text)) if Class.LURE in talk.classes else False
    for phrase in talk.phrases:
        kind = phrase.entry.kind
        if kind not in _ASKS or (kind is Class.LURE and not strange):
            continue
        severity, says = _ASKS[kind]
        if helped and kind is not Class.LURE:
            severity = Severity.HIGH
        yield Match(
            Risk.SOCIAL_ENGINEERING,
            phrase.entry.severity or severity,
            f"lexicon.{phrase.id}",
            ", ".join([says, *helped]),
            words(phrase, talk.text),
        )
