"""A candidate: a nominated reader (dissector, carrier, envelope) that reads a flow in silence until it is confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imsniff.base.events import Anomaly, Event, Login, Side
from imsniff.base.limits import MAX_TENTATIVE
from imsniff.dissect.core import Dissector
from imsniff.net.reassembly import Data, Gap

TimedEvent = tuple[Event, int, int]
"""An event, and frame and time (nanoseconds since 1970) of the packet that completed it."""


class Candidate:
    """One reader, and its events so far."""

    __slots__ = ("dissector", "events", "failed", "fed", "flipped", "flipped_later", "rule", "udp")

    def __init__(self, dissector: Dissector[Any], rule: str, *, udp: bool, flipped: bool) -> None:
        self.dissector = dissector
        self.rule = rule
        """The signature that nominated it, or `expected.<protocol>`."""
        self.udp = udp
        self.flipped = flipped
        """Whether the rule showed client and server to be the other way round: the dissector is fed accordingly."""
        self.flipped_later = False
        """Whether the dissector itself found that out (`Reversed`)."""
        self.events: list[TimedEvent] = []
        """Events before the candidate is confirmed."""
        self.fed = 0
        """Bytes read."""
        self.failed = False
        """Whether the dissector raised an exception that it must not raise: it reads no more, other flows go on."""

    def read(self, side: Side, item: Data | Gap) -> list[TimedEvent]:
        """The events of the next bytes, or of a gap, of one side."""
        events: list[TimedEvent] = []
        if self.failed:
            return events
        if self.flipped:
            side = side.other
        dissector, frame, ts = self.dissector, item.frame, item.ts
        dissector.now = frame, ts
        found: Iterable[Event]
        try:
            if isinstance(item, Gap):
                found = dissector.gap(side, item.missing)
            else:
                self.fed += len(item.data)
                found = dissector.datagram(side, item.data) if self.udp else dissector.feed(side, item.data)
            for event in found:
                events.append(_timed(event, frame, ts))  # noqa: PERF401 - keeps the events before an exception
        except Exception as why:  # a fault of a dissector costs its flow, never the run
            events.append(self._failure(side, why, frame, ts))
        return events

    def end(self, frame: int, ts: int) -> list[TimedEvent]:
        """The events at the end of the flow."""
        events: list[TimedEvent] = []
        if self.failed:
            return events
        try:
            for event in self.dissector.end():
                events.append(_timed(event, frame, ts))  # noqa: PERF401
        except Exception as why:
            events.append(self._failure(Side.CLIENT, why, frame, ts))
        return events

    @property
    def confirmed(self) -> bool:
        """Whether it read enough well-formed frames; a frame of any size may be the one that proves it."""
        return self.dissector.confirmed and not (self.failed or self.dissector.given_up)

    @property
    def rejected(self) -> bool:
        """Whether it is no longer a candidate: it failed, lost its framing for good, or read too much without proof."""
        return self.failed or self.dissector.given_up or self.fed > MAX_TENTATIVE

    def _failure(self, side: Side, why: Exception, frame: int, ts: int) -> TimedEvent:
        self.failed = True
        detail = f"{type(why).__name__}: {why}"
        return Anomaly(side=side, code=f"{self.dissector.name}.fault", detail=detail), frame, ts


def _timed(event: Event, frame: int, ts: int) -> TimedEvent:
    """A login that waited for its outcome has the frame in which it was seen, not that of the answer."""
    if isinstance(event, Login) and event.origin is not None:
        return event, *event.origin
    return event, frame, ts
