"""A batch: a slab of a capture and how to walk it. No Python object per packet is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import NamedTuple, Protocol

Row = tuple[int, int, int, int, int]
"""One packet in a slab: offset of its first byte, bytes captured, bytes on the wire, nanoseconds since 1970, link."""


class WalkEnd(NamedTuple):
    """How far a walk came."""

    stop: int
    """Behind the last whole record."""
    frames: int
    """Packets met."""
    fault: str = ""
    """Why the record at `stop` can never be read; empty where it is merely not all there yet."""


class Walk(Protocol):
    """Walks the whole records of `slab[start:end]`."""

    def __call__(self, slab: bytearray | memoryview, start: int, end: int) -> Generator[Row, None, WalkEnd]: ...


class Batch:
    """Valid until the next batch is asked for: the slab is used again.

    `slab[start:end]` begins at a record's border and may end within a record: only who walks it, by `rows` or knowing
    the format, learns where the last whole one ends, and leaves that in `walked`. That saves a second walk."""

    __slots__ = ("capture", "end", "first_frame", "sifted", "slab", "start", "walk", "walked")

    def __init__(
        self, capture: str, slab: bytearray | memoryview, start: int, end: int, first_frame: int, walk: Walk
    ) -> None:
        self.capture = capture
        """File name as given, or interface: the `capture` of every record."""
        self.slab = slab
        self.start = start
        self.end = end
        self.first_frame = first_frame
        """Number of the first packet, 1-based, as Wireshark counts."""
        self.walk = walk
        self.walked: WalkEnd | None = None
        self.sifted: object = None
        """What a gate left of it ahead of its turn, if one did."""

    def rows(self) -> Iterator[Row]:
        self.walked = yield from self.walk(self.slab, self.start, self.end)

    def finish(self) -> WalkEnd:
        """`walked`, walking if nobody did."""
        if self.walked is None:
            deque(self.rows(), 0)
        assert self.walked is not None, "rows() sets it"
        return self.walked


class ReadAhead(Protocol):
    """Reads and walks the next batch on another thread, while the stages above are at work on the one before."""

    def begin(self, batch: Batch, file: int) -> None:
        """Read on behind the batch's end as far as its slab goes, from a file's descriptor. Then `wait` is to come."""

    def wait(self) -> tuple[Batch, str]:
        """The batch: it ends where the reading did, and was walked. And why it could not be read on, where that was an
        error."""
