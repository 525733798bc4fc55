"""DCC, the direct connections that IRC clients agree on (see `offers`): a chat, or one file.

A chat is text lines either way, each ended by LF. A file is its bytes and nothing else from one side, and from the
other how many bytes it has so far, each time as 4 bytes (8 above 4 GiB), big-endian, unless it was a TSEND.

Neither has a signature, so a flow is only read as DCC where IRC announced it. Whoever was called normally sends the
file, but not where the sender could not listen, so both sides are counted: acknowledgements never reach the file's size
before the file itself does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from imsniff.base.events import Encryption, Event, Expect, Message, Side, Trait, Transfer, TransferState
from imsniff.base.limits import LOOKAHEAD, MAX_LINE, MAX_TRANSFER_HASHED
from imsniff.dissect.core import Dissector, Inbox
from imsniff.dissect.cursor import Malformed, TooLarge
from imsniff.dissect.file_bytes import FileBytes, facts
from imsniff.dissect.irc.line import decoded, plain

TLS_START = b"\x16\x03"
TLS = re.compile(rb"\x16\x03[\x00-\x04]")
"""SSEND and SCHAT: the first record of a handshake."""
_TEXT = re.compile(rb"[^\x00-\x00\x04-\x08\x0e\x10\x12-\x15\x17-\x1c\x7f]*")
"""A line that somebody typed: mIRC's attributes (02, 03, 0F, 11, 16, 1D to 1F), CTCP (01), tab and escape are fine."""


class Piece(NamedTuple):
    """Bytes of a file, or of acknowledgements."""

    size: int


class ChatLine(NamedTuple):
    text: str


class TlsStart(NamedTuple):
    """A TLS handshake begins."""


class Dcc(Dissector[Piece | ChatLine | TlsStart]):
    name = "dcc"
    max_frame: ClassVar[int] = MAX_LINE + 1
    marks = re.compile(rb"\n")
    mark_size = 1

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._file = expected is not None and expected.name is not None
        if self._file:
            self._lost.clear()  # a file's bytes have no frames to find
        self._sides = {side: FileBytes(expected.offset if expected is not None else 0) for side in Side}
        self._size = expected.size if expected is not None and expected.size is not None else MAX_TRANSFER_HASHED
        """Where the file ends, as far as is known; what follows is not part of it."""
        self._begun: set[Side] = set()
        self._done = False

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Piece | ChatLine | TlsStart]:
        if side not in self._begun:
            if len(box) < 3 and TLS_START.startswith(bytes(box.data)):
                return
            self._begun.add(side)
            if TLS.match(box.data):
                yield TlsStart()
                return
        if self._file:
            if data := box.take(len(box)):
                file = self._sides[side]
                file.add(data[: max(0, self._size - file.size)], self.keep)
                yield Piece(len(data))
            return
        while (end := self._line_end(box)) >= 0:
            if not _TEXT.fullmatch(box.data, 0, end):
                raise Malformed("binary bytes in a chat")
            line = box.take(end + 1) or b""
            if text := plain(decoded(line.rstrip(b"\r\n"))):
                yield ChatLine(text)

    def _line_end(self, box: Inbox) -> int:
        """Where the next line of a chat ends, -1 while it has not. A client that does not cut long lines sends them."""
        try:
            return box.find(b"\n", MAX_LINE)
        except Malformed:
            if not _TEXT.fullmatch(box.data, 0, MAX_LINE):
                raise
            raise TooLarge(f"a line of more than {MAX_LINE} bytes") from None

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        if self._file:
            return True
        start = at + data.startswith(b"\n", at)
        end = data.find(b"\n", start, at + LOOKAHEAD)
        if not _TEXT.fullmatch(data, start, end if end >= 0 else at + LOOKAHEAD):
            return False
        return True if end >= 0 else None

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        self._sides[side].miss(missing)
        yield from super().gap(side, missing)
        if self._file:
            self._lost.discard(side)
            yield from self._progress(side)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Piece | ChatLine | TlsStart) -> Iterator[Event]:
        if isinstance(frame, TlsStart):
            self.opaque = True
            yield Trait(side=side, encryption=Encryption.TLS)
        elif isinstance(frame, ChatLine):
            yield from self._said(side, frame.text)
        else:
            yield from self._progress(side)

    def _said(self, side: Side, text: str) -> Iterator[Event]:
        listener, caller = (self.expected.sender, self.expected.recipient) if self.expected else (None, None)
        if text.startswith("\x01"):
            word, _, text = text.strip("\x01").partition(" ")
            if word != "ACTION":
                return
        sender, recipient = (listener, caller) if side is Side.SERVER else (caller, listener)
        yield Message(side=side, sender=sender, recipient=recipient, text=text)

    def _progress(self, side: Side) -> Iterator[Event]:
        expected, counted = self.expected, self._sides[side]
        if expected is not None and expected.size is not None and counted.size >= expected.size:
            yield from self._completed(side)

    def _completed(self, side: Side) -> Iterator[Event]:
        if self._done or self.expected is None:
            return
        self._done = True
        counted = self._sides[side]
        yield Transfer(
            side=side,
            name=self.expected.name or "",
            size=self.expected.size if self.expected.size is not None else counted.size,
            sender=self.expected.sender,
            recipient=self.expected.recipient,
            state=TransferState.COMPLETED,
            **facts(counted),
        )

    def on_end(self) -> Iterator[Event]:
        """A file of unknown size is over when the connection is."""
        if self._file and self.expected is not None and self.expected.size is None:
            side = max(Side, key=lambda side: self._sides[side].size)
            if self._sides[side].size:
                yield from self._completed(side)
