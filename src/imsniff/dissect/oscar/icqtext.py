"""ICQ's typed messages, as they came over from the UDP protocol: on ICBM channel 4, in offline messages, and, extended,
in rendezvous blocks. Little-endian throughout.

    type:1 | flags:1 | length:2 | text, NUL at the end

The type says what the text is; where it has several fields they are parted by 0xFE. The extended form puts two headers
in front, of which the first tells the plug-in (all zero for messages):

    27:2 | version:2 | plug-in:16 | ... || 14:2 | sequence:2 | zero:12 || type:1 | flags:1 | status:2 | priority:2 |
    length:2 | text, NUL at the end | for text: colours:8 | length:4 | character set as a GUID

References: open-oscar-server wire/snacs.go 740-760; libpurple protocols/oscar/family_icbm.c (incomingim_ch4,
incomingim_ch2_icqserverrelay); iserverd's OSCAR description.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imsniff.base.events import Contact, Event, Message, Presence, Side, Transfer, TransferState
from imsniff.dissect.cursor import Cursor
from imsniff.dissect.oscar import markup as aimtext
from imsniff.dissect.oscar.markup import loose, name_of
from imsniff.dissect.oscar.memory import Memory

SEPARATOR = b"\xfe"
PLAIN, FILE, ADDED, PLUGIN = 0x01, 0x03, 0x0C, 0x1A
AWAY_TEXTS = {0xE8: "away", 0xE9: "busy", 0xEA: "away", 0xEB: "busy", 0xEC: "free for chat"}
_EXTENDED_HEADER = 19
"""Bytes of the first header that are read."""


class Typed(NamedTuple):
    side: Side
    kind: int
    data: bytes
    """The text, without its NUL."""
    sender: str | None
    recipient: str | None
    offline: bool


def _plain(typed: Typed) -> Iterator[Event]:
    yield from _message(typed, aimtext.plain(loose(typed.data), is_html=False))


def _fields(typed: Typed) -> Iterator[Event]:
    parts = [loose(part).strip() for part in typed.data.split(SEPARATOR)]
    yield from _message(typed, " ".join(part for part in parts if part))


def _reason(typed: Typed) -> Iterator[Event]:
    """A request for authorisation: nick, names and address, then, last, what its sender says."""
    yield from _message(typed, loose(typed.data.rpartition(SEPARATOR)[2]))


def _added(typed: Typed) -> Iterator[Event]:
    if typed.recipient:
        yield Contact(side=typed.side, owner=typed.sender, account=typed.recipient)


def _away(typed: Typed) -> Iterator[Event]:
    if typed.sender and typed.data:
        yield Presence(side=typed.side, account=typed.sender, status=AWAY_TEXTS[typed.kind], note=loose(typed.data))


def _message(typed: Typed, text: str) -> Iterator[Event]:
    if text:
        yield Message(side=typed.side, sender=typed.sender, recipient=typed.recipient, text=text, offline=typed.offline)


KINDS: dict[int, Callable[[Typed], Iterator[Event]]] = {
    0x01: _plain,
    0x02: _fields,  # invitation to a chat: its text
    0x04: _fields,  # description and address
    0x06: _reason,  # request for authorisation
    0x07: _plain,  # refused: why
    0x09: _fields,  # from the server
    ADDED: _added,
    0x0D: _fields,  # web pager: name, address and text of somebody outside
    0x0E: _fields,  # the same by mail
    0x13: _fields,  # contacts: number, then UIN and nick of each
    **dict.fromkeys(AWAY_TEXTS, _away),
}


def typed(
    memory: Memory,
    side: Side,
    kind: int,
    data: bytes,
    sender: str | None,
    recipient: str | None,
    *,
    offline: bool = False,
) -> Iterator[Event]:
    yield from memory.guess_service(side, "0")  # nothing but ICQ has typed messages
    if handler := KINDS.get(kind):
        yield from handler(Typed(side, kind, data.rstrip(b"\0"), sender, recipient, offline))


def extended(memory: Memory, side: Side, cursor: Cursor, sender: str | None, recipient: str | None) -> Iterator[Event]:
    """A message with the two headers; other plug-ins' data is left alone. Raises Malformed where it is cut short."""
    first = cursor.sub(cursor.le16())
    if first.left < _EXTENDED_HEADER:
        return
    first.skip(2)
    if any(first.take(16)):
        return
    cursor.skip(cursor.le16())
    kind = cursor.u8()
    cursor.skip(5)
    data = cursor.take(min(cursor.le16(), cursor.left))
    if kind == FILE:
        yield from _file(side, cursor, sender, recipient)
    elif kind == PLUGIN:
        yield from _notification(side, cursor, sender)
    else:
        yield from typed(memory, side, kind, data, sender, recipient)


def _file(side: Side, cursor: Cursor, sender: str | None, recipient: str | None) -> Iterator[Event]:
    """A file over ICQ's own direct connection: port:2 big-endian | 2 | length:2 | name | size:4 | port:4.

    An answer to it has the same shape with no name."""
    cursor.skip(4)
    name = name_of(cursor.take(cursor.le16()))
    size = cursor.le32()
    if name:
        yield Transfer(side=side, name=name, size=size, sender=sender, recipient=recipient, state=TransferState.OFFERED)


def _notification(side: Side, cursor: Cursor, sender: str | None) -> Iterator[Event]:
    """The "X-status" of later clients: XML, escaped once, with what its user wrote in `desc`."""
    text = loose(cursor.rest())
    _, found, rest = text.partition("&lt;desc&gt;")
    note, closed, _ = rest.partition("&lt;/desc&gt;")
    if sender and found and closed and note:
        yield Presence(side=side, account=sender, status="online", note=aimtext.plain(aimtext.plain(note)))
