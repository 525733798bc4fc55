"""MSN's peer-to-peer layer: packets of MSNSLP texts and file data, in a MSG, a datagram, or a direct connection.

Version 1 (MSNP9 to 15), little-endian, 48 bytes, then the data, then in a MSG 4 bytes naming the application:

    session:4 | id:4 | offset:8 | total:8 | length:4 | flags:4 | acked id:4 | acked unique id:4 | acked total:8

Version 2 (MSNP16 to 21), big-endian, both headers padded to 4 bytes, lists of type:1 length:1 value:

    header length:1 | operation:1 | length:2 | sequence:4 | TLVs       then, inside the length:
    header length:1 | type and first:1 | package:2 | session:4 | TLVs (1: bytes that remain:8) | data

Session 0 is signalling. Which version a packet has shows in its lengths: only one of them adds up.
References: https://wiki.nina.chat/wiki/Protocols/MSNP/MSNC/Binary_Headers and .../P2Pv2_Headers
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from imsniff.base.events import Event, Expect, Side, TransferState
from imsniff.base.limits import MAX_MSNSLP
from imsniff.dissect.core import CappedTable
from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.file_bytes import FileBytes
from imsniff.dissect.msn.msnslp import Offer, Signals

V1_HEADER = 48
V1_CONTROL = 0x1CE
"""Flags of packets that carry no data of a session: 2 ack, 4 and 8 errors, 0x40 closed, 0x80 error, 0x100 handshake."""
V1_FILE = 0x10
V1_KNOWN = 0x0100_01FF
"""And 1 out of order, 0x20 object, 0x1000000 *knows version 2*. Anything else is no packet of ours."""
V1_HANDSHAKE = 0x100
V2_FILE = 3
"""Type of file data, behind the lowest bit, which says *first*."""
V2_TYPES = 3
FOOTER = 4


class Packet(NamedTuple):
    session: int
    stream: int
    """Which message or transfer a piece belongs to."""
    at: int | None
    """Where in it the piece begins, in bytes; None in version 2, which tells only what remains."""
    remaining: int
    """Bytes that come after this piece."""
    is_first: bool
    is_file: bool
    data: bytes


NOTHING = Packet(0, 0, 0, 0, False, False, b"")
"""An acknowledgement, or another packet without data of a session."""


def _v1(data: bytes, footer: int) -> Packet | None:
    if len(data) < V1_HEADER:
        return None
    cursor = Cursor(data)
    session, stream, at, total = cursor.le32(), cursor.le32(), cursor.le64(), cursor.le64()
    length, flags = cursor.le32(), cursor.le32()
    # libpurple leaves the footer out of acknowledgements
    if len(data) - V1_HEADER not in (length, length + footer) or flags & ~V1_KNOWN:
        return None
    if not length or flags & V1_CONTROL:
        return NOTHING
    if at + length > total:
        return None
    piece = data[V1_HEADER : V1_HEADER + length]
    return Packet(session, stream, at, total - at - length, at == 0, bool(flags & V1_FILE), piece)


def _remaining(cursor: Cursor) -> int:
    """The value of TLV 1 of a data header; zero bytes pad."""
    while cursor.left > 1:
        kind, size = cursor.u8(), cursor.u8()
        if kind == 0:
            break
        if kind == 1 and size == 8:
            return cursor.u64()
        cursor.skip(size)
    return 0


def _v2(data: bytes, footer: int) -> Packet | None:
    if len(data) < 8:
        return None
    cursor = Cursor(data)
    head, operation, length = cursor.u8(), cursor.u8(), cursor.u16()
    if head < 8 or head % 4 or operation > 3 or len(data) - head not in (length, length + footer):
        return None
    if not length:
        return NOTHING
    cursor = Cursor(data, head, head + length)
    inner = cursor.u8()
    if inner < 8 or inner % 4 or inner > length:
        return None
    kind, package, session = cursor.u8(), cursor.u16(), cursor.u32()
    if kind >> 1 > V2_TYPES:
        return None
    try:
        remaining = _remaining(cursor.sub(inner - 8))
    except Malformed:
        return None
    return Packet(session, package, None, remaining, bool(kind & 1), kind >> 1 == V2_FILE, cursor.rest())


def packet(data: bytes, footer: int = FOOTER) -> Packet | None:
    """A packet of either version; None where the lengths of neither add up. `footer`: bytes behind the data."""
    return _v1(data, footer) or _v2(data, footer)


class _Pieces:
    """A text or a file in pieces: what is missing is seen from what each piece says of itself."""

    __slots__ = ("file", "got", "left", "text", "whole")

    def __init__(self) -> None:
        self.got = 0
        """Where the next piece should begin, in bytes."""
        self.left = 0
        """Bytes that should still come, as the last piece said."""
        self.whole = True
        self.text = bytearray()
        self.file = FileBytes()

    def follows(self, piece: Packet) -> bool:
        """Whether nothing is missing between the last piece and this one."""
        if piece.at is not None:
            return piece.at == self.got
        return piece.is_first if self.got == 0 else len(piece.data) + piece.remaining == self.left

    def is_repeated(self, piece: Packet) -> bool:
        return piece.at is not None and piece.at + len(piece.data) <= self.got

    def passed(self, piece: Packet) -> None:
        self.got = (self.got if piece.at is None else piece.at) + len(piece.data)
        self.left = piece.remaining


class Peers:
    """The peer-to-peer conversation of one flow."""

    def __init__(self, expected: Expect | None = None) -> None:
        self.signals = Signals()
        self._expected = expected
        self._texts: CappedTable[tuple[str, int], _Pieces] = CappedTable(16)
        self._files: CappedTable[tuple[str, int], _Pieces] = CappedTable(32)

    def packet(self, side: Side, piece: Packet, talker: str | None = None, *, keep: int = 0) -> Iterator[Event]:
        """`talker` tells senders apart where several share a side, as in a switchboard. keep: bytes of a file kept."""
        who = talker or side
        if not piece.data:
            return
        if piece.session == 0:
            yield from self._text(side, (who, piece.stream), piece)
        elif piece.is_file or (piece.session in self.signals.sessions and any(piece.data)):
            # (the zeros are the message that prepares a transfer)
            yield from self._file(side, (who, piece.session), piece, keep)

    def _text(self, side: Side, key: tuple[str, int], piece: Packet) -> Iterator[Event]:
        if piece.is_first or key not in self._texts:
            self._texts[key] = _Pieces()
        text = self._texts[key]
        if not text.follows(piece) or len(text.text) + len(piece.data) > MAX_MSNSLP:
            del self._texts[key]
            return
        text.passed(piece)
        text.text += piece.data
        if not piece.remaining:
            del self._texts[key]
            yield from self.signals.text(side, bytes(text.text))

    def _file(self, side: Side, key: tuple[str, int], piece: Packet, keep: int) -> Iterator[Event]:
        file = self._files.get(key)
        if file is None:
            file = self._files[key] = _Pieces()
        if file.is_repeated(piece):
            return
        file.whole = file.whole and file.follows(piece)
        file.passed(piece)
        if file.whole:
            file.file.add(piece.data, keep)
        if piece.remaining:
            return
        del self._files[key]
        offer = self._offer(piece.session, file)
        seen = file.file if file.whole and offer.size in (None, file.got) else None
        yield from offer.told(side, TransferState.COMPLETED, f"session {piece.session}", seen)

    def _offer(self, session: int, file: _Pieces) -> Offer:
        """What the file was called, here or in the flow that announced this one; nameless where neither was seen."""
        offer = self.signals.sessions.get(session)
        if offer is None:
            said, size = self._expected, file.got if file.whole else None
            if said is not None and said.name is not None:
                offer = Offer("", session, said.name, said.size or size, said.sender, said.recipient)
            else:
                offer = Offer("", session, "", size, None, None)
            self.signals.sessions[session] = offer
        return offer
