"""OFT, AIM's and ICQ's file transfer between two clients (versions 2 and 3). A header, big-endian, 256 bytes or more:

    "OFT2" | length:2 | type:2 | cookie:8 | encryption:2 | compression:2 | files:2 | files left:2 | parts:2 |
    parts left:2 | bytes of all files:4 | bytes of this one:4 | its time:4 | checksum:4 | resource fork:16 |
    received:4 | checksum of that:4 | "Cool FileXfer":32 | flags:1 | two offsets:2 | unused:69 | Mac file info:16 |
    encoding of the name:2 | its language:2 | name, 64 bytes or more, NUL at the end

The sender prompts (0x0101), the receiver acknowledges (0x0202), then the sender's next bytes are the file, as they are;
at its end the receiver says done (0x0204), and the next file may follow. To resume, the receiver answers 0x0205 with
what it has, the sender agrees with 0x0106, which tells from where, and the receiver confirms with 0x0207.

References: libpurple protocols/oscar/{oft.c,peer.h}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from imsniff.base.events import Anomaly, Event, Expect, Side, Transfer, TransferState
from imsniff.base.limits import MAX_FOREIGN_FRAMES, MAX_NAME
from imsniff.dissect.core import CappedTable, Dissector, Inbox
from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.file_bytes import FileBytes, facts
from imsniff.dissect.oscar import aolpeer
from imsniff.dissect.oscar.markup import decode, loose

NAME_AT = 192
SMALLEST, LARGEST = NAME_AT + 1, 0x1000
"""Bytes of a header. A name of more than 3900 bytes fits no file system."""
_MAGIC = re.compile(rb"OFT[23]")
_HEADER_START = 8
"""Bytes that tell a header from a file's data."""


class Kind(IntEnum):
    PROMPT = 0x0101
    RESUME_ACCEPT = 0x0106
    ACK = 0x0202
    DONE = 0x0204
    RESUME = 0x0205
    RESUME_ACK = 0x0207
    GET_LIST = 0x1108
    GET_ACK = 0x1109
    GET_DONE = 0x120A
    GET_FILE = 0x120B
    GET_FILE_ACK = 0x120C


_KINDS = frozenset(Kind)
_SENDER_WAITS = frozenset({Kind.PROMPT, Kind.RESUME_ACCEPT})
"""After these the file follows on the same side, unless another header does."""


class Header(NamedTuple):
    kind: int
    coded: bool
    """Encrypted or compressed: the bytes on the wire are not the file's."""
    size: int
    received: int
    name: str


class Data(NamedTuple):
    """A piece of the file, wherever the segments cut it."""

    piece: bytes


class IncomingFile:
    """A file on its way, one for each side."""

    __slots__ = ("bytes", "header", "left", "untouched")

    def __init__(self, header: Header) -> None:
        self.header = header
        begun = header.received if header.kind == Kind.RESUME_ACCEPT else 0
        self.left = max(0, header.size - begun)
        self.bytes = FileBytes(begun)
        self.untouched = True


