"""WebSocket: an HTTP request that switches protocols, then frames in both directions.

    GET /xmpp-websocket HTTP/1.1 ... Upgrade: websocket, Sec-WebSocket-Protocol: xmpp        HTTP/1.1 101 ...
    FIN:1 RSV:3 opcode:4 | MASK:1 length:7 [length:16 or 64] [mask:4] | payload (masked from the client)

    opcode 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong; RSV1: compressed (permessage-deflate)

The messages of a side, one behind the other, are the inner stream: XMPP elements, SIP messages and MSRP chunks frame
themselves; IRC has one line a message and may leave its end away, so it is put there. Compressed messages share one
window unless `no_context_takeover` was agreed; a message that expands beyond MAX_HTTP_BODY is cut.

References: RFC 6455, RFC 7692 (permessage-deflate), RFC 7395 (XMPP), RFC 7118 (SIP), RFC 7977 (MSRP); ircv3.net.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from imsniff.base.events import Anomaly, Event, Expect, InnerData, InnerEnd, InnerOpened, Side
from imsniff.base.limits import MAX_HTTP_BODY, MAX_WEBSOCKET_FRAGMENTS, MAX_WEBSOCKET_FRAME
from imsniff.carriers.core import Carrier
from imsniff.carriers.http import HttpMessage, HttpReader, plausible_start
from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_FLUSHED = b"\x00\x00\xff\xff"
"""What a compressed message leaves away at its end (RFC 7692 \xa77.2.1)."""


class Frame(NamedTuple):
    """One frame, unmasked."""

    final: bool
    compressed: bool
    opcode: int
    payload: bytes


class _Direction:
    """One side's fragments and its window."""

    def __init__(self, *, takeover: bool) -> None:
        self.takeover = takeover
        self.fragments: list[bytes] = []
        self.compressed = False
        self.dropped = False
        """Whether the message under way is too large."""
        self._window = zlib.decompressobj(-zlib.MAX_WBITS)

    def inflated(self, data: bytes) -> bytes:
        """Raises Malformed."""
        if not self.takeover:
            self._window = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            text = self._window.decompress(data + _FLUSHED, MAX_HTTP_BODY)
            if self._window.unconsumed_tail:
                raise Malformed("a compressed message that is too large")
        except zlib.error as why:
            self._window = zlib.decompressobj(-zlib.MAX_WBITS)
            raise Malformed(f"a compressed message: {why}") from None
        return text


class WebSocket(Carrier[HttpMessage | Frame]):
    """Frames after a switch of protocols."""

    name = "websocket"
    max_frame = MAX_WEBSOCKET_FRAME + 14
    marks = re.compile(rb"GET [!-~]|HTTP/1\.1 101")
    mark_size = 16

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._heads = HttpReader()
        self._switched: set[Side] = set()
        self._directions = {side: _Direction(takeover=True) for side in Side}
        self._lines = False
        """Whether messages are lines (IRC)."""
        self._told = False

    @property
    def confirmed(self) -> bool:
        return len(self._switched) > 0 and self.good > 0

    def frames(self, side: Side, box: Inbox) -> Iterator[HttpMessage | Frame]:
        while len(box):
            if side in self._switched:
                frame = _cut(box)
                if frame is None:
                    return
                yield frame
                continue
            message = self._heads.cut(side, box)
            if message is None:
                return
            if message.says("upgrade", "websocket") and (message.method or message.status == 101):
                self._switched.add(side)
                if side is Side.SERVER:
                    self._switched.add(Side.CLIENT)
            yield message

    def on_frame(self, side: Side, frame: HttpMessage | Frame) -> Iterator[Event]:
        if isinstance(frame, HttpMessage):
            yield from self._head(side, frame)
        elif frame.opcode == _CLOSE:
            yield InnerEnd(side=side)
        elif frame.opcode in (_TEXT, _BINARY, _CONTINUATION):
            yield from self._fragment(side, frame)

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        return plausible_start(data, at)

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        yield from super().gap(side, missing)
        self._directions[side].fragments.clear()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _head(self, side: Side, head: HttpMessage) -> Iterator[Event]:
        if side not in self._switched:
            return
        extensions = head.headers.get("sec-websocket-extensions", "").lower()
        if head.status and "permessage-deflate" in extensions:
            self._directions[Side.CLIENT].takeover = "client_no_context_takeover" not in extensions
            self._directions[Side.SERVER].takeover = "server_no_context_takeover" not in extensions
        self._lines = self._lines or "irc" in head.headers.get("sec-websocket-protocol", "").lower()
        if not self._told:
            self._told = True
            yield InnerOpened(side=Side.CLIENT, carrier=self.name)

    def _fragment(self, side: Side, frame: Frame) -> Iterator[Event]:
        direction = self._directions[side]
        if frame.opcode != _CONTINUATION:
            direction.fragments.clear()
            direction.compressed, direction.dropped = frame.compressed, False
        if direction.dropped:
            return
        if len(direction.fragments) >= MAX_WEBSOCKET_FRAGMENTS or (
            sum(map(len, direction.fragments)) + len(frame.payload) > MAX_HTTP_BODY
        ):
            direction.fragments.clear()
            direction.dropped = True
            yield Anomaly(side=side, code="websocket.too-large", detail="a message of too many fragments or bytes")
            return
        direction.fragments.append(frame.payload)
        if not frame.final:
            return
        data = b"".join(direction.fragments)
        direction.fragments.clear()
        if direction.compressed:
            data = direction.inflated(data)
        if self._lines and data and not data.endswith(b"\n"):
            data += b"\r\n"
        if data:
            yield InnerData(side=side, data=data)


def _cut(box: Inbox) -> Frame | None:
    """The frame at the front, taken; None while it is not all there. Raises Malformed."""
    data = box.data
    if len(data) < 2:
        return None
    opcode, length, masked, at = data[0] & 0x0F, data[1] & 0x7F, data[1] >> 7, 2
    if opcode not in (_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG) or data[0] & 0x30:
        raise Malformed(f"WebSocket opcode {opcode}")
    if length >= 126:
        at = 4 if length == 126 else 10
        if len(data) < at:
            return None
        length = int.from_bytes(data[2:at], "big")
    if length > MAX_WEBSOCKET_FRAME:
        raise Malformed(f"frame of {length} bytes")
    whole = box.take(at + 4 * masked + length)
    if whole is None:
        return None
    payload = whole[at + 4 * masked :]
    if masked and payload:
        mask = whole[at : at + 4]
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        payload = (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big")
    return Frame(bool(whole[0] & 0x80), bool(whole[0] & 0x40), opcode, payload)
