import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.conftest import ROOT, conversation, pcap

from imsniff.base.records import from_json


def test_findings_are_listed_tab_separated_when_piped(imsniff, capture, tmp_path):
    ran = imsniff("analyze", capture(), "--db", "a.db")
    assert ran.code == 0
    assert ran.lines[0].split("\t") == [
        "severity",
        "risk",
        "subject",
        "host",
        "count",
        "first_seen",
        "last_seen",
        "id",
        "service",
        "capture",
        "frame",
        "server",
        "server_name",
    ]
    rows = [line.split("\t") for line in ran.lines[1:]]
    assert {row[1] for row in rows} == {"rogue-im", "cleartext-messages"}
    assert {row[8] for row in rows} == {"yahoo"}
    assert {row[9] for row in rows} == {str(tmp_path / "lab.pcap")}
    assert [int(row[10]) for row in rows] == [4, 1]
    assert "7 packets, 1 sessions, 2 findings; stored in a.db" in ran.err


def test_json_lines_are_records_and_findings_come_last(imsniff, capture):
    ran = imsniff("analyze", capture(), "--db", "a.db", "--jsonl", "--content", "all")
    records = [from_json(line) for line in ran.lines]
    kinds = [json.loads(line)["kind"] for line in ran.lines]
    assert kinds.index("finding") > max(number for number, kind in enumerate(kinds) if kind != "finding")
    assert [r.text for r in records if type(r).__name__ == "MessageRecord"] == ["hello", "lunch?"]
    assert not any(set(json.loads(line)) & {"record", "session"} for line in ran.lines if '"finding"' in line)


def test_text_is_not_kept_unless_asked_for(imsniff, capture):
    imsniff("analyze", capture(texts=(b"top secret words",)), "--db", "a.db")
    with sqlite3.connect("a.db") as db:
        dump = "\n".join(db.iterdump())
    db.close()
    assert "top secret words" not in dump
    imsniff("analyze", capture(texts=(b"top secret words",)), "--db", "b.db", "--content", "all")
    with sqlite3.connect("b.db") as db:
        assert "top secret words" in "\n".join(db.iterdump())
    db.close()


def test_the_same_capture_twice_changes_nothing(imsniff, capture):
    file = capture()
    first = imsniff("analyze", file, "--db", "a.db")
    imsniff("analyze", file, file, "--db", "a.db")
    exported = imsniff("export", "--db", "a.db").lines
    assert len(exported) == len(set(exported)) == 5
    assert imsniff("analyze", file, "--db", "a.db").out == first.out


def test_jobs_give_the_same_output(imsniff, capture):
    files = [capture(f"{n}.pcap", sender=f"user{n}".encode(), start=1_790_000_000 + n * 100) for n in range(3)]
    one = imsniff("analyze", *files, "--db", "a.db", "--jsonl")
    many = imsniff("analyze", *files, "--db", "b.db", "--jsonl", "--jobs", 3)
    assert many.out == one.out
    assert len(one.lines) == 15


def test_a_name_that_is_not_text_is_read_by_any_number_of_jobs(imsniff, capture, tmp_path):
    try:
        capture(os.fsdecode(b"no\xff.pcap"))
    except OSError:
        pytest.skip("this file system does not take such names")
    capture("b.pcap")
    one = imsniff("analyze", tmp_path, "--db", "a.db", "--jsonl")
    assert "\ufffd" in one.out
    assert imsniff("analyze", tmp_path, "--db", "b.db", "--jsonl", "--jobs", 2).out == one.out


def test_standard_input(process, tmp_path):
    ran = process("analyze", "-", "--db", tmp_path / "a.db", stdin=pcap(conversation()))
    assert ran.code == 0
    assert "rogue-im" in ran.out


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(imsniff, capture, tmp_path):
    (tmp_path / "notes.txt").write_text("no capture")
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(capture("whole.pcap").read_bytes()[:-40])
    ran = imsniff("analyze", "notes.txt", "none.pcap", cut, "--db", "a.db")
    assert ran.code == 3
    assert "notes.txt: not a capture file" in ran.err
    assert "none.pcap: cannot be opened" in ran.err or "none.pcap: No such file" in ran.err
    assert "cut.pcap: packet 7" in ran.err
    assert "rogue-im" in ran.out
    assert "Traceback" not in ran.err
    report = json.loads(imsniff("report", "--db", "a.db", "--format", "json").out)
    assert [bool(one.get("error")) for one in report["inputs"]] == [True, True, True]


