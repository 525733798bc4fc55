"""Cutting a SIP stream or datagram into messages; what they mean is `sip.py`'s business.

On a stream a message ends where its Content-Length says, in a datagram with the datagram. A message or header block
larger than our buffer is read by its head and passed over.

References: RFC 3261 sections 7 and 18.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from imsniff.base.events import Event, Expect, Side
from imsniff.base.limits import LOOKAHEAD, MAX_LINE, MAX_SIP_BODY, MAX_SIP_MESSAGE
from imsniff.dissect.core import Dissector, Inbox
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.sip.message import KNOWN, NO_START, Head, content_length, parse_head, start_line

_BLANK_LINE = re.compile(rb"\n\r?\n")
_IDLE = b"\r\n\0"
"""What keeps a connection alive between messages."""
STUN_COOKIE = b"\x21\x12\xa4\x42"

METHODS = (
    b"INVITE|ACK|BYE|CANCEL|REGISTER|OPTIONS|MESSAGE|SUBSCRIBE|NOTIFY|PUBLISH|INFO|REFER|UPDATE|PRACK|SERVICE|BENOTIFY"
)

_GLUED = re.compile(rb"(?!BENOTIFY )[A-Za-z0-9._-]{1,20}(?:" + METHODS + rb") ")
"""A body without a line end runs into the next message: the method begins later than the line."""


class SipMessage(Struct, frozen=True):
    head: Head
    body: bytes
    flaw: str
    """Code of what is wrong with the length, empty where nothing is."""


class Opened(Struct, frozen=True):
    """A head on a stream whose body is still coming."""

    head: Head
    body_at: int
    length: int | None
    """None: announced badly or not at all; the body ends where the next message begins."""
    flaw: str
    left_out: int = 0
    """Bytes of a body that is too large behind those that are kept."""


class SipFraming(Dissector[SipMessage]):
    """The framing of both transports."""

    max_frame = MAX_SIP_MESSAGE
    marks = re.compile(
        rb"SIP/2\.0 [1-6]\d\d[ \r\n]|(?:"
        + METHODS
        + rb") [A-Za-z]{2,5}:|(?<=\n)[A-Za-z0-9._-]{1,20} [Ss][Ii][Pp][Ss]?:"
    )

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._whole = False
        """Whether the bytes at hand are one datagram."""
        self._searched = dict.fromkeys(Side, 0)
        self._opened: dict[Side, Opened] = {}
        self._sane: set[Side] = set()
        """Sides whose waiting bytes begin with a valid start line."""
        self._endless: set[Side] = set()
        """Sides on which a header block goes on that is too large to be kept."""

    def datagram(self, side: Side, data: bytes) -> Iterable[Event]:
        if len(data) <= 4 or data[4:8] == STUN_COOKIE or data.isspace():
            return ()  # phones keep NAT open with a few bytes of anything, or with STUN
        self._whole = True
        return super().datagram(side, data)

    def frames(self, side: Side, box: Inbox) -> Iterator[SipMessage]:
        while box.data:
            if side in self._endless and not self._pass_over_head(side, box):
                return
            if box.data[0] in _IDLE:
                box.drop(len(box.data) - len(box.data.lstrip(_IDLE)))
                continue
            message = self._cut_whole(box) if self._whole else self._cut(side, box)
            if message is None:
                return
            yield message

    def _cut_whole(self, box: Inbox) -> SipMessage:
        """The message in a datagram. What follows its body is padding, unless another message begins there."""
        data = bytes(box.data)
        blank = _BLANK_LINE.search(data)
        end, body_at = blank.span() if blank else (len(data), len(data))
        head = parse_head(data[:end].decode("utf-8", "replace"))
        left = len(data) - body_at
        length, bad = content_length(head, MAX_SIP_MESSAGE)
        flaw = "" if blank else "sip.truncated"
        if bad or (length or 0) > left:
            flaw = flaw or "sip.content-length"
        taken = body_at + (left if length is None else min(left, length))
        rest = data[taken:].lstrip(_IDLE)
        box.drop(len(data) - len(rest) if rest and _is_message(rest) else len(data))
        return SipMessage(head, data[body_at:taken], flaw)

    def _cut(self, side: Side, box: Inbox) -> SipMessage | None:
        """The message at the start of a stream's bytes, once it is there."""
        opened = self._opened.get(side) or self._open(side, box)
        if opened is None:
            return None
        if opened.length is not None:
            end: int | None = opened.body_at + opened.length
        else:
            end = self._next_start(side, box, opened)
        if end is None or len(box.data) < end:
            self._opened[side] = opened
            return None
        body = bytes(box.data[opened.body_at : end])
        box.drop(end)
        self.restart(side)
        if opened.left_out:
            self.pass_over(side, box, opened.left_out)
        return SipMessage(opened.head, body, opened.flaw)

    def _open(self, side: Side, box: Inbox) -> Opened | None:
        data = box.data
        blank = _BLANK_LINE.search(data, self._searched[side])
        if blank is None or blank.end() > MAX_SIP_MESSAGE:
            self._check_start(side, data)
            self._searched[side] = max(0, len(data) - 2)
            return self._endless_head(side, data) if len(data) >= MAX_SIP_MESSAGE else None
        end, body_at = blank.span()
        if data.find(b"\n", 0, MAX_LINE) < 0:
            raise Malformed(NO_START)
        head = parse_head(data[:end].decode("utf-8", "replace"))
        length, bad = content_length(head, MAX_SIP_BODY)
        if length is None and not bad and "content-type" not in head.headers:
            length = 0  # RFC 3261 section 18.3 demands the length on a stream; without a type there will be no body
        if body_at + (length or 0) > MAX_SIP_MESSAGE:
            kept = max(0, MAX_SIP_MESSAGE - body_at)
            return Opened(head, body_at, kept, "sip.too-large", (length or 0) - kept)
        self._searched[side] = body_at
        return Opened(head, body_at, length, "sip.content-length" if length is None else "")

    def _endless_head(self, side: Side, data: bytearray) -> Opened:
        """A header block larger than our buffer: its first MAX_SIP_MESSAGE bytes are read, the rest is dropped up to
        the empty line that ends it, and the next message is looked for from there."""
        end = data.rfind(b"\n", 0, MAX_SIP_MESSAGE)
        head = parse_head(data[:end].decode("utf-8", "replace"))
        self._endless.add(side)
        return Opened(head, MAX_SIP_MESSAGE, 0, "sip.too-large")

    def _pass_over_head(self, side: Side, box: Inbox) -> bool:
        """Drop a header block that is too large, up to its end. Returns False while that has not come."""
        blank = _BLANK_LINE.search(box.data)
        if blank is None:
            box.drop(max(0, len(box.data) - 2))
            return False
        box.drop(blank.end())
        self._endless.discard(side)
        raise Malformed("the body of a message whose head was too large")  # its length is unknown

    def _check_start(self, side: Side, data: bytearray) -> None:
        """Bytes that cannot become a message are not waited with."""
        if side in self._sane:
            return
        newline = data.find(b"\n", 0, MAX_LINE)
        if newline >= 0:
            if start_line(_text(data[:newline]).rstrip()) is None:
                raise Malformed(NO_START)
            self._sane.add(side)
        elif len(data) >= MAX_LINE or not 32 < data[0] < 127:
            raise Malformed(NO_START)

    def _next_start(self, side: Side, box: Inbox, opened: Opened) -> int | None:
        """Where the next message begins, None while that is not known."""
        data, at = box.data, max(self._searched[side], opened.body_at)
        while (found := self.marks.search(data, at)) is not None:
            at = found.start()
            verdict = self.plausible(side, data, at)
            if verdict:
                return at
            if verdict is None and len(data) - at < LOOKAHEAD:
                self._searched[side] = at
                return None
            at += 1
        self._searched[side] = max(at, len(data) - self.mark_size)
        return None

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        """A start line, and after it a header that SIP messages have."""
        shown = bytes(data[at : at + LOOKAHEAD])
        line, newline, rest = shown.partition(b"\n")
        if not newline:
            return None if shown[:1].isalnum() else False
        if start_line(_text(line).rstrip()) is None or _GLUED.match(line):
            return False
        name, colon, _ = rest.partition(b":")
        if not colon:
            return None if len(rest) < 32 and b"\n" not in rest else False
        return _text(name).strip().lower() in KNOWN

    def restart(self, side: Side) -> None:
        self._searched[side] = 0
        if side in self._lost:
            self._endless.discard(side)
        self._opened.pop(side, None)
        self._sane.discard(side)

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        yield from self._cut_short(side)
        yield from super().gap(side, missing)

    def _cut_short(self, side: Side) -> Iterator[Event]:
        """A head without the whole of its body is still worth reading."""
        opened = self._opened.pop(side, None)
        if opened is not None:
            box = self._inbox[side]
            body = bytes(box.data[opened.body_at :])
            box.clear()
            self.restart(side)
            yield from self._judge(side, SipMessage(opened.head, body, opened.flaw or "sip.truncated"))


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace")


def _is_message(data: bytes) -> bool:
    """Whether a whole start line comes first."""
    first, newline, _ = data.partition(b"\n")
    return newline != b"" and start_line(_text(first).rstrip()) is not None
