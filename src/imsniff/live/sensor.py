"""The spine on a live link: sessions are reported soon after they were identified, new flows may be delayed until other
workers' announcements arrived, and packets of sessions are kept for `-w`."""

from __future__ import annotations

from collections import ChainMap, deque
from collections.abc import Iterable, Iterator, MutableMapping
from copy import copy
from typing import Any

from imsniff.base.events import Expect
from imsniff.base.limits import PROMPT_NS, SCAN_WINDOW
from imsniff.base.records import Record
from imsniff.capture.batch import Batch
from imsniff.capture.captured import CapturedPacket
from imsniff.carriers.core import Carrier
from imsniff.classify.conversation import Verdict
from imsniff.classify.inner import AnyFlow
from imsniff.classify.scanner import FOREIGN
from imsniff.live.delay import NewFlowDelay
from imsniff.live.output import HeldPackets, LiveOutput
from imsniff.net.flows import Flow
from imsniff.net.segment import TCP, Segment
from imsniff.pipeline import Options, Sensor
from imsniff.record.coverage import HOUR_NS
from imsniff.record.flow_state import FlowState

COVERAGE_NS = 60 * 1_000_000_000
"""How often the store is told what was watched."""


class LiveSensor(Sensor):
    """One shard of the spine for one interface, or for a capture that is still being written."""

    def __init__(self, options: Options, capture: str, output: LiveOutput) -> None:
        self.output = output
        self._delay = NewFlowDelay(self._is_foreign) if output.one_of_several else None
        self._recent: deque[tuple[int, AnyFlow[FlowState]]] = deque()
        """Sessions identified lately, and when to report what they show."""
        super().__init__(options, capture)
        self._coverage_due = 0

    def read(self, batch: Batch) -> Iterator[Record]:
        if self.output.keep_packets:
            for packet in self.gate.raise_packets(batch):
                for segment in self.decoder.segments(*packet):
                    yield from self._segment(segment)
                    slab, _, at, size, wire, ts, link = packet
                    self._keep(segment, CapturedPacket(ts, link, wire, bytes(slab[at : at + size])))
            yield from self.coverage.batch(batch, self.gate.frames, self.gate.last_ts)
        else:
            yield from super().read(batch)
        yield from self._delayed(self.flows.now)
        yield from self._report_recent(self.flows.now)

    def tick(self, now: int) -> Iterator[Record]:
        yield from self._delayed(now)
        yield from super().tick(now)
        yield from self._report_recent(now)
        if now >= self._coverage_due:
            self._coverage_due = now + COVERAGE_NS
            yield from self.coverage.over(now // HOUR_NS)

    def finish(self) -> Iterator[Record]:
        yield from self._delayed(None)
        yield from super().finish()

    # --- what the spine calls -----------------------------------------------------------------------------------------

    def _known_flows(self) -> MutableMapping[bytes, Any]:
        return ChainMap(self.flows.known, self._delay.known) if self._delay is not None else self.flows.known

    def _admit(self, segment: Segment) -> Iterable[Record]:
        if self._delay is not None and self._delay.stops(segment, known=self.flows.holding(segment) is not None):
            return self._delayed(segment.ts)
        return super()._admit(segment)

    def _identified(self, flow: AnyFlow[FlowState]) -> None:
        chosen = flow.reader.conversation.chosen
        if chosen is None or isinstance(chosen.dissector, Carrier):
            return
        self.output.sessions.append(copy(self._session(flow)))
        self._recent.append((flow.last_ts + PROMPT_NS, flow))
        self._claim_packets(flow)

    def _announce(self, event: Expect, ts: int) -> None:
        super()._announce(event, ts)
        self.output.announced.append((event, ts))

    def _closing(self, flow: AnyFlow[FlowState]) -> None:
        self._claim_packets(flow)

    def _flow_over(self, flow: Flow[FlowState]) -> None:
        if flow.reader.held is not None:
            self.output.drop(flow.reader.held)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _report_recent(self, now: int) -> Iterator[Record]:
        """The findings of sessions that were identified some time ago."""
        while self._recent and self._recent[0][0] <= now:
            flow = self._recent.popleft()[1]
            if not flow.reader.closed:
                session = copy(self._session(flow))
                self.output.sessions.append(session)
                yield from self._detectors.on_session(session)

    def _delayed(self, now: int | None) -> Iterator[Record]:
        """Read the delayed flows whose time has come at `now`; None: all of them."""
        if self._delay is None:
            return
        for waiting in self._delay.due(now):
            for segment in waiting.segments:
                if not self.gate.covers(segment):
                    yield from self._flow_events(self.flows.segment(segment))
            for packet in waiting.packets:
                self._keep(waiting.segments[0], packet)

    def _is_foreign(self, segment: Segment) -> bool:
        transport = "tcp" if segment.protocol == TCP else "udp"
        rules = self._shared.scanner.scan(segment.payload[:SCAN_WINDOW], transport, midstream=False)
        return any(rule.protocol == FOREIGN for rule in rules)

    def _keep(self, segment: Segment, packet: CapturedPacket) -> None:
        """Keep the packet of this segment, where its flow is messaging or may be."""
        if self._delay is not None and self._delay.keep(segment, packet):
            return
        flow = self.flows.holding(segment)
        if flow is None:
            return
        state = flow.reader
        if state.conversation.verdict is Verdict.WATCH and (state.recorder is not None or _carries_messaging(state)):
            self.output.packets.append(packet)
            return
        if state.held is None:
            state.held = HeldPackets()
        self.output.hold(state.held, packet)

    def _claim_packets(self, flow: AnyFlow[FlowState]) -> None:
        """The flow's held packets, or those of the flow that carries it, are messaging."""
        outer = flow
        while (parent := getattr(outer, "parent", None)) is not None:
            outer = parent
        if outer.reader.held is not None:
            self.output.claim(outer.reader.held)


def _carries_messaging(state: FlowState) -> bool:
    return any(
        inner.reader.recorder is not None or _carries_messaging(inner.reader) for inner in (state.inner or {}).values()
    )
