"""CSV (RFC 4180): one table for all kinds asked for, with the columns of those kinds. Cells never are formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import IO

import msgspec

from imsniff.base import records as records
from imsniff.base.escape import cell
from imsniff.base.records import Record


def columns(kinds: Sequence[str]) -> list[str]:
    """`kind`, then the fields of each kind in order, each once."""
    named: dict[str, None] = {"kind": None}
    for kind in kinds:
        struct: type[Record] = getattr(records, f"{kind.capitalize()}Record")
        named.update(dict.fromkeys(field.name for field in msgspec.structs.fields(struct)))
    return list(named)


def write_csv(stream: Iterable[Record], kinds: Sequence[str], out: IO[bytes]) -> int:
    """How many rows were written, the header not counted. Raises OSError."""
    named = columns([kind for kind in records.KINDS if kind in kinds])
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(named)
    count = 0
    for record in stream:
        values = msgspec.to_builtins(record)
        writer.writerow([_text(values.get(name)) for name in named])
        count += 1
    text.detach()
    return count


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "; ".join(_text(item) for item in value)
    if isinstance(value, dict):  # a piece of evidence
        return cell(", ".join(f"{name} {item}" for name, item in value.items()))
    return cell(str(value))
