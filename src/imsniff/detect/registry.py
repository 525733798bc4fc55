"""The registry of detectors: a detector is a function from a record to sightings, registered by record type.

Such a function keeps nothing between two calls and runs in the process that reads the flow. A detector that needs more
than one flow is a class registered by `across_flows`: its `observe` runs where the flow is read, its `judge` where all
flows meet (`detect.across`). Sightings of one finding are merged by key: in `merge` for a run, in the store for good.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, ClassVar, TypeVar

from imsniff.base.limits import MAX_REMEMBERED_SIGHTINGS
from imsniff.base.records import Record, SessionRecord
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting
from imsniff.detect.observation import Observation
from imsniff.detect.reading import Reader
from imsniff.policy.policy import Policy
from imsniff.rules.lexicon import Lexicon
from imsniff.rules.said import NOTHING_SAID, Said

AnyKind = TypeVar("AnyKind", bound=Record)
Detector = Callable[[Context, AnyKind, str], Iterable[Sighting]]
DETECTORS: dict[type[Record], list[Detector[Any]]] = {}
"""By record type, in order of registration; `imsniff.detect` imports the families."""
SHOW: dict[Risk, list[tuple[str, str, tuple[type[Record], ...]]]] = {}
"""By risk, the detectors that show it: name, what its docstring says of it, record types that it reads."""


def _shows(detector: Any, kinds: tuple[type[Record], ...], risks: tuple[Risk, ...]) -> None:  # noqa: ANN401 - either
    for risk in risks:
        name = f"{detector.__module__.rpartition('.')[2]}.{detector.__name__}"
        SHOW.setdefault(risk, []).append((name, inspect.getdoc(detector) or "", kinds))


def on(kind: type[AnyKind], *risks: Risk) -> Callable[[Detector[AnyKind]], Detector[AnyKind]]:
    """Registers a detector and the risks that it shows: `(context, record, wire)` to sightings; `wire` is the masked
    excerpt, empty where none."""

    def register(detector: Detector[AnyKind]) -> Detector[AnyKind]:
        _shows(detector, (kind,), risks)
        DETECTORS.setdefault(kind, []).append(detector)
        return detector

    return register


Observer = Callable[[Context, Any, str], Iterable[Observation]]


class CrossFlowDetector(ABC):
    """A detector that keeps capped state across flows. State ages by packet time."""

    name: ClassVar[str]

    @staticmethod
    def observe(context: Context, record: Any, wire: str, /) -> Iterable[Observation]:  # noqa: ANN401, ARG004 - any type
        """What a record contributes; called in the process that reads the flow."""
        return ()

    @classmethod
    def observer(cls) -> Observer:
        """`observe`, or one that remembers what it passed on of each session: an observation costs more than most
        messages are worth. There is one for every shard of flows, and a session is in one shard."""
        return cls.observe

    @abstractmethod
    def judge(self, policy: Policy, seen: Observation) -> Iterable[Sighting]:
        """What an observation shows, with those before it; called in the order of packet time."""


CROSS_FLOW: dict[str, type[CrossFlowDetector]] = {}
OBSERVED: dict[type[Record], list[type[CrossFlowDetector]]] = {}
"""By record type, the detectors that observe it."""


def across_flows(
    *kinds: type[Record], risks: tuple[Risk, ...]
) -> Callable[[type[CrossFlowDetector]], type[CrossFlowDetector]]:
    """Registers a detector with memory, the record types that it observes, and the risks that it shows."""

    def register(detector: type[CrossFlowDetector]) -> type[CrossFlowDetector]:
        _shows(detector, kinds, risks)
        CROSS_FLOW[detector.name] = detector
        for kind in kinds:
            OBSERVED.setdefault(kind, []).append(detector)
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
    """All detectors under one policy and one lexicon. Holds nothing else but which sessions were already reported."""

    def __init__(self, policy: Policy | None = None, lexicon: Lexicon | None = None) -> None:
        self._told = SeenKeys()
        observers = {detector: detector.observer() for detector in CROSS_FLOW.values()}
        self._observers = {kind: [observers[one] for one in observing] for kind, observing in OBSERVED.items()}
        self.adopt(policy or Policy(), lexicon or Lexicon())

    def adopt(self, policy: Policy, lexicon: Lexicon) -> None:
        """From now on these count; what was told stays told."""
        self._policy = policy
        self._reader = Reader(lexicon, policy.off)

    def read(self, text: str) -> Said:
        """What stands in a message's text."""
        return self._reader.read(text) if text else NOTHING_SAID

    def on_record(
        self, session: SessionRecord, record: Record, wire: str = "", said: Said = NOTHING_SAID
    ) -> list[Sighting]:
        """What one record shows. `session`: what is known of its session at this moment. `said`: of a message the
        whole text as `read` returned it, whether it is kept or not."""
        context = Context(session, self._policy, said)
        return [seen for detector in DETECTORS.get(type(record), ()) for seen in detector(context, record, wire)]

    def observations(
        self, session: SessionRecord, record: Record, wire: str = "", said: Said = NOTHING_SAID
    ) -> Iterable[Observation]:
        """What one record contributes to the detectors with memory."""
        observers = self._observers.get(type(record))
        if observers is None:
            return ()
        context = Context(session, self._policy, said)
        return [seen for observe in observers for seen in observe(context, record, wire)]

    def on_session(self, session: SessionRecord, wire: str = "") -> list[Sighting]:
        """What the session itself shows. Call it when the session closes; calling it earlier too, once the session's
        account is known, makes live findings come sooner and counts nothing twice."""
        shown = self.on_record(session, session, wire)
        return [seen for seen in shown if not self._told.again(seen.id, session.id)]
