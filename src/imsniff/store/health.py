"""How a database is doing: its counts, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, exists, func, select, text

from imsniff.base.limits import MAX_FAULTS
from imsniff.store.opening import Store
from imsniff.store.schema import AUDIT, FINDING, RUN, SIGHTING, TABLES, WATCHED


def counts(store: Store) -> dict[str, int]:
    """Rows by what they are."""
    tables = {"run": RUN, **TABLES, "finding": FINDING, "sighting": SIGHTING, "audit": AUDIT}
    with store.connect() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in tables.items()
        }


def faults(store: Store) -> list[str]:
    """What is wrong, one line each, at most MAX_FAULTS; none where it is consistent."""
    with store.connect() as connection:
        found = [*_pages(connection), *_strays(connection)]
    return found[:MAX_FAULTS]


def _pages(connection: Connection) -> Iterator[str]:
    """SQLite's own check of its file."""
    if connection.dialect.name != "sqlite":
        return
    for (said,) in connection.execute(text("PRAGMA integrity_check")):
        if said != "ok":
            yield f"damaged: {said}"


def _strays(connection: Connection) -> Iterator[str]:
    """Rows whose other half is missing. Records of a session still open are no fault while their run goes on."""
    pairs = (
        (SIGHTING, SIGHTING.c.finding, FINDING.c.id, "sightings of a finding that is not there"),
        (FINDING, FINDING.c.id, SIGHTING.c.finding, "findings that nothing shows"),
        (WATCHED, WATCHED.c.run, RUN.c.id, "hours watched by a run that is not there"),
    )
    for table, column, other, what in pairs:
        asked = select(func.count()).select_from(table).where(~exists().where(other == column))
        if count := connection.execute(asked).scalar_one():
            yield f"{count} {what}"
    session = TABLES["session"]
    for kind, table in TABLES.items():
        if "session" not in table.c:  # sessions themselves, and attempts
            continue
        over = select(RUN.c.id).where(RUN.c.ended.is_not(None))
        asked = (
            select(func.count())
            .select_from(table)
            .where(~exists().where(session.c.id == table.c.session), table.c.run.in_(over))
        )
        if count := connection.execute(asked).scalar_one():
            yield f"{count} rows of {kind} without their session"
