"""The pcapng file format: a chain of blocks, in sections that each have their own byte order and interfaces.

    block      type:4 | length:4 | body, padded to 4 | length:4
    section    0A0D0D0A | byte order 1A2B3C4D:4 | major:2 | minor:2 | section length:8 | options
    interface  1 | link type:2 | reserved:2 | snaplen:4 | options (9: unit of time, 14: seconds to add)
    enhanced   6 | interface:4 | time high:4 | time low:4 | captured:4 | on the wire:4 | packet | options
    packet     2 | interface:2 | drops:2 | the rest as enhanced   (obsolete)
    simple     3 | on the wire:4 | packet, as far as the first interface's snaplen   (has no time)

Other blocks are skipped, but for those that Wireshark shows as frames: they are rows without bytes, of link type
`NO_PACKET`, so that frame numbers agree with Wireshark's.

Reference: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from imsniff.capture.batch import Row
from imsniff.capture.framing import Borders
from imsniff.limits import MAX_BLOCK, MAX_INTERFACES, MAX_PACKET

SECTION, INTERFACE, PACKET, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
MAGIC = SECTION.to_bytes(4, "big")
WITH_PACKET = frozenset({ENHANCED, PACKET})
NO_PACKET = -1
"""The link type of a frame that is not a packet."""
EVENTS = frozenset({0x09, 0x0204, 0x0208, 0x0216, 0x0217, 0x0221, 0x0222, 0x0223, 0x0224, 0x0BAD, 0x40000BAD})
"""Blocks that Wireshark counts as frames: the systemd journal, sysdig's events, custom blocks."""

_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_LATEST = (1 << 63) - 1
"""The last nanosecond that fits a signed 64-bit number; a time beyond is given as this."""


class Interface(NamedTuple):
    """How to read the packets of one interface: its time is `ticks * times // by + plus` nanoseconds."""

    link: int
    snaplen: int
    times: int
    by: int
    plus: int


class Chain:
    """Walks the packet blocks of one section. `interfaces` grows while the file is read."""

    __slots__ = ("interfaces", "order")

    def __init__(self, order: str) -> None:
        self.order = order
        self.interfaces: list[Interface] = []

    def __call__(self, slab: bytearray | memoryview, start: int, end: int) -> Iterator[Row]:
        unpack = Struct(self.order + "IIIIIII").unpack_from
        head = Struct(self.order + "III").unpack_from
        shift = 0 if self.order == "<" else 16
        interfaces, at, last = self.interfaces, start, len(slab) - 28
        while at < end:
            if at <= last:
                kind, length, number, high, low, captured, wire = unpack(slab, at)
            else:  # a block without packet, too short for the seven
                kind, length, number = head(slab, at)
            if kind in WITH_PACKET:
                if kind == PACKET:
                    number = number >> shift & 0xFFFF
                link, _, times, by, plus = interfaces[number]
                time = (high << 32 | low) * times
                if by != 1:
                    time //= by
                if plus:
                    time = max(0, time + plus)
                yield at + 28, captured, wire, min(time, _LATEST), link
            elif kind == SIMPLE:
                yield at + 12, _simple_size(number, length, interfaces), number, 0, interfaces[0].link
            elif kind in EVENTS:
                yield at + 12, 0, 0, 0, NO_PACKET
            at += length + 3 & ~3


def _simple_size(wire: int, length: int, interfaces: list[Interface]) -> int:
    """Bytes captured: a simple packet block leaves it to be worked out."""
    return min(wire, length - 16, interfaces[0].snaplen or wire)


