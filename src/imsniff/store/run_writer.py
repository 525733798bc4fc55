"""The writer of a run: all that `analyze` asks of its database.

`LocalWriter` writes in this process, `writer_process.WriterProcess` in a process of its own. Both are called in this
order: `open`, perhaps `whole_inputs`, `begin`, then what the run finds, `close`. Leaving the context without `close`
leaves the run open, as a crash would.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from imsniff.base.records import Record, SessionRecord

if TYPE_CHECKING:
    from imsniff.store.opening import Store
    from imsniff.store.writer import Writer


class RunInfo(NamedTuple):
    """What a run is. Runs that have these in common find the same in the same capture."""

    program: str
    signatures: str
    """SHA-256 of the rule set."""
    options: dict[str, Any]


class RunWriter(Protocol):
    """Any call may raise StoreError: for itself, or for what an earlier one asked to be written."""

    name: str
    """The database, as messages name it."""
    counters: Counter[str]
    """Of the run: the caller adds packets and errors; once it is closed, with what was written by kind."""
    read: bool
    """Whether any packet was read. The caller says so before it closes."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def open(self, where: str) -> None:
        """Make the database where there is none, and check that it may be written."""

    def whole_inputs(self, head: RunInfo) -> set[str]:
        """The mark of every capture that such a run read whole."""

    def begin(self, head: RunInfo) -> None:
        """The run begins."""

    def add(self, record: Record) -> None:
        """Take one record, which does not change any more."""

    def update(self, session: SessionRecord) -> None:
        """A session that goes on: stored as it is known now, counted when it ends."""

    def flush(self) -> None:
        """What was added is to be written now, before anything that comes later."""

    def add_input(self, name: str, **about: Any) -> None:  # noqa: ANN401 - columns
        """One capture of this run, once its records are flushed: see `Writer.add_input`."""

    def look(self) -> None:
        """Called now and then, whatever else is: lets go of what waits, and raises what has failed meanwhile."""

    def close(self) -> None:
        """Write what waits and end the run; when this returns, all of it is stored."""


class LocalWriter:
    """A book that this process writes itself."""

    def __init__(self) -> None:
        self.name = ""
        self.counters: Counter[str] = Counter()
        self.read = False
        self._stack = ExitStack()
        self._store: Store | None = None
        self._writer: Writer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self, where: str) -> None:
        from imsniff.store.opening import open_for_writing

        self._store = self._stack.enter_context(open_for_writing(where))
        self.name = self._store.name

    def whole_inputs(self, head: RunInfo) -> set[str]:
        from imsniff.store import query

        assert self._store is not None, "opened first"
        return query.whole_inputs(self._store, *head)

    def begin(self, head: RunInfo) -> None:
        from imsniff.store.writer import Writer

        assert self._store is not None, "opened first"
        self._writer = Writer(self._store, program=head.program, signatures=head.signatures, options=head.options)

    def add(self, record: Record) -> None:
        self._run.add(record)

    def update(self, session: SessionRecord) -> None:
        self._run.update(session)

    def flush(self) -> None:
        self._run.flush()

    def add_input(self, name: str, **about: Any) -> None:  # noqa: ANN401 - columns
        self._run.add_input(name, **about)

    def look(self) -> None:
        """Whatever failed was raised at once."""

    def close(self) -> None:
        writer = self._run
        writer.counters.update(self.counters)
        writer.read = self.read
        writer.close()
        self.counters = writer.counters

    @property
    def _run(self) -> Writer:
        assert self._writer is not None, "begun first"
        return self._writer
