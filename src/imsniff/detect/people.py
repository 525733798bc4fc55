"""The two people of a message, where it goes from one person to another and from nobody's program."""

from __future__ import annotations

from typing import NamedTuple

from imsniff.base.records import MessageRecord
from imsniff.detect.finding import Context

_SERVICES = """nickserv chanserv memoserv operserv botserv hostserv authserv statserv global
    aolsystemmsg server system notice hotmail staff@hotmail.com"""
SERVICES = frozenset(_SERVICES.split())
"""Accounts of the service itself."""


class Ends(NamedTuple):
    sender: str
    recipient: str


def both_ends(context: Context, message: MessageRecord) -> Ends | None:
    """None where it goes to a room, comes from a server, or an end is not known."""
    if message.room:
        return None
    sent = message.direction == "sent"
    own = context.session.account
    sender, recipient = message.sender or (own if sent else None), message.recipient or (None if sent else own)
    if not sender or not recipient:
        return None
    ends = Ends(context.account(sender), context.account(recipient))
    if ends.sender == ends.recipient or ends.sender in SERVICES or ends.recipient in SERVICES:
        return None
    if message.protocol == "xmpp" and not ("@" in ends.sender and "@" in ends.recipient):  # a server, a component
        return None
    if message.protocol == "irc" and ("." in ends.sender or ends.recipient.startswith(("#", "&", "+", "!", "$"))):
        return None
    return ends