class Pcapng:
    def __init__(self) -> None:
        self.first = 0
        self.walk = Chain("<")

    def borders(self, slab: bytearray, at: int, end: int) -> Borders:
        """Stops before the next section, since that changes the byte order; with nothing before it, begins it."""
        chain, frames = self.walk, 0
        head, short = Struct(chain.order + "III8xI").unpack_from, Struct(chain.order + "III").unpack_from
        word = Struct(chain.order + "I").unpack_from
        shift = 0 if chain.order == "<" else 16
        interfaces, last = chain.interfaces, end - 24
        while at + 12 <= end:
            if at <= last:
                kind, length, number, captured = head(slab, at)
            else:
                kind, length, number = short(slab, at)
                captured = 0
            if kind == SECTION:
                return Borders(at, frames, chain) if frames else self._section(slab, at, end)
            behind = at + (length + 3 & ~3)
            if length < 12 or length > MAX_BLOCK:
                return Borders(at, frames, chain, f"a block cannot be {length} bytes long")
            if behind > end:
                break
            if word(slab, behind - 4)[0] != length:
                return Borders(at, frames, chain, "a block's two lengths differ")
            if kind in WITH_PACKET:
                if kind == PACKET:
                    number = number >> shift & 0xFFFF
                if captured > length - 32:
                    return Borders(at, frames, chain, "a packet is longer than its block")
                if captured > MAX_PACKET:
                    return Borders(at, frames, chain, f"a packet of {captured} bytes, more than {MAX_PACKET}")
                if number >= len(interfaces):
                    return Borders(at, frames, chain, f"a packet names interface {number}, of {len(interfaces)}")
                frames += 1
            elif kind == SIMPLE:
                if not interfaces or not 0 <= _simple_size(number, length, interfaces) <= MAX_PACKET:
                    return Borders(at, frames, chain, "a simple packet without interface, or of impossible length")
                frames += 1
            elif kind == INTERFACE:
                if fault := self._interface(slab, at, length):
                    return Borders(at, frames, chain, fault)
            elif kind in EVENTS:
                frames += 1
            at = behind
        return Borders(at, frames, chain)

    def _section(self, slab: bytearray, at: int, end: int) -> Borders:
        order = _ORDERS.get(bytes(slab[at + 8 : at + 12]))
        if order is None:
            return Borders(at, 0, self.walk, "a section header without byte order")
        if at + 28 > end:
            return Borders(at, 0, self.walk)
        length, major, minor = Struct(order + "4xI4xHH").unpack_from(slab, at)
        behind = at + (length + 3 & ~3)
        if length < 28 or length > MAX_BLOCK:
            return Borders(at, 0, self.walk, f"a section header cannot be {length} bytes long")
        if major != 1:
            return Borders(at, 0, self.walk, f"version {major}.{minor} of pcapng is not known")
        if behind > end:
            return Borders(at, 0, self.walk)
        self.walk = Chain(order)
        return Borders(behind, 0, self.walk)

    def _interface(self, slab: bytearray, at: int, length: int) -> str:
        """Adds an interface; says what is wrong with it."""
        if length < 20:
            return "an interface description is cut short"
        if len(self.walk.interfaces) >= MAX_INTERFACES:
            return f"more than {MAX_INTERFACES} interfaces"
        order = self.walk.order
        link, snaplen = Struct(order + "H2xI").unpack_from(slab, at + 8)
        unit, plus = 6, 0
        option, at, end = Struct(order + "HH"), at + 16, at + length - 4
        while at + 4 <= end:
            code, size = option.unpack_from(slab, at)
            at += 4
            if code == 0 or at + size > end:
                break
            if code == 9 and size == 1:
                unit = slab[at]
            elif code == 14 and size == 8:
                (plus,) = Struct(order + "q").unpack_from(slab, at)
            at += size + 3 & ~3
        times, by = _scale(unit)
        self.walk.interfaces.append(Interface(link, snaplen, times, by, plus * 1_000_000_000))
        return ""


def _scale(unit: int) -> tuple[int, int]:
    """What to multiply and divide ticks by to have nanoseconds: `if_tsresol` is a power of 10, or of 2 (top bit)."""
    if unit & 0x80:
        return 1_000_000_000, 1 << (unit & 0x7F)
    return (10 ** (9 - unit), 1) if unit <= 9 else (1, 10 ** (unit - 9))
