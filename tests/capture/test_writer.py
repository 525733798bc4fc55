"""What is written is read again, by us and by dpkt."""

from __future__ import annotations

import io

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.capture.forge import SECOND, Taken
from tests.capture.test_pcapfile import nano, read, taken

from imsniff.capture.writer import PcapngWriter, PcapWriter


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("written") / "w.pcap"


@given(packets=st.lists(taken(nano, st.just(113))), nanoseconds=st.booleans())
@settings(max_examples=40, deadline=None)
def test_pcap(path, packets, nanoseconds):
    with PcapWriter(path.open("wb"), 113, nanoseconds=nanoseconds) as writer:
        for packet in packets:
            writer.write(*packet)
    unit = 1 if nanoseconds else 1000
    assert read(path) == ([p._replace(time=p.time // unit * unit) for p in packets], None)
    with path.open("rb") as stream:
        assert [bytes(data) for _, data in dpkt.pcap.Reader(stream)] == [p.data for p in packets]


@given(packets=st.lists(taken(nano, st.sampled_from([1, 101, 276]))))
@settings(max_examples=40, deadline=None)
def test_pcapng(path, packets):
    with PcapngWriter(path.open("wb")) as writer:
        for packet in packets:
            writer.write(*packet)
    assert read(path) == (packets, None)
    if packets:
        with path.open("rb") as stream:
            assert [bytes(data) for _, data in dpkt.pcapng.Reader(stream)] == [p.data for p in packets]


def test_pcap_has_one_link_type():
    writer = PcapWriter(io.BytesIO(), 1)
    with pytest.raises(ValueError, match="link type"):
        writer.write(0, 113, 1, b"x")


def test_impossible_times_and_lengths_are_held_to_what_fits(path):
    for make in lambda stream: PcapWriter(stream, 1), PcapngWriter:
        with make(path.open("wb")) as writer:
            writer.write(-5, 1, 0, memoryview(b"abc"))
            writer.write(SECOND << 32, 1, 9, bytearray(b"abc"))
        found, cut = read(path)
        assert cut is None
        assert found[0] == Taken(0, 1, 3, b"abc")
        assert found[1].time >= SECOND * 0xFFFF_FFFF
