"""The writer's desk: records of all shards to the store, findings merged, packets to a file, lines to the reader.

Findings are told when they are first seen and, with their final count, at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from imsniff.base.events import Expect
from imsniff.base.limits import CHECKPOINT, LIVE_FLUSH
from imsniff.base.records import CoverageRecord, Record, SessionRecord, timestamp
from imsniff.capture.captured import CapturedPacket
from imsniff.capture.rotate import Rotating
from imsniff.detect import Aggregate, CrossFlowDetectors, Sighting
from imsniff.detect.changes import FindingChanges
from imsniff.live.counts import Blind, Blindness, Counts
from imsniff.store.errors import StoreError
from imsniff.store.writer import Writer

Show = Callable[[Any], None]
_NOTED = (
    *("packets", "received", "kernel_drops", "unread", "interface_drops", "ring_full", "gate_skips", "evicted"),
    *("queue_drops", "unheld"),
)
"""Counts that are stored with a run."""


class Collector:
    """A shard's receiver. Give it a writer before anything arrives."""

    def __init__(self, warn: Callable[[str], None], show: Show | None = None) -> None:
        """`show` is given every record to be printed, findings when they are new or have changed at the end."""
        self._warn = warn
        self._show = show
        self.writer: Writer | None = None
        self.files: Rotating | None = None
        self.found = Aggregate()
        self.across = CrossFlowDetectors()
        """Detectors with memory: the flows of all workers meet here."""
        self.blindness = Blindness()
        self.protocols: Counter[str] = Counter()
        self.failures = 0
        """What could not be stored or written: the run goes on, its end tells."""
        self._news = FindingChanges()
        self._flushed = self._noted = time.monotonic()
        self._known: set[str] = set()

    # --- what shards say ----------------------------------------------------------------------------------------------

    def record(self, record: Record) -> None:
        for one in self.across.take(record):
            self._take(one)

    def _take(self, record: Record) -> None:
        self._store(record)
        if isinstance(record, Sighting):
            merged = self.found.add(record)
            if merged is not None and self._news.first(merged) and self._show is not None:
                self._show(merged)
            return
        if isinstance(record, SessionRecord):
            self._count(record)
            self._known.discard(record.id)
        if self._show is not None and not isinstance(record, CoverageRecord):
            self._show(record)

    def session(self, session: SessionRecord) -> None:
        self._count(session)
        self._guarded(lambda writer: writer.update(session))

    def packet(self, packet: CapturedPacket) -> None:
        if self.files is None:
            return
        try:
            self.files.write(packet)
        except OSError as why:
            self._fail(f"the packets of sessions are no longer written: {why}")
            self.files = None

    def blind(self, span: Blind) -> None:
        if not self.blindness.spans:
            self._warn(
                f"{span.capture}: {span.lost:,} packets were lost since {timestamp(span.since)[:19]}Z; what was "
                "in them is not seen. More --workers or a larger --buffer may help"
            )
        self.blindness.add(span)

    def announced(self, expect: Expect, ts: int) -> None:
        """Of interest to other workers only."""

    def fault(self, text: str) -> None:
        self.failures += 1
        self._warn(text)

    # --- what the run says --------------------------------------------------------------------------------------------

    def tick(self, counts: dict[str, Counts]) -> None:
        """Let go of what waits, where it is time."""
        for seen in self.across.due(time.time_ns()):
            self._take(seen)
        now = time.monotonic()
        if now - self._flushed < LIVE_FLUSH:
            return
        self._flushed = now
        if self.files is not None:
            try:
                self.files.flush()
            except OSError as why:
                self._fail(f"the packets of sessions are no longer written: {why}")
                self.files = None
        self._guarded(lambda writer: writer.flush_waiting())
        if now - self._noted >= CHECKPOINT:
            self._noted = now
            self.note(counts)
            self._guarded(lambda writer: writer.checkpoint())

    def describe(self, options: dict[str, Any]) -> None:
        """The run goes on with other options."""
        self._guarded(lambda writer: writer.describe(options))

    def note(self, counts: dict[str, Counts]) -> None:
        """The counters of the run, as they are now."""
        if self.writer is None:
            return
        total = sum(counts.values(), Counts())
        for name in _NOTED:
            self.writer.counters[name] = getattr(total, name)
        self.writer.counters["errors"] = self.failures
        self.writer.read = bool(total.packets)
        self.writer.blind = [
            {
                "capture": span.capture,
                "since": timestamp(span.since),
                "until": timestamp(span.until),
                "lost": span.lost,
            }
            for span in self.blindness.spans
        ]

    def finish(self) -> None:
        """All workers ended: what the last observations show."""
        for seen in self.across.finish():
            self._take(seen)

    def last_words(self) -> None:
        """Findings whose count has grown since they were shown."""
        if self._show is not None:
            for finding in self._news.left(self.found.findings()):
                self._show(finding)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _count(self, session: SessionRecord) -> None:
        if session.id not in self._known:
            self._known.add(session.id)
            self.protocols[session.protocol] += 1

    def _store(self, record: Record) -> None:
        self._guarded(lambda writer: writer.add(record))

    def _guarded(self, do: Callable[[Writer], None]) -> None:
        """A store that fails must not blind the sensor."""
        if self.writer is None:
            return
        try:
            do(self.writer)
        except StoreError as why:
            self._fail(f"records could not be stored: {why}")

    def _fail(self, text: str) -> None:
        self.failures += 1
        self._warn(text)
