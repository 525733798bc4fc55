"""The hold queue before the gate: where flows wait that have not said a word, and foreign ones are turned away.

Most flows on a network are certainly no messenger's, and their first bytes say so: TLS, DNS, QUIC. To let those up for
the stages above to find it out, packet by packet, costs more than all their other packets together. So the packets of
a TCP handshake are held until the first payload; where that is one of the `openings` that the stages above handed
down, the flow is ignored from there on and nothing comes up. Else what was held comes up before it, in order: to the
stages above nothing was skipped. A side that begins as no messenger does may be heard, and held, until the other side
has spoken: where both begin so, the flow is ignored too. Of a UDP flow the datagrams are held that no messenger sends,
until there are so many of them that it is ignored, or another comes.

The compiled gate has a hold queue of its own kind, which keeps to this one.

The hold queue decides nothing by itself: what an opening says is read from the signatures, and where any rule of a
messenger could match the same bytes too, or the flow was announced, or is known above already, everything comes up.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from enum import Enum
from struct import Struct
from typing import NamedTuple

from imsniff.base.limits import (
    HEAD_BYTES,
    IGNORE_SECONDS,
    MAX_HELD_FLOW_PACKETS,
    MAX_HELD_FLOWS,
    MAX_HOLD_QUEUE_OCTETS,
    MAX_PROBES,
    SECOND_LOOKS,
    UNDECIDED_IDLE_NS,
)
from imsniff.net.packet import Buffer
from imsniff.net.segment import TCP, UDP, Flag, flow_key

RaisedPacket = tuple[Buffer, int, int, int, int, int, int]
"""A packet that came up: the slab it is in, its frame number, then the batch's row."""

Find = Callable[..., object]
"""`re.Pattern.match`: of a slab, from here, to there."""

Wanted = Callable[[int, Buffer, int, int], bool]
"""Of a protocol and a payload, from here in a slab to there."""

ENDING = Flag.FIN | Flag.RST
CONTROL = Flag.SYN | Flag.ACK | ENDING
IPV4_TCP, IPV6_TCP = Struct("!2xH20xI4xB"), Struct("!4xH38xI4xB")
"""Length of the IP packet or, in IPv6, of what it carries; sequence number; offset."""
IPV4_UDP, IPV6_UDP = Struct("!2xH20xH"), Struct("!4xH38xH")
"""The same length; that of the datagram."""


class OpeningKind(Enum):
    """What first bytes say of their flow."""

    FOREIGN = "foreign"
    """It is certainly no messenger's."""
    UNMATCHABLE = "unmatchable"
    """This is not how a messenger begins, told by HEAD_BYTES: the flow is foreign where both sides of a connection, or
    MAX_PROBES datagrams, begin so."""
    NOTHING = "nothing"
    """A datagram that says nothing does not count as one of those."""


class Opening(NamedTuple):
    """First bytes that say something of a flow."""

    protocol: int
    """TCP or UDP."""
    pattern: bytes
    """As `re` reads it, of a bounded number of bytes."""
    says: OpeningKind = OpeningKind.FOREIGN


NO_ADDRESSES: Container[bytes] = ()


def _of_head(match: Find) -> Find:
    """The same of the first HEAD_BYTES only."""
    return lambda slab, start, stop: match(slab, start, min(stop, start + HEAD_BYTES))


def _unless(match: Find, wanted: Wanted, protocol: int) -> Find:
    """The same, but for payloads that are wanted."""

    def find(slab: Buffer, start: int, stop: int) -> object:
        found = match(slab, start, stop)
        return None if found is None or wanted(protocol, slab, start, stop) else found

    return find


def next_look(level: int, second: int) -> int:
    """The second before which an ignored flow is not looked at again; `level`: looks before."""
    return second if level < SECOND_LOOKS else second + min(1 << level - SECOND_LOOKS, IGNORE_SECONDS)


def reversed_key(key: bytes) -> bytes:
    """The key of the other direction: addresses and ports as they stand in a packet."""
    size = len(key) // 2 - 2
    return key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]


class Held:
    """A flow that waits, with its packets."""

    __slots__ = ("last", "octets", "packets")

    def __init__(self) -> None:
        self.packets: list[RaisedPacket] = []
        self.octets = 0
        """Of all packets held."""
        self.last = 0
        """Nanoseconds of the packet that came last."""

    def hold(self, packet: RaisedPacket) -> bool:
        """Keep it, where there is room. OpeningKind whether there was."""
        if len(self.packets) >= MAX_HELD_FLOW_PACKETS or self.octets + packet[3] > MAX_HOLD_QUEUE_OCTETS:
            return False
        self.octets += packet[3]
        self.packets.append(_copy(packet))
        self.last = packet[5]
        return True


