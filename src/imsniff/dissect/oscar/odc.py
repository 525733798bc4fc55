"""ODC, AIM's direct connection for messages and pictures (version 2). A frame, big-endian, 76 bytes or more:

    "ODC2" | length:2 | type:2 (1) | subtype:2 (6) | 0:2 | cookie:8 | 0:8 | payload length:4 | character set:2 | 0:4 |
    flags:2 (1 answered by machine, 2 typing ..., 0x60 greeting) | 0:4 | account of the sender:32 || payload

The payload is AIM's HTML; pictures in it are named with `<IMG SRC=... DATASIZE=...>` and follow the text inside
`<BINARY>`. Payloads go up to many megabytes, so only their beginning is kept.

References: libpurple protocols/oscar/{odc.c,peer.h}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from imsniff.base.events import Anomaly, Event, Expect, Message, Side, Trait, Transfer, TransferState
from imsniff.base.limits import MAX_DIRECT_IM_KEPT, MAX_FOREIGN_FRAMES
from imsniff.dissect.core import Dissector, Inbox
from imsniff.dissect.cursor import Cursor, Malformed, TooLarge, decimal
from imsniff.dissect.oscar import aolpeer
from imsniff.dissect.oscar import markup as aimtext
from imsniff.dissect.oscar.markup import name_of

HEADER = 76
LARGEST_HEADER = 512
LARGEST_PAYLOAD = 64 * 1024 * 1024
"""What libpurple takes is 50 MB; more is `odc.too-large` and passed over."""
LARGEST_ANNOUNCED = 1 << 30
"""What is believed: a gigabyte of pictures; more is no length."""
FLAG_TYPING = 0x0002
_MAGIC = re.compile(rb"ODC2")
_BINARY = re.compile(rb"<binary>", re.IGNORECASE)
_PICTURE = re.compile(r"<img\s([^<>]{1,1024})>", re.IGNORECASE)
_SOURCE = re.compile(r"\bsrc\s*=\s*\"?([^\"<>]{1,255})\"", re.IGNORECASE)
_SIZE = re.compile(r"\bdatasize\s*=\s*\"?(\d{1,10})", re.IGNORECASE)


class Frame(NamedTuple):
    charset: int
    flags: int
    sender: str
    size: int
    payload: bytes
    """Its beginning, where it is larger than what is kept."""


class IncomingPayload:
    """A payload on its way, one for each side."""

    __slots__ = ("frame", "kept", "left", "room")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.left = frame.size
        self.kept = bytearray()
        self.room = MAX_DIRECT_IM_KEPT
        """Bytes still kept; none after a hole."""

    def add(self, piece: bytes) -> None:
        self.left -= len(piece)
        self.kept += piece[: self.room]
        self.room = max(0, self.room - len(piece))

    def done(self) -> Frame:
        return self.frame._replace(payload=bytes(self.kept))


class Odc(Dissector[Frame]):
    name = "odc"
    marks = _MAGIC
    mark_size = 4

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._incoming: dict[Side, IncomingPayload] = {}
        self._names: dict[Side, str] = {}
        self._foreign = 0
        self._patience = MAX_FOREIGN_FRAMES if midstream else 0
        """Broken frames that may come before a sound one: none where the beginning was seen."""

    @property
    def given_up(self) -> bool:
        return super().given_up or (not self.good and self._foreign > self._patience)

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Frame]:
        while box:
            incoming = self._incoming.get(side)
            if incoming is None:
                if aolpeer.skip_relay(box) or not box or (frame := self._header(box)) is None:
                    return
                incoming = self._incoming[side] = IncomingPayload(frame)
            incoming.add(box.take(min(incoming.left, len(box))) or b"")
            if incoming.left:
                return
            del self._incoming[side]
            yield incoming.done()

    def _header(self, box: Inbox) -> Frame | None:
        begins = _begins(box.data, 0)
        if begins is None:
            return None
        if not begins:
            self._foreign += 1
            raise Malformed("no ODC header")
        data = box.take(int.from_bytes(box.data[4:6], "big"))
        if data is None:
            return None
        cursor = Cursor(data, 28)
        size, charset = cursor.u32(), cursor.u16()
        cursor.skip(4)
        flags = cursor.u16()
        cursor.skip(4)
        if size > LARGEST_ANNOUNCED:
            raise Malformed(f"ODC payload of {size} bytes")
        if size > LARGEST_PAYLOAD:
            self.good += 1  # its head proves what it is
            raise TooLarge(f"ODC payload of {size} bytes", size)
        return Frame(charset, flags, name_of(cursor.take(32)), size, b"")

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        return _begins(data, at)

    def restart(self, side: Side) -> None:
        self._incoming.pop(side, None)

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        """Within a payload the framing holds; the text is reported up to the hole."""
        incoming = self._incoming.get(side)
        if incoming is None or missing > incoming.left:
            yield from super().gap(side, missing)
            return
        incoming.left -= missing
        incoming.room = 0
        yield Anomaly(side=side, code="stream.gap", detail=f"{missing} bytes not captured")
        if not incoming.left:
            del self._incoming[side]
            yield from self._judge(side, incoming.done())

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Frame) -> Iterator[Event]:
        if frame.sender and side not in self._names:
            self._names[side] = frame.sender
            yield Trait(side=side, service="icq" if frame.sender.isdigit() else "aim")
        if not frame.payload:
            return
        sender, recipient = frame.sender or self._party(side), self._party(side.other)
        binary = _BINARY.search(frame.payload)
        marked_up = aimtext.decode(frame.charset, frame.payload[: binary.start()] if binary else frame.payload)
        text = aimtext.plain(marked_up)
        if text:
            yield Message(side=side, sender=sender, recipient=recipient, text=text)
        for tag in _PICTURE.finditer(marked_up):
            source, size = _SOURCE.search(tag[1]), _SIZE.search(tag[1])
            if source and size and binary:
                yield Transfer(
                    side=side,
                    name=source[1],
                    size=decimal(size[1], 0xFFFF_FFFF),
                    sender=sender,
                    recipient=recipient,
                    state=TransferState.COMPLETED,
                    media="image",
                )

    def _party(self, side: Side) -> str | None:
        """The account at one end: as it names itself, else whichever of the announced two the other end is not."""
        if side in self._names:
            return self._names[side]
        other = self._names.get(side.other)
        if self.expected is None or other is None:
            return None
        both = (self.expected.sender, self.expected.recipient)
        return next((name for name in both if name is not None and name.casefold() != other.casefold()), None)


def _begins(data: bytes | bytearray, at: int) -> bool | None:
    """Whether a frame begins at `data[at:]`; None while too little is there to say."""
    start = bytes(data[at : at + 8])
    if not b"ODC2".startswith(start[:4]):
        return False
    if len(start) < 8:
        return None
    return HEADER <= int.from_bytes(start[4:6], "big") <= LARGEST_HEADER and start[6:8] in (b"\0\1", b"\0\0")
