"""What people see: the program run in a terminal of its own."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from rich.cells import cell_len
from tests.cli.conftest import ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def terminal():
    """Runs the program with standard output on a terminal of that many columns; its code and what it showed."""

    def call(columns, *arguments, **env):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        variables |= {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm-256color", "PYTHONUTF8": "1", **env}
        program = [sys.executable, "-m", "imsniff", *map(str, arguments)]
        with subprocess.Popen(program, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=variables) as running:
            os.close(theirs)
            shown = b""
            while True:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # Linux: nobody has the other end open any more
                    break
                if not piece:
                    break
                shown += piece
            running.stderr.read()
            code = running.wait(60)
        os.close(ours)
        return code, shown.decode().replace("\r\n", "\n")

    return call


@pytest.fixture
def database(imsniff, tmp_path):
    assert imsniff("analyze", ROOT / "pcaps", "--db", "lab.db").code == 0
    return tmp_path / "lab.db"


@pytest.mark.parametrize("columns", [80, 100, 150])
def test_a_report_never_wraps(terminal, database, columns):
    code, shown = terminal(columns, "report", "--db", database, NO_COLOR="1")
    assert code == 0
    assert "\x1b" not in shown
    assert max(map(cell_len, shown.splitlines())) < columns
    for question in ("Which instant messaging ran", "Who talked", "Passwords that leaked", "Addresses that leaked"):
        assert question in shown
    assert re.search(r"\balice\S* +\S+ .*#\d+", shown), "who, and the packet that shows it"
    assert "more: imsniff report -o" in shown


def test_findings_are_grouped_by_risk_with_the_remedy_once(terminal, database):
    _, shown = terminal(120, "report", "--db", database, NO_COLOR="1")
    assert shown.count("Change the password of the user now") == 1
    assert shown.index("cleartext-credential:") < shown.index("rogue-im:") < shown.index("file-transfer:")
    assert re.search(r"HIGH  Password readable or guessable on the wire", shown)
    ids = re.findall(r"#\d+(?: \+\d+)?  +([0-9a-f]{8})\b", shown)
    assert len(ids) == len(set(ids)) > 20


def test_what_the_terminal_shows_can_be_explained(terminal, database):
    _, shown = terminal(100, "report", "--db", database, NO_COLOR="1")
    found = re.search(r"#\d+(?: \+\d+)?  +([0-9a-f]{8})\b", shown)[1]
    code, explained = terminal(100, "explain", found, "--db", database, NO_COLOR="1")
    assert code == 0
    assert "Evidence, in packet order" in explained


def test_analyze_lists_alike(terminal, capture):
    code, shown = terminal(100, "analyze", capture(), "--db", "a.db")
    assert code == 0
    assert COLOUR.search(shown)
    plain = COLOUR.sub("", shown)
    assert "MEDIUM  Instant messaging in use" in plain
    assert re.search(r"alice +yahoo +10\.0\.0\.21 +1 .*lab\.pcap#", plain)


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colour_gets_none(terminal, capture, env):
    capture()
    for command in (("analyze", "lab.pcap", "--db", "a.db"), ("report", "--db", "a.db"), ("doctor", "--db", "a.db")):
        assert "\x1b" not in terminal(100, *command, **env)[1]


def test_hostile_names_do_not_reach_the_terminal(terminal, capture):
    file = capture(sender=b"\x1b]0;owned\x07\xe2\x80\xae" + b"x" * 200, recipient=b"\x9b2J\xc2\x9b2J")
    shown = terminal(120, "analyze", file, "--db", "a.db", NO_COLOR="1")[1]
    shown += terminal(120, "report", "--db", "a.db", NO_COLOR="1")[1]
    assert not set("\x1b\x07\x9b\u202e") & set(shown)
    assert "\\x1b]0;o" in shown
    assert max(map(cell_len, shown.splitlines())) < 120


def test_what_changed_is_marked(terminal, capture, imsniff):
    imsniff("analyze", capture("a.pcap"), "--db", "a.db")
    imsniff("analyze", capture("b.pcap", sender=b"carol", start=1_790_100_000), "--db", "a.db")
    shown = terminal(100, "report", "--period", "2026-09-22", "--db", "a.db", NO_COLOR="1")[1]
    assert "2 new, 2 gone" in " ".join(shown.split())
    assert re.search(r"new +carol +yahoo", shown)
    assert re.search(r"Gone: their hosts were there, and they were not seen: 2 findings", shown)
    assert re.search(r"gone +alice +yahoo", shown)
