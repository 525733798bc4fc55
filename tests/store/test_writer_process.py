"""A book is the same whoever writes it, and a writer process that cannot go on is told of, whatever ended it."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from imsniff.cli.capture_sequence import CaptureEnd, ReadProgress, SessionShare, read
from imsniff.detect import Detectors, Observation, Sighting
from imsniff.pipeline import Options
from imsniff.record.privacy import Content
from imsniff.rules import loader
from imsniff.store import writer_process
from imsniff.store.errors import StoreError
from imsniff.store.run_writer import LocalWriter, RunInfo
from imsniff.store.writer import Writer
from imsniff.store.writer_process import WriterProcess
from made import login, message, session

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # tests in several processes have threads

PCAPS = Path(__file__).parents[2] / "pcaps"
HEAD = RunInfo("test", "ab" * 32, {"content": "all"})


def tables(file):
    """All rows, but for wall clocks."""
    with sqlite3.connect(file) as db:
        db.row_factory = sqlite3.Row
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: [dict(row) for row in db.execute(f"SELECT * FROM {name}")] for name in names}
    db.close()
    for run in found["run"]:
        del run["started"], run["alive"]
        run["ended"] = run["ended"] is not None
    return {name: sorted(map(repr, rows)) for name, rows in found.items()}


def soon(call):
    """Calls until something is raised."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        call()
    pytest.fail("nothing was raised")


@pytest.fixture(scope="module")
def everything():
    """The records of all captures."""
    options = Options(signatures=loader.load(user=Path("/nonexistent")), content=Content.ALL, fingerprint_key=b"scribe")
    paths = sorted(PCAPS.glob("**/*.pcap*"))
    found = [one for path in paths for one in read([path], options, [])]
    records = [one for one in found if not isinstance(one, CaptureEnd | SessionShare | ReadProgress | Observation)]
    severe = [one for one in records if isinstance(one, Sighting)][:50]  # the same findings, worse and not
    assert len(severe) == 50
    return [*records, *severe]


@pytest.mark.parametrize(
    "limits",
    [{}, {"WRITER_BATCH": 3, "MAX_FINDINGS": 2, "MAX_UNWRITTEN": 0}],
    ids=["as it is", "with small tables"],
)
def test_what_is_written_is_the_same_here_and_there(everything, tmp_path, monkeypatch, limits):
    for name, value in limits.items():
        monkeypatch.setattr(writer_process, name, value)
    for kind in (LocalWriter, WriterProcess):
        file = str(tmp_path / f"{kind.__name__}.db")
        with kind() as book:
            book.open(file)
            assert book.whole_inputs(HEAD) == set()
            book.begin(HEAD)
            for record in everything:
                book.add(record)
            book.flush()
            book.add_input("a.pcap", path="/x/a.pcap", size=5, mark="cd" * 32, sha256=None, error=None)
            book.add_input("b\udcff.pcap", error="cut")
            book.look()
            book.read = True
            book.counters.update(packets=7)
            book.close()
            assert book.name == file
            assert book.counters["packets"] == 7
            assert book.counters["sightings"] == sum(isinstance(one, Sighting) for one in everything)
        with kind() as book:
            book.open(file)
            assert book.whole_inputs(HEAD) == {"cd" * 32}
            assert book.whole_inputs(HEAD._replace(options={})) == set()
    assert tables(tmp_path / "LocalWriter.db") == tables(tmp_path / "WriterProcess.db")


def test_the_writer_is_given_findings_that_are_shared(tmp_path, monkeypatch):
    """It looks at each once, not once a sighting; and at a worse one."""
    one = session()
    seen = [found for n in range(5) for found in Detectors().on_record(one, message(one, seconds=n))]
    worse = Detectors().on_record(one, login(one, grade="cleartext"))
    came = []
    monkeypatch.setattr(Writer, "add", lambda self, record: came.append(record))
    monkeypatch.setattr(Writer, "close", lambda self: (tmp_path / "ids").write_text(told()))

    def told():
        return " ".join(str(id(record.finding)) for record in came)

    with WriterProcess() as book:
        book.open(str(tmp_path / "a.db"))
        book.begin(HEAD)
        for record in [*seen, *worse, *seen]:
            book.add(record)
        book.close()
    ids = (tmp_path / "ids").read_text().split()
    assert len(ids) == 2 * len(seen) + len(worse)
    assert len(set(ids)) == 2


def test_texts_that_are_not_text(tmp_path):
    one = session(account="a\x00b\udcff", software=["x\udcff"])
    for kind in (LocalWriter, WriterProcess):
        with kind() as book:
            book.open(str(tmp_path / f"{kind.__name__}.db"))
            book.begin(HEAD)
            book.add(one)
            for seen in Detectors().on_session(one):
                book.add(seen)
            book.close()
    assert tables(tmp_path / "LocalWriter.db") == tables(tmp_path / "WriterProcess.db")


