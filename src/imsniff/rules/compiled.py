"""Compiled Hyperscan databases, kept between runs where compiling took long.

A cache and nothing else: whatever is wrong with it, the database is compiled anew. The name of a file is the hash of
all that went into it, the library's version and the processor's kind included.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import platformdirs

from imsniff.base.limits import MAX_KEPT_DATABASES

if TYPE_CHECKING:
    from hyperscan import Database

WORTH_KEEPING_S = 0.005
"""Seconds of compiling from which a database is kept: to read one takes about 0.001."""


def directory() -> Path:
    return platformdirs.user_cache_path("imsniff", appauthor=False) / "hyperscan"


def database(
    expressions: list[bytes], flags: list[int], compile_: Callable[[], Database], library: ModuleType
) -> Database:
    """The compiled database from the cache, or from `compile_`, which may raise."""
    said = repr((expressions, flags, library.__version__, platform.machine(), _processor())).encode()
    path = directory() / f"{hashlib.sha256(said).hexdigest()[:32]}.hsdb"
    try:
        found: Database = library.loadb(_trusted(path), library.HS_MODE_BLOCK)
    except (OSError, library.error, ValueError):
        pass
    else:
        return found
    began = time.perf_counter()
    made = compile_()
    if time.perf_counter() - began > WORTH_KEEPING_S:
        with contextlib.suppress(OSError, library.error):
            _keep(path, library.dumpb(made))
    return made


def _trusted(path: Path) -> bytes:
    """The file's content, if nobody else could have written it: the library believes what it loads. Raises OSError."""
    if hasattr(os, "geteuid"):
        for place in (path.parent, path):
            about = place.stat()
            if about.st_uid != os.geteuid() or about.st_mode & 0o022:
                raise PermissionError(place)
    return path.read_bytes()


@cache
def _processor() -> str:
    """What kind of processor: a database compiled for another one is refused, or worse."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as about:
        for line in about:
            if line.startswith(("flags", "Features")):
                return hashlib.sha256(line.encode()).hexdigest()
    return platform.processor()


def _keep(path: Path, content: bytes) -> None:
    """Write by renaming, so that another process never reads half a database; the oldest ones go."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)
    kept = sorted(path.parent.glob("*.hsdb"), key=lambda file: file.stat().st_mtime, reverse=True)
    for old in kept[MAX_KEPT_DATABASES:]:
        old.unlink(missing_ok=True)
