"""Reading the store: what report, export and explain ask of it. Nothing here writes."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, func, select

from imsniff.base.limits import MAX_EVIDENCE
from imsniff.base.records import Evidence, FindingRecord, Record, SessionRecord, Severity
from imsniff.detect.merge import order
from imsniff.store.opening import Store
from imsniff.store.schema import FINDING, FINDING_RUN, RECORDS, RUN, RUN_INPUT, SIGHTING, TABLES

CHUNK = 1_000
"""Rows fetched at a time."""


class Span(NamedTuple):
    """Which sightings and records are asked for. Times are packet time, as RFC 3339 texts; `until` is not included."""

    since: str | None = None
    until: str | None = None
    first_run: int | None = None
    last_run: int | None = None


EVERYTHING = Span()


class Run(msgspec.Struct, kw_only=True):
    """One run and its inputs."""

    id: int
    started: str
    ended: str | None
    program: str
    signatures: str | None
    options: dict[str, Any]
    counters: dict[str, Any]
    """Numbers, and of a live run that lost packets `blind`: the spans in which it did."""
    read: bool
    inputs: list[Input] = []


class Input(msgspec.Struct, kw_only=True):
    run: int
    position: int
    name: str
    path: str | None
    size: int | None
    mark: str | None
    sha256: str | None
    error: str | None


def whole_inputs(store: Store, program: str, signatures: str, options: dict[str, Any]) -> set[str]:
    """The mark of every capture that a run of this program, with these signatures and options, read whole."""
    wanted = select(RUN_INPUT.c.mark, RUN.c.options).join_from(RUN_INPUT, RUN, RUN_INPUT.c.run == RUN.c.id)
    wanted = wanted.where(RUN.c.program == program, RUN.c.signatures == signatures)
    wanted = wanted.where(RUN_INPUT.c.mark.is_not(None), RUN_INPUT.c.error.is_(None))
    with store.connect() as connection:
        return {mark for mark, given in connection.execute(wanted) if given == options}


def _struct(row: Row[Any], kind: type[Any]) -> Any:  # noqa: ANN401 - an instance of `kind`
    values = {str(name): value for name, value in row._mapping.items()}  # names come as a subclass of str
    return msgspec.convert(values, kind, strict=False)


def _within(column: ColumnElement[str], span: Span) -> list[ColumnElement[bool]]:
    conditions = []
    if span.since is not None:
        conditions.append(column >= span.since)
    if span.until is not None:
        conditions.append(column < span.until)
    return conditions


def runs(store: Store, span: Span = EVERYTHING) -> list[Run]:
    """In order, with their inputs."""
    where = []
    if span.first_run is not None:
        where.append(RUN.c.id >= span.first_run)
    if span.last_run is not None:
        where.append(RUN.c.id <= span.last_run)
    with store.connect() as connection:
        found: list[Run] = [
            _struct(row, Run) for row in connection.execute(select(RUN).where(*where).order_by(RUN.c.id))
        ]
        inputs = connection.execute(select(RUN_INPUT).order_by(RUN_INPUT.c.run, RUN_INPUT.c.position))
        by_id = {run.id: run for run in found}
        for row in inputs:
            if run := by_id.get(row.run):
                run.inputs = [*run.inputs, _struct(row, Input)]
    return found


def records(store: Store, kind: str, span: Span = EVERYTHING) -> Iterator[Record]:
    """The records of one kind in order of packet time, a chunk at a time."""
    table, struct = TABLES[kind], RECORDS[kind]
    columns = [table.c[name] for name in struct.__struct_fields__]
    asked = select(*columns).where(*_conditions(table, span)).order_by(table.c.ts, table.c.id)
    with store.connect() as connection:
        result = connection.execution_options(yield_per=CHUNK).execute(asked)
        for row in result:
            yield _record(row, struct)


def _conditions(table: Table, span: Span) -> list[ColumnElement[bool]]:
    """A session belongs to a span that it reaches into, and to every run that saw it; what is inside goes with it."""
    session = TABLES["session"]
    inside = []
    if table is session:
        inside = _within(table.c.last_seen, Span(since=span.since)) + _within(table.c.ts, Span(until=span.until))
    else:
        inside = _within(table.c.ts, span)
    seen: list[ColumnElement[bool]] = []
    if span.first_run is not None:
        seen.append(session.c.last_run >= span.first_run)
    if span.last_run is not None:
        seen.append(session.c.run <= span.last_run)
    if table is session or not seen:
        return inside + seen
    return [*inside, table.c.session.in_(select(session.c.id).where(*seen))]


def _record(row: Row[Any], struct: type[Record]) -> Record:
    """The defaults of a struct stand for absent columns."""
    values = {str(name): value for name, value in row._mapping.items() if value is not None}
    record: Record = msgspec.convert(values, struct, strict=False)
    return record


def sessions(store: Store, span: Span = EVERYTHING) -> list[SessionRecord]:
    return [record for record in records(store, "session", span) if isinstance(record, SessionRecord)]


def count(store: Store, kind: str, span: Span = EVERYTHING) -> int:
    """How many records of a kind."""
    table = TABLES[kind]
    with store.connect() as connection:
        asked = select(func.count()).select_from(table).where(*_conditions(table, span))
        return connection.execute(asked).scalar_one()


def values(
    store: Store, kind: str, columns: Sequence[str], span: Span = EVERYTHING
) -> list[tuple[tuple[Any, ...], int]]:
    """Distinct values of some columns and how often each stands, most first."""
    table = TABLES[kind]
    wanted = [table.c[name] for name in columns]
    often = func.count().label("often")
    asked = select(*wanted, often).where(*_conditions(table, span)).group_by(*wanted).order_by(often.desc(), *wanted)
    with store.connect() as connection:
        return [(tuple(row)[:-1], row.often) for row in connection.execute(asked)]


def findings(store: Store, span: Span = EVERYTHING, ids: Sequence[str] | None = None) -> list[FindingRecord]:
    """Findings sighted within the span, worst first. `count` counts the records that show it in the times asked for."""
    with store.connect() as connection:
        wanted = set(_seen(connection, span)) if ids is None else set(ids)
        which = _within(SIGHTING.c.ts, span)
        about = []
        if ids is not None:
            which.append(SIGHTING.c.finding.in_(ids))
            about.append(FINDING.c.id.in_(ids))
        seen = {row.finding: row for row in connection.execute(_summary(which)) if row.finding in wanted}
        evidence = _evidence(connection, which, seen)
        rows = connection.execute(select(FINDING).where(*about)).all()
    return sorted(
        (_finding(row, seen[row.id], evidence[row.id]) for row in rows if row.id in seen),
        key=order,
    )


def _seen(connection: Connection, span: Span) -> Iterator[str]:
    where: list[ColumnElement[bool]] = []
    if span.first_run is not None:
        where.append(FINDING_RUN.c.run >= span.first_run)
    if span.last_run is not None:
        where.append(FINDING_RUN.c.run <= span.last_run)
    yield from connection.execute(select(FINDING_RUN.c.finding).where(*where).distinct()).scalars()


def _summary(which: list[ColumnElement[bool]]) -> Select[Any]:
    return (
        select(
            SIGHTING.c.finding,
            func.count().label("shown"),
            func.min(SIGHTING.c.ts).label("first_seen"),
            func.max(SIGHTING.c.last_seen).label("last_seen"),
        )
        .where(*which)
        .group_by(SIGHTING.c.finding)
    )


def _evidence(
    connection: Connection, which: list[ColumnElement[bool]], wanted: Container[str]
) -> dict[str, list[Row[Any]]]:
    """The first sightings of each finding, in packet order."""
    place = func.row_number().over(
        partition_by=SIGHTING.c.finding,
        order_by=(SIGHTING.c.ts, SIGHTING.c.capture, SIGHTING.c.frame, SIGHTING.c.record),
    )
    numbered = select(SIGHTING, place.label("place")).where(*which).subquery()
    first = select(numbered).where(numbered.c.place <= MAX_EVIDENCE).order_by(numbered.c.finding, numbered.c.place)
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(first):
        if row.finding in wanted:
            found.setdefault(row.finding, []).append(row)
    return found


def _finding(row: Row[Any], summary: Row[Any], evidence: list[Row[Any]]) -> FindingRecord:
    first = evidence[0]
    return FindingRecord(
        id=row.id,
        ts=first.ts,
        capture=first.capture,
        frame=first.frame,
        risk=row.risk,
        severity=Severity(row.severity),
        subject=row.subject,
        host=row.host,
        title=row.title,
        remedy=row.remedy,
        count=summary.shown,
        first_seen=summary.first_seen,
        last_seen=summary.last_seen,
        evidence=[Evidence(capture=e.capture, frame=e.frame, rule=e.rule, excerpt=e.excerpt) for e in evidence],
        key=row.key,
    )


def finding_like(store: Store, asked: str) -> list[FindingRecord]:
    """The findings whose id begins with `asked`, or whose key is `asked`."""
    with store.connect() as connection:
        begins = and_(FINDING.c.id >= asked, FINDING.c.id < asked + "g")  # ids are hex digits: no LIKE, no wildcards
        ids = connection.execute(select(FINDING.c.id).where(begins | (FINDING.c.key == asked))).scalars().all()
    return findings(store, ids=ids) if ids else []


def sightings(store: Store, finding: str) -> Iterator[tuple[str, int]]:
    """Every (capture, frame) that shows a finding, in packet order."""
    asked = select(SIGHTING.c.capture, SIGHTING.c.frame).where(SIGHTING.c.finding == finding)
    with store.connect() as connection:
        for row in connection.execute(asked.order_by(SIGHTING.c.ts, SIGHTING.c.capture, SIGHTING.c.frame)):
            yield row.capture, row.frame
