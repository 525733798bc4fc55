"""The spine: capture, gate, reassembly, classify, dissect, record, detect, in one pass over plain iterators.

    batch → gate → segment → flow → event → record → sightings of findings

A `Sensor` is one shard: it has no globals, reads the batches of one capture and yields records in packet order.
`analyze` runs one sensor over each capture, here or in `jobs` processes, with the same output; a live capture runs
`live.sensor.LiveSensor`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from imsniff.base.events import (
    Anomaly,
    Event,
    Expect,
    InnerData,
    InnerEnd,
    InnerGap,
    InnerOpened,
    Message,
    Refused,
    Reversed,
    Trait,
    Transfer,
)
from imsniff.base.limits import LATE_NS, MAX_CARRIER_DEPTH, MAX_CARRIER_EVENTS, MAX_INNER_STREAMS
from imsniff.base.records import SILENT, Record, SessionRecord
from imsniff.capture.batch import Batch
from imsniff.carriers.core import Carrier
from imsniff.classify import readers
from imsniff.classify.candidate import TimedEvent
from imsniff.classify.conversation import HTTP_TO_MESSENGER, Classifier, Verdict
from imsniff.classify.expected import Expected
from imsniff.classify.inner import AnyFlow, InnerFlow, SharedStreams
from imsniff.classify.openings import openings
from imsniff.classify.scanner import Scanner
from imsniff.detect import Detectors
from imsniff.envelopes.naming import Naming
from imsniff.envelopes.observer import ObservedFlow, Observer
from imsniff.envelopes.prefilter import Prefilter
from imsniff.envelopes.resolved import WantedAddresses
from imsniff.net.decode import Decoder
from imsniff.net.flow_filter import Ends, Filter
from imsniff.net.flows import Flow, FlowData, FlowEvent, Flows
from imsniff.net.gates import open_gate
from imsniff.net.hold_queue import HoldQueue
from imsniff.net.reassembly import Data, Gap
from imsniff.net.segment import TCP, Segment
from imsniff.policy.policy import Policy
from imsniff.record.coverage import Coverage
from imsniff.record.extraction import Extraction
from imsniff.record.flow_state import FlowState
from imsniff.record.one_sided import Shown, one_sided
from imsniff.record.privacy import Content
from imsniff.record.recorder import Recorder, evidence_of
from imsniff.record.session import begin_session, face, update_session
from imsniff.rules.lexicon import lexicon_of
from imsniff.rules.said import NOTHING_SAID
from imsniff.rules.schema import SignatureSet


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
    extract: Path | None = None
    """Where files that went by whole are saved; None: nowhere."""


class Sensor:
    """One shard of the spine, for one capture."""

    def __init__(self, options: Options, capture: str) -> None:
        readers.load()
        self._options = options
        self._capture = capture
        self._ports = options.signatures.ports
        self.decoder = Decoder()
        self.flows: Flows[FlowState] = Flows(FlowState, self._ports.servers)
        self._extraction = Extraction(options.extract)
        self._shared = Classifier(Scanner(options.signatures.payload), Expected(), self._extraction.keep)
        self._shared_streams: SharedStreams[FlowState] = SharedStreams()
        naming = Naming(options.signatures.services, options.signatures.openings)
        self._observer = Observer(naming, capture)
        self._hold_queue = HoldQueue(
            openings(options.signatures.payload),
            self._known_flows(),
            self._shared.expected.waiting,
            Prefilter(naming),
            WantedAddresses(options.signatures.services, self._observer.resolved),
        )
        self.gate = open_gate(self._hold_queue, enabled=options.gate)
        self.coverage = Coverage()
        self._hold_queue.turned_away = self.flows.begun = self.coverage.flow
        self._detectors = Detectors(options.policy, lexicon_of(options.signatures.phrases))
        self.identified = 0
        """Flows found to be messaging."""

    def read(self, batch: Batch) -> Iterator[Record]:
        """The records of a batch, in packet order."""
        for segment in self.gate.segments(batch, self.decoder):
            yield from self._segment(segment)
        yield from self._told(self._observer.due(self.flows.now))
        yield from self.coverage.batch(batch, self.gate.frames, self.gate.last_ts)

    def tick(self, now: int) -> Iterator[Record]:
        """All packets of a live link are read: it is `now` (nanoseconds since 1970)."""
        yield from self._flow_events(self.flows.tick(now - LATE_NS))

    def prepare(self) -> None:
        """Compile the signatures now, so that the first packet need not wait for it."""
        for transport in "tcp", "udp":
            for midstream in False, True:
                self._shared.scanner.scan(b"", transport, midstream=midstream)

    def reload(self, options: Options) -> None:
        """Other signatures, another policy: flows stay, and those that are decided stay decided."""
        self._options = options
        self._ports = options.signatures.ports
        self.flows.adopt(self._ports.servers)
        self._shared = self._shared._replace(scanner=Scanner(options.signatures.payload))
        self._observer.naming = naming = Naming(options.signatures.services, options.signatures.openings)
        self._hold_queue.addresses = WantedAddresses(options.signatures.services, self._observer.resolved)
        self._hold_queue.adopt(openings(options.signatures.payload), Prefilter(naming))
        self._detectors.adopt(options.policy, lexicon_of(options.signatures.phrases))

    def expect(self, expect: Expect, ts: int) -> None:
        """Another worker read that a flow will come."""
        self._shared.expected.announce(expect, ts)

    def finish(self) -> Iterator[Record]:
        """The capture ended: open flows end."""
        for segment in self.decoder.flush():
            yield from self._segment(segment)
        yield from self._flow_events(self.flows.finish())
        for inner in self._shared_streams.finish():
            yield from self._end_inner(inner)
        yield from self._told(self._observer.finish())
        yield from self.coverage.over()

    # --- flows --------------------------------------------------------------------------------------------------------

    def _known_flows(self) -> MutableMapping[bytes, Any]:
        """The flows of which the gate must skip nothing, by `flow_key`."""
        return self.flows.known

    def _segment(self, segment: Segment) -> Iterable[Record]:
        if self._options.wanted is not None and not self._options.wanted.passes(_ends(segment)):
            self.gate.ignore(segment)
        elif not self.gate.covers(segment):
            return self._admit(segment)
        return ()

    def _admit(self, segment: Segment) -> Iterable[Record]:
        events = self.flows.segment(segment)
        return self._flow_events(events) if events else ()

    def _flow_events(self, flow_events: Iterable[FlowEvent[FlowState]]) -> Iterator[Record]:
        for flow_event in flow_events:
            flow = flow_event.flow
            state = flow.reader
            conversation = state.conversation
            if isinstance(flow_event, FlowData):
                undecided = conversation.verdict is Verdict.UNDECIDED
                if not state.started:
                    self._look_up_announcement(flow)
                if undecided:
                    state.observed = state.observed or ObservedFlow()
                    self._observer.read(state.observed, flow, flow_event.side, flow_event.item)
                events = conversation.feed(
                    flow_event.side, flow_event.item, self._shared, udp=flow.protocol != TCP, opened=flow.opened
                )
                if events:
                    yield from self._record(flow, events)
                recorder = state.recorder
                if recorder is not None and recorder.unanswered:
                    yield from self._answered(flow, recorder)
                if undecided and not flow.over:  # else there are no more packets to skip or to wait for
                    yield from self._obey(flow, conversation.verdict)
                elif state.observed is not None and not (flow.counted_only or flow.over):
                    self._observer.read(state.observed, flow, flow_event.side, flow_event.item)
                    yield from self._ignore(flow)
                if conversation.opaque:
                    flow.counted_only = True
            else:
                yield from self._record(flow, conversation.end(flow.last_frame, flow.last_ts))
                if conversation.verdict is Verdict.WATCH:
                    yield from self._close(flow)
                elif state.observed is not None:
                    if (
                        state.observed.use is None
                        and (seen := self._observer.service(state.observed, flow)) is not None
                    ):
                        yield from self._told(self._observer.begin(state.observed, flow, seen))
                    self._observer.end(state.observed, flow)
                self._flow_over(flow)

    def _look_up_announcement(self, flow: AnyFlow[FlowState]) -> None:
        """Give the flow the dissector that an announcement names, where there was one."""
        flow.reader.started = True
        transport = "tcp" if flow.protocol == TCP else "udp"
        expect = self._shared.expected.find(transport, flow.server, flow.client, flow.last_ts)
        if expect is not None:
            flow.reader.conversation.expect(expect, udp=transport == "udp", keep=self._shared.keep)

    def _obey(self, flow: Flow[FlowState], verdict: Verdict) -> Iterator[Record]:
        """A flow was decided."""
        if verdict is Verdict.WATCH:
            flow.reader.observed = None
            self.flows.watch(flow)
            self._identified(flow)
        elif verdict is Verdict.IGNORE:
            yield from self._ignore(flow)

    def _ignore(self, flow: Flow[FlowState]) -> Iterator[Record]:
        """No dissector claims the flow: it is counted where its envelope names a service, else ignored, unless its
        envelope may name one yet."""
        observed = flow.reader.observed
        if observed is not None:
            if (seen := self._observer.service(observed, flow)) is not None:
                self.flows.watch(flow)
                flow.counted_only = True
                yield from self._told(self._observer.begin(observed, flow, seen))
                return
            if observed.pending:
                return
        self.flows.forget(flow)
        self.gate.ignore(Segment(flow.last_frame, flow.last_ts, flow.protocol, flow.client, flow.server, b""))
        self._flow_over(flow)

    def _told(self, records: Iterable[Record]) -> Iterator[Record]:
        """Records of envelopes, with the findings of their sessions."""
        for record in records:
            yield record
            if isinstance(record, SessionRecord):
                yield from self._detectors.on_session(record)

    def _identified(self, flow: AnyFlow[FlowState]) -> None:
        """A flow was found to be messaging, or to carry other conversations. For live capture."""

    def _flow_over(self, flow: Flow[FlowState]) -> None:
        """A flow ended, or is ignored. For live capture."""

    # --- events and sessions ------------------------------------------------------------------------------------------

    def _record(self, flow: AnyFlow[FlowState], events: Iterable[TimedEvent]) -> Iterator[Record]:
        """The records of events of one conversation."""
        state = flow.reader
        conversation = state.conversation
        if conversation.chosen is not None and isinstance(conversation.chosen.dissector, Carrier):
            yield from self._carry(flow, events)
            return
        for event, frame, ts in events:
            if isinstance(event, Reversed):
                conversation.flip()
                continue
            recorder = state.recorder or self._open(flow)
            if isinstance(event, Trait):
                recorder.learn(event)
            elif isinstance(event, Expect):
                self._announce(event, ts)
            elif (record := recorder.record(event, frame, ts, conversation.speaker(event))) is not None:
                if isinstance(event, Transfer) and event.contents:
                    self._extraction.save(event)
                said = self._detectors.read(event.text) if isinstance(event, Message) else NOTHING_SAID
                if said.matches and self._options.content is Content.MATCHED:
                    recorder.keep(record, said.masked)
                shown = Shown(record, evidence_of(event), said)
                found = self._judge(flow, recorder, shown, ts)
                yield from recorder.within_cap(record, ts)
                yield from found

    def _judge(self, flow: AnyFlow[FlowState], recorder: Recorder, shown: Shown, ts: int) -> list[Record]:
        """The findings of a record. Where only one side spoke yet they wait for the other."""
        session = face(flow, recorder, flow.reader.conversation)
        if not recorder.answered:
            session.one_sided = one_sided(flow, flow.reader.conversation)
            recorder.answered = session.one_sided is None
        due = (shown,) if recorder.answered else recorder.unanswered.add(shown, ts)
        return [found for each in due for found in self._found(session, recorder, each)]

    def _found(self, session: SessionRecord, recorder: Recorder, shown: Shown) -> Iterator[Record]:
        for seen in self._detectors.on_record(session, *shown):
            if recorder.cap.counts(seen.id, seen.finding.severity):
                yield seen
        if session.one_sided != SILENT:
            yield from self._detectors.observations(session, *shown)

    def _answered(self, flow: AnyFlow[FlowState], recorder: Recorder) -> Iterator[Record]:
        """Where the other side has answered by now: the findings that waited, and those told as one-sided once more."""
        session = face(flow, recorder, flow.reader.conversation)
        session.one_sided = one_sided(flow, flow.reader.conversation)
        if session.one_sided is not None:
            return
        recorder.answered = True
        waiting, told = recorder.unanswered.answered()
        for each in told:
            yield from self._detectors.on_record(session, *each)
        for each in waiting:
            yield from self._found(session, recorder, each)

    def _announce(self, event: Expect, ts: int) -> None:
        self._shared.expected.announce(event, ts)

    def _open(self, flow: AnyFlow[FlowState]) -> Recorder:
        """The flow is identified: its session begins."""
        conversation = flow.reader.conversation
        self.identified += 1
        flow.reader.recorder = Recorder(
            begin_session(flow, conversation, self._capture),
            self._options.content,
            self._options.fingerprint_key,
            keep_secrets=self._options.keep_secrets,
        )
        return flow.reader.recorder

    def _session(self, flow: AnyFlow[FlowState]) -> SessionRecord:
        """The session's record, brought up to date."""
        state = flow.reader
        recorder = state.recorder or self._open(flow)  # no event yet: the session is there all the same
        return update_session(flow, recorder, state.conversation, self._ports)

    def _close(self, flow: AnyFlow[FlowState]) -> Iterator[Record]:
        """The conversation ended: its session's last record, or those of its inner streams."""
        state = flow.reader
        if state.closed:
            return
        state.closed = True
        if state.inner is not None or (
            state.conversation.chosen is not None and isinstance(state.conversation.chosen.dissector, Carrier)
        ):
            for inner in list((state.inner or {}).values()):
                if not inner.shared:
                    yield from self._end_inner(inner)
            return
        session = self._session(flow)
        recorder = state.recorder
        assert recorder is not None, "a session has its recorder"
        if state.conversation.http_to_messenger:
            yield from self._record(flow, [(HTTP_TO_MESSENGER, flow.last_frame, flow.last_ts)])
        if recorder.unanswered:
            yield from self._answered(flow, recorder)
            for each in recorder.unanswered.expire():
                yield from self._found(session, recorder, each)
        yield from recorder.finish(flow.last_frame, flow.last_ts)
        self._closing(flow)
        yield session
        yield from self._detectors.on_session(session)

    def _closing(self, flow: AnyFlow[FlowState]) -> None:
        """A session ends. For live capture."""

    # --- carriers -----------------------------------------------------------------------------------------------------

    def _carry(self, flow: AnyFlow[FlowState], events: Iterable[TimedEvent]) -> Iterator[Record]:
        """The events of a carrier: its inner streams are classified, its own events wait for a messaging session."""
        state = flow.reader
        streams = state.inner = state.inner or {}
        for event, frame, ts in events:
            if isinstance(event, InnerOpened):
                yield from self._open_inner(flow, event, frame, ts)
            elif isinstance(event, InnerData | InnerGap):
                inner = streams.get(event.stream)
                if inner is not None and not inner.over:
                    yield from self._feed_inner(inner, event, frame, ts)
            elif isinstance(event, InnerEnd):
                inner = streams.pop(event.stream, None)
                if inner is not None:
                    yield from self._end_inner(inner)
            elif isinstance(event, Refused):
                attempt = self._observer.refused(flow.client, event, frame, ts)
                if attempt is not None:
                    yield attempt
            elif not isinstance(event, Trait | Reversed):
                yield from self._carrier_event(flow, event, frame, ts)

    def _open_inner(self, flow: AnyFlow[FlowState], event: InnerOpened, frame: int, ts: int) -> Iterator[Record]:
        streams = flow.reader.inner
        assert streams is not None, "a carrier has a table of inner streams"
        inner = self._shared_streams.find(flow, event, ts) if event.shared else None
        if inner is None:
            inner = InnerFlow(flow, event, frame, ts, FlowState())
            if len(inner.carriers) > MAX_CARRIER_DEPTH:
                deep = Anomaly(side=event.side, code="carrier.too-deep", detail=" in ".join(reversed(inner.carriers)))
                yield from self._carrier_event(flow, deep, frame, ts)
                return
            if event.shared:
                for ended in (*self._shared_streams.silent(ts), *self._shared_streams.add(flow, event, inner)):
                    yield from self._end_inner(ended)
            self._look_up_announcement(inner)
        if len(streams) >= MAX_INNER_STREAMS and event.stream not in streams:
            oldest = streams.pop(next(iter(streams)))
            if not oldest.shared:
                yield from self._end_inner(oldest)
        streams[event.stream] = inner

    def _feed_inner(
        self, inner: InnerFlow[FlowState], event: InnerData | InnerGap, frame: int, ts: int
    ) -> Iterator[Record]:
        state = inner.reader
        conversation = state.conversation
        inner.last_frame, inner.last_ts = frame, ts
        item: Data | Gap
        if isinstance(event, InnerData):
            inner.packets += 1
            inner.octets += len(event.data)
            item = Data(event.data, frame, ts)
        else:
            item = Gap(event.missing, frame, ts)
        undecided = conversation.verdict is Verdict.UNDECIDED
        events = conversation.feed(event.side, item, self._shared, udp=inner.protocol != TCP, opened=inner.opened)
        if events:
            yield from self._record(inner, events)
        if undecided and conversation.verdict is Verdict.WATCH:
            yield from self._identified_inner(inner)
        elif undecided and conversation.verdict is Verdict.IGNORE:
            self._release(inner.parent)

    def _identified_inner(self, inner: InnerFlow[FlowState]) -> Iterator[Record]:
        """An inner stream is messaging: what its carriers told of themselves belongs to its session."""
        chosen = inner.reader.conversation.chosen
        if chosen is None or isinstance(chosen.dissector, Carrier):
            return
        self._identified(inner)
        outer: AnyFlow[FlowState] = inner.parent
        while True:
            waiting, outer.reader.own_events = outer.reader.own_events, None
            yield from self._record(inner, waiting or ())
            if not isinstance(outer, InnerFlow):
                return
            outer = outer.parent

    def _carrier_event(self, flow: AnyFlow[FlowState], event: Event, frame: int, ts: int) -> Iterator[Record]:
        """A log-in or an anomaly of the carrier: recorded in the first messaging session inside, once there is one."""
        for inner in (flow.reader.inner or {}).values():
            if inner.reader.recorder is not None and not inner.over:
                yield from self._record(inner, [(event, frame, ts)])
                return
        waiting = flow.reader.own_events = flow.reader.own_events or []
        if len(waiting) < MAX_CARRIER_EVENTS:
            waiting.append((event, frame, ts))

    def _release(self, flow: AnyFlow[FlowState]) -> None:
        """An inner stream is no messenger's: where its carrier carries nothing else, neither is the outer flow."""
        chosen = flow.reader.conversation.chosen
        if chosen is None or not isinstance(chosen.dissector, Carrier) or not chosen.dissector.single:
            return
        flow.reader.conversation.verdict = Verdict.IGNORE
        if isinstance(flow, InnerFlow):
            self._release(flow.parent)
        elif isinstance(flow, Flow) and not flow.over:
            self.flows.forget(flow)
            self.gate.ignore(Segment(flow.last_frame, flow.last_ts, flow.protocol, flow.client, flow.server, b""))
            self._flow_over(flow)

    def _end_inner(self, inner: InnerFlow[FlowState]) -> Iterator[Record]:
        if inner.over:
            return
        inner.over = True
        conversation = inner.reader.conversation
        undecided = conversation.verdict is Verdict.UNDECIDED
        yield from self._record(inner, conversation.end(inner.last_frame, inner.last_ts))
        if conversation.verdict is Verdict.WATCH:
            if undecided:
                yield from self._identified_inner(inner)
            yield from self._close(inner)


def _ends(segment: Segment) -> Ends:
    source, target = segment.source, segment.target
    ports = int.from_bytes(source[-2:], "big"), int.from_bytes(target[-2:], "big")
    return Ends("tcp" if segment.protocol == TCP else "udp", (source[:-2], target[:-2]), ports)
