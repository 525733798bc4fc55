"""The gate: the only code that sees every packet.

It knows one thing, which directions of which flows are *not* instant messaging, and skips their packets at the cost of
one table look-up. Everything else comes up: packets of flows that are watched or not yet decided, and all that it
cannot parse at a glance (fragments, tunnels, options, rare link types). It may only skip. What it lets through is
decided by the stages above, which ask `covers` the same question of every decoded segment: with the gate off the
findings are the same.

Ignoring ends by itself after IGNORE_NS of packet time, at a new TCP connection, or when the table is full.

This is the reference; a compiled twin keeps the same contract.

    Ethernet  dst:6 src:6 type:2
      IPv4    45 tos len:2 id:2 frag:2 ttl proto sum:2 src:4 dst:4 | ports:4 seq:4 ack:4 offset flags
      IPv6    6x:4 len:2 next hop src:16 dst:16                    | ports:4 seq:4 ack:4 offset flags
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from struct import Struct

from imsniff.capture.batch import Batch, Row, Walked
from imsniff.capture.pcap import Straight
from imsniff.limits import IGNORE_NS, MAX_IGNORED, MAX_PACKET
from imsniff.net.decode import TUNNEL_PORTS
from imsniff.net.packet import Buffer
from imsniff.net.segment import TCP, UDP, Flag, Segment

Raised = tuple[int, int, int, int, int, int]
"""A packet that came up: its frame number, then the batch's row."""

GLANCE = "12x3s5xHxB2x12s9xB"
"""Type with version and header length, fragment word, protocol, addresses with ports (a key), TCP flags."""
IPV4 = Struct("!" + GLANCE)
IPV6 = Struct("!20xBx36s9xB")
"""Next header, addresses with ports (a key), TCP flags."""
ETHERNET = 1
LEAST = IPV4.size
"""Bytes a packet must have for the glance; shorter ones (a few empty UDP datagrams) come up."""

PLAIN_IPV4, PLAIN_IPV6 = b"\x08\x00\x45", b"\x86\xdd"
VLANS = (b"\x81\x00", b"\x88\xa8")
FRAGMENTED = {"!": 0x3FFF, ">": 0x3FFF, "<": 0xFF3F}
"""Fragment offset and MF of the IPv4 fragment word, as a number of that byte order."""
SECOND = 1_000_000_000

Table = dict[bytes, int]


def wire_key(source: bytes, target: bytes) -> bytes:
    """The addresses and ports of one direction as they stand in a packet."""
    return source[:-2] + target[:-2] + source[-2:] + target[-2:]


