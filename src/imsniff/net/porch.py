"""The porch before the gate: where flows wait that have not said a word, and foreign ones are turned away.

Most flows on a network are certainly no messenger's, and their first bytes say so: TLS, DNS, QUIC. To let those up for
the stages above to find it out, packet by packet, costs more than all their other packets together. So the packets of
a TCP handshake are held until the first payload; where that is one of the `openings` that the stages above handed
down, the flow is ignored from there on and nothing comes up. Else what was held comes up before it, in order: to the
stages above nothing was skipped. A UDP flow is asked at its first datagram.

The compiled gate has a porch of its own kind, which keeps to this one.

The porch decides nothing by itself: an opening is one of the foreign rules of the signatures, and where any rule of a
messenger could match the same bytes too, or the flow was announced, or is known above already, everything comes up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from struct import Struct
from typing import NamedTuple

from imsniff.limits import MAX_PORCH, MAX_PORCH_OCTETS, MAX_PORCH_PACKETS, UNDECIDED_IDLE_NS
from imsniff.net.packet import Buffer
from imsniff.net.segment import TCP, UDP, Flag, flow_key

Raised = tuple[Buffer, int, int, int, int, int, int]
"""A packet that came up: the slab it is in, its frame number, then the batch's row."""

CONTROL = Flag.SYN | Flag.ACK | Flag.FIN | Flag.RST
IPV4_TCP, IPV6_TCP = Struct("!2xH20xI4xB"), Struct("!4xH38xI4xB")
"""Length of the IP packet or, in IPv6, of what it carries; sequence number; offset."""
IPV4_UDP, IPV6_UDP = Struct("!2xH20xH"), Struct("!4xH38xH")
"""The same length; that of the datagram."""


class Opening(NamedTuple):
    """First bytes of a flow that is certainly no messenger's."""

    protocol: int
    """TCP or UDP."""
    pattern: bytes
    """As `re` reads it, of a bounded number of bytes."""


def reversed_key(key: bytes) -> bytes:
    """The key of the other direction: addresses and ports as they stand in a packet."""
    size = len(key) // 2 - 2
    return key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]


class Waiting:
    """A TCP connection of which no payload was seen yet."""

    __slots__ = ("answered", "first", "key", "last", "packets")

    def __init__(self, key: bytes, first: int, packet: Raised) -> None:
        self.key = key
        """Of the direction of the SYN."""
        self.first = first
        """Sequence number of the caller's first byte."""
        self.answered: int | None = None
        """The same of the called side, once its SYN was seen."""
        self.packets = [packet]
        self.last = packet[5]
        """Nanoseconds of the packet that came last."""


