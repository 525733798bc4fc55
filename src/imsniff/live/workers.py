"""Workers: one process each with a shard of its own, and one bounded hand-over to the writer.

Also one worker alone is a process: a disk, or a reader of standard output, that takes its time does not keep it from
the packets. The kernel spreads flows over the workers (`ring.Fanout`). A worker says what it found over a socket; where
the writer does not keep up, records wait in the worker, at most MAX_HANDOVER bytes, and beyond that are dropped and
counted. Announced flows are told to the other workers, since the announced flow may come to any of them.
"""

from __future__ import annotations

import gc
import os
import pickle
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import msgspec

from imsniff.base.events import Expect
from imsniff.base.ipc import PIECE, Outgoing
from imsniff.base.limits import DRAIN, MAX_HANDOVER, TICK
from imsniff.base.records import Record, SessionRecord
from imsniff.capture.captured import CapturedPacket
from imsniff.capture.live import LiveSource
from imsniff.live import messages
from imsniff.live.counts import Blind, Counts
from imsniff.live.worker import Receiver, Shard
from imsniff.pipeline import Options, Sensor

_STOP, _RELOAD, _EXPECT = b"qox"
"""What the writer says to a worker."""
_COUNTS_EVERY = 0.2
_PATIENCE = DRAIN + 30.0
"""Seconds a worker may take to end."""


class Outbox:
    """A worker's side: what a shard gives, waiting for the writer."""

    def __init__(self, sock: socket.socket) -> None:
        self._out = Outgoing(sock)
        self.dropped = 0

    def record(self, record: Record) -> None:
        self._put(messages.RECORD, record)

    def session(self, session: SessionRecord) -> None:
        self._put(messages.SESSION, session)

    def packet(self, packet: CapturedPacket) -> None:
        self._put(messages.PACKET, packet)

    def blind(self, span: Blind) -> None:
        self._put(messages.BLIND, span)

    def announced(self, expect: Expect, ts: int) -> None:
        self._put(messages.ANNOUNCED, messages.Announced(expect, ts))

    def fault(self, text: str) -> None:
        self._put(messages.FAULT, text)

    def say(self, kind: int, value: object) -> None:
        """What is never dropped."""
        self._out.put(messages.message(kind, value))

    def _put(self, kind: int, value: object) -> None:
        if len(self._out) > MAX_HANDOVER:
            self.flush(0)
            if len(self._out) > MAX_HANDOVER:
                self.dropped += 1
                return
        self._out.put(messages.message(kind, value))

    def flush(self, wait: float) -> None:
        """Give what the writer takes, waiting at most so many seconds for it. Raises OSError where it is gone."""
        self._out.flush(wait)


class WorkerHandle:
    """The writer's side of one worker."""

    def __init__(self, number: int, pid: int, sock: socket.socket) -> None:
        self.number = number
        self.pid = pid
        self.socket = sock
        self.inbox = messages.inbox()
        self.counts: dict[str, Counts] = {}
        self.ended = False
        """Whether it said that it was done."""
        self.gone = False


