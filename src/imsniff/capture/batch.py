"""A batch: a slab of a capture and how to walk it. No Python object per packet is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

Row = tuple[int, int, int, int, int]
"""One packet in a slab: offset of its first byte, bytes captured, bytes on the wire, nanoseconds since 1970, link."""


class Walk(Protocol):
    """Walks the packets of `slab[start:end]`, which begin and end at record borders."""

    def __call__(self, slab: bytearray | memoryview, start: int, end: int) -> Iterator[Row]: ...


class Batch(NamedTuple):
    """Valid until the next batch is asked for: the slab is used again."""

    capture: str
    """File name as given, or interface: the `capture` of every record."""
    slab: bytearray | memoryview
    start: int
    end: int
    first_frame: int
    """Number of the first packet, 1-based, as Wireshark counts."""
    walk: Walk

    def rows(self) -> Iterator[Row]:
        return self.walk(self.slab, self.start, self.end)
