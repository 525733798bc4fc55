"""`imsniff capture` on a span port: real connections and replayed captures, workers, signals, rights, losses."""

from __future__ import annotations

import json
import os
import pty
import queue
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cli.conftest import ROOT, conversation, pcap
from tests.netns import CLIENT, SERVER, needs, network

from imsniff.capture.pcapfile import open_capture

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="network namespaces are Linux only")
PCAPS = ROOT / "pcaps"


@pytest.fixture
def net():
    with network() as made:
        yield made


class Live:
    """A running `imsniff capture`."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        """Standard output, each line with the time it came."""
        self.err = []
        self._came = queue.Queue()
        for stream, put in ((process.stdout, self._line), (process.stderr, self._told)):
            threading.Thread(target=self._read, args=(stream, put), daemon=True).start()

    @staticmethod
    def _read(stream, put):
        for line in stream:
            put(line.decode())
        stream.close()

    def _line(self, line):
        self.lines.append((time.time(), json.loads(line)))

    def _told(self, line):
        self.err.append(line)
        self._came.put(line)

    def heard(self, what, seconds=30):
        """Waits until standard error says it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                line = self._came.get(timeout=0.2)
            except queue.Empty:
                assert self.process.poll() is None, "".join(self.err)
                continue
            if what in line:
                return line
        raise AssertionError(f"{what!r} was not said: {self.err}")

    def until(self, test, seconds=10):
        """Waits for a line of standard output that passes the test."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for came, record in list(self.lines):
                if test(record):
                    return came, record
            time.sleep(0.02)
        raise AssertionError(f"no such record: {self.lines} {self.err}")

    def end(self, how=signal.SIGINT):
        self.process.send_signal(how)
        code = self.process.wait(timeout=40)
        time.sleep(0.1)
        return code

    def records(self, kind):
        return [record for _, record in self.lines if record["kind"] == kind]


@pytest.fixture
def live(net, tmp_path):
    """Starts `imsniff capture` on the sensor's port."""
    started = []

    def start(*arguments, interface="span0", before=(), namespace=None, wait=True, cwd=tmp_path):
        command = ["ip", "netns", "exec", namespace or net.sensor, *before, sys.executable, "-m", "imsniff", "capture"]
        process = subprocess.Popen(
            [*command, "-i", interface, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        started.append(process)
        made = Live(process)
        if wait:
            made.heard("listening on")
        return made

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def workers_of(sensor):
    pid = sensor.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def counters(file="a.db"):
    with sqlite3.connect(file) as db:
        found = json.loads(db.execute("SELECT counters FROM run ORDER BY id DESC").fetchone()[0])
    db.close()
    return found


def stored_sessions(file="a.db"):
    """Once the three sightings of a conversation are there with it."""
    with closing(sqlite3.connect(file)) as db:
        try:
            if db.execute("SELECT count(*) FROM sighting").fetchone() != (3,):
                return []
            return db.execute("SELECT client_ip, client_port, server_ip, server_port, packets FROM session").fetchall()
        except sqlite3.OperationalError:  # no table yet
            return []


@pytest.fixture
def talk(net, tmp_path):
    """A real TCP connection from client to server that says a Yahoo conversation."""
    payloads = [packet[54:] for packet in conversation() if len(packet) > 54]
    serve = (
        "import socket, sys\n"
        f"s = socket.create_server(('{SERVER}', 5050)); print('ready', flush=True)\n"
        "c, _ = s.accept()\n"
        "while c.recv(4096): pass\n"
    )
    say = (
        "import socket, sys, time\n"
        f"c = socket.create_connection(('{SERVER}', 5050))\n"
        f"for one in {payloads!r}: c.sendall(one); time.sleep(0.05)\n"
        "print(c.getsockname()[1], flush=True); sys.stdin.readline()\n"
    )

    @contextmanager
    def talking():
        command = ["ip", "netns", "exec"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        server = subprocess.Popen([*command, net.server, sys.executable, "-c", serve], **pipes)
        assert server.stdout.readline()
        client = subprocess.Popen([*command, net.client, sys.executable, "-c", say], **pipes)
        try:
            yield int(client.stdout.readline())
            client.communicate(b"\n", timeout=10)
            server.communicate(timeout=10)
        finally:
            for one in (client, server):
                one.kill()
                one.wait()

    return talking


def test_a_finding_comes_within_a_second_of_its_packet(live, talk):
    sensor = live("--db", "a.db")
    with talk() as port:
        for risk in ("cleartext-messages", "rogue-im"):
            came, finding = sensor.until(lambda r, risk=risk: r.get("risk") == risk)
            proof = datetime.fromisoformat(finding["ts"] if risk != "rogue-im" else finding["first_seen"]).timestamp()
            assert came - proof < 1.0
            assert finding["evidence"][0]["capture"] == "span0"
        until = time.monotonic() + 20
        while not (rows := stored_sessions()):  # while the connection is still open
            assert time.monotonic() < until
            time.sleep(0.05)
        assert [row[:4] for row in rows] == [(CLIENT, port, SERVER, 5050)]
        assert not sensor.records("session")
    assert sensor.end() == 0
    (session,) = sensor.records("session")
    assert session["client_port"] == port
    assert "1 sessions, 2 findings" in "".join(sensor.err)
    told = datetime.fromisoformat(session["first_seen"]).timestamp()
    assert abs(told - time.time()) < 60
    assert session["first_seen"] < datetime.now(UTC).isoformat()


def test_a_finding_does_not_wait_for_a_busy_link_to_be_quiet(live, net, talk, many):
    sensor = live("--db", "a.db")
    busy = threading.Thread(target=net.replay, args=(many,), kwargs={"rate": "-M 50 -l 3"})
    busy.start()
    try:
        with talk():
            came, finding = sensor.until(lambda r: r.get("risk") == "rogue-im")
            busy_still = busy.is_alive()
    finally:
        busy.join()
    assert busy_still
    assert came - datetime.fromisoformat(finding["first_seen"]).timestamp() < 1.0
    assert sensor.end() == 0


def keys(records):
    return sorted((r["protocol"], r["client_ip"], r["client_port"], r["server_ip"], r["server_port"]) for r in records)


def replayable():
    """Captures of ours that tcpreplay takes: Ethernet in a plain pcap file."""
    files = []
    for file in sorted((PCAPS / "ymsg").glob("*.pcap"))[:6]:
        with open_capture(file) as capture:
            if all(row[4] == 1 for batch in capture for row in batch.rows()):
                files.append(file)
    return files


@pytest.mark.parametrize("workers", [1, 2])
def test_live_and_offline_find_the_same(live, net, imsniff, workers):
    needs("tcpreplay")
    files = replayable()
    sensor = live("--db", "a.db", "--workers", workers)
    sent = sum(_packets(file) for file in files)
    for file in files:
        net.replay(file)
    time.sleep(0.5)
    assert sensor.end() == 0
    counted = counters()
    assert counted["packets"] + counted["kernel_drops"] == counted["received"] >= sent
    offline = [json.loads(line) for line in imsniff("analyze", *files, "--db", "b.db", "--jsonl").lines]
    assert keys(sensor.records("session")) == keys([r for r in offline if r["kind"] == "session"])
    # played at once, captures of different days meet: who shares an account is then another matter
    live, there = ({r["key"] for r in some if r["kind"] == "finding"} for some in (sensor.records("finding"), offline))
    assert there <= live
    assert {key for key in live - there if not key.startswith("account-shared|")} == set()
    assert counted["sessions"] == len(sensor.records("session"))


def _packets(file):
    with open_capture(file) as capture:
        for batch in capture:
            batch.finish()
        return capture.frames


@pytest.fixture
def many(tmp_path):
    """A capture of 8 000 packets, 11 MB."""
    needs("tcpreplay")
    file = tmp_path / "many.pcap"
    one = pcap([b"\x02" * 12 + b"\x08\x00" + b"x" * 1386])
    file.write_bytes(one + one[24:] * 7999)
    return file


def test_what_is_lost_is_counted_shown_and_stored(live, net, many):
    sensor = live("--db", "a.db", "--buffer", "2M")
    (worker,) = workers_of(sensor)
    os.kill(worker, signal.SIGSTOP)
    sent = net.replay(many)
    os.kill(worker, signal.SIGCONT)
    time.sleep(0.6)
    assert sensor.end() == 0
    counted = counters()
    assert counted["received"] == sent
    assert counted["kernel_drops"] > 1000
    assert counted["packets"] == sent - counted["kernel_drops"]
    (span,) = counted["blind"]
    assert span["lost"] == counted["kernel_drops"]
    assert span["since"] < span["until"]
    assert span["capture"] == "span0"
    assert f"{counted['kernel_drops']:,} packets" in "".join(sensor.err)


def test_a_writer_that_waits_does_not_lose_packets(live, net, many):
    sensor = live("--db", "a.db", "--buffer", "8M")
    os.kill(sensor.process.pid, signal.SIGSTOP)  # as a disk or a reader of standard output may make it wait
    sent = net.replay(many)
    os.kill(sensor.process.pid, signal.SIGCONT)
    assert sensor.end() == 0
    counted = counters()
    assert counted["packets"] == counted["received"] == sent
    assert counted["kernel_drops"] == 0


@pytest.fixture
def others(monkeypatch):
    """A folder and an interpreter that another user may use; the captures are readable for all as they are."""
    import pwd

    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("there is no user nobody")
    source = subprocess.run(
        ["setpriv", "--reuid", "nobody", "--clear-groups", sys.executable, "-c", "import imsniff, click"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        cwd="/",
        check=False,
        capture_output=True,
    )
    if source.returncode:
        pytest.skip("nobody may not read this checkout or its interpreter")
    theirs = Path(tempfile.mkdtemp(prefix="imsniff-"))
    os.chown(theirs, nobody.pw_uid, nobody.pw_gid)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(theirs))
    yield theirs, nobody.pw_uid
    shutil.rmtree(theirs)


@pytest.mark.parametrize("workers", [1, 2])
def test_rights_are_given_up(live, talk, others, workers):
    folder, uid = others
    sensor = live("--db", "a.db", "-Z", "nobody", "--workers", workers, cwd=folder)
    for process in [sensor.process.pid, *workers_of(sensor)]:
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        assert set(status["Uid"].split()) == {str(uid)}
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    with talk():
        sensor.until(lambda r: r.get("risk") == "rogue-im")
    assert sensor.end() == 0
    assert (folder / "a.db").stat().st_uid == uid


def test_one_capability_is_enough(live, talk, others):
    folder, _ = others
    plain = ["setpriv", "--reuid", "nobody", "--clear-groups"]
    sensor = live("--db", "a.db", cwd=folder, before=plain, wait=False)
    assert sensor.process.wait(30) == 4
    sensor.end(0)
    assert "no right to capture; run as root with -Z USER, or give" in "".join(sensor.err)
    sensor = live("--db", "a.db", cwd=folder, before=[*plain, "--inh-caps", "+net_raw", "--ambient-caps", "+net_raw"])
    with talk():
        sensor.until(lambda r: r.get("risk") == "rogue-im")
    assert sensor.end() == 0


def test_a_filter_is_the_kernels(live, talk):
    sensor = live("--db", "a.db", "-f", "tcp port 5051")
    with talk():
        time.sleep(0.5)
    assert sensor.end() == 0
    assert counters()["received"] == 0
    sensor = live("--db", "a.db", "-f", "tcp port 5050")
    with talk():
        sensor.until(lambda r: r.get("risk") == "rogue-im")
    assert sensor.end() == 0


def test_signals(live, talk, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text("version = 1\n")
    sensor = live("--db", "a.db", "--policy", policy)
    with talk():
        sensor.until(lambda r: r.get("risk") == "rogue-im")
        sensor.process.send_signal(signal.SIGUSR1)
        assert "kernel drops 0" in sensor.heard("span0: received")
        assert "2 findings; sessions: ymsg 1" in sensor.heard("findings;")
        policy.write_text("version = 2\n")
        sensor.process.send_signal(signal.SIGHUP)
        assert "policy.toml" in sensor.heard("stay as they were")
        policy.write_text('version = 1\n[[deny]]\nname = "no Yahoo"\nprotocol = "ymsg"\n')
        sensor.process.send_signal(signal.SIGHUP)
        sensor.heard("read again")
    assert sensor.end(signal.SIGTERM) == 0
    (session,) = sensor.records("session")
    assert session["confidence"] == "dissected"
    assert len(sensor.records("message")) == 2
    # the flow went on, and was judged by the new policy when it ended
    assert "policy-violation" in {r["risk"] for r in sensor.records("finding")}
    assert sensor.end(0) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_reloading_workers_lose_no_flow(live, talk, tmp_path, workers):
    policy = tmp_path / "policy.toml"
    policy.write_text("version = 1\n")
    sensor = live("--db", "a.db", "--policy", policy, "--workers", workers)
    with talk():
        sensor.until(lambda r: r.get("risk") == "rogue-im")
        policy.write_text('version = 1\n[[deny]]\nname = "no Yahoo"\nprotocol = "ymsg"\n')
        sensor.process.send_signal(signal.SIGHUP)
        sensor.heard("read again")
    assert sensor.end() == 0
    assert len(sensor.records("session")) == 1
    assert "policy-violation" in {r["risk"] for r in sensor.records("finding")}


def test_it_ends_by_itself(live):
    began = time.monotonic()
    sensor = live("--db", "a.db", "--duration", "1.5s")
    assert sensor.process.wait(20) == 0
    assert time.monotonic() - began > 1.5
    assert sensor.end(0) == 0
    assert "0 packets, 0 sessions, 0 findings" in "".join(sensor.err)


def test_a_worker_that_dies_is_told_and_the_others_go_on(live, talk):
    sensor = live("--db", "a.db", "--workers", 2)
    os.kill(workers_of(sensor)[0], signal.SIGKILL)
    sensor.heard("ended unasked")
    with talk():
        sensor.until(lambda r: r.get("risk") == "rogue-im")
    assert sensor.end() == 3
    assert len(sensor.records("session")) == 1


def test_an_interface_that_goes_away(live, net):
    sensor = live("--db", "a.db")
    net.within(net.server, "ip", "link", "del", "m0")
    assert sensor.process.wait(20) == 4
    assert sensor.end(0) == 4
    assert "span0: it was removed" in "".join(sensor.err)
    assert counters()["errors"] == 1


def test_two_interfaces(live, net, talk):
    sensor = live("-i", "lo", "--db", "a.db")
    with talk():
        sensor.until(lambda r: r.get("risk") == "rogue-im")
    assert sensor.end() == 0
    with sqlite3.connect("a.db") as db:
        assert [row[0] for row in db.execute("SELECT name FROM run_input ORDER BY position")] == ["span0", "lo"]
    db.close()


def test_only_packets_of_sessions_are_written_from_their_first(live, net, talk, imsniff):
    sensor = live("--db", "a.db", "-w", "im.pcapng")
    other = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    net.within(net.client, sys.executable, "-c", other + f"for n in range(20): s.sendto(b'x' * 50, ('{SERVER}', 99))")
    with talk() as port:
        sensor.until(lambda r: r.get("risk") == "rogue-im")
    assert sensor.end() == 0
    with open_capture("im.pcapng") as capture:
        packets = [bytes(b.slab[at : at + size]) for b in capture for at, size, *_ in b.rows()]
    assert packets[0][47] == 2  # the SYN
    assert all(port.to_bytes(2, "big") in packet[34:38] for packet in packets)
    (session,) = sensor.records("session")
    assert len(packets) == session["packets"]
    again = [json.loads(line) for line in imsniff("analyze", "im.pcapng", "--db", "b.db", "--jsonl").lines]
    assert {r["key"] for r in again if r["kind"] == "finding"} == {r["key"] for r in sensor.records("finding")}
    assert Path("im.pcapng").stat().st_mode & 0o077 == 0
    # the finding's packets are found in that file
    found = next(r for r in sensor.records("finding") if r["risk"] == "rogue-im")
    ran = imsniff("explain", found["id"], "--db", "a.db", "--pcap", "shown.pcapng")
    assert ran.code == 0, ran.err
    with open_capture("shown.pcapng") as capture:
        shown = [bytes(b.slab[at : at + size]) for b in capture for at, size, *_ in b.rows()]
    assert shown
    assert all(packet in packets for packet in shown)


def test_the_live_view_on_a_terminal(net, talk, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["ip", "netns", "exec", net.sensor, sys.executable, "-m", "imsniff", "capture", "-i", "span0", "--db", "a.db"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
    )
    os.close(theirs)
    seen = bytearray()

    def read():
        try:
            while data := os.read(ours, 65536):
                seen.extend(data)
        except OSError:
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def shown(what, seconds=20):
        until = time.monotonic() + seconds
        while what not in seen and time.monotonic() < until:
            time.sleep(0.05)
        assert what in seen, seen.decode(errors="replace")

    try:
        shown(b"Packets/s")
        with talk():
            shown(b"1 ymsg")
            shown(b"rogue-im")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        reader.join(5)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    end = seen.decode(errors="replace").rpartition("stored in")[0]
    assert "cleartext-messages" in end.rpartition("Packets/s")[2]
    assert '"kind"' not in end


def test_wrong_use(imsniff):
    for arguments, said in (
        (["-i", "lo", "--duration", "soon"], "'soon' is no duration"),
        (["-i", "lo", "--rotate-size", "1M"], "about the files of -w"),
        (["-i", "lo", "--buffer", "0"], "is no size"),
        ([], "--interface"),
    ):
        ran = imsniff("capture", *arguments)
        assert (ran.code, said in ran.err) == (2, True), ran.err


def test_what_cannot_be_captured_ends_with_4(imsniff):
    ran = imsniff("capture", "-i", "nothere9", "--db", "a.db")
    assert ran.code == 4
    assert "there is no interface 'nothere9'; choose of" in ran.err
    assert not Path("a.db").exists()


def test_a_bad_filter_is_wrong_use(imsniff):
    needs()
    ran = imsniff("capture", "-i", "lo", "-f", "tcp porto 1", "--db", "a.db")
    if ran.code == 4:
        pytest.skip("libpcap is missing")
    assert ran.code == 2
    assert "syntax error" in ran.err


def test_nobody_by_that_name(imsniff):
    needs()
    ran = imsniff("capture", "-i", "lo", "-Z", "nobody-by-that-name", "--db", "a.db")
    assert ran.code == 2
    assert "there is no user" in ran.err


def test_elsewhere_than_on_linux_libpcap_is_used(imsniff, monkeypatch):
    needs()
    try:
        import scapy.libs.winpcapy  # noqa: F401 - before it can ask where it runs
    except (ImportError, OSError) as why:
        pytest.skip(f"libpcap is missing: {why}")
    monkeypatch.setattr(sys, "platform", "darwin")
    stop = threading.Event()

    def chatter():
        while not stop.wait(0.05):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.sendto(b"hello there", ("127.0.0.1", 47_010))

    sender = threading.Thread(target=chatter)
    sender.start()
    try:
        ran = imsniff("capture", "-i", "lo", "-f", "udp port 47010", "--duration", "1.5", "--db", "a.db")
    finally:
        stop.set()
        sender.join()
    if "not installed" in ran.err:
        pytest.skip(ran.err)
    assert ran.code == 0
    assert counters()["packets"] > 5


def test_without_packet_sockets_the_remedy_is_told(imsniff, monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest, **kw):
        if name.startswith("scapy"):
            raise ImportError(name)
        return real(name, *rest, **kw)

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(builtins, "__import__", without)
    ran = imsniff("capture", "-i", "lo", "--db", "a.db")
    assert ran.code == 4
    assert "needs Linux, or libpcap" in ran.err