class WorkerPool:
    """The same as a shard, seen from the writer, but in several processes."""

    def __init__(
        self, shares: Sequence[Sequence[LiveSource]], options: Options, receiver: Receiver, *, keep_packets: bool
    ) -> None:
        """`shares`: the sources of each worker. They are closed here once the workers have them."""
        Sensor(options, "").prepare()  # loaded and compiled once, so that workers are ready when they begin
        self._receiver = receiver
        self._workers: list[WorkerHandle] = []
        self._selector = selectors.DefaultSelector()
        for number, share in enumerate(shares):
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                ours.close()
                _be_worker(share, shares, [w.socket for w in self._workers], theirs, options, keep_packets)
            theirs.close()
            worker = WorkerHandle(number, pid, ours)
            self._workers.append(worker)
            self._selector.register(ours, selectors.EVENT_READ, worker)
        for share in shares:
            for source in share:
                source.close()

    @property
    def blind_for_good(self) -> bool:
        return all(worker.gone for worker in self._workers)

    def turn(self, wait: float) -> None:
        for key, _ in self._selector.select(wait):
            self._listen(key.data)

    def finish(self) -> None:
        self._tell(_STOP, None)
        until = time.monotonic() + _PATIENCE
        while not self.blind_for_good and time.monotonic() < until:
            self.turn(TICK)
        for worker in self._workers:
            if not worker.gone:
                self._receiver.fault(f"worker {worker.number} does not end: what it had is lost")
                os.kill(worker.pid, signal.SIGKILL)
                self._bury(worker)

    def reload(self, options: Options) -> None:
        self._tell(_RELOAD, options)

    def counts(self) -> dict[str, Counts]:
        total: dict[str, Counts] = {}
        for worker in self._workers:
            for capture, counts in worker.counts.items():
                total[capture] = total.get(capture, Counts()) + counts
        return total

    def close(self) -> None:
        for worker in self._workers:
            if not worker.gone:
                os.kill(worker.pid, signal.SIGKILL)
                self._bury(worker)
        self._selector.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _listen(self, worker: WorkerHandle) -> None:
        try:
            data = worker.socket.recv(PIECE)
        except OSError:
            data = b""
        if not data:
            if not worker.ended:
                self._receiver.fault(f"worker {worker.number} ended unasked: its flows are lost, the others go on")
            self._bury(worker)
            return
        try:
            for kind, value in worker.inbox.feed(data):
                self._take(worker, kind, value)
        except msgspec.DecodeError as why:
            self._receiver.fault(f"worker {worker.number} is not understood: {why}")
            os.kill(worker.pid, signal.SIGKILL)

    def _take(self, worker: WorkerHandle, kind: int, value: object) -> None:
        receiver = self._receiver
        match kind, value:
            case messages.SESSION, SessionRecord():
                receiver.session(value)
            case messages.RECORD, Record():
                receiver.record(value)
            case messages.PACKET, CapturedPacket():
                receiver.packet(value)
            case messages.BLIND, Blind():
                receiver.blind(value)
            case messages.FAULT, str():
                receiver.fault(value)
            case messages.ANNOUNCED, messages.Announced():
                self._tell(_EXPECT, value, but=worker)
            case messages.COUNTS, dict():
                worker.counts = value
            case messages.ENDED, _:
                worker.ended = True

    def _tell(self, kind: int, value: object, *, but: WorkerHandle | None = None) -> None:
        body = pickle.dumps(value)
        said = (len(body) + 1).to_bytes(4, "big") + bytes((kind,)) + body
        for worker in self._workers:
            if worker is not but and not worker.gone:
                with suppress(OSError):  # it died: its end of the socket will tell
                    worker.socket.sendall(said)

    def _bury(self, worker: WorkerHandle) -> None:
        worker.gone = True
        self._selector.unregister(worker.socket)
        worker.socket.close()
        with suppress(ChildProcessError):
            os.waitpid(worker.pid, 0)


def _be_worker(
    share: Sequence[LiveSource],
    shares: Sequence[Sequence[LiveSource]],
    others: list[socket.socket],
    sock: socket.socket,
    options: Options,
    keep_packets: bool,
) -> NoReturn:
    """The life of a worker process. It ends when it is told to, or when the writer is gone."""
    code = 1
    try:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(one, signal.SIG_IGN)  # the whole process group gets Ctrl-C: the writer says when to end
        for other in others:
            other.close()
        for strange in shares:
            if strange is not share:
                for source in strange:
                    source.close()
        _work(share, sock, options, keep_packets, len(shares) > 1)
        code = 0
    except BaseException:  # nothing of a worker may go on in the writer's code
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _work(
    share: Sequence[LiveSource], sock: socket.socket, options: Options, keep_packets: bool, one_of_several: bool
) -> None:
    outbox = Outbox(sock)
    shard = Shard(share, options, outbox, keep_packets=keep_packets, one_of_several=one_of_several)
    shard.wake_for(sock.fileno())
    gc.freeze()  # what is there now stays: a collection, which stops the reading, need not go through it
    orders = _Commands(sock)
    told = 0.0
    while not orders.stop:
        shard.turn(TICK)
        if time.monotonic() - told >= _COUNTS_EVERY:
            told = time.monotonic()
            outbox.say(messages.COUNTS, _with_drops(shard.counts(), outbox))
        outbox.flush(0)
        orders.obey(shard)
        if shard.blind_for_good:
            break
    shard.finish()
    outbox.say(messages.COUNTS, _with_drops(shard.counts(), outbox))
    outbox.say(messages.ENDED, None)
    outbox.flush(_PATIENCE)


def _with_drops(counts: dict[str, Counts], outbox: Outbox) -> dict[str, Counts]:
    first = next(iter(counts.values()), None)
    if first is not None:
        first.queue_drops = outbox.dropped
    return counts


class _Commands:
    """What the writer says."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._bytes = bytearray()
        self.stop = False

    def obey(self, shard: Shard) -> None:
        self._socket.settimeout(0)
        try:
            while data := self._socket.recv(PIECE):
                self._bytes += data
            self.stop = True  # the writer is gone
        except BlockingIOError:
            pass
        except OSError:
            self.stop = True
        waiting = self._bytes
        while len(waiting) >= 4 and len(waiting) - 4 >= (size := int.from_bytes(waiting[:4], "big")):
            kind, value = waiting[4], pickle.loads(waiting[5 : 4 + size])
            del waiting[: 4 + size]
            if kind == _STOP:
                self.stop = True
            elif kind == _RELOAD:
                shard.reload(value)
            else:
                shard.expect(*value)
