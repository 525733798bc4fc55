# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
# cython: show_performance_hints=False
"""The gate, compiled: keeps the contract of `gate.py`, which is the reference, in a fraction of its time.

Native are the walk (`_courses.pxi`), the glance at a frame, the tables of ignored flows (`_table.pxi`), what waits on
the porch (`_porch.pxi`), the segment in a plain packet (`_plain.pxi`), and what goes ahead on another thread
(`_scout.pxi`, `_sieve.pxi`). Whatever is rarer (another link type, a fragment, a block without packet) is left to
Python.

Every byte is read through a typed memoryview with its bounds checked, and nothing is allocated for a packet that is
skipped. Raised packets are handed up in chunks, so that the walk is left once a chunk and not once a packet: a flow
found to be ignored reaches the walk with the next chunk, and what comes up of it in between is dropped by `covers`. The
other way round there is no delay: a packet that may end ignoring is the last of its chunk, lest more be skipped than
by the reference. For the same reason a flow is asked on the porch only when all that came up before was dealt with.
"""

import mmap
import sys
from contextlib import suppress
from itertools import chain
from os import strerror, urandom
from threading import Thread

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

from imsniff.capture.batch import Batch, Walked
from imsniff.capture.pcapng import ENHANCED, PACKET, SECTION, SIMPLE
from imsniff.limits import (
    FIRST_IGNORED_FLOWS,
    GATE_BYTES,
    GATE_CHUNK,
    HEAD_BYTES,
    IGNORE_NS,
    MAX_BLOCK,
    MAX_IGNORED_FLOWS,
    MAX_PACKET,
    MAX_PORCH,
    MAX_PORCH_OCTETS,
    MAX_PORCH_PACKETS,
    MAX_PROBES,
    MAX_RECENT_FLOWS,
    UNDECIDED_IDLE_NS,
)
from imsniff.net.decode import BARREN_PROTOCOLS, LEAST_ETHERTYPE, TUNNEL_PORTS
from imsniff.net.packet import ETHERTYPES
from imsniff.net.porch import Porch
from imsniff.net.segment import Segment

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

cdef enum Glance:
    FAULT = -1
    SKIP
    RAISE  # no hurry: its flow is not in the table
    RAISE_AT_ONCE  # it may take a flow out of the table
    ASK  # it depends on its flow: that may wait on the porch, or be foreign

cdef int64_t LATEST = (1 << 63) - 1, IGNORE_S = IGNORE_NS // SECOND
cdef size_t LONGEST_PACKET = MAX_PACKET, LONGEST_BLOCK = MAX_BLOCK, MOST_OCTETS = MAX_PORCH_OCTETS
cdef size_t FIRST_BYTES = HEAD_BYTES
cdef Py_ssize_t MOST_HELD = MAX_PORCH_PACKETS, MOST_WAITING = MAX_PORCH, MOST_PROBES = MAX_PROBES
cdef int64_t LONGEST_WAIT = UNDECIDED_IDLE_NS
cdef bint HOST_IS_BIG = sys.byteorder == "big"


include "_courses.pxi"
include "_table.pxi"
include "_porch.pxi"
include "_plain.pxi"


cdef class Sight:
    """What a glance at an Ethernet frame shows."""

    cdef Ends flow
    cdef uint64_t hash  # of the flow
    cdef size_t ip  # where its IP header begins
    cdef uint64_t protocol, flags
    cdef bint old  # IPv4
    cdef bint opens  # a TCP connection, whatever was before on the same ports

    cdef Glance look(self, Bytes slab, size_t at, size_t size, int link, Table table) except FAULT nogil:
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


include "_sieve.pxi"
include "_scout.pxi"


