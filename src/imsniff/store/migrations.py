"""How an older database becomes a newer one: an ordered table of small steps, each in one transaction.

Steps are written with alembic's operations, which know how SQLite and PostgreSQL alter tables. alembic is imported only
when there is a step to take: it costs 0.7 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, String, Text, delete, false, insert, select

from imsniff.store.schema import META, TABLES, VERSION

Step = Callable[[Any], None]
"""Takes alembic's `Operations`."""


def _marks(operations: Any) -> None:  # noqa: ANN401
    """Captures are known again by their mark. Those that were read before have none, and are read again."""
    operations.add_column("run_input", Column("mark", String(64)))


def _carriers_and_services(operations: Any) -> None:  # noqa: ANN401
    """Sessions inside carriers, encrypted messengers' periods of use, attempts. Older sessions have none of it."""
    for column in (
        Column("destination", Text),
        Column("one_sided", Text),
        Column("seen_in", JSON, nullable=False, server_default="[]"),
        Column("names", JSON, nullable=False, server_default="[]"),
        Column("flows", BigInteger),
        Column("bytes_up", BigInteger),
        Column("bytes_down", BigInteger),
        Column("calls", Boolean, nullable=False, server_default=false()),
        Column("ja4", Text),
    ):
        operations.add_column("session", column)
    TABLES["attempt"].create(operations.get_bind())


STEPS: dict[int, Step] = {2: _marks, 3: _carriers_and_services}
"""By the version a step leads to."""


def version_of(connection: Connection) -> int | None:
    """None where the database was not made to its end."""
    found = connection.execute(select(META.c.value).where(META.c.key == "schema_version")).scalar_one_or_none()
    return None if found is None else int(found)


def write_version(connection: Connection, version: int) -> None:
    connection.execute(delete(META).where(META.c.key == "schema_version"))
    connection.execute(insert(META).values(key="schema_version", value=str(version)))


def upgrade(connection: Connection, *, to: int = VERSION, steps: dict[int, Step] | None = None) -> list[int]:
    """Take every step that is missing, in order; the versions reached. The caller's transaction holds them all."""
    taken = STEPS if steps is None else steps
    missing = [version for version in sorted(taken) if (version_of(connection) or 0) < version <= to]
    if missing:
        from alembic.migration import MigrationContext
        from alembic.operations import Operations

        operations = Operations(MigrationContext.configure(connection))
        for version in missing:
            taken[version](operations)
            write_version(connection, version)
    return missing
