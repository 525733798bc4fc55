"""Flows: whose segment this is, in which direction, and when a flow begins and is over.

A flow is one TCP connection or one UDP exchange between two endpoints. Its client is who opened it (SYN); where no SYN
was captured the side that calls a known server port; else the first talker. Flows live on shelves ordered by silence,
one shelf a lifetime, so that forgetting the longest silent one costs nothing. All clocks are packet time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from imsniff.events import Side
from imsniff.limits import (
    LINGER_NS,
    MAX_UNDECIDED,
    MAX_WATCHED,
    REAP_EVERY,
    TCP_IDLE_NS,
    UDP_IDLE_NS,
    UNDECIDED_IDLE_NS,
)
from imsniff.net.reassembly import Data, Gap, Stream
from imsniff.net.segment import TCP, UDP, Flag, Segment

Reader = TypeVar("Reader")


class Lifetime(Enum):
    """How long a flow may be silent (nanoseconds), and how many such flows are kept."""

    UNDECIDED = (UNDECIDED_IDLE_NS, MAX_UNDECIDED)
    TCP = (TCP_IDLE_NS, MAX_WATCHED)
    UDP = (UDP_IDLE_NS, MAX_WATCHED)
    CLOSING = (LINGER_NS, MAX_UNDECIDED)


class Flow(Generic[Reader]):
    """One connection. `reader` is what the floor above keeps about it."""

    __slots__ = (
        "client",
        "counted_only",
        "fins",
        "first",
        "key",
        "last_frame",
        "last_ts",
        "lifetime",
        "octets",
        "opened",
        "opening_seq",
        "packets",
        "protocol",
        "reader",
        "server",
        "streams",
    )

    def __init__(self, key: bytes, first: Segment, client: bytes, server: bytes, reader: Reader) -> None:
        self.key = key
        self.protocol = first.protocol
        self.client = client
        self.server = server
        self.reader = reader
        self.first = first._replace(payload=b"")
        self.last_frame, self.last_ts = first.frame, first.ts
        self.packets = 0
        self.octets = 0
        self.opened = False
        """Whether the client's SYN, or the answer to it, was captured."""
        self.opening_seq: int | None = None
        self.streams: dict[Side, Stream] = {}
        self.fins: set[Side] = set()
        self.counted_only = False
        """Set when nothing more can be read: packets are counted, streams no longer put in order."""
        self.lifetime = Lifetime.UNDECIDED

    def side(self, segment: Segment) -> Side:
        return Side.CLIENT if segment.source == self.client else Side.SERVER


class Heard(NamedTuple, Generic[Reader]):
    """Something came out of a flow: bytes in order, a gap, a whole datagram."""

    flow: Flow[Reader]
    side: Side
    item: Data | Gap


class Over(NamedTuple, Generic[Reader]):
    """A flow ended: nothing more will be heard of it."""

    flow: Flow[Reader]
    evicted: bool = False


Happening = Heard[Reader] | Over[Reader]


