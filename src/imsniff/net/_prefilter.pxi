# The sieve: part of `_gate.pyx`. What can be skipped for certain is skipped a batch ahead, by another thread, while the
# stages above are at work on the batch before. What is left the gate walks as if it were all there is.
#
# The sieve may skip only what the gate would skip, once it came to the packet. It looks into the table of ignored flows,
# which does not change meanwhile (see `Ignored`). That the table is a batch behind leaves packets that need not have been
# left, no more. One thing could be missed, that a flow is ignored no longer. Within the batch the sieve sees that itself:
# it takes a SYN, or a packet behind the flow's time, and from there on the whole flow is left. Where it came about in the
# batch before, which happens seldom, the gate walks the whole batch.

cdef enum:
    COLUMNS = 6  # of a packet: where it is, its size, that on the wire, nanoseconds, link; number of one that is left
    WORDS_SEEN = 8  # what a glance showed of a packet left: see `keep`
    PACKETS = 4_096  # there is room for at first; a batch has at most a sixteenth of its bytes
    LIFTED = 64  # flows; with more of them the table is asked no longer


cdef class PrefilteredBatch(PacketWalk):
    """A walk over the packets of a batch that the sieve left, or over all."""

    cdef int64_t[:, ::1] rows
    cdef uint64_t[:, ::1] seen  # of those left: the packet itself is in another processor's cache
    cdef Py_ssize_t packets, left, coming
    cdef long long first  # number of the batch's first packet
    cdef bint whole  # over all

    cdef bint step(self) except -1 nogil:
        cdef Py_ssize_t row = self.coming
        if row >= (self.packets if self.whole else self.left):
            return False
        if not self.whole:
            row = self.rows[row, 5]
        self.packet, self.size, self.wire = self.rows[row, 0], self.rows[row, 1], self.rows[row, 2]
        self.time, self.link, self.frame = self.rows[row, 3], <int>self.rows[row, 4], self.first + row
        self.at = self.packet + self.size
        self.coming += 1
        return True

    cdef HeaderVerdict look(self, HeaderView sight, Table table) except FAULT nogil:
        cdef size_t one = self.coming - 1
        if self.whole:
            return PacketWalk.look(self, sight, table)
        sight.flow = Ends(
            self.seen[one, 0], self.seen[one, 1], self.seen[one, 2], self.seen[one, 3], self.seen[one, 4]
        )
        sight.hash, sight.ip = self.seen[one, 5], self.seen[one, 6]
        sight.protocol, sight.flags = self.seen[one, 7] & 0xFF, self.seen[one, 7] >> 8 & 0xFF
        sight.old, sight.opens = self.seen[one, 7] >> 16 & 1, self.seen[one, 7] >> 17 & 1
        return <HeaderVerdict>(self.seen[one, 7] >> 18)

    cdef int keep(self, HeaderVerdict seen, HeaderView sight) except -1 nogil:
        """What was seen of the next packet that is left."""
        cdef Py_ssize_t one = self.left
        self.seen[one, 0], self.seen[one, 1], self.seen[one, 2] = sight.flow.high, sight.flow.low, sight.flow.other_high
        self.seen[one, 3], self.seen[one, 4] = sight.flow.other_low, sight.flow.rest
        self.seen[one, 5], self.seen[one, 6] = sight.hash, sight.ip
        self.seen[one, 7] = (
            sight.protocol | sight.flags << 8 | <uint64_t>sight.old << 16 | <uint64_t>sight.opens << 17
            | <uint64_t>seen << 18
        )
        return 0

    cdef int add(self, PacketWalk course, HeaderVerdict seen, HeaderView sight) except -1 nogil:
        """The packet that a course has come to."""
        cdef Py_ssize_t row = self.packets
        if row == self.rows.shape[0]:
            self.widen()
        self.rows[row, 0], self.rows[row, 1], self.rows[row, 2] = course.packet, course.size, course.wire
        self.rows[row, 3], self.rows[row, 4] = course.time, course.link
        if seen != SKIP:
            self.keep(seen, sight)
            self.rows[self.left, 5] = row
            self.left += 1
        self.packets += 1
        return 0

    cdef int widen(self) except -1 with gil:
        cdef int64_t[:, ::1] rows = rows_for(2 * self.rows.shape[0])
        cdef uint64_t[:, ::1] seen = seen_for(2 * self.rows.shape[0])
        rows[: self.packets], seen[: self.left] = self.rows[: self.packets], self.seen[: self.left]
        self.rows, self.seen = rows, seen
        return 0


cdef class Prefilter:
    """Sifts one batch after the other."""

    cdef Table table
    cdef HeaderView sight
    cdef PrefilteredBatch one, other  # this batch's and that of the batch before, whose turn it is
    cdef uint64_t[::1] lifted  # hashes of flows that are ignored no longer
    cdef size_t count
    cdef bint blind  # whether there are more

    def __init__(self, table):
        self.table, self.sight = table, HeaderView()
        self.lifted = zeros(LIFTED * 8).cast("Q")

    cdef PrefilteredBatch next(self, batch):
        """Nothing yet of the next batch. The rows of the one before the last are used again."""
        cdef PrefilteredBatch left = PrefilteredBatch(batch)
        if self.other is None:
            left.rows, left.seen = rows_for(PACKETS), seen_for(PACKETS)
        else:
            left.rows, left.seen = self.other.rows, self.other.seen
        self.one, self.other = left, self.one
        self.count, self.blind = 0, False
        return left

    cdef int sift(self, PacketWalk course, PrefilteredBatch left) except -1 nogil:
        while course.at < course.end and course.step():
            left.add(course, self.judge(course), self.sight)
        return 0

    cdef finish(self, PacketWalk course, PrefilteredBatch left, batch):
        """Whatever only Python can walk, and how the batch ended."""
        rest = Batch(batch.capture, batch.slab, course.at, batch.end, 1, batch.walk)
        for row in rest.rows():
            course.packet, course.size, course.wire, course.time, course.link = row
            left.add(course, course.look(self.sight, self.table), self.sight)
        left.end = course.end
        stop, _, fault = rest.walked
        batch.walked, batch.sifted = WalkEnd(stop, left.packets, fault), left

    cdef HeaderVerdict judge(self, PacketWalk course) except FAULT nogil:
        """SKIP, or what a glance shows."""
        cdef HeaderVerdict seen = course.look(self.sight, self.table)
        cdef uint64_t hash = self.sight.hash
        cdef Py_ssize_t entry
        if seen != ASK or self.blind:
            return seen
        entry = self.table.at(hash, self.sight.flow)
        if entry < 0:
            return seen
        if self.sight.opens or course.time // SECOND >= self.table.until[<size_t>entry] >> 4:
            self.lift(hash)
            return seen
        return seen if self.count and self.is_lifted(hash) else SKIP

    cdef int lift(self, uint64_t hash) except -1 nogil:
        if self.count == LIFTED:
            self.blind = True
        else:
            self.lifted[self.count] = hash
            self.count += 1
        return 0

    cdef bint is_lifted(self, uint64_t hash) except -1 nogil:
        cdef size_t number
        for number in range(self.count):
            if self.lifted[number] == hash:
                return True
        return False


def seen_for(packets):
    return memoryview(bytearray(packets * WORDS_SEEN * 8)).cast("Q", (packets, WORDS_SEEN))


def rows_for(packets):
    return memoryview(bytearray(packets * COLUMNS * 8)).cast("q", (packets, COLUMNS))
