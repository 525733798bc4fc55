"""A packet while its headers are walked, and the tables that say what comes next.

A step reads one header at `packet.at`, moves behind it and returns the step for what follows: None where nothing more
can be read, or a segment was found. Steps register themselves in the tables by the number the header before them
carries. A step never raises and never reads behind `packet.end`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from imsniff.base.limits import MAX_LAYERS
from imsniff.net.segment import Segment

if TYPE_CHECKING:
    from imsniff.net.defrag import Defrag

Buffer = bytes | bytearray | memoryview
Step = Callable[["Packet"], "Step | None"]

LINKS: dict[int, Step] = {}
"""By link type (LINKTYPE_ of the tcpdump group's registry)."""
ETHERTYPES: dict[int, Step] = {}
IP_PROTOCOLS: dict[int, Step] = {}
UDP_TUNNELS: dict[int, Step] = {}
"""By UDP port: what may be another packet. It is taken for one only if an IP header proves it."""


class Packet:
    """The bytes of one packet, where the walk is in them, and what it has met."""

    __slots__ = (
        "at",
        "data",
        "defrag",
        "end",
        "frame",
        "layers",
        "proven",
        "segments",
        "source",
        "stop",
        "target",
        "time",
        "trying",
    )

    def __init__(
        self,
        data: Buffer,
        at: int,
        end: int,
        stop: int,
        *,
        frame: int,
        time: int,
        defrag: Defrag,
        layers: int = MAX_LAYERS,
    ) -> None:
        self.data = data
        self.at = at
        self.end = end
        """Behind the last byte captured."""
        self.stop = stop
        """Where the last byte would end had all of it been captured."""
        self.frame = frame
        self.time = time
        self.defrag = defrag
        self.layers = layers
        """Headers that may still be read."""
        self.source = b""
        """Addresses of the innermost IP header so far."""
        self.target = b""
        self.trying = False
        """Whether this is a guess (a UDP payload that may be a packet), so that an IP header must fit exactly."""
        self.proven = False
        """Whether an IP header proved the guess right."""
        self.segments: list[Segment] = []

    def has(self, size: int) -> bool:
        """Whether that many bytes more were captured."""
        return self.end - self.at >= size

    def u8(self, offset: int) -> int:
        """A byte from here on, which `has` promised."""
        return self.data[self.at + offset]

    def u16(self, offset: int) -> int:
        at = self.at + offset
        return self.data[at] << 8 | self.data[at + 1]

    def limit(self, size: int) -> None:
        """What matters are the next `size` bytes: padding and trailers fall off."""
        stop = self.at + size
        if stop < self.stop:
            self.stop = stop
            self.end = min(self.end, stop)

    def walk(self, step: Step | None) -> None:
        while step is not None and self.layers > 0:
            self.layers -= 1
            step = step(self)

    def proves(self, step: Step | None) -> Step | None:
        """Walks a guess up to its first IP header: the step behind that header (or `nothing`, where that is all),
        and None, with everything as before, where no valid one is met."""
        before = self.at, self.end, self.stop, self.source, self.target
        self.trying, self.proven = True, False
        while step is not None and self.layers > 0 and not self.proven:
            self.layers -= 1
            step = step(self)
        self.trying = False
        if self.proven:
            return step or nothing
        self.at, self.end, self.stop, self.source, self.target = before
        return None

    def part(self, at: int, size: int) -> Packet:
        """A packet of its own within this one: `size` bytes from `at`."""
        inner = Packet(
            self.data,
            at,
            min(at + size, self.end),
            at + size,
            frame=self.frame,
            time=self.time,
            defrag=self.defrag,
            layers=self.layers,
        )
        inner.segments = self.segments
        return inner


def nothing(_: Packet) -> None:
    """The step behind which there is none."""


def skip(size: int, following: Step) -> Step:
    """A step over a header that says nothing we need."""

    def skipped(packet: Packet) -> Step | None:
        packet.at += size
        return following if packet.at < packet.end else None

    return skipped
