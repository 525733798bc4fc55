"""Findings as the store has them: every figure is derived of the sightings within the span that is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from imsniff.base.limits import MAX_EVIDENCE, MAX_FINDING_HOSTS
from imsniff.base.records import Evidence, FindingRecord, HostSpan, Severity
from imsniff.detect.advice import advised
from imsniff.detect.merge import order
from imsniff.store.opening import Store
from imsniff.store.query import EVERYTHING, Span, reaching
from imsniff.store.schema import FINDING, SIGHTING, TABLES

SEVERITIES = list(Severity)
"""By rank."""

ASKED = 500
"""Ids in one question: SQLite takes no more than some thousand parameters."""

_PLACE = (SIGHTING.c.ts, SIGHTING.c.capture, SIGHTING.c.frame, SIGHTING.c.record)


def findings(store: Store, span: Span = EVERYTHING, ids: Collection[str] | None = None) -> list[FindingRecord]:
    """Findings sighted within the span, worst first. Severity, count, times, hosts and evidence are those of
    the span."""
    if ids is not None and len(ids) > ASKED:
        return sorted((one for part in _parts(ids) for one in findings(store, span, part)), key=order)
    which = reaching(SIGHTING, span)
    if ids is not None:
        which.append(SIGHTING.c.finding.in_(ids))
    with store.connect() as connection:
        summary = {row.finding: row for row in connection.execute(_summary(which))}
        evidence = _first(connection, which, _PLACE, MAX_EVIDENCE)
        worst = _first(connection, which, (SIGHTING.c.rank.desc(), *_PLACE), 1)
        hosts = _hosts(connection, which)
        about = [] if ids is None else [FINDING.c.id.in_(ids)]
        rows = [row for row in connection.execute(select(FINDING).where(*about)) if row.id in summary]
    return sorted(
        (_finding(row, span, summary[row.id], evidence[row.id], worst[row.id][0], hosts[row.id]) for row in rows),
        key=order,
    )


def ranks(store: Store, span: Span) -> dict[str, int]:
    """The findings sighted within the span, by id, and the worst rank of each."""
    asked = select(SIGHTING.c.finding, func.max(SIGHTING.c.rank)).where(*reaching(SIGHTING, span))
    with store.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(asked.group_by(SIGHTING.c.finding))}


def _parts(ids: Collection[str]) -> Iterator[list[str]]:
    waiting = iter(sorted(ids))
    return iter(lambda: list(islice(waiting, ASKED)), [])


def _summary(which: Sequence[ColumnElement[bool]]) -> Any:  # noqa: ANN401 - a select
    return (
        select(
            SIGHTING.c.finding,
            func.count().label("shown"),
            func.min(SIGHTING.c.ts).label("first_seen"),
            func.max(SIGHTING.c.last_seen).label("last_seen"),
            func.max(SIGHTING.c.server_name).label("server_name"),
        )
        .where(*which)
        .group_by(SIGHTING.c.finding)
    )


def _first(
    connection: Connection, which: Sequence[ColumnElement[bool]], by: Sequence[Any], most: int
) -> dict[str, list[Any]]:
    """The first sightings of each finding in some order."""
    place = func.row_number().over(partition_by=SIGHTING.c.finding, order_by=by)
    numbered = select(SIGHTING, place.label("place")).where(*which).subquery()
    asked = select(numbered).where(numbered.c.place <= most).order_by(numbered.c.finding, numbered.c.place)
    found: dict[str, list[Any]] = {}
    for row in connection.execute(asked):
        found.setdefault(row.finding, []).append(row)
    return found


def _hosts(connection: Connection, which: Sequence[ColumnElement[bool]]) -> dict[str, list[Any]]:
    """The hosts of each finding, the first seen first."""
    first = func.min(SIGHTING.c.ts).label("first_seen")
    asked = (
        select(SIGHTING.c.finding, SIGHTING.c.host, first, func.max(SIGHTING.c.last_seen).label("last_seen"))
        .where(*which)
        .group_by(SIGHTING.c.finding, SIGHTING.c.host)
        .order_by(SIGHTING.c.finding, first, SIGHTING.c.host)
    )
    found: dict[str, list[Any]] = {}
    for row in connection.execute(asked):
        found.setdefault(row.finding, []).append(row)
    return found


def _finding(
    row: Row[Any], span: Span, summary: Row[Any], evidence: list[Any], worst: Row[Any], hosts: list[Any]
) -> FindingRecord:
    first = evidence[0]
    since, until = span.clip(summary.first_seen, summary.last_seen)
    shown = [HostSpan(one.host, *span.clip(one.first_seen, one.last_seen)) for one in hosts[:MAX_FINDING_HOSTS]]
    server_name = worst.server_name or summary.server_name
    title, remedy = advised(
        row.risk,
        worst.advice,
        subject=row.subject,
        service=row.service,
        server=worst.server,
        server_name=server_name,
        hosts=[one.host for one in hosts],
    )
    return FindingRecord(
        id=row.id,
        ts=first.ts,
        capture=first.capture,
        frame=first.frame,
        risk=row.risk,
        severity=SEVERITIES[worst.rank],
        subject=row.subject,
        service=row.service,
        server=worst.server,
        server_name=server_name,
        host=worst.host,
        hosts=shown,
        title=title,
        remedy=remedy,
        count=summary.shown,
        first_seen=since,
        last_seen=until,
        evidence=[Evidence(capture=e.capture, frame=e.frame, rule=e.rule, excerpt=e.excerpt) for e in evidence],
        key=row.key,
    )


def finding_like(store: Store, asked: str) -> list[FindingRecord]:
    """The findings whose id begins with `asked`, or whose key is `asked`."""
    with store.connect() as connection:
        begins = and_(FINDING.c.id >= asked, FINDING.c.id < asked + "g")  # ids are hex digits: no LIKE, no wildcards
        ids = connection.execute(select(FINDING.c.id).where(begins | (FINDING.c.key == asked))).scalars().all()
    return findings(store, ids=ids) if ids else []


class Shown(NamedTuple):
    """A packet that shows a finding, by its number, its time and the two ends of its session."""

    capture: str
    frame: int
    ts: str
    ends: frozenset[tuple[str, int]]


def sightings(store: Store, finding: str) -> Iterator[Shown]:
    """Every packet that shows a finding, in packet order."""
    sessions = TABLES["session"]
    s = sessions.c
    ends = (s.client_ip, s.client_port, s.server_ip, s.server_port)
    asked = select(SIGHTING.c.capture, SIGHTING.c.frame, SIGHTING.c.ts, *ends)
    asked = asked.select_from(SIGHTING.outerjoin(sessions, s.id == SIGHTING.c.session))
    with store.connect() as connection:
        for row in connection.execute(asked.where(SIGHTING.c.finding == finding).order_by(*_PLACE[:3])):
            known = row.client_ip is not None
            both = ((row.client_ip, row.client_port), (row.server_ip, row.server_port)) if known else ()
            yield Shown(row.capture, row.frame, row.ts, frozenset(both))


def first_sightings(store: Store, ids: Collection[str]) -> dict[str, str]:
    """When each of these findings was seen for the first time ever."""
    found: dict[str, str] = {}
    with store.connect() as connection:
        for part in _parts(ids):
            asked = select(SIGHTING.c.finding, func.min(SIGHTING.c.ts)).where(SIGHTING.c.finding.in_(part))
            found.update(tuple(row) for row in connection.execute(asked.group_by(SIGHTING.c.finding)))
    return found


def sessions_of(store: Store, span: Span) -> dict[str, set[tuple[str, str]]]:
    """By finding, the sessions that show it within a span, each with the rule that told."""
    asked = select(SIGHTING.c.finding, SIGHTING.c.session, SIGHTING.c.rule).where(*reaching(SIGHTING, span)).distinct()
    found: dict[str, set[tuple[str, str]]] = {}
    with store.connect() as connection:
        for finding, session, rule in connection.execute(asked):
            found.setdefault(finding, set()).add((session, rule))
    return found
