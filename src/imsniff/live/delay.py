"""Where new flows wait for their announcement, with several workers.

A flow that one worker hears announced may come to another, and its first packets are there before the word of it is. So
they wait: what begins is heard NEW_FLOW_DELAY_NS late, in order, and by then whoever announced it was heard. What is
certainly no messenger's goes through at once, as do flows that are known already.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from imsniff.base.limits import MAX_DELAYED, MAX_DELAYED_FLOW, MAX_DELAYED_FLOWS, NEW_FLOW_DELAY_NS
from imsniff.capture.captured import CapturedPacket
from imsniff.net.segment import Flag, Segment, flow_key


class DelayedFlow:
    """One flow that has just begun."""

    __slots__ = ("octets", "packets", "segments", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.segments: list[Segment] = []
        self.packets: list[CapturedPacket] = []
        """The same as captured, where packets are wanted."""
        self.octets = 0


class NewFlowDelay:
    """Flows that wait, the longest waiting first."""

    def __init__(self, foreign: Callable[[Segment], bool]) -> None:
        """`foreign`: whether the first payload of a flow is certainly no messenger's."""
        self._foreign = foreign
        self._flows: dict[bytes, DelayedFlow] = {}
        self._leaving: list[DelayedFlow] = []
        self._octets = 0

    @property
    def known(self) -> MutableMapping[bytes, Any]:
        """Who waits, by `flow_key`."""
        return self._flows

    def stops(self, segment: Segment, *, known: bool) -> bool:
        """Whether a segment has to wait. `known`: its flow has begun before."""
        key = flow_key(segment.source, segment.target, segment.protocol)
        waiting = self._flows.get(key)
        if waiting is None:
            if known or not (segment.payload or segment.flags & Flag.SYN):
                return False
            waiting = self._flows[key] = DelayedFlow(segment.ts)
        first = segment.payload and not waiting.octets
        waiting.segments.append(segment)
        waiting.octets += len(segment.payload)
        self._octets += len(segment.payload)
        if waiting.octets > MAX_DELAYED_FLOW or (first and self._foreign(segment)):
            self._leave(key)
        elif self._octets > MAX_DELAYED or len(self._flows) > MAX_DELAYED_FLOWS:
            self._leave(next(iter(self._flows)))
        return True

    def keep(self, segment: Segment, packet: CapturedPacket) -> bool:
        """Whether the packet of this segment waits with it."""
        waiting = self._flows.get(flow_key(segment.source, segment.target, segment.protocol))
        if waiting is not None:
            waiting.packets.append(packet)
        return waiting is not None

    def due(self, now: int | None) -> list[DelayedFlow]:
        """Who need not wait any longer; None: nobody."""
        flows = self._flows
        while flows and (now is None or now - next(iter(flows.values())).since >= NEW_FLOW_DELAY_NS):
            self._leave(next(iter(flows)))
        due, self._leaving = self._leaving, []
        return due

    def _leave(self, key: bytes) -> None:
        waiting = self._flows.pop(key)
        self._octets -= waiting.octets
        self._leaving.append(waiting)
