"""Reading the store: what report, export and explain ask of it. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Row, Table, func, select

from imsniff.base.records import Record, SessionRecord
from imsniff.store.opening import Store
from imsniff.store.schema import RECORDS, RUN, RUN_INPUT, TABLES

CHUNK = 1_000
"""Rows fetched at a time."""


class Span(NamedTuple):
    """Which sightings and records are asked for. Times are packet time, as RFC 3339 texts; `until` is not included."""

    since: str | None = None
    until: str | None = None

    def clip(self, first: str, last: str) -> tuple[str, str]:
        """What of a time lies within."""
        return max(first, self.since or first), min(last, self.until or last)


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


def within(column: ColumnElement[str], span: Span) -> list[ColumnElement[bool]]:
    conditions = []
    if span.since is not None:
        conditions.append(column >= span.since)
    if span.until is not None:
        conditions.append(column < span.until)
    return conditions


def runs(store: Store, ids: Collection[int] | None = None) -> list[Run]:
    """In order, with their inputs."""
    where = [] if ids is None else [RUN.c.id.in_(ids)]
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


def runs_read(store: Store) -> bool:
    """Whether any run has read a packet."""
    with store.connect() as connection:
        return connection.execute(select(RUN.c.id).where(RUN.c.read).limit(1)).first() is not None


def latest_options(store: Store) -> dict[str, Any]:
    """The options of the run that began last; none where there was no run."""
    with store.connect() as connection:
        return connection.execute(select(RUN.c.options).order_by(RUN.c.id.desc()).limit(1)).scalar_one_or_none() or {}


def runs_of_sessions(store: Store, span: Span) -> set[int]:
    """The runs that saw the sessions of a span."""
    table = TABLES["session"]
    asked = select(table.c.run, table.c.last_run).where(*reaching(table, span)).distinct()
    with store.connect() as connection:
        return {run for row in connection.execute(asked) for run in row}


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
    """A session belongs to a span that it reaches into."""
    if "last_seen" in table.c:
        return reaching(table, span)
    return within(table.c.ts, span)


def reaching(table: Table, span: Span) -> list[ColumnElement[bool]]:
    """Rows with a beginning `ts` and an end `last_seen` of which some is within the span."""
    return within(table.c.last_seen, Span(since=span.since)) + within(table.c.ts, Span(until=span.until))


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
