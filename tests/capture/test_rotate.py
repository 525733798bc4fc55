"""Rows of files, and packets held until their flow is decided."""

from __future__ import annotations

import pytest

from imsniff.capture.captured import CapturedPacket
from imsniff.capture.pcapfile import open_capture
from imsniff.capture.rotate import Rotating
from imsniff.live.output import HeldPackets, LiveOutput

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND


def packet(number, size=100, link=1):
    return CapturedPacket(START + number * SECOND, link, size, bytes([number % 256]) * size)


def read(file):
    with open_capture(file) as capture:
        return [row[3] for batch in capture for row in batch.rows()]


def write(out, count, **how):
    for number in range(count):
        out.write(packet(number, **how))
    out.close()


def test_one_file_without_a_limit(tmp_path):
    out = Rotating(tmp_path / "im.pcapng")
    assert not list(tmp_path.iterdir())
    write(out, 50)
    assert read(tmp_path / "im.pcapng") == [START + n * SECOND for n in range(50)]


def test_by_size(tmp_path):
    write(Rotating(tmp_path / "im.pcapng", octets=1000), 30)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files[:2]] == [
        "im_00001_20260921T141320Z.pcapng",
        "im_00002_20260921T141327Z.pcapng",
    ]
    assert all(file.stat().st_size < 1200 for file in files)
    assert [time for file in files for time in read(file)] == [START + n * SECOND for n in range(30)]


def test_by_packet_time_keeping_the_last(tmp_path):
    write(Rotating(tmp_path / "im.pcapng", seconds=10, keep=2), 35)
    files = sorted(tmp_path.iterdir())
    assert [file.name[:8] for file in files] == ["im_00003", "im_00004"]
    assert [len(read(file)) for file in files] == [10, 5]


def test_a_packet_larger_than_the_limit_is_written_all_the_same(tmp_path):
    write(Rotating(tmp_path / "im.pcapng", octets=50), 3)
    assert [len(read(file)) for file in sorted(tmp_path.iterdir())] == [1, 1, 1]


def test_several_link_types_go_into_one_file(tmp_path):
    out = Rotating(tmp_path / "im.pcapng")
    out.write(packet(1, link=1))
    out.write(packet(2, link=101))
    out.close()
    with open_capture(tmp_path / "im.pcapng") as capture:
        assert [row[4] for batch in capture for row in batch.rows()] == [1, 101]


def test_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr("imsniff.live.output.MAX_HELD_OCTETS", 1000)
    monkeypatch.setattr("imsniff.live.output.MAX_HELD_PACKETS", 6)
    output = LiveOutput(keep_packets=True)
    one, two, three = HeldPackets(), HeldPackets(), HeldPackets()
    for number in range(8):
        output.hold(one, packet(number))
        output.hold(two, packet(number))
    assert (len(one.packets), one.missing) == (5, 3)
    assert (len(two.packets), two.missing) == (5, 3)
    output.drop(two)
    for number in range(8):
        output.hold(three, packet(number))
    assert (len(three.packets), three.missing) == (5, 3)
    output.claim(three)
    assert [p.ts for p in output.packets] == [START + n * SECOND for n in range(5)]
    assert output.missing == 3
    output.hold(two, packet(1))
    assert len(two.packets) == 1


@pytest.mark.parametrize("octets", [None, 100])
def test_nothing_written_leaves_no_file(tmp_path, octets):
    Rotating(tmp_path / "im.pcapng", octets=octets).close()
    assert not list(tmp_path.iterdir())
