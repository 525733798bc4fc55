"""HTTP/1 messages, for the carriers that travel in them.

    request  = method SP target SP "HTTP/1." digit CRLF *(name ":" value CRLF) CRLF [body]
    response = "HTTP/1." digit SP status SP reason CRLF *(name ":" value CRLF) CRLF [body]
    body     = Content-Length bytes, or chunks (hex-size CRLF bytes CRLF ... "0" CRLF CRLF), or all until the end

An incremental reader of our own: h11 and httptools refuse a connection that was met mid-stream or of which one
direction is missing, and captures have both. A body is kept up to MAX_HTTP_BODY; what is behind that is passed over by
its length.

References: RFC 9112; RFC 9110 \xa78.4 (content codings).
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from imsniff.base.events import Event, Expect, Side
from imsniff.base.limits import LOOKAHEAD, MAX_HEADERS, MAX_HTTP_BODY, MAX_HTTP_HEAD, MAX_PIPELINED
from imsniff.carriers.core import Carrier
from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed

_REQUEST = re.compile(r"([A-Z]{3,12}) ([!-~]{1,8000}) HTTP/1\.[01]")
_STATUS = re.compile(r"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |\Z)")
_START = re.compile(rb"(?:(?:GET|POST|PUT|HEAD|OPTIONS|CONNECT|DELETE) [!-~]|HTTP/1\.[01] [1-5][0-9][0-9])")
_END = re.compile(rb"\r?\n\r?\n")
_NO_BODY = frozenset({204, 304})


class HttpMessage(NamedTuple):
    """One request or response, whole. `method` and `target` are empty in a response, `status` is 0 in a request."""

    method: str
    target: str
    status: int
    headers: dict[str, str]
    """Names in lower case; of repeated ones the first value."""
    body: bytes
    """Without its transfer and content coding; at most MAX_HTTP_BODY."""

    def says(self, header: str, word: str) -> bool:
        """Whether a comma-separated header has a word, in any case."""
        return word in (each.strip().lower() for each in self.headers.get(header, "").split(","))


class _Mode(Enum):
    """What comes next of a message whose head was read."""

    LENGTH = "length"
    CHUNK_SIZE = "chunk size"
    CHUNK = "chunk"
    CHUNK_END = "chunk end"
    TRAILER = "trailer"
    UNTIL_END = "until the end"


class _Incoming:
    """A message whose body is under way."""

    __slots__ = ("body", "left", "message", "mode")

    def __init__(self, message: HttpMessage, mode: _Mode, left: int) -> None:
        self.message = message
        self.mode = mode
        self.left = left
        self.body = bytearray()

    def add(self, data: bytes) -> None:
        self.body += data[: max(0, MAX_HTTP_BODY - len(self.body))]

    def whole(self) -> HttpMessage:
        return self.message._replace(body=_without_coding(bytes(self.body), self.message.headers))


class HttpReader:
    """Cuts both sides of one connection into messages."""

    def __init__(self) -> None:
        self._incoming: dict[Side, _Incoming] = {}
        self._asked: deque[str] = deque(maxlen=MAX_PIPELINED)
        """Methods whose response has not come."""

    def cut(self, side: Side, box: Inbox) -> HttpMessage | None:
        """The next whole message, taken from the front of the bytes; None while it is not all there."""
        while len(box):
            incoming = self._incoming.get(side)
            if incoming is None:
                incoming = self._head(box)
                if incoming is None:
                    return None
                self._incoming[side] = incoming
            if self._body(incoming, box):
                del self._incoming[side]
                return incoming.whole()
            if incoming.mode is not _Mode.UNTIL_END and not self._goes_on(incoming, box):
                return None
        return None

    def rest(self, side: Side) -> HttpMessage | None:
        """At the end of the flow: a message whose body ends with it."""
        incoming = self._incoming.pop(side, None)
        return incoming.whole() if incoming is not None and incoming.mode is _Mode.UNTIL_END else None

    def restart(self, side: Side) -> None:
        self._incoming.pop(side, None)

    # --- inside -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _goes_on(incoming: _Incoming, box: Inbox) -> bool:
        """Whether the bytes at hand may hold more of the message."""
        return incoming.mode in (_Mode.CHUNK_SIZE, _Mode.TRAILER, _Mode.CHUNK_END, _Mode.CHUNK) and b"\n" in box.data

    def _head(self, box: Inbox) -> _Incoming | None:
        skipped = len(box.data) - len(box.data.lstrip(b"\r\n"))
        if skipped:
            box.drop(skipped)
        end = _END.search(box.data, 0, MAX_HTTP_HEAD)
        if end is None:
            if len(box) >= MAX_HTTP_HEAD:
                raise Malformed(f"no end of the head in {MAX_HTTP_HEAD} bytes")
            if len(box) >= 16 and not _START.match(box.data):
                raise Malformed("no start of an HTTP message")
            return None
        message = parse_head(bytes(box.data[: end.start()]))
        box.drop(end.end())
        return _Incoming(message, *self._framing(message))

    def _framing(self, message: HttpMessage) -> tuple[_Mode, int]:
        """RFC 9112 \xa76.3."""
        asked = ""
        if message.method:
            self._asked.append(message.method)
        elif message.status >= 200 and self._asked:
            asked = self._asked.popleft()
        if message.status and (message.status < 200 or message.status in _NO_BODY or asked == "HEAD"):
            return _Mode.LENGTH, 0
        if message.says("transfer-encoding", "chunked"):
            return _Mode.CHUNK_SIZE, 0
        length = message.headers.get("content-length")
        if length is not None:
            if not (length.isascii() and length.isdigit() and len(length) < 16):
                raise Malformed("a Content-Length that is no number")
            return _Mode.LENGTH, int(length)
        return (_Mode.UNTIL_END, 0) if message.status else (_Mode.LENGTH, 0)

    @staticmethod
    def _body(incoming: _Incoming, box: Inbox) -> bool:
        """Take what is there of the body; whether it is complete."""
        while True:
            match incoming.mode:
                case _Mode.LENGTH | _Mode.CHUNK:
                    taken = box.take(min(incoming.left, len(box))) or b""
                    incoming.add(taken)
                    incoming.left -= len(taken)
                    if incoming.left:
                        return False
                    if incoming.mode is _Mode.LENGTH:
                        return True
                    incoming.mode = _Mode.CHUNK_END
                case _Mode.CHUNK_END | _Mode.CHUNK_SIZE | _Mode.TRAILER:
                    line = box.line(MAX_HTTP_HEAD)
                    if line is None:
                        return False
                    if incoming.mode is _Mode.CHUNK_SIZE:
                        incoming.left = _chunk_size(line)
                        incoming.mode = _Mode.CHUNK if incoming.left else _Mode.TRAILER
                    elif incoming.mode is _Mode.CHUNK_END:
                        incoming.mode = _Mode.CHUNK_SIZE
                    elif not line:
                        return True
                case _Mode.UNTIL_END:
                    incoming.add(box.take(len(box)) or b"")
                    return False


def parse_head(head: bytes) -> HttpMessage:
    """The start line and the headers. Raises Malformed."""
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n", MAX_HEADERS)
    headers: dict[str, str] = {}
    for line in lines[1:MAX_HEADERS]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    if (request := _REQUEST.fullmatch(lines[0])) is not None:
        return HttpMessage(request[1], request[2], 0, headers, b"")
    if (status := _STATUS.match(lines[0])) is not None:
        return HttpMessage("", "", int(status[1]), headers, b"")
    raise Malformed("no start line of HTTP/1")


def plausible_start(data: bytearray, at: int) -> bool | None:
    """Whether an HTTP message begins here: a whole start line, and none that is cut."""
    line, newline, _ = bytes(data[at : at + LOOKAHEAD]).partition(b"\n")
    if not newline:
        return None
    try:
        parse_head(line.rstrip(b"\r"))
    except Malformed:
        return False
    return True


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        raise Malformed("a chunk without its size")
    return int(digits, 16)


def _without_coding(body: bytes, headers: dict[str, str]) -> bytes:
    """The body as it was before gzip or deflate, at most MAX_HTTP_BODY; unchanged in any other coding."""
    coding = headers.get("content-encoding", "").lower()
    if coding not in ("gzip", "x-gzip", "deflate"):
        return body
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # with a header, or raw deflate
        try:
            return zlib.decompressobj(window).decompress(body, MAX_HTTP_BODY)
        except zlib.error:
            continue
    return body


class HttpCarrier(Carrier[HttpMessage]):
    """Base of carriers whose conversations travel in the bodies of requests and responses."""

    single = False
    max_frame = MAX_HTTP_HEAD + MAX_HTTP_BODY
    marks = _START
    mark_size = 16

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._reader = HttpReader()

    def frames(self, side: Side, box: Inbox) -> Iterator[HttpMessage]:
        while (message := self._reader.cut(side, box)) is not None:
            yield message

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        return plausible_start(data, at)

    def restart(self, side: Side) -> None:
        self._reader.restart(side)

    def on_end(self) -> Iterator[Event]:
        for side in Side:
            message = self._reader.rest(side)
            if message is not None:
                yield from self._judge(side, message)
