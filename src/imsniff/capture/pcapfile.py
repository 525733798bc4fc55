"""Reading capture files: pcap and pcapng, plain or compressed, from disk, a pipe or stdin, whole or still growing.

    with open_capture("office.pcapng.zst") as capture:
        for batch in capture:
            for frame, (at, captured, wire, time, link) in enumerate(batch.rows(), batch.first_frame): ...

No length in the file is trusted: a record is looked at only when all of it is there and its parts fit into it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from imsniff.base.limits import SLAB
from imsniff.capture.batch import Batch, ReadAhead, Walk
from imsniff.capture.errors import CaptureCut, CaptureError
from imsniff.capture.pcap import FILE_HEADER, Pcap, recognise
from imsniff.capture.pcapng import MAGIC, Pcapng, unusable
from imsniff.capture.source import Broken, Plain, Source, open_source, unreadable

Idle = Callable[[], bool]
"""Called when a growing file has no more for now: waits as it likes, and says whether to look again."""

_NO_CAPTURE = "give a pcap or pcapng file; `editcap` turns other formats into one"
_CUT = "what came before was read; is the original file whole?"
_LONGEST_FILE_HEADER = 32
_SMALLEST_SLAB = 64


def _doze() -> bool:
    time.sleep(0.2)
    return True


class Capture:
    """One capture being read. Iterate once, over it or over what `ahead` gives; each batch is valid until the next."""

    def __init__(self, name: str, source: Source, slab_size: int, idle: Idle | None) -> None:
        """Raises CaptureError."""
        self.name = name
        self.frames = 0
        """Packets given out so far."""
        self._source = source
        self._idle = idle
        whole = slab_size if source.total is None or idle else min(slab_size, source.total + 1)
        self._slab = bytearray(max(whole, _SMALLEST_SLAB))
        self._at = 0
        self._fill = 0
        self._base = 0
        """Where in the file the slab begins."""
        self._broken = ""
        self._more = True
        self.links: set[int] = set()
        """Link types of the interfaces of the packets given out so far, and of those told of beside them."""
        self._declared: Callable[[], set[int]] = set
        self._walk = self._open()

    @property
    def consumed(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._source.consumed

    @property
    def total(self) -> int | None:
        """Bytes of the file on disk; None where it is not a file."""
        return self._source.total

    def __iter__(self) -> Iterator[Batch]:
        """Raises CaptureCut behind the last packet that could be read, when that is not the end."""
        while True:
            batch = self._batch()
            yield batch
            if (fault := self._passed(batch)) or not self._refill():
                break
        self._ended(fault)

    @property
    def walk(self) -> Walk:
        """How its batches are walked."""
        return self._walk

    @property
    def file(self) -> int | None:
        """The descriptor of what may be read ahead: a file that does not grow, as it is, and more of it than is read at
        a time."""
        source = self._source
        large = source.total is not None and source.total > len(self._slab)
        return source.descriptor if isinstance(source, Plain) and large and self._idle is None else None

    def ahead(self, read_ahead: ReadAhead) -> Iterator[Batch]:
        """The batches of a source that is a `file`. A read-ahead thread reads and prefilters the next batch meanwhile.
        Raises CaptureCut as iterating does."""
        file, source, left = self.file, self._source, -1
        assert file is not None, "there is a file"
        assert isinstance(source, Plain), "there is a file"
        spare = bytearray(len(self._slab))
        read_ahead.begin(self._batch(), file)
        while True:
            batch, trouble = read_ahead.wait()
            self._broken = unreadable(trouble) if trouble else ""
            source.consumed += batch.end - self._fill
            self._fill = batch.end
            fault = self._passed(batch)
            more = not fault and batch.end > left
            if more:
                spare = self._shift(spare)
                left = self._fill
                read_ahead.begin(self._batch(), file)
            yield batch
            if not more:
                break
        self._ended(fault)

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _batch(self) -> Batch:
        """Of what is in the slab."""
        return Batch(self.name, self._slab, self._at, self._fill, self.frames + 1, self._walk)

    def _passed(self, batch: Batch) -> str:
        """It was walked. Why it cannot be read on behind it; mostly empty."""
        self._at, frames, fault = batch.finish()
        self.frames += frames
        self.links |= self._declared()
        return fault

    def _ended(self, fault: str) -> None:
        """Raises CaptureCut where that is not the end of the file."""
        if fault or self._broken:
            raise self._cut(fault or self._broken)
        if self._at < self._fill and self._idle is None:
            raise self._cut("the last record is cut off")

    def _cut(self, what: str) -> CaptureCut:
        return CaptureCut(self.name, what, _CUT, frame=self.frames + 1, offset=self._base + self._at)

    def _open(self) -> Walk:
        while self._fill < _LONGEST_FILE_HEADER and self._refill():
            pass
        slab, fill = self._slab, self._fill
        if not fill:
            raise CaptureError(self.name, self._broken or "the file is empty", "was the capture ever written?")
        if known := recognise(slab, fill):
            dialect, order = known
            if fill < FILE_HEADER + dialect.extra:
                raise CaptureError(self.name, "the file ends within its header", "was the capture ever written?")
            pcap = Pcap(slab, fill, dialect, order)
            self._at = pcap.first
            self._declared = lambda: {pcap.walk.link}
            return pcap.walk
        if slab[:4] == MAGIC:
            if fault := unusable(slab, fill, whole=not self._more):
                raise CaptureError(self.name, fault, _NO_CAPTURE)
            pcapng = Pcapng()
            self._declared = lambda: {interface.link for interface in pcapng.interfaces}
            return pcapng.walk
        raise CaptureError(self.name, self._broken or "not a capture file", _NO_CAPTURE)

    def _refill(self) -> bool:
        """Read on behind what is not yet given out; False at the end.

        A record that fills the whole slab without being complete makes the slab grow; that ends, since a framing
        calls every record beyond its limit a fault."""
        self._shift(self._slab)
        left = self._fill
        with memoryview(self._slab) as view:
            while self._more and self._fill < len(view):
                try:
                    size = self._source.read_into(view[self._fill :])
                except Broken as why:
                    self._broken, size = str(why), 0
                self._fill += size
                if not size:
                    self._more = self._idle is not None and not self._broken
                if not size or self._source.live:
                    break
        if self._fill > left:
            return True
        return self._more and self._idle is not None and self._idle()

    def _shift(self, other: bytearray) -> bytearray:
        """Go on at the front of another slab, or of the same. Returns the slab that was left."""
        before, left = self._slab, self._fill - self._at
        if left == len(before):  # one record fills it all
            other = before + bytearray(len(before))
        elif len(other) < len(before):
            other = bytearray(len(before))
        other[:left] = before[self._at : self._fill]
        self._base += self._at
        self._at, self._fill, self._slab = 0, left, other
        return before


def open_capture(path: str | Path, *, slab_size: int = SLAB, follow: bool = False, idle: Idle | None = None) -> Capture:
    """Opens a capture file; `-` is stdin.

    With `follow`, a file that grows is read on as it grows, until `idle` says no (by default: never). Raises
    CaptureError where the file cannot be opened or is not a capture."""
    name = str(path)
    try:
        source = open_source(path)
    except OSError as why:
        raise CaptureError(name, f"cannot be opened: {why.strerror}", "check the path and its permissions") from None
    try:
        return Capture(name, source, slab_size, (idle or _doze) if follow else None)
    except BaseException:
        source.close()
        raise


def pick_frames(path: str | Path, frames: set[int]) -> Iterator[tuple[int, int, int, int, bytes]]:
    """Frame, nanoseconds, link type, bytes on the wire and the bytes captured of the packets with these numbers, in
    order. Raises CaptureError, or CaptureCut where the file breaks before the last of them."""
    last = max(frames, default=0)
    if not last:
        return
    with open_capture(path) as capture:
        for batch in capture:
            for frame, (at, captured, wire, moment, link) in enumerate(batch.rows(), batch.first_frame):
                if frame in frames:
                    yield frame, moment, link, wire, bytes(batch.slab[at : at + captured])
                if frame >= last:
                    return
