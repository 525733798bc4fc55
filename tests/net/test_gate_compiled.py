"""The compiled gate agrees with the reference, whatever the batch, and its table is bounded and forgets in order."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.limits import IGNORE_SECONDS, MAX_PACKET
from imsniff.base.records import to_json
from imsniff.capture.batch import Batch
from imsniff.capture.errors import CaptureError
from imsniff.capture.pcap import NativeOrderWalk
from imsniff.capture.pcapfile import open_capture
from imsniff.capture.pcapng import Pcapng
from imsniff.capture.ring import Blocks
from imsniff.net import gate as reference
from imsniff.net.decode import TUNNEL_PORTS, Decoder
from imsniff.net.gates import GateError, open_gate
from imsniff.net.hold_queue import HoldQueue, Opening, OpeningKind
from imsniff.pipeline import Options, Sensor
from imsniff.rules.loader import load
from tests.net.forge import ACK, FIN, RST, SYN, batch, end, pcap_batch, segment, tcp, udp

compiled = pytest.importorskip("imsniff.net._gate", reason="no compiler was there")

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = sorted((ROOT / "pcaps").glob("*/*.pcap*"))
ENDS = [
    *(end("192.0.2.1", port) for port in (40000, 40001, 443)),
    *(end("198.51.100.9", port) for port in (443, 2152)),
    *(end(address, port) for address in ("2001:db8::1", "2001:db8::9", "::c000:201") for port in (40000, 443)),
]
SECOND = 1_000_000_000
IGNORE_NS = IGNORE_SECONDS * 1_000_000_000


# --- batches of all kinds ---------------------------------------------------------------------------------------------


def framed_as_pcap(packets, order):
    return pcap_batch(packets, order).slab, NativeOrderWalk(order, 1, 16, 1)


def framed_as_nokia(packets, order):
    """A longer record header, and microseconds."""
    slab = bytearray()
    for ts, packet in packets:
        seconds, rest = divmod(ts, SECOND)
        slab += struct.pack(order + "IIIII", seconds, rest // 1000, len(packet), len(packet) + 7, 0) + packet
    return slab, NativeOrderWalk(order, 1000, 20, 1)


def block(order, kind, body):
    length = 12 + len(body) + -len(body) % 4
    return struct.pack(order + "II", kind, length) + body.ljust(length - 12, b"\0") + struct.pack(order + "I", length)


def section(order):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order, resolution=None, offset=None, link=1):
    body = struct.pack(order + "HHI", link, 0, 0)
    if resolution is not None:
        body += struct.pack(order + "HHB3x", 9, 1, resolution)
    if offset is not None:
        body += struct.pack(order + "HHq", 14, 8, offset)
    return block(order, 1, body)


def framed_as_pcapng(packets, order):
    """Interfaces of microseconds, nanoseconds, powers of two and with an offset; all kinds of blocks between."""
    units = [(None, None, 1000), (9, None, 1), (0x80 | 20, None, 0), (6, -5, 1000), (9, 1 << 40, 1), (12, None, 1)]
    slab = bytearray(section(order))
    for resolution, offset, _ in units:
        slab += interface(order, resolution, offset)
    for number, (ts, packet) in enumerate(packets):
        unit = number % len(units)
        ticks = ts // units[unit][2] if units[unit][2] else (ts << 20) // SECOND
        head = struct.pack("II" if order == "=" else order + "II", ticks >> 32, ticks & 0xFFFFFFFF)
        sizes = struct.pack(order + "II", len(packet), len(packet) + number % 3)
        match number % 7:
            case 3:
                slab += block(order, 2, struct.pack(order + "HH", unit, 9) + head + sizes + packet)
            case 4:
                slab += block(order, 3, struct.pack(order + "I", len(packet)) + packet)
            case _:
                slab += block(order, 6, struct.pack(order + "I", unit) + head + sizes + packet)
        match number % 5:
            case 1:
                slab += (
                    block(order, 4, b"\0" * 8) + block(order, 0xBAD, struct.pack(order + "I", 1)) + block(order, 9, b"")
                )
            case 3:
                slab += interface(order, 9)
    order = "<" if order == ">" else ">"
    slab += section(order) + interface(order)
    for ts, packet in packets:
        ticks = ts // 1000
        words = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
        slab += block(order, 6, words + packet)
    return slab, Pcapng().walk


def framed_as_ring(packets, _):
    """A block of TPACKET_V3: 48 bytes of header, 20 of address, and the packet somewhere behind."""
    slab = bytearray()
    for number, (ts, packet) in enumerate(packets):
        size = 82 + len(packet) + -(82 + len(packet)) % 16
        step = size if number + 1 < len(packets) else 0
        head = struct.pack("=IIIIIIHH", step, *divmod(ts, SECOND), len(packet), len(packet) + 4, 0, 82, 96)
        slab += (head.ljust(82, b"\0") + packet).ljust(size, b"\0")
    return slab, Blocks(1)


def framed_by_hand(packets, _):
    made = batch(packets)
    return made.slab, made.walk


FRAMINGS = [framed_as_pcap, framed_as_nokia, framed_as_pcapng, framed_as_ring, framed_by_hand]


def hold_queue():
    """A quarter of all first words is foreign, more are unmatchable."""
    return HoldQueue(
        [
            *(Opening(protocol, rb"[\x00-\x3f]") for protocol in (6, 17)),
            *(Opening(protocol, rb"[\x00-\x9f]", OpeningKind.UNMATCHABLE) for protocol in (6, 17)),
            Opening(17, rb"[\x80-\xff]", OpeningKind.NOTHING),
        ]
    )


def fresh(slab, walk):
    """A batch whose walk has not begun: a pcapng file's keeps what it read."""
    return Batch("test", slab, 0, len(slab), 1, Pcapng().walk if getattr(walk, "__self__", None) else walk)


