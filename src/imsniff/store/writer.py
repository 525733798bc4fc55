"""The one writer of a run: records in, batches of rows out, one transaction a batch.

A batch that fails is rolled back whole and told as a StoreError; the batches before stay. Ids come from the
traffic, so writing the same records again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from msgspec.structs import astuple
from sqlalchemy import Connection, bindparam, insert, update

from imsniff.base import period as periods
from imsniff.base.escape import storable
from imsniff.base.limits import MAX_FINDINGS, STORE_BATCH
from imsniff.base.records import CoverageRecord, Record, SessionRecord
from imsniff.detect import Finding, Sighting
from imsniff.store import conflict
from imsniff.store.conflict import Values
from imsniff.store.opening import Store
from imsniff.store.schema import FINDING, HOST_SEEN, LARGEST, RECORDS, RUN, RUN_INPUT, SIGHTING, TABLES, WATCHED

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
    known = [value for value in column if value is not None] if None in column else column
    if not known or isinstance(known[0], str):
        text = "".join(known)
        return storable(text) is text
    return bool(max(known) <= LARGEST)


_KINDS: dict[type[Record], str] = {
    **{record: kind for kind, record in RECORDS.items()},
    Sighting: "sighting",
    CoverageRecord: "coverage",
}
_COUNTED = {kind: "presences" if kind == "presence" else f"{kind}s" for kind in _KINDS.values() if kind != "coverage"}
"""What the counters call them."""


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
        self._waiting = _nothing()
        self._written: set[str] = set()
        """Findings of this run that are in the store."""
        self._room = STORE_BATCH
        self._inputs = 0
        self.counters: Counter[str] = Counter()
        """Of the run, written at its end: the caller adds packets, drops, errors; the writer counts what it flushes by
        kind."""
        self.read = False
        """Whether any packet was read."""
        self.blind: list[Row] = []
        """Spans in which a live run lost packets: `capture`, `since`, `until`, `lost`."""
        self._options = dict(options or {})
        values = {
            "started": periods.text(now()),
            "alive": periods.text(now()),
            "program": program,
            "signatures": signatures,
            "options": self._options,
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
        """Take one record, which does not change any more; writes when a batch is full."""
        waiting = self._waiting.get(type(record))
        if waiting is None:
            raise TypeError("findings are stored by their sightings")
        waiting.append(record)
        self._room -= 1
        if self._room <= 0:
            self.flush()

    def update(self, session: SessionRecord) -> None:
        """A session that goes on: stored as it is known now, counted when it ends."""
        self.add(session)
        self.counters["sessions"] -= 1

    def describe(self, options: Mapping[str, Any]) -> None:
        """The run goes on with other options. Raises StoreError."""
        self._options |= options
        with self._store.begin() as connection:
            connection.execute(update(RUN).where(RUN.c.id == self.run).values(options=self._options))

    def flush_waiting(self) -> None:
        """Flush, where anything waits. Raises StoreError."""
        if any(self._waiting.values()):
            self.flush()

    def checkpoint(self) -> None:
        """Write the counters as they are, and that the run is alive. Raises StoreError."""
        now = {"alive": periods.text(self._now()), "counters": self._told(), "read": self.read}
        with self._store.begin() as connection:
            connection.execute(update(RUN).where(RUN.c.id == self.run).values(now))

    def _told(self) -> Row:
        return {**self.counters, **({"blind": self.blind} if self.blind else {})}

    def flush(self) -> None:
        """Write what is waiting, in one transaction. Raises StoreError; what was waiting is then gone."""
        waiting, self._waiting, self._room = self._waiting, _nothing(), STORE_BATCH
        for kind, records in waiting.items():
            if records and (name := _COUNTED.get(_KINDS[kind])):
                self.counters[name] += len(records)
        sessions, sightings, coverage = (waiting.pop(kind) for kind in (SessionRecord, Sighting, CoverageRecord))
        written, self._written = self._written, set()  # forgotten, unless this batch is stored
        news = {seen.id: seen.finding for seen in sightings if seen.id not in written}
        with self._store.begin() as connection:
            if sessions:
                table = TABLES[_KINDS[SessionRecord]]
                # the same session from a shorter cut of the same traffic must not take anything away
                known = [self._session(session) for session in sessions]
                conflict.replace(connection, table, known, unless_less="packets", but=("run",))
                again = update(table).where(table.c.id == bindparam("seen")).values(last_run=self.run)
                connection.execute(again, [{"seen": session.id} for session in sessions])
            for kind, records in waiting.items():
                rows = [(*astuple(record), self.run) for record in records]
                conflict.keep(connection, TABLES[_KINDS[kind]], _columns(rows))
            conflict.keep(connection, FINDING, _columns(list(map(_finding, news.values()))))
            # what is seen again and is worse (an answer came, a longer capture) is worse from now on
            shown = {(seen.id, seen.record): self._sighting(seen) for seen in sorted(sightings, key=_rank)}
            conflict.keep(connection, SIGHTING, _columns(list(shown.values())), unless_more="rank")
            self._cover(connection, coverage)
            connection.execute(update(RUN).where(RUN.c.id == self.run).values(alive=periods.text(self._now())))
        written.update(news)
        self._written = written if len(written) <= MAX_FINDINGS else set()

    def _session(self, session: SessionRecord) -> Row:
        row = dict(zip(session.__struct_fields__, map(_column, astuple(session)), strict=True))
        return {**row, "run": self.run, "last_run": self.run}

    def _cover(self, connection: Connection, coverage: list[CoverageRecord]) -> None:
        """What was watched when, and the inside hosts that were alive."""
        watched: dict[tuple[str, str, int], Values] = {}
        alive: dict[tuple[str, str], int] = {}
        for one in coverage:
            key = storable(one.capture), one.ts, one.part
            watched[key] = (*key, self.run, one.first_seen, one.last_seen, one.packets)
            for host in one.hosts:
                day = host, one.ts[:10]
                alive[day] = alive.get(day, 0) | 1 << int(one.ts[11:13])
        conflict.keep(connection, WATCHED, list(watched.values()), unless_more="packets")
        conflict.unite(connection, HOST_SEEN, [(*day, hours) for day, hours in alive.items()], bits="hours")

    def _sighting(self, seen: Sighting) -> Values:
        finding = seen.finding
        of = (seen.id, seen.record, seen.session, self.run, seen.ts, seen.last_seen)
        about = (finding.severity.rank, finding.host, finding.server, finding.server_name, finding.case)
        return (*of, seen.capture, seen.frame, seen.rule, seen.excerpt, *about)

    def add_input(
        self,
        name: str,
        *,
        path: str | None = None,
        size: int | None = None,
        mark: str | None = None,
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
            "mark": mark,
            "sha256": sha256,
            "error": None if error is None else storable(error),
        }
        with self._store.begin() as connection:
            connection.execute(insert(RUN_INPUT), row)

    def close(self) -> None:
        """Write what is waiting and end the run."""
        self.flush()
        ended = {"ended": periods.text(self._now()), "counters": self._told(), "read": self.read}
        with self._store.begin() as connection:
            connection.execute(update(RUN).where(RUN.c.id == self.run).values(ended))


def _nothing() -> dict[type[Record], list[Any]]:
    """What waits in a new batch."""
    return {kind: [] for kind in _KINDS}


def _finding(finding: Finding) -> Values:
    return finding.id, finding.key, finding.risk, finding.subject, finding.service


def _rank(seen: Sighting) -> int:
    return seen.finding.severity.rank
