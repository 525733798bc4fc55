# The tables of ignored flows: part of `_gate.pyx`. Their memory is fixed, whatever comes.

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
    """Flows, each with the second at which it ends. Memory is fixed, and touched as they come: where it is full, what
    ends first goes.

        bucket    WAYS entries; a flow is in one of two buckets, in the emptier one when it came
        mark      bits of its hash; 0: free
        ends      WORDS words, see `Ends`
        until     the second, and how often the flow was looked at, see `first_look`

    The hash is SipHash-1-3 under a secret, so that nobody can send flows that all meet in one bucket. Where half the
    entries are in use, one bucket after the other is split in two (linear hashing, Litwin 1980): there is no moment at
    which all of them move."""

    cdef uint64_t secret, other_secret
    cdef uint64_t first  # buckets there were at the start
    cdef uint64_t round  # buckets there were when the round of splits began
    cdef uint64_t split  # of them, in this round
    cdef uint64_t turn  # the bits of a hash, one a round, that tell which bucket of those split from one
    cdef uint64_t most  # buckets there can be
    cdef uint64_t used  # entries
    cdef uint32_t[::1] marks
    cdef uint64_t[::1] ends
    cdef int64_t[::1] until

    def __init__(self, entries, secret, start=None):
        """With `start` it begins with so many entries, else with all."""
        self.secret = int.from_bytes(secret[:8], "little")
        self.other_secret = int.from_bytes(secret[8:16], "little")
        self.most = max(1, entries // WAYS)
        self.first = self.round = self.most if start is None else max(1, min(entries, start) // WAYS)
        size = self.most * WAYS
        self.marks = zeros(size * 4).cast("I")
        self.ends = zeros(size * WORDS * 8).cast("Q")
        self.until = zeros(size * 8).cast("q")

    def __len__(self):
        return self.used

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
        cdef uint64_t ground = half * self.first >> 32, bucket = ground + (half & self.turn) * self.first
        if bucket < self.split:
            bucket = ground + (half & (self.turn << 1 | 1)) * self.first
        return bucket * WAYS

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

    cdef inline Py_ssize_t at(self, uint64_t hash, Ends ends) except -2 nogil:
        """The entry of the flow, whose hash that is; or -1."""
        cdef uint32_t mark = <uint32_t>hash | 1
        cdef Py_ssize_t entry = self.among(self.bucket(hash >> 32), mark, ends)
        return entry if entry >= 0 else self.among(self.bucket(hash & 0xFFFFFFFFU), mark, ends)

    cdef inline Py_ssize_t find(self, Ends ends) except -2 nogil:
        """The flow's entry, or -1."""
        return self.at(self.hashed(ends), ends)

    cdef Py_ssize_t put(self, Ends ends, int64_t until) except -1:
        """Returns the entry."""
        cdef uint64_t hash = self.hashed(ends)
        cdef Py_ssize_t found = self.at(hash, ends)
        cdef size_t entry, word
        if found >= 0:
            entry = found
        else:
            if self.used * 2 >= (self.round + self.split) * WAYS and self.round + self.split < self.most:
                self.grow()
            entry = self.place(self.bucket(hash >> 32), self.bucket(hash & 0xFFFFFFFFU))
            self.used += not self.marks[entry]
            self.marks[entry] = <uint32_t>hash | 1
            word = entry * WORDS
            self.ends[word], self.ends[word + 1] = ends.high, ends.low
            self.ends[word + 2], self.ends[word + 3] = ends.other_high, ends.other_low
            self.ends[word + 4] = ends.rest
        self.until[entry] = until
        return entry

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

    cdef int grow(self) except -1:
        """Split the next bucket: what belongs to the new one goes there."""
        cdef size_t old = self.split * WAYS, new = (self.round + self.split) * WAYS, entry, word
        cdef uint64_t hash
        self.split += 1
        for entry in range(old, old + WAYS):
            if self.marks[entry]:
                hash = self.hashed(self.flow(entry))
                if self.bucket(hash >> 32) != old and self.bucket(hash & 0xFFFFFFFFU) != old:
                    for word in range(WORDS):
                        self.ends[new * WORDS + word] = self.ends[entry * WORDS + word]
                    self.marks[new], self.until[new], self.marks[entry] = self.marks[entry], self.until[entry], 0
                    new += 1
        if self.split == self.round:
            self.round, self.split, self.turn = 2 * self.round, 0, self.turn << 1 | 1
        return 0

    cdef int drop(self, Ends ends) except -1:
        cdef Py_ssize_t entry = self.find(ends)
        if entry >= 0:
            self.marks[<size_t>entry] = 0
            self.used -= 1
        return 0

    cdef int move(self, size_t entry, Table other) except -1:
        """An entry, if it is in use."""
        if self.marks[entry]:
            other.put(self.flow(entry), self.until[entry])
            self.marks[entry] = 0
            self.used -= 1
        return 0

    cdef inline Ends flow(self, size_t entry) except *:
        cdef size_t word = entry * WORDS
        return Ends(
            self.ends[word], self.ends[word + 1], self.ends[word + 2], self.ends[word + 3], self.ends[word + 4]
        )


cdef class Ignored:
    """Which flows are ignored, while another thread may look into the table (see `_prefilter.pxi`).

    As long as it may, the table does not change: what is to be put into it waits in `recent`, what is to be dropped in
    `lifted`, and `settle` carries both out."""

    cdef Table table, recent
    cdef uint32_t[::1] entries  # those of `recent` that are in use
    cdef size_t count
    cdef set lifted
    cdef bint shared  # whether another thread may look into the table
    cdef bint waiting  # whether there is anything to carry out
    cdef bint dropped  # whether what the other thread saw in the table was dropped, so that it may have skipped too much

    def __init__(self, entries, first, secret):
        self.table = Table(entries, secret, start=first)
        self.recent, self.lifted = Table(MAX_RECENT_FLOWS, secret), set()  # whose entries keep their places
        self.entries = zeros(MAX_RECENT_FLOWS * 4).cast("I")

    def __len__(self):
        return len(self.table) + len(self.recent)

    cdef inline int64_t until(self, uint64_t hash, Ends ends) except -1:
        """The second at which ignoring the flow ends; 0 where it is not ignored."""
        cdef Py_ssize_t entry
        if self.waiting:
            entry = self.recent.at(hash, ends)
            if entry >= 0:
                return self.recent.until[<size_t>entry]
        entry = self.table.at(hash, ends)
        if entry < 0 or (self.waiting and self.lifted and words_of(ends) in self.lifted):
            return 0
        return self.table.until[<size_t>entry]

    cdef int put(self, Ends ends, int64_t until) except -1:
        if not self.shared:
            self.table.put(ends, until)
            return 0
        if self.count == <size_t>self.entries.shape[0]:
            return 0  # it will come up again
        self.waiting = True
        self.entries[self.count] = self.recent.put(ends, until)
        self.count += 1
        return 0

    cdef int drop(self, Ends ends) except -1:
        if not self.shared:
            return self.table.drop(ends)
        self.recent.drop(ends)
        if self.table.find(ends) >= 0:
            self.waiting = self.dropped = True
            self.lifted.add(words_of(ends))
        return 0

    cdef int settle(self) except -1:
        """No other thread looks into the table now."""
        cdef uint64_t high, low, other_high, other_low, rest
        cdef size_t entry
        if self.waiting:
            for high, low, other_high, other_low, rest in self.lifted:
                self.table.drop(Ends(high, low, other_high, other_low, rest))
            self.lifted.clear()
            for entry in range(self.count):
                self.recent.move(self.entries[entry], self.table)
            self.count = 0
            self.waiting = False
        return 0


cdef tuple words_of(Ends ends):
    return ends.high, ends.low, ends.other_high, ends.other_low, ends.rest
