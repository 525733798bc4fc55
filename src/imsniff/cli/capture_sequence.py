"""A row of captures through the pipeline: flows that go on from one file into the next are one session.

One sensor reads captures that follow each other closely in packet time, as if they were one. Inside, packets are
numbered through; what comes out names each capture and the packet's number there."""

from __future__ import annotations

import time
import traceback
from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from imsniff.base.limits import CONTINUES_NS, LATE_NS
from imsniff.base.records import Record, SessionRecord
from imsniff.capture.batch import Batch
from imsniff.capture.errors import CaptureError
from imsniff.capture.pcapfile import Capture, Idle, open_capture
from imsniff.capture.series import first_time
from imsniff.live.output import LiveOutput, OpenSession
from imsniff.live.sensor import LiveSensor
from imsniff.net.packet import LINKS
from imsniff.pipeline import Options, Sensor


class CaptureEnd(NamedTuple):
    """How the reading of one capture ended."""

    path: Path
    packets: int
    error: str = ""
    detail: str = ""
    """A traceback, where the fault is ours."""
    remark: str = ""
    """What was passed over although the capture was read whole."""


class ReadProgress(NamedTuple):
    """How far the reading of one capture is: bytes of it."""

    label: str
    done: int
    total: int | None


class SessionShare(NamedTuple):
    """A session that goes over several captures: its share of one of them. Comes before the session itself."""

    session: SessionRecord


ReadItem = Record | SessionShare | OpenSession | ReadProgress | CaptureEnd


class CaptureSequence:
    """One sensor, and the captures it has read so far."""

    def __init__(self, options: Options, *, growing: bool = False, ahead: bool = False) -> None:
        """`growing`: it reads one capture that is still being written, and tells of sessions before they end. `ahead`:
        there is a processor to read and sift the next batch meanwhile."""
        self._options = options
        self._ahead = ahead
        self._aside = LiveOutput() if growing else None
        self._quiet_since = time.monotonic()
        self._sensor: Sensor | None = None
        self._names: list[str] = []
        self._before: list[int] = []
        """How many packets the captures before each had."""
        self._frames = 0

    def begin(self, name: str) -> None:
        """The next capture."""
        if self._sensor is None:
            self._sensor = LiveSensor(self._options, name, self._aside) if self._aside else Sensor(self._options, name)
        self._names.append(name)
        self._before.append(self._frames)

    def batches(self, capture: Capture) -> Generator[Batch]:
        """Of the capture that has begun. Raises CaptureCut."""
        assert self._sensor is not None, "a capture has begun"
        read_ahead = self._sensor.gate.read_ahead(capture.walk) if self._ahead and capture.file is not None else None
        if read_ahead is None:
            yield from capture
        else:
            with read_ahead as at_work:
                yield from capture.ahead(at_work)

    def read(self, batch: Batch) -> Iterable[Record | SessionShare | OpenSession]:
        assert self._sensor is not None, "a capture has begun"
        if self._aside is not None:
            return self._growing(self._sensor, self._aside, batch)
        batch.first_frame += self._before[-1]
        records = self._sensor.read(batch)
        return records if len(self._names) == 1 else self._placed(records)

    def end(self, packets: int) -> None:
        """The capture was read."""
        self._frames += packets

    def goes_on_in(self, path: Path) -> bool:
        """Whether that capture begins where this one is now."""
        if self._sensor is None or not self._sensor.gate.frames:
            return False
        begins = first_time(path)
        return begins is not None and -LATE_NS <= begins - self._sensor.gate.last_ts <= CONTINUES_NS

    def finish(self) -> Iterator[Record | SessionShare]:
        if self._sensor is not None:
            records = self._sensor.finish()
            yield from records if len(self._names) == 1 else self._placed(records)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _growing(self, sensor: Sensor, output: LiveOutput, batch: Batch) -> Iterator[Record | OpenSession]:
        """As a live link is read. Where nothing comes, packet time goes on as the clock does."""
        before, now = sensor.gate.frames, time.monotonic()
        yield from output.among(sensor.read(batch))
        if sensor.gate.frames != before:
            self._quiet_since = now
        elif before:
            quiet = int((now - self._quiet_since) * 1_000_000_000)
            yield from output.among(sensor.tick(sensor.gate.last_ts + quiet))
        output.announced.clear()  # there is no other sensor

    def _placed(self, records: Iterable[Record]) -> Iterator[Record | SessionShare]:
        """Each in its own capture, where there are several."""
        for record in records:
            if isinstance(record, SessionRecord):
                yield from self._session(record)
            else:
                yield self._elsewhere(record)

    def _index(self, frame: int) -> int:
        """Of the capture that has this packet."""
        return max(bisect_right(self._before, frame - 1) - 1, 0)

    def _elsewhere(self, record: Record) -> Record:
        """A copy: the sensor goes on with its own."""
        index = self._index(record.frame)
        name, before = self._names[index], self._before[index]
        return replace(record, capture=name, frame=record.frame - before)

    def _session(self, session: SessionRecord) -> Iterator[Record | SessionShare]:
        """`first_frame` is a number in the capture where it begins, `last_frame` in the one where it ends."""
        first, last = self._index(session.first_frame), self._index(session.last_frame)
        begins, ends = session.first_frame - self._before[first], session.last_frame - self._before[last]
        if first != last:
            behind = [*self._before[1:], self._frames]
            for index in range(first, last + 1):
                share = replace(
                    session,
                    capture=self._names[index],
                    first_frame=begins if index == first else 1,
                    last_frame=ends if index == last else behind[index] - self._before[index],
                )
                yield SessionShare(share)
        yield replace(session, capture=self._names[first], frame=begins, first_frame=begins, last_frame=ends)


