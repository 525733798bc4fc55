"""Captures through the pipeline for `analyze`: here or in several processes, with the same records in the same order.

Every row of captures (see `capture.series`; mostly one capture) is a task of its own. Errors are told and remembered,
and the other captures go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imsniff.base.records import Record, SessionRecord
from imsniff.capture import series
from imsniff.capture.pcapfile import Idle
from imsniff.cli.capture_sequence import CaptureEnd, CaptureSequence, ReadItem, ReadProgress, SessionShare, read
from imsniff.cli.terminal import Progress, Reporter
from imsniff.detect import CrossFlowDetectors
from imsniff.live.output import OpenSession
from imsniff.pipeline import Options


class CaptureReader:
    """The reading of all inputs of a run."""

    def __init__(
        self,
        paths: list[Path],
        options: Options,
        *,
        jobs: int,
        strict: bool,
        voice: Reporter,
        progress: Progress,
        joined: bool = True,
        ended: Callable[[Path], None] = lambda _: None,
        packets_wanted: bool = False,
        idle: Idle | None = None,
        opened: Callable[[SessionRecord], None] = lambda _: None,
    ) -> None:
        """joined: whether captures that continue one another are read as one. ended: told of each capture whose
        records are all given out. packets_wanted: whether to remember the sessions. idle: called where a
        capture that is followed has no more for now. opened: told of its sessions, as they are before they end."""
        self._rows = series.rows(paths) if joined else [[path] for path in paths]
        for row in self._rows:
            if len(row) > 1:
                voice.detail(f"{row[0]} to {row[-1].name}: {len(row)} captures that may continue one another")
        self._options = options
        self._across = CrossFlowDetectors(options.policy, in_order=idle is not None)
        self._jobs = min(jobs, len(self._rows))
        self._strict = strict
        self._voice = voice
        self._progress = progress
        self._ended = ended
        self.packets = 0
        self.errors: dict[Path, str] = {}
        self._at_work: list[CaptureSequence] = []
        self._packets_wanted = packets_wanted
        self._idle = idle
        self._opened = opened
        self.sessions: list[SessionRecord] = []
        """Every session met, where its packets are wanted; one that goes over several captures, once for each."""
        self._spanning: set[str] = set()

    def records(self) -> Iterator[Record]:
        """All records, in the order of the inputs whatever the number of jobs."""
        take: dict[type, Callable[[Any], None]] = {
            CaptureEnd: self._end,
            ReadProgress: lambda step: self._progress(*step),
            OpenSession: lambda one: self._opened(one.session),
            SessionShare: self._span,
        }
        for told in self._spread() if self._jobs > 1 else self._here():
            for item in told:
                if isinstance(item, Record):
                    if self._packets_wanted and isinstance(item, SessionRecord) and item.id not in self._spanning:
                        self.sessions.append(item)
                    yield from self._across.take(item)
                else:
                    take[type(item)](item)
                    if self._strict and self.errors:
                        return
        yield from self._across.finish()

    def rest(self) -> Iterator[Record]:
        """After `records` was broken off: what is known of the sessions that were open."""
        for sequence in self._at_work:
            for item in sequence.finish():
                if isinstance(item, Record):
                    yield from self._across.take(item)
        self._at_work.clear()
        yield from self._across.finish()

    def _span(self, span: SessionShare) -> None:
        if self._packets_wanted:
            self.sessions.append(span.session)
            self._spanning.add(span.session.id)

    def _end(self, ended: CaptureEnd) -> None:
        self.packets += ended.packets
        if ended.error:
            self.errors[ended.path] = ended.error
            self._voice.error(ended.error)
            self._voice.detail(ended.detail)
        if ended.remark:
            self._voice.warn(ended.remark)
        self._ended(ended.path)

    def _here(self) -> Iterator[Iterator[ReadItem]]:
        for row in self._rows:
            self._at_work.clear()
            yield read(row, self._options, self._at_work, self._idle, ahead=_processors() > 1)

    def _spread(self) -> Iterator[Iterator[ReadItem]]:
        from imsniff.cli.parallel import spread  # what it imports takes time, and one process is enough mostly

        return spread(self._rows, self._options, self._jobs)


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