def test_strict_stops_at_the_first(imsniff, capture):
    ran = imsniff("analyze", "none.pcap", capture(), "--strict", "--db", "a.db")
    assert (ran.code, ran.lines[1:]) == (3, [])


def test_fail_on(imsniff, capture):
    file = capture()
    assert imsniff("analyze", file, "--db", "a.db", "--fail-on", "medium").code == 1
    assert imsniff("analyze", file, "--db", "a.db", "--fail-on", "high").code == 0


def test_a_filter_looks_at_what_it_is_asked_to(imsniff, capture):
    file = capture()
    assert len(imsniff("analyze", file, "--db", "a.db", "-f", "tcp port 5050").lines) == 3
    assert len(imsniff("analyze", file, "--db", "a.db", "-f", "not net 198.51.100.0/24").lines) == 1
    ran = imsniff("analyze", file, "--db", "a.db", "-f", "src host 10.0.0.1")
    assert ran.code == 2
    assert "both directions" in ran.err


def test_im_only_packets_are_written_and_are_a_capture(imsniff, capture, tmp_path):
    other = conversation(port=7)[0].replace(b"YMSG", b"XXXX")
    mixed = tmp_path / "mixed.pcap"
    mixed.write_bytes(pcap([other, *conversation()]))
    ran = imsniff("analyze", mixed, "--db", "a.db", "-w", "im.pcapng")
    assert "7 packets of messaging sessions written" in ran.err
    again = imsniff("analyze", "im.pcapng", "--db", "b.db")
    assert [line.split("\t")[:5] for line in again.lines] == [line.split("\t")[:5] for line in ran.lines]
    assert imsniff("analyze", "-", "-w", "im.pcapng").code == 2


@pytest.mark.parametrize("text", ["version = 2", "version = 1\n[severity]\nrouge-im = 'high'"])
def test_a_bad_policy_is_refused_with_its_place(imsniff, capture, tmp_path, text):
    (tmp_path / "policy.toml").write_text(text)
    ran = imsniff("analyze", capture(), "--policy", "policy.toml", "--db", "a.db")
    assert ran.code == 2
    assert "policy.toml:" in ran.err
    assert not (tmp_path / "a.db").exists()


def test_the_policy_allows(imsniff, capture, tmp_path):
    (tmp_path / "policy.toml").write_text('version = 1\n[[allow]]\nname = "ours"\nprotocol = "ymsg"\n')
    ran = imsniff("analyze", capture(), "--policy", "policy.toml", "--db", "a.db")
    assert [line.split("\t")[1] for line in ran.lines[1:]] == ["cleartext-messages"]


def test_a_bad_signature_is_refused(imsniff, capture, tmp_path):
    (tmp_path / "mine" / "payload").mkdir(parents=True)
    (tmp_path / "mine" / "payload" / "x.toml").write_text('version = 1\nprotocol = "irc"\n[[payload]]\nid = "x.y"\n')
    ran = imsniff("analyze", capture(), "--signatures", "mine", "--db", "a.db")
    assert ran.code == 2
    assert "x.toml:3" in ran.err


def test_hostile_names_do_not_reach_the_terminal(imsniff, capture):
    ran = imsniff("analyze", capture(sender=b"\x1b]0;owned\x07\xe2\x80\xae"), "--db", "a.db", "--content", "all")
    shown = ran.out + imsniff("report", "--db", "a.db").out + imsniff("export", "--db", "a.db").out
    finding = ran.lines[1].split("\t")[7]
    shown += imsniff("explain", finding, "--db", "a.db").out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "\\x1b]0;owned" in shown


