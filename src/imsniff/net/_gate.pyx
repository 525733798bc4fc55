# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
# cython: show_performance_hints=False
"""The gate, compiled: keeps the contract of `gate.py`, which is the reference, in a fraction of its time.

Three things are native: how packets follow each other (`Course` and its kinds), the glance at a frame, and the table
of ignored flows. Whatever is rarer (another link type, a fragment, a block without packet) is left to Python.

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
from os import urandom

from libc.stdint cimport int64_t, uint32_t, uint64_t

from imsniff.capture.batch import Batch, Walked
from imsniff.capture.pcapng import ENHANCED, PACKET, SECTION, SIMPLE
from imsniff.limits import (
    GATE_BYTES,
    GATE_CHUNK,
    IGNORE_NS,
    MAX_BLOCK,
    MAX_IGNORED_FLOWS,
    MAX_PACKET,
    MAX_PORCH,
    MAX_PORCH_OCTETS,
    MAX_PORCH_PACKETS,
    UNDECIDED_IDLE_NS,
)
from imsniff.net.decode import BARREN_ETHERTYPES, BARREN_PROTOCOLS, TUNNEL_PORTS
from imsniff.net.porch import Porch

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
    LEAST_IPV4 = 48  # up to the TCP flags, whatever the protocol, as in the reference
    LEAST_IPV6 = 68
    SECOND = 1_000_000_000

cdef unsigned char[::1] TUNNELS = bytearray(1 << 16)  # whether a port is one
for port in TUNNEL_PORTS:
    TUNNELS[int.from_bytes(port, "big")] = True

cdef unsigned char[::1] NO_PROTOCOL = bytearray(1 << 8), NO_ETHERTYPE = bytearray(1 << 16)  # in which segments are
for number in BARREN_PROTOCOLS:
    NO_PROTOCOL[number] = True
for number in BARREN_ETHERTYPES:
    NO_ETHERTYPE[number] = True

cdef enum Glance:
    SKIP
    RAISE  # no hurry: its flow is not in the table
    RAISE_AT_ONCE  # it may take a flow out of the table
    ASK  # its flow may be one that waits on the porch, or that is foreign

cdef int64_t LATEST = (1 << 63) - 1
cdef size_t LONGEST_PACKET = MAX_PACKET, LONGEST_BLOCK = MAX_BLOCK, MOST_OCTETS = MAX_PORCH_OCTETS
cdef Py_ssize_t MOST_HELD = MAX_PORCH_PACKETS, MOST_WAITING = MAX_PORCH
cdef int64_t LONGEST_WAIT = UNDECIDED_IDLE_NS
cdef bint HOST_IS_BIG = sys.byteorder == "big"


# --- reading ----------------------------------------------------------------------------------------------------------

cdef inline uint64_t big16(Bytes slab, size_t at) except? 0xFFFF nogil:
    return <uint64_t>slab[at] << 8 | slab[at + 1]


cdef inline uint64_t big32(Bytes slab, size_t at) except? 0xFFFFFFFFU nogil:
    return <uint64_t>slab[at] << 24 | <uint64_t>slab[at + 1] << 16 | <uint64_t>slab[at + 2] << 8 | slab[at + 3]


cdef inline uint64_t big64(Bytes slab, size_t at) except? 0xFFFFFFFFU nogil:
    return big32(slab, at) << 32 | big32(slab, at + 4)


cdef inline uint64_t word32(Bytes slab, size_t at, bint big) except? 0xFFFFFFFFU nogil:
    """In whatever order a file has."""
    if big:
        return big32(slab, at)
    return <uint64_t>slab[at + 3] << 24 | <uint64_t>slab[at + 2] << 16 | <uint64_t>slab[at + 1] << 8 | slab[at]


# --- how packets follow each other ------------------------------------------------------------------------------------

cdef class Course:
    """A walk over a batch. After a step the fields tell of the packet it came to."""

    cdef object raw
    cdef Bytes slab
    cdef size_t at, end  # the next record; behind the last byte
    cdef size_t packet, size  # the first byte, and how many were captured
    cdef uint64_t wire
    cdef int64_t time  # nanoseconds
    cdef int link

    def __init__(self, batch):
        self.raw = self.slab = batch.slab
        self.end = min(batch.end, len(batch.slab))
        self.at = min(batch.start, self.end)

    cdef bint step(self) except -1:
        """To the next packet; False where Python must look at what is at `at`: the end, a cut or a corrupt record."""
        raise NotImplementedError


cdef class Records(Course):
    """The records of a pcap file."""

    cdef size_t header
    cdef int64_t unit
    cdef uint64_t last  # the largest fraction of a second
    cdef bint big

    def __init__(self, batch):
        Course.__init__(self, batch)
        straight = batch.walk
        self.header, self.unit, self.link, self.big = straight.header, straight.unit, straight.link, straight.order == ">"
        self.last = straight.last

    cdef bint step(self) except -1:
        cdef size_t at = self.at, packet = at + self.header, size
        if packet > self.end:
            return False
        size = word32(self.slab, at + 8, self.big)
        if size > LONGEST_PACKET or packet + size > self.end:
            return False
        self.packet, self.size, self.at = packet, size, packet + size
        self.wire = word32(self.slab, at + 12, self.big)
        self.time = word32(self.slab, at, self.big) * <int64_t>SECOND
        self.time += <int64_t>min(word32(self.slab, at + 4, self.big), self.last) * self.unit
        return True


cdef class RingBlock(Course):
    """The packets of a block of the kernel's ring, each with the distance to the next."""

    def __init__(self, batch):
        Course.__init__(self, batch)
        self.link = batch.walk.link

    cdef bint step(self) except -1:
        cdef size_t at = self.at, packet, size, distance
        self.at = self.end  # whatever is wrong with it, there is nothing more behind a block's last packet
        if at + 28 > self.end:
            return False
        distance, size = word32(self.slab, at, HOST_IS_BIG), word32(self.slab, at + 12, HOST_IS_BIG)
        packet = at + (word32(self.slab, at + 24, HOST_IS_BIG) & 0xFFFF)
        if HOST_IS_BIG:
            packet = at + big16(self.slab, at + 24)
        if packet + size > self.end:
            return False
        self.packet, self.size = packet, size
        self.wire = word32(self.slab, at + 16, HOST_IS_BIG)
        self.time = word32(self.slab, at + 4, HOST_IS_BIG) * <int64_t>SECOND + word32(self.slab, at + 8, HOST_IS_BIG)
        if distance:
            self.at = min(at + distance, self.end)
        return True


