"""The pcap file format, in all the dialects that are met.

    file header   magic:4 | major:2 | minor:2 | zone:4 | sigfigs:4 | snaplen:4 | link type:4   (24 bytes)
    record        seconds:4 | fraction:4 | captured:4 | on the wire:4 [| dialect's own] | packet

The magic tells byte order, the unit of the fraction and, partly, the dialect. The link type's upper half tells the
length of the frame check sequence and is ignored: what is behind an IP packet is never looked at.

Dialects that share the usual magic (Red Hat 6.1, Nokia) have a longer record header; which one it is shows when the
first records are read. Before version 2.3 the two lengths stood the other way round; in 2.3 either way is met. A
fraction of a whole second or more, which no clock shows, counts as the last of its second.

Reference: draft-ietf-opsawg-pcap; for the dialects the description in Wireshark's wiretap.
"""

from __future__ import annotations

from collections.abc import Generator
from struct import Struct
from typing import NamedTuple

from imsniff.base.limits import MAX_PACKET
from imsniff.capture.batch import Row, WalkEnd

FILE_HEADER = 24
SECOND = 1_000_000_000


class Dialect(NamedTuple):
    unit: int
    """Nanoseconds of one unit of the fraction."""
    headers: tuple[int, ...]
    """Lengths a record header can have, the likeliest first."""
    extra: int = 0
    """Bytes between file header and first record."""


MAGICS: dict[int, Dialect] = {
    0xA1B2C3D4: Dialect(1000, (16, 24, 20)),  # usual; Red Hat 6.1; Nokia
    0xA1B23C4D: Dialect(1, (16,)),
    0xA1B2CD34: Dialect(1000, (24, 28)),  # Kuznetzov's patch, October and September 1999
    0x1C0001AC: Dialect(1, (16,), extra=4),  # Ixia hardware
    0x1C0001AB: Dialect(1000, (16,), extra=4),  # Ixia software
}

_TRIED = 4
"""Records read to tell dialects apart."""


class NativeOrderWalk:
    """Walks records whose captured length comes first."""

    __slots__ = ("header", "last", "link", "order", "unit")

    def __init__(self, order: str, unit: int, header: int, link: int) -> None:
        self.order = order
        """Byte order as `struct` writes it."""
        self.unit = unit
        self.last = SECOND // unit - 1
        """The largest fraction of a second."""
        self.header = header
        self.link = link

    def __call__(self, slab: bytearray | memoryview, start: int, end: int) -> Generator[Row, None, WalkEnd]:
        unpack = Struct(self.order + "IIII").unpack_from
        unit, latest, header, link = self.unit, self.last, self.header, self.link
        at, last, frames, fault = start, end - header, 0, ""
        while at <= last:
            seconds, fraction, captured, wire = unpack(slab, at)
            behind = at + header + captured
            if behind > end or captured > MAX_PACKET:
                fault = too_long(captured)
                break
            frames += 1
            ts = seconds * SECOND + min(fraction, latest) * unit
            yield at + header, captured, wire, ts, link
            at = behind
        return WalkEnd(at, frames, fault)


class SwappedOrderWalk(NativeOrderWalk):
    """Walks records of versions before 2.4, where the captured length is the second, or the smaller, of the two."""

    __slots__ = ()

    def __call__(self, slab: bytearray | memoryview, start: int, end: int) -> Generator[Row, None, WalkEnd]:
        unpack, header = Struct(self.order + "IIII").unpack_from, self.header
        at, frames, fault = start, 0, ""
        while at + header <= end:
            seconds, fraction, one, two = unpack(slab, at)
            captured = min(one, two)
            if at + header + captured > end or captured > MAX_PACKET:
                fault = too_long(captured)
                break
            at += header
            frames += 1
            yield at, captured, max(one, two), seconds * SECOND + min(fraction, self.last) * self.unit, self.link
            at += captured
        return WalkEnd(at, frames, fault)


class Pcap:
    def __init__(self, slab: bytearray, end: int, dialect: Dialect, order: str) -> None:
        """`slab[:end]` begins with the file header."""
        major, minor, link = Struct(order + "4xHH12xI").unpack_from(slab)
        self.first = FILE_HEADER + dialect.extra
        """Where the first record begins."""
        turned = (major == 2 and minor < 4) or major == 543  # DG/UX wrote 543.0
        header = dialect.headers[0] if turned else _record_header(slab, self.first, end, dialect, order)
        self.walk = (SwappedOrderWalk if turned else NativeOrderWalk)(order, dialect.unit, header, link & 0xFFFF)


def too_long(captured: int) -> str:
    """What is wrong with a record of that length; empty where it may still come."""
    if captured <= MAX_PACKET:
        return ""
    return f"the record claims {captured} bytes, more than the {MAX_PACKET} a packet can have"


def _record_header(slab: bytearray, first: int, end: int, dialect: Dialect, order: str) -> int:
    """The record header's length: another than the likeliest only where that makes no sense and the other does."""
    likeliest, *others = dialect.headers
    record = Struct(order + "IIII")
    if _sane_records(slab, first, end, record, likeliest) is None:
        for header in others:
            if (_sane_records(slab, first, end, record, header) or 0) > 1:
                return header
    return likeliest


def _sane_records(slab: bytearray, at: int, end: int, record: Struct, header: int) -> int | None:
    """How many of the first records are whole; None where one of them makes no sense."""
    for found in range(_TRIED):
        if at + header > end:
            return found
        _, fraction, captured, wire = record.unpack_from(slab, at)
        if fraction >= 1_000_000 or captured > MAX_PACKET or captured > wire or wire > 1 << 27:
            return None
        at += header + captured
        if at > end:
            return found
    return _TRIED


def recognise(slab: bytearray, end: int) -> tuple[Dialect, str] | None:
    """Dialect and byte order by the magic; None where this is no pcap file."""
    for order in "<", ">":
        if end >= 4 and (dialect := MAGICS.get(Struct(order + "I").unpack_from(slab)[0])):
            return dialect, order
    return None