FRAMES = st.builds(
    lambda ends, protocol, flags, vlans, fragment, size, cut: (
        tcp(*ends, b"x" * size, flags=flags, vlans=vlans, fragment=fragment)
        if protocol == 6
        else udp(*ends, b"x" * size, vlans=vlans, fragment=fragment)
    )[: None if cut is None else -cut],
    st.sampled_from([(a, b) for a in ENDS for b in ENDS if len(a) == len(b)]),
    st.sampled_from([6, 17]),
    st.sampled_from([0, ACK, SYN, SYN | ACK, RST, FIN | ACK]),
    st.sampled_from([(), (1,), (1, 2), (1, 2, 3)]),
    st.sampled_from([0, 0, 0, 0x4000, 0x2000, 1]),
    st.integers(0, 40),
    st.sampled_from([None, None, None, 1, 20, 40]),
)
TUNNELLED = st.builds(lambda frame: udp(ENDS[0], end("198.51.100.9", 4789), b"\x08" + bytes(7) + frame), FRAMES)
PACKETS = st.tuples(st.integers(0, 2 * IGNORE_NS), FRAMES | FRAMES | TUNNELLED | st.binary(max_size=90))


def verdicts(gate, raised, seed, *, every=3, decoder=None):
    """Play the stages above: some flows are ignored as soon as their packets come up. What is let through."""
    decoder, through = decoder or Decoder(), []
    for packet in raised:
        for one in decoder.segments(*packet):
            if gate.covers(one):
                continue
            through.append(one)
            if crc32(min(one.source, one.target) + max(one.source, one.target), seed) % every == 0:
                gate.ignore(one)
    return through


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("framing", FRAMINGS)
@given(packets=st.lists(PACKETS, max_size=30), seed=st.integers(0, 3))
def test_both_raise_the_same_and_let_the_same_through(framing, order, packets, seed):
    slab, walk = framing(packets, order)
    one, other = reference.Gate(), compiled.Gate(chunk=1)
    expected, batches = [], (fresh(slab, walk), fresh(slab, walk))
    raised = ([], [])
    through = []
    for gate, made, seen in zip((one, other), batches, raised, strict=True):

        def noted(gate=gate, made=made, seen=seen):
            for row in gate.raise_packets(made):
                seen.append(row)
                yield row

        through.append(verdicts(gate, noted(), seed))
    expected = through[0]
    assert raised[1] == raised[0]
    assert through[1] == expected
    assert batches[1].walked == batches[0].walked
    assert (other.frames, other.skipped) == (one.frames, one.skipped)
    for chunk, octets in ((3, 1 << 20), (1000, 200), (1000, 1 << 20)):
        late, made = compiled.Gate(chunk=chunk, octets=octets), fresh(slab, walk)
        assert verdicts(late, late.raise_packets(made), seed) == expected
        assert made.walked == batches[0].walked


