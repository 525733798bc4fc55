"""MSNFTP, file transfer between two MSN clients before MSNP9, announced in text/x-msmsgsinvite (TCP 6891 to 6900).

The receiver (who mostly connects, but the sender may) and the sender say lines; then the sender sends blocks:

    receiver  VER MSNFTP      USR bob@example.net 1036130127      TFR             BYE 16777989 or CCL
    sender    VER MSNFTP      FIL 1490      blocks: 0 | length:2 little-endian, at most 2045 | data     1 | 0 0  the end

A line begins with a capital letter and a block with 0 or 1, so each side is cut without knowing which one it is.
References: http://www.hypothetic.org/docs/msn/client/file_transfer.php, https://yellows111.darkok.xyz/msnp/files/msnftp.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import ClassVar

from imsniff.base.events import Event, Expect, Side, Trait, Transfer, TransferState, excerpt, masked
from imsniff.base.limits import LOOKAHEAD
from imsniff.dissect.core import Dissector, Inbox
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.file_bytes import FileBytes, facts
from imsniff.dissect.msn.wire import account

BLOCK, END = 0, 1
HEADER = 3
MAX_BLOCK = 2_045
LINE = 400
RECEIVED = {"16777987", "16777989"}
"""Reasons of BYE that mean *all came*. All others are failures: disk full, cancelled, timed out."""

_LINES = re.compile(rb"(?:VER MSNFTP|USR [^\s@]{1,128}@[^\s@]{1,200} \d{1,20}|FIL \d{1,15}|TFR|BYE \d{4,12}|CCL)\r?\n")
_FULL_BLOCK = b"\x00" + MAX_BLOCK.to_bytes(2, "little")


class Msnftp(Dissector[bytes]):
    """A frame is a line without its end, or a block with its header."""

    name = "msnftp"
    marks = re.compile(rb"(?:VER MSNFTP|USR |FIL |TFR|BYE |CCL|\x00\xfd\x07)")

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._named = expected.name if expected else None
        self._size = expected.size if expected else None
        self._sender = expected.sender if expected else None
        self._receiver = expected.recipient if expected else None
        self._file: FileBytes | None = None
        """What came since FIL; None where that was not seen, or bytes are missing."""
        self._ended = False
        self._sure = 0
        self._blocks = 0

    @property
    def confirmed(self) -> bool:
        return self._sure > 0 or (self.expected is not None and self._blocks > 0)

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[bytes]:
        while len(box):
            if box.data[0] in (BLOCK, END):
                if len(box) < HEADER:
                    return
                size = int.from_bytes(box.data[1:HEADER], "little")
                if size > MAX_BLOCK or (box.data[0] == END and size):
                    raise Malformed(f"block of {size} bytes")
                block = box.take(HEADER + size)
                if block is None:
                    return
                yield block
                continue
            end = box.find(b"\n", LINE)
            if end < 0:
                return
            line = bytes(box.data[: end + 1])
            if not _LINES.fullmatch(line):
                raise Malformed(f"not a line of MSNFTP: {line[:24]!r}")
            box.drop(end + 1)
            yield line.rstrip(b"\r\n")

    def restart(self, side: Side) -> None:
        self._file = None

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        if data.startswith(_FULL_BLOCK, at):
            return True
        if _LINES.match(data, at, at + LOOKAHEAD):
            return True
        if len(data) < at + HEADER:
            return None
        return False if data[at] in (BLOCK, END) or data.find(b"\n", at, at + LOOKAHEAD) >= 0 else None

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: bytes) -> Iterator[Event]:
        if frame[0] in (BLOCK, END):
            self._blocks += 1
            yield from self._block(side, frame)
            return
        verb, *words = frame.decode("utf-8", "replace").split(" ")
        self._sure += verb != "TFR"
        if self._sure == 1 and verb != "TFR":
            yield Trait(side=side, service="msn")
        handler = self.LINES.get(verb)
        if handler is not None:
            yield from handler(self, side, words)

    def _usr(self, side: Side, words: list[str]) -> Iterator[Event]:
        """The receiver shows the cookie it was given."""
        self._receiver = account(words[0]) or self._receiver
        yield Trait(side=side, account=self._receiver, wire=excerpt(f"USR {words[0]} {masked(words[1])}"))

    def _fil(self, side: Side, words: list[str]) -> Iterator[Event]:
        self._size = decimal(words[0], 1 << 62)
        self._file = FileBytes()
        if self._size == 0:
            yield from self._done(side, TransferState.COMPLETED, "FIL 0")

    def _bye(self, side: Side, words: list[str]) -> Iterator[Event]:
        state = TransferState.COMPLETED if words[0] in RECEIVED else TransferState.CANCELLED
        yield from self._done(side, state, f"BYE {words[0]}")

    def _ccl(self, side: Side, words: list[str]) -> Iterator[Event]:
        yield from self._done(side, TransferState.CANCELLED, "CCL")

    LINES: ClassVar[dict[str, Callable[[Msnftp, Side, list[str]], Iterator[Event]]]] = {
        "USR": _usr,
        "FIL": _fil,
        "BYE": _bye,
        "CCL": _ccl,
    }

    def _block(self, side: Side, block: bytes) -> Iterator[Event]:
        if block[0] == END:
            if self._file is not None and self._size is not None and self._file.size < self._size:
                yield from self._done(side, TransferState.CANCELLED, "block 1")
            return
        if self._file is not None:
            self._file.add(block[HEADER:], self.keep)
            if self._file.size == self._size:
                yield from self._done(side, TransferState.COMPLETED, f"FIL {self._size}", self._file)

    def _done(self, side: Side, state: TransferState, wire: str, seen: FileBytes | None = None) -> Iterator[Event]:
        """The end, once. The name was told in the invitation, if that was seen."""
        if self._ended:
            return
        self._ended = True
        yield Transfer(
            side=side,
            name=self._named or "",
            size=self._size,
            sender=self._sender,
            recipient=self._receiver,
            state=state,
            wire=excerpt(wire),
            **facts(seen),
        )
