"""How an older database becomes a newer one: an ordered table of small steps, each in one transaction.

Steps are written with alembic's operations, which know how SQLite and PostgreSQL alter tables. alembic is imported only
when there is a step to take: it costs 0.7 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    Text,
    delete,
    false,
    insert,
    select,
    union_all,
)

from imsniff.base.addresses import at_port
from imsniff.detect.finding import finding_id, finding_key
from imsniff.store import conflict
from imsniff.store.schema import AUDIT, FINDING, HOST_SEEN, META, SIGHTING, TABLES, VERSION, WATCHED

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


def _sightings_in_time(operations: Any) -> None:  # noqa: ANN401
    """A sighting says its own severity, host and server, and a finding's key names the server and no host. What was
    watched when was not kept: over such times an audit says "not verified"."""
    connection: Connection = operations.get_bind()
    operations.add_column("login", Column("room", Text))
    operations.add_column("session", Column("server_name", Text))
    for index in ("ix_sighting_ts", "ix_finding_run_run"):
        operations.execute(f"DROP INDEX IF EXISTS {index}")
    old = {}
    for name in ("finding", "sighting", "audit", "audit_finding"):
        operations.rename_table(name, f"{name}_3")
        old[name] = Table(f"{name}_3", MetaData(), autoload_with=connection)
        # PostgreSQL keeps the names of a renamed table's constraints, which the new one has too
        if connection.dialect.name == "postgresql":
            operations.execute(f"ALTER TABLE {name}_3 RENAME CONSTRAINT pk_{name} TO pk_{name}_3")
    for table in (FINDING, SIGHTING, WATCHED, HOST_SEEN, AUDIT):
        table.create(connection)
    renamed = _moved_findings(connection, old["finding"], old["sighting"])
    for audit in connection.execute(select(old["audit"])).all():
        members = old["audit_finding"]
        asked = select(members.c.finding).where(members.c.audit == audit.id)
        kept: dict[str, int] = {}
        for finding in connection.execute(asked).scalars():
            for new, rank in renamed.get(finding, {}).items():
                kept[new] = max(rank, kept.get(new, 0))
        row = {"id": audit.id, "name": f"audit {audit.id}", "made": audit.made}
        connection.execute(insert(AUDIT), {**row, "since": audit.since, "until": audit.until, "findings": kept})
    for name in ("audit_finding", "audit", "sighting", "finding"):
        operations.drop_table(f"{name}_3")
    operations.drop_table("finding_run")


def _moved_findings(connection: Connection, finding: Table, sighting: Table) -> dict[str, dict[str, int]]:
    """Every finding under its new key, which is another one for each server. By old id: new ids and their rank."""
    session_of = union_all(
        select(TABLES["session"].c.id, TABLES["session"].c.id.label("session")),
        *(select(table.c.id, table.c.session) for table in TABLES.values() if "session" in table.c),
    ).subquery()
    session = TABLES["session"]
    asked = (
        select(
            sighting,
            finding.c.risk,
            finding.c.rank,
            finding.c.subject,
            finding.c.host,
            finding.c.service,
            session_of.c.session,
            session.c.protocol,
            session.c.server_ip,
            session.c.server_port,
        )
        .join(finding, finding.c.id == sighting.c.finding)
        .outerjoin(session_of, session_of.c.id == sighting.c.record)
        .outerjoin(session, session.c.id == session_of.c.session)
    )
    renamed: dict[str, dict[str, int]] = {}
    for row in connection.execute(asked).all():
        server = at_port(row.server_ip, row.server_port) if row.server_ip else ""
        key = finding_key(row.risk, row.subject, row.service, row.protocol or "", server)
        new = finding_id(key)
        if new not in (known := renamed.setdefault(row.finding, {})):
            conflict.keep(connection, FINDING, [(new, key, row.risk, row.subject, row.service)])
            known[new] = row.rank
        told = (row.ts, row.last_seen, row.capture, row.frame, row.rule, row.excerpt, row.rank, row.host, server)
        conflict.keep(connection, SIGHTING, [(new, row.record, row.session or "", row.run, *told, None, "")])
    return renamed


STEPS: dict[int, Step] = {2: _marks, 3: _carriers_and_services, 4: _sightings_in_time}
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
