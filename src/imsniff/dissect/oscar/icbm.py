"""Family 0x04, messages between accounts (ICBM).

    to the server, 04/06 and 04/0C:  cookie:8 | channel:2 | name length:1 | recipient | TLVs
    to the client, 04/07:            cookie:8 | channel:2 | user info of the sender   | TLVs
    answer of a client, 04/0B:       cookie:8 | channel:2 | name length:1 | other end | reason:2 | what the channel has

The channel tells what the TLVs hold: 1 a text, 2 a rendezvous (`rendezvous`), 4 an old ICQ message (`icqtext`).
A text is in TLV 2, a list of fragments, of which those of id 1 are text and there may be several:

    id:1 | version:1 | length:2 | (character set:2 | language:2 | text)

References: open-oscar-server wire/snacs.go 690-1030; libpurple protocols/oscar/family_icbm.c.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from imsniff.base.events import Event, Message, Side, TransferState
from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.oscar import icqtext, presence, rendezvous
from imsniff.dissect.oscar import markup as aimtext
from imsniff.dissect.oscar.markup import name_of
from imsniff.dissect.oscar.memory import Memory
from imsniff.dissect.oscar.snac import Snac, Tlvs

TEXT, DATA, OFFLINE = 0x02, 0x05, 0x06
FRAGMENT_TEXT = 0x01
_FRAGMENT = struct.Struct("!BxH")
_LANGUAGE = struct.Struct("!HH")


class Icbm(Struct, gc=False):
    side: Side
    cookie: bytes
    sender: str | None
    recipient: str | None
    tlvs: Tlvs
    offline: bool
    """Stored by the server until the recipient came."""


def to_server(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    cookie, channel = snac.body.take(8), snac.body.u16()
    recipient = name_of(snac.body.take(snac.body.u8()))
    yield from memory.guess_service(side, recipient)
    yield from _by_channel(memory, channel, Icbm(side, cookie, memory.own, recipient, snac.tlvs(), offline=False))


def to_client(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    cookie, channel = snac.body.take(8), snac.body.u16()
    sender = snac.user_info()
    yield from memory.guess_service(side, sender.name)
    yield from presence.addresses(memory, side, sender)
    tlvs = snac.tlvs()
    yield from _by_channel(memory, channel, Icbm(side, cookie, sender.name, memory.own, tlvs, offline=OFFLINE in tlvs))


def answered(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """04/0B: a client turned a rendezvous down, or answers an ICQ message with why its user is away."""
    cookie, channel = snac.body.take(8), snac.body.u16()
    other = name_of(snac.body.take(snac.body.u8()))
    if not snac.body:
        return
    snac.body.skip(2)
    if channel == 2 and snac.body.left <= 4:
        yield from memory.transfer(side, cookie, TransferState.CANCELLED)
    elif channel in (2, 4):
        answerer = other if side is Side.SERVER else memory.own
        yield from icqtext.extended(memory, side, snac.body, answerer, None)


def _by_channel(memory: Memory, channel: int, icbm: Icbm) -> Iterable[Event]:
    handler = CHANNELS.get(channel)
    return handler(memory, icbm) if handler else ()


def _instant(_memory: Memory, icbm: Icbm) -> Iterable[Event]:
    sender, recipient = icbm.sender, icbm.recipient
    numbers = (sender is None or sender.isdigit()) and (recipient is None or recipient.isdigit())
    text = aimtext.plain(_fragments(icbm.tlvs.get(TEXT, b"")), is_html=not numbers)
    if not text:
        return ()
    return (Message(side=icbm.side, sender=sender, recipient=recipient, text=text, offline=icbm.offline),)


def _fragments(data: bytes) -> str:
    """The text of all text fragments. One cut short is taken as far as it goes: the clients show it too."""
    text, at = "", 0
    while len(data) - at >= _FRAGMENT.size:
        kind, size = _FRAGMENT.unpack_from(data, at)
        at += _FRAGMENT.size
        fragment = data[at : at + size]
        at += size
        if kind == FRAGMENT_TEXT and len(fragment) >= _LANGUAGE.size:
            charset, _language = _LANGUAGE.unpack_from(fragment)
            text += aimtext.decode(charset, fragment[_LANGUAGE.size :])
    return text


def _rendezvous(memory: Memory, icbm: Icbm) -> Iterator[Event]:
    if (data := icbm.tlvs.get(DATA)) is not None:
        yield from rendezvous.on_message(memory, icbm.side, Cursor(data), icbm.sender, icbm.recipient)


def _icq(memory: Memory, icbm: Icbm) -> Iterator[Event]:
    if (data := icbm.tlvs.get(DATA)) is None:
        return
    cursor = Cursor(data)
    uin, kind, _flags = cursor.le32(), cursor.u8(), cursor.u8()
    sender = icbm.sender or (str(uin) if icbm.side is Side.CLIENT and uin else None)
    yield from icqtext.typed(memory, icbm.side, kind, _counted(cursor), sender, icbm.recipient, offline=icbm.offline)


def _counted(cursor: Cursor) -> bytes:
    """Text with its length in front, taken as far as it goes."""
    size = cursor.le16()
    if not cursor and size:
        raise Malformed(f"text of {size} bytes is missing")
    return cursor.take(min(size, cursor.left))


CHANNELS: dict[int, Callable[[Memory, Icbm], Iterable[Event]]] = {1: _instant, 2: _rendezvous, 4: _icq}

HANDLERS: dict[tuple[int, int], Callable[[Memory, Side, Snac], Iterator[Event]]] = {
    (0x04, 0x06): to_server,
    (0x04, 0x07): to_client,
    (0x04, 0x0B): answered,
}
