"""Captures through the pipeline for `analyze`: one after the other, errors told and remembered, the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imsniff.capture.errors import CaptureError
from imsniff.capture.pcapfile import open_capture
from imsniff.cli.terminal import Progress, Voice
from imsniff.pipeline import Options, Sensor
from imsniff.records import Record, SessionRecord


class Readings:
    """The reading of all inputs of a run."""

    def __init__(
        self, paths: list[Path], options: Options, *, jobs: int, strict: bool, voice: Voice, progress: Progress
    ) -> None:
        self._paths = paths
        self._options = options
        self._jobs = jobs
        self._strict = strict
        self._voice = voice
        self._progress = progress
        self.packets = 0
        self.errors: dict[Path, str] = {}
        self.sessions: list[SessionRecord] = []

    def records(self) -> Iterator[Record]:
        """All records, in the order of the inputs."""
        for path in self._paths:
            for record in self._read(path):
                if isinstance(record, SessionRecord):
                    self.sessions.append(record)
                yield record
            if self._strict and self.errors:
                return

    def _read(self, path: Path) -> Iterator[Record]:
        try:
            capture = open_capture(path)
        except (CaptureError, OSError) as why:
            self._failed(path, why)
            return
        with capture:
            sensor = Sensor(self._options, capture.name)
            try:
                for batch in capture:
                    yield from sensor.read(batch)
                    self._progress(capture.name, capture.consumed, capture.total)
            except CaptureError as why:
                self._failed(path, why)
            yield from sensor.finish()
            self.packets += capture.frames

    def _failed(self, path: Path, why: CaptureError | OSError) -> None:
        text = f"{path}: {why.strerror}" if isinstance(why, OSError) else str(why)
        self.errors[path] = text
        self._voice.error(text)
