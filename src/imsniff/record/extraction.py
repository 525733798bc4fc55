"""Files that went by, saved for who investigates them (`--extract DIR`): the only place that writes what others sent.

    <first 16 digits of its SHA-256>-<safe name>.seen      readable by its owner only, executable by nobody

A name holds letters, digits, dots, dashes and underscores, and begins with none of the last three. The ending keeps a
double click from opening it. A file that is there already is left alone: the same bytes have the same name.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from imsniff.base.events import Transfer
from imsniff.base.limits import MAX_EXTRACTED, MAX_EXTRACTED_FILES, MAX_EXTRACTED_NAME

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def safe_name(name: str) -> str:
    """What may be left of a name that somebody else chose; never a path, never hidden, never empty."""
    base = name.replace("\\", "/").rpartition("/")[2]
    stem = _UNSAFE.sub("_", base).strip("._-")
    return stem[-MAX_EXTRACTED_NAME:].lstrip("._-") or "unnamed"


class Extraction:
    """Saves files into one folder, which is made where it is missing; None: nobody asked for it. Raises OSError where
    the folder cannot be made."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.saved = 0
        self.keep = MAX_EXTRACTED if folder is not None else 0
        """Bytes of a file that dissectors keep for it."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def save(self, file: Transfer) -> Path | None:
        """The file's place; None where its bytes are not all there, where it is there already, where enough were saved,
        or where the folder takes no more."""
        if self._folder is None or not file.contents or not file.sha256 or self.saved >= MAX_EXTRACTED_FILES:
            return None
        place = self._folder / f"{file.sha256[:16]}-{safe_name(file.name)}.seen"
        try:
            opened = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError:
            return None
        with os.fdopen(opened, "wb") as out:
            out.write(file.contents)
        self.saved += 1
        return place
