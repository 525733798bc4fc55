"""The one writer of a run: records in, batches of rows out, one transaction a batch.

A batch that fails is rolled back whole and told as a StoreError; the batches before stay. Ids come from the
traffic, so writing the same records again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

from sqlalchemy import bindparam, insert, update

from imsniff.detect import Sighting
from imsniff.escape import storable
from imsniff.limits import MAX_FINDINGS, STORE_BATCH
from imsniff.records import FindingRecord, Record, SessionRecord
from imsniff.store import conflict
from imsniff.store.conflict import Values
from imsniff.store.opening import Store
from imsniff.store.schema import FINDING, FINDING_RUN, LARGEST, RECORDS, RUN, RUN_INPUT, SIGHTING, TABLES

Row = dict[str, Any]


def _column(value: Any) -> Any:  # noqa: ANN401 - any column's value
    """As every database takes it: see `escape.storable`; integers fit 64 bits."""
    match value:
        case str():
            return storable(str(value))
        case bool() | None:
            return value
        case int():
            return min(value, LARGEST)
        case list():
            return [_column(item) for item in value]
    return value


def _columns(rows: list[Values]) -> list[Values]:
    """Rows as every database takes them. Nearly always they are that already, which a look at each column tells."""
    if all(map(_plain, zip(*rows, strict=True))):
        return rows
    return [tuple(map(_column, row)) for row in rows]


def _plain(column: Values) -> bool:
    known = [value for value in column if value is not None]
    if not known or isinstance(known[0], str):
        text = "".join(known)
        return storable(text) is text
    return bool(max(known) <= LARGEST)


_VALUES = {kind: attrgetter(*record.__struct_fields__) for kind, record in RECORDS.items()}
_COUNTED = {kind: "presences" if kind == "presence" else f"{kind}s" for kind in RECORDS}
"""What the counters call them."""
_SESSION = "session"


class Writer:
    """Writes one run. A context manager: leaving it flushes, and closes the run unless an error says otherwise."""

    def __init__(
        self,
        store: Store,
        *,
        program: str,
        signatures: str | None = None,
        options: Mapping[str, Any] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._now = now
        self._rows: dict[str, list[Values]] = {kind: [] for kind in TABLES}
        self._sessions: list[Row] = []
        self._findings: dict[str, Row] = {}
        self._sightings: list[Values] = []
        self._written: dict[str, int] = {}
        """Findings of this run that are in the store, and how severe they are there."""
        self._waiting = 0
        self._inputs = 0
        self.counters: Counter[str] = Counter()
        """Of the run, written at its end: the caller adds packets, drops, errors; the writer counts records by kind."""
        self.read = False
        """Whether any packet was read."""
        self.blind: list[Row] = []
        """Spans in which a live run lost packets: `capture`, `since`, `until`, `lost`."""
        values = {
            "started": moment_of(now()),
            "alive": moment_of(now()),
            "program": program,
            "signatures": signatures,
            "options": dict(options or {}),
            "counters": {},
            "read": False,
        }
        with store.begin() as connection:
            inserted = connection.execute(insert(RUN).values(values)).inserted_primary_key
        assert inserted is not None, "a run has a number"
        self.run: int = inserted[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, Exception):  # Ctrl-C ends a run, it does not spoil it
            self.close()

    def add(self, record: Record) -> None:
        """Take one record; writes when a batch is full."""
        if isinstance(record, Sighting):
            self._add_sighting(record)
        elif isinstance(record, FindingRecord):
            raise TypeError("findings are stored by their sightings")
        else:
            kind = str(type(record).__struct_config__.tag)
            values = _VALUES[kind](record)
            if kind == _SESSION:
                row = dict(zip(record.__struct_fields__, map(_column, values), strict=True))
                self._sessions.append({**row, "run": self.run, "last_run": self.run})
            else:
                self._rows[kind].append((*values, self.run))
            self.counters[_COUNTED[kind]] += 1
            self._waiting += 1
        if self._waiting >= STORE_BATCH:
            self.flush()

    def update(self, session: SessionRecord) -> None:
        """A session that goes on: stored as it is known now, counted when it ends."""
        self.add(session)
        self.counters["sessions"] -= 1

    def flush_waiting(self) -> None:
        """Flush, where anything waits. Raises StoreError."""
        if self._waiting:
            self.flush()

    def checkpoint(self) -> None:
        """Write the counters as they are, and that the run is alive. Raises StoreError."""
        now = {"alive": moment_of(self._now()), "counters": self._told(), "read": self.read}
        with self._store.begin() as connection:
            connection.execute(update(RUN).where(RUN.c.id == self.run).values(now))

    def _told(self) -> Row:
        return {**self.counters, **({"blind": self.blind} if self.blind else {})}

    def _add_sighting(self, seen: Sighting) -> None:
        self.counters["sightings"] += 1
        known = self._written.get(seen.id)
        rank = seen.severity.rank
        if known is None or rank > known:
            self._written[seen.id] = rank
            self._findings[seen.id] = {
                "id": seen.id,
                "rank": rank,
                "severity": seen.severity.value,
                **{
                    name: storable(getattr(seen, name))
                    for name in ("key", "risk", "subject", "host", "service", "title", "remedy")
                },
            }
        evidence = seen.evidence[0]
        of = (seen.id, seen.record, self.run, seen.ts, seen.last_seen, seen.capture, seen.frame)
        self._sightings.append((*of, evidence.rule, evidence.excerpt))
        self._waiting += 1

    def flush(self) -> None:
        """Write what is waiting, in one transaction. Raises StoreError; what was waiting is then gone."""
        rows, self._rows = self._rows, {kind: [] for kind in TABLES}
        sessions, self._sessions = self._sessions, []
        findings, self._findings = list(self._findings.values()), {}
        sightings, self._sightings = self._sightings, []
        self._waiting = 0
        marks = [(row["id"], self.run) for row in findings]
        written, self._written = self._written, {}  # forgotten, unless this batch is stored
        with self._store.begin() as connection:
            if sessions:
                # the same session from a shorter cut of the same traffic must not take anything away
                conflict.replace(connection, TABLES[_SESSION], sessions, unless_less="packets", but=("run",))
                of = TABLES[_SESSION].c
                again = update(TABLES[_SESSION]).where(of.id == bindparam("seen")).values(last_run=self.run)
                connection.execute(again, [{"seen": row["id"]} for row in sessions])
            for kind, table in TABLES.items():
                conflict.keep(connection, table, _columns(rows[kind]))
            conflict.replace(connection, FINDING, findings, unless_less="rank", but=())
            conflict.keep(connection, FINDING_RUN, marks)
            conflict.keep(connection, SIGHTING, _columns(sightings))
            connection.execute(update(RUN).where(RUN.c.id == self.run).values(alive=moment_of(self._now())))
        self._written = written if len(written) <= MAX_FINDINGS else {}

    def add_input(
        self,
        name: str,
        *,
        path: str | None = None,
        size: int | None = None,
        sha256: str | None = None,
        error: str | None = None,
    ) -> None:
        """One capture of this run. `name` as its records name it."""
        self._inputs += 1
        row = {
            "run": self.run,
            "position": self._inputs,
            "name": storable(name),
            "path": None if path is None else storable(path),
            "size": size,
            "sha256": sha256,
            "error": None if error is None else storable(error),
        }
        with self._store.begin() as connection:
            connection.execute(insert(RUN_INPUT), row)

    def close(self) -> None:
        """Write what is waiting and end the run."""
        self.flush()
        ended = {"ended": moment_of(self._now()), "counters": self._told(), "read": self.read}
        with self._store.begin() as connection:
            connection.execute(update(RUN).where(RUN.c.id == self.run).values(ended))


def moment_of(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest(file: Path) -> str:
    """SHA-256 of a file's bytes, in constant memory. Raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
