"""From what the command line names to a list of capture files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from imsniff.capture.pcap import recognise
from imsniff.capture.pcapng import MAGIC
from imsniff.capture.source import STDIN, Broken, open_source

Note = Callable[[str], None]


def expand(paths: Iterable[str | Path], note: Note = lambda _: None) -> list[Path]:
    """Directories become the captures below them, sorted; what is not a capture there is passed over with a `note`.

    Files that are named stay in the list whatever they are, so that opening them says what is wrong. Nothing comes
    twice. `Path("-")` is stdin."""
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if str(path) != STDIN and path.is_dir():
            found.update(dict.fromkeys(_captures_below(path, note)))
        else:
            found[path] = None
    return list(found)


def _captures_below(top: Path, note: Note) -> Iterator[Path]:
    def unreadable(why: OSError) -> None:
        note(f"{why.filename}: cannot be listed: {why.strerror}")

    for folder, inner, names in os.walk(top, onerror=unreadable):
        inner.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if not path.is_file():  # a pipe or a device would be waited for
                note(f"{path}: passed over, not a file")
            elif reason := _no_capture(path):
                note(f"{path}: passed over, {reason}")
            else:
                yield path


def _no_capture(path: Path) -> str:
    """Why this file is none; empty where its first bytes are a capture's."""
    try:
        source = open_source(path)
    except OSError as why:
        return f"cannot be opened: {why.strerror}"
    head = bytearray(4)
    try:
        with memoryview(head) as view:
            size = 0
            while size < 4 and (more := source.read_into(view[size:])):
                size += more
    except Broken as why:
        return str(why)
    finally:
        source.close()
    return "" if head == MAGIC or recognise(head, size) else "not a capture" if size else "empty"