class Waiting(Held):
    """A TCP connection of which at most one side has spoken."""

    __slots__ = ("called", "caller", "key", "spoken")

    def __init__(self, key: bytes, following: int) -> None:
        super().__init__()
        self.key = key
        """Of the direction of the SYN."""
        self.caller = following
        """Sequence number of the caller's next byte."""
        self.called: int | None = None
        """The same of the called side, once its SYN was seen."""
        self.spoken: bytes | None = None
        """Key of the side that has spoken, and begins as no messenger does."""

    def next(self, key: bytes) -> int | None:
        """Sequence number of that side's next byte, where it is known."""
        return self.caller if key == self.key else self.called

    def go_on(self, key: bytes, octets: int) -> None:
        """That side has said so much."""
        if key == self.key:
            self.caller = self.caller + octets & 0xFFFFFFFF
        elif self.called is not None:
            self.called = self.called + octets & 0xFFFFFFFF


class Probed(Held):
    """A UDP flow of datagrams that no messenger sends."""

    __slots__ = ("probes",)

    def __init__(self) -> None:
        super().__init__()
        self.probes = 0
        """Of the datagrams held, those that say anything."""


class HoldQueue:
    """Flows that have not said enough to be told apart."""

    def __init__(
        self,
        openings: Iterable[Opening] = (),
        known: Container[bytes] = (),
        announced: Collection[tuple[str, bytes]] = (),
        wanted: Wanted | None = None,
        addresses: Container[bytes] = NO_ADDRESSES,
    ) -> None:
        """`known`: keys of the flows that the stages above hold; `announced`: transport and endpoint of those they
        wait for; `addresses`: packed addresses whose flows they want to see. All are looked into as they are at that
        moment. `wanted`: whether a first payload is to come up although no messenger's dissector would read it."""
        self.addresses = addresses
        self._wanted = wanted
        self.turned_away: Callable[[bytes, int], None] = lambda *_: None
        """Told of every flow that is turned away: addresses and ports as they stand in its packet, and nanoseconds."""
        self.known = known
        self.announced = announced
        self.held: dict[bytes, Waiting] = {}
        """By the key of either direction."""
        self.probed: OrderedDict[bytes, Probed] = OrderedDict()
        """By `flow_key`."""
        self.openings: tuple[Opening, ...] = ()
        self._hopeless_heads: dict[int, Find] = {}
        self.foreign: dict[int, Find] = {}
        """By protocol: what finds such an opening at a place in a slab."""
        self.unmatchable: dict[int, Find] = {}
        self.nothing: dict[int, Find] = {}
        self.adopt(openings)

    def adopt(self, openings: Iterable[Opening], wanted: Wanted | None = None) -> None:
        """From now on first bytes say this."""
        self._wanted = wanted or self._wanted
        self.openings = tuple(openings)
        known = self._patterns(OpeningKind.UNMATCHABLE)
        either = self._patterns(OpeningKind.FOREIGN, OpeningKind.UNMATCHABLE)
        self._hopeless_heads = {protocol: find for protocol, find in either.items() if protocol in known}
        self.foreign, self.unmatchable, self.nothing = (self._finds(says) for says in OpeningKind)

    def may_begin(self, protocol: int, slab: Buffer, start: int, stop: int) -> bool:
        """Whether a payload of an ignored flow may be how a messenger's message begins: the second look at the flow.
        Without openings nothing is known of messengers, and ignored is ignored."""
        find = self._hopeless_heads.get(protocol)
        return find is not None and find(slab, start, min(stop, start + HEAD_BYTES)) is None

    def tcp(self, packet: RaisedPacket, key: bytes, ip: int, flags: int) -> tuple[Sequence[RaisedPacket], int]:
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
        end = at + size
        waiting = self.held.get(key)
        if waiting is None:
            bare = start == stop <= end and offset >= 0x50
            if (
                not (flags & CONTROL == Flag.SYN and bare and size <= MAX_HOLD_QUEUE_OCTETS and self.openings)
                or flow_key(*_endpoints(key), TCP) in self.known
            ):
                return (packet,), 0
            return self._begin(Waiting(key, seq + 1 & 0xFFFFFFFF), packet), 0
        if ts - waiting.last <= UNDECIDED_IDLE_NS and offset >= 0x50:
            if start == stop <= end:
                if self._is_quiet(waiting, key, seq, flags) and waiting.hold(packet):
                    return (), 0
            elif start < stop and not flags & Flag.SYN and seq == waiting.next(key):
                if waiting.spoken != key and self._decides(waiting, slab, start, min(stop, end), key):
                    self._leave(waiting)
                    return (), len(waiting.packets) + 1
                if waiting.spoken == key and stop <= end and not flags & ENDING and waiting.hold(packet):
                    waiting.go_on(key, stop - start)
                    return (), 0
        self._leave(waiting)
        return (*waiting.packets, packet), 0

    def udp(self, packet: RaisedPacket, key: bytes, ip: int) -> tuple[Sequence[RaisedPacket], int]:
        """The same for a datagram, which reaches at least to the end of its header."""
        slab, _, at, size, _, ts, _ = packet
        if len(key) == 12:
            whole, length = IPV4_UDP.unpack_from(slab, ip)
            start, stop = ip + 28, ip + whole
        else:
            whole, length = IPV6_UDP.unpack_from(slab, ip)
            start, stop = ip + 48, ip + 40 + whole
        stop = min(stop, start - 8 + length) if length else stop
        flow, end = flow_key(*_endpoints(key), UDP), min(stop, at + size)
        probed = self.probed.get(flow) or Probed()
        before = probed.packets
        if start < end and not (before and ts - probed.last > UNDECIDED_IDLE_NS) and flow not in self.known:
            if self._says(self.foreign, slab, start, end, UDP, key):
                self.probed.pop(flow, None)
                return (), len(before) + 1
            unmatchable = self._says(self.unmatchable, slab, start, end, UDP, key)
            if unmatchable and probed.hold(packet):
                find = self.nothing.get(UDP)
                probed.probes += find is None or find(slab, start, end) is None
                if probed.probes >= MAX_PROBES:
                    del self.probed[flow]
                    return (), len(before)
                self.probed[flow] = probed
                if len(self.probed) <= MAX_HELD_FLOWS:
                    return (), 0
                return self.probed.popitem(last=False)[1].packets, 0  # who waits the longest makes room
        self.probed.pop(flow, None)
        return (*before, packet), 0

    # --- inside -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _is_quiet(waiting: Waiting, key: bytes, seq: int, flags: int) -> bool:
        """Whether a packet without payload says nothing of how the connection goes on."""
        if not flags & Flag.SYN:
            return not flags & ENDING
        following = seq + 1 & 0xFFFFFFFF
        if flags & ENDING or waiting.spoken is not None:
            return False
        if key == waiting.key:
            return not flags & Flag.ACK and following == waiting.caller
        if not flags & Flag.ACK or waiting.called not in (None, following):
            return False
        waiting.called = following
        return True

    def _decides(self, waiting: Waiting, slab: Buffer, start: int, end: int, key: bytes) -> bool:
        """Whether the first words of a side make its connection foreign. Where it depends on those of the other side,
        that this one has spoken is noted."""
        if self._says(self.foreign, slab, start, end, TCP, key):
            return True
        if not self._says(self.unmatchable, slab, start, end, TCP, key):
            return False
        if waiting.spoken is not None:
            return True
        waiting.spoken = key
        return False

    def _patterns(self, *kinds: OpeningKind) -> dict[int, Find]:
        """What finds openings of these kinds, by protocol."""
        patterns: dict[int, list[bytes]] = {}
        for one in self.openings:
            if one.says in kinds:
                patterns.setdefault(one.protocol, []).append(one.pattern)
        return {protocol: re.compile(b"|".join(some)).match for protocol, some in patterns.items()}

    def _finds(self, says: OpeningKind) -> dict[int, Find]:
        found: dict[int, Find] = {}
        for protocol, match in self._patterns(says).items():
            if says is OpeningKind.UNMATCHABLE:
                match = _of_head(match)
            if says is not OpeningKind.NOTHING and self._wanted is not None:
                match = _unless(match, self._wanted, protocol)
            found[protocol] = match
        return found

    def _says(self, finds: dict[int, Find], slab: Buffer, start: int, end: int, protocol: int, key: bytes) -> bool:
        """Whether the bytes are such, and nobody waits for the flow."""
        find = finds.get(protocol)
        if find is None or find(slab, start, end) is None:
            return False
        if self.addresses is not NO_ADDRESSES and any(end[:-2] in self.addresses for end in _endpoints(key)):
            return False
        if not self.announced:
            return True
        transport = "tcp" if protocol == TCP else "udp"
        return not any((transport, endpoint) in self.announced for endpoint in _endpoints(key))

    def _begin(self, waiting: Waiting, packet: RaisedPacket) -> Sequence[RaisedPacket]:
        """Who waits the longest makes room."""
        waiting.hold(packet)
        self.held[waiting.key] = self.held[reversed_key(waiting.key)] = waiting
        if len(self.held) <= 2 * MAX_HELD_FLOWS:
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


def _copy(packet: RaisedPacket) -> RaisedPacket:
    """The slab is used again before this packet comes up."""
    slab, frame, at, size, wire, ts, link = packet
    return bytes(slab[at : at + size]), frame, 0, size, wire, ts, link
