"""Whatever a capture is written in, the same packets come out; whatever is wrong with it, what can be read is."""

from __future__ import annotations

import io
import os
import random
import sys
import threading
import tracemalloc
from pathlib import Path
from struct import pack

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.capture.forge import (
    PACKERS,
    SECOND,
    Taken,
    block,
    enhanced,
    from_ticks,
    interface,
    old_packet,
    option,
    pcap,
    pcapng,
    section,
    simple,
    to_ticks,
)

from imsniff.base.limits import MAX_INTERFACES, MAX_PACKET
from imsniff.capture.errors import CaptureCut, CaptureError
from imsniff.capture.pcapfile import open_capture, pick_frames
from imsniff.capture.pcapng import NO_PACKET

CORPUS = Path(os.environ.get("IMSNIFF_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))

seconds = st.integers(0, (1 << 32) - 1)
micro = st.builds(lambda s, u: s * SECOND + u * 1000, seconds, st.integers(0, 999_999))
nano = st.builds(lambda s, n: s * SECOND + n, seconds, st.integers(0, SECOND - 1))
slabs = st.integers(64, 3000)
payloads = st.binary(max_size=200)


def taken(times, links):
    return st.builds(
        lambda time, link, data, cut: Taken(time, link, len(data) + cut, data),
        times,
        links,
        payloads,
        st.sampled_from([0, 0, 1, 1000]),
    )


def one_link(times):
    return st.lists(taken(times, st.just(101)), max_size=12)


def read(path, **options):
    """All packets, and what was wrong."""
    found = []
    try:
        with open_capture(path, **options) as capture:
            for batch in capture:
                assert batch.first_frame == len(found) + 1
                for at, captured, wire, time, link in batch.rows():
                    found.append(Taken(time, link, wire, bytes(batch.slab[at : at + captured])))
            assert len(found) == capture.frames
    except CaptureCut as cut:
        return found, cut
    return found, None


def read_bytes(folder, data, **options):
    path = folder / "a.pcap"
    path.write_bytes(data)
    return read(path, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("captures")


DIALECTS = {
    "usual": {},
    "Kuznetzov": {"magic": 0xA1B2CD34, "extra": bytes(8)},
    "version 2.2": {"version": (2, 2), "turned": True},
    "version 2.3": {"version": (2, 3)},
    "version 2.3 turned": {"version": (2, 3), "turned": True},
    "Ixia": {"magic": 0x1C0001AB, "front": bytes(4)},
    "check sequence": {"fcs": 0x24000000},
}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_pcap(folder, dialect, order, data):
    packets = data.draw(one_link(micro))
    made = pcap(packets, order=order, **DIALECTS[dialect])
    assert read_bytes(folder, made, slab_size=data.draw(slabs)) == (packets, None)


@pytest.mark.parametrize("order", "<>")
@given(packets=one_link(nano), slab=slabs)
@settings(max_examples=30, deadline=None)
def test_pcap_nanoseconds(folder, order, packets, slab):
    made = pcap(packets, order=order, magic=0xA1B23C4D, unit=1)
    assert read_bytes(folder, made, slab_size=slab) == (packets, None)


@pytest.mark.parametrize(("magic", "extra"), [(0xA1B2C3D4, 8), (0xA1B2C3D4, 4), (0xA1B2CD34, 12)])
@pytest.mark.parametrize("order", "<>")
def test_dialects_that_only_their_records_tell(folder, magic, extra, order):
    packets = [Taken(1_000_000_000 * SECOND + i * 1000, 1, 60 + i, bytes(range(60 + i))) for i in range(9)]
    made = pcap(packets, order=order, magic=magic, extra=b"\x02\0\0\0\x08\0\0\0\1\0\0\0"[:extra])
    assert read_bytes(folder, made) == (packets, None)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("packet", [enhanced, old_packet])
@given(
    packets=st.lists(taken(nano, st.sampled_from([1, 101, 113])), max_size=12),
    resolution=st.sampled_from([None, 0, 3, 6, 7, 9, 12, 0x80 | 10, 0x80 | 20, 0x80 | 30]),
    offset=st.sampled_from([0, 0, -1000, 5000]),
    slab=slabs,
)
@settings(max_examples=60, deadline=None)
def test_pcapng(folder, order, packet, packets, resolution, offset, slab):
    packets = [p._replace(time=p.time % (10**7 * SECOND) + 10_000 * SECOND) for p in packets]
    made = pcapng(packets, order=order, resolution=resolution, offset=offset, packet=packet)
    unit = 6 if resolution is None else resolution
    told = [
        p._replace(time=from_ticks(to_ticks(p.time - offset * SECOND, unit), unit) + offset * SECOND) for p in packets
    ]
    assert read_bytes(folder, made, slab_size=slab) == (told, None)


@pytest.mark.parametrize("packer", PACKERS)
@given(packets=one_link(micro), slab=slabs, ng=st.booleans())
@settings(max_examples=15, deadline=None)
def test_compressed(folder, packer, packets, slab, ng):
    made = PACKERS[packer](pcapng(packets) if ng else pcap(packets))
    assert read_bytes(folder, made, slab_size=slab) == (packets, None)


def some(count, link=1):
    random.seed(7)
    return [Taken(SECOND * i, link, 2000, random.randbytes(i * 7 % 90)) for i in range(count)]


def test_sections_change_byte_order_and_interfaces(folder):
    one, two, three = some(3)
    made = (
        section("<")
        + interface("<", 101)
        + enhanced("<", 0, one.time // 1000, one)
        + section(">")
        + interface(">", 1)
        + interface(">", 113)
        + enhanced(">", 1, two.time // 1000, two)
        + enhanced(">", 0, three.time // 1000, three, option(">", 1, b"a comment") + option(">", 0, b""))
        + section("<")
    )
    for slab in range(64, 700, 5):
        found, cut = read_bytes(folder, made, slab_size=slab)
        assert cut is None
        assert found == [one._replace(link=101), two._replace(link=113), three]


def test_simple_packets_are_as_long_as_the_interface_says(folder):
    made = (
        section()
        + interface("<", 101, 10)
        + simple("<", Taken(0, 101, 6, b"abcdef"))
        + simple("<", Taken(0, 101, 60, b"abcdefghij"))
    )
    found, cut = read_bytes(folder, made)
    assert found == [Taken(0, 101, 6, b"abcdef"), Taken(0, 101, 60, b"abcdefghij")]
    assert cut is None


def test_frames_count_as_wireshark_counts(folder):
    """It shows custom blocks and journal entries as frames."""
    taken = some(2)[1]
    made = (
        section()
        + interface()
        + block("<", 0x0BAD, bytes(8))
        + block("<", 0x7777, bytes(8))
        + enhanced("<", 0, 0, taken)
        + block("<", 9, b"MESSAGE=x\n")
    )
    found, _ = read_bytes(folder, made)
    assert [p.link for p in found] == [NO_PACKET, 1, NO_PACKET]
    assert found[1].data == taken.data


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_cut_anywhere(folder, make):
    """All whole packets come, and it is said whether something is missing."""
    packets = some(6)
    whole = make(packets)
    borders = [len(make(packets[:i])) for i in range(len(packets) + 1)]
    header = borders[0] if make is pcap else 44
    for size in range(len(whole) + 1):
        if size < header:
            with pytest.raises(CaptureError) as raised:
                read_bytes(folder, whole[:size], slab_size=100)
            assert raised.value.remedy
            continue
        found, cut = read_bytes(folder, whole[:size], slab_size=100)
        assert found == packets[: len(found)]
        if make is pcap:
            assert len(found) == sum(size >= border for border in borders[1:])
            assert (cut is None) == (size in borders)
        if cut is not None:
            assert cut.frame == len(found) + 1
            assert cut.offset is not None
            assert cut.offset < size
            assert str(cut.frame) in str(cut)


@pytest.mark.parametrize("packer", ["gzip", "xz", "bzip2", "zstd"])
def test_compression_cut_anywhere(folder, packer):
    packets = some(40)
    packed = PACKERS[packer](pcap(packets))
    lengths = []
    for size in range(8, len(packed), 3):
        try:
            found, cut = read_bytes(folder, packed[:size])
        except CaptureError:
            continue
        assert cut is not None
        assert found == packets[: len(found)]
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    if packer == "gzip":
        assert lengths[-1] > 30


def test_corrupt_compression(folder):
    packed = bytearray(PACKERS["gzip"](pcap(some(40))))
    packed[-5] ^= 0xFF
    found, cut = read_bytes(folder, bytes(packed))
    assert found == some(40)
    assert "gzip" in str(cut)


def test_garbage_behind_gzip_is_ignored(folder):
    assert read_bytes(folder, PACKERS["gzip"](pcap(some(4))) + b"garbage") == (some(4), None)


@pytest.mark.parametrize(
    "bad",
    [
        pack("<IIII", 1, 2, MAX_PACKET + 1, 60),
        pack("<IIII", 1, 2, 0xFFFF_FFFF, 60) + bytes(100),
    ],
)
def test_absurd_pcap_length(folder, bad):
    found, cut = read_bytes(folder, pcap(some(5)) + bad)
    assert found == some(5)
    assert cut.frame == 6
    assert "262144" in str(cut)


@pytest.mark.parametrize(
    "bad",
    [
        pack("<II", 6, 0),
        pack("<II", 6, 0xFFFF_FFF0) + bytes(40),
        pack("<II", 6, 11) + bytes(40),
        block("<", 6, pack("<IIIII", 0, 0, 0, 41, 41) + bytes(40)),
        block("<", 6, pack("<IIIII", 0, 0, 0, 0xFFFF_FFFF, 41) + bytes(40)),
        block("<", 6, pack("<IIIII", 1, 0, 0, 40, 40) + bytes(40)),
        block("<", 6, pack("<IIIII", 0, 0, 0, MAX_PACKET + 1, 0) + bytes(MAX_PACKET + 1)),
        block("<", 6, bytes(16)),
        block("<", 3, b""),
        block("<", 1, bytes(4)),
        block("<", 5, bytes(8))[:-4] + bytes(4),
        pack("<III", 0x0A0D0D0A, 28, 0),
        section()[:4] + pack("<I", 12) + section()[8:],
        pack("<IIIHH", 0x0A0D0D0A, 28, 0x1A2B3C4D, 9, 0) + bytes(12),
    ],
)
def test_bad_pcapng_block(folder, bad):
    found, cut = read_bytes(folder, pcapng(some(5)) + bad + bytes(20))
    assert found == some(5)
    assert cut.frame == 6


def test_packet_before_any_interface(folder):
    for first in (enhanced("<", 0, 0, some(2)[1]), simple("<", some(2)[1])):
        found, cut = read_bytes(folder, section() + first)
        assert found == []
        assert "interface" in str(cut)


def test_interfaces_are_capped(folder):
    _, cut = read_bytes(folder, section() + interface() * (MAX_INTERFACES + 1))
    assert "interfaces" in str(cut)


def test_time_beyond_all_measure_fits_64_bits(folder):
    for order in "<>":
        taken = some(2)[1]
        later = interface(order, 1, 0, option(order, 9, b"\0")) + enhanced(order, 0, (1 << 64) - 1, taken)
        early = interface(order, 1, 0, option(order, 14, pack(order + "q", -(1 << 62)))) + enhanced(order, 1, 5, taken)
        found, _ = read_bytes(folder, section(order) + later + early)
        assert [p.time for p in found] == [(1 << 63) - 1, 0]


def test_packets_up_to_the_limit_are_read(folder):
    packets = [Taken(0, 1, MAX_PACKET, bytes(MAX_PACKET)), Taken(0, 1, 9, b"x")]
    for made in pcap(packets), pcapng(packets):
        assert read_bytes(folder, made, slab_size=100) == (packets, None)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"GIF89a", "not a capture"),
        (b"\xa1\xb2\xc3\xd4\0\2", "within its header"),
        (section()[:20], "within its header"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "byte order"),
        (b"\x1f\x8b\x08" + bytes(40), "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ],
)
def test_no_capture(folder, data, what):
    with pytest.raises(CaptureError, match=what) as raised:
        read_bytes(folder, data)
    assert not isinstance(raised.value, CaptureCut)
    assert raised.value.remedy


def test_a_bomb_is_only_long(folder):
    """64 MB of packets in 64 KB: read with little memory, whatever the compression."""
    packet = pcap([Taken(0, 1, 100_000, bytes(100_000))])
    bomb = packet + packet[24:] * 639
    for packer in "gzip", "xz", "bzip2", "zstd":
        (folder / "bomb").write_bytes(PACKERS[packer](bomb))
        tracemalloc.start()
        with open_capture(folder / "bomb") as capture:
            assert sum(len(list(batch.rows())) for batch in capture) == 640
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
        tracemalloc.stop()


def test_no_file(folder):
    for path in folder / "absent", folder:
        with pytest.raises(CaptureError, match="cannot be opened"):
            open_capture(path)


def test_named_as_given(folder):
    (folder / "b.pcap").write_bytes(pcap(some(3)))
    with open_capture(folder / "b.pcap") as capture:
        assert capture.total == len(pcap(some(3)))
        assert {batch.capture for batch in capture} == {str(folder / "b.pcap")}
        assert capture.consumed == capture.total


@pytest.mark.parametrize("whole", [True, False])
def test_standard_input(monkeypatch, whole):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pcapng(some(5))[: None if whole else -5])))
    found, cut = read("-")
    assert found == some(5)
    assert (cut is None) == whole


def test_pipe_gives_packets_as_they_come(folder):
    path = folder / "pipe"
    os.mkfifo(path)
    packets, seen, data = some(5), threading.Semaphore(0), pcap(some(5))

    def write():
        with path.open("wb", buffering=0) as pipe:
            pipe.write(data[:24])
            at = 24
            for taken in packets:
                size = 16 + len(taken.data)
                pipe.write(data[at : at + size // 2])
                pipe.write(data[at + size // 2 : at + size])
                at += size
                assert seen.acquire(timeout=10)

    writer = threading.Thread(target=write)
    writer.start()
    with open_capture(path) as capture:
        found = 0
        for batch in capture:
            found += len(list(batch.rows()))
            seen.release()
    writer.join()
    assert found == 5


def test_follow(folder):
    """A growing file is read as it grows, from nothing on; stopping in the middle of a record is no fault."""
    path = folder / "growing"
    path.write_bytes(b"")
    data = pcapng(some(6))
    rest = [data[i : i + 37] for i in range(0, len(data), 37)]

    def idle():
        if not rest:
            return False
        with path.open("ab") as out:
            out.write(rest.pop(0))
        return True

    assert read(path, follow=True, idle=idle) == (some(6), None)
    path.write_bytes(data[:-60])
    found, cut = read(path, follow=True, idle=lambda: False)
    assert cut is None
    assert found == some(6)[: len(found)]


def test_pick_frames(folder):
    path = folder / "p.pcapng"
    path.write_bytes(pcapng(some(9)) + b"cut")
    wanted = [(n, p.time, p.link, p.wire, p.data) for n, p in enumerate(some(9), 1) if n in {2, 7}]
    assert list(pick_frames(path, {7, 2})) == wanted
    assert list(pick_frames(path, set())) == []
    with pytest.raises(CaptureCut):
        list(pick_frames(path, {7, 99}))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_any_bytes(folder, data):
    """Hostile files raise CaptureError or nothing, and no row reaches behind its batch."""
    base = data.draw(
        st.sampled_from([pcap(some(6)), pcapng(some(6)), pcap(some(6), order=">"), pcapng(some(6), order=">")])
    )
    made = bytearray(base)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(made) - 1))
        made[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    (folder / "h").write_bytes(bytes(made))
    try:
        with open_capture(folder / "h", slab_size=data.draw(slabs)) as capture:
            for batch in capture:
                frames = 0
                for at, captured, _, time, _ in batch.rows():
                    assert batch.start <= at <= at + captured <= batch.end
                    assert 0 <= time < 1 << 63
                    frames += 1
                assert (batch.first_frame, batch.finish().frames) == (capture.frames + 1, frames)
    except CaptureError:
        pass


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus beside the checkout")
def test_as_dpkt_reads():
    """dpkt reads the usual formats; times it gives as floats, in pcapng with one unit for all interfaces."""
    compared = 0
    for path in sorted(CORPUS.rglob("*.pcap*")):
        if path.suffix not in (".pcap", ".pcapng"):
            continue
        theirs = []
        ng = path.read_bytes()[:1] == b"\n"
        with path.open("rb") as stream:
            try:
                for time, data in dpkt.pcap.UniversalReader(stream):
                    theirs.append((float(time), bytes(data)))
            except Exception:  # what dpkt cannot read it is no oracle for
                continue
        try:
            ours, cut = read(path)
        except CaptureError:
            continue
        ours = [p for p in ours if p.link != NO_PACKET]
        if cut is not None or len(ours) != len(theirs):
            continue  # dpkt stops silently where a file is cut, and knows no simple packets
        for mine, (time, data) in zip(ours, theirs, strict=True):
            assert mine.data == data, path
            overflown = mine.time % SECOND >= SECOND - 1000  # by a fraction of more than a second, which dpkt adds
            assert ng or overflown or abs(mine.time - time * 1e9) < 1000, path
        compared += len(ours)
    assert compared > 100_000
