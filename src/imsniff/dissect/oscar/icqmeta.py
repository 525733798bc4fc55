"""Family 0x15: ICQ's own requests, carried over OSCAR. One TLV of type 1, big-endian; inside it little-endian:

    length:2 | UIN of the client:4 | what:2 | sequence:2 | rest

    what 0x0041 (reply)    an offline message: sender:4 | date and time:6 | type:1 | flags:1 | length:2 | text
    what 0x07D0 (request)  meta:2 | rest; meta 0x042E sets a password: length:2 | password, NUL, in the clear

References: open-oscar-server wire/snacs.go (ICQMetadata); libpurple protocols/oscar/family_icq.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imsniff.base.events import Event, Grade, Login, Side, excerpt, masked
from imsniff.dissect.cursor import Cursor
from imsniff.dissect.oscar import icqtext
from imsniff.dissect.oscar.markup import loose
from imsniff.dissect.oscar.memory import Memory
from imsniff.dissect.oscar.snac import Snac

METADATA = 0x01
OFFLINE_MESSAGE, REQUEST = 0x0041, 0x07D0
SET_PASSWORD = 0x042E
LARGEST_UIN = 0x7FFF_FFFF


def asked(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """15/02."""
    if (data := _data(snac)) is None:
        return
    yield from _own(memory, side, data)
    what = data.le16()
    data.skip(2)
    if what == REQUEST and data.left >= 4 and data.le16() == SET_PASSWORD:
        password = loose(data.take(data.le16()).rstrip(b"\0"))
        yield Login(
            side=side,
            account=memory.own,
            scheme="password-change",
            grade=Grade.CLEARTEXT,
            secret=password,
            wire=excerpt(f"SNAC 15/02, meta 042E: new password {masked(password)}"),
        )


def answered(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """15/03."""
    if (data := _data(snac)) is None:
        return
    yield from _own(memory, side, data)
    what = data.le16()
    data.skip(2)
    if what == OFFLINE_MESSAGE:
        sender = str(data.le32())
        data.skip(6)
        kind, _flags = data.u8(), data.u8()
        text = data.take(min(data.le16(), data.left))
        yield from icqtext.typed(memory, side, kind, text, sender, memory.own, offline=True)


def _data(snac: Snac) -> Cursor | None:
    data = Cursor(snac.tlvs().get(METADATA, b""))
    if not data:
        return None
    return data.sub(min(data.le16(), data.left))


def _own(memory: Memory, side: Side, data: Cursor) -> Iterator[Event]:
    uin = data.le32()
    if 0 < uin <= LARGEST_UIN:
        yield from memory.name_own(side, str(uin))


HANDLERS: dict[tuple[int, int], Callable[[Memory, Side, Snac], Iterator[Event]]] = {
    (0x15, 0x02): asked,
    (0x15, 0x03): answered,
}
