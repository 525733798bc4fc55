"""Who is there, on OSCAR: families 0x01 (oneself), 0x02 (profiles) and 0x03 (others), all about user infos.

    TLV 0x01 flags (0x20 away), 0x06 ICQ status (low half), 0x0A the address the server sees, 0x1D notes and icons,
    TLV 0x0C for ICQ's direct connections, 37 bytes:
        inside address:4 | port:4 | kind:1 | version:2 | cookie:4 | web port:4 | features:4 | three times:12 | 2

Every one on the contact list gets the latter two, unasked.

References: open-oscar-server wire/snacs.go (TLVUserInfo, ICQDCInfo); libpurple protocols/oscar/userinfo.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from imsniff.base.events import Event, Side
from imsniff.dissect.cursor import Cursor
from imsniff.dissect.oscar import markup
from imsniff.dissect.oscar.memory import Memory
from imsniff.dissect.oscar.snac import Snac, Tlvs, UserInfo

FLAGS, STATUS, EXTERNAL, DIRECT, NOTES = 0x01, 0x06, 0x0A, 0x0C, 0x1D
AWAY_CHARSET, AWAY_TEXT = 0x03, 0x04
FLAG_AWAY = 0x0020
NOTE_TEXT = 0x0002

ICQ_STATUS = (
    (0x0100, "invisible"),
    (0x0002, "busy"),  # do not disturb; comes with 0x11 set too
    (0x0010, "busy"),  # occupied
    (0x0005, "away"),  # away, not available
    (0x0020, "free for chat"),
)
"""Bits of the low half of ICQ's status, strongest first."""


def status_of(tlvs: Tlvs) -> str:
    bits = (tlvs.number(STATUS, 4) or 0) & 0xFFFF
    for mask, word in ICQ_STATUS:
        if bits & mask:
            return word
    flags = tlvs.number(FLAGS, 4) or tlvs.number(FLAGS, 2) or 0
    return "away" if flags & FLAG_AWAY else "online"


def note_of(tlvs: Tlvs) -> str | None:
    """The available message: items of type:2 | flags:1 | length:1 | data, of which that of type 2 is a counted text."""
    items = Cursor(tlvs.get(NOTES, b""))
    while items.left >= 4:
        kind, _flags, size = items.u16(), items.u8(), items.u8()
        item = items.sub(min(size, items.left))
        if kind == NOTE_TEXT and item.left > 2:
            text = markup.loose(item.take(min(item.u16(), item.left)))
            return markup.plain(text) or None
    return None


def addresses(memory: Memory, side: Side, user: UserInfo) -> Iterable[Event]:
    """What a user info tells the own account of where somebody else sits."""
    if user.name == memory.own or not (EXTERNAL in user.tlvs or DIRECT in user.tlvs):
        return ()
    return _addresses(memory, side, user)


def _addresses(memory: Memory, side: Side, user: UserInfo) -> Iterator[Event]:
    external = user.tlvs.get(EXTERNAL, b"")
    if len(external) == 4:
        yield from memory.expose(side, external, "oscar.external-ip", account=user.name, to=memory.own)
    yield from direct(memory, side, user.tlvs, user.name, memory.own)


def direct(memory: Memory, side: Side, tlvs: Tlvs, account: str | None, to: str | None) -> Iterator[Event]:
    info = Cursor(tlvs.get(DIRECT, b""))
    if info.left >= 8:
        yield from memory.expose(side, info.take(4), "oscar.dc-info", account=account, port=info.u32(), to=to)


def arrived(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """03/0B: one user info, or several from late servers."""
    while snac.body:
        user = snac.user_info()
        yield from memory.guess_service(side, user.name)
        if user.name:
            yield from memory.seen(side, user.name, status_of(user.tlvs), note_of(user.tlvs))
            yield from addresses(memory, side, user)


def departed(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    while snac.body:
        user = snac.user_info()
        yield from memory.guess_service(side, user.name)
        if user.name:
            yield from memory.seen(side, user.name, "offline")


def own_info(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """01/0F: the server tells the client who it is."""
    user = snac.user_info()
    yield from memory.name_own(side, user.name)


def own_status(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """01/1E: the client tells its status, and, on ICQ, its own inside address for all its contacts."""
    tlvs = snac.tlvs()
    if memory.own and STATUS in tlvs:
        yield from memory.seen(side, memory.own, status_of(tlvs), note_of(tlvs))
    yield from direct(memory, side, tlvs, memory.own, None)


def own_away(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """02/04: the client stores its profile or its away text; an empty one means that it is back."""
    tlvs = snac.tlvs()
    if AWAY_TEXT in tlvs and memory.own:
        note = _away_text(tlvs)
        yield from memory.seen(side, memory.own, "away" if note else "online", note)


def profile(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """02/06: what the server has of somebody: user info, then profile and away text."""
    user = snac.user_info()
    yield from addresses(memory, side, user)
    note = _away_text(snac.tlvs())
    if user.name and note:
        yield from memory.seen(side, user.name, status_of(user.tlvs), note)


def _away_text(tlvs: Tlvs) -> str | None:
    text = markup.decode_named(tlvs.get(AWAY_CHARSET), tlvs.get(AWAY_TEXT, b""))
    return markup.plain(text) or None


HANDLERS: dict[tuple[int, int], Callable[[Memory, Side, Snac], Iterable[Event]]] = {
    (0x01, 0x0F): own_info,
    (0x01, 0x1E): own_status,
    (0x02, 0x04): own_away,
    (0x02, 0x06): profile,
    (0x03, 0x0B): arrived,
    (0x03, 0x0C): departed,
}