cdef class Gate:
    """Which flows to skip, and the walk that skips them."""

    cdef readonly bint enabled
    cdef public long long frames
    cdef public long long skipped
    cdef public long long last_ts
    cdef Ignored flows
    cdef Sight sight  # of the packet last glanced at
    cdef Py_ssize_t chunk
    cdef size_t octets
    cdef object porch
    cdef dict held, probed
    cdef bint again  # whether the packet that the course has come to was not dealt with yet

    def __init__(
        self, porch=None, *, enabled=True, chunk=GATE_CHUNK, octets=GATE_BYTES, entries=MAX_IGNORED_FLOWS,
        first=FIRST_IGNORED_FLOWS, secret=None,
    ):
        """`porch`: where flows wait that have not said a word. `chunk` packets are handed up at a time, or what comes
        within `octets` bytes; `entries`: size of the table, `first`: what it has of them at first."""
        self.enabled = enabled
        self.chunk = max(1, chunk)
        self.octets = octets
        self.porch = porch if porch is not None else Porch()
        self.held, self.probed = self.porch.held, self.porch.probed
        self.flows = Ignored(entries, first, urandom(16) if secret is None else secret)
        self.sight = Sight()

    @property
    def ignored(self):
        """Flows in the table, those included whose time is over. Counts them: not for every packet."""
        return len(self.flows)

    def scout(self, walk):
        """Who goes ahead on a capture that is walked so; None where nobody can."""
        return Scout(self.flows) if self.enabled and course_kind(walk) is not None else None

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
        course = course_of(batch)
        if course is None:
            return (self._rows(batch, batch.slab, batch.first_frame),)
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

    def _rows(self, batch, Bytes slab, long long frame):
        """Whatever only Python can walk."""
        cdef Course course = Course(batch)
        self.frames = frame - 1
        for row in batch.rows():
            self.frames += 1
            at, size, _, time, link = row
            self.last_ts = time
            course.packet, course.size, course.link, course.time = at, size, link, time
            seen = self.glance(course)
            if seen == SKIP:
                self.skipped += 1
            elif seen == ASK:
                yield from self.ask(slab, (batch.slab, self.frames, *row), at, size, time)
            else:
                yield batch.slab, self.frames, *row

    def _chunks(self, Course course, batch):
        cdef list raised
        self.frames, self.again = course.frame, False
        while raised := self.walk(course):
            yield raised
        self.frames = course.frame
        if self.frames >= batch.first_frame:
            self.last_ts = course.time
        rest = Batch(batch.capture, batch.slab, course.at, batch.end, self.frames + 1, batch.walk)
        course = None
        yield self._rows(rest, batch.slab, self.frames + 1)
        stop, _, fault = rest.walked
        batch.walked = Walked(stop, self.frames - batch.first_frame + 1, fault)

    def _sifted(self, Left left, long long first, bint whole):
        cdef list raised
        self.again, left.first, left.whole = False, first, whole
        while raised := self.walk(left):
            yield raised
        self.frames = first + left.packets - 1
        if not whole:
            self.skipped += left.packets - left.left
        if left.packets:
            self.last_ts = left.rows[left.packets - 1, 3]

    cdef list walk(self, Course course):
        """The next packets that come up; none only at the end."""
        cdef list raised = []
        cdef Py_ssize_t room = self.chunk
        cdef size_t until = course.end
        cdef Glance seen
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
            packet = (course.raw, self.frames, course.packet, course.size, course.wire, course.time, course.link)
            if seen == ASK:
                raised.extend(self.ask(course.slab, packet, course.packet, course.size, course.time))
                if raised:
                    break
                continue
            raised.append(packet)
            room -= 1
            if not room or seen == RAISE_AT_ONCE:
                break
            if until == course.end:
                until = min(until, course.at + self.octets)
        return raised

    cdef Glance glance(self, Course course) except FAULT:
        """What to do with the packet that a course has come to."""
        cdef Sight sight = self.sight
        cdef Glance seen = course.look(sight, self.flows.table)
        cdef int64_t until
        if seen != ASK:
            return seen
        until = self.flows.until(sight.hash, sight.flow)
        if course.time // SECOND < until and not sight.opens:
            return SKIP
        if tunnelled(sight.flow):
            return RAISE_AT_ONCE
        if sight.protocol == UDP or sight.opens:
            return ASK
        if self.held and key_at(course.slab, sight.ip, sight.old) in self.held:
            return ASK
        return RAISE_AT_ONCE if until else RAISE

    cdef ask(self, Bytes slab, tuple packet, size_t at, size_t size, int64_t ts):
        """What comes up with the packet last glanced at."""
        cdef bytes key = key_at(slab, self.sight.ip, self.sight.old)
        cdef size_t head, stop, end = at + size
        cdef uint64_t length
        if self.sight.old:
            head, stop = self.sight.ip + 20, self.sight.ip + big16(slab, self.sight.ip + 2)
        else:
            head, stop = self.sight.ip + 40, self.sight.ip + 40 + big16(slab, self.sight.ip + 4)
        if self.sight.flow.rest >> 8 & 0xFF == TCP:
            return self.ask_tcp(slab, packet, key, head, stop, at, end, ts)
        length = big16(slab, head + 4)
        if length:
            stop = min(stop, head + length)
        return self.ask_udp(slab, packet, key, head + 8, min(stop, end), at, end, ts)

    cdef ask_udp(
        self, Bytes slab, tuple packet, bytes key, size_t start, size_t stop, size_t at, size_t end, int64_t ts
    ):
        cdef Probed probed
        flow = known_as(key) + b"u"
        if flow in self.porch.known:
            return (packet,)
        probed = self.probed.pop(flow, None)
        if start >= stop or (probed is not None and ts - probed.last > LONGEST_WAIT):
            return gathered(probed, packet)
        if self.says(self.porch.foreign, UDP, packet[0], start, stop, key):
            return self.turn_away(ts, 1 if probed is None else len(probed.packets) + 1)
        if not self.says(self.porch.hopeless, UDP, packet[0], start, min(stop, start + FIRST_BYTES), key):
            return gathered(probed, packet)
        if probed is None:
            probed = Probed()
            probed.keep(slab, packet, at, end - at, ts)
        elif not probed.hold(slab, packet, at, end - at, ts):
            return gathered(probed, packet)
        nothing = self.porch.nothing.get(UDP)
        if nothing is None or nothing(packet[0], start, stop) is None:
            probed.probes += 1
        if probed.probes >= MOST_PROBES:
            return self.turn_away(ts, len(probed.packets))
        self.probed[flow] = probed
        if len(self.probed) <= MOST_WAITING:
            return ()
        probed = self.probed.pop(next(iter(self.probed)))
        return probed.packets

    cdef ask_tcp(
        self, Bytes slab, tuple packet, bytes key, size_t head, size_t stop, size_t at, size_t end, int64_t ts
    ):
        cdef int64_t seq = big32(slab, head + 4)
        cdef size_t offset = slab[head + 12], start = head + (offset >> 4) * 4, size = end - at
        cdef bint bare = start == stop and stop <= end and offset >= 0x50
        cdef Waiting waiting = self.held.get(key)
        if waiting is None:
            if (
                self.sight.flags & (SYN | ACK | FIN | RST) != SYN or not bare or size > MOST_OCTETS
                or not self.porch.openings or known_as(key) in self.porch.known
            ):
                return (packet,)
            waiting = Waiting()
            waiting.keep(slab, packet, at, size, ts)
            return self.hold(waiting, key, seq)
        if ts - waiting.last <= LONGEST_WAIT and offset >= 0x50:
            if start == stop and stop <= end:
                if waiting.is_quiet(key, seq, self.sight.flags) and waiting.hold(slab, packet, at, size, ts):
                    return ()
            elif start < stop and not self.sight.flags & SYN and seq == waiting.next(key):
                if waiting.spoken != key and self.decides(waiting, packet[0], start, min(stop, end), key):
                    self.leave(waiting)
                    return self.turn_away(ts, len(waiting.packets) + 1)
                if waiting.spoken == key and stop <= end and not self.sight.flags & (FIN | RST):
                    if waiting.hold(slab, packet, at, size, ts):
                        waiting.go_on(key, stop - start)
                        return ()
        self.leave(waiting)
        return (*waiting.packets, packet)

    cdef bint decides(self, Waiting waiting, raw, size_t start, size_t end, bytes key) except -1:
        """Whether the first words of a side make its connection foreign; see `porch.py`."""
        if self.says(self.porch.foreign, TCP, raw, start, end, key):
            return True
        if not self.says(self.porch.hopeless, TCP, raw, start, min(end, start + FIRST_BYTES), key):
            return False
        if waiting.spoken is not None:
            return True
        waiting.spoken = key
        return False

    cdef bint says(self, dict finds, int protocol, raw, size_t start, size_t end, bytes key) except -1:
        """Whether the bytes are such, and nobody waits for the flow."""
        find = finds.get(protocol)
        if find is None or find(raw, start, end) is None:
            return False
        announced = self.porch.announced
        if announced:
            transport = "tcp" if protocol == TCP else "udp"
            one, other = endpoints(key)
            return (transport, one) not in announced and (transport, other) not in announced
        return True

    cdef turn_away(self, int64_t ts, Py_ssize_t packets):
        """The flow last glanced at is foreign: so many packets of it never come up."""
        self.skipped += packets
        self.flows.put(self.sight.flow, ts // SECOND + IGNORE_S)
        return ()

    cdef hold(self, Waiting waiting, bytes key, int64_t seq):
        """A connection begins; what one before it on the same ports was counts no more. Who waits the longest makes
        room."""
        cdef Waiting oldest
        waiting.key, waiting.back = key, turned_key(key)
        waiting.caller, waiting.called = seq + 1 & 0xFFFFFFFF, -1
        self.flows.drop(self.sight.flow)
        self.held[key] = self.held[waiting.back] = waiting
        if len(self.held) <= 2 * MOST_WAITING:
            return ()
        oldest = next(iter(self.held.values()))
        self.leave(oldest)
        return oldest.packets

    cdef leave(self, Waiting waiting):
        del self.held[waiting.key]
        self.held.pop(waiting.back, None)

    # --- verdicts -----------------------------------------------------------------------------------------------------

    def ignore(self, segment):
        """Both directions of the segment's flow are not instant messaging, for IGNORE_NS from now."""
        cdef Ends ends = segment_ends(segment.source, segment.target, segment.protocol)
        if tunnelled(ends):
            return
        self.flows.put(ends, (segment.ts + IGNORE_NS) // SECOND)

    def covers(self, segment):
        """Whether this segment belongs to an ignored flow. A new connection or the end of the time lifts that."""
        cdef uint64_t protocol = segment.protocol
        cdef Ends ends = segment_ends(segment.source, segment.target, protocol)
        cdef int64_t until = self.flows.until(self.flows.table.hashed(ends), ends)
        if not until:
            return False
        if segment.ts // SECOND < until and not (protocol == TCP and segment.flags & SYN):
            return True
        self.flows.drop(ends)
        return False


cdef tuple gathered(Held held, tuple packet):
    """What was held of a flow, if anything was, and the packet after it."""
    return (packet,) if held is None else (*held.packets, packet)


cdef Ends segment_ends(bytes source, bytes target, uint64_t protocol) except *:
    cdef Bytes a = source, b = target
    if len(source) == 6 and len(target) == 6:
        return flow_of(0, big32(a, 0), big16(a, 4), 0, big32(b, 0), big16(b, 4), protocol, 4)
    if len(source) != 18 or len(target) != 18:
        raise ValueError("an address has 4 or 16 bytes")
    return flow_of(
        big64(a, 0), big64(a, 8), big16(a, 16), big64(b, 0), big64(b, 8), big16(b, 16), protocol, 6
    )
