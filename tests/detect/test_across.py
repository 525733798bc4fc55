"""Detectors with memory: the same traffic gives the same findings, however many processes read it."""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path

import pytest
from tests.net.forge import pcap_batch
from tests.scenario.traffic import SECOND, Xmpp, in_order, write_pcap

from imsniff.base.records import to_json
from imsniff.cli.program import run
from imsniff.detect import CrossFlowDetectors, Detectors, Sighting
from imsniff.detect.memory import AgingTable
from imsniff.live import messages
from imsniff.live.collector import Collector
from imsniff.live.output import LiveOutput
from imsniff.live.sensor import LiveSensor
from imsniff.pipeline import Options
from imsniff.rules.loader import load
from made import login, session

DAWN = 1_790_000_000 * SECOND
HOUR = 3600 * SECOND


def conversations():
    """dora logs in on three hosts; carl on one, twice; erik on two hosts, two days apart."""
    return [
        Xmpp("dora@corp.example", "10.1.1.21", DAWN, from_port=40001).close(),
        Xmpp("carl@corp.example", "10.1.1.22", DAWN + SECOND, from_port=40002).close(),
        Xmpp("erik@corp.example", "10.1.1.30", DAWN + 2 * SECOND, from_port=40003).close(),
        Xmpp("dora@corp.example", "10.1.1.23", DAWN + HOUR, from_port=40004).close(),
        Xmpp("dora@corp.example", "10.1.1.24", DAWN + HOUR + SECOND // 2, from_port=40005).close(),
        Xmpp("carl@corp.example", "10.1.1.22", DAWN + 2 * HOUR, from_port=40006).close(),
        Xmpp("erik@corp.example", "10.1.1.31", DAWN + 49 * HOUR, from_port=40007).close(),
    ]


def shared(lines):
    """What the findings say, by account."""
    found = [one for one in map(json.loads, lines) if one["kind"] == "finding" and one["risk"] == "account-shared"]
    return {
        subject: sorted(e["excerpt"] for one in found if one["subject"] == subject for e in one["evidence"])
        for subject in {one["subject"] for one in found}
    }


def analysed(capfdbinary, folder: Path, jobs: int):
    options = ["--separate", "--jsonl", "--jobs", str(jobs), "--db", str(folder.with_suffix(f".{jobs}.db"))]
    assert run(["-q", "analyze", str(folder), *options]) == 0
    return shared(capfdbinary.readouterr().out.splitlines())


def live(workers: int):
    """As the workers of a live capture: each reads its flows, says what it found over a socket, and none waits."""
    shown = []
    collector = Collector(lambda _: None, lambda record: shown.append(to_json(record)))
    flows, inboxes = conversations(), [messages.inbox() for _ in range(workers)]
    outputs = []
    for number in range(workers):
        sensor = LiveSensor(Options(signatures=load()), "eth0", LiveOutput())
        records = [
            *(r for packet in in_order(flows[number::workers]) for r in sensor.read(pcap_batch([packet]))),
            *sensor.finish(),
        ]
        outputs.append([messages.message(messages.RECORD, record) for record in records])
    for turn in zip_longest(*outputs):
        for inbox, said in zip(inboxes, turn, strict=True):
            for _, record in inbox.feed(said or b""):
                collector.record(record)
    collector.finish()
    collector.last_words()
    found = {json.loads(line)["id"]: line for line in shown}
    return shared(found.values())


def test_one_process_two_jobs_and_two_workers_find_the_same(capfdbinary, tmp_path):
    folder = tmp_path / "captures"
    folder.mkdir()
    for number, flow in enumerate(conversations()):
        write_pcap(folder / f"{number}.pcap", in_order([flow]))
    one = analysed(capfdbinary, folder, 1)
    assert [(subject, len(excerpts)) for subject, excerpts in one.items()] == [("dora@corp.example", 3)]
    assert all(host in str(one) for host in ("10.1.1.21", "10.1.1.23", "10.1.1.24"))
    assert analysed(capfdbinary, folder, 2) == one
    assert live(1) == live(2) == live(3) == one


def judged(*logins):
    detectors, across = Detectors(), CrossFlowDetectors()
    passed = [record for of, one in logins for seen in detectors.observations(of, one) for record in across.take(seen)]
    everything = [*passed, *across.finish()]
    return [one for one in everything if isinstance(one, Sighting) and one.finding.risk == "account-shared"]


def on(host, seconds=0, protocol="xmpp", **fields):
    of = session(seconds, client_ip=host, protocol=protocol, account="alice@example.org")
    return of, login(of, seconds, **fields)


@pytest.mark.parametrize(
    "second",
    [
        on("10.0.0.21", 60),
        on("10.0.0.22", 60, outcome="failed"),
        on("10.0.0.22", 60, account="bob@example.org"),
        on("10.0.0.22", 86_401),
        on("198.51.100.7", 60),
        on("10.0.0.22", 60, protocol="msrp"),
    ],
    ids=["same host", "failed", "another account", "another day", "outside", "peer to peer"],
)
def test_it_stays_silent(second):
    assert judged(on("10.0.0.21"), second) == []


def test_each_host_is_one_sighting_however_often_it_logs_in():
    seen = judged(on("10.0.0.21"), on("10.0.0.22", 60), on("10.0.0.21", 120), on("10.0.0.22", 180))
    assert [(one.finding.subject, one.finding.host) for one in seen] == [
        ("alice@example.org", "10.0.0.21"),
        ("alice@example.org", "10.0.0.22"),
    ]


def test_observations_of_a_faster_worker_wait():
    early, late = on("10.0.0.21", 10), on("10.0.0.22", 10.5)
    assert [one.excerpt for one in judged(early, late)] == [one.excerpt for one in judged(late, early)]


def test_memory_is_capped_and_ages():
    table = AgingTable(list, limit=3, lifetime=10)
    first = table.touch("a", 0)
    assert table.touch("a", 10) is first
    for number, key in enumerate("bcd"):
        table.touch(key, 11 + number)
    assert len(table) == 3
    assert table.touch("a", 14) is not first
    assert table.touch("d", 40) == []
    assert len(table) == 1
