"""Where the spine meets the envelopes: what a flow's outside shows is joined into periods of use and attempts.

The spine hands every payload of an undecided flow here, asks for the service when no messenger's dissector claims the
flow, and tells when a named flow ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsniff.base.events import Refused, ServiceSeen, Side
from imsniff.base.identity import identifier
from imsniff.base.limits import REAP_NS
from imsniff.base.records import AttemptRecord, Confidence, Record, timestamp
from imsniff.envelopes.naming import Naming
from imsniff.envelopes.reader import Asked, Fact, FlowEnvelope, Resolved
from imsniff.envelopes.resolved import Attempt, ResolvedNames
from imsniff.envelopes.usage import Use, Uses
from imsniff.net.flows import Flow
from imsniff.net.reassembly import Data, Gap
from imsniff.net.segment import TCP, endpoint

SHORT_OPENING = 16
"""Bytes of a stream's first segment below which the next one is looked at with it: an opening may be cut anywhere."""


class ObservedFlow:
    """What is kept of one flow while it is undecided, and its period of use once it is named."""

    __slots__ = ("_envelope", "awaits_answer", "first", "seen", "use")

    def __init__(self) -> None:
        self._envelope = FlowEnvelope()
        self.first: dict[Side, bytes] = {}
        """The first bytes of each side."""
        self.seen: ServiceSeen | None = None
        self.use: Use | None = None
        self.awaits_answer = False
        """Whether a messenger's name was looked up."""

    @property
    def pending(self) -> bool:
        """Whether a name may still come."""
        return self.seen is None and (self._envelope.pending or self.awaits_answer)

    @property
    def is_media(self) -> bool:
        """Whether STUN was spoken: messages of a call may still come that name the service."""
        return self._envelope.stun_seen

    def read(self, side: Side, data: bytes, *, udp: bool) -> list[Fact]:
        first = self.first.get(side, b"")
        if not first or (not udp and len(first) < SHORT_OPENING):
            self.first[side] = (first + data)[:128]
        return self._envelope.datagram(side, data) if udp else self._envelope.stream(side, data)


class Observer:
    """The envelopes of one sensor."""

    def __init__(self, naming: Naming, capture: str) -> None:
        self.naming = naming
        self.resolved = ResolvedNames()
        self._capture = capture
        self._uses = Uses()
        self._next_check = 0

    def read(self, observed: ObservedFlow, flow: Flow[Any], side: Side, item: Data | Gap) -> None:
        """The next payload of an undecided flow."""
        if isinstance(item, Gap) or observed.seen is not None:
            return
        for fact in observed.read(side, item.data, udp=flow.protocol != TCP):
            if isinstance(fact, Resolved):
                observed.awaits_answer = False
                self._answered(flow, fact, item.ts)
            elif isinstance(fact, Asked):
                observed.awaits_answer = self._asked(flow, fact.name, item.frame, item.ts)
            elif observed.seen is None:
                observed.seen = self.naming.of_fact(fact, endpoint(flow.server)[0])

    def service(self, observed: ObservedFlow, flow: Flow[Any]) -> ServiceSeen | None:
        """The service of a flow that no messenger's dissector claims."""
        if observed.seen is None:
            transport = "tcp" if flow.protocol == TCP else "udp"
            observed.seen = self.naming.of_openings(transport, observed.first, endpoint(flow.server)[0])
        if observed.seen is None:
            joined = self.resolved.find(flow.client[:-2], flow.server[:-2], flow.first.ts)
            if joined is not None:
                observed.seen = ServiceSeen(
                    side=Side.CLIENT,
                    service=joined.service,
                    seen_in="dns",
                    name=joined.name,
                    confidence=Confidence.DNS.value,
                )
        return observed.seen

    def begin(self, observed: ObservedFlow, flow: Flow[Any], seen: ServiceSeen) -> Iterator[Record]:
        """A flow was named: it belongs to a period of use. Yields the periods that are over."""
        self.resolved.used(flow.client[:-2], seen.service)
        observed.use, over = self._uses.begin(flow, seen, self._capture)
        yield from over

    def end(self, observed: ObservedFlow, flow: Flow[Any]) -> None:
        """A named flow ended."""
        if observed.use is not None:
            observed.use.end(flow)
            observed.use = None

    def due(self, now: int) -> Iterator[Record]:
        """What is over by packet time `now`; looked for every REAP_NS."""
        if now >= self._next_check:
            self._next_check = now - now % REAP_NS + REAP_NS
            yield from self._uses.over(now)
            yield from map(self._attempt, self.resolved.attempts(now))

    def finish(self) -> Iterator[Record]:
        yield from self._uses.over(None)
        yield from map(self._attempt, self.resolved.attempts(None))

    def refused(self, flow_client: bytes, event: Refused, frame: int, ts: int) -> AttemptRecord | None:
        """A carrier did not open what was asked of it: an attempt, where that is a messenger's host."""
        host, _, _ = event.destination.rpartition(":")
        service = self.naming.of_host(host.lower(), "connect")
        if service is None:
            return None
        return self._record(endpoint(flow_client)[0], service.entry.id, host, event.via, event.outcome, frame, ts)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _answered(self, flow: Flow[Any], answer: Resolved, ts: int) -> None:
        for name in answer.names:
            service = self.naming.of_host(name, "dns")
            if service is not None:
                self.resolved.answered(flow.client[:-2], answer, service.entry.id, name, ts)
                return

    def _asked(self, flow: Flow[Any], name: str, frame: int, ts: int) -> bool:
        """Whether the name is a messenger's."""
        service = self.naming.of_host(name, "dns")
        if service is not None:
            self.resolved.asked(Attempt(flow.client[:-2], service.entry.id, name, frame, ts))
        return service is not None

    def _attempt(self, attempt: Attempt) -> AttemptRecord:
        client, _ = endpoint(attempt.client + b"\0\0")
        return self._record(client, attempt.service, attempt.name, "dns", "no-flow", attempt.frame, attempt.ts)

    def _record(
        self, client: str, service: str, name: str, via: str, outcome: str, frame: int, ts: int
    ) -> AttemptRecord:
        return AttemptRecord(
            id=identifier("attempt", client, name, via, ts),
            ts=timestamp(ts),
            capture=self._capture,
            frame=frame,
            service=service,
            name=name,
            client_ip=client,
            via=via,
            outcome=outcome,
        )
