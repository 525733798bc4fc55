"""Where results go: standard output, or a file that is whole or not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from imsniff.cli.exits import Exit, Failure


@contextmanager
def opened(output: Path | None) -> Iterator[IO[bytes]]:
    """`-` and None are standard output. A file is private, and takes its name only when it is complete."""
    if output is None or str(output) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    special = output.exists() and not output.is_file()  # /dev/stdout and its kind are written to, not replaced
    target = output if special else output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        flags = os.O_WRONLY if special else os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(target, flags, 0o600), "wb") as out:
            yield out
        if not special:
            target.replace(output)
    except OSError as why:
        raise Failure(f"{output}: cannot be written: {why.strerror or why}", Exit.USAGE) from None
    finally:
        if not special:
            with suppress(OSError):
                target.unlink()
