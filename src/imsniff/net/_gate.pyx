# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
# cython: show_performance_hints=False
"""The gate, compiled: keeps the contract of `gate.py`, which is the reference, in a fraction of its time.

Native are the walk (`_packet_walk.pxi`), the glance at a frame, the tables of ignored flows (`_flow_table.pxi`), what waits on
the hold queue (`_hold_queue.pxi`), the segment in a plain packet (`_plain_segment.pxi`), and what goes ahead on another thread
(`_read_ahead.pxi`, `_prefilter.pxi`). Whatever is rarer (another link type, a fragment, a block without packet) is left to
Python.

Every byte is read through a typed memoryview with its bounds checked, and nothing is allocated for a packet that is
skipped. RaisedPacket packets are handed up in chunks, so that the walk is left once a chunk and not once a packet: a flow
found to be ignored reaches the walk with the next chunk, and what comes up of it in between is dropped by `covers`. The
other way round there is no delay: a packet that may end ignoring is the last of its chunk, lest more be skipped than
by the reference. For the same reason a flow is asked on the hold queue only when all that came up before was dealt with.
"""

import mmap
import sys
from contextlib import suppress
from itertools import chain
from os import strerror, urandom
from threading import Thread

from cython.view cimport array

from cpython.pythread cimport (
    NOWAIT_LOCK,
    WAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    PyThread_type_lock,
)
from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from imsniff.capture.batch import Batch, WalkEnd
from imsniff.capture.pcapng import ENHANCED, PACKET, SECTION, SIMPLE
from imsniff.base.limits import (
    FIRST_IGNORED_FLOWS,
    GATE_BYTES,
    GATE_CHUNK,
    IGNORE_SECONDS,
    MAX_BLOCK,
    MAX_IGNORED_FLOWS,
    MAX_LOOK,
    MAX_PACKET,
    MAX_HELD_FLOWS,
    MAX_HOLD_QUEUE_OCTETS,
    MAX_HELD_FLOW_PACKETS,
    MAX_PROBES,
    MAX_RECENT_FLOWS,
    SECOND_LOOKS,
    UNDECIDED_IDLE_NS,
)
from imsniff.net.decode import BARREN_PROTOCOLS, LEAST_ETHERTYPE, TUNNEL_PORTS
from imsniff.net.packet import ETHERTYPES
from imsniff.net.hold_queue import HoldQueue
from imsniff.net.segment import Segment, flow_key

ctypedef const unsigned char[::1] Bytes

cdef enum:
    ETHERNET = 1
    IPV4 = 0x0800
    IPV6 = 0x86DD
    VLAN = 0x8100
    QINQ = 0x88A8
    PLAIN = 0x45  # IPv4 without options
    FRAGMENTED = 0x3FFF
    TCP = 6
    UDP = 17
    FIN = 1
    SYN = 2
    RST = 4
    ACK = 16
    LEAST_IPV4 = 48  # up to the TCP flags
    LEAST_IPV6 = 68
    LEAST_UDP_IPV4 = 42  # up to the end of its header
    LEAST_UDP_IPV6 = 62
    SECOND = 1_000_000_000

cdef unsigned char[::1] TUNNELS = bytearray(1 << 16)  # whether a port is one
for port in TUNNEL_PORTS:
    TUNNELS[int.from_bytes(port, "big")] = True

cdef unsigned char[::1] NO_PROTOCOL = bytearray(1 << 8)  # in which segments are
for number in BARREN_PROTOCOLS:
    NO_PROTOCOL[number] = True

cdef unsigned char[::1] NO_TYPE = bytearray(LEAST_ETHERTYPE).ljust(1 << 16, b"\1")  # the same for Ethernet's
for number in ETHERTYPES:
    NO_TYPE[number] = False

cdef enum HeaderVerdict:
    FAULT = -1
    SKIP
    RAISE  # no hurry: its flow is not in the table
    RAISE_AT_ONCE  # it may take a flow out of the table
    ASK  # it depends on its flow: that may wait on the hold queue, or be foreign

