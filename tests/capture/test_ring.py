"""The kernel's ring: blocks walked, and real packets counted to the last one."""

from __future__ import annotations

import select
import socket
import struct
import sys
import time

import pytest
from tests.netns import needs, network

from imsniff.capture import ring
from imsniff.capture.bpf import compiled
from imsniff.capture.errors import BadFilter, CannotCapture
from imsniff.net.decode import Decoder

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="AF_PACKET is Linux only")


def block(*packets, kinds=(), slack=0):
    """A block as the kernel lays it out; the walk begins at its first packet."""
    out = bytearray(48)
    for number, packet in enumerate(packets):
        size = 82 + len(packet)
        padded = (size + 15) // 16 * 16
        last = number == len(packets) - 1
        header = struct.pack("=IIIIIIHH", 0 if last else padded, 7, number, len(packet) + slack, 99, 1, 82, 96)
        arphrd, kind = kinds[number] if kinds else (1, 0)
        address = struct.pack("=HHiHBB8x", 17, 8, 2, arphrd, kind, 6)
        out += (header + bytes(20) + address).ljust(82, b"\0") + packet + bytes(padded - size)
    return out


def walked(walk, slab, end=None):
    rows = []
    generator = walk(slab, 48, len(slab) if end is None else end)
    while True:
        try:
            rows.append(next(generator))
        except StopIteration as over:
            return rows, over.value


def test_rows_point_into_the_block():
    slab = block(b"first", b"second packet")
    rows, told = walked(ring.Blocks(1), slab)
    assert [bytes(slab[at : at + size]) for at, size, *_ in rows] == [b"first", b"second packet"]
    assert [row[2:] for row in rows] == [(99, 7_000_000_000, 1), (99, 7_000_000_001, 1)]
    assert told == (len(slab), 2, "")


def test_nothing_is_read_behind_the_block():
    slab = block(b"first", b"second packet", slack=4000)
    assert walked(ring.Blocks(1), slab) == ([], (len(slab), 0, ""))
    for end in range(48, len(slab)):
        rows, _ = walked(ring.Blocks(1), slab, end)
        assert all(at + size <= end for at, size, *_ in rows)


def test_of_all_interfaces_loopback_is_seen_once():
    slab = block(b"sent on lo", b"received on lo", b"sent on eth0", kinds=[(772, 4), (772, 0), (1, 4)])
    rows, told = walked(ring.BlocksOfAll(101), slab)
    assert [bytes(slab[at : at + size]) for at, size, *_ in rows] == [b"received on lo", b"sent on eth0"]
    assert told.frames == 2


def test_an_unknown_interface_is_told_with_those_that_exist():
    with pytest.raises(CannotCapture, match=r"no interface 'nothere9'; choose of .*lo"):
        ring.look_up("nothere9")


def test_filters_are_libpcaps():
    pytest.importorskip("scapy")
    try:
        program = compiled("tcp port 5190", 1)
    except CannotCapture as why:
        pytest.skip(str(why))
    assert len(program.instructions) == 8 * program.length > 8
    assert struct.unpack_from("=HBBI", program.instructions, 8 * program.length - 16) == (6, 0, 0, 262_144)
    with pytest.raises(BadFilter, match="syntax error"):
        compiled("tcp porto 5190", 1)
    with pytest.raises(BadFilter, match="vlan"):
        compiled("vlan 7 and tcp", 1)


def test_without_libpcap_the_remedy_is_told(monkeypatch):
    import scapy.arch.common

    def missing(*_, **__):
        raise ImportError("libpcap is not available. Cannot compile filter !")

    monkeypatch.setattr(scapy.arch.common, "compile_filter", missing)
    with pytest.raises(CannotCapture, match=r"needs libpcap.*apt install libpcap0.8"):
        compiled("tcp", 1)


class Reader:
    """Reads a ring until it is quiet."""

    def __init__(self, source):
        self.source = source
        self.packets = []
        self.rows = []

    def read(self, seconds=0.5):
        poll = select.poll()
        poll.register(self.source.fileno(), select.POLLIN)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            poll.poll(50)
            while (batch := self.source.take()) is not None:
                for row in batch.rows():
                    self.rows.append((batch.first_frame, row))
                    self.packets.append((row[4], bytes(batch.slab[row[0] : row[0] + row[1]])))
                until = time.monotonic() + seconds
        return self.packets


@pytest.fixture
def loopback():
    needs()
    made = []

    def make(name="lo", **how):
        source = ring.Ring(ring.look_up(name), octets=1 << 22, **how)
        made.append(source)
        return source

    yield make
    for source in made:
        source.close()


def chatter(count, payload=b"hello there", port=47_001):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for _ in range(count):
            out.sendto(payload, ("127.0.0.1", port))


