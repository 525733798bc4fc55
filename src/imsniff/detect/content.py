"""What an eavesdropper could read, and what of it is of a kind that somebody must know of."""

from __future__ import annotations

from collections.abc import Iterable

from imsniff.base.events import Encryption
from imsniff.base.records import MessageRecord
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.registry import on
from imsniff.rules.said import Match


@on(MessageRecord, Risk.CLEARTEXT_MESSAGES)
def readable_message(context: Context, message: MessageRecord, wire: str) -> Iterable[Sighting]:  # noqa: ARG001
    """One finding a conversation, both directions of it: a thousand messages are one line of a report.

    The excerpt never comes from `wire`, which may hold the words: they are shown only where the operator keeps text."""
    if context.session.encryption != Encryption.NONE:
        return ()
    shown = f"message of {message.length} characters, {message.direction} by {context.session.client_ip}"
    if message.text:
        shown = f"{shown}: {message.text}"
    return sighting(
        context,
        Risk.CLEARTEXT_MESSAGES,
        message,
        subject=conversation(context, message),
        rule=f"{message.protocol}.message",
        shown=shown,
    )


@on(MessageRecord)
def matched_message(context: Context, message: MessageRecord, wire: str) -> Iterable[Sighting]:  # noqa: ARG001
    """What matchers saw in the words, whatever protects the way. One finding a risk and sender; its rule is that of the
    gravest match, its excerpt tells them all. Words are shown only where the text is kept."""
    by_risk: dict[Risk, list[Match]] = {}
    for match in context.said.matches:
        by_risk.setdefault(match.risk, []).append(match)
    for risk, matches in by_risk.items():
        worst = max(matches, key=lambda match: match.severity.rank)
        yield from sighting(
            context,
            risk,
            message,
            subject=speaker(context, message),
            rule=worst.rule,
            shown="; ".join(dict.fromkeys(_shown(match, kept=message.text is not None) for match in matches)),
            severity=worst.severity,
        )


def _shown(match: Match, *, kept: bool) -> str:
    return f"{match.says}: {match.shown}" if kept and match.shown else match.says


def speaker(context: Context, message: MessageRecord) -> str:
    """Who wrote it; a received message whose sender the protocol does not tell is not the session's own."""
    if message.sender or message.direction == "sent":
        return context.account(message.sender)
    return "somebody"


def conversation(context: Context, message: MessageRecord) -> str:
    """The room, or the two accounts in alphabetical order; an unknown end that is the session's own is its account."""
    if message.room:
        return context.account(message.room)
    sent = message.direction == "sent"
    ends = [
        context.account(name) if name or own else "somebody"
        for name, own in ((message.sender, sent), (message.recipient, not sent))
    ]
    return " ↔ ".join(sorted(ends))
