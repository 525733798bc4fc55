import os
import resource
import signal
import subprocess
import sys

import pytest
from tests.cli.conftest import ROOT

from imsniff.cli.program import COMMANDS


def test_help_is_quick_and_names_every_command(process):
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = process("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.3, "0.1 s of processor time on a quiet machine"
    for command in COMMANDS:
        assert command in ran.out
    assert "Examples:" in ran.out
    assert "Exit codes:" in ran.out


def test_help_imports_nothing_heavy():
    code = "import sys; from imsniff.cli.program import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    loaded = set(done.stderr.split())
    assert not loaded & {"rich", "sqlalchemy", "alembic", "jinja2", "scapy", "hyperscan", "platformdirs", "msgspec"}


def test_version(imsniff):
    assert imsniff("--version").out.startswith("imsniff ")


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["analyze"], ["report", "--format", "odt"], ["--nonsense"], ["report", "--since", "yesterdayish"]],
)
def test_wrong_usage_is_2(imsniff, arguments):
    ran = imsniff(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert "Error" in ran.err


def test_a_near_miss_is_hinted_at(imsniff):
    assert "Did you mean 'analyze'?" in imsniff("analyse").err


def test_variables_and_config_file_and_flags(imsniff, capture, tmp_path, monkeypatch):
    config = tmp_path / "config.toml"
    config.write_text('db = "from-config.db"\n[analyze]\nfail-on = "medium"\n[export]\nformat = "csv"\n')
    assert imsniff("--config", config, "analyze", capture()).code == 1
    assert (tmp_path / "from-config.db").exists()
    assert imsniff("--config", config, "export", "finding").out.startswith("kind,")
    assert imsniff("--config", config, "db", "stats").code == 0
    monkeypatch.setenv("IMSNIFF_DB", "from-variable.db")
    monkeypatch.setenv("IMSNIFF_ANALYZE_JSONL", "1")
    assert imsniff("analyze", capture()).out.startswith("{")
    assert (tmp_path / "from-variable.db").exists()
    imsniff("analyze", capture(), "--db", "from-flag.db")
    assert (tmp_path / "from-flag.db").exists()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nonsense = 1", "nonsense"),
        ("[nonsense]\nx = 1", "nonsense"),
        ("[report]\nnonsense = 1", "nonsense"),
        ("=", "not TOML"),
    ],
)
def test_a_bad_config_file_is_refused(imsniff, tmp_path, text, word):
    config = tmp_path / "config.toml"
    config.write_text(text)
    ran = imsniff("--config", config, "report")
    assert ran.code == 2
    assert word in ran.err
    assert imsniff("--config", "none.toml", "report").code == 2


def test_all_faults_of_a_config_file_are_told_at_once_with_their_lines(imsniff, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        'nonsense = 1\n[analyse]\n[analyze]\njob = 2\njobs = "many"\ncontent = "some"\n'
        '[db]\nverfy = {}\n[db.stats]\nx = 1\n[export]\nformat = ["csv"]\n'
    )
    said = imsniff("--config", config, "report").err.splitlines()
    assert [":".join(line.partition("config.toml:")[2].split(":")[:2]) for line in said] == [
        "1: nonsense",
        "2: analyse",
        "4: analyze.job",
        "5: analyze.jobs",
        "6: analyze.content",
        "8: db.verfy",
        "10: db.stats.x",
        "12: export.format",
    ]
    assert "did you mean jobs?" in said[2]


def test_quiet_and_verbose_may_stand_behind_the_command(imsniff, capture):
    assert imsniff("analyze", capture(), "--db", "a.db").err
    for words in (("-q", "analyze"), ("analyze", "-q")):
        assert not imsniff(*words, capture(), "--db", "a.db").err
    assert not imsniff("db", "stats", "-qq", "--db", "a.db").err


def test_the_default_database_is_in_the_data_directory(imsniff, capture, tmp_path):
    imsniff("analyze", capture())
    assert (tmp_path / "home" / "imsniff" / "imsniff.db").exists()


def test_a_closed_pipe_is_silence(imsniff, capture):
    imsniff("analyze", capture(texts=tuple(b"%d" % n for n in range(3000))), "--db", "a.db")
    export = subprocess.Popen(
        [sys.executable, "-m", "imsniff", "export", "--db", "a.db"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert export.stdout.readline().startswith(b"{")
    export.stdout.close()
    assert (export.stderr.read(), export.wait(30)) == (b"", 0)
    export.stderr.close()


def test_an_interrupt_keeps_what_was_found(process, capture):
    analyze = subprocess.Popen(
        [sys.executable, "-m", "imsniff", "analyze", "-", "--db", "a.db", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    analyze.stdin.write(capture().read_bytes())  # and more to come
    analyze.stdin.flush()
    for _ in range(2):
        assert analyze.stdout.readline().startswith(b"{"), "printed while more is waited for"
    analyze.send_signal(signal.SIGINT)
    _, err = analyze.communicate(timeout=30)
    assert b"Traceback" not in err
    assert (analyze.returncode, err) == (130, b"imsniff: interrupted\n")
    assert process("db", "verify", "--db", "a.db").code == 0
    counts = dict(line.split("\t") for line in process("db", "stats", "--db", "a.db").lines[1:])
    assert (counts["session"], counts["message"], counts["finding"]) == ("1", "2", "2")


def test_a_terminal_that_is_not_utf8_gets_escapes(process, capture):
    ran = process("analyze", capture(), "--db", "a.db", env={"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"})
    assert ran.code == 0
    assert "\\u2194" in ran.out


def test_what_was_found_before_the_reader_had_enough_is_kept(imsniff, capture, process):
    file = capture(texts=tuple(b"%d" % n for n in range(3000)))
    analyze = subprocess.Popen(
        [sys.executable, "-m", "imsniff", "analyze", str(file), "--db", "a.db", "--jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert analyze.stdout.readline().startswith(b"{")
    analyze.stdout.close()
    assert (analyze.stderr.read(), analyze.wait(30)) == (b"", 0)
    analyze.stderr.close()
    counts = dict(line.split("\t") for line in process("db", "stats", "--db", "a.db").lines[1:])
    assert int(counts["message"]) > 0
    assert int(counts["session"]) == 1
    assert process("db", "verify", "--db", "a.db").code == 0