class Oft(Dissector[Header | Data]):
    name = "oft"
    marks = _MAGIC
    mark_size = 4

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._incoming: dict[Side, IncomingFile] = {}
        self._told: CappedTable[tuple[str, TransferState], None] = CappedTable()
        self._headers = 0
        self._foreign = 0
        self._patience = MAX_FOREIGN_FRAMES if midstream else 0
        """Broken frames that may come before a sound one: none where the beginning was seen."""

    @property
    def confirmed(self) -> bool:
        return self._headers > 0

    @property
    def given_up(self) -> bool:
        return super().given_up or (not self._headers and self._foreign > self._patience)

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Header | Data]:
        while box:
            file = self._incoming.get(side)
            if file is not None and file.left:
                is_header = _begins_header(box.data) if file.untouched else False
                if is_header is None:
                    if len(box) < file.left:
                        return
                    is_header = False
                if not is_header:
                    piece = box.take(min(file.left, len(box))) or b""
                    file.left -= len(piece)
                    file.untouched = False
                    yield Data(piece)
                    continue
                del self._incoming[side]
            if aolpeer.skip_relay(box) or not box:
                return
            header = self._header(box)
            if header is None:
                return
            self._headers += 1
            if header.kind in _SENDER_WAITS:
                self._incoming[side] = IncomingFile(header)
            yield header

    def _header(self, box: Inbox) -> Header | None:
        begins = _begins_header(box.data)
        if begins is None:
            return None
        if not begins:
            self._foreign += 1
            raise Malformed("no OFT header")
        data = box.take(int.from_bytes(box.data[4:6], "big"))
        return None if data is None else _read(data)

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        return _begins_header(data[at : at + _HEADER_START])

    def restart(self, side: Side) -> None:
        self._incoming.pop(side, None)

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        """Within a file the framing holds: the header told how much is to come."""
        file = self._incoming.get(side)
        if file is None or missing > file.left or side in self._lost:
            yield from super().gap(side, missing)
            return
        self._inbox[side].clear()
        file.left -= missing
        file.bytes.miss(missing)
        file.untouched = False
        yield Anomaly(side=side, code="stream.gap", detail=f"{missing} bytes not captured")
        if not file.left:
            yield from self._complete(side, file)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Header | Data) -> Iterator[Event]:
        if isinstance(frame, Data):
            file = self._incoming.get(side)
            if file is not None:
                file.bytes.add(frame.piece, self.keep)
                if not file.left:
                    yield from self._complete(side, file)
            return
        state = STATES.get(frame.kind)
        if state is TransferState.COMPLETED and 0 < frame.received < frame.size:
            state = TransferState.CANCELLED  # the receiver stopped
        if state is not None and frame.name:
            yield from self._tell(side, frame, state, None)

    def _complete(self, side: Side, file: IncomingFile) -> Iterator[Event]:
        del self._incoming[side]
        seen = None if file.header.coded else file.bytes
        yield from self._tell(side, file.header, TransferState.COMPLETED, seen)

    def _tell(self, side: Side, header: Header, state: TransferState, seen: FileBytes | None) -> Iterator[Event]:
        """Once for each file and state: both ends say that it is done."""
        if (header.name, state) in self._told:
            return
        self._told[header.name, state] = None
        yield Transfer(
            side=side,
            name=header.name,
            size=header.size,
            sender=self.expected.sender if self.expected else None,
            recipient=self.expected.recipient if self.expected else None,
            state=state,
            **facts(seen),
        )


STATES: dict[int, TransferState] = {
    Kind.PROMPT: TransferState.OFFERED,
    Kind.ACK: TransferState.ACCEPTED,
    Kind.RESUME_ACK: TransferState.ACCEPTED,
    Kind.DONE: TransferState.COMPLETED,
}


def _begins_header(data: bytes | bytearray) -> bool | None:
    """Whether a header begins here; None while too little is there to say."""
    start = bytes(data[:_HEADER_START])
    if not (b"OFT2".startswith(start[:4]) or b"OFT3".startswith(start[:4])):
        return False
    if len(start) < _HEADER_START:
        return None
    return SMALLEST <= int.from_bytes(start[4:6], "big") <= LARGEST and int.from_bytes(start[6:8], "big") in _KINDS


def _read(data: bytes) -> Header:
    cursor = Cursor(data, 6)
    kind = cursor.u16()
    cursor.skip(8)
    coded = bool(cursor.u16() | cursor.u16())
    cursor.skip(12)
    size = cursor.u32()
    cursor.skip(24)
    received = cursor.u32()
    cursor.skip(NAME_AT - 4 - cursor.at)
    encoding, _language = cursor.u16(), cursor.u16()
    written = cursor.rest()
    name = decode(2, written).partition("\0")[0] if encoding == 2 else loose(written.partition(b"\0")[0])
    return Header(kind, coded, size, received, name.replace("\x01", "/")[:MAX_NAME])
