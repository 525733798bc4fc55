"""One shard of a live run: interfaces, a sensor for each, and what they lost. Runs here or in a worker process."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from imsniff.base.events import Expect
from imsniff.base.limits import DRAIN, RING_RETIRE_MS, TURN
from imsniff.base.records import Record, SessionRecord
from imsniff.capture.captured import CapturedPacket
from imsniff.capture.errors import CannotCapture
from imsniff.capture.live import LiveSource
from imsniff.live.counts import Blind, Counts
from imsniff.live.output import LiveOutput, OpenSession
from imsniff.live.sensor import LiveSensor
from imsniff.pipeline import Options

_Item = TypeVar("_Item")
_LOSSES_EVERY = 0.2
"""Seconds between two looks at what was lost."""


class Receiver(Protocol):
    """Where a shard's output goes."""

    def record(self, record: Record) -> None: ...
    def session(self, session: SessionRecord) -> None:
        """A session that goes on, as it is known now."""

    def packet(self, packet: CapturedPacket) -> None:
        """A packet of a session, for `-w`."""

    def blind(self, span: Blind) -> None: ...
    def announced(self, expect: Expect, ts: int) -> None:
        """A flow was announced that may come to another worker."""

    def fault(self, text: str) -> None:
        """Something to warn of."""


class _Interface:
    """One interface."""

    def __init__(self, source: LiveSource, sensor: LiveSensor, output: LiveOutput) -> None:
        self.source = source
        self.sensor = sensor
        self.output = output
        self.octets = 0
        self.lost = 0
        self.unread = 0
        self.checked = time.time_ns()
        self.gone = False


class Shard:
    def __init__(
        self,
        sources: Sequence[LiveSource],
        options: Options,
        receiver: Receiver,
        *,
        keep_packets: bool = False,
        one_of_several: bool = False,
    ) -> None:
        self._receiver = receiver
        self._lines: list[_Interface] = []
        self._poll = select.poll()
        for source in sources:
            output = LiveOutput(keep_packets=keep_packets, one_of_several=one_of_several)
            sensor = LiveSensor(options, source.capture, output)
            sensor.coverage.part = time.time_ns() // 1_000_000 * 1_000_000 + os.getpid() % 1_000_000
            sensor.prepare()
            self._lines.append(_Interface(source, sensor, output))
            self._poll.register(source.fileno(), select.POLLIN)
        self._looked = 0.0

    @property
    def blind_for_good(self) -> bool:
        """Whether all interfaces are gone."""
        return all(line.gone for line in self._lines)

    def wake_for(self, descriptor: int) -> None:
        """DelayedFlow ends when this becomes readable, too."""
        self._poll.register(descriptor, select.POLLIN)

    def turn(self, wait: float) -> None:
        """Waits for packets, at most `wait` seconds, and works through those that are there."""
        self._poll.poll(wait * 1000)
        for line in self._lines:
            if not line.gone:
                self._read(line)
        if time.monotonic() - self._looked >= _LOSSES_EVERY:
            self._looked = time.monotonic()
            for line in self._lines:
                self._losses(line)

    def finish(self) -> None:
        """No more packets are let in; the last are read, and what is open is closed."""
        for line in self._lines:
            line.source.stop()
        until = time.monotonic() + DRAIN
        rest = [line for line in self._lines if not line.gone]
        quiet_since = time.monotonic()
        while rest and time.monotonic() < until:
            before = sum(line.source.frames for line in rest)
            self._poll.poll(RING_RETIRE_MS / 2)
            for line in rest:
                self._read(line)
            if sum(line.source.frames for line in rest) != before:
                quiet_since = time.monotonic()
            rest = [line for line in rest if not line.gone and not self._drained(line)]
            if time.monotonic() - quiet_since > 4 * RING_RETIRE_MS / 1000:
                break
        for line in self._lines:
            self._leave(line)
            self._losses(line)
            self._hand_over(line, line.sensor.finish())

    def reload(self, options: Options) -> None:
        for line in self._lines:
            line.sensor.reload(options)
            line.sensor.prepare()

    def expect(self, expect: Expect, ts: int) -> None:
        for line in self._lines:
            line.sensor.expect(expect, ts)

    def counts(self) -> dict[str, Counts]:
        """By interface."""
        return {line.source.capture: _counts(line) for line in self._lines}

    def close(self) -> None:
        for line in self._lines:
            line.source.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _read(self, line: _Interface) -> None:
        until = time.monotonic() + TURN / len(self._lines)
        try:
            while True:
                batch = line.source.take()
                if batch is None:  # all is read, however little of it came up through the gate
                    self._hand_over(line, line.sensor.tick(time.time_ns()))
                    return
                line.octets += batch.end - batch.start
                self._hand_over(line, line.sensor.read(batch))
                if time.monotonic() >= until:
                    return
        except CannotCapture as why:
            line.gone = True
            self._poll.unregister(line.source.fileno())
            self._receiver.fault(str(why))

    def _hand_over(self, line: _Interface, records: Iterator[Record]) -> None:
        receiver, output = self._receiver, line.output
        for one in output.among(records):
            if isinstance(one, OpenSession):
                receiver.session(one.session)
            else:
                receiver.record(one)
        _emptied(output.packets, receiver.packet)
        _emptied(output.announced, lambda one: receiver.announced(*one))

    def _losses(self, line: _Interface) -> None:
        now, lost = time.time_ns(), _counts(line).lost
        if lost > line.lost:
            span = Blind(capture=line.source.capture, since=line.checked, until=now, lost=lost - line.lost)
            self._receiver.blind(span)
        line.lost, line.checked = lost, now

    @staticmethod
    def _leave(line: _Interface) -> None:
        """What there was no time for is lost: it is counted, and nothing else."""
        with suppress(CannotCapture):
            batch = line.source.take()
            read = line.source.frames
            while batch is not None:
                batch = line.source.take()
            line.unread = line.source.frames - read
        if line.unread:
            line.checked = min(line.checked, line.sensor.flows.now)

    @staticmethod
    def _drained(line: _Interface) -> bool:
        lost = line.source.losses()
        return line.source.frames >= lost.received - lost.dropped


def _emptied(waiting: list[_Item], give: Callable[[_Item], None]) -> None:
    for one in waiting:
        give(one)
    waiting.clear()


def _counts(line: _Interface) -> Counts:
    lost, sensor = line.source.losses(), line.sensor
    return Counts(
        received=lost.received,
        packets=line.source.frames - line.unread,
        kernel_drops=lost.dropped,
        unread=line.unread,
        ring_full=lost.frozen,
        interface_drops=lost.interface,
        octets=line.octets,
        gate_skips=sensor.gate.skipped,
        sessions=sensor.identified,
        flows=len(sensor.flows),
        evicted=sensor.flows.evicted,
        unheld=line.output.missing,
    )
