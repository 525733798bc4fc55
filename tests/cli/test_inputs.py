"""What is kept of captures, and by what they are known again."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest

from imsniff.base.limits import MARK_BLOCK, MARK_PLACES, MAX_DIGEST
from imsniff.capture.mark import mark
from imsniff.cli.inputs import Inputs


def kept(db):
    with sqlite3.connect(db) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute("SELECT * FROM run_input ORDER BY run, position")]
    connection.close()
    return found


@pytest.mark.parametrize("size", [0, 1, MARK_BLOCK - 1, MARK_BLOCK, 40_000, MARK_BLOCK * MARK_PLACES, 3_000_001])
def test_a_mark_hangs_on_size_beginning_and_end(tmp_path, size):
    file = tmp_path / "a"
    file.write_bytes(bytes(size))
    marks = {mark(file)}
    file.write_bytes(bytes(size + 1))
    marks.add(mark(file))
    for place in (0, size - 1) if size else ():
        content = bytearray(size)
        content[place] = 1
        file.write_bytes(content)
        marks.add(mark(file))
    assert len(marks) == 2 + min(size, 2)


def test_a_small_file_is_covered_whole_and_a_large_one_read_in_places(tmp_path):
    file = tmp_path / "a"
    whole = MARK_BLOCK * MARK_PLACES
    for place in range(0, whole, MARK_BLOCK // 2):
        content = bytearray(whole)
        content[place] = 1
        file.write_bytes(content)
        seen = mark(file)
        file.write_bytes(bytes(whole))
        assert mark(file) != seen
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert len(mark(file)) == 64


def test_what_is_kept_of_a_file(tmp_path):
    file = tmp_path / "a.pcap"
    file.write_bytes(b"x" * 1000)
    assert Inputs([file]).about(file, "00") == {
        "name": str(file),
        "path": str(file),
        "size": 1000,
        "mark": mark(file),
        "sha256": "00",
    }


def test_of_what_is_no_file_its_name(tmp_path):
    inputs = Inputs([tmp_path, tmp_path / "-"])
    for path in (tmp_path, tmp_path / "-"):
        assert inputs.about(path, None) == {"name": str(path)}
        assert inputs.mark(path) is None


def test_a_file_that_grew_or_went_has_no_mark(tmp_path):
    grown, gone = tmp_path / "grown", tmp_path / "gone"
    for file in (grown, gone):
        file.write_bytes(b"x")
    inputs = Inputs([grown, gone])
    grown.write_bytes(b"xx")
    gone.unlink()
    for file in (grown, gone):
        assert inputs.about(file, "00") == {"name": str(file), "path": str(file)}


def test_large_files_are_digested_where_asked_for(tmp_path):
    small, large = tmp_path / "small", tmp_path / "large"
    for file, size in ((small, MAX_DIGEST), (large, MAX_DIGEST + 1)):
        with file.open("wb") as sparse:
            sparse.truncate(size)
    inputs = Inputs([small, large, tmp_path])
    assert inputs.digested([small, large, tmp_path], every=False) == [small]
    assert inputs.digested([small, large, tmp_path], every=True) == [small, large]


def test_digests_on_the_command_line(imsniff, capture, monkeypatch):
    file = capture()
    whole = hashlib.sha256(file.read_bytes()).hexdigest()
    imsniff("analyze", file, "--db", "a.db")
    monkeypatch.setattr("imsniff.cli.inputs.MAX_DIGEST", 10)
    imsniff("analyze", file, "--db", "a.db")
    imsniff("analyze", file, "--db", "a.db", "--digest")
    assert [one["sha256"] for one in kept("a.db")] == [whole, None, whole]
    assert {one["mark"] for one in kept("a.db")} == {mark(file)}
    imsniff("report", "--db", "a.db", "-o", "a.html")
    page = (file.parent / "a.html").read_text()
    assert whole in page
    assert f"mark</span> <code>{mark(file)}" in page


def test_a_capture_known_by_its_mark_is_left_out_whatever_its_name_and_size(imsniff, capture, monkeypatch):
    monkeypatch.setattr("imsniff.cli.inputs.MAX_DIGEST", 10)
    file = capture()
    imsniff("analyze", file, "--db", "a.db")
    again = file.rename(file.with_name("other.pcap"))
    assert "1 of 1 captures were read before" in imsniff("analyze", again, "--db", "a.db", "--resume").err
    again.write_bytes(again.read_bytes()[:-1] + b"x")
    assert "0 of 1 captures were read before" in imsniff("analyze", again, "--db", "a.db", "--resume").err
