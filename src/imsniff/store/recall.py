"""What detectors with memory would still know, had the program not been stopped: read from the database.

A capture that begins again observes the records of the last day once more, and judges them in silence: what they showed
is stored already. Texts are not kept everywhere, so lures and secrets that were asked for are not known again; they are
remembered for minutes only.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from operator import attrgetter

from imsniff.base.limits import ACCOUNT_MEMORY_NS, MAX_RECALLED
from imsniff.base.records import Record, timestamp
from imsniff.detect import CrossFlowDetectors, Detectors
from imsniff.policy.policy import Policy
from imsniff.store import query
from imsniff.store.opening import Store
from imsniff.store.query import Span

_KINDS = ("contact", "login", "transfer", "message")
"""What they observe, the few before the many: of the last there may be too many."""


def recall(store: Store, across: CrossFlowDetectors, policy: Policy, now: int) -> int:
    """Lets `across` know again what was seen in the day before `now` (nanoseconds since 1970); the records observed."""
    span = Span(since=timestamp(now - ACCOUNT_MEMORY_NS), until=timestamp(now))
    sessions = {session.id: session for session in query.sessions(store, span)}
    if not sessions:
        return 0
    detectors = Detectors(policy)
    count = 0
    for record in _records(store, span):
        session = sessions.get(getattr(record, "session", ""))
        if session is not None:
            count += 1
            across.recall(detectors.observations(session, record))
    across.recalled()
    return count


def _records(store: Store, span: Span) -> Iterator[Record]:
    """In the order of packet time, of each kind all or none."""
    left, kinds = MAX_RECALLED, []
    for kind in _KINDS:
        number = query.count(store, kind, span)
        if number <= left:
            left -= number
            kinds.append(query.records(store, kind, span))
    yield from merge(*kinds, key=attrgetter("ts"))
