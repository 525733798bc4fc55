# The segment in a plain packet: part of `_gate.pyx`. Ethernet, tags, IPv4 without options or IPv6 without extensions, TCP
# or UDP: nearly all that comes up is that, and the gate knows where everything is in it. `decode.py` is the reference,
# which does all the rest.

cdef object plain(Bytes slab, long long frame, size_t at, size_t size, uint64_t wire, time):
    """The segment of an Ethernet frame; False where there is none, None where that is for the decoder to say."""
    cdef size_t edge = at + size, stop = at + max(size, wire)  # behind what was captured, and behind all that was
    cdef size_t head, start
    cdef uint64_t kind, length, protocol, offset
    cdef bint old
    if edge - at < LEAST_IPV4:
        return None
    kind = big16(slab, at + 12)
    while (kind == VLAN or kind == QINQ) and edge - at >= LEAST_IPV4 + 4:
        at += 4
        kind = big16(slab, at + 12)
    old = kind == IPV4
    if old:
        length, protocol, head = big16(slab, at + 16), slab[at + 23], at + 34
        if slab[at + 14] != PLAIN or big16(slab, at + 20) & FRAGMENTED or length < 20:
            return None
        length -= 20
    elif kind == IPV6 and edge - at >= LEAST_IPV6 and slab[at + 14] >> 4 == 6:
        length, protocol, head = big16(slab, at + 18), slab[at + 20], at + 54
        if not length:
            return None
    else:
        return None
    if head + length < stop:
        stop = head + length
        edge = min(edge, stop)
    if protocol == TCP:
        offset = slab[head + 12] >> 4
        start = head + offset * 4
        if offset < 5 or start > stop:
            return False
        payload = piece(slab, start, edge - start) if start < edge else b""
        return Segment(
            frame, time, TCP, end_at(slab, at, head, old, 0), end_at(slab, at, head, old, 1), payload,
            stop - start - len(payload), big32(slab, head + 4), big32(slab, head + 8), slab[head + 13],
        )
    if protocol != UDP or TUNNELS[<size_t>big16(slab, head)] or TUNNELS[<size_t>big16(slab, head + 2)]:
        return None
    length, start = big16(slab, head + 4), head + 8
    if 0 < length < 8 or start > edge:
        return False
    if length:
        stop = head + length
        edge = min(edge, stop)
    payload = piece(slab, start, edge - start)
    return Segment(
        frame, time, UDP, end_at(slab, at, head, old, 0), end_at(slab, at, head, old, 1), payload,
        stop - start - len(payload),
    )


cdef inline bytes end_at(Bytes slab, size_t at, size_t head, bint old, size_t which):
    """Address and port of the source or, 1, the target."""
    cdef unsigned char end[18]
    cdef size_t size = 4 if old else 16, byte
    at += (26 if old else 22) + which * size
    for byte in range(size):
        end[byte] = slab[at + byte]
    end[size], end[size + 1] = slab[head + 2 * which], slab[head + 2 * which + 1]
    return (<const char *>end)[: size + 2]
