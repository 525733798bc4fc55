"""Captures through the pipeline for `analyze`: here or in several processes, with the same records in the same order.

Every capture is a task of its own. Errors are told and remembered, and the other captures go on.
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec

from imsniff import records
from imsniff.capture.errors import CaptureError
from imsniff.capture.pcapfile import open_capture
from imsniff.cli.terminal import Progress, Voice
from imsniff.detect import Sighting
from imsniff.net.packet import LINKS
from imsniff.pipeline import Options, Sensor
from imsniff.records import Record, SessionRecord


class Ended(NamedTuple):
    """How the reading of one capture ended."""

    packets: int
    error: str = ""
    detail: str = ""
    """A traceback, where the fault is ours."""
    remark: str = ""
    """What was passed over although the capture was read whole."""


def read(path: Path, options: Options, progress: Progress, at_work: list[Sensor]) -> Iterator[Record | Ended]:
    """The records of one capture, and last how it ended. Raises nothing. at_work: holds the sensor as long as it has
    sessions that nobody was told of."""
    packets = 0
    try:
        with open_capture(path) as capture:
            sensor = Sensor(options, capture.name)
            at_work.append(sensor)
            error = ""
            links: set[int] = set()
            try:
                for batch in capture:
                    yield from sensor.read(batch)
                    links |= capture.links
                    progress(capture.name, capture.consumed, capture.total)
            except CaptureError as why:  # what came before is analysed all the same
                error = str(why)
            packets = capture.frames
            at_work.clear()
            yield from sensor.finish()
            unknown = links - LINKS.keys()
            if not error and packets and unknown and unknown == links:
                error = f"{capture.name}: nothing in it could be looked at: {_unknown(unknown)}"
                unknown = set()
            yield Ended(packets, error, remark=f"{capture.name}: {_unknown(unknown)}" if unknown else "")
    except CaptureError as why:
        yield Ended(packets, str(why))
    except OSError as why:
        yield Ended(packets, f"{path}: {why.strerror or why}")
    except Exception as why:  # a fault of ours in one capture must not cost the others
        yield Ended(packets, f"{path}: internal error, please report it: {why!r}", traceback.format_exc())


def _unknown(links: set[int]) -> str:
    """What is wrong with interfaces of these link types."""
    numbers = ", ".join(map(str, sorted(links)))
    remedy = "capture on the network interface itself, or rewrite the file with `editcap -T` if it is Ethernet"
    return f"link type {numbers} is not known to this program, its packets are passed over; {remedy}"


class Readings:
    """The reading of all inputs of a run."""

    def __init__(
        self, paths: list[Path], options: Options, *, jobs: int, strict: bool, voice: Voice, progress: Progress
    ) -> None:
        self._paths = paths
        self._options = options
        self._jobs = min(jobs, len(paths))
        self._strict = strict
        self._voice = voice
        self._progress = progress
        self.packets = 0
        self.errors: dict[Path, str] = {}
        self._at_work: list[Sensor] = []
        self.sessions: list[SessionRecord] = []
        """Every session met, for who wants its packets."""

    def records(self) -> Iterator[Record]:
        """All records, in the order of the inputs whatever the number of jobs."""
        for path, told in self._spread() if self._jobs > 1 else self._here():
            for item in told:
                if isinstance(item, Ended):
                    self._end(path, item)
                    continue
                if isinstance(item, SessionRecord):
                    self.sessions.append(item)
                yield item
            if self._strict and self.errors:
                return

    def rest(self) -> Iterator[Record]:
        """After `records` was broken off: what is known of the sessions that were open."""
        for sensor in self._at_work:
            yield from sensor.finish()
        self._at_work.clear()

    def _end(self, path: Path, ended: Ended) -> None:
        self.packets += ended.packets
        if ended.error:
            self.errors[path] = ended.error
            self._voice.error(ended.error)
            self._voice.detail(ended.detail)
        if ended.remark:
            self._voice.warn(ended.remark)

    def _here(self) -> Iterator[tuple[Path, Iterator[Record | Ended]]]:
        for path in self._paths:
            self._at_work.clear()
            yield path, read(path, self._options, self._progress, self._at_work)

    def _spread(self) -> Iterator[tuple[Path, Iterator[Record | Ended]]]:
        """Each process writes what it finds to a file: nobody holds the records of a large capture in memory."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="imsniff-")))
            # spawned, not forked: this process has threads
            pool = stack.enter_context(
                ProcessPoolExecutor(self._jobs, multiprocessing.get_context("spawn"), _begin, (self._options,))
            )
            stack.callback(pool.shutdown, cancel_futures=True)
            waiting: list[tuple[Path, Path, Future[Ended]]] = []
            for number, path in enumerate(self._paths):
                spool = folder / str(number)
                waiting.append((path, spool, pool.submit(_work, path, spool)))
            for path, spool, future in waiting:
                yield path, _spooled(spool, future)
                spool.unlink(missing_ok=True)


_options: Options | None = None
"""Of a worker process: sent once, not with every capture."""


def _begin(options: Options) -> None:
    global _options  # noqa: PLW0603 - a pool's initializer has no other way to leave something
    _options = options


def _work(path: Path, spool: Path) -> Ended:
    assert _options is not None, "a worker begins with its options"
    encoder = msgspec.msgpack.Encoder()
    ended = Ended(0)
    with spool.open("wb") as out:
        for item in read(path, _options, lambda *_: None, []):
            if isinstance(item, Ended):
                ended = item
            else:
                line = encoder.encode(item)
                out.write(len(line).to_bytes(4, "big") + line)
    return ended


_KINDS: Any = records.AnyRecord.__args__[:-1]  # findings come as sightings


def _spooled(spool: Path, future: Future[Ended]) -> Iterator[Record | Ended]:
    ended = future.result()
    union: Any = Sighting
    for kind in _KINDS:
        union = union | kind
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(union)
    with spool.open("rb") as lines:
        while size := lines.read(4):
            yield decoder.decode(lines.read(int.from_bytes(size, "big")))
    yield ended
