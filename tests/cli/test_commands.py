import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from imsniff.cli.program import imsniff as program


def test_report_formats(imsniff, capture, tmp_path):
    imsniff("analyze", capture(), "--db", "a.db")
    listed = imsniff("report", "--db", "a.db")
    assert listed.lines[0].startswith("change\tseverity\trisk")
    assert len(listed.lines) == 3
    assert json.loads(imsniff("report", "--db", "a.db", "--format", "json").out)["totals"]["findings"] == 2
    assert imsniff("report", "--db", "a.db", "--format", "csv").lines[0].startswith("change,")
    for name, begins in (("a.html", b"<!DOCTYPE html>"), ("a.json", b"{"), ("a.csv", b"change,")):
        ran = imsniff("report", "--db", "a.db", "-o", name)
        assert (ran.code, ran.out) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(begins)
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert imsniff("report", "--db", "a.db", "--format", "html", "-o", "-").out.startswith("<!DOCTYPE html>")


def test_reports_tell_new_and_gone(imsniff, capture):
    imsniff("analyze", capture("a.pcap"), "--db", "a.db")
    imsniff("analyze", capture("b.pcap", sender=b"carol", start=1_790_100_000), "--db", "a.db")
    ran = imsniff("report", "--period", "2026-09-22", "--db", "a.db")
    assert sorted({line.split("\t")[0] for line in ran.lines[1:]}) == ["gone", "new"]
    assert imsniff("report", "--period", "2026-09-22", "--db", "a.db").out == ran.out
    assert imsniff("report", "--db", "a.db", "--compare", "77").code == 2


def test_a_report_needs_something_to_report(imsniff, capture):
    ran = imsniff("report", "--db", "none.db")
    assert ran.code == 3
    assert "imsniff analyze" in ran.err
    Path("broken.pcap").write_bytes(b"no capture")
    imsniff("analyze", "broken.pcap", "--db", "empty.db")
    ran = imsniff("report", "--db", "empty.db")
    assert ran.code == 3
    assert "nothing was analysed yet" in ran.err


def test_a_report_that_cannot_be_written(imsniff, capture, tmp_path):
    imsniff("analyze", capture(), "--db", "a.db")
    ran = imsniff("report", "--db", "a.db", "-o", "no/such/folder/a.html")
    assert ran.code == 2
    assert "cannot be written" in ran.err


def test_pdf_or_what_it_needs(imsniff, capture, tmp_path, monkeypatch):
    import sys

    imsniff("analyze", capture(), "--db", "a.db")
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    ran = imsniff("report", "--db", "a.db", "-o", "a.pdf")
    assert ran.code == 2
    assert "imsniff[pdf]" in ran.err
    assert not list(tmp_path.glob("*.pdf")) + list(tmp_path.glob(".*.part"))


def test_export_kinds_and_formats(imsniff, capture):
    imsniff("analyze", capture(), "--db", "a.db")
    kinds = [json.loads(line)["kind"] for line in imsniff("export", "--db", "a.db").lines]
    assert kinds == ["session", "message", "message", "finding", "finding"]
    assert len(imsniff("export", "message", "--db", "a.db").lines) == 2
    csv = imsniff("export", "message", "session", "--format", "csv", "--db", "a.db").lines
    assert csv[0].startswith("kind,id,ts,capture,frame,protocol,transport")
    assert len(csv) == 4
    assert imsniff("export", "nonsense", "--db", "a.db").code == 2
    assert imsniff("export", "--since", "2100-01-01", "--db", "a.db").out == ""


def test_what_analyze_prints_is_what_export_gives(imsniff, capture):
    printed = imsniff("analyze", capture(), "--db", "a.db", "--jsonl").lines
    assert sorted(imsniff("export", "--db", "a.db").lines) == sorted(printed)


def test_explain(imsniff, capture, tmp_path):
    file = capture()
    found = imsniff("analyze", file, "--db", "a.db").lines[1].split("\t")
    ran = imsniff("explain", found[7][:6], "--db", "a.db", "--pcap", "shown.pcapng")
    assert ran.code == 0
    for word in (found[1], found[2], "frame", "Remedy", "Accountable", "rule"):
        assert word in ran.out
    assert (tmp_path / "shown.pcapng").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert imsniff("explain", "zzzz", "--db", "a.db").code == 2
    assert (
        "begins 2 ids" in imsniff("explain", "", "--db", "a.db").err or imsniff("explain", "", "--db", "a.db").code == 2
    )
    file.unlink()
    assert imsniff("explain", found[7], "--db", "a.db", "--pcap", "x.pcapng").code == 3


def test_packets_of_a_capture_that_was_changed_are_no_evidence(imsniff, capture):
    file = capture("lab.pcap")
    found = imsniff("analyze", file, "--db", "a.db").lines[1].split("\t")[7]
    assert imsniff("explain", found, "--db", "a.db", "--pcap", "before.pcapng").code == 0
    whole = bytearray(Path(file).read_bytes())
    whole[-1] ^= 1
    Path(file).write_bytes(whole)
    ran = imsniff("explain", found, "--db", "a.db", "--pcap", "after.pcapng")
    assert ran.code == 3
    assert "is not the capture that was read" in ran.err


