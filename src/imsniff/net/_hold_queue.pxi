# What waits on the hold queue: part of `_gate.pyx`; see `hold_queue.py`, which is the reference.

cdef inline bytes piece(Bytes slab, size_t at, size_t size):
    """A copy of some bytes."""
    if at > <size_t>slab.shape[0] or size > slab.shape[0] - at:
        raise IndexError("a glance goes no further than its packet")
    return (<const char *>&slab[at])[:size] if size else b""


cdef inline bytes key_at(Bytes slab, size_t ip, bint old):
    """Addresses and ports as they stand in and behind an IP header, of version 4 if it is the old one."""
    return piece(slab, ip + 12, 12) if old else piece(slab, ip + 8, 36)


cdef tuple endpoints(bytes key):
    cdef Py_ssize_t size = len(key) // 2 - 2
    return key[:size] + key[2 * size : 2 * size + 2], key[size : 2 * size] + key[2 * size + 2 :]


cdef bytes known_as(bytes key):
    """As `flows` has it."""
    one, other = endpoints(key)
    return one + other if one < other else other + one


cdef struct Waiting:
    # A flow that waits. Its sides: 0 is the lower end.
    Ends flow
    uint64_t hash
    int64_t following[2]  # of a TCP connection, sequence number of a side's next byte; -1: not known
    int caller, spoken  # of one, which side sent the SYN; which has spoken, and begins as no messenger does, or -1
    int probes  # of the datagrams held, those that say anything
    int64_t last  # nanoseconds of the packet that came last
    size_t packets, octets  # that are held
    size_t newer, older  # who came after it and before
    size_t next  # of those whose hashes end alike, or of those that are over


cdef struct Packet:
    long long frame
    uint64_t wire
    int64_t time
    int link


cdef class Held:
    """The flows that wait. Each has a place, from 1 on; 0 is nobody, between the newest and the oldest. All that there is
    of a flow has its place from the beginning, but for the bytes of its packets."""

    cdef Waiting[::1] all
    cdef Packet[:, ::1] packets
    cdef list octets  # of the packets of each
    cdef size_t[::1] heads  # by the end of a hash: the first one
    cdef size_t over  # the first place that is free again
    cdef size_t used  # places that ever were in use
    cdef size_t waiting

    def __init__(self):
        cdef size_t places = MOST_WAITING + 1
        self.all = freed(<Waiting[:places]>cleared(places, sizeof(Waiting)))
        self.packets = freed(<Packet[:places, :MOST_HELD]>cleared(places * MOST_HELD, sizeof(Packet)))
        self.octets = [None] * places
        self.heads = freed(<size_t[: 2 * places]>cleared(2 * places, sizeof(size_t)))

    cdef inline size_t head(self, uint64_t hash) noexcept:
        return hash % <size_t>self.heads.shape[0]

    cdef inline size_t find(self, uint64_t hash, Ends flow) except? 0:
        """The flow's place, or 0."""
        cdef size_t one = self.heads[self.head(hash)]
        while one and not (self.all[one].hash == hash and are_equal(self.all[one].flow, flow)):
            one = self.all[one].next
        return one

    cdef size_t begin(self, uint64_t hash, Ends flow) except 0:
        """The place of a flow that begins. There must be room: fewer than MOST_WAITING wait."""
        cdef size_t one = self.over, head = self.head(hash), newest = self.all[0].older
        if one:
            self.over = self.all[one].next
        else:
            self.used += 1
            one = self.used
        self.all[one] = Waiting(
            flow=flow, hash=hash, following=[-1, -1], caller=-1, spoken=-1, probes=0, last=0, packets=0, octets=0,
            newer=0, older=newest, next=self.heads[head],
        )
        self.octets[one] = []
        self.all[newest].newer = self.all[0].older = self.heads[head] = one
        self.waiting += 1
        return one

    cdef list evict(self):
        """The packets of who waits the longest, where somebody must make room."""
        cdef size_t oldest = self.all[0].newer
        return self.leave(oldest) if self.waiting == <size_t>MOST_WAITING else []

    cdef bint hold(self, size_t one, PacketWalk course) except -1:
        """Keep a packet, where there is room; says whether there was. The slab is used again before it comes up."""
        cdef size_t held = self.all[one].packets, octets = self.all[one].octets + course.size
        if held >= <size_t>MOST_HELD or octets > MOST_OCTETS:
            return False
        (<list>self.octets[one]).append(piece(course.slab, course.packet, course.size))
        self.packets[one, held] = Packet(course.frame, course.wire, course.time, course.link)
        self.all[one].packets, self.all[one].octets, self.all[one].last = held + 1, octets, course.time
        return True

    cdef bint is_quiet(self, size_t one, int side, int64_t seq, uint64_t flags) except -1:
        """Whether a packet without payload says nothing of how the connection goes on."""
        cdef int64_t following = seq + 1 & 0xFFFFFFFF, expected = self.all[one].following[side]
        if not flags & SYN:
            return not flags & (FIN | RST)
        if flags & (FIN | RST) or self.all[one].spoken >= 0:
            return False
        if side == self.all[one].caller:
            return not flags & ACK and following == expected
        if not flags & ACK or (expected >= 0 and expected != following):
            return False
        self.all[one].following[side] = following
        return True

    cdef list leave(self, size_t one):
        """The packets that were held, in order; none where there was nobody."""
        cdef list held = []
        cdef size_t number
        cdef Packet packet
        for number in range(self.all[one].packets):
            packet, octets = self.packets[one, number], self.octets[one][number]
            held.append((octets, packet.frame, 0, len(octets), packet.wire, packet.time, packet.link))
        self.forget(one)
        return held

    cdef size_t forget(self, size_t one) except? 0:
        """How many packets were held; 0 where there was nobody."""
        cdef size_t newer = self.all[one].newer, older = self.all[one].older
        cdef size_t head = self.head(self.all[one].hash), before = self.heads[head]
        if not one:
            return 0
        self.all[newer].older, self.all[older].newer = older, newer
        if before == one:
            self.heads[head] = self.all[one].next
        else:
            while self.all[before].next != one:
                before = self.all[before].next
            self.all[before].next = self.all[one].next
        self.all[one].next, self.over, self.octets[one] = self.over, one, None
        self.waiting -= 1
        return self.all[one].packets


cdef inline bint are_equal(Ends one, Ends other) noexcept nogil:
    return (
        one.rest == other.rest and one.low == other.low and one.other_low == other.other_low
        and one.high == other.high and one.other_high == other.other_high
    )


cdef void *cleared(size_t number, size_t size) except NULL:
    """Memory that costs next to nothing until it is written to."""
    cdef void *memory = calloc(number, size)
    if memory is NULL:
        raise MemoryError("there is no memory for the hold queue")
    return memory


cdef array freed(array memory):
    """The same, which is given back when nobody looks at it any more."""
    memory.callback_free_data = free
    return memory
