"""The packets that show a finding, from the captures where they were seen: as evidence, so only from unchanged ones.

A capture file is known by its SHA-256, or by its mark where it was too large for one (`capture.mark`). What a live
sensor saw is looked for in the files that it wrote (`capture -w`): by its time and the ends of its session, for those
files number their packets anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from imsniff.base.records import timestamp
from imsniff.capture.errors import CaptureError
from imsniff.capture.mark import mark
from imsniff.capture.pcapfile import open_capture, pick_frames
from imsniff.capture.rotate import written
from imsniff.capture.writer import PcapngWriter
from imsniff.net.decode import Decoder
from imsniff.net.segment import endpoint

if TYPE_CHECKING:
    from imsniff.store.findings import Shown
    from imsniff.store.query import Input, Run


class Whereabouts:
    """Where the captures of all runs were."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._inputs: dict[str, Input] = {}
        self._written: dict[str, list[Path]] = {}
        """By live capture, what `-w` named; under no name that of a run which goes on, whose captures are not known."""
        for run in runs:
            self._inputs.update({one.name: one for one in run.inputs})
            if target := run.options.get("write"):
                for name in [one.name for one in run.inputs] or [""]:
                    self._written.setdefault(name, []).append(Path(str(target)))

    def file(self, capture: str) -> Path | None:
        known = self._inputs.get(capture)
        places = [Path(known.path)] if known is not None and known.path else []
        return next((path for path in (*places, Path(capture)) if path.is_file()), None)

    def changed(self, capture: str, file: Path) -> bool:
        """Whether the file is another one than what was read."""
        known = self._inputs.get(capture)
        if known is None:
            return False
        if known.sha256:
            with file.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() != known.sha256
        return bool(known.mark) and mark(file) != known.mark

    def written(self, capture: str) -> list[Path]:
        """The files that a live sensor wrote of its packets."""
        targets = [*self._written.get(capture, ()), *self._written.get("", ())]
        return list(dict.fromkeys(file for target in targets for file in written(target)))


class Evidence:
    """Packets by the files that hold them. `warn` is told what is left out, and why."""

    def __init__(self, where: Whereabouts, shown: Iterable[Shown], warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._frames: list[tuple[Path, set[int]]] = []
        self._moments: list[tuple[list[Path], dict[str, set[frozenset[tuple[str, int]]]]]] = []
        by_capture: dict[str, list[Shown]] = {}
        for one in shown:
            by_capture.setdefault(one.capture, []).append(one)
        for capture, packets in by_capture.items():
            if (file := where.file(capture)) is not None:
                if where.changed(capture, file):
                    warn(f"{file}: is not the capture that was read (its digest differs); its packets are left out")
                else:
                    self._frames.append((file, {one.frame for one in packets}))
            elif files := where.written(capture):
                moments: dict[str, set[frozenset[tuple[str, int]]]] = {}
                for one in packets:
                    moments.setdefault(one.ts, set()).add(one.ends)
                self._moments.append((files, moments))
            else:
                warn(f"{capture}: the capture is not where it was; its packets are left out")

    @property
    def readable(self) -> bool:
        return bool(self._frames or self._moments)

    def write(self, stream: IO[bytes]) -> int:
        """How many packets. Raises OSError and CaptureError."""
        out, count = PcapngWriter(stream), 0
        for path, frames in self._frames:
            for _, ts, link, wire, packet in pick_frames(path, frames):
                out.write(ts, link, wire, packet)
                count += 1
        for files, moments in self._moments:
            for ts, link, wire, packet in self._of_moments(files, moments):
                out.write(ts, link, wire, packet)
                count += 1
        return count

    def _of_moments(
        self, files: Iterable[Path], moments: dict[str, set[frozenset[tuple[str, int]]]]
    ) -> Iterator[tuple[int, int, int, bytes]]:
        for file in files:
            try:
                with open_capture(file) as capture:
                    segments = Decoder().segments
                    for batch in capture:
                        for frame, (at, size, wire, ts, link) in enumerate(batch.rows(), batch.first_frame):
                            found = segments(batch.slab, frame, at, size, wire, ts, link)
                            wanted = moments.get(timestamp(ts), ())
                            ends = [frozenset((endpoint(one.source), endpoint(one.target))) for one in found]
                            if wanted and any(one in wanted for one in ends):
                                yield ts, link, wire, bytes(batch.slab[at : at + size])
            except CaptureError as why:
                self._warn(str(why))
