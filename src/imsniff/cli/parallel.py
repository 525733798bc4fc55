"""Rows of captures spread over several processes, with the same records in the same order as in one.

Each process writes what it finds to a file of its own: nobody holds the records of a large capture in memory.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from imsniff.base.ipc import encoded
from imsniff.base.records import AnyPlain, CoverageRecord
from imsniff.cli.capture_sequence import CaptureEnd, ReadItem, ReadProgress, SessionShare, read
from imsniff.detect import Observation, Sighting
from imsniff.pipeline import Options

_LOOK = 0.25
"""Seconds between two looks at how far the processes are."""


def spread(rows: Sequence[Sequence[Path]], options: Options, jobs: int) -> Iterator[Iterator[ReadItem]]:
    """What `sequence.read` tells of each row, `jobs` of them read at a time."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="imsniff-")))
        context = multiprocessing.get_context("spawn")  # not forked: this process has threads
        done: Any = context.RawArray("Q", len(rows))
        pool = stack.enter_context(ProcessPoolExecutor(jobs, context, _begin, (options, done)))
        stack.callback(pool.shutdown, cancel_futures=True)
        waiting: list[tuple[Path, Future[list[CaptureEnd]]]] = []
        for number, row in enumerate(rows):
            spool = folder / str(number)
            waiting.append((spool, pool.submit(_work, number, row, spool)))
        total = sum(path.stat().st_size for row in rows for path in row if path.is_file())
        for spool, future in waiting:
            yield chain(_awaited(future, done, total), _spooled(spool, future))
            spool.unlink(missing_ok=True)


def _awaited(future: Future[list[CaptureEnd]], done: Any, total: int) -> Iterator[ReadProgress]:  # noqa: ANN401 - an array of ctypes
    """How far all are, until this one is done."""
    while wait([future], _LOOK).not_done:
        yield ReadProgress("all captures", sum(done), total)


def _spooled(spool: Path, future: Future[list[CaptureEnd]]) -> Iterator[ReadItem]:
    """What a worker wrote."""
    ended = future.result()
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(
        Sighting | Observation | SessionShare | CoverageRecord | AnyPlain
    )
    with spool.open("rb") as lines:
        while size := lines.read(4):
            yield decoder.decode(lines.read(int.from_bytes(size, "big")))
    yield from ended


# --- in a worker process ----------------------------------------------------------------------------------------------

_options: Options | None = None
"""Sent once, not with every capture."""
_done: Any = None
"""Bytes read of each row, for all to see."""


def _begin(options: Options, done: Any) -> None:  # noqa: ANN401 - an array of ctypes
    global _options, _done
    _options, _done = options, done


def _work(number: int, row: Sequence[Path], spool: Path) -> list[CaptureEnd]:
    assert _options is not None, "a worker begins with its options"
    ended: list[CaptureEnd] = []
    read_so_far: dict[str, int] = {}
    with spool.open("wb") as out:
        for item in read(row, _options, []):
            if isinstance(item, CaptureEnd):
                ended.append(item)
            elif isinstance(item, ReadProgress):
                read_so_far[item.label] = item.done
                _done[number] = sum(read_so_far.values())
            else:
                line = encoded(item)
                out.write(len(line).to_bytes(4, "big") + line)
    return ended
