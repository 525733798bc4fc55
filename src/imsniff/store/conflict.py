"""Inserting rows that may already be there: the one place where databases differ.

SQLite and PostgreSQL have `ON CONFLICT`. For any other the keys are looked up first, which is right for one writer at a
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert, select, tuple_, update

Row = dict[str, Any]
Values = tuple[Any, ...]
"""A row's values in the order of its table's columns."""


def _sqlite(table: Table) -> Any:  # noqa: ANN401 - SQLAlchemy's types for this are its dialects'
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def _postgresql(table: Table) -> Any:  # noqa: ANN401
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


_INSERT: dict[str, Callable[[Table], Any]] = {"sqlite": _sqlite, "postgresql": _postgresql}


def keep(connection: Connection, table: Table, values: Sequence[Values], *, unless_more: str | None = None) -> None:
    """Insert what is not there yet; what is there stays as it is, unless the new row's `unless_more` is more. For
    tables of texts and numbers only."""
    if not values:
        return
    make = _INSERT.get(connection.dialect.name)
    if make is not None and connection.dialect.paramstyle == "qmark":
        # a thousand rows a statement: SQLAlchemy's own handling of each row costs as much as SQLite's
        connection.exec_driver_sql(_text(table, connection.dialect, unless_more), list(values))
        return
    rows = [dict(zip(table.columns.keys(), row, strict=True)) for row in values]
    if make is not None:
        connection.execute(_keeping(table, make, unless_more), rows)
        return
    there = _there(connection, table, rows)
    if new := [row for row in rows if _values(table, row) not in there]:
        connection.execute(insert(table), new)
    if unless_more is not None:
        for row in rows:
            less = table.c[unless_more] < row[unless_more]
            connection.execute(update(table).where(_where(table, row), less).values(row))


def unite(connection: Connection, table: Table, values: Sequence[Values], *, bits: str) -> None:
    """Insert; where a row is there, the bits of both are set."""
    rows = [dict(zip(table.columns.keys(), one, strict=True)) for one in sorted(values)]
    if not rows:
        return
    if make := _INSERT.get(connection.dialect.name):
        statement = make(table)
        both = table.c[bits].op("|")(statement.excluded[bits])
        connection.execute(statement.on_conflict_do_update(index_elements=_key(table), set_={bits: both}), rows)
        return
    for row in rows:
        where = _where(table, row)
        known = connection.execute(select(table.c[bits]).where(where)).scalar_one_or_none()
        if known is None:
            connection.execute(insert(table), row)
        elif known | row[bits] != known:
            connection.execute(update(table).where(where).values({bits: known | row[bits]}))


def replace(connection: Connection, table: Table, rows: Sequence[Row], *, unless_less: str, but: Iterable[str]) -> None:
    """Insert; a row that is there is replaced (but for columns `but`) unless the new one's `unless_less` is less."""
    if not rows:
        return
    kept = {*_key(table), *but}
    columns = [column.name for column in table.columns if column.name not in kept]
    if make := _INSERT.get(connection.dialect.name):
        statement = make(table)
        new = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=_key(table),
                set_={name: new[name] for name in columns},
                where=new[unless_less] >= table.c[unless_less],
            ),
            rows,
        )
        return
    for row in rows:
        where = _where(table, row)
        known = connection.execute(select(table.c[unless_less]).where(where)).scalar_one_or_none()
        if known is None:
            connection.execute(insert(table), row)
        elif row[unless_less] >= known:
            connection.execute(update(table).where(where).values({name: row[name] for name in columns}))


@lru_cache
def _text(table: Table, dialect: Dialect, unless_more: str | None) -> str:
    return str(_keeping(table, _INSERT[dialect.name], unless_more).compile(dialect=dialect))


@lru_cache
def _keeping(table: Table, make: Callable[[Table], Any], unless_more: str | None) -> Any:  # noqa: ANN401 - an insert
    statement = make(table)
    if unless_more is None:
        return statement.on_conflict_do_nothing(index_elements=_key(table))
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=_key(table),
        set_={column.name: new[column.name] for column in table.columns if not column.primary_key},
        where=new[unless_more] > table.c[unless_more],
    )


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]


def _values(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _key(table))


def _where(table: Table, row: Row) -> Any:  # noqa: ANN401 - SQLAlchemy's own word for a condition
    return tuple_(*table.primary_key) == _values(table, row)


def _there(connection: Connection, table: Table, rows: Sequence[Row]) -> set[tuple[Any, ...]]:
    keys = list(table.primary_key)
    asked = [_values(table, row) for row in rows]
    return {tuple(found) for found in connection.execute(select(*keys).where(tuple_(*keys).in_(asked)))}