def read(
    row: Sequence[Path],
    options: Options,
    at_work: list[CaptureSequence],
    idle: Idle | None = None,
    *,
    ahead: bool = False,
) -> Iterator[ReadItem]:
    """The records of a row of captures; behind those of each sequence, how its captures ended. Raises nothing.

    With `ahead` another thread goes before, where it can. With `idle` the captures may still grow, see `open_capture`.
    `at_work` holds the sequence as long as it has sessions that nobody was told of."""
    ended: list[CaptureEnd] = []
    for path in row:
        if at_work and (ended[-1].error or not at_work[-1].goes_on_in(path)):
            yield from _over(at_work, ended)
        if not at_work:
            at_work.append(CaptureSequence(options, growing=idle is not None, ahead=ahead))
        try:
            end = yield from _one(path, at_work[-1], idle)
        except Exception as why:  # a fault of ours in one capture must not cost the others
            end = CaptureEnd(path, 0, f"{path}: internal error, please report it: {why!r}", traceback.format_exc())
        ended.append(end)
    yield from _over(at_work, ended)


def _over(at_work: list[CaptureSequence], ended: list[CaptureEnd]) -> Iterator[ReadItem]:
    sequence = at_work.pop()
    try:
        yield from sequence.finish()
    except Exception as why:
        last = ended[-1]
        error = f"{last.path}: internal error, please report it: {why!r}"
        ended[-1] = last if last.error else last._replace(error=error, detail=traceback.format_exc())
    yield from ended
    ended.clear()


def _one(
    path: Path, sequence: CaptureSequence, idle: Idle | None
) -> Generator[Record | SessionShare | OpenSession | ReadProgress, None, CaptureEnd]:
    packets = 0
    try:
        with open_capture(path, follow=idle is not None, idle=idle) as capture:
            sequence.begin(capture.name)
            error = ""
            try:
                with closing(sequence.batches(capture)) as batches:
                    for batch in batches:
                        yield from sequence.read(batch)
                        yield ReadProgress(capture.name, capture.consumed, capture.total)
            except CaptureError as why:  # what came before is analysed all the same
                error = str(why)
            packets = capture.frames
            sequence.end(packets)
            unknown = capture.links - LINKS.keys()
            if not error and packets and unknown and unknown == capture.links:
                error = f"{capture.name}: nothing in it could be looked at: {_unknown(unknown)}"
                unknown = set()
            return CaptureEnd(path, packets, error, remark=f"{capture.name}: {_unknown(unknown)}" if unknown else "")
    except CaptureError as why:
        return CaptureEnd(path, packets, str(why))
    except OSError as why:
        return CaptureEnd(path, packets, f"{path}: {why.strerror or why}")


def _unknown(links: set[int]) -> str:
    """What is wrong with interfaces of these link types."""
    numbers = ", ".join(map(str, sorted(links)))
    remedy = "capture on the network interface itself, or rewrite the file with `editcap -T` if it is Ethernet"
    return f"link type {numbers} is not known to this program, its packets are passed over; {remedy}"
