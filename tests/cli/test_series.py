"""Many files: rotated captures whose flows go on, interrupted work that is taken up again."""

from __future__ import annotations

import json
import sqlite3

import pytest
from tests.cli.conftest import conversation, pcap

from imsniff.capture.series import first_time, rows
from imsniff.cli import capture_sequence

START = 1_790_000_000


@pytest.fixture
def rotated(tmp_path):
    """A conversation over several files, in a folder; the packets are a second apart."""

    def make(cuts, *, folder="rotated", gap=0, start=START, name="span_{:05}.pcap", **how):
        where = tmp_path / folder
        where.mkdir(exist_ok=True)
        packets = conversation(**how)
        for number, (first, behind) in enumerate(zip((0, *cuts), (*cuts, len(packets)), strict=True)):
            begins = start + first + number * gap
            (where / name.format(number)).write_bytes(pcap(packets[first:behind], begins))
        return where

    return make


TEXTS = (b"one", b"two", b"three", b"four", b"five")


def records(ran):
    return [json.loads(line) for line in ran.lines]


def placeless(record):
    """Without what says in which file and where."""
    left = {k: v for k, v in record.items() if k not in ("capture", "frame", "first_frame", "last_frame", "evidence")}
    return json.dumps(left, sort_keys=True)


@pytest.mark.parametrize("cuts", [(1,), (3,), (4, 6), (1, 2, 3, 4, 5, 6, 7)])
def test_a_session_goes_on_in_the_next_file(imsniff, rotated, capture, cuts):
    whole = records(imsniff("analyze", capture("whole.pcap", texts=TEXTS), "--db", "a.db", "--jsonl"))
    parts = imsniff("analyze", rotated(cuts, texts=TEXTS), "--db", "b.db", "--jsonl")
    assert parts.code == 0
    split = records(parts)
    assert list(map(placeless, split)) == list(map(placeless, whole))
    begins = (0, *cuts)
    for there, here in zip(whole, split, strict=True):
        index = int(here["capture"].rpartition("_")[2][:5])
        assert here["frame"] == there["frame"] - begins[index] > 0
        for one, other in zip(there.get("evidence", ()), here.get("evidence", ()), strict=True):
            index = int(other["capture"].rpartition("_")[2][:5])
            assert other["frame"] == one["frame"] - begins[index] > 0
    (session,) = [r for r in split if r["kind"] == "session"]
    assert session["capture"].endswith("span_00000.pcap")
    assert session["last_frame"] == len(conversation(texts=TEXTS)) - begins[-1]


def test_the_number_of_jobs_changes_nothing(imsniff, rotated):
    for number in range(3):
        rotated((3, 5), folder=f"all/{number}" if number else "all", texts=TEXTS, start=START + number * 5000)
    one = imsniff("analyze", "all", "--db", "a.db", "--jsonl")
    assert one.out == imsniff("analyze", "all", "--db", "b.db", "--jsonl", "--jobs", 3).out
    assert len([r for r in records(one) if r["kind"] == "session"]) == 3


def test_files_far_apart_or_asked_to_be_separate_are_not_joined(imsniff, rotated):
    far = rotated((4,), folder="far", texts=TEXTS, gap=3600)
    assert len([r for r in records(imsniff("analyze", far, "--db", "a.db", "--jsonl")) if r["kind"] == "session"]) == 2
    near = rotated((4,), folder="near", texts=TEXTS)
    for extra, count in (((), 1), (("--separate",), 2)):
        found = records(imsniff("analyze", near, "--db", f"{count}.db", "--jsonl", *extra))
        assert len([r for r in found if r["kind"] == "session"]) == count


def test_a_cut_file_ends_a_stretch(imsniff, rotated):
    folder = rotated((6,), texts=TEXTS)
    first = folder / "span_00000.pcap"
    first.write_bytes(first.read_bytes()[:-10])
    ran = imsniff("analyze", folder, "--db", "a.db", "--jsonl")
    assert ran.code == 3
    assert len([r for r in records(ran) if r["kind"] == "session"]) == 2
    assert imsniff("analyze", folder, "--db", "b.db", "--strict", "--jsonl").code == 3


def test_packets_of_a_session_are_written_from_all_its_files(imsniff, rotated):
    folder = rotated((2, 4, 6), texts=TEXTS)
    for jobs in (1, 2):
        (folder / "other.pcap").write_bytes(pcap(conversation(port=5999), START + 9000))
        ran = imsniff("analyze", folder, "--db", f"{jobs}.db", "-w", f"{jobs}.pcapng", "--jobs", jobs)
        assert "17 packets of messaging sessions written" in ran.err


def test_rows(rotated, tmp_path):
    folder = rotated((2, 4))
    files = sorted(folder.iterdir())
    other = tmp_path / "b_1.pcap"
    other.write_bytes(pcap([]))
    assert rows([*files, other, *reversed(files)]) == [files, [other], *([file] for file in reversed(files))]
    assert first_time(files[1]) == (START + 2) * 10**9
    assert first_time(other) is None
    assert first_time(tmp_path / "none.pcap") is None


def inputs(db):
    with sqlite3.connect(db) as connection:
        found = connection.execute("SELECT run, name, error FROM run_input ORDER BY run, position").fetchall()
    connection.close()
    return found


def test_interrupted_work_goes_on_where_it_stopped(imsniff, capture, monkeypatch):

    files = [
        capture(f"{letter}.pcap", sender=letter.encode(), start=START + n * 9000) for n, letter in enumerate("abc")
    ]
    real = capture_sequence._one

    def interrupted(path, *rest):
        if path.name == "b.pcap":
            raise KeyboardInterrupt
        return real(path, *rest)

    monkeypatch.setattr(capture_sequence, "_one", interrupted)
    assert imsniff("analyze", *files, "--db", "a.db").code == 130
    assert [bool(error) for _, _, error in inputs("a.db")] == [False, True, True]
    monkeypatch.setattr(capture_sequence, "_one", real)
    ran = imsniff("-v", "analyze", *files, "--db", "a.db", "--resume")
    assert ran.code == 0
    assert "a.pcap: was read before, left out" in ran.err
    assert "1 of 3 captures were read before and are left out" in ran.err
    assert [name.rpartition("/")[2] for run, name, _ in inputs("a.db") if run == 2] == ["b.pcap", "c.pcap"]
    imsniff("analyze", *files, "--db", "b.db")
    assert sorted(imsniff("export", "--db", "a.db").lines) == sorted(imsniff("export", "--db", "b.db").lines)
    again = imsniff("analyze", *files, "--db", "a.db", "--resume")
    assert (again.code, "3 of 3 captures" in again.err) == (0, True)
    assert "0 of 3 captures" in imsniff("analyze", *files, "--db", "a.db", "--resume", "--content", "all").err
    assert imsniff("analyze", *files, "--resume", "-w", "x.pcapng").code == 2


def test_another_policy_is_another_run(imsniff, capture, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text("version = 1\n")
    call = ("analyze", capture(), "--db", "a.db", "--policy", policy, "--resume")
    assert "0 of 1" in imsniff(*call).err
    assert "1 of 1" in imsniff(*call).err
    policy.write_text('version = 1\n[severity]\nrogue-im = "high"\n')
    assert "0 of 1" in imsniff(*call).err
