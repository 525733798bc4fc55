"""What each stage of the spine costs by itself, with pytest-benchmark.

    python -m pytest bench/micro --benchmark-json out/micro.json

The items of a round (packets, segments, payloads, messages, records) stand in each benchmark's `extra_info`, so that a
round's time divided by them is the cost of one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from random import Random

import pytest

from bench.make_captures import make
from bench.talk import SPEECHES
from imsniff.base.events import Side
from imsniff.base.records import to_json
from imsniff.capture.pcapfile import open_capture
from imsniff.classify import readers
from imsniff.classify.scanner import Scanner
from imsniff.detect import Aggregate, Detectors
from imsniff.dissect.core import REGISTRY
from imsniff.net.decode import Decoder
from imsniff.net.flows import FlowData, Flows
from imsniff.net.gate import Gate
from imsniff.net.gates import open_gate
from imsniff.net.segment import UDP
from imsniff.pipeline import Options, Sensor
from imsniff.record.privacy import Content
from imsniff.rules import loader
from imsniff.store.opening import open_for_writing
from imsniff.store.writer import Writer

PACKETS = 6_000
"""Of the mixed capture: less than one slab."""
MESSAGES = 500
"""Of each conversation."""
SIDES = (Side.CLIENT, Side.SERVER)
GATES = {"python": Gate, "fastest": open_gate}


def drained(items: Iterator[object]) -> None:
    deque(items, 0)


@pytest.fixture(scope="session")
def signatures():
    return loader.load(None)


@pytest.fixture(scope="session")
def batch(tmp_path_factory):
    """One slab of mixed traffic."""
    path = tmp_path_factory.mktemp("micro") / "office.pcap"
    make(path, PACKETS, 0.01)
    with open_capture(path) as capture:
        yield next(iter(capture))


@pytest.fixture(scope="session")
def segments(batch):
    decode = Decoder().segments
    return [found for frame, row in enumerate(batch.rows(), 1) for found in decode(batch.slab, frame, *row)]


@pytest.fixture(scope="session")
def records(tmp_path_factory, signatures):
    """What a capture of nothing but messaging gives."""
    path = tmp_path_factory.mktemp("micro") / "xmpp.pcap"
    make(path, 20_000, 1, only="xmpp")
    with open_capture(path) as capture:
        sensor = Sensor(Options(signatures=signatures), "xmpp.pcap")
        found = [record for batch in capture for record in sensor.read(batch)]
        return [*found, *sensor.finish()]


def test_walk(benchmark, batch):
    benchmark.extra_info["packets"] = PACKETS
    benchmark(lambda: drained(batch.rows()))


@pytest.mark.parametrize("gate", GATES)
def test_gate_lets_all_through(benchmark, batch, gate):
    benchmark.extra_info["packets"] = PACKETS
    benchmark(lambda: drained(GATES[gate]().raise_packets(batch)))


@pytest.mark.parametrize("gate", GATES)
def test_gate_skips_all(benchmark, batch, segments, gate):
    benchmark.extra_info["packets"] = PACKETS
    full = GATES[gate]()
    for segment in segments:
        full.ignore(segment)
    benchmark(lambda: drained(full.raise_packets(batch)))


def test_decode(benchmark, batch):
    rows = list(enumerate(batch.rows(), 1))
    benchmark.extra_info["packets"] = len(rows)
    decode = Decoder().segments

    def run():
        for frame, row in rows:
            decode(batch.slab, frame, *row)

    benchmark(run)


def test_flows_and_reassembly(benchmark, segments):
    benchmark.extra_info["segments"] = len(segments)

    def run():
        flows = Flows(object)
        for segment in segments:
            drained(flows.segment(segment))

    benchmark(run)


def test_scanner(benchmark, segments, signatures):
    flows = Flows(object)
    heard = [
        (one.item.data, one.flow.protocol == UDP) for s in segments for one in flows.segment(s) if type(one) is FlowData
    ]
    benchmark.extra_info["payloads"] = len(heard)
    scan = Scanner(signatures.payload).scan

    def run():
        for data, udp in heard:
            scan(data[:512], "udp" if udp else "tcp", midstream=False)

    benchmark(run)


@pytest.mark.parametrize("name", SPEECHES)
def test_dissector(benchmark, name):
    readers.load()
    speech = SPEECHES[name]
    turns = [(SIDES[side], data) for side, data, _ in speech.turns(Random(1), MESSAGES)]
    benchmark.extra_info["messages"] = MESSAGES

    def run():
        dissector = REGISTRY[name]()
        read = dissector.datagram if speech.transport == "udp" else dissector.feed
        for side, data in turns:
            drained(read(side, data))

    benchmark(run)


def test_detect(benchmark, records):
    sessions = {record.id: record for record in records if type(record).__name__ == "SessionRecord"}
    placed = [(sessions[record.session], record) for record in records if hasattr(record, "session")]
    benchmark.extra_info["records"] = len(placed)

    def run():
        detectors, found = Detectors(), Aggregate()
        for session, record in placed:
            for finding in detectors.on_record(session, record):
                found.add(finding)

    benchmark(run)


def test_json(benchmark, records):
    benchmark.extra_info["records"] = len(records)
    benchmark(lambda: deque(map(to_json, records), 0))


def test_store(benchmark, records, tmp_path):
    benchmark.extra_info["records"] = len(records)
    numbers = iter(range(1_000_000))

    def run():
        with open_for_writing(str(tmp_path / f"{next(numbers)}.db")) as store, Writer(store, program="bench") as writer:
            for record in records:
                writer.add(record)

    benchmark(run)


def test_from_packet_to_record(benchmark, tmp_path, signatures):
    """Everything but the store, on nothing but messaging."""
    path = tmp_path / "irc.pcap"
    benchmark.extra_info["packets"] = make(path, 5_000, 1, only="irc")["packets"]

    def run():
        with open_capture(path) as capture:
            sensor = Sensor(Options(signatures=signatures, content=Content.NONE), "irc.pcap")
            for batch in capture:
                drained(sensor.read(batch))
            drained(sensor.finish())

    benchmark(run)
