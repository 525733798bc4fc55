"""Periods of use: flows of one client host to one service with less than USE_GAP_NS between them are one session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsniff.base.events import Encryption, ServiceSeen
from imsniff.base.identity import community_id, identifier
from imsniff.base.limits import MAX_USE_NAMES, MAX_USES, USE_GAP_NS
from imsniff.base.records import Confidence, SessionRecord, timestamp
from imsniff.net.flows import Flow
from imsniff.net.segment import TCP, endpoint

PROTOCOL = "encrypted"
_LADDER = list(Confidence)
Key = tuple[bytes, str]


class Use:
    """One period of use. Its addresses are those of its first flow."""

    __slots__ = ("first", "last", "open_flows", "record")

    def __init__(self, flow: Flow[Any], seen: ServiceSeen, capture: str) -> None:
        client, server = endpoint(flow.client), endpoint(flow.server)
        transport = "tcp" if flow.protocol == TCP else "udp"
        began = timestamp(flow.first.ts)
        self.first = self.last = flow.first.ts
        self.open_flows = 0
        self.record = SessionRecord(
            id=identifier("use", client, seen.service, flow.first.ts),
            ts=began,
            capture=capture,
            frame=flow.first.frame,
            protocol=PROTOCOL,
            service=seen.service,
            transport=transport,
            client_ip=client[0],
            client_port=client[1],
            server_ip=server[0],
            server_port=server[1],
            first_seen=began,
            last_seen=began,
            packets=0,
            bytes=0,
            confidence=Confidence(seen.confidence),
            encryption=Encryption.TLS.value,
            odd_port=False,
            first_frame=flow.first.frame,
            last_frame=flow.first.frame,
            community_id=community_id(client, server, flow.protocol),
            flows=0,
            bytes_up=0,
            bytes_down=0,
        )

    def begin(self, seen: ServiceSeen) -> None:
        """Another of its flows was named."""
        record = self.record
        self.open_flows += 1
        record.flows = (record.flows or 0) + 1
        self.learn(seen)

    def learn(self, seen: ServiceSeen) -> None:
        """Further evidence: the best confidence counts."""
        record = self.record
        confidence = Confidence(seen.confidence)
        if _LADDER.index(confidence) > _LADDER.index(record.confidence):
            record.confidence = confidence
        if seen.seen_in not in record.seen_in:
            record.seen_in = [*record.seen_in, seen.seen_in]
        if seen.name and seen.name not in record.names and len(record.names) < MAX_USE_NAMES:
            record.names = [*record.names, seen.name]
            record.server_name = record.names[0]
        record.calls = record.calls or seen.call
        record.ja4 = record.ja4 or seen.ja4

    def end(self, flow: Flow[Any]) -> None:
        """One of its flows ended."""
        record = self.record
        self.open_flows -= 1
        record.packets += flow.packets
        record.bytes += flow.octets
        record.bytes_up = (record.bytes_up or 0) + flow.client_octets
        record.bytes_down = (record.bytes_down or 0) + flow.octets - flow.client_octets
        if flow.last_ts >= self.last:
            self.last = flow.last_ts
            record.last_frame, record.last_seen = flow.last_frame, timestamp(flow.last_ts)


class Uses:
    """The periods of use that are not over."""

    def __init__(self) -> None:
        self._open: dict[Key, Use] = {}

    def begin(self, flow: Flow[Any], seen: ServiceSeen, capture: str) -> tuple[Use, list[SessionRecord]]:
        """The period that a named flow belongs to, and the records of those that are over because of it."""
        key = flow.client[:-2], seen.service
        use, over = self._open.pop(key, None), []
        if use is not None and not use.open_flows and flow.first.ts - use.last > USE_GAP_NS:
            over.append(use.record)
            use = None
        if use is None:
            use = Use(flow, seen, capture)
        self._open[key] = use
        use.begin(seen)
        while len(self._open) > MAX_USES:
            over.append(self._open.pop(next(iter(self._open))).record)
        return use, over

    def over(self, now: int | None) -> Iterator[SessionRecord]:
        """The records of periods that ended by `now` (nanoseconds since 1970); None: all."""
        for key, use in list(self._open.items()):
            if now is None or (not use.open_flows and now - use.last > USE_GAP_NS):
                del self._open[key]
                yield use.record