def test_a_locked_database_is_told(imsniff, capture, monkeypatch):
    imsniff("analyze", capture(), "--db", "a.db")
    monkeypatch.setattr("imsniff.store.opening.STORE_BUSY_SECONDS", 0.1)
    other = sqlite3.connect("a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ran = imsniff("analyze", capture(), "--db", "a.db")
    other.close()
    assert ran.code == 3
    assert ran.err.count("another program is writing") == 1
    assert "Traceback" not in ran.err
    assert len(ran.lines) == 3  # what is found is listed all the same


def test_an_older_database_is_refused_with_the_remedy(imsniff, capture):
    imsniff("analyze", capture(), "--db", "a.db")
    with sqlite3.connect("a.db") as db:
        db.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    db.close()
    for call in (("analyze", capture()), ("report",), ("export",), ("db", "stats")):
        ran = imsniff(*call, "--db", "a.db")
        assert ran.code == 3
        assert "has schema 1, this program writes 4; run `imsniff db upgrade`" in ran.err


def test_quiet(imsniff, capture):
    ran = imsniff("-q", "analyze", capture(), "--db", "a.db")
    assert ran.err == ""


def test_an_internal_fault_costs_one_capture(imsniff, capture, monkeypatch):
    from imsniff.pipeline import Sensor

    files = [capture("a.pcap"), capture("b.pcap")]
    real = Sensor.read

    def read(self, batch):
        if "a.pcap" in batch.capture:
            raise ZeroDivisionError
        return real(self, batch)

    monkeypatch.setattr(Sensor, "read", read)
    ran = imsniff("analyze", *files, "--db", "a.db")
    assert ran.code == 3
    assert "a.pcap: internal error" in ran.err
    assert len(ran.lines) == 3


def test_a_folder_without_captures_is_told(imsniff, capture, tmp_path):
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "notes.txt").write_text("no capture")
    ran = imsniff("analyze", "hollow", "--db", "a.db")
    assert (ran.code, ran.out) == (3, "")
    assert "hollow: no capture file in this folder" in ran.err
    assert not (tmp_path / "a.db").exists()
    ran = imsniff("analyze", "hollow", capture(), "--db", "a.db")
    assert (ran.code, len(ran.lines)) == (3, 3)
    assert "notes.txt: passed over, not a capture" in imsniff("-v", "analyze", "hollow", "--db", "a.db").err


def test_an_unknown_link_type_is_told(imsniff, capture, tmp_path):
    strange = bytearray(capture().read_bytes())
    strange[20:22] = (999).to_bytes(2, "little")
    (tmp_path / "strange.pcap").write_bytes(strange)
    ran = imsniff("analyze", "strange.pcap", "--db", "a.db")
    assert ran.code == 3
    assert "strange.pcap: nothing in it could be looked at: link type 999" in ran.err
    assert "editcap -T" in ran.err


def test_one_unknown_interface_of_two_is_no_failure(imsniff, tmp_path):
    from imsniff.capture.writer import PcapngWriter

    with (tmp_path / "two.pcapng").open("wb") as stream:
        out = PcapngWriter(stream)
        out.write(1_790_000_000 * 10**9, 189, 4, b"usb!")
        for number, packet in enumerate(conversation()):
            out.write((1_790_000_001 + number) * 10**9, 1, len(packet), packet)
    ran = imsniff("analyze", "two.pcapng", "--db", "a.db")
    assert (ran.code, len(ran.lines)) == (0, 3)
    assert "two.pcapng: link type 189 is not known" in ran.err
    assert imsniff("-qq", "analyze", "two.pcapng", "--db", "a.db").err == ""


@pytest.mark.parametrize("packed", ["gz", "xz", "zst"])
def test_compressed_captures(imsniff, capture, tmp_path, packed):
    import gzip
    import lzma

    import zstandard

    plain = capture().read_bytes()
    squeeze = {"gz": gzip.compress, "xz": lzma.compress, "zst": zstandard.compress}[packed]
    (tmp_path / f"a.pcap.{packed}").write_bytes(squeeze(plain))
    (tmp_path / f"cut.pcap.{packed}").write_bytes(squeeze(plain)[:-20])
    assert len(imsniff("analyze", f"a.pcap.{packed}", "--db", "a.db").lines) == 3
    ran = imsniff("analyze", f"cut.pcap.{packed}", "--db", "b.db")
    assert ran.code == 3
    assert "cut off" in ran.err


def test_a_full_disk_is_told_and_what_was_found_is_shown(imsniff, capture, monkeypatch):
    from imsniff.store.errors import StoreError
    from imsniff.store.writer import Writer

    def full(self):
        raise StoreError("database a.db: the disk is full; make room and run again")

    monkeypatch.setattr(Writer, "flush", full)
    ran = imsniff("analyze", capture(), "--db", "a.db")
    assert ran.code == 3
    assert "the disk is full" in ran.err
    assert {line.split("\t")[1] for line in ran.lines[1:]} == {"rogue-im", "cleartext-messages"}


def test_standard_output_on_a_full_disk(imsniff, process, capture, tmp_path):
    imsniff("analyze", capture(), "--db", "a.db")
    for command in (["report"], ["export"], ["analyze", "lab.pcap"]):
        with Path("/dev/full").open("wb") as full:
            ran = process(*command, "--db", "a.db", stdout=full)
        assert ran.code == 2
        assert "standard output: No space left on device" in ran.err
        assert "Traceback" not in ran.err