def test_a_capture_that_is_not_there_leaves_no_database(imsniff, tmp_path):
    ran = imsniff("analyze", "none.pcap", "nor-this.pcap", "--db", "a.db")
    assert ran.code == 3
    assert ran.err.count("cannot be opened") == 2
    assert not list(tmp_path.glob("a.db*"))


def test_explain_a_risk_needs_no_database(imsniff):
    ran = imsniff("explain", "odd-port", "--db", "none.db")
    assert ran.code == 0
    assert "port" in ran.out


def test_signatures(imsniff):
    listed = imsniff("signatures", "list")
    assert "ymsg.packet\tpayload\tymsg" in listed.out
    assert imsniff("signatures", "check").code == 0
    assert "pattern" in imsniff("signatures", "show", "ymsg.packet").out
    ran = imsniff("signatures", "show", "ymsg.paket")
    assert ran.code == 2
    assert "ymsg.packet" in ran.err


def test_doctor(imsniff):
    ran = imsniff("doctor")
    assert ran.code == 0
    parts = {line.split("\t")[0] for line in ran.lines}
    assert parts >= {"gate", "signatures", "database", "live capture", "libpcap", "PDF reports"}


def test_db(imsniff, capture):
    imsniff("analyze", capture(), "--db", "a.db")
    assert "session\t1" in imsniff("db", "stats", "--db", "a.db").out
    assert "consistent" in imsniff("db", "verify", "--db", "a.db").err
    assert "up to date" in imsniff("db", "upgrade", "--db", "a.db").err
    assert imsniff("db", "stats", "--db", "none.db").code == 3


def test_db_verify_finds_strays(imsniff, capture):
    import sqlite3

    imsniff("analyze", capture(), "--db", "a.db")
    with sqlite3.connect("a.db") as db:
        db.execute("DELETE FROM session")
        db.execute("DELETE FROM finding")
    db.close()
    ran = imsniff("db", "verify", "--db", "a.db")
    assert ran.code == 3
    assert "without their session" in ran.out
    assert "a finding that is not there" in ran.out


@pytest.mark.parametrize("command", ["analyze", "report", "export", "explain", "signatures", "db", "doctor"])
def test_every_command_has_help_with_an_example(command):
    result = CliRunner().invoke(program, [command, "-h"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"imsniff {command}" in result.output


def test_who_asks_for_the_terminal_gets_it_piped(imsniff, capture, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    imsniff("analyze", capture(), "--db", "a.db")
    ran = imsniff("report", "--db", "a.db", "--format", "terminal")
    assert ran.code == 0
    assert "Which instant messaging ran" in ran.out
    assert "\x1b" not in ran.out
    assert max(map(len, ran.lines)) < 90


def test_an_audit_is_kept_whole_in_whatever_format_it_is_shown(imsniff, capture, monkeypatch):
    monkeypatch.setattr("imsniff.base.limits.MAX_RISK_ROWS", 0)
    imsniff("analyze", capture(), "--db", "a.db")
    imsniff("report", "--db", "a.db", "--record", "first", "-o", "a.html")
    ran = imsniff("report", "--db", "a.db", "--compare", "first")
    assert {line.split("\t")[0] for line in ran.lines[1:]} == {"standing"}


def test_a_policy_is_drafted_checked_and_shown(imsniff, capture):
    imsniff("analyze", capture(), "--db", "a.db")
    drafted = imsniff("policy", "init", "--db", "a.db").out
    assert "# [[allow]]" in drafted
    chosen = "\n".join(
        line.removeprefix("# ") if line.startswith(("# [[allow]]", "# name", "# protocol", "# server")) else line
        for line in drafted.splitlines()
    )
    Path("policy.toml").write_text(chosen)
    ran = imsniff("policy", "check", "policy.toml", "--db", "a.db")
    assert ran.code == 0, ran.err
    assert "Allowed: " in ran.out
    assert "0 under no rule" in ran.err
    ran = imsniff("analyze", capture(), "--db", "b.db", "--policy", "policy.toml")
    assert "rogue-im" not in ran.out
    assert imsniff("policy", "show", "--db", "b.db").out.splitlines()[1:] == chosen.splitlines()
    assert imsniff("policy", "show", "--db", "a.db").code == 3


def test_a_bad_policy_is_told_with_every_fault(imsniff):
    Path("policy.toml").write_text('version = 1\n[[allow]]\nname = "a"\nprotocol = "xmmp"\n[ports]\nirc = [0]\n')
    ran = imsniff("policy", "check", "policy.toml")
    assert ran.code == 2
    assert 'policy.toml:4: allow[0].protocol: no protocol and no service is called "xmmp"' in ran.err
    assert "policy.toml:6: ports.irc: 0 is no port" in ran.err
