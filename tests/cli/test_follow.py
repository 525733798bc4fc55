"""A capture is read while another program still writes it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from tests.cli.conftest import ROOT, conversation, pcap

from imsniff.cli.follow import Following

TEXTS = [b"%d" % number for number in range(50)]
WRITTEN = pcap(conversation(texts=TEXTS))
HALF = len(WRITTEN) // 2 + 5
"""Inside a record."""


@pytest.fixture
def followed(tmp_path):
    """A capture half written, and who follows it."""
    (tmp_path / "today.pcap").write_bytes(WRITTEN[:HALF])
    call = ["analyze", "--follow", "today.pcap", "--db", "a.db", "--content", "all", "--jsonl"]
    with (
        (tmp_path / "told").open("wb") as told,
        subprocess.Popen(
            [sys.executable, "-m", "imsniff", *call],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        ) as running,
    ):
        yield running
        running.kill()


def waits(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def stored(tmp_path, what="text FROM message"):
    with closing(sqlite3.connect(tmp_path / "a.db")) as db:
        try:
            return {value for (value,) in db.execute(f"SELECT {what}")}
        except sqlite3.OperationalError:  # no table yet
            return set()


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_what_is_written_later_is_told_and_stored_while_it_grows(followed, tmp_path, asked):
    told = tmp_path / "told"
    waits(lambda: b'"text":"20"' in told.read_bytes() and "20" in stored(tmp_path))
    waits(lambda: b'"risk":"rogue-im"' in told.read_bytes() and "rogue-im" in stored(tmp_path, "risk FROM finding"))
    assert stored(tmp_path, "protocol FROM session") == {"ymsg"}
    assert not any(known in told.read_bytes() for known in (b'"text":"40"', b'"kind":"session"'))
    with (tmp_path / "today.pcap").open("ab") as file:
        file.write(WRITTEN[HALF:])
    waits(lambda: b'"text":"49"' in told.read_bytes() and "49" in stored(tmp_path))
    followed.send_signal(asked)
    _, said = followed.communicate(timeout=20)
    assert (followed.returncode, b"error" in said) == (0, False)
    lines = [json.loads(line) for line in told.read_bytes().splitlines()]
    (session,) = (line for line in lines if line["kind"] == "session")
    assert session["packets"] == len(list(conversation(texts=TEXTS)))
    counts = [line["count"] for line in lines if line.get("risk") == "cleartext-messages"]
    assert (len(counts), counts[-1]) == (2, len(TEXTS))
    assert [json.loads(counters)["sessions"] for counters in stored(tmp_path, "counters FROM run")] == [1]
    with closing(sqlite3.connect(tmp_path / "a.db")) as db:
        assert db.execute("SELECT ended IS NULL FROM run").fetchall() == [(0,)]
        assert db.execute("SELECT name, mark, error FROM run_input").fetchall() == [("today.pcap", None, None)]


@pytest.mark.parametrize("inputs", [("-",), ("a.pcap", "b.pcap"), (".",)])
def test_only_one_file_is_followed(imsniff, tmp_path, inputs):
    for name in "a.pcap", "b.pcap":
        (tmp_path / name).write_bytes(WRITTEN)
    ran = imsniff("analyze", "--follow", *inputs, "--db", "a.db")
    assert ran.code == 2
    assert "--follow reads one capture file" in ran.err


def test_a_second_ctrl_c_does_not_wait():
    before = signal.getsignal(signal.SIGINT)
    with Following() as following:
        assert following.idle()
        signal.raise_signal(signal.SIGINT)
        assert not following.idle()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