def ours(packets, port=47_001):
    decoder = Decoder()
    wanted = port.to_bytes(2, "big")
    found = []
    for frame, (link, packet) in enumerate(packets, 1):
        for segment in decoder.segments(packet, frame, 0, len(packet), len(packet), 0, link):
            found += [segment.payload] if segment.target[-2:] == wanted else []
    return found


@pytest.mark.parametrize("name", ["lo", "any"])
def test_packets_are_seen_once_and_decode(loopback, name):
    source = loopback(name)
    before = time.time_ns()
    chatter(20)
    packets = Reader(source).read()
    assert ours(packets) == [b"hello there"] * 20
    losses = source.losses()
    assert losses.received >= 20
    assert losses.dropped == 0
    times = [row[3] for _, row in _rows(loopback, source, packets)]
    assert all(before - 1_000_000_000 <= time <= time_ns() for time in times)


def time_ns():
    return time.time_ns() + 1_000_000_000


def _rows(loopback, source, packets):
    reader = Reader(source)
    chatter(1)
    reader.read()
    return reader.rows


def test_a_filter_works_in_the_kernel(loopback):
    try:
        program = compiled("udp port 47002", 1)
    except CannotCapture as why:
        pytest.skip(str(why))
    source = loopback(program=program)
    chatter(5)
    chatter(3, port=47_002)
    packets = Reader(source).read()
    assert len(packets) == source.losses().received == 3


def test_what_the_ring_has_no_room_for_is_counted():
    with network() as net:
        source = _in(net.sensor, lambda: ring.Ring(ring.look_up("span0"), octets=2 << 20))
        try:
            send = "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('c0', 0))\n"
            send += "for n in range(9000): s.send(b'\\x02' * 12 + b'\\x08\\x00' + b'x' * 986)"
            net.within(net.client, sys.executable, "-c", send)
            reader = Reader(source)
            reader.read()
            source.stop()
            reader.read()
            losses = source.losses()
            assert losses.received == 9000
            assert losses.dropped > 1000
            assert len(reader.packets) == source.frames == losses.received - losses.dropped
        finally:
            source.close()


def test_tags_that_the_kernel_takes_off_do_no_harm():
    with network() as net:
        source = _in(net.sensor, lambda: ring.Ring(ring.look_up("span0"), octets=2 << 20))
        try:
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 33, 0, 0, 64, 17, 0, bytes(4), bytes(4))
            datagram = ip + struct.pack("!HHHH", 9, 47_001, 13, 0) + b"hello"
            frames = [
                b"\x02" * 12 + b"\x08\x00" + datagram,
                b"\x02" * 12 + b"\x81\x00\x00\x07\x08\x00" + datagram,
                b"\x02" * 12 + b"\x88\xa8\x00\x09\x81\x00\x00\x07\x08\x00" + datagram,
            ]
            send = "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('c0', 0))\n"
            send += f"for one in {frames!r}: s.send(one)"
            net.within(net.client, sys.executable, "-c", send)
            assert ours(Reader(source).read()) == [b"hello"] * 3
        finally:
            source.close()


def test_two_sockets_share_flows_by_both_directions():
    with network() as net:
        fanout = ring.Fanout()
        both = [
            _in(net.sensor, lambda: ring.Ring(ring.look_up("span0"), octets=2 << 20, fanout=fanout)) for _ in range(2)
        ]
        try:
            flows = []
            for number in range(64):
                for turned in (False, True):
                    ends = [(bytes((10, 0, 0, 1)), 1000 + number), (bytes((10, 0, 0, 2)), 53)]
                    (source, sport), (target, dport) = reversed(ends) if turned else ends
                    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 33, 0, 0, 64, 17, 0, source, target)
                    flows.append(b"\x02" * 12 + b"\x08\x00" + ip + struct.pack("!HHHH", sport, dport, 13, 0) + b"hello")
            send = "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('c0', 0))\n"
            send += f"for one in {flows!r}: s.send(one)"
            net.within(net.client, sys.executable, "-c", send)
            shares = []
            for source in both:
                packets = Reader(source).read()
                shares.append({frozenset((packet[34:36], packet[36:38])) for _, packet in packets})
                assert len(packets) == 2 * len(shares[-1])
            assert not shares[0] & shares[1]
            assert len(shares[0] | shares[1]) == 64
            assert min(map(len, shares)) > 8
        finally:
            for source in both:
                source.close()


def _in(namespace, make):
    """Made within a network namespace; a socket stays there."""
    import ctypes
    import os

    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{namespace}") as there:  # noqa: PTH123 - descriptors
        assert libc.setns(there.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
        try:
            return make()
        finally:
            assert libc.setns(home.fileno(), 0) == 0
