"""Audits: what a report covered and found, so that the next one can say what is new, gone and standing.

A report without a time span covers the runs since the last such audit; with nothing new it is that audit once more, so
that a report on the terminal and one in HTML say the same. A report with a time span is an audit of that span over all
runs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from imsniff.store.opening import Store
from imsniff.store.query import Span, findings
from imsniff.store.schema import AUDIT, AUDIT_FINDING, RUN
from imsniff.store.writer import moment_of

ABANDONED = timedelta(days=1)
"""Silence after which a run that did not end was killed."""


class Audit(NamedTuple):
    id: int | None
    """None where it is not recorded: the database is read-only."""
    made: str
    span: Span
    open_run: int | None
    """The first of its runs that was not over yet: the next audit begins with it."""
    findings: frozenset[str]


class Change(NamedTuple):
    """Ids of findings, against another audit."""

    new: frozenset[str]
    gone: frozenset[str]
    standing: frozenset[str]


def compared(now: Audit, before: Audit | None) -> Change:
    """Without another audit everything is new."""
    then = before.findings if before else frozenset()
    return Change(now.findings - then, then - now.findings, now.findings & then)


def audits(store: Store) -> list[Audit]:
    """All of them, in order."""
    with store.connect() as connection:
        return [_audit(connection, row) for row in connection.execute(select(AUDIT).order_by(AUDIT.c.id)).all()]


def _audit(connection: Connection, row: Row[Any]) -> Audit:
    found = connection.execute(select(AUDIT_FINDING.c.finding).where(AUDIT_FINDING.c.audit == row.id)).scalars()
    span = Span(since=row.since, until=row.until, first_run=row.first_run, last_run=row.last_run)
    return Audit(row.id, row.made, span, row.open_run, frozenset(found))


def take(
    store: Store,
    since: str | None = None,
    until: str | None = None,
    *,
    record: bool = True,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Audit | None, list[Audit]]:
    """The audit of this moment, recorded unless it is the last one over again, and those before it.

    None where no run has read a packet yet: nothing was observed, so nothing can be gone."""
    earlier = audits(store)
    runs = _observed(store, moment_of(now() - ABANDONED))
    if not runs:
        return None, earlier
    timed = since is not None or until is not None
    span = Span(since, until, min(runs), max(runs)) if timed else _continued(earlier, runs)
    found = frozenset(finding.id for finding in findings(store, span))
    open_run = min((run for run, over in runs.items() if not over), default=None)
    audit = Audit(None, moment_of(now()), span, open_run, found)
    for number, known in enumerate(earlier):
        if (known.span, known.findings) == (audit.span, audit.findings):
            return known, earlier[:number]
    return (_recorded(store, audit) if record else audit), earlier


def _observed(store: Store, alive: str) -> dict[int, bool]:
    """Runs that read packets, or still may; and whether they are over. One that was killed is, once it is silent."""
    with store.connect() as connection:
        rows = connection.execute(select(RUN.c.id, RUN.c.ended, RUN.c.alive, RUN.c.read)).all()
    return {row.id: row.ended is not None or row.alive < alive for row in rows if row.read or row.ended is None}


def _continued(earlier: list[Audit], runs: dict[int, bool]) -> Span:
    """From the first run that the last audit did not see to its end."""
    whole = [audit for audit in earlier if audit.span.since is None and audit.span.until is None]
    if not whole:
        return Span(first_run=min(runs), last_run=max(runs))
    last = whole[-1]
    seen = last.span.last_run or 0
    fresh = [run for run in runs if run > seen]
    if last.open_run is not None:
        fresh.append(last.open_run)
    if not fresh:
        return last.span
    return Span(first_run=min(fresh), last_run=max(runs))


def _recorded(store: Store, audit: Audit) -> Audit:
    values = {
        "made": audit.made,
        "first_run": audit.span.first_run,
        "last_run": audit.span.last_run,
        "since": audit.span.since,
        "until": audit.span.until,
        "open_run": audit.open_run,
    }
    with store.begin() as connection:
        key = connection.execute(insert(AUDIT).values(values)).inserted_primary_key
        assert key is not None, "an audit has a number"
        if audit.findings:
            connection.execute(insert(AUDIT_FINDING), [{"audit": key[0], "finding": one} for one in audit.findings])
    return audit._replace(id=key[0])


def previous(earlier: list[Audit], audit: Audit) -> Audit | None:
    """The last one before of the same sort: a month is compared with another month, not with itself read again."""
    times = (audit.span.since, audit.span.until)
    for one in reversed(earlier):
        other = (one.span.since, one.span.until)
        if other == times == (None, None) or (other != times and (None, None) not in (other, times)):
            return one
    return None
