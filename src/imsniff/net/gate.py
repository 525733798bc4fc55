"""The gate: the only code that sees every packet.

It knows one thing, which directions of which flows are *not* instant messaging, and skips their packets at the cost of
one table look-up; and packets that no segment can be in. Flows that it does not know wait in the
hold queue, where most of them turn out to be foreign. Everything else comes up: packets of flows that are watched or
not yet decided, and all that it cannot parse at a glance (fragments, tunnels, options, rare link types). It may only
skip. What it lets through is decided by the stages above, which ask `covers` the same question of every decoded
segment: with the gate off the findings are the same.

An ignored flow is looked at again at widening intervals (`hold_queue.next_look`): a payload that may be how a
messenger's message begins comes up then. Ignoring ends at a new TCP connection, or when the table is full.

This is the reference; a compiled twin keeps the same contract.

    Ethernet  dst:6 src:6 type:2
      IPv4    45 tos len:2 id:2 frag:2 ttl proto sum:2 src:4 dst:4 | ports:4 seq:4 ack:4 offset flags
      IPv6    6x:4 len:2 next hop src:16 dst:16                    | ports:4 seq:4 ack:4 offset flags
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from struct import Struct

from imsniff.base.limits import MAX_IGNORED, MAX_LOOK, MAX_PACKET
from imsniff.capture.batch import Batch, Row, Walk, WalkEnd
from imsniff.capture.pcap import SECOND, NativeOrderWalk
from imsniff.net.decode import BARREN_PROTOCOLS, TUNNEL_PORTS, Decoder, is_barren
from imsniff.net.hold_queue import (
    IPV4_TCP,
    IPV4_UDP,
    IPV6_TCP,
    IPV6_UDP,
    HoldQueue,
    RaisedPacket,
    next_look,
    reversed_key,
)
from imsniff.net.packet import Buffer
from imsniff.net.segment import TCP, UDP, Flag, Segment, flow_key

GLANCE = "12xHB5xHxB2x12s9xB"
"""Type, version with header length, fragment word, protocol, addresses with ports (a key), TCP flags."""
IPV4 = Struct("!" + GLANCE)
IPV6 = Struct("!20xBx36s9xB")
"""Next header, addresses with ports (a key), TCP flags."""
ETHERNET = 1
LEAST = IPV4.size
"""Bytes a packet must have for the glance, whatever is in it."""
LEAST_UDP = {4: 42, 6: 62}
"""By IP version, bytes a datagram must have: on the host that sends it no padding fills up what is shorter."""

TYPE_IPV4, TYPE_IPV6, TYPES_VLAN = 0x0800, 0x86DD, (0x8100, 0x88A8)
PLAIN = 0x45
"""IPv4 without options."""
UNREAD = 256
"""In place of a protocol: no glance tells it."""
OPENS = [bool(flags & Flag.SYN) for flags in range(256)]
"""By TCP flags, whether they have SYN: looking that up is quicker than calculating it."""
WHOLE, FRAGMENTED = 0x4000, 0x3FFF
"""Of the fragment word: "don't"; offset and "more follow"."""

Table = dict[bytes, int]


def wire_key(source: bytes, target: bytes) -> bytes:
    """The addresses and ports of one direction as they stand in a packet."""
    return source[:-2] + target[:-2] + source[-2:] + target[-2:]


class Gate:
    """Which flows to skip, and the walk that skips them."""

    def __init__(self, hold_queue: HoldQueue | None = None, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._hold_queue = hold_queue or HoldQueue()
        self._until: dict[int, Table] = {TCP: {}, UDP: {}}
        """By protocol and direction: the second before which the flow is not looked at again."""
        self._looks: dict[int, dict[bytes, int]] = {TCP: {}, UDP: {}}
        """By protocol and the lower direction: how often the flow was looked at since it is ignored."""
        self._tables = [self._until.get(protocol, {}) for protocol in range(256)] + [{}]
        """The same for every protocol, and for UNREAD."""
        self.frames = 0
        """Packets seen."""
        self.skipped = 0
        self.last_ts = 0
        """Nanoseconds of the last packet seen, known at the end of each batch."""

    def raise_packets(self, batch: Batch) -> Iterator[RaisedPacket]:
        """The packets of a batch that must be looked at. Walks the batch."""
        if not self._enabled:
            for frame, row in enumerate(batch.rows(), batch.first_frame):
                self.frames, self.last_ts = frame, row[3]
                yield batch.slab, frame, *row
        elif type(batch.walk) is NativeOrderWalk and batch.walk.link == ETHERNET:
            yield from self._fused(batch, batch.walk)
        else:
            yield from self._rows(batch.rows(), batch, batch.first_frame)

    def segments(self, batch: Batch, decoder: Decoder) -> Iterator[Segment]:
        """What is in those packets: as `decoder` decodes them, in order."""
        decode = decoder.segments
        for packet in self.raise_packets(batch):
            yield from decode(*packet)

    def _rows(self, rows: Iterable[Row], batch: Batch, frame: int) -> Iterator[RaisedPacket]:
        look, slab, number = self._look, batch.slab, frame - 1
        for number, row in enumerate(rows, frame):
            self.frames, self.last_ts = number, row[3]
            if row[4] == ETHERNET:
                yield from look((slab, number, *row))
            else:
                yield slab, number, *row
        self.frames = number

    def _look(self, packet: RaisedPacket) -> Sequence[RaisedPacket]:
        """What comes up with an Ethernet frame."""
        slab, _, at, size, _, ts, _ = packet
        if size < LEAST_UDP[4]:
            return (packet,)
        ip, least = at + 14, LEAST
        if len(slab) - at - size < IPV6.size:  # a glance may look further than its packet reaches
            slab, at = bytes(slab[at : at + size]) + bytes(IPV6.size), 0
        kind, version, fragment, protocol, key, flags = IPV4.unpack_from(slab, at)
        while kind in TYPES_VLAN and size >= LEAST_UDP[4] + 4:
            at, ip, size = at + 4, ip + 4, size - 4
            kind, version, fragment, protocol, key, flags = IPV4.unpack_from(slab, at)
        if kind == TYPE_IPV4 and version == PLAIN:
            if fragment & FRAGMENTED:
                return (packet,)
        elif kind == TYPE_IPV6 and size >= LEAST_UDP[6]:
            protocol, key, flags = IPV6.unpack_from(slab, at)
            least = IPV6.size
        elif is_barren(kind):
            self.skipped += 1
            return ()
        else:
            return (packet,)
        if protocol in BARREN_PROTOCOLS:
            self.skipped += 1
            return ()
        if protocol not in self._until or (protocol == TCP and size < least):
            return (packet,)
        until = self._until[protocol].get(key)
        if until is not None and ts // SECOND < until and (protocol == UDP or not flags & Flag.SYN):
            self.skipped += 1
            return ()
        return self._ask(packet, protocol, key, ip, flags)

    def _ask(self, packet: RaisedPacket, protocol: int, key: bytes, ip: int, flags: int) -> Sequence[RaisedPacket]:
        """What comes up with a packet of a flow that is not ignored, or no longer. `ip`: where its IP header begins."""
        if key[-4:-2] in TUNNEL_PORTS or key[-2:] in TUNNEL_PORTS:
            return (packet,)
        if key in self._until[protocol] and not (protocol == TCP and flags & Flag.SYN):
            return self._look_again(packet, protocol, key, ip)
        if protocol == UDP:
            up, away = self._hold_queue.udp(packet, key, ip)
        elif flags & Flag.SYN or key in self._hold_queue.held:
            up, away = self._hold_queue.tcp(packet, key, ip, flags)
            if flags & Flag.SYN and key in self._hold_queue.held:  # what the connection before it was counts no more
                self._forget(TCP, key)
        else:
            return (packet,)
        if away:
            self.skipped += away
            self._hold_queue.turned_away(key, packet[5])
            self._remember(protocol, key, packet[5])
        return up

    def _look_again(self, packet: RaisedPacket, protocol: int, key: bytes, ip: int) -> Sequence[RaisedPacket]:
        """What comes up with a packet of an ignored flow whose time has come: nothing, unless its payload may be how a
        messenger's message begins, or the stages above read the flow again already."""
        slab, _, at, size, _, ts, _ = packet
        start, stop = payload_of(slab, protocol, key, ip)
        if flow_key(*_ends_of(key), protocol) in self._hold_queue.known:
            return (packet,)
        stop = min(stop, at + size)
        if start < stop:
            if self._hold_queue.may_begin(protocol, slab, start, stop):
                return (packet,)
            self._remember(protocol, key, ts)
        self.skipped += 1
        return ()

    def _fused(self, batch: Batch, straight: NativeOrderWalk) -> Iterator[RaisedPacket]:
        """`_rows` for the plainest case, pcap of Ethernet, in one loop with the walk: half of all the time an analysis
        takes is spent here. What is rare is left to `_look`."""
        order, header = straight.order, straight.header
        glance = Struct(f"{order}I4xI{header - 12}x{GLANCE}")
        unpack, times, ports = glance.unpack_from, Struct(f"{order}II4xI").unpack_from, IPV6.unpack_from
        ipv4, ipv6, vlan, whole, fragmented = (
            int.from_bytes(word.to_bytes(2, "big"), "little" if order == "<" else "big")
            for word in (TYPE_IPV4, TYPE_IPV6, TYPES_VLAN[0], WHOLE, FRAGMENTED)
        )
        least, least_ipv6, longest = LEAST, IPV6.size, MAX_PACKET  # names of its own are quicker
        plain, udp = PLAIN, UDP
        opens, tables, held, unit, latest = OPENS, self._tables, self._hold_queue.held, straight.unit, straight.last
        slab, start, at, end, frame = batch.slab, batch.start, batch.start, batch.end, batch.first_frame - 1
        last, passed = min(end, len(slab)) - glance.size, 0
        while at <= last:
            second, size, kind, version, fragment, protocol, key, flags = unpack(slab, at)
            behind = at + header + size
            if behind > end or size > longest:
                break
            start, at, tag = at, behind, 0
            frame += 1
            if kind != ipv4 or version != plain:
                if kind == vlan and size >= least + 4:
                    tag = 4
                    _, _, kind, version, fragment, protocol, key, flags = unpack(slab, start + tag)
                if kind == ipv6 and size - tag >= least_ipv6:
                    protocol, key, flags = ports(slab, start + header + tag)
                    fragment = 0
                elif kind != ipv4 or version != plain:
                    protocol = UNREAD
            try:
                until = tables[protocol][key]
            except KeyError:
                until = -1
            if (
                second < until
                and size >= least
                and (fragment == whole or not fragment & fragmented)
                and (protocol == udp or not opens[flags])
            ):
                continue
            if protocol in BARREN_PROTOCOLS and size >= least and not fragment & fragmented:
                continue
            passed += 1
            _, fraction, wire = times(slab, start)
            ts = second * SECOND + min(fraction, latest) * unit
            packet = slab, frame, start + header, size, wire, ts, ETHERNET
            if protocol == UNREAD or size < least:
                yield from self._look(packet)
            elif not fragment & fragmented and (
                until >= 0 or opens[flags] or key in held if protocol == TCP else protocol == udp
            ):
                yield from self._ask(packet, protocol, key, start + header + tag + 14, flags)
            else:
                yield packet
        if frame >= batch.first_frame:
            second, fraction, _ = times(slab, start)
            self.frames, self.last_ts = frame, second * SECOND + min(fraction, latest) * unit
            self.skipped += frame - batch.first_frame + 1 - passed
        rest = Batch(batch.capture, slab, at, end, frame + 1, straight)
        yield from self._rows(rest.rows(), batch, frame + 1)
        stop, frames, fault = rest.finish()
        batch.walked = WalkEnd(stop, frame + frames - batch.first_frame + 1, fault)

    def read_ahead(self, _: Walk) -> None:
        """Nobody goes ahead: two threads in Python take as long as one."""

    def ignore(self, segment: Segment) -> None:
        """Both directions of the segment's flow are not instant messaging. Every time it lasts longer until the flow is
        looked at again, see `hold_queue.next_look`."""
        if segment.source[-2:] in TUNNEL_PORTS or segment.target[-2:] in TUNNEL_PORTS:
            return
        self._remember(segment.protocol, wire_key(segment.source, segment.target), segment.ts)

    def covers(self, segment: Segment) -> bool:
        """Whether this segment is one of an ignored flow that nobody needs to look at. A new connection lifts that.
        Where the time has come, a payload that may be how a messenger's message begins is looked at."""
        protocol, key = segment.protocol, wire_key(segment.source, segment.target)
        until = self._until[protocol].get(key)
        if until is None:
            return False
        if protocol == TCP and segment.flags & Flag.SYN:
            self._forget(protocol, key)
            return False
        if segment.ts // SECOND < until:
            return True
        if flow_key(segment.source, segment.target, protocol) in self._hold_queue.known:
            return False
        payload = segment.payload
        if payload:
            if self._hold_queue.may_begin(protocol, payload, 0, len(payload)):
                return False
            self._remember(protocol, key, segment.ts)
        return True

    def _remember(self, protocol: int, key: bytes, ts: int) -> None:
        """Ignore the flow, or after a look ignore it for longer."""
        table, looks, other = self._until[protocol], self._looks[protocol], reversed_key(key)
        if len(table) >= MAX_IGNORED:
            for old in list(islice(table, MAX_IGNORED // 4)):
                del table[old]
                looks.pop(old, None)
        name = min(key, other)
        level = looks[name] = min(looks.get(name, -1) + 1, MAX_LOOK)
        table[key] = table[other] = next_look(level, ts // SECOND)

    def _forget(self, protocol: int, key: bytes) -> None:
        other = reversed_key(key)
        self._until[protocol].pop(key, None)
        self._until[protocol].pop(other, None)
        self._looks[protocol].pop(min(key, other), None)


def payload_of(slab: Buffer, protocol: int, key: bytes, ip: int) -> tuple[int, int]:
    """Where the payload of a plain packet begins and, by its IP and UDP headers, ends."""
    four = len(key) == 12
    if protocol == TCP:
        length, _, offset = (IPV4_TCP if four else IPV6_TCP).unpack_from(slab, ip)
        head = ip + (20 if four else 40)
        return head + (offset >> 4) * 4, (ip if four else head) + length
    length, datagram = (IPV4_UDP if four else IPV6_UDP).unpack_from(slab, ip)
    head = ip + (20 if four else 40)
    stop = (ip if four else head) + length
    return head + 8, min(stop, head + datagram) if datagram else stop


def _ends_of(key: bytes) -> tuple[bytes, bytes]:
    """Address with port of both sides."""
    size = len(key) // 2 - 2
    return key[:size] + key[-4:-2], key[size : 2 * size] + key[-2:]