@given(data=st.data(), framing=st.sampled_from(FRAMINGS), packets=st.lists(PACKETS, min_size=1, max_size=8))
def test_they_agree_on_broken_batches(data, framing, packets):
    """Cut off, or with some bytes changed: the same packets, the same end, the same fault."""
    slab, walk = framing(packets, "<")
    for _ in range(data.draw(st.integers(0, 3 if slab else 0))):
        slab[data.draw(st.integers(0, len(slab) - 1))] = data.draw(st.sampled_from([0, 1, 2, 3, 6, 0x7F, 0x80, 0xFF]))
    stop = data.draw(st.integers(0, len(slab)))
    results = []
    for gate in (reference.Gate(), compiled.Gate(chunk=1)):
        made = fresh(slab, walk)
        made.end = stop
        if framing is framed_by_hand:
            made.walk = batch(packets).walk  # its walk knows nothing of what was changed
            made.end = len(slab)
        results.append((list(gate.raise_packets(made)), made.walked, gate.frames))
    assert results[0] == results[1]


@pytest.mark.parametrize("framing", FRAMINGS)
@given(data=st.data(), packets=st.lists(PACKETS, max_size=12))
def test_segments_are_those_of_the_decoder(framing, data, packets):
    """With lengths and header fields changed, and padding behind."""
    changed = []
    for ts, packet in packets:
        packet = bytearray(packet)
        for _ in range(data.draw(st.integers(0, 3 if packet else 0))):
            packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.sampled_from(b"\0\4\5\x08\x45\x60\xff"))
        changed.append((ts, bytes(packet) + bytes(data.draw(st.sampled_from([0, 0, 6])))))
    slab, walk = framing(changed, "<")
    decoder, told = Decoder(), []
    for row in compiled.Gate(enabled=False).raise_packets(fresh(slab, walk)):
        told += decoder.segments(*row)
    for gate in (compiled.Gate(enabled=False), reference.Gate(enabled=False)):
        assert list(gate.segments(fresh(slab, walk), Decoder())) == told


def test_a_version_that_is_none_of_the_frames_type():
    """IPv6 by its Ethernet type, IPv4 by its first byte: no host takes it, and both gates see one flow in it."""
    a, b = ENDS[-1], ENDS[-2]
    packets = [(0, tcp(a, b, flags=SYN)), (0, tcp(a, b, b"\1 foreign", seq=1))]
    made = pcap_batch([(ts, frame[:14] + b"\x45" + frame[15:]) for ts, frame in packets])
    for gate in (reference.Gate(hold_queue()), compiled.Gate(hold_queue(), chunk=1)):
        assert list(gate.raise_packets(made)) == []
        assert gate.skipped == 2


def test_a_record_too_long_is_the_same_fault():
    slab = bytearray(struct.pack("<IIII", 1, 0, MAX_PACKET + 1, 0) + bytes(MAX_PACKET + 1))
    told = []
    for gate in (reference.Gate(), compiled.Gate()):
        made = Batch("test", slab, 0, len(slab), 1, NativeOrderWalk("<", 1, 16, 1))
        assert list(gate.raise_packets(made)) == []
        told.append(made.walked)
    assert told[0] == told[1]
    assert told[0].fault


def test_off_it_raises_everything():
    a, b = ENDS[0], ENDS[3]
    gate = compiled.Gate(enabled=False)
    gate.ignore(segment(a, b))
    assert not gate.enabled
    assert [row[1] for row in gate.raise_packets(pcap_batch([(0, tcp(a, b, b"x" * 30))] * 3))] == [1, 2, 3]
    assert (gate.frames, gate.skipped) == (3, 0)


# --- the table --------------------------------------------------------------------------------------------------------


def caller(number):
    return number.to_bytes(4, "big") + b"\1\1"


SERVER = end("198.51.100.9", 443)


def test_a_tunnel_is_never_ignored():
    for port in TUNNEL_PORTS:
        gate = compiled.Gate()
        for here in (segment(caller(1)[:4] + port, SERVER), segment(SERVER, caller(1)[:4] + port)):
            gate.ignore(here)
            assert not gate.covers(here)
        assert gate.ignored == 0


def test_both_directions_share_an_entry():
    gate = compiled.Gate()
    gate.ignore(segment(caller(1), SERVER))
    gate.ignore(segment(SERVER, caller(1)))
    assert gate.ignored == 1
    assert gate.covers(segment(SERVER, caller(1)))
    assert not gate.covers(segment(caller(1), SERVER, flags=SYN))
    assert gate.ignored == 0


def test_addresses_of_both_versions_are_told_apart():
    gate = compiled.Gate()
    old, new = end("0.0.0.1", 1), end("0.0.0.2", 2)
    gate.ignore(segment(old, new))
    assert not gate.covers(segment(end("::1", 1), end("::2", 2)))
    assert not gate.covers(segment(old, new, protocol=17))


