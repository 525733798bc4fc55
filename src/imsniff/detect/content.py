"""What an eavesdropper could read."""

from __future__ import annotations

from collections.abc import Iterable

from imsniff.base.events import Encryption
from imsniff.base.records import MessageRecord
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.registry import on


@on(MessageRecord)
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
