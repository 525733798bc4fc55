"""Flows: whose segment this is, in which direction, and when a flow begins and is over.

A flow is one TCP connection or one UDP exchange between two endpoints. Its client is who opened it (SYN); where no SYN
was captured the side that calls a known server port; else the first talker. Flows live on shelves ordered by silence,
one shelf a lifetime, so that forgetting the longest silent one costs nothing. All clocks are packet time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import Struct

from imsniff.base.events import Side
from imsniff.base.limits import (
    LINGER_NS,
    MAX_UNDECIDED,
    MAX_WATCHED,
    REAP_NS,
    TCP_IDLE_NS,
    UDP_IDLE_NS,
    UNDECIDED_IDLE_NS,
)
from imsniff.net.reassembly import Data, Gap, Stream
from imsniff.net.segment import TCP, UDP, Flag, Segment, flow_key

Reader = TypeVar("Reader")


CLIENT, SERVER = Side
SYN, ACK, RST = Flag.SYN, Flag.ACK, Flag.RST
OPENING, CLOSING = SYN | ACK, Flag.FIN | RST
NOBODY: frozenset[Side] = frozenset()


class Moment(NamedTuple):
    frame: int
    ts: int


class IdleQueue(Generic[Reader]):
    """Flows that share a lifetime, the longest silent first."""

    __slots__ = ("flows", "idle", "most")

    def __init__(self, idle: int, most: int) -> None:
        self.idle = idle
        """Nanoseconds a flow may be silent."""
        self.most = most
        """Flows that are kept."""
        self.flows: OrderedDict[bytes, Flow[Reader]] = OrderedDict()


class Flow(Generic[Reader]):
    """One connection. `reader` is what the floor above keeps about it."""

    __slots__ = (
        "acks",
        "client",
        "client_octets",
        "client_packets",
        "counted_only",
        "fins",
        "first",
        "key",
        "last_frame",
        "last_ts",
        "octets",
        "opened",
        "opening_seq",
        "over",
        "packets",
        "protocol",
        "reader",
        "server",
        "shelf",
        "streams",
    )

    def __init__(
        self, key: bytes, first: Segment, client: bytes, server: bytes, reader: Reader, shelf: IdleQueue[Reader]
    ) -> None:
        self.key = key
        self.protocol = first.protocol
        self.client = client
        self.server = server
        self.reader = reader
        self.shelf = shelf
        self.first = Moment(first.frame, first.ts)
        self.last_frame, self.last_ts = self.first
        self.packets = 0
        self.octets = 0
        self.client_octets = 0
        """Of these, the client's."""
        self.client_packets = 0
        self.acks: dict[Side, int] = {}
        """The last acknowledgement number of each side."""
        self.opened = False
        """Whether the client's SYN, or the answer to it, was captured."""
        self.opening_seq: int | None = None
        self.streams: dict[Side, Stream] = {}
        self.fins = NOBODY
        self.counted_only = False
        """Set when nothing more can be read: packets are counted, streams no longer put in order."""
        self.over = False
        """Set when it left the table: what is still heard of it comes from what was held."""

    def packets_of(self, side: Side) -> int:
        return self.client_packets if side is CLIENT else self.packets - self.client_packets

    def acknowledged(self, side: Side) -> bool:
        """Whether the other side has acknowledged payload of this side."""
        stream, ack = self.streams.get(side), self.acks.get(side.other)
        return stream is not None and ack is not None and stream.holds(ack)

    def side(self, segment: Segment) -> Side:
        return CLIENT if segment.source == self.client else SERVER


class FlowData(Struct, Generic[Reader], frozen=True):
    """Something came out of a flow: bytes in order, a gap, a whole datagram."""

    flow: Flow[Reader]
    side: Side
    item: Data | Gap


class FlowEnd(Struct, Generic[Reader], frozen=True):
    """A flow ended: nothing more will be heard of it."""

    flow: Flow[Reader]
    evicted: bool = False


FlowEvent = FlowData[Reader] | FlowEnd[Reader]


