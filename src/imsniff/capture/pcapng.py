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

from collections.abc import Generator
from struct import Struct
from typing import NamedTuple

from imsniff.base.limits import MAX_BLOCK, MAX_INTERFACES, MAX_PACKET
from imsniff.capture.batch import Row, WalkEnd

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


def _simple_size(wire: int, length: int, interfaces: list[Interface]) -> int:
    """Bytes captured: a simple packet block leaves it to be worked out. Negative where there is no interface."""
    if not interfaces:
        return -1
    return min(wire, length - 16, interfaces[0].snaplen or wire)


class Pcapng:
    """Walks the blocks of a file; section headers and interfaces met on the way set how those after them are read."""

    __slots__ = ("interfaces", "order")

    def __init__(self) -> None:
        self.order = "<"
        """Byte order of the section that was reached, as `struct` writes it."""
        self.interfaces: list[Interface] = []

    def walk(self, slab: bytearray | memoryview, start: int, end: int) -> Generator[Row, None, WalkEnd]:
        at, frames, fault, going = start, 0, "", True
        while going and not fault:
            at, met, fault, going = yield from self._section_blocks(slab, at, end)
            frames += met
        return WalkEnd(at, frames, fault)

    def _section_blocks(
        self, slab: bytearray | memoryview, at: int, end: int
    ) -> Generator[Row, None, tuple[int, int, str, bool]]:
        """Walks up to and over the next section header: where it stopped, packets, fault, and whether to go on."""
        order, interfaces, frames = self.order, self.interfaces, 0
        whole, head, word = (Struct(order + shape).unpack_from for shape in ("IIIIIII", "III", "I"))
        shift, last = (0 if order == "<" else 16), end - 28
        while at + 12 <= end:
            if at <= last:
                kind, length, number, high, low, captured, wire = whole(slab, at)
            else:  # a block without packet, too short for the seven
                kind, length, number = head(slab, at)
                captured = wire = high = low = 0
            if kind == SECTION:
                behind, fault = self._section(slab, at, end)
                return behind, frames, fault, behind > at
            behind = at + (length + 3 & ~3)
            if length < 12 or length > MAX_BLOCK:
                return at, frames, f"a block cannot be {length} bytes long", False
            if behind > end:
                break
            if word(slab, behind - 4)[0] != length:
                return at, frames, "a block's two lengths differ", False
            if kind in WITH_PACKET:
                if kind == PACKET:
                    number = number >> shift & 0xFFFF
                if captured > length - 32 or captured > MAX_PACKET:
                    return at, frames, f"a packet of {captured} bytes in a block of {length}", False
                if number >= len(interfaces):
                    return at, frames, f"a packet names interface {number}, of {len(interfaces)}", False
                link, _, times, by, plus = interfaces[number]
                time = (high << 32 | low) * times
                if by != 1:
                    time //= by
                if plus:
                    time = max(0, time + plus)
                frames += 1
                yield at + 28, captured, wire, min(time, _LATEST), link
            elif kind == SIMPLE:
                size = _simple_size(number, length, interfaces)
                if not 0 <= size <= MAX_PACKET:
                    return at, frames, "a simple packet without interface, or of impossible length", False
                frames += 1
                yield at + 12, size, number, 0, interfaces[0].link
            elif kind == INTERFACE:
                if fault := self._interface(slab, at, length):
                    return at, frames, fault, False
            elif kind in EVENTS:
                frames += 1
                yield at + 12, 0, 0, 0, NO_PACKET
            at = behind
        return at, frames, "", False

    def _section(self, slab: bytearray | memoryview, at: int, end: int) -> tuple[int, str]:
        """Begins the section at `at`: what lies behind its header (`at` itself while not all of it is there), fault."""
        order = _ORDERS.get(bytes(slab[at + 8 : at + 12]))
        if order is None:
            return at, "a section header without byte order"
        if at + 28 > end:
            return at, ""
        length, major, minor = Struct(order + "4xI4xHH").unpack_from(slab, at)
        behind = at + (length + 3 & ~3)
        if length < 28 or length > MAX_BLOCK:
            return at, f"a section header cannot be {length} bytes long"
        if major != 1:
            return at, f"version {major}.{minor} of pcapng is not known"
        if behind > end:
            return at, ""
        self.order, self.interfaces = order, []
        return behind, ""

    def _interface(self, slab: bytearray | memoryview, at: int, length: int) -> str:
        """Adds an interface; says what is wrong with it."""
        if length < 20:
            return "an interface description is cut short"
        if len(self.interfaces) >= MAX_INTERFACES:
            return f"more than {MAX_INTERFACES} interfaces"
        order = self.order
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
        self.interfaces.append(Interface(link, snaplen, times, by, plus * 1_000_000_000))
        return ""


def unusable(slab: bytearray, end: int, *, whole: bool) -> str:
    """Why a file that begins with `slab[:end]` is none of ours, `whole` if that is all of it; empty where it is."""
    behind, fault = Pcapng()._section(slab, 0, end)
    return fault or ("the file ends within its header" if whole and not behind else "")


def _scale(unit: int) -> tuple[int, int]:
    """What to multiply and divide ticks by to have nanoseconds: `if_tsresol` is a power of 10, or of 2 (top bit)."""
    if unit & 0x80:
        return 1_000_000_000, 1 << (unit & 0x7F)
    return (10 ** (9 - unit), 1) if unit <= 9 else (1, 10 ** (unit - 9))
