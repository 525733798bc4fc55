"""Detectors with memory across flows, run where all flows meet, in the order of packet time.

    workers, jobs or the one sensor ─ records and observations ─→ CrossFlowDetectors ─ records and sightings ─→ store

That place is the collector of a live capture and the reader of an analysis, however many processes there are; so the
same traffic gives the same findings. Observations wait REORDER_NS of packet time, so that those of a faster worker do
not overtake those of a slower one; those of captures, which are read in any order, wait for the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from imsniff.base.limits import MAX_SORTED_OBSERVATIONS, MAX_WAITING_OBSERVATIONS, REORDER_NS
from imsniff.base.records import Record, nanoseconds
from imsniff.detect.finding import Sighting
from imsniff.detect.observation import Observation
from imsniff.detect.registry import CROSS_FLOW
from imsniff.policy.policy import Policy

_FOREVER = 1 << 63
"""Nanoseconds."""


class CrossFlowDetectors:
    """All detectors with memory, under one policy. in_order: what they observe comes by packet time, or nearly; else
    all of it waits for the end."""

    def __init__(self, policy: Policy | None = None, *, in_order: bool = True) -> None:
        self._policy = policy or Policy()
        self._patience, self._room = (
            (REORDER_NS, MAX_WAITING_OBSERVATIONS) if in_order else (_FOREVER, MAX_SORTED_OBSERVATIONS)
        )
        self._detectors = {name: detector() for name, detector in CROSS_FLOW.items()}
        self._waiting: list[tuple[str, str, int, str, str, int, Observation]] = []
        self._latest = 0
        self._count = 0

    def adopt(self, policy: Policy) -> None:
        """From now on this policy counts; what was observed stays."""
        self._policy = policy

    def take(self, record: Record) -> Iterable[Record]:
        """The record itself, or, of an observation, the sightings of all whose time has come."""
        if not isinstance(record, Observation):
            return (record,)
        # all of it in the key: two workers' observations of one moment have one order, too
        self._count += 1
        key = (record.ts, record.capture, record.frame, record.id, record.detector, self._count, record)
        heappush(self._waiting, key)
        return self.due(nanoseconds(record.ts))

    def recall(self, observations: Iterable[Observation]) -> None:
        """What was observed before this run, and told then."""
        for seen in observations:
            for _ in self.take(seen):
                pass

    def recalled(self) -> None:
        """All of it was."""
        for _ in self.finish():
            pass

    def due(self, now: int) -> Iterator[Sighting]:
        """It is `now` (nanoseconds since 1970) at least: what older observations show."""
        self._latest = max(self._latest, now)
        while self._waiting and (
            self._latest - nanoseconds(self._waiting[0][0]) >= self._patience or len(self._waiting) > self._room
        ):
            yield from self._judge(heappop(self._waiting)[-1])

    def finish(self) -> Iterator[Sighting]:
        """Nothing more comes: what the last observations show."""
        while self._waiting:
            yield from self._judge(heappop(self._waiting)[-1])

    def _judge(self, seen: Observation) -> Iterable[Sighting]:
        return self._detectors[seen.detector].judge(self._policy, seen)
