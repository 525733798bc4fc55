"""Inner flows: the conversations inside a carrier, with the endpoints, times and counts that a session record needs.

An inner flow has the addresses of the flow that carries it. One that may continue in other flows between the same two
hosts (an HTTP gateway's session) is kept in `SharedStreams`, by client host, server host, carrier and session
identifier.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Generic, Protocol, TypeVar

from imsniff.base.events import InnerOpened
from imsniff.base.limits import MAX_SHARED_STREAMS, SHARED_STREAM_IDLE_NS
from imsniff.net.flows import Moment
from imsniff.net.segment import TCP, UDP

Reader = TypeVar("Reader")
SharedKey = tuple[bytes, bytes, str, str]


class AnyFlow(Protocol[Reader]):
    """What the spine asks of a flow, whether it is a connection or a conversation inside one."""

    client: bytes
    server: bytes
    protocol: int
    first: Moment
    last_frame: int
    last_ts: int
    packets: int
    octets: int
    opened: bool
    over: bool
    reader: Reader


class InnerFlow(Generic[Reader]):
    """A conversation inside a carrier."""

    __slots__ = (
        "carriers",
        "client",
        "destination",
        "first",
        "last_frame",
        "last_ts",
        "octets",
        "opened",
        "over",
        "packets",
        "parent",
        "protocol",
        "reader",
        "server",
        "shared",
        "stream",
    )

    def __init__(self, parent: AnyFlow[Reader], opened: InnerOpened, frame: int, ts: int, reader: Reader) -> None:
        outer = parent if isinstance(parent, InnerFlow) else None
        self.parent = parent
        self.stream = opened.stream
        self.shared = opened.shared
        self.carriers: tuple[str, ...] = (*(outer.carriers if outer else ()), opened.carrier)
        """Outermost first."""
        self.destination: str | None = opened.destination or (outer.destination if outer else None)
        """What was asked of the innermost proxy that was asked for anything."""
        self.client = _true_client(parent.client, opened)
        self.server = parent.server
        self.protocol = UDP if opened.transport == "udp" else TCP
        self.first = Moment(frame, ts)
        self.last_frame, self.last_ts = frame, ts
        self.packets = 0
        """Pieces of payload that the carrier handed up."""
        self.octets = 0
        self.opened = not opened.midstream
        self.over = False
        self.reader = reader


def _true_client(endpoint: bytes, opened: InnerOpened) -> bytes:
    """The client's endpoint; another than the flow's where the carrier tells it."""
    if opened.client is None:
        return endpoint
    port = endpoint[-2:] if opened.client_port is None else opened.client_port.to_bytes(2, "big")
    try:
        return ip_address(opened.client).packed + port
    except ValueError:
        return endpoint


class SharedStreams(Generic[Reader]):
    """Inner flows that may continue in other flows: at most MAX_SHARED_STREAMS, each for SHARED_STREAM_IDLE_NS of
    silence."""

    def __init__(self) -> None:
        self._flows: dict[SharedKey, InnerFlow[Reader]] = {}

    def find(self, parent: AnyFlow[Any], opened: InnerOpened, ts: int) -> InnerFlow[Reader] | None:
        """The inner flow that this stream continues; it is then the youngest."""
        key = _shared_key(parent, opened)
        flow = self._flows.get(key)
        if flow is None or flow.over or ts - flow.last_ts > SHARED_STREAM_IDLE_NS:
            return None
        self._flows[key] = self._flows.pop(key)
        return flow

    def add(self, parent: AnyFlow[Any], opened: InnerOpened, flow: InnerFlow[Reader]) -> list[InnerFlow[Reader]]:
        """Keep a new one. Returns those that end now: the one it replaces, and the oldest beyond the cap."""
        key = _shared_key(parent, opened)
        ended = [replaced] if (replaced := self._flows.pop(key, None)) is not None else []
        self._flows[key] = flow
        while len(self._flows) > MAX_SHARED_STREAMS:
            ended.append(self._flows.pop(next(iter(self._flows))))
        return ended

    def silent(self, now: int) -> list[InnerFlow[Reader]]:
        """Take out those that were silent for too long at `now` (nanoseconds since 1970)."""
        ended = []
        for key, flow in list(self._flows.items()):
            if now - flow.last_ts > SHARED_STREAM_IDLE_NS:
                ended.append(self._flows.pop(key))
        return ended

    def finish(self) -> list[InnerFlow[Reader]]:
        """Take out all, the first that began first."""
        ended = sorted(self._flows.values(), key=lambda flow: flow.first)
        self._flows.clear()
        return ended


def _shared_key(parent: AnyFlow[Any], opened: InnerOpened) -> SharedKey:
    return parent.client[:-2], parent.server[:-2], opened.carrier, opened.stream
