"""XEP-0065 bytestreams: SOCKS5 without authentication, to a name that is a hash, then the bare bytes of a file.

    C: 05 01 00                                            one method: none
    S: 05 00
    C: 05 01 00 03 28 <40 hex digits of SHA-1> 00 00       CONNECT to SHA1(sid + requester + target), port 0
    S: 05 00 00 03 28 <the same> 00 00                     libpurple answers with its own address instead
    then the file, from whichever side offered it

The called side is a streamhost: the peer itself or a proxy, in which case both ends of the transfer call it. Name, size
and persons are in the XMPP stream that announced the flow; without it only the bytes are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from imsniff.base.events import Event, Expect, Side, Trait, Transfer, TransferState, excerpt
from imsniff.dissect.core import Dissector, Inbox
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.file_bytes import FileBytes, facts

VERSION = 5
NAME = 3
"""SOCKS5 address type: a domain name with its length before it."""
ADDRESSES = {1: 4, 4: 16}
"""Bytes of the other address types."""
HASH = re.compile(rb"[0-9a-fA-F]{40}")
MAX_GREETING = 2 + 255


class Step(Enum):
    """What one side says next."""

    HELLO = "hello"
    ADDRESS = "address"
    DATA = "data"


class Piece(Enum):
    HELLO = "hello"
    PROOF = "proof"
    """A request or reply that names a bytestream."""
    REPLY = "reply"
    """A reply with some other address."""
    REFUSED = "refused"
    DATA = "data"


Frame = tuple[Piece, bytes]


class Bytestream(Dissector[Frame]):
    name = "bytestream"
    protocol = "xmpp"
    max_frame = 1024
    marks = re.compile(rb"\x05[\x00\x01]\x00\x03\x28[0-9a-fA-F]{24}")

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._steps = dict.fromkeys(Side, Step.ADDRESS if midstream else Step.HELLO)
        self._proven = False
        self._file = FileBytes()
        """It follows a frame, so that its first byte is never in doubt."""
        self._sender: Side | None = None
        self._done = False

    @property
    def confirmed(self) -> bool:
        return self._proven

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Frame]:
        while box.data:
            step = self._steps[side]
            if step is Step.DATA:
                yield Piece.DATA, box.take(len(box)) or b""
                return
            size = (_hello if step is Step.HELLO else _address)(box.data)
            if size is None or (raw := box.take(size)) is None:
                return
            self._steps[side] = Step.ADDRESS if step is Step.HELLO else Step.DATA
            yield (Piece.HELLO if step is Step.HELLO else _meaning(raw)), raw

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        """Only a request or a reply shows itself; the bytes of a file look like anything."""
        window = bytes(data[at : at + 47])
        if len(window) < 47:
            return None
        return _is_bytestream(window)

    def restart(self, side: Side) -> None:
        self._steps[side] = Step.ADDRESS

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        """The bytes of a file have no framing that could be lost."""
        in_file = side not in self._lost and self._steps[side] is Step.DATA
        yield from super().gap(side, missing)
        if in_file:
            self._lost.discard(side)
            self._fresh.discard(side)
            self._steps[side] = Step.DATA
            self._sender = self._sender or side
            if side is self._sender:
                self._file.miss(missing)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Frame) -> Iterator[Event]:
        piece, raw = frame
        if piece is Piece.DATA:
            yield from self._data(side, raw)
        elif piece is Piece.REFUSED:
            self.opaque = True
        elif (piece is Piece.PROOF or (piece is Piece.REPLY and self.expected is not None)) and not self._proven:
            self._proven = True
            yield Trait(side=side, service="jabber", wire=excerpt(raw.hex(" ")))

    def _data(self, side: Side, data: bytes) -> Iterator[Event]:
        if self._sender is None:
            self._sender = side
        if side is not self._sender or self._done:
            return
        wanted = self.expected.size if self.expected is not None else None
        if wanted is not None:
            data = data[: max(0, wanted - self._file.size)]
        self._file.add(data, self.keep)
        if wanted is not None and self._file.size >= wanted:
            yield self._transfer(side, TransferState.COMPLETED)

    def on_end(self) -> Iterator[Event]:
        """Without an announced size the file is what came until the flow ended."""
        if self._sender is None or self._done or not self._proven:
            return
        wanted = self.expected.size if self.expected is not None else None
        complete = wanted is None or self._file.size >= wanted
        yield self._transfer(self._sender, TransferState.COMPLETED if complete else TransferState.CANCELLED)

    def _transfer(self, side: Side, state: TransferState) -> Transfer:
        self._done = True
        seen = self._file if state is TransferState.COMPLETED else None
        expected = self.expected
        return Transfer(
            side=side,
            name=(expected.name if expected is not None else None) or "",
            size=self._file.size if expected is None or expected.size is None else expected.size,
            sender=expected.sender if expected is not None else None,
            recipient=expected.recipient if expected is not None else None,
            state=state,
            **facts(seen, self._file.media),
        )


def _hello(data: bytearray) -> int | None:
    """Bytes of a greeting (version, methods) or of the answer to one (version, method); None: not all there."""
    if data[0] != VERSION:
        raise Malformed("not SOCKS5")
    if len(data) < 2:
        return None
    if data[1] in (0, 0xFF):
        return 2  # an answer: nobody greets with no method, or with so many
    size = 2 + data[1]
    if len(data) < size:
        return None
    if 0 not in data[2:size]:
        raise Malformed("a greeting that does not offer to go without authentication")
    return size


def _address(data: bytearray) -> int | None:
    """Bytes of a request or reply: version, command or answer, zero, address type, address, port."""
    if data[0] != VERSION or (len(data) > 2 and data[2] != 0):
        raise Malformed("not a SOCKS5 request or reply")
    if len(data) < 5:
        return None
    if data[3] == NAME:
        size = 5 + data[4] + 2
    elif data[3] in ADDRESSES:
        size = 4 + ADDRESSES[data[3]] + 2
    else:
        raise Malformed("an unknown SOCKS5 address type")
    return size if len(data) >= size else None


def _is_bytestream(raw: bytes) -> bool:
    return (
        raw[1] in (0, 1) and raw[3:5] == b"\x03\x28" and HASH.fullmatch(raw[5:45]) is not None and raw[45:47] == b"\0\0"
    )


def _meaning(raw: bytes) -> Piece:
    if _is_bytestream(raw):
        return Piece.PROOF
    return Piece.REFUSED if raw[1] else Piece.REPLY