cdef enum:
    SECTION_BLOCK = 0x0A0D0D0A
    OLD_BLOCK = 2
    SIMPLE_BLOCK = 3
    ENHANCED_BLOCK = 6

assert (SECTION, PACKET, SIMPLE, ENHANCED) == (SECTION_BLOCK, OLD_BLOCK, SIMPLE_BLOCK, ENHANCED_BLOCK)


cdef class Blocks(Course):
    """The blocks of a pcapng file. Those without packet, which may change how others are read, are read by Python."""

    cdef object walker
    cdef object aside, rows  # the batch that Python walks just now, and what comes of it
    cdef bint big
    cdef bint known  # whether the rest tells of interface `number`
    cdef uint64_t number, snaplen
    cdef int kind
    cdef int64_t times, plus
    cdef uint64_t native  # ticks below this make nanoseconds without overflow

    def __init__(self, batch):
        Course.__init__(self, batch)
        self.walker = batch.walk.__self__
        self.big = self.walker.order == ">"

    cdef bint step(self) except -1:
        cdef size_t at, behind
        cdef uint64_t kind, length
        while True:
            if self.rows is not None:
                if self._row():
                    return True
                if self.at < self.aside.end:
                    return False
            at = self.at
            if at + 12 > self.end:
                return False
            kind = word32(self.slab, at, self.big)
            length = word32(self.slab, at + 4, self.big if kind != SECTION_BLOCK else self.slab[at + 8] == 0x1A)
            behind = at + (length + 3 & ~<uint64_t>3)
            if length < 12 or length > LONGEST_BLOCK or behind > self.end:
                return False
            if kind != ENHANCED_BLOCK and kind != SIMPLE_BLOCK and kind != OLD_BLOCK:
                self._set_aside(behind, kind != SECTION_BLOCK)
            elif word32(self.slab, behind - 4, self.big) != length or not self._packet(kind, length):
                return False
            else:
                self.at = behind
                return True

    cdef bint _packet(self, uint64_t kind, uint64_t length) except -1:
        """The packet of the block at `at`; False where there is something wrong with it."""
        cdef size_t at = self.at
        cdef uint64_t number = 0, ticks
        if length < (16 if kind == SIMPLE_BLOCK else 32):
            return False
        if kind != SIMPLE_BLOCK:
            number = word32(self.slab, at + 8, self.big)
        if kind == OLD_BLOCK:
            number = (number >> 16 if self.big else number) & 0xFFFF
        if not (self.known and self.number == number) and not self._learn(number):
            return False
        if kind == SIMPLE_BLOCK:
            self.wire = word32(self.slab, at + 8, self.big)
            self.packet, self.size, self.time = at + 12, min(self.wire, length - 16), 0
            if self.snaplen:
                self.size = min(self.size, self.snaplen)
        else:
            self.packet, self.size = at + 28, word32(self.slab, at + 20, self.big)
            if self.size > length - 32:
                return False
            self.wire = word32(self.slab, at + 24, self.big)
            ticks = word32(self.slab, at + 12, self.big) << 32 | word32(self.slab, at + 16, self.big)
            self.time = <int64_t>ticks * self.times + self.plus if ticks < self.native else self._slow_time(ticks)
            self.time = max(self.time, 0)
        self.link = self.kind
        return self.size <= LONGEST_PACKET

    cdef bint _learn(self, uint64_t number) except -1:
        """Get to know an interface; False where there is no such."""
        interfaces = self.walker.interfaces
        self.known = number < <uint64_t>len(interfaces)
        if self.known:
            self.number = number
            self.kind, self.snaplen, times, by, plus = interfaces[number]
            simple = by == 1 and abs(plus) < 1 << 62
            self.times, self.plus, self.native = (times, plus, (1 << 62) // times) if simple else (0, 0, 0)
        return self.known

    cdef int64_t _slow_time(self, uint64_t ticks) except? -1:
        """Units that are no power of ten, and years that no capture is of."""
        _, _, times, by, plus = self.walker.interfaces[self.number]
        return min(max(0, ticks * times // by + plus), LATEST)

    cdef int _set_aside(self, size_t behind, bint more) except -1:
        """Have Python walk the block that ends at `behind`, and with `more` those like it that follow."""
        cdef uint64_t kind, length
        while more and behind + 12 <= self.end:
            kind, length = word32(self.slab, behind, self.big), word32(self.slab, behind + 4, self.big)
            more = kind not in (ENHANCED_BLOCK, SIMPLE_BLOCK, OLD_BLOCK, SECTION_BLOCK) and 12 <= length <= LONGEST_BLOCK
            if more and behind + (length + 3 & ~<uint64_t>3) <= self.end:
                behind += length + 3 & ~<uint64_t>3
            else:
                more = False
        self.aside = Batch("", self.raw, self.at, behind, 1, self.walker.walk)
        self.rows = self.aside.rows()
        return 0

    cdef bint _row(self) except -1:
        """The next row of what Python walks; False at its end."""
        row = next(self.rows, None)
        if row is None:
            self.rows, self.at, self.known, self.big = None, self.aside.walked.stop, False, self.walker.order == ">"
            return False
        self.packet, self.size, self.wire, self.time, self.link = row
        return True


COURSES = {
    "imsniff.capture.pcap.Straight": Records,
    "imsniff.capture.pcapng.Pcapng": Blocks,
    "imsniff.capture.ring.Blocks": RingBlock,
}
"""By what a batch's walk is, or is a method of; by name, since none is imported that is not in use."""


def course_of(batch):
    kind = type(getattr(batch.walk, "__self__", batch.walk))
    course = COURSES.get(f"{kind.__module__}.{kind.__qualname__}")
    return None if course is None else course(batch)


# --- the table of ignored flows ---------------------------------------------------------------------------------------

cdef struct Ends:
    # Both ends of a flow, the lower first, so that its directions are alike. An IPv4 address is all in the low word.
    uint64_t high, low, other_high, other_low
    uint64_t rest  # ports, protocol, IP version


cdef inline Ends flow_of(
    uint64_t high, uint64_t low, uint64_t port,
    uint64_t other_high, uint64_t other_low, uint64_t other_port,
    uint64_t protocol, uint64_t version,
) noexcept nogil:
    cdef bint swap
    if high != other_high:
        swap = high > other_high
    elif low != other_low:
        swap = low > other_low
    else:
        swap = port > other_port
    if swap:
        return Ends(other_high, other_low, high, low, other_port << 48 | port << 32 | protocol << 8 | version)
    return Ends(high, low, other_high, other_low, port << 48 | other_port << 32 | protocol << 8 | version)


cdef inline bint tunnelled(Ends ends) except -1 nogil:
    """Whether the flow may be a tunnel, which carries other flows."""
    return TUNNELS[<size_t>(ends.rest >> 48)] or TUNNELS[<size_t>(ends.rest >> 32 & 0xFFFF)]


cdef struct Sip:
    uint64_t a, b, c, d


cdef inline uint64_t turned(uint64_t word, int by) noexcept nogil:
    return word << by | word >> (64 - by)


cdef inline Sip sip_round(Sip s) noexcept nogil:
    s.a += s.b
    s.b = turned(s.b, 13) ^ s.a
    s.a = turned(s.a, 32)
    s.c += s.d
    s.d = turned(s.d, 16) ^ s.c
    s.a += s.d
    s.d = turned(s.d, 21) ^ s.a
    s.c += s.b
    s.b = turned(s.b, 17) ^ s.c
    s.c = turned(s.c, 32)
    return s


cdef inline Sip sip_word(Sip s, uint64_t word) noexcept nogil:
    s.d ^= word
    s = sip_round(s)
    s.a ^= word
    return s


cdef enum:
    WAYS = 8
    WORDS = 5


def zeros(size):
    """Memory of this process alone, that costs next to nothing until it is written to."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return memoryview(mmap.mmap(-1, size))
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):  # entries lie all over it: with small pages each of the first ones is a fault
        with suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)


cdef class Table:
    """Flows, each with the second at which it ends. Memory is fixed: where it is full, what ends first goes.

        bucket    WAYS entries; a flow is in one of two buckets, in the emptier one when it came
        mark      bits of its hash; 0: free
        ends      WORDS words, see `Ends`
        until     the second

    The hash is SipHash-1-3 under a secret, so that nobody can send flows that all meet in one bucket."""

    cdef uint64_t secret, other_secret
    cdef uint64_t buckets
    cdef uint32_t[::1] marks
    cdef uint64_t[::1] ends
    cdef int64_t[::1] until

    def __init__(self, entries, secret):
        self.secret = int.from_bytes(secret[:8], "little")
        self.other_secret = int.from_bytes(secret[8:16], "little")
        self.buckets = max(1, entries // WAYS)
        size = self.buckets * WAYS
        self.marks = zeros(size * 4).cast("I")
        self.ends = zeros(size * WORDS * 8).cast("Q")
        self.until = zeros(size * 8).cast("q")

    def __len__(self):
        return sum(1 for mark in self.marks if mark)

    cdef inline uint64_t hashed(self, Ends ends) noexcept nogil:
        cdef Sip s = Sip(
            self.secret ^ 0x736F6D6570736575ULL, self.other_secret ^ 0x646F72616E646F6DULL,
            self.secret ^ 0x6C7967656E657261ULL, self.other_secret ^ 0x7465646279746573ULL,
        )
        if ends.rest & 0xFF == 4:
            s = sip_word(s, ends.low << 32 | ends.other_low)
        else:
            s = sip_word(sip_word(s, ends.high), ends.low)
            s = sip_word(sip_word(s, ends.other_high), ends.other_low)
        s = sip_word(s, ends.rest)
        s.c ^= 0xFF
        s = sip_round(sip_round(sip_round(s)))
        return s.a ^ s.b ^ s.c ^ s.d

    cdef inline size_t bucket(self, uint64_t half) noexcept nogil:
        """The first entry of the bucket that 32 bits of the hash lead to."""
        return half * self.buckets >> 32 << 3

    cdef inline Py_ssize_t among(self, size_t first, uint32_t mark, Ends ends) except -2 nogil:
        cdef size_t entry, word
        for entry in range(first, first + WAYS):
            if self.marks[entry] == mark:
                word = entry * WORDS
                if (
                    self.ends[word + 4] == ends.rest
                    and self.ends[word + 1] == ends.low
                    and self.ends[word + 3] == ends.other_low
                    and self.ends[word] == ends.high
                    and self.ends[word + 2] == ends.other_high
                ):
                    return entry
        return -1

    cdef inline Py_ssize_t find(self, Ends ends) except -2 nogil:
        """The flow's entry, or -1."""
        cdef uint64_t hash = self.hashed(ends)
        cdef uint32_t mark = <uint32_t>hash | 1
        cdef Py_ssize_t entry = self.among(self.bucket(hash >> 32), mark, ends)
        return entry if entry >= 0 else self.among(self.bucket(hash & 0xFFFFFFFFU), mark, ends)

    cdef int put(self, Ends ends, int64_t until) except -1 nogil:
        cdef uint64_t hash
        cdef Py_ssize_t found = self.find(ends)
        cdef size_t entry, word
        if found >= 0:
            entry = found
        else:
            hash = self.hashed(ends)
            entry = self.place(self.bucket(hash >> 32), self.bucket(hash & 0xFFFFFFFFU))
            self.marks[entry] = <uint32_t>hash | 1
            word = entry * WORDS
            self.ends[word], self.ends[word + 1] = ends.high, ends.low
            self.ends[word + 2], self.ends[word + 3] = ends.other_high, ends.other_low
            self.ends[word + 4] = ends.rest
        self.until[entry] = until
        return 0

    cdef size_t place(self, size_t one, size_t other) except? 0 nogil:
        """An entry for a new flow in one of two buckets: the emptier one's first free entry, else what ends first."""
        cdef size_t number, entry, free = 0, most = 0, best = one, first = one
        for number in range(2 * WAYS):
            if number == WAYS:
                free = 0
            entry = (one if number < WAYS else other) + number % WAYS
            if not self.marks[entry]:
                free += 1
                if free > most:
                    most, best = free, entry
            elif self.until[entry] < self.until[first]:
                first = entry
        return best if most else first

    cdef int drop(self, Ends ends) except -1 nogil:
        cdef Py_ssize_t entry = self.find(ends)
        if entry >= 0:
            self.marks[<size_t>entry] = 0
        return 0


# --- the porch: see `porch.py`, which is the reference ----------------------------------------------------------------

cdef inline bytes piece(Bytes slab, size_t at, size_t size):
    """A copy of some bytes."""
    if at > <size_t>slab.shape[0] or size > slab.shape[0] - at:
        raise IndexError("a glance goes no further than its packet")
    return (<const char *>&slab[at])[:size] if size else b""


cdef inline bytes key_at(Bytes slab, size_t ip):
    """Addresses and ports as they stand in and behind an IP header."""
    return piece(slab, ip + 12, 12) if slab[ip] == PLAIN else piece(slab, ip + 8, 36)


cdef tuple endpoints(bytes key):
    cdef Py_ssize_t size = len(key) // 2 - 2
    return key[:size] + key[2 * size : 2 * size + 2], key[size : 2 * size] + key[2 * size + 2 :]


cdef bytes known_as(bytes key):
    """As `flows` has it."""
    one, other = endpoints(key)
    return one + other if one < other else other + one


cdef bytes turned_key(bytes key):
    """Of the other direction."""
    cdef Py_ssize_t size = len(key) // 2 - 2
    return key[size : 2 * size] + key[:size] + key[2 * size + 2 :] + key[2 * size : 2 * size + 2]


cdef class Waiting:
    """A TCP connection of which at most one side has spoken."""

    cdef bytes key, back  # of the direction of the SYN, and of the other
    cdef bytes spoken  # of the side that has spoken, and begins as no messenger does
    cdef int64_t caller, called  # sequence number of either side's next byte; -1: not known
    cdef int64_t last
    cdef size_t octets
    cdef list packets

    cdef int64_t next(self, bytes key):
        return self.caller if key == self.key else self.called

    cdef go_on(self, bytes key, size_t octets):
        if key == self.key:
            self.caller = self.caller + <int64_t>octets & 0xFFFFFFFF
        else:
            self.called = self.called + <int64_t>octets & 0xFFFFFFFF

    cdef bint hold(self, Bytes slab, tuple packet, size_t at, size_t size, int64_t ts) except -1:
        self.octets += size
        if len(self.packets) >= MOST_HELD or self.octets > MOST_OCTETS:
            return False
        self.packets.append((piece(slab, at, size), packet[1], 0, *packet[3:]))
        self.last = ts
        return True

    cdef bint is_quiet(self, bytes key, int64_t seq, uint64_t flags):
        cdef int64_t following = seq + 1 & 0xFFFFFFFF
        if not flags & SYN:
            return not flags & (FIN | RST)
        if flags & (FIN | RST) or self.spoken is not None:
            return False
        if key == self.key:
            return not flags & ACK and following == self.caller
        if not flags & ACK or (self.called >= 0 and self.called != following):
            return False
        self.called = following
        return True


# --- the gate ---------------------------------------------------------------------------------------------------------

cdef class Gate:
    """Which flows to skip, and the walk that skips them."""

    cdef readonly bint enabled
    cdef public long long frames
    cdef public long long skipped
    cdef public long long last_ts
    cdef Table table
    cdef Py_ssize_t chunk
    cdef size_t octets
    cdef object porch
    cdef dict held
    cdef bint again  # whether the packet that the course has come to was not dealt with yet
    # of the packet last glanced at, where it is to be asked about:
    cdef Ends flow
    cdef size_t ip
    cdef uint64_t flags

    def __init__(
        self, porch=None, *, enabled=True, chunk=GATE_CHUNK, octets=GATE_BYTES, entries=MAX_IGNORED_FLOWS, secret=None
    ):
        """`porch`: where flows wait that have not said a word. `chunk` packets are handed up at a time, or what comes within `octets` bytes; `entries`: size of the table."""
        self.enabled = enabled
        self.chunk = max(1, chunk)
        self.octets = octets
        self.porch = porch if porch is not None else Porch()
        self.held = self.porch.held
        self.table = Table(entries, urandom(16) if secret is None else secret)

    @property
    def ignored(self):
        """Flows in the table, those included whose time is over. Counts them: not for every packet."""
        return len(self.table)

    def raise_packets(self, batch):
        if not self.enabled:
            return self._everything(batch)
        course = course_of(batch)
        if course is None:
            return self._rows(batch, batch.slab, batch.first_frame)
        return chain.from_iterable(self._chunks(course, batch))

    def _everything(self, batch):
        for frame, row in enumerate(batch.rows(), batch.first_frame):
            self.frames, self.last_ts = frame, row[3]
            yield batch.slab, frame, *row

    def _rows(self, batch, Bytes slab, long long frame):
        """Whatever only Python can walk."""
        self.frames = frame - 1
        for row in batch.rows():
            self.frames += 1
            at, size, _, time, link = row
            seen, self.last_ts = RAISE, time
            if link == ETHERNET and size >= LEAST_IPV4:
                seen = self.glance(slab, at, size, time // SECOND)
            if seen == SKIP:
                self.skipped += 1
            elif seen == ASK:
                yield from self.ask(slab, (batch.slab, self.frames, *row), at, size, time)
            else:
                yield batch.slab, self.frames, *row

    def _chunks(self, Course course, batch):
        cdef list raised
        self.frames, self.again = batch.first_frame - 1, False
        while True:
            raised = self.walk(course)
            yield raised
            if not raised:
                break
        if self.frames >= batch.first_frame:
            self.last_ts = course.time
        rest = Batch(batch.capture, batch.slab, course.at, batch.end, self.frames + 1, batch.walk)
        course = None
        yield self._rows(rest, batch.slab, self.frames + 1)
        stop, _, fault = rest.walked
        batch.walked = Walked(stop, self.frames - batch.first_frame + 1, fault)

    cdef list walk(self, Course course):
        """The next packets that come up; none only at the end."""
        cdef list raised = []
        cdef Py_ssize_t room = self.chunk
        cdef size_t until = course.end
        cdef Glance seen
        while self.again or (course.at < until and course.step()):
            seen = RAISE_AT_ONCE
            if course.link == ETHERNET and course.size >= LEAST_IPV4:
                seen = self.glance(course.slab, course.packet, course.size, course.time // SECOND)
            if seen == ASK and raised:
                self.again = True
                break
            self.again = False
            self.frames += 1
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

    cdef Glance glance(self, Bytes slab, size_t at, size_t size, int64_t second) except? SKIP:
        """What to do with an Ethernet frame."""
        cdef size_t end = at + size
        cdef uint64_t kind = big16(slab, at + 12), protocol, flags
        cdef Ends ends
        cdef Py_ssize_t entry
        while (kind == VLAN or kind == QINQ) and end - at >= LEAST_IPV4 + 4:
            at += 4
            kind = big16(slab, at + 12)
        if kind == IPV4 and slab[at + 14] == PLAIN and not big16(slab, at + 20) & FRAGMENTED:
            protocol, flags = slab[at + 23], slab[at + 47]
            ends = flow_of(
                0, big32(slab, at + 26), big16(slab, at + 34), 0, big32(slab, at + 30), big16(slab, at + 36), protocol, 4
            )
        elif kind == IPV6 and end - at >= LEAST_IPV6:
            protocol, flags = slab[at + 20], slab[at + 67]
            ends = flow_of(
                big64(slab, at + 22), big64(slab, at + 30), big16(slab, at + 54),
                big64(slab, at + 38), big64(slab, at + 46), big16(slab, at + 56),
                protocol, 6,
            )
        else:
            return SKIP if NO_ETHERTYPE[<size_t>kind] else RAISE_AT_ONCE
        if protocol != TCP and protocol != UDP:
            return SKIP if NO_PROTOCOL[<size_t>protocol] else RAISE_AT_ONCE
        entry = self.table.find(ends)
        if entry >= 0 and second < self.table.until[<size_t>entry] and not (protocol == TCP and flags & SYN):
            return SKIP
        if tunnelled(ends):
            return RAISE_AT_ONCE
        if protocol == UDP or flags & SYN or (self.held and key_at(slab, at + 14) in self.held):
            self.flow, self.ip, self.flags = ends, at + 14, flags
            return ASK
        return RAISE if entry < 0 else RAISE_AT_ONCE

    cdef ask(self, Bytes slab, tuple packet, size_t at, size_t size, int64_t ts):
        """What comes up with the packet last glanced at."""
        cdef bytes key = key_at(slab, self.ip)
        cdef size_t head, stop, end = at + size
        cdef uint64_t length
        if slab[self.ip] == PLAIN:
            head, stop = self.ip + 20, self.ip + big16(slab, self.ip + 2)
        else:
            head, stop = self.ip + 40, self.ip + 40 + big16(slab, self.ip + 4)
        if self.flow.rest >> 8 & 0xFF == TCP:
            return self.ask_tcp(slab, packet, key, head, stop, at, end, ts)
        length = big16(slab, head + 4)
        if length:
            stop = min(stop, head + length)
        if head + 8 < stop and self.foreign(self.porch.foreign.get(UDP), UDP, packet[0], head + 8, min(stop, end), key):
            if known_as(key) + b"u" not in self.porch.known:
                return self.turn_away(ts, 1)
        return (packet,)

    cdef ask_tcp(
        self, Bytes slab, tuple packet, bytes key, size_t head, size_t stop, size_t at, size_t end, int64_t ts
    ):
        cdef int64_t seq = big32(slab, head + 4)
        cdef size_t offset = slab[head + 12], start = head + (offset >> 4) * 4, size = end - at
        cdef bint bare = start == stop and stop <= end and offset >= 0x50
        cdef Waiting waiting = self.held.get(key)
        if waiting is None:
            if (
                self.flags & (SYN | ACK | FIN | RST) != SYN or not bare or size > MOST_OCTETS
                or not self.porch.openings or known_as(key) in self.porch.known
            ):
                return (packet,)
            return self.hold(key, seq, (piece(slab, at, size), packet[1], 0, *packet[3:]), ts)
        if ts - waiting.last <= LONGEST_WAIT and offset >= 0x50:
            if start == stop and stop <= end:
                if waiting.is_quiet(key, seq, self.flags) and waiting.hold(slab, packet, at, size, ts):
                    return ()
            elif start < stop and not self.flags & SYN and seq == waiting.next(key):
                if waiting.spoken != key and self.decides(waiting, packet[0], start, min(stop, end), key):
                    self.leave(waiting)
                    return self.turn_away(ts, len(waiting.packets) + 1)
                if waiting.spoken == key and stop <= end and not self.flags & (FIN | RST):
                    if waiting.hold(slab, packet, at, size, ts):
                        waiting.go_on(key, stop - start)
                        return ()
        self.leave(waiting)
        return (*waiting.packets, packet)

    cdef bint decides(self, Waiting waiting, raw, size_t start, size_t end, bytes key) except -1:
        """Whether the first words of a side make its connection foreign; see `porch.py`."""
        if self.foreign(self.porch.foreign.get(TCP), TCP, raw, start, end, key):
            return True
        if not self.foreign(self.porch.hopeless, TCP, raw, start, end, key):
            return False
        if waiting.spoken is not None:
            return True
        waiting.spoken = key
        return False

    cdef bint foreign(self, find, int protocol, raw, size_t start, size_t end, bytes key) except -1:
        """Whether the bytes are such, and nobody waits for the flow."""
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
        self.table.put(self.flow, (ts + <int64_t>IGNORE_NS) // SECOND)
        return ()

    cdef hold(self, bytes key, int64_t seq, tuple packet, int64_t ts):
        """A connection begins; what one before it on the same ports was counts no more. Who waits the longest makes
        room."""
        cdef Waiting waiting = Waiting(), oldest
        waiting.key, waiting.back, waiting.last, waiting.packets = key, turned_key(key), ts, [packet]
        waiting.caller, waiting.called, waiting.octets = seq + 1 & 0xFFFFFFFF, -1, packet[3]
        self.table.drop(self.flow)
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
        self.table.put(ends, (segment.ts + IGNORE_NS) // SECOND)

    def covers(self, segment):
        """Whether this segment belongs to an ignored flow. A new connection or the end of the time lifts that."""
        cdef uint64_t protocol = segment.protocol
        cdef Ends ends = segment_ends(segment.source, segment.target, protocol)
        cdef Py_ssize_t entry = self.table.find(ends)
        if entry < 0:
            return False
        if segment.ts // SECOND < self.table.until[<size_t>entry] and not (protocol == TCP and segment.flags & SYN):
            return True
        self.table.drop(ends)
        return False


cdef Ends segment_ends(bytes source, bytes target, uint64_t protocol) except *:
    cdef Bytes a = source, b = target
    if len(source) == 6 and len(target) == 6:
        return flow_of(0, big32(a, 0), big16(a, 4), 0, big32(b, 0), big16(b, 4), protocol, 4)
    if len(source) != 18 or len(target) != 18:
        raise ValueError("an address has 4 or 16 bytes")
    return flow_of(
        big64(a, 0), big64(a, 8), big16(a, 16), big64(b, 0), big64(b, 8), big16(b, 16), protocol, 6
    )
