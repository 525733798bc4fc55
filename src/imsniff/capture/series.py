"""Captures that continue one another: the files that dumpcap, tcpdump or `capture -w` make when they begin a new one.

Files are of one row when they stand in one folder, their names differ in numbers only, and each begins no earlier than
the one before. Whether a flow really goes on from one into the next is seen when the first of them was read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from imsniff.capture.errors import CaptureError
from imsniff.capture.pcapfile import open_capture
from imsniff.capture.source import STDIN

_NUMBERS = re.compile(r"[0-9]+")
_PEEK = 1 << 16
"""Bytes of a file that are read to find its first packet."""


def rows(paths: Iterable[Path]) -> list[list[Path]]:
    """The same files in the same order, those of one row together."""
    found: list[list[Path]] = []
    last: int | None = None
    for path in paths:
        time = None
        if found and _alike(found[-1][-1], path):
            if last is None:
                last = first_time(found[-1][-1])
            time = first_time(path)
            if last is not None and time is not None and time >= last:
                found[-1].append(path)
                last = time
                continue
        found.append([path])
        last = time
    return found


def first_time(path: Path) -> int | None:
    """When the first packet of a capture came, in nanoseconds since 1970; None where it has none that can be read."""
    try:
        with open_capture(path, slab_size=_PEEK) as capture:
            for batch in capture:
                for _, _, _, time, _ in batch.rows():
                    return time
    except (CaptureError, OSError):
        pass
    return None


def _alike(one: Path, other: Path) -> bool:
    if STDIN in (str(one), str(other)) or one.parent != other.parent or not other.is_file():
        return False
    return _NUMBERS.sub("#", one.name) == _NUMBERS.sub("#", other.name) and one.name != other.name