def test_a_scribe_that_is_killed_is_told_of_with_a_remedy(tmp_path):
    file = tmp_path / "a.db"
    with WriterProcess() as book:
        book.open(str(file))
        book.whole_inputs(HEAD)
        book.begin(HEAD)
        book.add(message(session()))
        book.flush()
        until = time.monotonic() + 20
        while not tables(file)["message"]:
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(book.pid, signal.SIGKILL)
        with pytest.raises(StoreError, match=r"a\.db: .* was ended by signal 9.*run again"):
            soon(book.look)
        for again in (book.flush, book.look, book.close):
            with pytest.raises(StoreError, match="signal 9"):
                again()
    assert len(tables(file)["message"]) == 1


def test_a_killed_scribe_does_not_keep_who_hands_over_much(tmp_path):
    with WriterProcess() as book:
        book.open(str(tmp_path / "a.db"))
        book.begin(HEAD)
        os.kill(book.pid, signal.SIGKILL)
        one = message(session(), text="x" * 10_000)
        with pytest.raises(StoreError, match="signal 9"):
            soon(lambda: book.add(one))


def test_a_fault_of_the_scribe_is_not_taken_for_its_end(tmp_path, monkeypatch, capfd):
    def broken(self):
        raise ZeroDivisionError

    monkeypatch.setattr(Writer, "flush", broken)
    with WriterProcess() as book:
        book.open(str(tmp_path / "a.db"))
        book.begin(HEAD)
        book.flush()
        with pytest.raises(StoreError, match="by a fault of its own, please report it"):
            book.close()
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_database_that_cannot_be_opened_is_told_while_the_captures_are_read(tmp_path):
    (tmp_path / "file").touch()
    with WriterProcess() as book:
        book.open(str(tmp_path / "file" / "a.db"))
        book.begin(HEAD)
        with pytest.raises(StoreError, match="cannot be written"):
            soon(book.look)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with WriterProcess() as book:
        book.open(str(tmp_path / "a.db"))
        with pytest.raises(StoreError, match="cannot be written"):
            soon(book.look)


def test_a_locked_database_is_told(busy):
    with WriterProcess() as book:
        book.open(str(busy))
        book.begin(HEAD)
        for call in (book.close, book.look, book.close):
            with pytest.raises(StoreError, match=r"busy\.db: another program is writing"):
                call()


def test_a_password_is_not_shown(tmp_path):
    with WriterProcess() as book:
        book.open("oracle9://u:geheim@h/d")
        assert "geheim" not in book.name
        with pytest.raises(StoreError) as caught:
            soon(book.look)
    assert "geheim" not in str(caught.value)


def test_nothing_is_noted_as_read_whole_whose_records_are_lost(tmp_path, monkeypatch):
    real, full = Writer.flush, [True]

    def flush(self):
        if full.pop() if full else False:
            raise StoreError("database a.db: the disk is full; make room and run again")
        real(self)

    monkeypatch.setattr(Writer, "flush", flush)
    with WriterProcess() as book:
        book.open(str(tmp_path / "a.db"))
        book.begin(HEAD)
        book.add(message(session()))
        with pytest.raises(StoreError, match="the disk is full"):
            soon(lambda: (book.flush(), book.add_input("a.pcap", mark="00"), book.look()))
    found = tables(tmp_path / "a.db")
    assert found["run_input"] == []
    assert "'ended': False" in found["run"][0]


def test_what_was_handed_over_is_written_though_the_run_breaks_off(tmp_path):
    with WriterProcess() as book:
        book.open(str(tmp_path / "a.db"))
        book.begin(HEAD)
        book.add(message(session()))
        book.add_input("a.pcap")
        book.add(login(session()))  # not yet handed over
    found = tables(tmp_path / "a.db")
    assert [len(found[name]) for name in ("message", "run_input", "login")] == [1, 1, 0]
    assert "'ended': False" in found["run"][0]


@pytest.mark.parametrize("opened", [False, True])
def test_no_process_is_left(tmp_path, opened):
    with WriterProcess() as book:
        if opened:
            book.open(str(tmp_path / "a.db"))
    with pytest.raises(ChildProcessError):
        os.waitpid(book.pid, os.WNOHANG)


def test_ctrl_c_waits_for_a_message_to_be_whole():
    done = []

    def say():
        with writer_process._undisturbed():
            signal.raise_signal(signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        say()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_does_not_wait_for_a_scribe_that_takes_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_process, "MAX_UNWRITTEN", 1000)
    with WriterProcess() as book:
        book.open(str(tmp_path / "a.db"))
        book.begin(HEAD)
        os.kill(book.pid, signal.SIGSTOP)
        one = message(session(), text="x" * 10_000)
        before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            with pytest.raises(KeyboardInterrupt):
                soon(lambda: book.add(one))
        finally:
            signal.signal(signal.SIGALRM, before)
            os.kill(book.pid, signal.SIGCONT)
        book.close()
    assert tables(tmp_path / "a.db")["message"]
