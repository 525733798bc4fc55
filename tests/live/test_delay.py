"""New flows wait for their announcement: what another worker heard a moment before is known when they are heard."""

from __future__ import annotations

import json
import struct
from datetime import datetime
from pathlib import Path

import pytest
from tests.net.forge import end, pcap_batch, udp

from imsniff.base.limits import MAX_DELAYED_FLOW, NEW_FLOW_DELAY_NS
from imsniff.capture.pcapfile import open_capture
from imsniff.live.delay import NewFlowDelay
from imsniff.live.output import LiveOutput
from imsniff.live.sensor import LiveSensor
from imsniff.net.segment import TCP, Flag, Segment
from imsniff.pipeline import Options
from imsniff.rules.loader import load

PCAPS = Path(__file__).parents[2] / "pcaps"
CALLER, CALLED = b"\x0a\0\0\x01\x9c\x40", b"\x0a\0\0\x02\x11\x5b"
FOREIGN = b"\x16\x03\x01"


def segment(payload=b"", ts=0, flags=0, source=CALLER):
    return Segment(1, ts, TCP, source, CALLED, payload, flags=flags)


def lobby():
    return NewFlowDelay(lambda first: first.payload.startswith(FOREIGN))


def heard(flows):
    return [[one.payload for one in flow.segments] for flow in flows]


def test_a_new_flow_waits_and_comes_in_order():
    waits = lobby()
    assert waits.stops(segment(flags=Flag.SYN), known=False)
    assert waits.stops(segment(b"one", ts=5), known=True)
    assert not waits.due(NEW_FLOW_DELAY_NS - 1)
    assert waits.stops(segment(b"two", ts=9), known=False)
    assert heard(waits.due(NEW_FLOW_DELAY_NS)) == [[b"", b"one", b"two"]]
    assert not waits.due(None)


def test_who_is_known_foreign_or_says_nothing_does_not_wait():
    waits = lobby()
    assert not waits.stops(segment(b"x"), known=True)
    assert not waits.stops(segment(), known=False)
    assert waits.stops(segment(flags=Flag.SYN), known=False)
    assert waits.stops(segment(FOREIGN), known=False)
    assert heard(waits.due(0)) == [[b"", FOREIGN]]


def test_waiting_is_bounded(monkeypatch):
    waits = lobby()
    assert waits.stops(segment(bytes(MAX_DELAYED_FLOW)), known=False)
    assert not waits.due(0)
    waits.stops(segment(b"x"), known=False)
    assert len(waits.due(0)) == 1
    monkeypatch.setattr("imsniff.live.delay.MAX_DELAYED_FLOWS", 3)
    sources = [bytes((10, 0, 0, number, 1, 1)) for number in range(10)]
    for source in sources:
        waits.stops(segment(b"x", source=source), known=False)
    assert [flow.segments[0].source for flow in waits.due(0)] == sources[:7]
    monkeypatch.setattr("imsniff.live.delay.MAX_DELAYED", 5)
    waits.stops(segment(b"xxxxx", source=sources[9]), known=False)
    assert [flow.segments[0].source for flow in waits.due(0)] == [sources[7]]


@pytest.mark.parametrize("one_of_several", [False, True])
def test_a_flow_that_waits_is_known_to_the_gate(one_of_several):
    """Only who has not said a word yet can be turned away for its first words."""
    caller, called = end("192.0.2.1", 40000), end("198.51.100.9", 40001)
    question = bytes.fromhex("12340100000100000000000003777777076578616d706c650000010001")
    sensor = LiveSensor(
        Options(signatures=load(user=Path("/nonexistent"))), "test", LiveOutput(one_of_several=one_of_several)
    )
    told = list(sensor.read(pcap_batch([(0, udp(caller, called, b"SIP/2.0 200")), (1, udp(caller, called, question))])))
    assert (told, sensor.gate.skipped) == ([], 0)


def parts(name, protocol, folder):
    """A golden capture in two: the announced flow, and all else. And its record of the transfer."""
    golden = [json.loads(line) for line in (PCAPS / f"{name}.jsonl").read_text().splitlines()]
    told = next(one for one in golden if one["kind"] == "transfer" and one["protocol"] == protocol)
    session = next(one for one in golden if one["kind"] == "session" and one["id"] == told["session"])
    ends = {session["client_port"], session["server_port"]}
    kept = {True: [], False: []}
    with open_capture(PCAPS / f"{name}.pcap") as capture:
        for batch in capture:
            for at, size, wire, ts, _ in batch.rows():
                packet = bytes(batch.slab[at : at + size])
                announced = set(struct.unpack_from("!HH", packet, 34)) == ends
                kept[announced].append(struct.pack("<IIII", *divmod(ts, 10**9), size, wire) + packet)
    for announced, packets in kept.items():
        header = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
        (folder / f"{announced}.pcap").write_bytes(header + b"".join(packets))
    return folder / "True.pcap", folder / "False.pcap", told, session


def read(sensor, file):
    with open_capture(file) as capture:
        return [record for batch in capture for record in sensor.read(batch)]


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("irc/irssi_ngircd_dcc", "dcc"), ("msnftp/twisted155_escargot_msnp8_msnftp", "msnftp")],
)
def test_an_announcement_by_another_worker_may_come_later_than_the_flow(name, protocol, tmp_path):
    flow, rest, transfer, session = parts(name, protocol, tmp_path)
    here, there = (
        LiveSensor(Options(signatures=load()), "eth0", LiveOutput(keep_packets=True, one_of_several=True))
        for _ in range(2)
    )
    assert read(here, flow) == []
    read(there, rest)
    list(there.finish())
    assert there.output.announced
    for announced in there.output.announced:
        here.expect(*announced)
    late = int(datetime.fromisoformat(session["last_seen"]).timestamp() * 1e9) + NEW_FLOW_DELAY_NS
    records = [*here.tick(late), *here.finish()]
    (told,) = [record for record in records if type(record).__name__ == "TransferRecord"]
    assert (told.name, told.sha256, told.state) == (transfer["name"], transfer["sha256"], transfer["state"])
    assert len(here.output.packets) == session["packets"]
