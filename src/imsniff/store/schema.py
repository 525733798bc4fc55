"""The tables. A record kind's table is made from the record's own fields: columns and JSON keys are the same words.

    meta ── schema version            run ── run_input          one row a run of `analyze` or `capture`, and its inputs
    session ◁─ login message presence contact transfer exposure anomaly          by `session`
    finding ◁─ sighting (finding, record)      what was seen, once a record: all figures are derived of them for the
                                               span that is asked for, so that a capture read twice doubles nothing
    watched (capture, hour, part)              what was watched when, and host_seen (host, day): which inside hosts were
                                               alive, both for saying that something is gone
    audit                                      what a report said that was kept by name

`finding_overview` is a view for those who come with SQL. Records name their session without a foreign key: a session is
written when it ends, after the records inside it.
Times are RFC 3339 texts of one width, which sort as text. A change here needs a migration and a new VERSION: a test
holds the schema against a fingerprint.
"""

from __future__ import annotations

import types
import typing
from enum import Enum

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.types import TypeEngine

from imsniff.base import records as records
from imsniff.base.records import KINDS, Record

VERSION = 4
"""Of this program. See `migrations`."""

LARGEST = (1 << 63) - 1
"""What an integer column holds. A hostile file size of 2⁶⁴ - 1 is stored as this."""

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"},
)

RECORDS: dict[str, type[Record]] = {
    kind: getattr(records, f"{kind.capitalize()}Record") for kind in KINDS if kind != "finding"
}
"""Kinds that are rows as they are. Findings are three tables."""

_ID = String(16)
_TIME = String(32)


def _type(name: str, annotation: object) -> TypeEngine[typing.Any]:
    if name in ("id", "session"):
        return _ID
    if name in ("ts", "first_seen", "last_seen"):
        return _TIME
    given = [a for a in typing.get_args(annotation) if a is not types.NoneType] or [annotation]
    origin = typing.get_origin(annotation)
    if origin is list:
        return JSON()
    if given[0] is bool:
        return Boolean()
    if given[0] is int:
        return BigInteger()
    if given[0] is str or (isinstance(given[0], type) and issubclass(given[0], Enum)):
        return Text()
    raise TypeError(f"no column for {name}: {annotation}")


def _optional(annotation: object) -> bool:
    return types.NoneType in typing.get_args(annotation)


def _table(kind: str, record: type[Record]) -> Table:
    hints = typing.get_type_hints(record)
    columns = [
        Column(
            field.name,
            _type(field.name, hints[field.name]),
            primary_key=field.name == "id",
            nullable=_optional(hints[field.name]),
        )
        for field in msgspec.structs.fields(record)
    ]
    columns.append(Column("run", Integer, nullable=False))  # that saw it first
    if kind == "session":
        columns.append(Column("last_run", Integer, nullable=False))
    table = Table(kind, metadata, *columns)
    Index(None, table.c.ts)
    if "session" in table.c:
        Index(None, table.c.session)
    return table


TABLES: dict[str, Table] = {kind: _table(kind, record) for kind, record in RECORDS.items()}

META = Table("meta", metadata, Column("key", String(32), primary_key=True), Column("value", Text, nullable=False))

RUN = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started", _TIME, nullable=False),
    Column("ended", _TIME),  # absent while it runs, and where it was killed
    Column("alive", _TIME, nullable=False),  # when it last wrote
    Column("program", Text, nullable=False),
    Column("signatures", String(64)),  # SHA-256 of the rule set
    Column("options", JSON, nullable=False),
    Column("counters", JSON, nullable=False),
    Column("read", Boolean, nullable=False),  # whether any packet was read: a run of nothing is not an observation
)

RUN_INPUT = Table(
    "run_input",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),  # as records name it
    Column("path", Text),  # where it was, absolute
    Column("size", BigInteger),
    Column("mark", String(64)),  # see `capture.mark`; absent where version 1 wrote the row
    Column("sha256", String(64)),  # of large captures only where it was asked for
    Column("error", Text),
)

FINDING = Table(
    "finding",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("key", Text, nullable=False),
    Column("risk", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("service", Text, nullable=False),
)

SIGHTING = Table(
    "sighting",
    metadata,
    Column("finding", _ID, ForeignKey(FINDING.c.id), primary_key=True),
    Column("record", _ID, primary_key=True),
    Column("session", _ID, nullable=False),
    Column("run", Integer, nullable=False),
    Column("ts", _TIME, nullable=False),
    Column("last_seen", _TIME, nullable=False),  # of a session its end, else `ts`
    Column("capture", Text, nullable=False),
    Column("frame", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("rank", Integer, nullable=False),  # of the severity: 0 info to 4 critical
    Column("host", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("server_name", Text),
    Column("advice", Text, nullable=False),  # a name in `risks.CASES`, or empty
)
Index(None, SIGHTING.c.ts)

WATCHED = Table(
    "watched",
    metadata,
    Column("capture", Text, primary_key=True),
    Column("hour", _TIME, primary_key=True),
    Column("part", BigInteger, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("first_seen", _TIME, nullable=False),
    Column("last_seen", _TIME, nullable=False),
    Column("packets", BigInteger, nullable=False),
)
Index(None, WATCHED.c.hour)

HOST_SEEN = Table(
    "host_seen",
    metadata,
    Column("host", String(45), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("hours", Integer, nullable=False),  # a bit each: the lowest is the hour that begins at midnight
)
Index(None, HOST_SEEN.c.day)

AUDIT = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("made", _TIME, nullable=False),
    Column("since", _TIME),
    Column("until", _TIME),
    Column("findings", JSON, nullable=False),  # ids, with the rank that each had
)

_OVERVIEW = """
CREATE VIEW finding_overview AS
SELECT f.id, f.risk, max(s.rank) AS rank, f.subject, f.service, max(s.server) AS server,
       max(s.server_name) AS server_name, count(*) AS count, count(DISTINCT s.host) AS hosts, min(s.host) AS host,
       min(s.ts) AS first_seen, max(s.last_seen) AS last_seen, f.key
FROM finding f JOIN sighting s ON s.finding = f.id
GROUP BY f.id, f.risk, f.subject, f.service, f.key
"""
event.listen(SIGHTING, "after_create", lambda _, connection, **__: connection.execute(text(_OVERVIEW)))
event.listen(
    SIGHTING,
    "before_drop",
    lambda _, connection, **__: connection.execute(text("DROP VIEW IF EXISTS finding_overview")),
)