class Porch:
    """Flows that have not said a word."""

    def __init__(
        self,
        openings: Iterable[Opening] = (),
        known: Container[bytes] = (),
        announced: Collection[tuple[str, bytes]] = (),
    ) -> None:
        """`known`: keys of the flows that the stages above hold; `announced`: transport and endpoint of those they
        wait for. Both are looked into, as they are at that moment."""
        self.known = known
        self.announced = announced
        self.held: dict[bytes, Waiting] = {}
        """By the key of either direction."""
        self.openings: tuple[Opening, ...] = ()
        self.foreign: dict[int, Callable[..., object]] = {}
        """By protocol: what finds a foreign opening at a place in a slab."""
        self.adopt(openings)

    def adopt(self, openings: Iterable[Opening]) -> None:
        """From now on these first bytes are foreign."""
        self.openings = tuple(openings)
        self.foreign = {
            protocol: re.compile(b"|".join([one.pattern for one in self.openings if one.protocol == protocol])).match
            for protocol in {one.protocol for one in self.openings}
        }

    def tcp(self, packet: Raised, key: bytes, ip: int, flags: int) -> tuple[Sequence[Raised], int]:
        """A TCP packet of a flow that is not ignored: what comes up, and how many packets never will.

        `ip`: where its IP header begins; `key`: addresses and ports as they stand in it. The packet reaches at least
        to its TCP flags. Where any packet never comes up, the flow is foreign and to be ignored from now on."""
        slab, _, at, size, _, ts, _ = packet
        if len(key) == 12:
            length, seq, offset = IPV4_TCP.unpack_from(slab, ip)
            start, stop = ip + 20 + (offset >> 4) * 4, ip + length
        else:
            length, seq, offset = IPV6_TCP.unpack_from(slab, ip)
            start, stop = ip + 40 + (offset >> 4) * 4, ip + 40 + length
        waiting = self.held.get(key)
        if waiting is None:
            bare = start == stop <= at + size and offset >= 0x50
            if (
                not (flags & CONTROL == Flag.SYN and bare and size <= MAX_PORCH_OCTETS and self.foreign)
                or flow_key(*_endpoints(key), TCP) in self.known
            ):
                return (packet,), 0
            return self._hold(Waiting(key, seq + 1 & 0xFFFFFFFF, _copy(packet))), 0
        if ts - waiting.last <= UNDECIDED_IDLE_NS and offset >= 0x50:
            if start == stop <= at + size:
                if self._is_quiet(waiting, key, seq, flags, size):
                    waiting.packets.append(_copy(packet))
                    waiting.last = ts
                    return (), 0
            elif start < stop and not flags & Flag.SYN:
                expected = waiting.first if key == waiting.key else waiting.answered
                if seq == expected and self._is_foreign(TCP, slab, start, min(stop, at + size), key):
                    self._leave(waiting)
                    return (), len(waiting.packets) + 1
        self._leave(waiting)
        return (*waiting.packets, packet), 0

    def udp(self, packet: Raised, key: bytes, ip: int) -> tuple[Sequence[Raised], int]:
        """The same for a datagram, which reaches at least 6 bytes into its payload."""
        slab, _, at, size, _, _, _ = packet
        if len(key) == 12:
            whole, length = IPV4_UDP.unpack_from(slab, ip)
            head, stop = ip + 20, ip + whole
        else:
            whole, length = IPV6_UDP.unpack_from(slab, ip)
            head, stop = ip + 40, ip + 40 + whole
        stop = min(stop, head + length) if length else stop
        foreign = head + 8 < stop and self._is_foreign(UDP, slab, head + 8, min(stop, at + size), key)
        if foreign and flow_key(*_endpoints(key), UDP) not in self.known:
            return (), 1
        return (packet,), 0

    # --- inside -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _is_quiet(waiting: Waiting, key: bytes, seq: int, flags: int, size: int) -> bool:
        """Whether a packet without payload only goes on with the handshake."""
        if flags & (Flag.FIN | Flag.RST) or size > MAX_PORCH_OCTETS or len(waiting.packets) >= MAX_PORCH_PACKETS:
            return False
        if not flags & Flag.SYN:
            return True
        first = seq + 1 & 0xFFFFFFFF
        if key == waiting.key:
            return not flags & Flag.ACK and first == waiting.first
        if not flags & Flag.ACK or waiting.answered not in (None, first):
            return False
        waiting.answered = first
        return True

    def _is_foreign(self, protocol: int, slab: Buffer, start: int, end: int, key: bytes) -> bool:
        foreign = self.foreign.get(protocol)
        if foreign is None or foreign(slab, start, end) is None:
            return False
        if not self.announced:
            return True
        transport = "tcp" if protocol == TCP else "udp"
        return not any((transport, endpoint) in self.announced for endpoint in _endpoints(key))

    def _hold(self, waiting: Waiting) -> Sequence[Raised]:
        """Who waits the longest makes room."""
        self.held[waiting.key] = self.held[reversed_key(waiting.key)] = waiting
        if len(self.held) <= 2 * MAX_PORCH:
            return ()
        oldest = next(iter(self.held.values()))
        self._leave(oldest)
        return oldest.packets

    def _leave(self, waiting: Waiting) -> None:
        del self.held[waiting.key]
        self.held.pop(reversed_key(waiting.key), None)  # a packet to itself has one key


def _endpoints(key: bytes) -> tuple[bytes, bytes]:
    size = len(key) // 2 - 2
    return key[:size] + key[-4:-2], key[size : 2 * size] + key[-2:]


def _copy(packet: Raised) -> Raised:
    """The slab is used again before this packet comes up."""
    slab, frame, at, size, wire, ts, link = packet
    return bytes(slab[at : at + size]), frame, 0, size, wire, ts, link
