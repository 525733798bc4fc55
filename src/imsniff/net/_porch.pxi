# What waits on the porch: part of `_gate.pyx`; see `porch.py`, which is the reference.

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


cdef bytes turned_key(bytes key):
    """Of the other direction."""
    cdef Py_ssize_t size = len(key) // 2 - 2
    return key[size : 2 * size] + key[:size] + key[2 * size + 2 :] + key[2 * size : 2 * size + 2]


cdef class Held:
    """A flow that waits, with its packets."""

    cdef int64_t last
    cdef size_t octets
    cdef list packets

    cdef keep(self, Bytes slab, tuple packet, size_t at, size_t size, int64_t ts):
        """The first of them."""
        self.last, self.octets, self.packets = ts, size, [taken(slab, packet, at, size)]

    cdef bint hold(self, Bytes slab, tuple packet, size_t at, size_t size, int64_t ts) except -1:
        self.octets += size
        if len(self.packets) >= MOST_HELD or self.octets > MOST_OCTETS:
            return False
        self.packets.append(taken(slab, packet, at, size))
        self.last = ts
        return True


cdef tuple taken(Bytes slab, tuple packet, size_t at, size_t size):
    """The slab is used again before this packet comes up."""
    return piece(slab, at, size), packet[1], 0, packet[3], packet[4], packet[5], packet[6]


cdef class Probed(Held):
    """A UDP flow of datagrams that no messenger sends."""

    cdef Py_ssize_t probes  # of them, those that say anything


cdef class Waiting(Held):
    """A TCP connection of which at most one side has spoken."""

    cdef bytes key, back  # of the direction of the SYN, and of the other
    cdef bytes spoken  # of the side that has spoken, and begins as no messenger does
    cdef int64_t caller, called  # sequence number of either side's next byte; -1: not known

    cdef int64_t next(self, bytes key):
        return self.caller if key == self.key else self.called

    cdef go_on(self, bytes key, size_t octets):
        if key == self.key:
            self.caller = self.caller + <int64_t>octets & 0xFFFFFFFF
        else:
            self.called = self.called + <int64_t>octets & 0xFFFFFFFF

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
