"""What is kept of the captures of a run, so that each is known again: where it was, its size, its mark, its SHA-256."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from imsniff.base.limits import MAX_DIGEST
from imsniff.capture.mark import mark

_Stood = tuple[int, int]
"""Size in bytes, and when the file was last written to in nanoseconds since 1970."""


class Inputs:
    """The captures as they stood when the run began. Of one that was written to since, nobody knows how much was read:
    it has neither size nor mark nor digest, and a later run reads it again."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._stood = {path: stood for path in paths if (stood := _stands(path))}
        self._marks: dict[Path, str] = {}

    def mark(self, path: Path) -> str | None:
        """None of what is no file, or cannot be read."""
        if path in self._stood and path not in self._marks:
            with suppress(OSError):
                self._marks[path] = mark(path)
        return self._marks.get(path)

    def digested(self, paths: Iterable[Path], *, every: bool) -> list[Path]:
        """Those of `paths` whose whole SHA-256 is wanted: all files, or only those up to MAX_DIGEST."""
        return [path for path in paths if path in self._stood and (every or self._stood[path][0] <= MAX_DIGEST)]

    def about(self, path: Path, sha256: str | None) -> dict[str, Any]:
        """For the store, once the capture was read. `sha256` where there is one."""
        if path not in self._stood:
            return {"name": str(path)}
        where = {"name": str(path), "path": str(path.absolute())}
        made = self.mark(path)
        if not made or _stands(path) != self._stood[path]:
            return where
        return {**where, "size": self._stood[path][0], "mark": made, "sha256": sha256}


def _stands(path: Path) -> _Stood | None:
    """None of what is no file."""
    with suppress(OSError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            return found.st_size, found.st_mtime_ns
    return None