class Gate:
    """Which flows to skip, and the walk that skips them."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._until: dict[int, Table] = {TCP: {}, UDP: {}}
        """By protocol and direction: the second at which ignoring ends."""
        self.frames = 0
        """Packets seen."""
        self.skipped = 0

    def raise_packets(self, batch: Batch) -> Iterator[Raised]:
        """The packets of a batch that must be looked at. Walks the batch."""
        if not self._enabled:
            for frame, row in enumerate(batch.rows(), batch.first_frame):
                self.frames = frame
                yield frame, *row
        elif type(batch.walk) is Straight and batch.walk.link == ETHERNET:
            yield from self._fused(batch, batch.walk)
        else:
            yield from self._rows(batch.rows(), batch, batch.first_frame)

    def _rows(self, rows: Iterable[Row], batch: Batch, frame: int) -> Iterator[Raised]:
        skips, slab, number = self._skips, batch.slab, frame - 1
        for number, row in enumerate(rows, frame):
            at, size, _, ts, link = row
            if link == ETHERNET and size >= LEAST and skips(slab, at, size, ts // SECOND):
                self.skipped += 1
            else:
                yield number, *row
        self.frames = number

    def _skips(self, slab: Buffer, at: int, size: int, second: int) -> bool:
        """Whether the Ethernet frame of `size` bytes belongs to a flow that is ignored and begins no other."""
        end = at + size
        kind, fragment, protocol, key, flags = IPV4.unpack_from(slab, at)
        while kind[:2] in VLANS and end - at >= LEAST + 4:
            at += 4
            kind, fragment, protocol, key, flags = IPV4.unpack_from(slab, at)
        if kind == PLAIN_IPV4:
            if fragment & FRAGMENTED["!"]:
                return False
        elif kind[:2] == PLAIN_IPV6 and end - at >= IPV6.size:
            protocol, key, flags = IPV6.unpack_from(slab, at)
        else:
            return False
        if protocol not in self._until:
            return False
        until = self._until[protocol].get(key)
        return until is not None and second < until and (protocol == UDP or not flags & Flag.SYN)

    def _fused(self, batch: Batch, straight: Straight) -> Iterator[Raised]:
        """`_rows` for the plainest case, pcap of Ethernet, in one loop with the walk: half of all the time an analysis
        takes is spent here. Tags and the like are left to `_skips`."""
        glance = Struct(f"{straight.order}IIII{straight.header - 16}x{GLANCE}")
        unpack, unit, header, fragmented = (
            glance.unpack_from,
            straight.unit,
            straight.header,
            FRAGMENTED[straight.order],
        )
        nothing: Table = {}
        whole = SECOND // unit
        lookup = [self._until.get(protocol, nothing).get for protocol in range(256)]
        plain, udp, syn, skips, ipv6 = PLAIN_IPV4, UDP, Flag.SYN, self._skips, IPV6.unpack_from
        slab, at, end, frame = batch.slab, batch.start, batch.end, batch.first_frame - 1
        last, skipped = min(end, len(slab)) - glance.size, 0
        while at <= last:
            second, fraction, size, wire, kind, fragment, protocol, key, flags = unpack(slab, at)
            behind = at + header + size
            if behind > end or size > MAX_PACKET:
                break
            frame += 1
            if kind != plain:
                if kind[:2] == PLAIN_IPV6 and size >= IPV6.size:
                    protocol, key, flags = ipv6(slab, at + header)
                    fragment = 0
                elif size >= LEAST and skips(slab, at + header, size, second + fraction // whole):
                    skipped += 1
                    at = behind
                    continue
                else:
                    protocol = 0
            until = lookup[protocol](key)
            if (
                until is not None
                and second < until
                and size >= LEAST
                and not fragment & fragmented
                and (protocol == udp or not flags & syn)
                and (fraction < whole or second + fraction // whole < until)
            ):
                skipped += 1
                at = behind
                continue
            yield frame, at + header, size, wire, second * SECOND + fraction * unit, ETHERNET
            at = behind
        self.frames = frame
        self.skipped += skipped
        rest = Batch(batch.capture, slab, at, end, frame + 1, straight)
        yield from self._rows(rest.rows(), batch, frame + 1)
        stop, frames, fault = rest.finish()
        batch.walked = Walked(stop, frame + frames - batch.first_frame + 1, fault)

    def ignore(self, segment: Segment) -> None:
        """Both directions of the segment's flow are not instant messaging, for IGNORE_NS from now."""
        table = self._until[segment.protocol]
        if segment.source[-2:] in TUNNEL_PORTS or segment.target[-2:] in TUNNEL_PORTS:
            return
        if len(table) >= MAX_IGNORED:
            for key in list(islice(table, MAX_IGNORED // 4)):
                del table[key]
        until = (segment.ts + IGNORE_NS) // SECOND
        table[wire_key(segment.source, segment.target)] = until
        table[wire_key(segment.target, segment.source)] = until

    def covers(self, segment: Segment) -> bool:
        """Whether this segment belongs to an ignored flow. A new connection or the end of the time lifts that."""
        table = self._until[segment.protocol]
        until = table.get(wire_key(segment.source, segment.target))
        if until is None:
            return False
        if segment.ts // SECOND < until and not (segment.protocol == TCP and segment.flags & Flag.SYN):
            return True
        table.pop(wire_key(segment.source, segment.target), None)
        table.pop(wire_key(segment.target, segment.source), None)
        return False
