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

from collections.abc import Iterator
from itertools import islice
from struct import Struct

from imsniff.capture.batch import Batch
from imsniff.limits import IGNORE_NS, MAX_IGNORED
from imsniff.net.decode import TUNNEL_PORTS
from imsniff.net.segment import TCP, UDP, Flag, Segment

Raised = tuple[int, int, int, int, int, int]
"""A packet that came up: its frame number, then the batch's row."""

IPV4 = Struct("!12x3s5xHxB2x12s9xB")
"""Type with version and header length, fragment word, protocol, addresses with ports (a key), TCP flags."""
IPV6 = Struct("!20xBx36s9xB")
"""Next header, addresses with ports (a key), TCP flags."""

PLAIN_IPV4, PLAIN_IPV6 = b"\x08\x00\x45", b"\x86\xdd\x60"
VLANS = (b"\x81\x00", b"\x88\xa8")
ETHERNET = 1
NOT_FIRST_OR_MORE = 0x3FFF
"""Fragment offset and MF of the IPv4 fragment word."""


def wire_key(source: bytes, target: bytes) -> bytes:
    """The addresses and ports of one direction as they stand in a packet."""
    return source[:-2] + target[:-2] + source[-2:] + target[-2:]


class Gate:
    """Which flows to skip, and the walk that skips them."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._until: dict[int, dict[bytes, int]] = {TCP: {}, UDP: {}}
        self.frames = 0
        """Packets seen."""
        self.octets = 0
        """Bytes captured of them."""
        self.skipped = 0

    def raise_packets(self, batch: Batch) -> Iterator[Raised]:
        """The packets of a batch that must be looked at."""
        frame = batch.first_frame - 1
        slab = batch.slab
        tables = self._until if self._enabled else {}
        skipped = octets = 0
        ipv4, ipv6, syn, tcp = IPV4.unpack_from, IPV6.unpack_from, int(Flag.SYN), TCP
        try:
            for at, size, wire, ts, link in batch.rows():
                frame += 1
                octets += size
                if link == ETHERNET and size >= 48:
                    start, kind, fragment, protocol, key, flags = at, *ipv4(slab, at)
                    while kind[:2] in VLANS and size - (start - at) >= 52:
                        start += 4
                        kind, fragment, protocol, key, flags = ipv4(slab, start)
                    if kind == PLAIN_IPV4:
                        if fragment & NOT_FIRST_OR_MORE:
                            protocol = 0
                    elif kind[:2] == PLAIN_IPV6[:2] and size - (start - at) >= 68:
                        protocol, key, flags = ipv6(slab, start)
                    else:
                        protocol = 0
                    if protocol in tables:
                        until = tables[protocol].get(key)
                        if until is not None and ts < until and not (flags & syn and protocol == tcp):
                            skipped += 1
                            continue
                yield frame, at, size, wire, ts, link
        finally:
            self.frames = frame
            self.octets += octets
            self.skipped += skipped

    def ignore(self, segment: Segment) -> None:
        """Both directions of the segment's flow are not instant messaging, for IGNORE_NS from now."""
        table = self._until[segment.protocol]
        if segment.source[-2:] in TUNNEL_PORTS or segment.target[-2:] in TUNNEL_PORTS:
            return
        if len(table) >= MAX_IGNORED:
            for key in list(islice(table, MAX_IGNORED // 4)):
                del table[key]
        until = segment.ts + IGNORE_NS
        table[wire_key(segment.source, segment.target)] = until
        table[wire_key(segment.target, segment.source)] = until

    def covers(self, segment: Segment) -> bool:
        """Whether this segment belongs to an ignored flow. A new connection or the end of the time lifts that."""
        table = self._until[segment.protocol]
        until = table.get(wire_key(segment.source, segment.target))
        if until is None:
            return False
        if segment.ts < until and not (segment.protocol == TCP and segment.flags & Flag.SYN):
            return True
        table.pop(wire_key(segment.source, segment.target), None)
        table.pop(wire_key(segment.target, segment.source), None)
        return False
