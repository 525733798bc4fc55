"""With a read-ahead thread the gate lets the same packets through, wherever the slabs end: what is skipped early would
be skipped in its turn."""

from __future__ import annotations

import os
import struct
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.limits import IGNORE_SECONDS
from imsniff.capture.errors import CaptureCut
from imsniff.capture.pcapfile import open_capture
from imsniff.net import gate as reference
from imsniff.net.decode import Decoder
from imsniff.net.hold_queue import HoldQueue
from tests.net.forge import ACK, FIN, RST, SYN, end, pcap_batch, tcp, udp
from tests.net.test_gate_compiled import PACKETS, block, framed_as_pcapng, hold_queue, interface, section, verdicts

compiled = pytest.importorskip("imsniff.net._gate", reason="no compiler was there")

SECOND = 1_000_000_000
IGNORE_NS = IGNORE_SECONDS * 1_000_000_000
A, B = end("192.0.2.1", 40_000), end("198.51.100.9", 443)


def as_pcap(packets, order="<"):
    """A file of nanoseconds."""
    return struct.pack(order + "IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 18, 1) + pcap_batch(packets, order).slab


def as_pcapng(packets, order="<"):
    return bytes(framed_as_pcapng(packets, order)[0])


class Played:
    """A file through a gate, and what the stages above do: some flows are ignored as soon as they are heard."""

    def __init__(self, gate, data, every=3, slab_size=64, *, ahead=True):
        self.gate, self.through, self.error = gate, [], ""
        decoder = Decoder()
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(data)
            with open_capture(file.name, slab_size=slab_size) as capture:
                try:
                    for batch in self.batches(capture, ahead=ahead):
                        self.through += verdicts(gate, gate.raise_packets(batch), 0, every=every, decoder=decoder)
                except CaptureCut as why:
                    self.error = str(why).partition(": ")[2]
                self.frames, self.consumed = capture.frames, capture.consumed

    def batches(self, capture, *, ahead):
        if not ahead or capture.file is None:
            yield from capture
        else:
            with self.gate.read_ahead(capture.walk) as read_ahead:
                yield from capture.ahead(read_ahead)

    @property
    def told(self):
        return self.through, self.error, self.frames, self.gate.frames


@pytest.mark.parametrize("framed", [as_pcap, as_pcapng])
@given(
    packets=st.lists(PACKETS, max_size=40),
    order=st.sampled_from("<>"),
    every=st.integers(1, 3),
    slab_size=st.sampled_from([64, 200, 1000, 3000]),
)
def test_the_same_comes_through(framed, packets, order, every, slab_size):
    data = framed(packets, order)
    expected = Played(reference.Gate(hold_queue()), data, every, ahead=False)
    played = Played(compiled.Gate(hold_queue()), data, every, slab_size)
    assert played.told == expected.told
    assert played.consumed == len(data)


FLOWS = [(end("192.0.2.1", 40_000 + number), B) for number in range(3)]
STEPS = st.tuples(
    st.sampled_from(FLOWS),
    st.booleans(),
    st.sampled_from([ACK, ACK, ACK, SYN, SYN | ACK, FIN | ACK, RST]),
    st.sampled_from([b"", b"\1 foreign", b"\xff not"]),
    st.sampled_from([0, 0, 0, SECOND, IGNORE_NS, -IGNORE_NS]),
)


@given(steps=st.lists(STEPS, max_size=80), slab_size=st.sampled_from([100, 300, 1000]), every=st.integers(1, 2))
def test_connections_that_end_and_begin_again(steps, slab_size, every):
    """On the same ports, as their time ends, as clocks jump."""
    packets, now = [], IGNORE_NS
    for (a, b), back, flags, payload, later in steps:
        now = max(0, now + later)
        packets.append((now, tcp(*((b, a) if back else (a, b)), payload, flags=flags, seq=len(packets))))
    data = as_pcap(packets)
    expected = Played(reference.Gate(hold_queue()), data, every, ahead=False)
    assert Played(compiled.Gate(hold_queue()), data, every, slab_size).told == expected.told


def test_most_is_skipped_ahead():
    packets = [(0, tcp(A, B, b"x" * 60, seq=60 * number)) for number in range(1000)]
    played = Played(compiled.Gate(), as_pcap(packets), 1, slab_size=2000)
    assert [one.frame for one in played.through] == [1]
    assert played.gate.skipped > 950


@pytest.mark.parametrize("flows", [10, 100])
def test_however_many_begin_again(flows, monkeypatch):
    """A SYN comes up with what follows it, though the old connection was still ignored when the read-ahead thread saw
    it. Here the new one is ignored as soon as its SYN was read."""
    monkeypatch.setattr(HoldQueue, "may_begin", lambda *_: False)
    ends = [(end("192.0.2.1", 30_000 + number), B) for number in range(flows)]
    packets = [(0, tcp(a, b, b"\xffold")) for a, b in ends]
    packets += [(0, tcp(*ends[0], b"\xffold"))] * 200  # by now they are ignored
    packets += [(SECOND, tcp(a, b, flags=SYN, seq=7)) for a, b in ends]
    packets += [(SECOND, tcp(a, b, b"\xffnew", seq=8)) for a, b in ends]
    for slab_size in (500, 5_000, 20_000):
        gate = compiled.Gate(hold_queue())
        through = Played(gate, as_pcap(packets), 1, slab_size).through
        assert [one.payload for one in through] == [b"\xffold"] * flows + [b""] * flows, slab_size


def test_more_flows_than_there_is_room_for_come_up_again(monkeypatch):
    monkeypatch.setattr(compiled, "MAX_RECENT_FLOWS", 16)
    monkeypatch.setattr(HoldQueue, "may_begin", lambda *_: False)
    packets = [
        (0, udp(end("192.0.2.1", 10_000 + number), B, b"\xff payload")) for _ in range(2) for number in range(5000)
    ]
    data = as_pcap(packets)
    expected = Played(reference.Gate(hold_queue()), data, 1, ahead=False)
    for slab_size in 1 << 12, 1 << 18:
        played = Played(compiled.Gate(hold_queue()), data, 1, slab_size)
        assert [one.frame for one in played.through][:5000] == [one.frame for one in expected.through]


def test_a_slab_of_tiny_packets():
    """There are more than there was room for at first."""
    packets = [(number, b"") for number in range(10_000)]
    played = Played(compiled.Gate(), as_pcap(packets), slab_size=1 << 17)
    assert (played.gate.frames, played.gate.skipped, played.gate.last_ts) == (10_000, 0, 9_999)


@pytest.mark.parametrize("framed", [as_pcap, as_pcapng])
@pytest.mark.parametrize("slab_size", [64, 500, 1200])
def test_a_file_that_is_cut_off_or_corrupt_is_read_as_far_as_it_goes(framed, slab_size):
    data = framed([(0, tcp(A, B, b"x" * 60, seq=60 * number)) for number in range(30)])
    for broken in (data[:-1], data[:-70], data[:1500] + b"\xff" * 200 + data[1700:]):
        expected = Played(reference.Gate(), broken, ahead=False)
        assert expected.error
        assert Played(compiled.Gate(), broken, slab_size=slab_size).told == expected.told


def test_what_cannot_be_read_on_is_told(tmp_path):
    path = tmp_path / "office.pcap"
    path.write_bytes(as_pcap([(0, tcp(A, B, b"x" * 60))] * 100))
    gate, frames = compiled.Gate(), []
    with open_capture(path, slab_size=1000) as capture, gate.read_ahead(capture.walk) as read_ahead:
        batches = capture.ahead(read_ahead)
        frames += [row[1] for row in gate.raise_packets(next(batches))]
        folder = os.open(tmp_path, os.O_RDONLY)
        os.dup2(folder, capture.file)  # as if the disk had failed
        os.close(folder)
        with pytest.raises(CaptureCut, match="cannot read on: Is a directory"):
            frames += [row[1] for batch in batches for row in gate.raise_packets(batch)]
    assert capture.frames in range(len(frames), 100)


def test_who_stops_half_way_leaves_no_thread(tmp_path):
    path = tmp_path / "office.pcap"
    path.write_bytes(as_pcap([(0, tcp(A, B, b"x" * 60))] * 1000))
    before = threading.active_count()
    gate = compiled.Gate()
    with open_capture(path, slab_size=1000) as capture:
        with gate.read_ahead(capture.walk) as read_ahead:
            next(capture.ahead(read_ahead))
        assert threading.active_count() == before
    assert len(list(gate.raise_packets(pcap_batch([(0, tcp(A, B))])))) == 1


def test_what_no_scout_can_do(tmp_path):
    path = tmp_path / "small.pcap"
    path.write_bytes(as_pcap([(0, tcp(A, B))]))
    with open_capture(path) as capture:
        assert capture.file is None, "it is read at once"
        assert compiled.Gate(enabled=False).read_ahead(capture.walk) is None
        assert reference.Gate().read_ahead(capture.walk) is None
    path.write_bytes(as_pcap([(0, tcp(A, B))] * 10))
    with open_capture(path, slab_size=100, follow=True, idle=lambda: False) as capture:
        assert capture.file is None, "it may grow"


def test_links_of_all_sections_are_told(tmp_path):
    """Also where the read-ahead thread is in the next section already."""
    path = tmp_path / "office.pcapng"
    packet = struct.pack("<IIIII", 0, 0, 0, 100, 100) + bytes(100)
    made = [section("<") + interface("<", link=link) + block("<", 6, packet) * 10 for link in (999, 1)]
    path.write_bytes(b"".join(made))
    with open_capture(path, slab_size=1200) as capture, compiled.Gate().read_ahead(capture.walk) as read_ahead:
        for _ in capture.ahead(read_ahead):
            pass
        assert capture.links == {1, 999}
        assert capture.frames == 20
