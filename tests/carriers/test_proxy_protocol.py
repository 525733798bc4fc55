"""The PROXY protocol gives the true client away."""

from __future__ import annotations

import pytest

from imsniff.base.events import InnerData, InnerOpened
from imsniff.carriers.proxy_protocol import ProxyProtocol
from transcript import CLIENT, SERVER, Said, events

V1 = b"PROXY TCP4 192.0.2.1 198.51.100.9 40000 5222\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes.fromhex("c0000201c63364099c401466")
V2_SIX = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24" + bytes.fromhex(
    "20010db800000000000000000000000120010db80000000000000000000000029c401466"
)
HELLO = b"<stream:stream>"
CONVERSATIONS: list[Said] = [[(CLIENT, V1 + HELLO), (SERVER, HELLO)], [(CLIENT, V2 + HELLO), (SERVER, HELLO)]]


@pytest.mark.parametrize("header", [V1, V2])
def test_the_true_client(header):
    assert events(ProxyProtocol, [(CLIENT, header + HELLO), (SERVER, HELLO)]) == [
        InnerOpened(
            side=CLIENT,
            carrier="proxy-protocol",
            client="192.0.2.1",
            client_port=40000,
            destination="198.51.100.9:5222",
        ),
        InnerData(side=CLIENT, data=HELLO),
        InnerData(side=SERVER, data=HELLO),
    ]


def test_ipv6():
    (opened,) = events(ProxyProtocol, [(CLIENT, V2_SIX)])
    assert (opened.client, opened.destination) == ("2001:db8::1", "[2001:db8::2]:5222")


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", V2[:12] + b"\x20\0\0\0"])
def test_nobody_is_named(header):
    assert events(ProxyProtocol, [(CLIENT, header + HELLO)]) == [
        InnerOpened(side=CLIENT, carrier="proxy-protocol"),
        InnerData(side=CLIENT, data=HELLO),
    ]
