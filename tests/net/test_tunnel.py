"""Packets inside packets."""

from __future__ import annotations

from struct import pack

import pytest

from imsniff.net.decode import TUNNEL_PORTS
from imsniff.net.packet import UDP_TUNNELS
from imsniff.net.segment import endpoint
from tests.net.layers import (
    OUTER,
    OVER_IP,
    OVER_UDP,
    TEXT,
    V4,
    decode,
    ether,
    gtp,
    ip4,
    ip6,
    transports,
    udp,
)


@pytest.mark.parametrize("name", OVER_UDP)
@pytest.mark.parametrize(("ip", "want"), V4)
def test_tunnel_over_udp(name, ip, want):
    """The innermost addresses count, whichever side has the well-known port."""
    port, wrap = OVER_UDP[name]
    assert port.to_bytes(2, "big") in TUNNEL_PORTS
    for ports in {"dport": port}, {"sport": port}:
        assert decode(ether(ip4(udp(wrap(ip), **ports), 17, **OUTER))) == [want]
        assert decode(ether(ip6(udp(wrap(ip), **ports), 17), 0x86DD)) == [want]


@pytest.mark.parametrize("name", OVER_IP)
@pytest.mark.parametrize(("ip", "want"), V4)
def test_tunnel_over_ip(name, ip, want):
    number, wrap = OVER_IP[name]
    assert decode(ether(ip4(wrap(ip), number, **OUTER))) == [want]
    assert decode(ether(ip6(wrap(ip), number), 0x86DD)) == [want]


@pytest.mark.parametrize(("body", "number", "want"), list(transports(v4=False)))
def test_ipv6_in_tunnels(body, number, want):
    ip = ip6(body, number)
    assert decode(ether(ip4(ip, 41))) == [want]
    assert decode(ether(ip4(udp(ip, dport=3544), 17))) == [want]
    origin, check = bytes(8), pack("!HBB", 1, 2, 3) + bytes(5 + 9)
    assert decode(ether(ip4(udp(check + origin + ip, sport=3544), 17))) == [want]


@pytest.mark.parametrize("port", UDP_TUNNELS)
def test_what_only_has_a_tunnels_port_is_a_datagram(port):
    for payload in TEXT, b"", b"\x45", bytes(200), b"\x30\xff\0\x20" + b"E" * 40:
        (segment,) = decode(ether(ip4(udp(payload, dport=port), 17)))
        assert (segment.payload, segment.cut, endpoint(segment.target)) == (payload, 0, ("10.0.0.2", port))


def test_tunnel_whose_inner_packet_does_not_fit_is_a_datagram():
    ip, _ = V4[0]
    for inner in (ip[:-1], ip[:2] + b"\xff\xff" + ip[4:], b"\x44" + ip[1:], b"\x55" + ip[1:]):
        (segment,) = decode(ether(ip4(udp(gtp(inner), dport=2152), 17)))
        assert segment.payload == gtp(inner)


def test_tunnel_of_something_else_has_no_segment():
    assert decode(ether(ip4(udp(gtp(ip4(b"\x08\0" + bytes(20), 1)), dport=2152), 17))) == []
