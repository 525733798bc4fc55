"""The spine: capture, gate, reassembly, classify, dissect, detect, in one pass over plain iterators.

    batch → gate → segment → flow → told event → record → findings

A `Sensor` is one shard: it has no globals, reads the batches of one capture and yields records in packet order.
`analyze` runs one sensor over each capture, here or in `jobs` processes, with the same output.
"""

from __future__ import annotations

from collections import ChainMap, deque
from collections.abc import Iterable, Iterator
from copy import copy

from msgspec import Struct, field

from imsniff import dissect
from imsniff.base.events import Encryption, Expect, Reversed, Trait
from imsniff.base.limits import LATE_NS, PROMPT_NS, SCAN_WINDOW
from imsniff.base.records import Confidence, Record, SessionRecord, timestamp
from imsniff.capture.batch import Batch
from imsniff.classify.conversation import Classifier, Conversation, Told, Verdict
from imsniff.classify.expected import Expected
from imsniff.classify.openings import openings
from imsniff.classify.scanner import FOREIGN, Scanner
from imsniff.detect import Detectors
from imsniff.live.delay import NewFlowDelay
from imsniff.live.output import Held, LiveOutput, Packet
from imsniff.net.decode import Decoder
from imsniff.net.flow_filter import Ends, Filter
from imsniff.net.flows import Flow, Flows, Happening, Heard
from imsniff.net.gates import open_gate
from imsniff.net.hold_queue import HoldQueue
from imsniff.net.segment import TCP, Segment, endpoint
from imsniff.policy.policy import Policy
from imsniff.record.privacy import Content
from imsniff.record.recorder import Recorder, community_id, evidence_of, identifier
from imsniff.rules.loader import SignatureSet


class Options(Struct, frozen=True, kw_only=True):
    """What the operator chose; crosses process borders."""

    signatures: SignatureSet
    content: Content = Content.MATCHED
    keep_secrets: bool = False
    fingerprint_key: bytes = b""
    gate: bool = True
    policy: Policy = field(default_factory=Policy)
    wanted: Filter | None = None
    """Which flows to look at; None: all."""


class Session:
    """What the spine keeps about one flow: its way up the ladder and, once identified, its record."""

    __slots__ = ("conversation", "held", "met", "over", "placer")

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.placer: Recorder | None = None
        self.met = False
        """Whether anything was heard of it yet."""
        self.over = False
        self.held: Held | None = None
        """Its packets, where they are wanted and it is not decided yet."""


