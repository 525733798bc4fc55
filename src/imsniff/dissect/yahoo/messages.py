"""What is said over YMSG: instant messages, conferences, chat rooms, invitations, text to phones.

The table says, for each service, which keys hold who, to whom, where and what; the first key that has a value counts.
A packet from the client names its sender in key 1, one from the server in key 4 (3 in conferences, 109 in chat rooms).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imsniff.base.events import Event, Message, Side, excerpt
from imsniff.base.limits import MAX_ADDRESSEES, MAX_NAME
from imsniff.dissect.yahoo.packet import OFFLINE, Key, Packet, Record, Service, decoded, name, plain
from imsniff.dissect.yahoo.session import YmsgSession


class Roles(NamedTuple):
    sender: tuple[int, ...]
    text: int = Key.TEXT
    recipient: int | None = None
    room: int | None = None


ROLES: dict[int, Roles] = {
    Service.MESSAGE: Roles(sender=(Key.FROM, Key.SELF, Key.ID), recipient=Key.TO),
    Service.MASS_MESSAGE: Roles(sender=(Key.FROM, Key.SELF, Key.ID), recipient=Key.TO),
    Service.SMS: Roles(sender=(Key.FROM, Key.SELF, Key.ID), recipient=Key.TO),
    Service.NEW_CONTACT: Roles(sender=(Key.FROM, Key.ME, Key.SELF), recipient=Key.TO),
    Service.AUTH_BUDDY: Roles(sender=(Key.FROM, Key.SELF), recipient=Key.TO),
    Service.AUTH_BUDDY_15: Roles(sender=(Key.FROM, Key.SELF), recipient=Key.TO),
    Service.ADD_BUDDY: Roles(sender=(Key.FROM, Key.SELF), recipient=Key.BUDDY),
    Service.DENY_BUDDY: Roles(sender=(Key.FROM, Key.SELF), recipient=Key.BUDDY),
    Service.CONF_INVITE: Roles(sender=(Key.HOST, Key.SELF), text=Key.INVITATION, room=Key.ROOM),
    Service.CONF_ADD_INVITE: Roles(sender=(Key.HOST, Key.SELF), text=Key.INVITATION, room=Key.ROOM),
    Service.CONF_DECLINE: Roles(sender=(Key.DECLINED_BY, Key.SELF), room=Key.ROOM),
    Service.CONF_MESSAGE: Roles(sender=(Key.ME, Key.SELF), room=Key.ROOM),
    Service.CHAT_MESSAGE: Roles(sender=(Key.CHATTER, Key.SELF), text=Key.CHAT_TEXT, room=Key.CHAT_ROOM),
    Service.CHAT_COMMENT: Roles(sender=(Key.CHATTER, Key.SELF), text=Key.CHAT_TEXT, room=Key.CHAT_ROOM),
}


def message(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    roles, pairs = ROLES[packet.service], packet.pairs
    if pairs.repeats and len(pairs.all(roles.text)) > 1:
        return _several(ymsg, side, packet, roles)
    named = pairs.all(roles.recipient) if roles.recipient is not None else []
    recipients = [decoded(value)[:MAX_NAME] for value in named if value][:MAX_ADDRESSEES]
    return _said(ymsg, side, packet, roles, pairs.record, recipients or [None])


def _several(ymsg: YmsgSession, side: Side, packet: Packet, roles: Roles) -> Iterator[Event]:
    """Messages that waited on the server come several to a packet, each with its own 4, 5, 14 and 15, in any order."""
    keys = () if roles.recipient is None else (roles.recipient,)
    for record in packet.pairs.records((*keys, Key.FROM, roles.text)):
        yield from _said(ymsg, side, packet, roles, record, [name(record, *keys)])


def _said(
    ymsg: YmsgSession, side: Side, packet: Packet, roles: Roles, record: Record, recipients: Sequence[str | None]
) -> Iterator[Event]:
    text = plain(record.get(roles.text, b""))
    sender = name(record, *roles.sender)
    from_client = roles.sender[0] not in record
    if Key.MEMBER in record and packet.service == Service.CONF_MESSAGE:
        # With the list of members (53) it comes from the client, whatever 3 says.
        sender, from_client = name(record, Key.SELF), True
    if from_client:
        yield from ymsg.known_as(side, sender)
    elif ymsg.own is None and roles.recipient == Key.TO:
        yield from ymsg.known_as(side.other, name(record, Key.TO))
    if not text.strip() or ymsg.repeated(sender, record.get(Key.MESSAGE_ID)):
        return
    sender = sender or ymsg.own
    room = name(record, roles.room) if roles.room is not None else None
    for recipient in recipients if room is None else [room]:
        yield Message(
            side=side,
            sender=sender,
            recipient=recipient,
            room=room,
            text=text,
            offline=packet.status == OFFLINE and packet.service == Service.MESSAGE,
            wire=excerpt(f"YMSG service {packet.service:#04x}: {sender} to {recipient}, key {roles.text}"),
        )