class Flows(Generic[Reader]):
    """The flow table."""

    def __init__(self, new_reader: Callable[[], Reader], server_ports: frozenset[int] = frozenset()) -> None:
        """`new_reader` makes what a new flow carries; `server_ports` tell who was called where no SYN was seen."""
        self._new_reader = new_reader
        self.begun: Callable[[bytes, int], None] = lambda *_: None
        """Told of every flow that begins: addresses and ports of its first segment, and nanoseconds."""
        self._server_ports = server_ports
        self._all: dict[bytes, Flow[Reader]] = {}
        self._holed: dict[bytes, Flow[Reader]] = {}
        """Those with a direction that waits for a hole to be filled."""
        self._undecided: IdleQueue[Reader] = IdleQueue(UNDECIDED_IDLE_NS, MAX_UNDECIDED)
        self._watched: dict[int, IdleQueue[Reader]] = {
            TCP: IdleQueue(TCP_IDLE_NS, MAX_WATCHED),
            UDP: IdleQueue(UDP_IDLE_NS, MAX_WATCHED),
        }
        self._closing: IdleQueue[Reader] = IdleQueue(LINGER_NS, MAX_UNDECIDED)
        self._shelves = (self._undecided, *self._watched.values(), self._closing)
        self._now = 0
        self._next_reaping = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._all)

    def segment(self, segment: Segment) -> Sequence[FlowEvent[Reader]]:
        """Add one segment to its flow. The events must be dealt with before the next segment."""
        ts, protocol, payload, cut, flags = segment.ts, segment.protocol, segment.payload, segment.cut, segment.flags
        events: list[FlowEvent[Reader]] = []
        if ts > self._now:
            self._now = ts
            if ts >= self._next_reaping:
                events += self._reap()
        key = flow_key(segment.source, segment.target, protocol)
        flow = self._all.get(key)
        if flow is not None and (
            ts - flow.last_ts > flow.shelf.idle
            or (flags & OPENING == SYN and protocol == TCP and flow.opening_seq != segment.seq)  # not a copy of its own
        ):
            events += self._remove(flow)
            flow = None
        if flow is None:
            if not (payload or cut or flags & SYN):
                return events  # the tail of something unknown: nothing to learn, nothing to remember
            if len(self._all) >= self._undecided.most:
                events += self.overflow()
            flow = self._begin(key, segment)
        flow.packets += 1
        flow.octets += len(payload) + cut
        if segment.source == flow.client:
            flow.client_octets += len(payload) + cut
            flow.client_packets += 1
        flow.last_frame, flow.last_ts = segment.frame, ts
        flow.shelf.flows.move_to_end(key)
        if not flow.counted_only:
            if protocol == TCP:
                self._tcp(flow, segment, events)
            elif payload:
                events.append(FlowData(flow, flow.side(segment), Data(payload, segment.frame, ts)))
        if flags & CLOSING and protocol == TCP:
            self._end(flow, segment, events)
        return events

    @property
    def known(self) -> MutableMapping[bytes, Any]:
        """The flows that are held, by `flow_key`."""
        return self._all

    @property
    def now(self) -> int:
        """The latest packet's time, or what `tick` said."""
        return self._now

    def adopt(self, server_ports: frozenset[int]) -> None:
        """From now on these tell who was called."""
        self._server_ports = server_ports

    def watch(self, flow: Flow[Reader]) -> None:
        """The flow is IM: it gets a session's lifetime."""
        if flow.shelf is self._undecided:
            self._move(flow, self._watched[flow.protocol])

    def forget(self, flow: Flow[Reader]) -> None:
        """The flow is not IM: drop it without a word."""
        if not flow.over:
            flow.over = True
            del self._all[flow.key], flow.shelf.flows[flow.key]
            self._holed.pop(flow.key, None)

    def tick(self, now: int) -> Iterator[FlowEvent[Reader]]:
        """A live link is quiet: it is `now` (nanoseconds since 1970), and no earlier packet will come."""
        self._now = max(self._now, now)
        for flow in list(self._holed.values()):
            for side, stream in flow.streams.items():
                for item in stream.tick(now):
                    yield FlowData(flow, side, item)
            if not any(stream.waits for stream in flow.streams.values()):
                self._holed.pop(flow.key, None)
        yield from self._reap()

    def holding(self, segment: Segment) -> Flow[Reader] | None:
        """The flow that a segment belongs to, where there is one."""
        return self._all.get(flow_key(segment.source, segment.target, segment.protocol))

    def overflow(self) -> Iterator[FlowEnd[Reader]]:
        """Flows that exceed a cap, the longest silent first."""
        for shelf in self._shelves:
            while len(shelf.flows) > shelf.most:
                flow = next(iter(shelf.flows.values()))
                self.forget(flow)
                self.evicted += 1
                yield FlowEnd(flow, evicted=True)

    def finish(self) -> Iterator[FlowEvent[Reader]]:
        """The capture ended: everything held, then every flow's end, in order of first packet."""
        for flow in sorted(self._all.values(), key=lambda flow: flow.first.frame):
            yield from self._remove(flow)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _move(self, flow: Flow[Reader], shelf: IdleQueue[Reader]) -> None:
        if not flow.over:
            del flow.shelf.flows[flow.key]
            shelf.flows[flow.key] = flow
            flow.shelf = shelf

    def _begin(self, key: bytes, segment: Segment) -> Flow[Reader]:
        opening = segment.flags & OPENING if segment.protocol == TCP else 0
        called = segment.source if opening == OPENING else segment.target
        if not opening & SYN and self._calls(segment.target, segment.source):
            called = segment.source
        caller = segment.target if called is segment.source else segment.source
        flow = Flow(key, segment, caller, called, self._new_reader(), self._undecided)
        if opening == SYN:
            flow.opening_seq = segment.seq
        elif opening & SYN:  # the answer was captured before the question, or without it
            flow.opening_seq = (segment.ack - 1) & 0xFFFFFFFF
        self._all[key] = self._undecided.flows[key] = flow
        self.begun(segment.source[:-2] + segment.target[:-2] + segment.source[-2:] + segment.target[-2:], segment.ts)
        return flow

    def _calls(self, target: bytes, source: bytes) -> bool:
        """Whether ports say that `source` is the server although it talks first."""
        to, of = int.from_bytes(target[-2:], "big"), int.from_bytes(source[-2:], "big")
        if (to in self._server_ports) != (of in self._server_ports):
            return of in self._server_ports
        return of < 1024 <= to

    def _tcp(self, flow: Flow[Reader], segment: Segment, events: list[FlowEvent[Reader]]) -> None:
        ts, payload, cut, seq, ack, flags = (
            segment.ts,
            segment.payload,
            segment.cut,
            segment.seq,
            segment.ack,
            segment.flags,
        )
        side, other = (CLIENT, SERVER) if segment.source == flow.client else (SERVER, CLIENT)
        streams = flow.streams
        if flags & SYN:
            flow.opened = True
            seq += 1
            if side not in streams:
                streams[side] = Stream(seq)
        if flags & ACK:
            flow.acks[side] = ack
            peer = streams.get(other)
            if peer is not None:
                if due := peer.acknowledged(ack, ts):
                    events += [FlowData(flow, other, item) for item in due]
            elif flow.opened:  # the peer's SYN was not captured: its first byte is what this side waits for
                streams[other] = Stream(ack)
        if payload or cut:
            stream = streams.get(side)
            if stream is None:
                stream = streams[side] = Stream(seq)
            heard = [FlowData(flow, side, item) for item in stream.push(seq, payload, cut, segment.frame, ts)]
            if heard:
                events += heard
            elif stream.waits:
                self._holed[flow.key] = flow

    def _end(self, flow: Flow[Reader], segment: Segment, events: list[FlowEvent[Reader]]) -> None:
        flow.fins |= {flow.side(segment)}
        if segment.flags & RST or len(flow.fins) == 2:
            if flow.shelf is not self._closing:
                self._move(flow, self._closing)
            if segment.flags & RST:
                events += self._flush(flow)

    @staticmethod
    def _flush(flow: Flow[Reader]) -> Iterator[FlowData[Reader]]:
        for side, stream in flow.streams.items():
            for item in stream.flush():
                yield FlowData(flow, side, item)

    def _remove(self, flow: Flow[Reader]) -> Iterator[FlowEvent[Reader]]:
        self.forget(flow)
        if not flow.counted_only:
            yield from self._flush(flow)
        yield FlowEnd(flow)

    def _reap(self) -> Iterator[FlowEvent[Reader]]:
        """What was silent for too long at the last full REAP_NS of packet time, in the order in which it came to be so:
        whatever packets the gate skips in between, the same flows end here in the same order."""
        until = self._now - self._now % REAP_NS
        self._next_reaping = until + REAP_NS
        silent: list[tuple[int, int, Flow[Reader]]] = []
        for shelf in self._shelves:
            for flow in shelf.flows.values():
                ended = flow.last_ts + shelf.idle
                if ended >= until:
                    break
                silent.append((ended, flow.first.frame, flow))
        for _, _, flow in sorted(silent, key=itemgetter(0, 1)):
            yield from self._remove(flow)
        yield from self.overflow()