def test_a_full_table_forgets_what_ends_first():
    gate = compiled.Gate(entries=8)
    for number in range(9):
        gate.ignore(segment(caller(number), SERVER, ts=(100 + number * 7 % 9) * SECOND))
    assert gate.ignored == 8
    assert [n for n in range(9) if not gate.covers(segment(caller(n), SERVER, ts=0))] == [0]


def test_flows_beyond_its_size_take_no_more():
    gate = compiled.Gate(entries=1024)
    for number in range(20_000):
        gate.ignore(segment(caller(number), SERVER, ts=number * SECOND))
    assert gate.ignored == 1024
    assert gate.covers(segment(caller(19_999), SERVER, ts=20_000 * SECOND))


def test_three_quarters_full_it_has_forgotten_next_to_nothing():
    """As full as the default table is with a million flows."""
    gate = compiled.Gate(entries=16_384, secret=b"any" * 6)
    for number in range(12_500):
        gate.ignore(segment(caller(number), SERVER))
    assert sum(gate.covers(segment(caller(number), SERVER)) for number in range(12_500)) >= 12_490


@pytest.mark.parametrize("first", [8, 72, 1_000])
def test_a_table_that_grows_forgets_nothing_on_the_way(first):
    """Bucket after bucket is split, through several rounds and up to its size; flows leave it meanwhile."""
    gate, kept = compiled.Gate(entries=16_384, first=first, secret=b"any" * 6), set()
    for number in range(8_000):
        gate.ignore(segment(caller(number), SERVER))
        kept.add(number)
        if number % 3 == 0:
            assert not gate.covers(segment(SERVER, caller(number // 2), flags=SYN))
            kept.discard(number // 2)
        if number % 997 == 0 or number == 7_999:
            assert {n for n in range(number + 2) if gate.covers(segment(caller(n), SERVER))} == kept
            assert gate.ignored == len(kept)


def test_a_table_that_grew_forgets_no_more_than_one_that_was_large_at_once():
    grown, large = (compiled.Gate(entries=16_384, first=first, secret=b"any" * 6) for first in (64, 16_384))
    for gate in grown, large:
        for number in range(20_000):
            gate.ignore(segment(caller(number), SERVER, ts=number * SECOND))
        assert gate.ignored >= 16_300
        assert gate.covers(segment(caller(19_999), SERVER, ts=20_000 * SECOND))


def test_where_a_flow_is_kept_is_a_secret():
    """The same flows meet in one bucket, or do not, depending on the secret alone."""
    flows = [segment(caller(number), SERVER, ts=number) for number in range(2_000)]

    def forgotten(secret):
        gate = compiled.Gate(entries=2_048, secret=secret)
        for flow in flows:
            gate.ignore(flow)
        return [number for number, flow in enumerate(flows) if not gate.covers(flow)]

    assert forgotten(b"a" * 16) == forgotten(b"a" * 16)
    assert forgotten(b"a" * 16) != forgotten(b"b" * 16)


# --- which one --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "kind"), [("python", reference.Gate), ("compiled", compiled.Gate)])
def test_either_can_be_forced(monkeypatch, choice, kind):
    monkeypatch.setenv("IMSNIFF_GATE", choice)
    assert type(open_gate()) is kind


def test_the_compiled_one_is_the_default(monkeypatch):
    monkeypatch.delenv("IMSNIFF_GATE", raising=False)
    assert type(open_gate()) is compiled.Gate
    monkeypatch.setenv("IMSNIFF_GATE", "steel")
    with pytest.raises(GateError, match="steel"):
        open_gate()


# --- the same findings ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signatures():
    return load(user=Path("/nonexistent"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_records_are_the_same_with_either_gate_and_with_none(monkeypatch, signatures, path):
    told = []
    for choice, on, ahead in (
        ("python", True, False),
        ("compiled", True, False),
        ("compiled", True, True),
        ("compiled", False, False),
    ):
        monkeypatch.setenv("IMSNIFF_GATE", choice)
        sensor, lines = Sensor(Options(signatures=signatures, gate=on), "test"), []
        try:
            with open_capture(path, slab_size=4_096) as capture, ExitStack() as stack:
                ahead = ahead and capture.file is not None
                read_ahead = stack.enter_context(sensor.gate.read_ahead(capture.walk)) if ahead else None
                for made in capture if read_ahead is None else capture.ahead(read_ahead):
                    lines += [to_json(record) for record in sensor.read(made)]
        except CaptureError as why:
            lines.append(str(why).encode())
        lines += [to_json(record) for record in sensor.finish()]
        told.append(lines)
    assert told[0] == told[1] == told[2] == told[3]
