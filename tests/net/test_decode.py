"""One TCP segment and one UDP datagram, under every link type; lengths, fragments, and any bytes whatever."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from struct import pack

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from imsniff.base.limits import MAX_LAYERS
from imsniff.capture.errors import CaptureError
from imsniff.capture.pcapfile import open_capture
from imsniff.net.decode import TUNNEL_PORTS, Decoder
from imsniff.net.packet import LINKS, Packet
from tests.net.layers import (
    IPS,
    LINK,
    OUTER,
    SNAP,
    TEXT,
    V4,
    WRAPPED,
    decode,
    ether,
    gtp,
    ip4,
    ip6,
    pieces4,
    pieces6,
    tcp,
    transports,
    udp,
    wifi,
)

CORPUS = Path(os.environ.get("IMSNIFF_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


@pytest.mark.parametrize("name", LINK)
@pytest.mark.parametrize(("kind", "ip", "want"), IPS)
def test_link(name, kind, ip, want):
    link, wrap = LINK[name]
    assert decode(wrap(kind, ip), link) == [want]


EXTENSIONS = {
    0: pack("!BBHI", 0, 0, 0x0104, 0),
    43: pack("!BBHI", 0, 2, 0, 0) + bytes(16),
    60: pack("!BBHI", 0, 1, 0x0104, 0) + bytes(8),
    51: pack("!BBHII", 0, 4, 0, 1, 1) + bytes(12),
    135: pack("!BBHI", 0, 0, 0, 0),
    44: pack("!BBHI", 0, 0, 0, 77),
}


@pytest.mark.parametrize("order", [*itertools.permutations(EXTENSIONS, 2), tuple(EXTENSIONS), (60,) * 20])
@pytest.mark.parametrize(("body", "number", "want"), list(transports(v4=False)))
def test_ipv6_extensions(order, body, number, want):
    following = number
    for kind in reversed(order):
        body = bytes([following]) + EXTENSIONS[kind][1:] + body
        following = kind
    assert decode(ether(ip6(body, following), 0x86DD)) == [want]


def test_options_are_stepped_over():
    (segment,) = decode(ether(ip4(tcp(options=bytes(40)), 6, options=b"\x01" * 40)))
    assert segment.payload == TEXT


@pytest.mark.parametrize(("body", "number", "want"), list(transports()))
def test_lengths(body, number, want):
    """The IP length ends the packet; 0 leaves that to the frame, which also counts where IP says more."""
    assert decode(ether(ip4(body, number)) + b"padding") == [want]
    assert decode(ether(ip4(body, number, total=0))) == [want]
    assert decode(ether(ip4(body, number, total=1000))) == [want]
    assert decode(ether(pack("!HH", 5, 0x0800) + ip4(body, number, total=1000), 0x8100)) == [want]
    assert decode(ether(ip4(body, number, total=19))) == []
    assert decode(ether(ip4(body, number, total=27))) == []


def test_udp_length_is_believed():
    """Where it says less, the rest is none of it; where it says more, that is missing."""
    for wrap in (lambda ip: ether(ip), lambda ip: ether(pack("!HH", 5, 0x0800) + ip, 0x8100)):
        (less,) = decode(wrap(ip4(udp(length=12), 17)))
        assert (less.payload, less.cut) == (TEXT[:4], 0)
        (more,) = decode(wrap(ip4(udp(length=108), 17)))
        assert (more.payload, more.cut) == (TEXT, 100 - len(TEXT))
        (none,) = decode(wrap(ip4(udp(length=0), 17)))
        assert (none.payload, none.cut) == (TEXT, 0)
        assert decode(wrap(ip4(udp(length=7), 17))) == []


@pytest.mark.parametrize("tag", [b"", pack("!HH", 0x8100, 5)])
@pytest.mark.parametrize(("body", "number", "want"), list(transports()))
def test_snap_length(tag, body, number, want):
    """What was captured is used, and what is missing is counted, from the last byte of the header on."""
    packet = bytes(12) + tag + b"\x08\0" + ip4(body, number)
    for size in range(len(packet)):
        found = decode(packet[:size], wire=len(packet))
        have = size - (len(packet) - len(TEXT))
        if have < (-6 if number == 6 else 0):  # TCP is known as far as its flags
            assert found == []
        else:
            have = max(have, 0)
            assert found == [replace(want, payload=TEXT[:have], cut=len(TEXT) - have)]


def test_snap_length_within_tcp_options():
    packet = ether(ip4(tcp(options=bytes(20)), 6))
    (segment,) = decode(packet[:60], wire=len(packet))
    assert (segment.payload, segment.cut, segment.seq) == (b"", len(TEXT), 1000)


def test_bad_headers_have_no_segment():
    short = tcp()[:12] + b"\x40" + tcp()[13:]
    long = tcp(b"")[:12] + b"\x60" + tcp(b"")[13:]
    for body in short, long:
        assert decode(ether(ip4(body, 6))) == []
        assert decode(ether(pack("!HH", 5, 0x0800) + ip4(body, 6), 0x8100)) == []
    assert decode(ether(b"\x44" + ip4(tcp(), 6)[1:])) == []
    assert decode(ether(ip4(tcp(), 6, fragment=0x2000)[:30])) == []
    assert decode(b"", 1) == decode(b"", 999) == decode(TEXT, -1) == []


def test_depth_is_capped():
    ip = V4[0][0]
    for _ in range(MAX_LAYERS + 5):
        ip = ip4(ip, 4)
    assert decode(ether(ip)) == []
    tags = pack("!HH", 5, 0x8100) * (MAX_LAYERS + 5)
    assert decode(ether(tags + pack("!HH", 5, 0x0800) + V4[0][0], 0x8100)) == []


def test_aggregated_wifi():
    """Each packet of an A-MSDU comes."""
    parts = b""
    for ip, _ in V4:
        body = SNAP + b"\x08\0" + ip
        parts += bytes(12) + pack("!H", len(body)) + body
        parts += bytes(-len(parts) % 4)
    frame = b"\x88\x01" + bytes(22) + b"\x80\0" + parts
    assert decode(frame, 105) == [want for _, want in V4]


def test_wifi_that_is_no_readable_data():
    ip = V4[0][0]
    for control, flags in (0x48, 1), (0x80, 0), (0xB4, 0), (0xC8, 1):
        assert decode(wifi(0x0800, ip, control, b"", flags), 105) == []
    assert decode(b"\x08\x41" + bytes(22) + b"\1\2\3\x20\0\0\0\0" + bytes(60), 105) == []


# --- fragments -------------------------------------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_fragments(data):
    """In any order, with repetitions, under any link type: one segment, at the frame that completes it."""
    v4 = data.draw(st.booleans())
    body, number, want = data.draw(st.sampled_from(list(transports(v4))))
    cut = pieces4 if v4 else pieces6
    parts = data.draw(st.permutations(list(cut(body, number, data.draw(st.sampled_from([8, 16, 24]))))))
    parts += data.draw(st.lists(st.sampled_from(parts), max_size=2))
    link, wrap = LINK[data.draw(st.sampled_from(["Ethernet", "cooked", "VLAN", "PPPoE", "802.11"]))]
    decoder = Decoder()
    found = [s for part in parts for s in decode(wrap(0x0800 if v4 else 0x86DD, part), link, decoder=decoder)]
    assert found in ([want], [want, want])  # twice where all of them came twice


def test_fragments_of_a_tunnel_and_within():
    """A fragmented GTP packet that carries fragments."""
    decoder, found = Decoder(), []
    for number, inner in enumerate(pieces4(V4[0][0], 4, 24, number=3)):
        for outer in pieces4(udp(gtp(inner), dport=2152), 17, 16, number=100 + number, **OUTER):
            found += decode(ether(outer), decoder=decoder)
    assert found == [V4[0][1]]


def test_frame_and_time_are_the_last_fragments():
    decoder = Decoder()
    for frame, part in enumerate(pieces4(tcp(), 6, 40), 1):
        packet = ether(part)
        found = decoder.segments(packet, frame, 0, len(packet), len(packet), frame * 10, 1)
    assert [(s.frame, s.ts) for s in found] == [(frame, frame * 10)]


def test_what_never_came_is_cut():
    decoder = Decoder()
    parts = list(pieces4(udp(), 17, 24))
    assert decode(ether(parts[0]), decoder=decoder) == []
    assert decoder.flush() == [replace(V4[1][1], payload=TEXT[:16], cut=len(TEXT) - 16)]
    assert decoder.flush() == []
    assert decode(ether(parts[1]), decoder=decoder) == []
    assert decoder.flush() == []


def test_expired_fragments_come_with_the_next():
    decoder = Decoder()
    first = ether(next(pieces4(udp(), 17, 24)))
    other = ether(next(pieces4(udp(), 17, 24, number=2)))
    decoder.segments(first, 1, 0, len(first), len(first), 0, 1)
    found = decoder.segments(other, 2, 0, len(other), len(other), 60 * 10**9, 1)
    assert [(s.frame, s.payload) for s in found] == [(1, TEXT[:16])]


def test_flush_of_fragments_within_fragments_ends():
    decoder = Decoder()
    inner = ip4(udp(bytes(900), length=2000), 17, fragment=0x2000)
    for number in range(5):
        inner = ip4(inner + bytes(-len(inner) % 8), 4, fragment=0x2000, number=number)
    assert decode(ether(inner), decoder=decoder) == []
    (segment,) = decoder.flush()
    assert segment.cut == 2000 - 8 - len(segment.payload)


# --- any bytes -------------------------------------------------------------------------------------------------------


def check(decoder, packet, link, wire):
    for segment in decoder.segments(packet, 1, 0, len(packet), wire, 0, link):
        assert segment.cut >= 0
        assert len(segment.source) == len(segment.target)
        assert len(segment.source) in (6, 18)


@given(st.sampled_from(sorted(LINKS)), st.binary(max_size=200), st.integers(0, 70_000))
@settings(max_examples=300, deadline=None)
def test_any_bytes(link, packet, wire):
    decoder = Decoder()
    check(decoder, packet, link, wire)
    decoder.flush()


@given(st.data())
@settings(max_examples=600, deadline=None)
def test_any_change(data):
    """Never raises, never reads behind the packet, whatever is changed in whatever it is wrapped."""
    link, packet = data.draw(st.sampled_from(WRAPPED))
    made = bytearray(packet)
    for _ in range(data.draw(st.integers(1, 6))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(
            st.sampled_from([0, 1, 4, 8, 0x45, 0x60, 0x7F, 0x80, 0xFF])
        )
    made = made[: data.draw(st.integers(0, len(made)))]
    decoder = Decoder()
    check(decoder, bytes(made), link, data.draw(st.sampled_from([0, len(made), 100_000])))
    inside = memoryview(bytes(20) + made + bytes(90))
    first = Decoder().segments(bytes(made), 1, 0, len(made), len(made), 0, link)
    again = Decoder().segments(inside, 1, 20, len(made), len(made), 0, link)
    assert list(first) == list(again)
    decoder.flush()


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_short_way_is_the_long_way(data):
    """The one `unpack` for plain Ethernet says what the tables say."""
    body = data.draw(st.sampled_from([tcp(), udp(), tcp(options=bytes(8)), udp(dport=2152), tcp(b""), udp(b"")]))
    made = bytearray(
        ether(ip4(body, data.draw(st.sampled_from([6, 17])), total=data.draw(st.sampled_from([None, 40, 0, 999]))))
    )
    made += data.draw(st.sampled_from([b"", bytes(18)]))
    for _ in range(data.draw(st.integers(0, 3))):
        made[data.draw(st.integers(12, len(made) - 1))] = data.draw(st.integers(0, 255))
    made = made[: data.draw(st.integers(30, 120))]
    wire = len(made) + data.draw(st.sampled_from([0, 50]))
    decoder = Decoder()
    packet = Packet(made, 0, len(made), wire, frame=1, time=0, defrag=decoder.defrag)
    packet.walk(LINKS[1])
    assert list(Decoder().segments(made, 1, 0, len(made), wire, 0, 1)) == packet.segments


# --- the corpus -------------------------------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus beside the checkout")
def test_as_dpkt_decodes():
    """Whole TCP and UDP packets in plain Ethernet, as dpkt sees them."""
    compared = 0
    for path in sorted(CORPUS.rglob("*.pcap*")):
        decoder = Decoder()
        try:
            with open_capture(path) as capture:
                for batch in capture:
                    for at, captured, wire, time, link in batch.rows():
                        segments = decoder.segments(batch.slab, 1, at, captured, wire, time, link)
                        want = link == 1 and by_dpkt(bytes(batch.slab[at : at + captured]))
                        if want:
                            got = [(s.source[-2:], s.target[-2:], s.payload, s.seq, s.flags & 0xFF) for s in segments]
                            assert got == [want], (path, at)
                            compared += 1
        except CaptureError:
            continue
        decoder.flush()
    assert compared > 100_000


def by_dpkt(packet):
    """Ports, payload, sequence number, flags; None where dpkt is no oracle."""
    try:
        ip = dpkt.ethernet.Ethernet(packet).data
    except Exception:
        return None
    if isinstance(ip, dpkt.ip.IP):
        sound = ip.v == 4 and not ip.mf and not ip.offset and ip.len and ip.len <= len(packet) - 14
    elif isinstance(ip, dpkt.ip6.IP6):
        sound = ip.v == 6 and not ip.extension_hdrs and 0 < ip.plen <= len(packet) - 54
    else:
        return None
    inner = ip.data
    if not sound or not isinstance(inner, (dpkt.tcp.TCP, dpkt.udp.UDP)):
        return None
    if isinstance(inner, dpkt.tcp.TCP):
        if len(inner.opts) != inner.off * 4 - 20:
            return None
        return pack("!H", inner.sport), pack("!H", inner.dport), bytes(inner.data), inner.seq, inner.flags & 0xFF
    if {pack("!H", inner.sport), pack("!H", inner.dport)} & TUNNEL_PORTS or not 8 <= inner.ulen <= 8 + len(inner.data):
        return None
    return pack("!H", inner.sport), pack("!H", inner.dport), bytes(inner.data)[: inner.ulen - 8], 0, 0
