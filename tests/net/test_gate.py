"""The gate may only skip, and skips exactly what `covers` would drop."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.limits import IGNORE_SECONDS, MAX_IGNORED
from imsniff.capture.batch import Batch
from imsniff.capture.pcap import NativeOrderWalk
from imsniff.net.decode import TUNNEL_PORTS
from imsniff.net.gate import Gate
from tests.net.forge import ACK, RST, SYN, batch, end, pcap_batch, segment, tcp, udp

SECOND = 1_000_000_000
IGNORE_NS = IGNORE_SECONDS * 1_000_000_000

A, B = end("192.0.2.1", 40000), end("198.51.100.9", 443)
A6, B6 = end("2001:db8::1", 40000), end("2001:db8::9", 443)


def raised(gate, *packets):
    """The frames that come up, which must be the same from rows and from the records of a pcap file."""
    found = list(gate.raise_packets(batch(packets)))
    skipped = gate.skipped
    for order in "<>":
        straight = pcap_batch(packets, order, tail=bytes(7))
        fused = list(gate.raise_packets(straight))
        assert [(row[1], *row[3:]) for row in fused] == [(row[1], *row[3:]) for row in found]
        assert straight.walked == (len(straight.slab) - 7, len(packets), "")
    gate.skipped = skipped
    return [row[1] for row in found]


@pytest.mark.parametrize("vlans", [(), (100,), (100, 200)])
@pytest.mark.parametrize(("a", "b"), [(A, B), (A6, B6)])
@pytest.mark.parametrize(("forge", "protocol"), [(tcp, 6), (udp, 17)])
def test_an_ignored_flow_is_skipped_in_both_directions(forge, protocol, a, b, vlans):
    gate = Gate()
    gate.ignore(segment(a, b, protocol=protocol))
    assert raised(gate, (0, forge(a, b, b"x" * 30, vlans=vlans)), (1, forge(b, a, b"x" * 30, vlans=vlans))) == []
    assert (gate.frames, gate.skipped) == (2, 2)


def test_everything_else_comes_up():
    gate = Gate()
    gate.ignore(segment(A, B))
    other = end("192.0.2.1", 40001)
    packets = [
        (0, tcp(other, B, b"x" * 30)),
        (0, udp(A, B, b"x" * 30)),
        (0, tcp(A, B, b"x" * 30, fragment=0x2000)),
        (0, tcp(A, B, b"x" * 30, fragment=1)),
        (0, b"\0" * 10),
        (0, b""),
        (0, tcp(A, B, b"x" * 30)[:44]),
    ]
    assert raised(gate, *packets) == [1, 2, 3, 4, 5, 6, 7]


def test_a_new_connection_lifts_it():
    gate = Gate()
    gate.ignore(segment(A, B))
    assert raised(gate, (5, tcp(A, B, flags=SYN))) == [1]
    assert not gate.covers(segment(A, B, ts=5, flags=SYN))
    assert not gate.covers(segment(B, A, ts=6, flags=ACK))


def test_a_fraction_of_more_than_a_second_is_the_last_of_its_second():
    gate = Gate()
    gate.ignore(segment(A, B))
    packet = tcp(A, B, b"x" * 30)
    slab = struct.pack("<IIII", 7, SECOND + 7, len(packet), len(packet)) + packet
    straight = Batch("test", bytearray(slab), 0, len(slab), 1, NativeOrderWalk("<", 1, 16, 1))
    assert list(gate.raise_packets(straight)) == []
    assert gate.last_ts == 8 * SECOND - 1


def test_a_tunnel_is_never_skipped():
    for port in TUNNEL_PORTS:
        gate = Gate()
        tunnel = end("192.0.2.1", int.from_bytes(port, "big"))
        gate.ignore(segment(tunnel, B, protocol=17))
        assert raised(gate, (0, udp(tunnel, B, b"x" * 30))) == [1]


def test_the_table_is_bounded():
    gate = Gate()
    for n in range(MAX_IGNORED // 2 + 1000):
        gate.ignore(segment(n.to_bytes(4, "big") + b"\1\1", B))
    assert len(gate._until[6]) <= MAX_IGNORED


ENDS = [A, B, A6, B6, end("192.0.2.1", 40001), end("198.51.100.9", 2152)]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["packet", "packet", "packet", "ignore"]),
        st.sampled_from([(a, b) for a in ENDS for b in ENDS if a != b and len(a) == len(b)]),
        st.sampled_from([6, 17]),
        st.sampled_from([0, ACK, SYN, SYN | ACK, RST]),
        st.integers(0, 2 * IGNORE_NS),
        st.sampled_from([(), (1,), (1, 2)]),
    ),
    max_size=40,
)


@given(ACTIONS)
def test_what_is_skipped_is_what_would_be_dropped(actions):
    """Two gates, one off: after `covers` both let the same segments through, whatever events before."""
    on, off = Gate(), Gate(enabled=False)
    for action, (a, b), protocol, flags, ts, vlans in actions:
        here = segment(a, b, b"x" * 30, ts=ts, protocol=protocol, flags=flags if protocol == 6 else 0)
        if action == "ignore":
            on.ignore(here)
            off.ignore(here)
            continue
        packet = tcp(a, b, b"x" * 30, flags=flags, vlans=vlans) if protocol == 6 else udp(a, b, b"x" * 30, vlans=vlans)
        came_up = bool(raised(on, (ts, packet)))
        assert raised(off, (ts, packet)) == [1]
        dropped = off.covers(here)
        assert came_up or dropped
        if came_up:
            assert on.covers(here) == dropped
