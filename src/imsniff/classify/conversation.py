"""Classification of one conversation (a flow, or an inner stream of a carrier): from first bytes to a verdict.

1. An announced flow gets the dissector that its announcement names.
2. Signatures look at the first bytes of each direction (of a stream met mid-stream, anywhere in its first few
   kilobytes) and nominate readers: dissectors, carriers, envelopes. Ports are not asked.
3. Every nominated reader reads the flow from its first byte, in silence.
4. The first that confirms it with well-formed frames is chosen: the flow is watched and its events go up.
   A reader that loses its framing, or reads too much without proof, is rejected.
5. No candidate left, and enough seen of both sides, or a foreign opening: the flow is ignored.

*Need more* is a normal answer at every step.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple, Protocol

from imsniff.base.events import Anomaly, Event, Expect, Side
from imsniff.base.limits import MAX_PROBES, MIDSTREAM_WINDOW, SCAN_WINDOW
from imsniff.base.records import Confidence
from imsniff.classify.candidate import Candidate, TimedEvent
from imsniff.classify.expected import Expected
from imsniff.classify.scanner import FOREIGN, KEEPALIVE
from imsniff.dissect.core import REGISTRY
from imsniff.net.reassembly import Data, Gap
from imsniff.rules.schema import PayloadRule


class RuleScanner(Protocol):
    """The part of a scanner (`classify.scanner`) that classification uses."""

    def scan(self, data: bytes, transport: str, *, midstream: bool) -> tuple[PayloadRule, ...]: ...
    def unmatchable(self, data: bytes) -> bool: ...


class Classifier(NamedTuple):
    """Signatures and announced flows, shared by all conversations of one sensor."""

    scanner: RuleScanner
    expected: Expected
    keep: int = 0
    """Bytes of a file that dissectors keep (`Dissector.keep`)."""


class Verdict(Enum):
    UNDECIDED = "undecided"
    WATCH = "watch"
    IGNORE = "ignore"


_is_keepalive = re.compile(KEEPALIVE).match
"""Whether a datagram says nothing about its flow."""


EXPECTED = "expected."
"""How the rule of a flow begins that signalling announced."""

HTTP_TO_MESSENGER = Anomaly(
    side=Side.CLIENT, code="http.to-messenger", detail="an HTTP request that a messenger's server answered"
)
"""A page sent a browser to a messenger's port: nobody's session, and how attacks on inside servers begin."""

OPENING = 16
"""First bytes that tell an HTTP request."""
_HTTP_REQUEST = re.compile(rb"(?:GET|POST|PUT|HEAD|PATCH|DELETE|OPTIONS) (?:/|https?:)")


class Conversation:
    """The classification state of one conversation. Starts empty, since most flows never carry a payload."""

    __slots__ = (
        "_candidates",
        "_early",
        "_foreign",
        "_headless",
        "_may_flip",
        "_octets",
        "_opening",
        "_prefix",
        "_probes",
        "_refused",
        "_rules",
        "_unmatched",
        "chosen",
        "verdict",
    )

    def __init__(self) -> None:
        self.verdict = Verdict.UNDECIDED
        self.chosen: Candidate | None = None
        """The confirmed reader."""
        self._candidates: dict[str, Candidate] | None = None
        self._early: list[tuple[Side, Data | Gap]] = []
        self._prefix: dict[Side, bytes] = {}
        self._headless: set[Side] = set()
        """Sides whose beginning is not in the capture."""
        self._rules: dict[str, PayloadRule] = {}
        self._refused: set[str] = set()
        self._probes = 0
        self._octets = 0
        self._unmatched: tuple[Side, ...] = ()
        """Sides whose first bytes no rule of a messenger can match."""
        self._foreign = False
        self._may_flip = False
        self._opening = b""
        """The client's first bytes, as many as tell an HTTP request."""

    # --- state --------------------------------------------------------------------------------------------------------

    @property
    def signature(self) -> str | None:
        return self.chosen.rule if self.chosen else None

    @property
    def flipped(self) -> bool:
        """Whether client and server turned out to be the other way round."""
        return self.chosen is not None and self.chosen.flipped != self.chosen.flipped_later

    def flip(self) -> None:
        """The dissector found client and server to be the other way round (`Reversed`); without effect after a SYN."""
        if self.chosen is not None and self._may_flip:
            self.chosen.flipped_later = True

    def speaker(self, event: Event) -> Side:
        """The side of the session, as its direction is known now, that sent the event's bytes."""
        return event.side.other if self.chosen is not None and self.chosen.flipped_later else event.side

    def turns(self, side: Side) -> int:
        """How often a side of the flow began to speak the protocol, see `Dissector.turns`."""
        if self.chosen is None:
            return 0
        return self.chosen.dissector.turns[side.other if self.chosen.flipped else side]

    @property
    def http_to_messenger(self) -> bool:
        """Whether the client began with an HTTP request, the server answered as a messenger, and the client has not
        spoken the messenger's protocol since: a page sent a browser here."""
        return (
            self.chosen is not None
            and _HTTP_REQUEST.match(self._opening) is not None
            and not self.chosen.dissector.reads_http
            and self.turns(Side.SERVER) > 0
            and self.turns(Side.CLIENT) < 2  # its first may be in the body of that request
        )

    @property
    def opaque(self) -> bool:
        return self.chosen is not None and (self.chosen.dissector.opaque or self.chosen.failed)

    @property
    def confidence(self) -> Confidence:
        if self.chosen is not None and self.chosen.dissector.confirmed:
            return Confidence.DISSECTED
        if any(answer in self._rules for rule in self._rules.values() for answer in rule.reverse):
            return Confidence.BOTH_SIDES
        return Confidence.SIGNATURE

    # --- input --------------------------------------------------------------------------------------------------------

    def expect(self, expect: Expect, *, udp: bool, keep: int = 0) -> None:
        """The flow was announced: its dissector is known before its first byte."""
        if (kind := REGISTRY.get(expect.protocol)) is not None:
            dissector = kind(expected=expect)
            dissector.keep = keep
            self._candidates = {kind.name: Candidate(dissector, f"{EXPECTED}{kind.name}", udp=udp, flipped=False)}

    def feed(self, side: Side, item: Data | Gap, shared: Classifier, *, udp: bool, opened: bool) -> list[TimedEvent]:
        """The next bytes of one side. `opened`: the connection's SYN was captured."""
        if side is Side.CLIENT and len(self._opening) < OPENING and isinstance(item, Data):
            self._opening += item.data[: OPENING - len(self._opening)]
        if self.chosen is not None:
            return self.chosen.read(side, item)
        if self.verdict is Verdict.IGNORE:
            return []
        self._may_flip = udp or not opened
        self._early.append((side, item))
        for candidate in self._all_candidates():
            candidate.events += candidate.read(side, item)
        if isinstance(item, Gap):
            self._headless.add(side)
            self._prefix.pop(side, None)
        else:
            self._octets += len(item.data)
            self._nominate(side, item.data, shared, udp=udp, opened=opened)
        return self._decide(udp=udp, opened=opened)

    def end(self, frame: int, ts: int) -> list[TimedEvent]:
        """The flow ended."""
        if self.chosen is not None:
            return self.chosen.end(frame, ts)
        for candidate in self._all_candidates():
            candidate.events += candidate.end(frame, ts)
        unmistakable = {rule.protocol for rule in self._rules.values() if rule.strong}
        for candidate in self._all_candidates():
            if not candidate.rejected and (candidate.dissector.confirmed or candidate.dissector.name in unmistakable):
                return self._choose(candidate)
        self.verdict = Verdict.IGNORE
        return []

    # --- steps --------------------------------------------------------------------------------------------------------

    def _all_candidates(self) -> list[Candidate]:
        return list(self._candidates.values()) if self._candidates else []

    def _nominate(self, side: Side, data: bytes, shared: Classifier, *, udp: bool, opened: bool) -> None:
        if udp:
            self._probes += _is_keepalive(data) is None
            looked_at = data[:SCAN_WINDOW]
            midstream = False
        else:
            midstream = not opened or side in self._headless
            known = self._prefix.get(side, b"")
            window = MIDSTREAM_WINDOW if midstream else SCAN_WINDOW
            if len(known) >= window or side in self._unmatched:
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
            dissector = REGISTRY[rule.protocol](midstream=not udp and (not opened or bool(self._headless)))
            dissector.keep = shared.keep
            candidate = Candidate(dissector, rule.id, udp=udp, flipped=wrong_side)
            for turn in self._early:
                candidate.events += candidate.read(*turn)
            candidates[rule.protocol] = candidate
        if not (udp or midstream) and shared.scanner.unmatchable(looked_at):
            self._unmatched += (side,)

    def _decide(self, *, udp: bool, opened: bool) -> list[TimedEvent]:
        for candidate in self._all_candidates():
            if candidate.confirmed:
                return self._choose(candidate)
            if candidate.rejected:
                self._refused.add(candidate.dissector.name)
                del (self._candidates or {})[candidate.dissector.name]
        if self._candidates:
            return []
        if self._foreign:
            enough = True
        elif udp:
            enough = self._probes >= MAX_PROBES
        else:
            seen = [len(prefix) for prefix in self._prefix.values()]
            window = SCAN_WINDOW if opened and not self._headless else MIDSTREAM_WINDOW
            # a side that says so much need not wait for what the other would answer
            both = len(seen) == 2 and (len(self._unmatched) == 2 or min(seen) >= window)
            enough = both or self._octets >= 4 * window
        if enough:
            self.verdict = Verdict.IGNORE
            self._early.clear()
            self._prefix.clear()
        return []

    def _choose(self, candidate: Candidate) -> list[TimedEvent]:
        self.chosen = candidate
        self.verdict = Verdict.WATCH
        events, candidate.events = candidate.events, []
        self._candidates = None
        self._early.clear()
        self._prefix.clear()
        return events
