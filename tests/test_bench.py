"""The benchmark's captures: the same bytes every time, packets that others accept, conversations that are found."""

from __future__ import annotations

import dpkt
import pytest
from bench.make_captures import make
from bench.talk import SPEECHES
from bench.wire import word_sum


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "office.pcap"
    return path, make(path, 6_000, 0.3)


def test_the_same_arguments_give_the_same_bytes(capture, tmp_path):
    again = tmp_path / "again.pcap"
    make(again, 6_000, 0.3)
    assert again.read_bytes() == capture[0].read_bytes()


def test_times_never_go_back_and_checksums_are_right(capture):
    last = 0.0
    with capture[0].open("rb") as file:
        for number, (ts, frame) in enumerate(dpkt.pcap.Reader(file), 1):
            assert ts >= last
            last = ts
            ip = dpkt.ethernet.Ethernet(frame).data
            body = bytes(ip.data)
            protocol = ip.p if isinstance(ip, dpkt.ip.IP) else ip.nxt
            assert (word_sum(ip.src + ip.dst + body) + protocol + len(body)) % 65535 == 0, number
            if isinstance(ip, dpkt.ip.IP):
                assert word_sum(bytes(ip)[:20]) == 0, number
    assert number == 6_000


def test_what_it_says_it_holds_is_there(capture):
    path, about = capture
    assert about["bytes"] == path.stat().st_size
    assert sum(about["packets_by_kind"].values()) == 6_000
    assert about["im_packets"] == sum(about["packets_by_kind"].get(name, 0) for name in SPEECHES)
    assert set(SPEECHES) <= set(about["flows"])
    assert 0.01 < about["im_packets"] / 6_000 < 0.35
