"""What a capture file format does for the reader: find record borders, so that a batch ends at one."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from imsniff.capture.batch import Walk


class Borders(NamedTuple):
    """What `slab[at:end]` holds whole."""

    stop: int
    """Behind the last whole record; `at` itself where none is whole yet."""
    frames: int
    walk: Walk
    """Walks `slab[at:stop]`."""
    fault: str = ""
    """Why the record at `stop` can never be read; empty where it is merely not there yet."""


class Framing(Protocol):
    """One capture file being read. Called with successive stretches of it, each once."""

    def borders(self, slab: bytearray, at: int, end: int) -> Borders:
        """Must get on or say `fault` once `slab[at:]` holds the largest record that the format allows."""