cdef int64_t LATEST = (1 << 63) - 1, MOST_LOOKS = MAX_LOOK, FIRST_LOOKS = SECOND_LOOKS, LONGEST_IGNORED = IGNORE_SECONDS
cdef size_t LONGEST_PACKET = MAX_PACKET, LONGEST_BLOCK = MAX_BLOCK, MOST_OCTETS = MAX_HOLD_QUEUE_OCTETS
cdef Py_ssize_t MOST_HELD = MAX_HELD_FLOW_PACKETS, MOST_WAITING = MAX_HELD_FLOWS, MOST_PROBES = MAX_PROBES
cdef int64_t LONGEST_WAIT = UNDECIDED_IDLE_NS
cdef bint HOST_IS_BIG = sys.byteorder == "big"


include "_packet_walk.pxi"
include "_flow_table.pxi"
include "_hold_queue.pxi"
include "_plain_segment.pxi"


cdef class HeaderView:
    """What a glance at an Ethernet frame shows."""

    cdef Ends flow
    cdef uint64_t hash  # of the flow
    cdef size_t ip  # where its IP header begins
    cdef uint64_t protocol, flags
    cdef bint old  # IPv4
    cdef bint opens  # a TCP connection, whatever was before on the same ports

    cdef HeaderVerdict look(self, Bytes slab, size_t at, size_t size, int link, Table table) except FAULT nogil:
        """What to do with a frame whatever its flow is; ASK: it depends on that."""
        cdef size_t end = at + size, flags
        cdef uint64_t kind
        if link != ETHERNET or size < LEAST_UDP_IPV4:
            return RAISE_AT_ONCE
        kind = big16(slab, at + 12)
        while (kind == VLAN or kind == QINQ) and end - at >= LEAST_UDP_IPV4 + 4:
            at += 4
            kind = big16(slab, at + 12)
        if kind == IPV4 and slab[at + 14] == PLAIN and not big16(slab, at + 20) & FRAGMENTED:
            self.protocol, flags = slab[at + 23], at + LEAST_IPV4 - 1
            self.flow = flow_of(
                0, big32(slab, at + 26), big16(slab, at + 34), 0, big32(slab, at + 30), big16(slab, at + 36),
                self.protocol, 4,
            )
        elif kind == IPV6 and end - at >= LEAST_UDP_IPV6:
            self.protocol, flags = slab[at + 20], at + LEAST_IPV6 - 1
            self.flow = flow_of(
                big64(slab, at + 22), big64(slab, at + 30), big16(slab, at + 54),
                big64(slab, at + 38), big64(slab, at + 46), big16(slab, at + 56),
                self.protocol, 6,
            )
        else:
            return SKIP if NO_TYPE[<size_t>kind] else RAISE_AT_ONCE
        if self.protocol != TCP and self.protocol != UDP:
            return SKIP if NO_PROTOCOL[<size_t>self.protocol] else RAISE_AT_ONCE
        if self.protocol == TCP:
            if flags >= end:
                return RAISE_AT_ONCE
            self.flags = slab[flags]
        self.hash = table.hashed(self.flow)
        self.ip, self.old, self.opens = at + 14, kind == IPV4, self.protocol == TCP and self.flags & SYN != 0
        return ASK

    cdef int side(self, Bytes slab) except -1:
        """Whether the packet comes from the flow's higher end."""
        cdef uint64_t high = 0, low, port
        if self.old:
            low, port = big32(slab, self.ip + 12), big16(slab, self.ip + 20)
        else:
            high, low, port = big64(slab, self.ip + 8), big64(slab, self.ip + 16), big16(slab, self.ip + 40)
        return high != self.flow.high or low != self.flow.low or port != self.flow.rest >> 48


include "_prefilter.pxi"
include "_read_ahead.pxi"


