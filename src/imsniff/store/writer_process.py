"""A book that a process of its own writes, so that a second processor takes the database's share of an analysis.

    analysing process                                       writer_process
    WriterProcess ── open, begin, records, flush, input, close ──▶ LocalWriter ──▶ database
           ◀── opened, known, closed; failed ──────────────

The process is forked before anything large is imported or any thread runs. It loads SQLAlchemy and opens the database
while the captures are already being read. Calls are orders in one row, mostly without an answer: a failure is told as
soon as the analysing process looks. After one, no order is obeyed any more, so that nothing is noted as read whole
whose records are lost. Ctrl-C reaches the analysing process only; where that ends, however it ends, what it handed over
is written.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, NoReturn, Self

from imsniff.base.escape import visible
from imsniff.base.garbage_collection import lasting
from imsniff.base.ipc import PIECE, Inbox, Outgoing, decoders, message
from imsniff.base.limits import MAX_FINDINGS, MAX_UNWRITTEN, WRITER_BATCH
from imsniff.base.records import AnyPlain, CoverageRecord, Record, SessionRecord
from imsniff.detect import Finding, Sighting
from imsniff.store.errors import StoreError
from imsniff.store.run_writer import LocalWriter, RunInfo, RunWriter

_LOOK = 0.05
"""Seconds between two looks at what the writer process says."""
_WAIT = 0.2
"""Seconds that a call waits for the writer process before it looks whether somebody asked to end."""


class _Seen(Record, kw_only=True):
    """A sighting on its way: with its finding where that is new or has changed, else it has the one told before."""

    record: str
    session: str
    last_seen: str
    rule: str
    excerpt: str
    finding: Finding | None = None


class _Closing(NamedTuple):
    counters: dict[str, int]
    read: bool


_OPEN, _WHOLE, _BEGIN, _RECORDS, _FORGET, _FLUSH, _INPUT, _CLOSE = b"owbrgfic"
_ORDERS: dict[int, Any] = {
    _OPEN: str,
    _WHOLE: RunInfo,
    _BEGIN: RunInfo,
    _RECORDS: list[_Seen | CoverageRecord | AnyPlain],
    _FORGET: None,
    _FLUSH: None,
    _INPUT: dict[str, str | int | None],
    _CLOSE: _Closing,
}
_OPENED, _KNOWN, _FAILED, _CLOSED = b"OKFC"
_ANSWERS: dict[int, Any] = {_OPENED: str, _KNOWN: set[str], _FAILED: str, _CLOSED: dict[str, int]}


def open_run_writer() -> RunWriter:
    """A writer in a process of its own where forking is safe: on Linux, while no other thread may hold a lock."""
    if sys.platform == "linux" and threading.active_count() == 1:
        with suppress(OSError):  # there are as many processes as there may be
            return WriterProcess()
    return LocalWriter()


# --- the analysing process --------------------------------------------------------------------------------------------


class WriterProcess:
    """A `RunWriter`: see there what the calls mean."""

    def __init__(self) -> None:
        self.name = ""
        self.counters: Counter[str] = Counter()
        self.read = False
        self._next_look = 0.0
        self._batch: list[Record] = []
        self._told: dict[str, Finding] = {}
        """Findings as the writer process knows them, by id."""
        self._answers: dict[int, Any] = {}
        self._code: int | None = None
        self._inbox = Inbox(decoders(_ANSWERS))
        self._socket, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._socket.close()
            _run_writer_process(theirs)
        theirs.close()
        self._out = Outgoing(self._socket)
        self._coming = select.poll()
        self._coming.register(self._socket, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Returns when the writer process is done."""
        self._socket.close()
        if not self.name and self._code is None:  # it has nothing to write
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._ended()

    def open(self, where: str) -> None:
        self.name = visible(where) if "://" not in where else f"{visible(where.partition('://')[0])}://..."
        self._say(_OPEN, where)

    def whole_inputs(self, head: RunInfo) -> set[str]:
        self._say(_WHOLE, head)
        known: set[str] = self._answer(_KNOWN)
        return known

    def begin(self, head: RunInfo) -> None:
        self._say(_BEGIN, head)

    def add(self, record: Record) -> None:
        if type(record) is Sighting:
            self._add_sighting(record)
        else:
            self._batch.append(record)
        if len(self._batch) >= WRITER_BATCH:
            self._hand_over()

    def update(self, session: SessionRecord) -> None:
        self.add(session)
        self.counters["sessions"] -= 1

    def flush(self) -> None:
        self._hand_over()
        self._say(_FLUSH, None)

    def add_input(self, name: str, **about: Any) -> None:  # noqa: ANN401 - columns
        self._hand_over()
        self._say(_INPUT, {"name": name, **about})

    def look(self) -> None:
        now = time.monotonic()
        if now < self._next_look and _FAILED not in self._answers:  # it is called with every slab
            return
        self._next_look = now + _LOOK
        self._push(0)
        self._hear(0)

    def close(self) -> None:
        self._hand_over()
        self._say(_CLOSE, _Closing(self.counters, self.read))
        self.counters = Counter(self._answer(_CLOSED))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _add_sighting(self, seen: Sighting) -> None:
        finding = seen.finding
        told = self._told.get(seen.id)
        news = None if told is finding or told == finding else finding
        if news is not None and len(self._told) >= MAX_FINDINGS:
            self._told.clear()
            self._hand_over()
            self._say(_FORGET, None)
        slim = _Seen(
            id=seen.id,
            ts=seen.ts,
            capture=seen.capture,
            frame=seen.frame,
            record=seen.record,
            session=seen.session,
            last_seen=seen.last_seen,
            rule=seen.rule,
            excerpt=seen.excerpt,
            finding=news,
        )
        self._batch.append(slim)
        if news is not None:
            self._told[seen.id] = news  # after it is in the batch: Ctrl-C between the two tells it twice, and not never

    def _hand_over(self) -> None:
        if self._batch:
            with _undisturbed():
                self._out.put(message(_RECORDS, self._batch))
                self._batch = []
            self._push(0)

    def _say(self, kind: int, value: object) -> None:
        with _undisturbed():
            self._out.put(message(kind, value))
        self._push(0)

    def _push(self, wait: float) -> None:
        """Give what the writer process takes; more than MAX_UNWRITTEN never stays."""
        while self._out:
            with _undisturbed():
                try:
                    self._out.flush(wait)
                except OSError:
                    self._hear(0)  # why: before it ended it may have said so
            if len(self._out) <= MAX_UNWRITTEN:
                return
            self._hear(0)
            wait = _WAIT

    def _answer(self, kind: int) -> Any:  # noqa: ANN401 - as _ANSWERS says
        while kind not in self._answers:
            self._push(_WAIT)
            self._hear(_WAIT)
        return self._answers.pop(kind)

    def _hear(self, wait: float) -> None:
        """What the writer process says, waiting for so many seconds. Raises StoreError where it failed or is gone."""
        if self._coming.poll(wait * 1000):
            with _undisturbed():
                self._listen()
        self.name = self._answers.pop(_OPENED, self.name)
        if _FAILED in self._answers:
            raise StoreError(self._answers[_FAILED])

    def _listen(self) -> None:
        try:
            data = self._socket.recv(PIECE)
        except ConnectionError:
            data = b""
        if data:
            self._answers.update(self._inbox.feed(data))
        else:
            self._gone()

    def _gone(self) -> None:
        code = self._ended()
        how = f"by signal {-code}, as where memory is short" if code < 0 else "by a fault of its own, please report it"
        remedy = "run again: what is stored already is counted once only"
        said = f"database {self.name}: the process that writes to it was ended {how}; {remedy}"
        self._answers.setdefault(_FAILED, said)

    def _ended(self) -> int:
        """How, as `subprocess` tells it. Waits for it."""
        if self._code is None:
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # where the system is told to wait for children itself
                self._code = 0
        return self._code


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits until the block is over: half a message can neither be taken back nor be finished."""
    if threading.current_thread() is not threading.main_thread():  # which alone is told of signals
        yield
        return
    asked: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *how: asked.append(how))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if asked and callable(before):
            before(*asked[0])


# --- the writer process -----------------------------------------------------------------------------------------------


def _run_writer_process(sock: socket.socket) -> NoReturn:
    """The life of the process. It ends when its book is closed, or when the analysing process is gone."""
    code = 1
    try:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the whole process group gets Ctrl-C
            signal.signal(one, signal.SIG_IGN)  # the other process says when to end
        os.nice(10)  # the other processor is that of the thread which reads ahead: what is found can wait a moment
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):  # who reads from a pipe waits until nobody holds it any more
            os.dup2(nothing, stream)
        with lasting():
            import imsniff.store.opening
            import imsniff.store.writer  # noqa: F401
        _write(sock)
        code = 0
    except BaseException:  # nothing of a writer process may go on in the code that forked it
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _write(sock: socket.socket) -> None:
    with LocalWriter() as book:
        orders = _Orders(book, sock)
        try:
            orders.obey()
        except StoreError as why:
            orders.answer(_FAILED, str(why))
            while _received(sock):  # until the other side has heard it
                pass


class _Orders:
    """What the analysing process asks for, done."""

    def __init__(self, book: RunWriter, sock: socket.socket) -> None:
        self._book = book
        self._socket = sock
        self._findings: dict[str, Finding] = {}
        """As they were last told, by id. Sightings share them: the writer knows a finding again by its identity."""
        self._begun = self._closed = False
        self._do: dict[int, Callable[[Any], None]] = {
            _OPEN: self._open,
            _WHOLE: lambda head: self.answer(_KNOWN, book.whole_inputs(head)),
            _BEGIN: self._begin,
            _RECORDS: self._records,
            _FORGET: lambda _: self._findings.clear(),
            _FLUSH: lambda _: book.flush(),
            _INPUT: lambda about: book.add_input(**about),
            _CLOSE: self._close,
        }

    def obey(self) -> None:
        """Until the book is closed or the other side is gone. Raises StoreError."""
        inbox = Inbox(decoders(_ORDERS))
        while not self._closed and (data := _received(self._socket)):
            for kind, value in inbox.feed(data):
                self._do[kind](value)
        if self._begun and not self._closed:  # broken off: what was handed over is written all the same
            self._book.flush()

    def answer(self, kind: int, value: object) -> None:
        with suppress(OSError):  # nobody is there any more: the next look for orders tells
            self._socket.sendall(message(kind, value))

    def _open(self, where: str) -> None:
        self._book.open(where)
        self.answer(_OPENED, self._book.name)

    def _begin(self, head: RunInfo) -> None:
        self._book.begin(head)
        self._begun = True

    def _records(self, records: list[Record]) -> None:
        for record in records:
            self._book.add(self._whole(record) if isinstance(record, _Seen) else record)

    def _whole(self, seen: _Seen) -> Sighting:
        if seen.finding is not None:
            self._findings[seen.id] = seen.finding
        return Sighting(
            id=seen.id,
            ts=seen.ts,
            capture=seen.capture,
            frame=seen.frame,
            finding=self._findings[seen.id],
            record=seen.record,
            session=seen.session,
            last_seen=seen.last_seen,
            rule=seen.rule,
            excerpt=seen.excerpt,
        )

    def _close(self, closing: _Closing) -> None:
        self._book.counters.update(closing.counters)
        self._book.read = closing.read
        self._book.close()
        self._closed = True
        self.answer(_CLOSED, self._book.counters)


def _received(sock: socket.socket) -> bytes:
    """Nothing where the other side is gone."""
    try:
        return sock.recv(PIECE)
    except OSError:
        return b""
