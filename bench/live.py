"""The live benchmark: imsniff and dumpcap on a span port, at rising rates, and what each of them loses.

    python -m bench.live                                  300 000 packets, at 500 Mbit/s up to whatever is possible
    python -m bench.live --rates 1000 0 --rounds 5        at 1 Gbit/s and at top speed, five rounds
    python -m bench.live --workers 1 2 --packets 1300000

tcpreplay sends a made capture from one network namespace to another, tc mirrors what comes in to a third, and there one
of the contenders listens; they take turns, so that whatever else the machine does hits both alike. dumpcap throws away
what it captures. What was sent is what the span port was given; all of it is seen, or dropped and counted: `missing`
says how much is neither. Sessions are compared with what `imsniff analyze` finds in the same file. The delay of a
finding is from its packet's time stamp to its line on standard output. Needs root, Linux, iproute2, tcpreplay, dumpcap.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.netns import Network, needs, network

from bench.run import CAPTURES, ROOT, capture_of

OF_A_SESSION = {"rogue-im", "odd-port", "policy-violation"}
"""Risks that a whole session shows: no one packet proves them."""
SETTLED = 1.0
"""Seconds after the last packet until a contender is told to end."""

Session = tuple[Any, ...]


class LiveResult(NamedTuple):
    """What one contender says of one replay."""

    seen: int
    dropped: int
    sessions: set[Session]
    delays: list[float]


class Ran(NamedTuple):
    contender: str
    rate: float
    """Megabits a second asked for; 0: as fast as possible."""
    reached: float
    packets_per_second: float
    sent: int
    cpu: float
    """Processor seconds, of all processes of the contender."""
    heard: LiveResult

    @property
    def missing(self) -> int:
        return self.sent - self.heard.seen - self.heard.dropped


class Listener:
    """A running contender. Its output is read as it comes, each line with its time."""

    def __init__(self, net: Network, command: list[str], ready: str) -> None:
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", net.sensor, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.out: list[tuple[float, bytes]] = []
        self.err: list[tuple[float, bytes]] = []
        self._threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for thread in self._threads:
            thread.start()
        while not any(ready in line.decode() for _, line in self.err):
            if self.process.poll() is not None:
                raise SystemExit(f"{shlex.join(command)}: {self.said}")
            time.sleep(0.02)

    @staticmethod
    def _read(stream: Any, lines: list[tuple[float, bytes]]) -> None:
        lines.extend((time.time(), line) for line in stream)

    @property
    def said(self) -> str:
        return b"".join(line for _, line in self.err).decode()

    def end(self) -> float:
        """Processor seconds that it took."""
        self.process.send_signal(signal.SIGINT)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        for thread in self._threads:
            thread.join(10)
        return used.ru_utime + used.ru_stime


def dumpcap(listener: Listener, _: Path) -> LiveResult:
    told = re.search(r"received/dropped on interface '.*': (\d+)/(\d+)", listener.said)
    if told is None:
        raise SystemExit(f"dumpcap: {listener.said}")
    return LiveResult(int(told[1]), int(told[2]), set(), [])


def imsniff(listener: Listener, folder: Path) -> LiveResult:
    import sqlite3

    with sqlite3.connect(folder / "live.db") as db:
        counters = json.loads(db.execute("SELECT counters FROM run").fetchone()[0])
    db.close()
    records = [(came, json.loads(line)) for came, line in listener.out]
    met: set[str] = set()
    delays = []
    for came, record in records:
        if record["kind"] == "finding" and record["id"] not in met:
            met.add(record["id"])
            if record["risk"] not in OF_A_SESSION:
                delays.append(came - datetime.fromisoformat(record["ts"]).timestamp())
    dropped = sum(counters.get(name, 0) for name in ("kernel_drops", "unread", "interface_drops"))
    return LiveResult(
        counters["packets"], dropped, {_key(record) for _, record in records if _is_session(record)}, delays
    )


def _is_session(record: dict[str, Any]) -> bool:
    return bool(record["kind"] == "session")


def _key(session: dict[str, Any]) -> Session:
    return tuple(session[name] for name in ("protocol", "client_ip", "client_port", "server_ip", "server_port"))


class Contender(NamedTuple):
    name: str
    command: Callable[[Path], list[str]]
    """From a folder for whatever is written."""
    ready: str
    """What it says once it listens."""
    heard: Callable[[Listener, Path], LiveResult]


def contenders(program: list[str], workers: list[int], more: list[str]) -> list[Contender]:
    def listening(count: int) -> Callable[[Path], list[str]]:
        own = ["--db", "live.db", "--workers", str(count), "--jsonl", *more]
        return lambda folder: [*program, "capture", "-i", "span0", *own[:1], str(folder / own[1]), *own[2:]]

    return [
        Contender("dumpcap", lambda _: ["dumpcap", "-i", "span0", "-w", "/dev/null"], "Capturing on", dumpcap),
        *(Contender(f"imsniff, {n}", listening(n), "listening on", imsniff) for n in workers),
    ]


def at_the_span_port(net: Network) -> int:
    """Packets that it was given so far, whether or not there was room for them behind it."""
    folder = "/sys/class/net/m0/statistics"
    told = net.within(net.server, "cat", f"{folder}/tx_packets", f"{folder}/tx_dropped").stdout
    return sum(map(int, told.split()))


def replayed(net: Network, contender: Contender, capture: Path, rate: float) -> Ran:
    with tempfile.TemporaryDirectory(prefix="imsniff-bench-") as name:
        folder = Path(name)
        listener = Listener(net, contender.command(folder), contender.ready)
        try:
            time.sleep(SETTLED)
            before = at_the_span_port(net)
            how = ["-M", f"{rate:g}"] if rate else ["-t"]
            replay = ["tcpreplay", "--no-flow-stats", "-K", "-i", "c0", *how, str(capture)]
            told = net.within(net.client, *replay, timeout=600).stdout.decode()
            time.sleep(SETTLED)
            sent = at_the_span_port(net) - before
            cpu = listener.end()
        finally:
            if listener.process.returncode is None:
                listener.process.kill()
                listener.process.wait()
        reached = re.search(r"Rated: .* ([\d.]+) Mbps, ([\d.]+) pps", told)
        if reached is None:
            raise SystemExit(f"tcpreplay: {told}")
        speed = float(reached[1]), float(reached[2])
        return Ran(contender.name, rate, *speed, sent, cpu, contender.heard(listener, folder))


def offline(program: list[str], capture: Path) -> set[Session]:
    with tempfile.TemporaryDirectory(prefix="imsniff-bench-") as folder:
        command = [*program, "-q", "analyze", str(capture), "--db", f"{folder}/offline.db", "--jsonl"]
        lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    return {_key(record) for record in map(json.loads, lines) if _is_session(record)}


def lines(rounds: list[Ran], there: set[Session]) -> Iterator[str]:
    """One for each contender, of its rounds at one rate."""
    for name in dict.fromkeys(ran.contender for ran in rounds):
        ours = [ran for ran in rounds if ran.contender == name]
        drops = " ".join(f"{ran.heard.dropped:,}" for ran in ours)
        missing = max((abs(ran.missing) for ran in ours), default=0)
        delays = [delay for ran in ours for delay in ran.heard.delays]
        reached = statistics.median(ran.reached for ran in ours), statistics.median(r.packets_per_second for r in ours)
        cpu = statistics.median(ran.cpu for ran in ours)
        line = f"{name:12}{reached[0]:8,.0f} Mbit/s {reached[1]:9,.0f}/s {cpu:6.2f} CPU s"
        line += f"  missing {missing:,}  dropped {drops}"
        if delays:
            found = min(len(ran.heard.sessions & there) for ran in ours)
            more = max(len(ran.heard.sessions - there) for ran in ours)
            line += f"  sessions {found} of {len(there)}" + (f" and {more} others" if more else "")
            line += f"  findings after {statistics.median(delays):.2f} s, at most {max(delays):.2f} s"
        yield line


@contextmanager
def span_port() -> Iterator[Network]:
    try:
        needs("tc", "tcpreplay", "dumpcap")
        with network() as net:
            yield net
    except pytest.skip.Exception as why:
        raise SystemExit(str(why)) from None


def main() -> None:
    parser = argparse.ArgumentParser(description="What imsniff and dumpcap lose on a span port.")
    parser.add_argument("--packets", type=int, default=300_000, help="of a mixed capture")
    parser.add_argument("--im-share", type=float, default=0.01)
    parser.add_argument("--capture", type=Path, help="replay this Ethernet capture instead")
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[500, 1000, 1500, 2000, 3000, 0], help="Mbit/s; 0: top"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--captures", type=Path, default=CAPTURES, help="where captures are made and kept")
    parser.add_argument("--imsniff", default=f"{shlex.quote(sys.executable)} -m imsniff", help="how to call imsniff")
    parser.add_argument("--with", dest="more", default="", help="further options for imsniff capture")
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "live.json")
    options = parser.parse_args()
    program = shlex.split(options.imsniff)
    field = contenders(program, options.workers, shlex.split(options.more))
    capture = options.capture or capture_of(options.captures, options.packets, options.im_share)["path"]
    there = offline(program, capture)
    ran: list[Ran] = []
    with span_port() as net:
        for rate in options.rates:
            here = [replayed(net, one, capture, rate) for _ in range(options.rounds) for one in field]
            print(f"{rate:g} Mbit/s" if rate else "as fast as possible", *lines(here, there), sep="\n  ", flush=True)
            ran += here
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report = [
        {
            **one._asdict(),
            "missing": one.missing,
            "heard": one.heard._replace(sessions=sorted(one.heard.sessions))._asdict(),
        }
        for one in ran
    ]
    options.json.write_text(json.dumps({"sessions": len(there), "runs": report}, indent=2) + "\n")
    print(f"figures: {options.json}")


if __name__ == "__main__":
    main()
