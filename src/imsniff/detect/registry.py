"""The registry of detectors: a detector is a function from a record to sightings, registered by record type.

A detector keeps nothing between two calls. What repeats is merged by key: in `merge` for a run, in the
store for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from imsniff.base.limits import MAX_REMEMBERED_SIGHTINGS
from imsniff.base.records import Record, SessionRecord
from imsniff.detect.finding import Context, Sighting
from imsniff.policy.policy import Policy

AnyKind = TypeVar("AnyKind", bound=Record)
Detector = Callable[[Context, AnyKind, str], Iterable[Sighting]]
DETECTORS: dict[type[Record], list[Detector[Any]]] = {}
"""By record type, in order of registration; `imsniff.detect` imports the families."""


def on(kind: type[AnyKind]) -> Callable[[Detector[AnyKind]], Detector[AnyKind]]:
    """Registers a detector: `(context, record, wire)` to sightings; `wire` is the masked excerpt, empty where none."""

    def register(detector: Detector[AnyKind]) -> Detector[AnyKind]:
        DETECTORS.setdefault(kind, []).append(detector)
        return detector

    return register


class SeenKeys:
    """Pairs of ids that were met lately. Kept as hashes of 64 bits, a quarter of what the ids would take: that two
    pairs look alike is less likely than a broken memory."""

    def __init__(self) -> None:
        self._marks: dict[int, None] = {}

    def again(self, one: str, other: str) -> bool:
        """Whether this pair was met before; from now on it was."""
        mark = hash((one, other))
        if mark in self._marks:
            return True
        if len(self._marks) >= MAX_REMEMBERED_SIGHTINGS:  # many at once: looking for the oldest takes long
            for old in list(islice(self._marks, MAX_REMEMBERED_SIGHTINGS // 4)):
                del self._marks[old]
        self._marks[mark] = None
        return False


class Detectors:
    """All detectors under one policy. Holds nothing but the policy and which sessions were already reported."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self._told = SeenKeys()

    def adopt(self, policy: Policy) -> None:
        """From now on this policy counts; what was told stays told."""
        self._policy = policy

    def on_record(self, session: SessionRecord, record: Record, wire: str = "") -> list[Sighting]:
        """What one placed record shows. `session` is what is known of its session at this moment."""
        context = Context(session, self._policy)
        return [seen for detector in DETECTORS.get(type(record), ()) for seen in detector(context, record, wire)]

    def on_session(self, session: SessionRecord, wire: str = "") -> list[Sighting]:
        """What the session itself shows. Call it when the session closes; calling it earlier too, once the session's
        account is known, makes live findings come sooner and counts nothing twice."""
        shown = self.on_record(session, session, wire)
        return [seen for seen in shown if not self._told.again(seen.id, session.id)]
