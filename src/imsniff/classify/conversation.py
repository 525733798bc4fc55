"""What one flow speaks: the ladder from first bytes to a verdict.

1. An announced flow gets the dissector that its announcement names.
2. Signatures look at the first bytes of each direction (of a stream met mid-stream, anywhere in its first few
   kilobytes) and nominate dissectors. Ports are not asked.
3. Every nominated dissector reads the flow from its first byte, in silence.
4. The first that confirms it with well-formed frames wins: the flow is watched and its events are told.
   One that loses its way, or reads too much without proof, is struck off.
5. Nobody left, and enough seen of both sides, or an opening that is certainly no messenger's: the flow is ignored.

*Need more* is a normal answer at every step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple, Protocol

from imsniff.base.events import Anomaly, Event, Expect, Login, Side
from imsniff.base.limits import MAX_PROBES, MAX_TENTATIVE, MIDSTREAM_WINDOW, SCAN_WINDOW
from imsniff.base.records import Confidence
from imsniff.classify.expected import Expected
from imsniff.classify.scanner import FOREIGN, KEEPALIVE
from imsniff.dissect.core import REGISTRY, Dissector
from imsniff.net.reassembly import Data, Gap
from imsniff.rules.schema import PayloadRule


class Scans(Protocol):
    """What is asked of a scanner (`classify.scanner`)."""

    def scan(self, data: bytes, transport: str, *, midstream: bool) -> tuple[PayloadRule, ...]: ...
    def hopeless(self, data: bytes) -> bool: ...


class Classifier(NamedTuple):
    """What all conversations of one sensor share."""

    scanner: Scans
    expected: Expected


class Verdict(Enum):
    UNDECIDED = "undecided"
    WATCH = "watch"
    IGNORE = "ignore"


_is_keepalive = re.compile(KEEPALIVE).match
"""Whether a datagram says nothing of its flow."""

Told = tuple[Event, int, int]
"""An event, and frame and nanoseconds of the packet that completed it."""


class Candidate:
    """A nominated dissector, reading in silence until it is confirmed."""

    __slots__ = ("dissector", "fault", "fed", "rule", "told", "turned", "udp", "upside_down")

    def __init__(self, dissector: Dissector[Any], rule: str, *, udp: bool, upside_down: bool) -> None:
        self.dissector = dissector
        self.rule = rule
        """The signature that nominated it, or `expected.<protocol>`."""
        self.udp = udp
        self.upside_down = upside_down
        """Whether the rule showed client and server to be the other way round: the dissector is fed accordingly."""
        self.turned = False
        """Whether the dissector itself found that out, later (`Reversed`)."""
        self.told: list[Told] = []
        self.fed = 0
        self.fault = False
        """Whether the dissector failed in a way it must not: its flow is then left alone, others go on."""

    def read(self, side: Side, item: Data | Gap) -> list[Told]:
        told: list[Told] = []
        if self.fault:
            return told
        if self.upside_down:
            side = side.other
        dissector, frame, ts = self.dissector, item.frame, item.ts
        dissector.now = frame, ts
        events: Iterable[Event]
        try:
            if isinstance(item, Gap):
                events = dissector.gap(side, item.missing)
            else:
                self.fed += len(item.data)
                events = dissector.datagram(side, item.data) if self.udp else dissector.feed(side, item.data)
            for event in events:
                told.append(_told(event, frame, ts))  # noqa: PERF401 - keeps what was told before a fault
        except Exception as why:  # a dissector's fault must cost its flow, never the run
            told.append(self._failed(side, why, frame, ts))
        return told

    def end(self, frame: int, ts: int) -> list[Told]:
        told: list[Told] = []
        if self.fault:
            return told
        try:
            for event in self.dissector.end():
                told.append(_told(event, frame, ts))  # noqa: PERF401
        except Exception as why:
            told.append(self._failed(Side.CLIENT, why, frame, ts))
        return told

    def _failed(self, side: Side, why: Exception, frame: int, ts: int) -> Told:
        self.fault = True
        detail = f"{type(why).__name__}: {why}"
        return Anomaly(side=side, code=f"{self.dissector.name}.fault", detail=detail), frame, ts

    @property
    def struck_off(self) -> bool:
        return self.fault or self.dissector.given_up or self.fed > MAX_TENTATIVE


def _told(event: Event, frame: int, ts: int) -> Told:
    """A login that waited for its outcome stands where it was seen, not where the answer came."""
    if isinstance(event, Login) and event.origin is not None:
        return event, *event.origin
    return event, frame, ts


class Conversation:
    """One flow's way up the ladder. Made empty, since most flows never say a word."""

    __slots__ = (
        "_beheaded",
        "_candidates",
        "_early",
        "_foreign",
        "_heard",
        "_hopeless",
        "_prefix",
        "_probes",
        "_refused",
        "_rules",
        "_turnable",
        "chosen",
        "verdict",
    )

    def __init__(self) -> None:
        self.verdict = Verdict.UNDECIDED
        self.chosen: Candidate | None = None
        """The dissector that won."""
        self._candidates: dict[str, Candidate] | None = None
        self._early: list[tuple[Side, Data | Gap]] = []
        self._prefix: dict[Side, bytes] = {}
        self._beheaded: set[Side] = set()
        """Sides whose beginning is not in the capture."""
        self._rules: dict[str, PayloadRule] = {}
        self._refused: set[str] = set()
        self._probes = 0
        self._heard = 0
        self._hopeless: tuple[Side, ...] = ()
        """Sides that begin as no messenger does."""
        self._foreign = False
        self._turnable = False

    # --- what the session wants to know -------------------------------------------------------------------------------

    @property
    def signature(self) -> str | None:
        return self.chosen.rule if self.chosen else None

    @property
    def flipped(self) -> bool:
        """Whether client and server turned out to be the other way round."""
        return self.chosen is not None and self.chosen.upside_down != self.chosen.turned

    def turn_round(self) -> None:
        """The dissector found client and server to be the other way round (`Reversed`), which a SYN would belie."""
        if self.chosen is not None and self._turnable:
            self.chosen.turned = True

    def speaker(self, event: Event) -> Side:
        """Who said it, client or server of the session as it is known now."""
        return event.side.other if self.chosen is not None and self.chosen.turned else event.side

    @property
    def opaque(self) -> bool:
        return self.chosen is not None and (self.chosen.dissector.opaque or self.chosen.fault)

    @property
    def confidence(self) -> Confidence:
        if self.chosen is not None and self.chosen.dissector.confirmed:
            return Confidence.DISSECTED
        if any(answer in self._rules for rule in self._rules.values() for answer in rule.reverse):
            return Confidence.BOTH_SIDES
        return Confidence.SIGNATURE

    # --- what the pipeline says ---------------------------------------------------------------------------------------

    def expect(self, expect: Expect, *, udp: bool) -> None:
        """The flow was announced before its first byte."""
        if (kind := REGISTRY.get(expect.protocol)) is not None:
            self._candidates = {
                kind.name: Candidate(kind(expected=expect), f"expected.{kind.name}", udp=udp, upside_down=False)
            }

    def hear(self, side: Side, item: Data | Gap, shared: Classifier, *, udp: bool, opened: bool) -> list[Told]:
        """The next bytes of one side. `opened`: the connection's SYN was captured."""
        if self.chosen is not None:
            return self.chosen.read(side, item)
        if self.verdict is Verdict.IGNORE:
            return []
        self._turnable = udp or not opened
        self._early.append((side, item))
        for candidate in self._everyone():
            candidate.told += candidate.read(side, item)
        if isinstance(item, Gap):
            self._beheaded.add(side)
            self._prefix.pop(side, None)
        else:
            self._heard += len(item.data)
            self._nominate(side, item.data, shared, udp=udp, opened=opened)
        return self._decide(udp=udp, opened=opened)

    def end(self, frame: int, ts: int) -> list[Told]:
        """The flow is over."""
        if self.chosen is not None:
            return self.chosen.end(frame, ts)
        for candidate in self._everyone():
            candidate.told += candidate.end(frame, ts)
        unmistakable = {rule.protocol for rule in self._rules.values() if rule.strong}
        for candidate in self._everyone():
            if not candidate.struck_off and (candidate.dissector.confirmed or candidate.dissector.name in unmistakable):
                return self._choose(candidate)
        self.verdict = Verdict.IGNORE
        return []

    # --- the ladder ---------------------------------------------------------------------------------------------------

    def _everyone(self) -> list[Candidate]:
        return list(self._candidates.values()) if self._candidates else []

    def _nominate(self, side: Side, data: bytes, shared: Classifier, *, udp: bool, opened: bool) -> None:
        if udp:
            self._probes += _is_keepalive(data) is None
            looked_at = data[:SCAN_WINDOW]
            midstream = False
        else:
            midstream = not opened or side in self._beheaded
            known = self._prefix.get(side, b"")
            window = MIDSTREAM_WINDOW if midstream else SCAN_WINDOW
            if len(known) >= window or side in self._hopeless:
                return
            looked_at = self._prefix[side] = known + data[: window - len(known)]
        for rule in shared.scanner.scan(looked_at, "udp" if udp else "tcp", midstream=midstream):
            if rule.id in self._rules:
                continue
            wrong_side = rule.side not in ("either", side)
            if wrong_side and opened and not udp:
                continue
            if rule.protocol == FOREIGN:
                self._foreign = True
                continue
            self._rules[rule.id] = rule
            candidates = self._candidates = self._candidates or {}
            if rule.protocol in candidates or rule.protocol in self._refused or rule.protocol not in REGISTRY:
                continue
            dissector = REGISTRY[rule.protocol](midstream=not udp and (not opened or bool(self._beheaded)))
            candidate = Candidate(dissector, rule.id, udp=udp, upside_down=wrong_side)
            for turn in self._early:
                candidate.told += candidate.read(*turn)
            candidates[rule.protocol] = candidate
        if not (udp or midstream) and shared.scanner.hopeless(looked_at):
            self._hopeless += (side,)

    def _decide(self, *, udp: bool, opened: bool) -> list[Told]:
        for candidate in self._everyone():
            if candidate.struck_off:
                self._refused.add(candidate.dissector.name)
                del (self._candidates or {})[candidate.dissector.name]
            elif candidate.dissector.confirmed:
                return self._choose(candidate)
        if self._candidates:
            return []
        if self._foreign:
            enough = True
        elif udp:
            enough = self._probes >= MAX_PROBES
        else:
            seen = [len(prefix) for prefix in self._prefix.values()]
            window = SCAN_WINDOW if opened and not self._beheaded else MIDSTREAM_WINDOW
            # a side that says so much need not wait for what the other would answer
            both = len(seen) == 2 and (len(self._hopeless) == 2 or min(seen) >= window)
            enough = both or self._heard >= 4 * window
        if enough:
            self.verdict = Verdict.IGNORE
            self._early.clear()
            self._prefix.clear()
        return []

    def _choose(self, candidate: Candidate) -> list[Told]:
        self.chosen = candidate
        self.verdict = Verdict.WATCH
        told, candidate.told = candidate.told, []
        self._candidates = None
        self._early.clear()
        self._prefix.clear()
        return told
