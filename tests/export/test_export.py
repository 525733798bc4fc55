import csv
import io
import json

from tests.report.conftest import HOSTILE, hostile, stored  # noqa: F401 - fixtures

from imsniff.base.records import KINDS, from_json
from imsniff.export.as_csv import columns, write_csv
from imsniff.export.as_jsonl import write_jsonl
from imsniff.export.kinds import exported
from imsniff.store.opening import open_for_reading
from imsniff.store.query import EVERYTHING


def stream(where, kinds=KINDS, span=EVERYTHING):
    with open_for_reading(where) as store:
        yield from exported(store, kinds, span)


def test_every_line_is_a_record(hostile):  # noqa: F811
    out = io.BytesIO()
    count = write_jsonl(stream(hostile), out)
    lines = out.getvalue().splitlines()
    assert count == len(lines)
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert {"session", "login", "message", "exposure", "transfer", "finding"} == set(kinds)
    assert any(getattr(from_json(line), "account", None) == HOSTILE for line in lines)
    assert b"\x1b" not in out.getvalue()
    assert "\u202e".encode() not in out.getvalue()


def test_csv_has_the_columns_of_its_kinds_and_no_formula(hostile):  # noqa: F811
    out = io.BytesIO()
    count = write_csv(stream(hostile), KINDS, out)
    rows = list(csv.reader(io.StringIO(out.getvalue().decode())))
    assert rows[0] == columns(KINDS)
    assert len(rows) == count + 1
    assert all(len(row) == len(rows[0]) for row in rows)
    assert not any(cell.startswith(("=", "+", "-", "@")) or "\x1b" in cell for row in rows for cell in row)


def test_csv_of_one_kind():
    assert columns(["presence"]) == [
        "kind",
        "id",
        "ts",
        "capture",
        "frame",
        "session",
        "protocol",
        "account",
        "status",
        "note",
    ]