class Sensor:
    """One shard of the spine, for one capture.

    With an `aside` it is live: what a session shows is told soon after it was identified and not only when it ends."""

    def __init__(self, options: Options, capture: str, aside: LiveOutput | None = None) -> None:
        dissect.load()
        self._options = options
        self._capture = capture
        self._ports = options.signatures.ports
        self.decoder = Decoder()
        self.flows: Flows[Session] = Flows(Session, self._ports.servers)
        self._shared = Classifier(Scanner(options.signatures.payload), Expected())
        self._lobby = NewFlowDelay(self._foreign) if aside is not None and aside.one_of_several else None
        known = ChainMap(self.flows.known, self._lobby.known) if self._lobby is not None else self.flows.known
        self._hold_queue = HoldQueue(openings(options.signatures.payload), known, self._shared.expected.waiting)
        self.gate = open_gate(self._hold_queue, enabled=options.gate)
        self._detectors = Detectors(options.policy)
        self._aside = aside
        self._fresh: deque[tuple[int, Flow[Session]]] = deque()
        """Sessions lately identified, and when to tell what they show."""
        self.identified = 0
        """Flows found to be messaging."""

    def read(self, batch: Batch) -> Iterator[Record]:
        """The records of a batch, in packet order."""
        if self._aside is not None and self._aside.keep_packets:
            for packet in self.gate.raise_packets(batch):
                for segment in self.decoder.segments(*packet):
                    yield from self._segment(segment)
                    slab, _, at, size, wire, ts, link = packet
                    self._keep(self._aside, segment, Packet(ts, link, wire, bytes(slab[at : at + size])))
        else:
            for segment in self.gate.segments(batch, self.decoder):
                yield from self._segment(segment)
        if self._aside is not None:
            yield from self._late(self.flows.now)
            yield from self._show(self._aside, self.flows.now)

    def tick(self, now: int) -> Iterator[Record]:
        """All that came on a live link is read: it is `now` (nanoseconds since 1970)."""
        yield from self._late(now)
        yield from self._happenings(self.flows.tick(now - LATE_NS))
        if self._aside is not None:
            yield from self._show(self._aside, now)

    def prepare(self) -> None:
        """Compile the signatures now: the first packet shall not wait for it."""
        for transport in "tcp", "udp":
            for midstream in False, True:
                self._shared.scanner.scan(b"", transport, midstream=midstream)

    def reload(self, options: Options) -> None:
        """Other signatures, another policy: flows stay, and those that are decided stay decided."""
        self._options = options
        self._ports = options.signatures.ports
        self.flows.adopt(self._ports.servers)
        self._shared = Classifier(Scanner(options.signatures.payload), self._shared.expected)
        self._hold_queue.adopt(openings(options.signatures.payload))
        self._detectors.adopt(options.policy)

    def expect(self, expect: Expect, ts: int) -> None:
        """Another worker heard a flow announced."""
        self._shared.expected.announce(expect, ts)

    def finish(self) -> Iterator[Record]:
        """The capture ended: what is still open is closed."""
        for segment in self.decoder.flush():
            yield from self._segment(segment)
        yield from self._late(None)
        yield from self._happenings(self.flows.finish())

    # --- inside -------------------------------------------------------------------------------------------------------

    def _segment(self, segment: Segment) -> Iterable[Record]:
        if self._options.wanted is not None and not self._options.wanted.passes(_ends(segment)):
            self.gate.ignore(segment)
        elif not self.gate.covers(segment):
            if self._lobby is not None and self._lobby.stops(segment, known=self.flows.holding(segment) is not None):
                return self._late(segment.ts)
            if happened := self.flows.segment(segment):
                return self._happenings(happened)
        return ()

    def _happenings(self, happenings: Iterable[Happening[Session]]) -> Iterator[Record]:
        for happening in happenings:
            flow = happening.flow
            conversation = flow.reader.conversation
            if isinstance(happening, Heard):
                undecided = conversation.verdict is Verdict.UNDECIDED
                if not flow.reader.met:
                    self._recall(flow)
                told = conversation.hear(
                    happening.side, happening.item, self._shared, udp=flow.protocol != TCP, opened=flow.opened
                )
                if told:
                    yield from self._place(flow, told)
                if undecided and not flow.over:  # else there are no more packets to skip or to wait for
                    self._obey(flow, conversation.verdict)
                if conversation.opaque:
                    flow.counted_only = True
            else:
                yield from self._place(flow, conversation.end(flow.last_frame, flow.last_ts))
                if conversation.verdict is Verdict.WATCH:
                    yield from self._close(flow)
                elif flow.reader.held is not None and self._aside is not None:
                    self._aside.drop(flow.reader.held)

    def _recall(self, flow: Flow[Session]) -> None:
        """Was this flow announced?"""
        flow.reader.met = True
        transport = _transport(flow)
        expect = self._shared.expected.find(transport, flow.server, flow.client, flow.last_ts)
        if expect is not None:
            flow.reader.conversation.expect(expect, udp=transport == "udp")

    def _obey(self, flow: Flow[Session], verdict: Verdict) -> None:
        if verdict is Verdict.WATCH:
            self.flows.watch(flow)
            self._identified(flow)
        elif verdict is Verdict.IGNORE:
            self.flows.forget(flow)
            self.gate.ignore(Segment(flow.last_frame, flow.last_ts, flow.protocol, flow.client, flow.server, b""))
            if flow.reader.held is not None and self._aside is not None:
                self._aside.drop(flow.reader.held)

    def _place(self, flow: Flow[Session], told: Iterable[Told]) -> Iterator[Record]:
        conversation = flow.reader.conversation
        for event, frame, ts in told:
            if isinstance(event, Reversed):
                conversation.turn_round()
                continue
            placer = flow.reader.placer or self._open(flow)
            if isinstance(event, Trait):
                placer.learn(event)
            elif isinstance(event, Expect):
                self._shared.expected.announce(event, ts)
                if self._aside is not None:
                    self._aside.announced.append((event, ts))
            elif (record := placer.place(event, frame, ts, conversation.speaker(event))) is not None:
                yield record
                yield from self._detectors.on_record(_facing(flow, placer), record, evidence_of(event))

    def _open(self, flow: Flow[Session]) -> Recorder:
        """The flow is identified: its session begins."""
        conversation = flow.reader.conversation
        chosen = conversation.chosen
        assert chosen is not None, "events are told by a chosen dissector only"
        client, server = endpoint(flow.client), endpoint(flow.server)
        protocol, transport = chosen.dissector.protocol, _transport(flow)
        began = timestamp(flow.first.ts)
        session = SessionRecord(
            id=identifier(transport, client, server, flow.first.ts, protocol),
            ts=began,
            capture=self._capture,
            frame=flow.first.frame,
            protocol=protocol,
            transport=transport,
            client_ip=client[0],
            client_port=client[1],
            server_ip=server[0],
            server_port=server[1],
            first_seen=began,
            last_seen=began,
            packets=0,
            bytes=0,
            confidence=conversation.confidence,
            signature=conversation.signature,
            encryption=Encryption.NONE.value,
            odd_port=False,
            first_frame=flow.first.frame,
            last_frame=flow.first.frame,
            community_id=community_id(client, server, flow.protocol),
        )
        self.identified += 1
        options = self._options
        flow.reader.placer = Recorder(
            session, options.content, options.fingerprint_key, keep_secrets=options.keep_secrets
        )
        return flow.reader.placer

    def _current(self, flow: Flow[Session]) -> SessionRecord:
        """The session's record, brought up to date."""
        placer, conversation = flow.reader.placer, flow.reader.conversation
        assert placer is not None, "only sessions with a record are current"
        session = _facing(flow, placer)
        session.packets, session.bytes = flow.packets, flow.octets
        session.last_frame, session.last_seen = flow.last_frame, timestamp(flow.last_ts)
        session.confidence = conversation.confidence
        session.odd_port = session.confidence is not Confidence.HOST and self._ports.odd(
            session.protocol, session.transport, session.server_port, session.client_port, sure=flow.opened
        )
        return session

    def _close(self, flow: Flow[Session]) -> Iterator[Record]:
        session = self._session(flow)
        flow.reader.over = True
        if flow.reader.held is not None and self._aside is not None:
            self._aside.claim(flow.reader.held)
        yield session
        yield from self._detectors.on_session(session)

    def _session(self, flow: Flow[Session]) -> SessionRecord:
        if flow.reader.placer is None:  # a session of which nothing was told but that it is there
            self._open(flow)
        return self._current(flow)

    # --- live only ----------------------------------------------------------------------------------------------------

    def _identified(self, flow: Flow[Session]) -> None:
        if self._aside is None:
            return
        self._aside.sessions.append(copy(self._session(flow)))
        self._fresh.append((flow.last_ts + PROMPT_NS, flow))
        if flow.reader.held is not None:
            self._aside.claim(flow.reader.held)

    def _show(self, aside: LiveOutput, now: int) -> Iterator[Record]:
        """What sessions that were identified some time ago show."""
        while self._fresh and self._fresh[0][0] <= now:
            flow = self._fresh.popleft()[1]
            if not flow.reader.over:
                session = copy(self._session(flow))
                aside.sessions.append(session)
                yield from self._detectors.on_session(session)

    def _late(self, now: int | None) -> Iterator[Record]:
        """What has waited in the lobby until `now` is heard; None: all that waits."""
        if self._lobby is None or self._aside is None:
            return
        for waiting in self._lobby.due(now):
            for segment in waiting.segments:
                if not self.gate.covers(segment):
                    yield from self._happenings(self.flows.segment(segment))
            for packet in waiting.packets:
                self._keep(self._aside, waiting.segments[0], packet)

    def _foreign(self, segment: Segment) -> bool:
        transport = "tcp" if segment.protocol == TCP else "udp"
        rules = self._shared.scanner.scan(segment.payload[:SCAN_WINDOW], transport, midstream=False)
        return any(rule.protocol == FOREIGN for rule in rules)

    def _keep(self, aside: LiveOutput, segment: Segment, packet: Packet) -> None:
        """The packet of this segment, where it is one of a messaging session or may be."""
        if self._lobby is not None and self._lobby.keep(segment, packet):
            return
        flow = self.flows.holding(segment)
        if flow is None:
            return
        if flow.reader.conversation.verdict is Verdict.WATCH:
            aside.packets.append(packet)
            return
        if flow.reader.held is None:
            flow.reader.held = Held()
        aside.hold(flow.reader.held, packet)


def _transport(flow: Flow[Session]) -> str:
    return "tcp" if flow.protocol == TCP else "udp"


def _facing(flow: Flow[Session], placer: Recorder) -> SessionRecord:
    """The session's record with client and server as known now; its figures as when it was last told."""
    session, flipped = placer.session, flow.reader.conversation.flipped
    if flipped is not placer.flipped:
        placer.flipped = flipped
        ends = (flow.server, flow.client) if flipped else (flow.client, flow.server)
        (session.client_ip, session.client_port), (session.server_ip, session.server_port) = map(endpoint, ends)
    return session


def _ends(segment: Segment) -> Ends:
    source, target = segment.source, segment.target
    ports = int.from_bytes(source[-2:], "big"), int.from_bytes(target[-2:], "big")
    return Ends("tcp" if segment.protocol == TCP else "udp", (source[:-2], target[:-2]), ports)
