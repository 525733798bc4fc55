# How packets follow each other: part of `_gate.pyx`. A course walks a batch as `capture` does, and leaves to Python
# whatever is rare in it.

cdef extern from *:
    const uint64_t FAULTY "UINT64_MAX"  # no number of fewer bytes: to ask whether it is an error takes the lock


cdef inline uint64_t big16(Bytes slab, size_t at) except FAULTY nogil:
    return <uint64_t>slab[at] << 8 | slab[at + 1]


cdef inline uint64_t big32(Bytes slab, size_t at) except FAULTY nogil:
    return <uint64_t>slab[at] << 24 | <uint64_t>slab[at + 1] << 16 | <uint64_t>slab[at + 2] << 8 | slab[at + 3]


cdef inline uint64_t big64(Bytes slab, size_t at) except? FAULTY nogil:
    return big32(slab, at) << 32 | big32(slab, at + 4)


cdef inline uint64_t word32(Bytes slab, size_t at, bint big) except FAULTY nogil:
    """In whatever order a file has."""
    if big:
        return big32(slab, at)
    return <uint64_t>slab[at + 3] << 24 | <uint64_t>slab[at + 2] << 16 | <uint64_t>slab[at + 1] << 8 | slab[at]


cdef class PacketWalk:
    """A walk over a batch. After a step the fields tell of the packet it came to.

    A step holds the interpreter's lock only for what is rare, so that another thread can walk meanwhile."""

    cdef object raw
    cdef Bytes slab
    cdef size_t at, end  # the next record; behind the last byte
    cdef size_t packet, size  # the first byte, and how many were captured
    cdef uint64_t wire
    cdef int64_t time  # nanoseconds
    cdef int link
    cdef long long frame  # number of the packet; before the first step that of the one before it

    def __init__(self, batch):
        self.raw = self.slab = batch.slab
        self.end = min(batch.end, len(batch.slab))
        self.at = min(batch.start, self.end)
        self.frame = batch.first_frame - 1

    cdef bint step(self) except -1 nogil:
        """To the next packet; False where Python must look at what is at `at`: the end, a cut or a corrupt record."""
        return False

    cdef HeaderVerdict look(self, HeaderView sight, Table table) except FAULT nogil:
        """What a glance at that packet shows."""
        return sight.look(self.slab, self.packet, self.size, self.link, table)


cdef class Records(PacketWalk):
    """The records of a pcap file."""

    cdef size_t header
    cdef int64_t unit
    cdef uint64_t last  # the largest fraction of a second
    cdef bint big

    def __init__(self, batch):
        PacketWalk.__init__(self, batch)
        straight = batch.walk
        self.header, self.unit, self.link, self.big = straight.header, straight.unit, straight.link, straight.order == ">"
        self.last = straight.last

    cdef bint step(self) except -1 nogil:
        cdef size_t at = self.at, packet = at + self.header, size
        if packet > self.end:
            return False
        size = word32(self.slab, at + 8, self.big)
        if size > LONGEST_PACKET or packet + size > self.end:
            return False
        self.packet, self.size, self.at = packet, size, packet + size
        self.frame += 1
        self.wire = word32(self.slab, at + 12, self.big)
        self.time = word32(self.slab, at, self.big) * <int64_t>SECOND
        self.time += <int64_t>min(word32(self.slab, at + 4, self.big), self.last) * self.unit
        return True


cdef class RingBlock(PacketWalk):
    """The packets of a block of the kernel's ring, each with the distance to the next."""

    def __init__(self, batch):
        PacketWalk.__init__(self, batch)
        self.link = batch.walk.link

    cdef bint step(self) except -1 nogil:
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
        self.frame += 1
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


cdef class Blocks(PacketWalk):
    """The blocks of a pcapng file. Those without packet, which may change how others are read, are read by Python."""

    cdef object walker
    cdef object aside, rows  # the batch that Python walks just now, and what comes of it
    cdef bint by_hand  # whether it does
    cdef size_t until  # where that batch ends
    cdef bint big
    cdef bint known  # whether the rest tells of interface `number`
    cdef uint64_t number, snaplen
    cdef int kind
    cdef int64_t times, plus
    cdef uint64_t native  # ticks below this make nanoseconds without overflow

    def __init__(self, batch):
        PacketWalk.__init__(self, batch)
        self.walker = batch.walk.__self__
        self.big = self.walker.order == ">"

    cdef bint step(self) except -1 nogil:
        cdef size_t at, behind
        cdef uint64_t kind, length
        while True:
            if self.by_hand:
                if self._row():
                    self.frame += 1
                    return True
                if self.at < self.until:
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
                self.frame += 1
                return True

    cdef bint _packet(self, uint64_t kind, uint64_t length) except -1 nogil:
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

    cdef bint _learn(self, uint64_t number) except -1 with gil:
        """Get to know an interface; False where there is no such."""
        interfaces = self.walker.interfaces
        self.known = number < <uint64_t>len(interfaces)
        if self.known:
            self.number = number
            self.kind, self.snaplen, times, by, plus = interfaces[number]
            simple = by == 1 and abs(plus) < 1 << 62
            self.times, self.plus, self.native = (times, plus, (1 << 62) // times) if simple else (0, 0, 0)
        return self.known

    cdef int64_t _slow_time(self, uint64_t ticks) except? -1 with gil:
        """Units that are no power of ten, and years that no capture is of."""
        _, _, times, by, plus = self.walker.interfaces[self.number]
        return min(max(0, ticks * times // by + plus), LATEST)

    cdef int _set_aside(self, size_t behind, bint more) except -1 with gil:
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
        self.by_hand, self.until = True, behind
        return 0

    cdef bint _row(self) except -1 with gil:
        """The next row of what Python walks; False at its end."""
        row = next(self.rows, None)
        if row is None:
            self.rows, self.at, self.known, self.big = None, self.aside.walked.stop, False, self.walker.order == ">"
            self.by_hand = False
            return False
        self.packet, self.size, self.wire, self.time, self.link = row
        return True


COURSES = {
    "imsniff.capture.pcap.NativeOrderWalk": Records,
    "imsniff.capture.pcapng.Pcapng": Blocks,
    "imsniff.capture.ring.Blocks": RingBlock,
}
"""By what a batch's walk is, or is a method of; by name, since none is imported that is not in use."""


def walk_kind(walk):
    kind = type(getattr(walk, "__self__", walk))
    return COURSES.get(f"{kind.__module__}.{kind.__qualname__}")


def walk_of(batch):
    kind = walk_kind(batch.walk)
    return None if kind is None else kind(batch)
