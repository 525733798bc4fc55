"""SHA-256 of captures, made beside the analysis by a process of its own.

Not by a thread: hashing lets go of the interpreter and so does every scan for signatures, and each time one of the two
would wait for the other to give it back.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

_CHILD = """
import hashlib, sys
for line in sys.stdin:
    try:
        with open(bytes.fromhex(line), "rb") as file:
            print(hashlib.file_digest(file, "sha256").hexdigest(), flush=True)
    except OSError:
        print(flush=True)
"""
"""A file's name a line in hexadecimal in, its digest a line out, empty where it cannot be read."""


class Digests:
    """The digests of some files, in the order in which they are given."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files
        self._next = 0
        self._known: dict[Path, str] = {}
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        if not self._files:
            return self
        with TemporaryFile("w+", encoding="ascii") as names:  # a pipe could be full while the other one is
            names.writelines(f"{os.fsencode(file).hex()}\n" for file in self._files)
            names.seek(0)
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _CHILD],
                stdin=names,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()

    def of(self, file: Path) -> str | None:
        """Waits for it. None where it is not among the files, or cannot be read."""
        while file not in self._known and self._next < len(self._files):
            assert self._child is not None, "started where there are files"
            assert self._child.stdout is not None, "asked for"
            self._known[self._files[self._next]] = self._child.stdout.readline().strip()
            self._next += 1
        return self._known.get(file) or None