class Flows(Generic[Reader]):
    """The flow table."""

    def __init__(self, new_reader: Callable[[], Reader], server_ports: frozenset[int] = frozenset()) -> None:
        """`new_reader` makes what a new flow carries; `server_ports` tell who was called where no SYN was seen."""
        self._new_reader = new_reader
        self._server_ports = server_ports
        self._shelves: dict[Lifetime, OrderedDict[bytes, Flow[Reader]]] = {life: OrderedDict() for life in Lifetime}
        self._now = 0
        self._until_reaping = REAP_EVERY
        self.evicted = 0

    def __len__(self) -> int:
        return sum(map(len, self._shelves.values()))

    def segment(self, segment: Segment) -> Iterator[Happening[Reader]]:
        """Put one segment where it belongs."""
        self._now = max(self._now, segment.ts)
        self._until_reaping -= 1
        if self._until_reaping <= 0:
            self._until_reaping = REAP_EVERY
            yield from self._reap()
        source, target, flags = segment.source, segment.target, segment.flags
        key = source + target if source < target else target + source
        if segment.protocol == UDP:
            key += b"u"
        flow = self._find(key)
        if flow is not None and (self._expired(flow, segment.ts) or self._is_new_connection(flow, segment)):
            yield from self._remove(flow)
            flow = None
        if flow is None:
            if not (segment.payload or segment.cut or flags & Flag.SYN):
                return  # the tail of something unknown: nothing to learn, nothing to remember
            flow = self._begin(key, segment)
        flow.packets += 1
        flow.octets += len(segment.payload) + segment.cut
        flow.last_frame, flow.last_ts = segment.frame, segment.ts
        self._shelves[flow.lifetime].move_to_end(key)
        if not flow.counted_only:
            side = flow.side(segment)
            if segment.protocol == TCP:
                for whose, item in self._tcp(flow, side, segment):
                    yield Heard(flow, whose, item)
            elif segment.payload:
                yield Heard(flow, side, Data(segment.payload, segment.frame, segment.ts))
        if flags & (Flag.FIN | Flag.RST) and segment.protocol == TCP:
            yield from self._closing(flow, segment)

    @property
    def now(self) -> int:
        """The latest packet's time, or what `tick` said."""
        return self._now

    def adopt(self, server_ports: frozenset[int]) -> None:
        """From now on these tell who was called."""
        self._server_ports = server_ports

    def watch(self, flow: Flow[Reader]) -> None:
        """The flow is IM: it gets a session's lifetime."""
        if flow.lifetime is Lifetime.UNDECIDED:
            self._move(flow, Lifetime.TCP if flow.protocol == TCP else Lifetime.UDP)

    def forget(self, flow: Flow[Reader]) -> None:
        """The flow is not IM: drop it without a word."""
        self._shelves[flow.lifetime].pop(flow.key, None)

    def tick(self, now: int) -> Iterator[Happening[Reader]]:
        """A live link is quiet: it is `now` (nanoseconds since 1970), and no earlier packet will come."""
        self._now = max(self._now, now)
        yield from self._reap()

    def holding(self, segment: Segment) -> Flow[Reader] | None:
        """The flow that a segment belongs to, where there is one."""
        source, target = segment.source, segment.target
        key = source + target if source < target else target + source
        return self._find(key + b"u" if segment.protocol == UDP else key)

    def overflow(self) -> Iterator[Over[Reader]]:
        """Flows that exceed a cap, the longest silent first."""
        for life, shelf in self._shelves.items():
            while len(shelf) > life.value[1]:
                self.evicted += 1
                yield Over(shelf.popitem(last=False)[1], evicted=True)

    def finish(self) -> Iterator[Happening[Reader]]:
        """The capture ended: everything held, then every flow's end, in order of first packet."""
        flows = sorted((f for shelf in self._shelves.values() for f in shelf.values()), key=lambda f: f.first.frame)
        for flow in flows:
            yield from self._remove(flow)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _find(self, key: bytes) -> Flow[Reader] | None:
        for shelf in self._shelves.values():
            if (flow := shelf.get(key)) is not None:
                return flow
        return None

    def _move(self, flow: Flow[Reader], life: Lifetime) -> None:
        self._shelves[flow.lifetime].pop(flow.key, None)
        flow.lifetime = life
        self._shelves[life][flow.key] = flow

    @staticmethod
    def _expired(flow: Flow[Reader], now: int) -> bool:
        return now - flow.last_ts > flow.lifetime.value[0]

    def _is_new_connection(self, flow: Flow[Reader], segment: Segment) -> bool:
        """A SYN that is not a copy of this flow's own."""
        if segment.protocol != TCP or segment.flags & (Flag.SYN | Flag.ACK) != Flag.SYN:
            return False
        return flow.opening_seq != segment.seq

    def _begin(self, key: bytes, segment: Segment) -> Flow[Reader]:
        opening = segment.flags & (Flag.SYN | Flag.ACK) if segment.protocol == TCP else 0
        called = segment.source if opening == Flag.SYN | Flag.ACK else segment.target
        if not opening & Flag.SYN and self._calls(segment.target, segment.source):
            called = segment.source
        caller = segment.target if called is segment.source else segment.source
        flow = Flow(key, segment, caller, called, self._new_reader())
        if opening == Flag.SYN:
            flow.opening_seq = segment.seq
        elif opening & Flag.SYN:  # the answer was captured before the question, or without it
            flow.opening_seq = (segment.ack - 1) & 0xFFFFFFFF
        self._shelves[flow.lifetime][key] = flow
        return flow

    def _calls(self, target: bytes, source: bytes) -> bool:
        """Whether ports say that `source` is the server although it talks first."""
        to, of = int.from_bytes(target[-2:], "big"), int.from_bytes(source[-2:], "big")
        if (to in self._server_ports) != (of in self._server_ports):
            return of in self._server_ports
        return of < 1024 <= to

    def _tcp(self, flow: Flow[Reader], side: Side, segment: Segment) -> Iterator[tuple[Side, Data | Gap]]:
        streams, flags = flow.streams, segment.flags
        seq = segment.seq
        if flags & Flag.SYN:
            flow.opened = True
            seq += 1
            if side not in streams:
                streams[side] = Stream(seq)
        if flags & Flag.ACK:
            peer = streams.get(side.other)
            if peer is not None:
                for item in peer.acknowledged(segment.ack, segment.ts):
                    yield side.other, item
            elif flow.opened:  # the peer's SYN was not captured: its first byte is what this side waits for
                streams[side.other] = Stream(segment.ack)
        if segment.payload or segment.cut:
            stream = streams.get(side)
            if stream is None:
                stream = streams[side] = Stream(seq)
            for item in stream.push(seq, segment.payload, segment.cut, segment.frame, segment.ts):
                yield side, item

    def _closing(self, flow: Flow[Reader], segment: Segment) -> Iterator[Happening[Reader]]:
        if flow.key not in self._shelves[flow.lifetime]:
            return  # it was found not to be IM by this very segment
        flow.fins.add(flow.side(segment))
        if segment.flags & Flag.RST or len(flow.fins) == 2:
            if flow.lifetime is not Lifetime.CLOSING:
                self._move(flow, Lifetime.CLOSING)
            if segment.flags & Flag.RST:
                yield from self._flush(flow)

    @staticmethod
    def _flush(flow: Flow[Reader]) -> Iterator[Heard[Reader]]:
        for side, stream in flow.streams.items():
            for item in stream.flush():
                yield Heard(flow, side, item)

    def _remove(self, flow: Flow[Reader]) -> Iterator[Happening[Reader]]:
        self._shelves[flow.lifetime].pop(flow.key, None)
        if not flow.counted_only:
            yield from self._flush(flow)
        yield Over(flow)

    def _reap(self) -> Iterator[Happening[Reader]]:
        for shelf in self._shelves.values():
            while shelf:
                flow = next(iter(shelf.values()))
                if not self._expired(flow, self._now):
                    break
                yield from self._remove(flow)
        yield from self.overflow()
