"""A direct connection between two MSN clients (MSNP9 to 21), agreed on in MSNSLP; it carries what a switchboard would.

Each frame is a little-endian length:4 and that many bytes. Who connects says `foo`, both show the nonce they agreed on,
then come packets as in `p2p`, without a footer:

    04 00 00 00 "foo" 00     30 00 00 00 + header with flag 0x100 and nonce     (version 2: 10 00 00 00 + nonce)
    xx xx 00 00 packet ...   00 00 00 00 keeps the connection alive

A packet's own lengths must add up to the frame's: nothing else is taken for one.
References: https://wiki.nina.chat/wiki/Protocols/MSNP/MSNC/Transports
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from imsniff.base.events import Event, Expect, Side, Trait
from imsniff.base.limits import MAX_P2P_ANNOUNCED, MAX_P2P_FRAME
from imsniff.dissect.core import CappedTable, Dissector, Inbox
from imsniff.dissect.cursor import Cursor, Malformed, TooLarge
from imsniff.dissect.msn.p2p import NOTHING, V1_HANDSHAKE, V1_HEADER, V1_KNOWN, V2_TYPES, Packet, Peers, packet

FOO = b"foo\x00"
NONCE = 16
LENGTH = 4
HEAD = LENGTH + V1_HEADER
SIGNALS = (b"INVITE MSNMSGR:", b"MSNSLP/1.", b"BYE MSNMSGR:", b"ACK MSNMSGR:")
_NO_SESSION = bytes(24)
_HANDSHAKE = V1_HANDSHAKE.to_bytes(4, "little")


class Msnp2p(Dissector[Packet]):
    """A frame is a parsed packet; greetings and nonces are consumed while cutting."""

    name = "msnp2p"
    marks = re.compile(
        rb"\x04\x00\x00\x00foo\x00|[\x10-\xff][\x00-\x40]\x00\x00|[\x00-\x0f][\x01-\x40]\x00\x00", re.DOTALL
    )

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._peers = Peers(expected)
        self._greeted = False
        self._told = False
        self._signals = 0
        self._sessions: CappedTable[int, int] = CappedTable(16)
        """Data packets by session."""

    @property
    def confirmed(self) -> bool:
        """A greeting, signalling, or data that goes on in one session. Zeros add up too, and are no proof."""
        enough = 2 if self.expected is None else 1
        return self._greeted or self._signals > 0 or max(self._sessions.values(), default=0) >= enough

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Packet]:
        while len(box) >= LENGTH:
            size = int.from_bytes(box.data[:LENGTH], "little")
            if size > MAX_P2P_FRAME:
                if size <= MAX_P2P_ANNOUNCED and len(box) < HEAD:
                    return
                self._check_large(bytes(box.data[:HEAD]), size)
                raise TooLarge(f"frame of {size} bytes", LENGTH + size)
            if len(box) < LENGTH + size:
                return
            frame = self._cut(bytes(box.data[LENGTH : LENGTH + size]))
            box.drop(LENGTH + size)
            yield frame

    def _check_large(self, head: bytes, size: int) -> None:
        """Raises Malformed where the head of a frame that is too large does not add up, else counts it as data."""
        if size > MAX_P2P_ANNOUNCED or not (_is_v1(Cursor(head), size) or _is_v2(Cursor(head), size)):
            raise Malformed(f"frame of {size} bytes")
        session = int.from_bytes(head[LENGTH : LENGTH + 4], "little")
        self._sessions[session] = self._sessions.get(session, 0) + 1

    def _cut(self, data: bytes) -> Packet:
        if data == FOO:
            self._greeted = True
            return NOTHING
        if not data:
            return NOTHING
        got = packet(data, footer=0)
        if got is None:
            if len(data) == NONCE:
                return NOTHING
            raise Malformed(f"packet of {len(data)} bytes does not add up")
        if data[:4] + data[8:28] == _NO_SESSION and data[28:32] == _HANDSHAKE:
            self._greeted = True
        elif got.session:
            self._sessions[got.session] = self._sessions.get(got.session, 0) + 1
        else:
            self._signals += got.data.startswith(SIGNALS)
        return got

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        there = len(data) - at
        if there < LENGTH:
            return None
        size = int.from_bytes(data[at : at + LENGTH], "little")
        if size == len(FOO):
            return data.startswith(FOO, at + LENGTH) or (None if there < LENGTH + len(FOO) else False)
        if not NONCE <= size <= MAX_P2P_ANNOUNCED:
            return False
        if there < HEAD:
            return None
        return _is_v1(Cursor(bytes(data[at : at + HEAD])), size) or _is_v2(Cursor(bytes(data[at : at + HEAD])), size)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Packet) -> Iterator[Event]:
        if not self._told and self.confirmed:
            self._told = True
            yield Trait(side=side, service="msn")
        yield from self._peers.packet(side, frame, keep=self.keep)


def _is_v1(cursor: Cursor, size: int) -> bool:
    cursor.skip(LENGTH + 8)
    at, total, length, flags = cursor.le64(), cursor.le64(), cursor.le32(), cursor.le32()
    return length == size - V1_HEADER and at + length <= total and not flags & ~V1_KNOWN


def _is_v2(cursor: Cursor, size: int) -> bool:
    cursor.skip(LENGTH)
    head, operation, length = cursor.u8(), cursor.u8(), cursor.u16()
    if head < 8 or head % 4 or head > 44 or operation > 3 or length != size - head or length < 8:
        return False
    cursor.skip(head - 4)
    inner, kind = cursor.u8(), cursor.u8()
    return inner in (8, 20) and kind >> 1 <= V2_TYPES