cdef class Gate:
    """Which flows to skip, and the walk that skips them."""

    cdef readonly bint enabled
    cdef public long long frames
    cdef public long long skipped
    cdef public long long last_ts
    cdef Ignored flows
    cdef HeaderView sight  # of the packet last glanced at
    cdef Py_ssize_t chunk
    cdef size_t octets
    cdef object hold_queue
    cdef Held calls  # TCP connections of which at most one side has spoken
    cdef Held probed  # UDP flows of datagrams that no messenger sends
    cdef size_t one  # place of the flow last glanced at
    cdef bint again  # whether the packet that the course has come to was not dealt with yet

    def __init__(
        self, hold_queue=None, *, enabled=True, chunk=GATE_CHUNK, octets=GATE_BYTES, entries=MAX_IGNORED_FLOWS,
        first=FIRST_IGNORED_FLOWS, secret=None,
    ):
        """`hold_queue`: where flows wait that have not said a word. `chunk` packets are handed up at a time, or what comes
        within `octets` bytes; `entries`: size of the table, `first`: what it has of them at first."""
        self.enabled = enabled
        self.chunk = max(1, chunk)
        self.octets = octets
        self.hold_queue = hold_queue if hold_queue is not None else HoldQueue()
        self.calls, self.probed = Held(), Held()
        self.flows = Ignored(entries, first, urandom(16) if secret is None else secret)
        self.sight = HeaderView()

    @property
    def ignored(self):
        """Flows in the table, those included whose time is over. Counts them: not for every packet."""
        return len(self.flows)

    def read_ahead(self, walk):
        """Who goes ahead on a capture that is walked so; None where nobody can."""
        return ReadAhead(self.flows) if self.enabled and walk_kind(walk) is not None else None

    def raise_packets(self, batch):
        return chain.from_iterable(self._raised(batch))

    def segments(self, batch, decoder):
        return chain.from_iterable(self._decoded(batch, decoder.segments))

    def _raised(self, batch):
        """What comes up, some at a time: as many as are in a list, else one by one."""
        if not self.enabled:
            return (self._everything(batch),)
        whole, self.flows.dropped = self.flows.dropped, False
        if batch.sifted is not None:
            return self._sifted(batch.sifted, batch.first_frame, whole)
        course = walk_of(batch)
        if course is None:
            return (self._rows(batch, batch.first_frame),)
        return self._chunks(course, batch)

    def _decoded(self, batch, decode):
        cdef Bytes slab = batch.slab
        for raised in self._raised(batch):
            if type(raised) is list:
                yield self.decode(raised, batch.slab, slab, decode)
            else:
                for packet in raised:
                    yield self.decode([packet], batch.slab, slab, decode)

    cdef list decode(self, list raised, raw, Bytes slab, decode):
        cdef list segments = []
        for packet in raised:
            of, frame, at, size, wire, time, link = packet
            one = plain(slab if of is raw else of, frame, at, size, wire, time) if link == ETHERNET else None
            if one is None:
                segments.extend(decode(of, frame, at, size, wire, time, link))
            elif one is not False:
                segments.append(one)
        return segments

    def _everything(self, batch):
        for frame, row in enumerate(batch.rows(), batch.first_frame):
            self.frames, self.last_ts = frame, row[3]
            yield batch.slab, frame, *row

    def _rows(self, batch, long long frame):
        """Whatever only Python can walk."""
        cdef PacketWalk course = PacketWalk(batch)
        self.frames = frame - 1
        for course.packet, course.size, course.wire, course.time, course.link in batch.rows():
            self.frames += 1
            self.last_ts, course.frame = course.time, self.frames
            seen = self.glance(course)
            if seen == SKIP:
                self.skipped += 1
            elif seen == ASK:
                yield from self.ask(course)
            else:
                yield packet_of(course)

    def _chunks(self, PacketWalk course, batch):
        cdef list raised
        self.frames, self.again = course.frame, False
        while raised := self.walk(course):
            yield raised
        self.frames = course.frame
        if self.frames >= batch.first_frame:
            self.last_ts = course.time
        rest = Batch(batch.capture, batch.slab, course.at, batch.end, self.frames + 1, batch.walk)
        course = None
        yield self._rows(rest, self.frames + 1)
        stop, _, fault = rest.walked
        batch.walked = WalkEnd(stop, self.frames - batch.first_frame + 1, fault)

    def _sifted(self, PrefilteredBatch left, long long first, bint whole):
        cdef list raised
        self.again, left.first, left.whole = False, first, whole
        while raised := self.walk(left):
            yield raised
        self.frames = first + left.packets - 1
        if not whole:
            self.skipped += left.packets - left.left
        if left.packets:
            self.last_ts = left.rows[left.packets - 1, 3]

    cdef list walk(self, PacketWalk course):
        """The next packets that come up; none only at the end."""
        cdef list raised = []
        cdef Py_ssize_t room = self.chunk
        cdef size_t until = course.end
        cdef HeaderVerdict seen
        while self.again or (course.at < until and course.step()):
            seen = self.glance(course)
            if seen == ASK and raised:
                self.again = True
                break
            self.again = False
            self.frames = course.frame
            if seen == SKIP:
                self.skipped += 1
                continue
            if seen == ASK:
                raised = self.ask(course)
                if raised:
                    break
                continue
            raised.append(packet_of(course))
            room -= 1
            if not room or seen == RAISE_AT_ONCE:
                break
            if until == course.end:
                until = min(until, course.at + self.octets)
        return raised

    cdef HeaderVerdict glance(self, PacketWalk course) except FAULT:
        """What to do with the packet that a course has come to."""
        cdef HeaderView sight = self.sight
        cdef HeaderVerdict seen = course.look(sight, self.flows.table)
        cdef int64_t until
        if seen != ASK:
            return seen
        until = self.flows.until(sight.hash, sight.flow)
        if course.time // SECOND < until >> 4 and not sight.opens:
            return SKIP
        if tunnelled(sight.flow):
            return RAISE_AT_ONCE
        if until and not sight.opens:
            return self.look_again(course, until)
        self.one = (self.calls if sight.protocol == TCP else self.probed).find(sight.hash, sight.flow)
        if sight.protocol == UDP or sight.opens or self.one:
            return ASK
        return RAISE_AT_ONCE if until else RAISE

    cdef HeaderVerdict look_again(self, PacketWalk course, int64_t until) except FAULT:
        """A packet of an ignored flow whose time has come; see `gate.py`."""
        cdef size_t ip = self.sight.ip, head, start, stop
        cdef uint64_t length
        cdef Bytes slab = course.slab
        cdef bint udp = self.sight.protocol == UDP
        if (self.known_as(course) + b"u" if udp else self.known_as(course)) in self.hold_queue.known:
            return RAISE_AT_ONCE
        if self.sight.old:
            head, stop = ip + 20, ip + big16(slab, ip + 2)
        else:
            head, stop = ip + 40, ip + 40 + big16(slab, ip + 4)
        if udp:
            start, length = head + 8, big16(slab, head + 4)
            if length:
                stop = min(stop, head + length)
        else:
            start = head + (slab[head + 12] >> 4) * 4
        stop = min(stop, course.packet + course.size)
        if start < stop:
            if self.hold_queue.may_begin(<int>self.sight.protocol, course.raw, start, stop):
                return RAISE_AT_ONCE
            self.flows.put(self.sight.flow, next_look(until, course.time // SECOND))
        return SKIP

    # --- the hold queue ----------------------------------------------------------------------------------------------------

    cdef list ask(self, PacketWalk course):
        """What comes up with the packet last glanced at."""
        cdef size_t ip = self.sight.ip, head, stop
        if self.sight.old:
            head, stop = ip + 20, ip + big16(course.slab, ip + 2)
        else:
            head, stop = ip + 40, ip + 40 + big16(course.slab, ip + 4)
        return self.ask_tcp(course, head, stop) if self.sight.protocol == TCP else self.ask_udp(course, head, stop)

    cdef list ask_udp(self, PacketWalk course, size_t head, size_t stop):
        cdef Held held = self.probed
        cdef size_t start = head + 8, one = self.one
        cdef uint64_t length = big16(course.slab, head + 4)
        cdef list raised = []
        if length:
            stop = min(stop, head + length)
        stop = min(stop, course.packet + course.size)
        if start < stop and not (one and course.time - held.all[one].last > LONGEST_WAIT):
            foreign = self.says(self.hold_queue.foreign, course, start, stop)
            unmatchable = foreign or self.says(self.hold_queue.unmatchable, course, start, stop)
            if unmatchable and self.known_as(course) + b"u" not in self.hold_queue.known:
                if foreign:
                    return self.turn_away(course, held.forget(one) + 1)
                if not one and course.size <= MOST_OCTETS:
                    raised = held.evict()
                    one = held.begin(self.sight.hash, self.sight.flow)
                if one and held.hold(one, course):
                    nothing = self.hold_queue.nothing.get(UDP)
                    held.all[one].probes += nothing is None or nothing(course.raw, start, stop) is None
                    return self.turn_away(course, held.forget(one)) if held.all[one].probes >= MOST_PROBES else raised
        raised = held.leave(one)
        raised.append(packet_of(course))
        return raised

    cdef list ask_tcp(self, PacketWalk course, size_t head, size_t stop):
        cdef Held held = self.calls
        cdef Bytes slab = course.slab
        cdef int64_t seq = big32(slab, head + 4)
        cdef size_t offset = slab[head + 12], start = head + (offset >> 4) * 4, end = course.packet + course.size
        cdef size_t one = self.one
        cdef int side = self.sight.side(slab)
        cdef uint64_t flags = self.sight.flags
        cdef list raised
        if not one:
            if (
                flags & (SYN | ACK | FIN | RST) != SYN or start != stop or stop > end or offset < 0x50
                or course.size > MOST_OCTETS or not self.hold_queue.openings or self.known_as(course) in self.hold_queue.known
            ):
                return [packet_of(course)]
            self.flows.drop(self.sight.flow)  # what a connection before it on the same ports was counts no more
            raised = held.evict()
            one = held.begin(self.sight.hash, self.sight.flow)
            held.all[one].caller, held.all[one].following[side] = side, seq + 1 & 0xFFFFFFFF
            held.hold(one, course)
            return raised
        if course.time - held.all[one].last <= LONGEST_WAIT and offset >= 0x50:
            if start == stop and stop <= end:
                if held.is_quiet(one, side, seq, flags) and held.hold(one, course):
                    return []
            elif start < stop and not flags & SYN and seq == held.all[one].following[side]:
                if held.all[one].spoken != side and self.decides(one, side, course, start, min(stop, end)):
                    return self.turn_away(course, held.forget(one) + 1)
                if held.all[one].spoken == side and stop <= end and not flags & (FIN | RST):
                    if held.hold(one, course):
                        held.all[one].following[side] = seq + <int64_t>(stop - start) & 0xFFFFFFFF
                        return []
        raised = held.leave(one)
        raised.append(packet_of(course))
        return raised

    cdef bint decides(self, size_t one, int side, PacketWalk course, size_t start, size_t end) except -1:
        """Whether the first words of a side make its connection foreign; see `hold_queue.py`."""
        if self.says(self.hold_queue.foreign, course, start, end):
            return True
        if not self.says(self.hold_queue.unmatchable, course, start, end):
            return False
        if self.calls.all[one].spoken >= 0:
            return True
        self.calls.all[one].spoken = side
        return False

    cdef bint says(self, dict finds, PacketWalk course, size_t start, size_t end) except -1:
        """Whether the bytes are such, and nobody waits for the flow."""
        find = finds.get(<int>self.sight.protocol)
        if find is None or find(course.raw, start, end) is None:
            return False
        addresses, announced = self.hold_queue.addresses, self.hold_queue.announced
        if addresses:
            one, other = endpoints(key_at(course.slab, self.sight.ip, self.sight.old))
            if one[:-2] in addresses or other[:-2] in addresses:
                return False
        if announced:
            transport = "tcp" if self.sight.protocol == TCP else "udp"
            one, other = endpoints(key_at(course.slab, self.sight.ip, self.sight.old))
            return (transport, one) not in announced and (transport, other) not in announced
        return True

    cdef bytes known_as(self, PacketWalk course):
        """Key of the flow last glanced at, as `flows` has it."""
        return known_as(key_at(course.slab, self.sight.ip, self.sight.old))

    cdef list turn_away(self, PacketWalk course, Py_ssize_t packets):
        """The flow last glanced at is foreign: so many packets of it never come up."""
        self.skipped += packets
        self.hold_queue.turned_away(key_at(course.slab, self.sight.ip, self.sight.old), course.time)
        self.flows.put(self.sight.flow, first_look(course.time // SECOND))
        return []

    # --- verdicts -----------------------------------------------------------------------------------------------------

    def ignore(self, segment):
        """Both directions of the segment's flow are not instant messaging, see `gate.py`."""
        cdef Ends ends = segment_ends(segment.source, segment.target, segment.protocol)
        cdef int64_t until, second = segment.ts // SECOND
        if tunnelled(ends):
            return
        until = self.flows.until(self.flows.table.hashed(ends), ends)
        self.flows.put(ends, next_look(until, second) if until else first_look(second))

    def covers(self, segment):
        """Whether this segment is one of an ignored flow that nobody needs to look at, see `gate.py`."""
        cdef uint64_t protocol = segment.protocol
        cdef Ends ends = segment_ends(segment.source, segment.target, protocol)
        cdef int64_t until = self.flows.until(self.flows.table.hashed(ends), ends), second = segment.ts // SECOND
        if not until:
            return False
        if protocol == TCP and segment.flags & SYN:
            self.flows.drop(ends)
            return False
        if second < until >> 4:
            return True
        if flow_key(segment.source, segment.target, <int>protocol) in self.hold_queue.known:
            return False
        payload = segment.payload
        if payload:
            if self.hold_queue.may_begin(<int>protocol, payload, 0, len(payload)):
                return False
            self.flows.put(ends, next_look(until, second))
        return True


cdef inline int64_t first_look(int64_t second) noexcept nogil:
    """What the table keeps of a flow: the second before which it is not looked at again, and in the lowest four bits how
    often it was looked at, counted from 1."""
    return second << 4 | 1


cdef inline int64_t next_look(int64_t until, int64_t second) noexcept nogil:
    """The same after one more look; see `hold_queue.next_look`."""
    cdef int64_t looks = min(<int64_t>(until & 15), MOST_LOOKS)
    if looks >= FIRST_LOOKS:
        second += min(<int64_t>1 << (looks - FIRST_LOOKS), LONGEST_IGNORED)
    return second << 4 | (looks + 1)


cdef inline tuple packet_of(PacketWalk course):
    """As it comes up."""
    return course.raw, course.frame, course.packet, course.size, course.wire, course.time, course.link


cdef Ends segment_ends(bytes source, bytes target, uint64_t protocol) except *:
    cdef Bytes a = source, b = target
    if len(source) == 6 and len(target) == 6:
        return flow_of(0, big32(a, 0), big16(a, 4), 0, big32(b, 0), big16(b, 4), protocol, 4)
    if len(source) != 18 or len(target) != 18:
        raise ValueError("an address has 4 or 16 bytes")
    return flow_of(
        big64(a, 0), big64(a, 8), big16(a, 16), big64(b, 0), big64(b, 8), big16(b, 16), protocol, 6
    )
