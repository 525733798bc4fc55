"""JSON Lines: contract 4.2, as `analyze --jsonl` prints it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from imsniff.base.records import Record, to_json


def write_jsonl(records: Iterable[Record], out: IO[bytes]) -> int:
    """How many lines were written. Raises OSError."""
    count = 0
    for record in records:
        out.write(to_json(record) + b"\n")
        count += 1
    return count