def test_packets_go_to_standard_output_instead_of_findings(process, capture, tmp_path):
    ran = process("-q", "analyze", capture(), "--db", "a.db", "-w", "-")
    assert (ran.code, ran.err) == (0, "")
    (tmp_path / "im.pcapng").write_bytes(ran.raw)
    assert len(process("analyze", "im.pcapng", "--db", "b.db").lines) == 3
    assert process("analyze", "lab.pcap", "--db", "a.db", "--jsonl", "-w", "-").code == 2


def test_analysing_does_not_load_sqlalchemy(capture, tmp_path):
    code = "import sys\nfrom imsniff.cli.program import run\nassert run(sys.argv[1:]) == 0\n"
    code += "print(*(name for name in sys.modules if name.startswith('sqlalchemy')), file=sys.stderr)"
    call = [sys.executable, "-c", code, "-q", "analyze", str(capture()), "--db", str(tmp_path / "a.db")]
    ran = subprocess.run(
        call, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, check=True, text=True
    )
    assert len(ran.stdout.splitlines()) == 3
    assert ran.stderr.strip() == ""


def test_where_nothing_can_be_forked_the_same_is_found(imsniff, capture, monkeypatch):
    from imsniff.store.run_writer import LocalWriter

    file = capture()
    ran = imsniff("analyze", file, "--db", "a.db")
    monkeypatch.setattr("imsniff.store.writer_process.open_run_writer", LocalWriter)
    here = imsniff("analyze", file, "--db", "b.db")
    assert (here.code, here.out) == (0, ran.out)
    assert here.err == ran.err.replace("a.db", "b.db")
    assert imsniff("export", "--db", "b.db").out == imsniff("export", "--db", "a.db").out


@pytest.fixture
def at_work(tmp_path):
    """An analysis of standard input under way, in a process group of its own, once it has told the first records."""
    call = [sys.executable, "-m", "imsniff", "analyze", "-", "--db", str(tmp_path / "a.db"), "--jsonl"]
    told = tmp_path / "told"
    with (
        told.open("wb") as out,
        subprocess.Popen(
            call,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            start_new_session=True,
        ) as running,
    ):
        texts = [b"%d" % number for number in range(10_000)]
        running.stdin.write(pcap(conversation(texts=texts)[:-2]))
        running.stdin.flush()
        until = time.monotonic() + 20
        while not told.stat().st_size:
            assert time.monotonic() < until
            time.sleep(0.01)
        yield running
        running.kill()


def writer_of(process):
    (writer,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(writer)


def test_ctrl_c_stores_what_was_found(at_work, tmp_path):
    os.killpg(at_work.pid, signal.SIGINT)
    _, said = at_work.communicate(timeout=30)
    assert (at_work.returncode, said) == (130, b"imsniff: interrupted\n")
    with sqlite3.connect(tmp_path / "a.db") as db:
        assert db.execute("SELECT ended IS NULL FROM run").fetchall() == [(0,)]
        assert db.execute("SELECT count(*) FROM session").fetchall() == [(1,)]
        (messages,) = db.execute("SELECT count(*) FROM message").fetchone()
        assert messages > 100
        assert db.execute("SELECT error FROM run_input").fetchall() == [("not read to its end: the run ended before",)]
    db.close()


def test_a_killed_writer_ends_the_analysis_with_a_remedy(at_work, tmp_path):
    os.kill(writer_of(at_work), signal.SIGKILL)
    _, said = at_work.communicate(pcap(conversation())[24:], timeout=30)
    assert at_work.returncode == 3
    assert b"a.db: the process that writes to it was ended by signal 9" in said
    assert b"Traceback" not in said


def test_an_analysis_that_is_killed_leaves_what_it_found(at_work, tmp_path):
    with os.fdopen(os.pidfd_open(writer_of(at_work))) as ended:
        at_work.kill()
        at_work.wait()
        assert select.select([ended], [], [], 60)[0]  # it may not even have made the tables before
    with sqlite3.connect(tmp_path / "a.db") as db:
        (messages,) = db.execute("SELECT count(*) FROM message").fetchone()
        assert messages >= 100
        assert db.execute("SELECT ended IS NULL FROM run").fetchall() == [(1,)]
    db.close()


def test_a_gate_that_nobody_knows_is_refused(process, capture, tmp_path):
    ran = process("analyze", capture(), "--db", "a.db", env={"IMSNIFF_GATE": "iron"})
    assert (ran.code, ran.out) == (2, "")
    assert (
        ran.err == "imsniff: the variable IMSNIFF_GATE is python or compiled, not 'iron'; without it either will do\n"
    )
