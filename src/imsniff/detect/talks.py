"""Who writes to whom: one person who goes on writing and is never answered, and secrets that were asked for and given.

Both show in the order of one pair's messages, so one detector remembers pairs. Of most messages it is told only their
number: where the flow is read they are counted, and STEP of them are one observation.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from imsniff.base.limits import ANSWER_WINDOW_NS, MAX_REMEMBERED_PAIRS, PAIR_MEMORY_NS
from imsniff.base.records import MessageRecord, Severity, nanoseconds
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.memory import AgingTable
from imsniff.detect.observation import Observation, observation, observed
from imsniff.detect.people import both_ends
from imsniff.detect.registry import CrossFlowDetector, Observer, across_flows
from imsniff.policy.policy import Policy
from imsniff.rules.schema import Class

STEP = 10
UNANSWERED = 30
"""Messages in a row without any answer, in UNANSWERED_HOURS different hours: people who wait write less, and who
reports a fault writes it at once."""
UNANSWERED_HOURS = 3
HOUR_NS = 3_600_000_000_000
_KINDS = {Class.ASKS_SECRET: "ask", Class.GIVES_SECRET: "give"}


class _Counted:
    """The observer of one shard: how many messages in a row each of a session's pairs has written."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str | None, str | None], int] = {}

    def __call__(self, context: Context, message: MessageRecord, _: str) -> Iterable[Observation]:
        if message.room:
            return ()
        rows, session = self._rows, message.session
        key, back = (session, message.sender, message.recipient), (session, message.recipient, message.sender)
        new, count = key not in rows, rows.get(key, 0) + 1
        ended = rows.pop(back, 0) if back in rows else 0
        if ended:
            rows[back] = 0
        rows[key] = count
        if len(rows) > MAX_REMEMBERED_PAIRS:
            for old in list(islice(rows, MAX_REMEMBERED_PAIRS // 4)):
                del rows[old]
        kinds = [kind for of, kind in _KINDS.items() if of in context.said.classes]
        if not (kinds or new or ended >= STEP or count % STEP == 0):
            return ()
        ends = both_ends(context, message)
        if ends is None:
            return ()
        return [
            observation(
                context,
                Talks.name,
                message,
                subject=ends.sender,
                peer=ends.recipient,
                value=str(STEP if count % STEP == 0 else 0),
                rule=kind,
                excerpt=message.direction,
            )
            for kind in kinds or ("",)
        ]


class _Run:
    """What one of a pair wrote since the other last did."""

    __slots__ = ("ask", "asked", "counts", "hours", "told")

    def __init__(self) -> None:
        self.counts = {"sent": 0, "received": 0}
        """In the sessions of who writes, and of who is written to: both may be seen, and count once."""
        self.hours: set[int] = set()
        self.told = False
        self.ask: Observation | None = None
        """The last message that asked for a secret."""
        self.asked = 0


@across_flows(MessageRecord, risks=(Risk.POLICY_VIOLATION, Risk.SOCIAL_ENGINEERING))
class Talks(CrossFlowDetector):
    """One who goes on writing and is never answered; a secret that was asked for and seems to be given. The subject is
    who writes, or who asked."""

    name = "talks"

    def __init__(self) -> None:
        self._runs: AgingTable[_Run] = AgingTable(_Run, limit=MAX_REMEMBERED_PAIRS, lifetime=PAIR_MEMORY_NS)

    @classmethod
    def observer(cls) -> Observer:
        return _Counted()

    def judge(self, policy: Policy, seen: Observation) -> Iterable[Sighting]:
        now, service = nanoseconds(seen.ts), observed(policy, seen).service
        theirs = self._runs.touch((service, seen.subject, seen.peer), now)
        other = self._runs.touch((service, seen.peer, seen.subject), now)
        other.counts = dict.fromkeys(other.counts, 0)
        other.told = False
        other.hours.clear()
        if seen.rule == "ask":
            theirs.ask, theirs.asked = seen, now
        elif seen.rule == "give" and other.ask is not None and now - other.asked <= ANSWER_WINDOW_NS:
            yield from _given(policy, other.ask, seen)
            other.ask = None
        if not policy.announces(seen.subject):
            theirs.counts[seen.excerpt] += int(seen.value)
            theirs.hours.add(now // HOUR_NS)
            if max(theirs.counts.values()) >= UNANSWERED and len(theirs.hours) >= UNANSWERED_HOURS and not theirs.told:
                theirs.told = True
                yield from _unanswered(policy, seen, max(theirs.counts.values()))


def _unanswered(policy: Policy, seen: Observation, count: int) -> Iterable[Sighting]:
    return sighting(
        observed(policy, seen),
        Risk.POLICY_VIOLATION,
        seen,
        subject=seen.subject,
        rule="conduct.unanswered",
        shown=f"{count} messages to {seen.peer} in a row, none answered",
        severity=Severity.MEDIUM,
    )


def _given(policy: Policy, ask: Observation, seen: Observation) -> Iterable[Sighting]:
    """The finding is the one of who asked, grown worse: the answer seems to hold what was asked for."""
    return sighting(
        observed(policy, ask),
        Risk.SOCIAL_ENGINEERING,
        seen,
        subject=ask.subject,
        rule="talk.given",
        shown=f"{seen.subject} seems to have answered with what {ask.subject} asked for",
        severity=Severity.CRITICAL,
    )
