"""SOCKS 5 with and without a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from imsniff.base.events import InnerData, InnerOpened, Login, Outcome, Refused
from imsniff.carriers.socks import Socks5
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).parents[2] / "pcaps" / "carriers"
NAME = b"\x05\x01\x00\x03\x0fxmpp.example.org"[:4] + bytes((16,)) + b"xmpp.example.org\x14\x66"
SIX = b"\x05\x01\x00\x04" + bytes.fromhex("20010db8000700000000000000000005") + b"\x14\x66"
DONE = b"\x05\x00\x00\x01\xc0\x00\x02\x07\x1a\x0b"
PASSWORD = b"\x01\x05hedda\x06secret"
HELLO = b"<stream:stream>"
CONVERSATIONS: list[Said] = [
    [
        (CLIENT, b"\x05\x02\x00\x02"),
        (SERVER, b"\x05\x02"),
        (CLIENT, PASSWORD),
        (SERVER, b"\x01\x00"),
        (CLIENT, NAME),
        (SERVER, DONE),
        (CLIENT, HELLO),
        (SERVER, HELLO),
    ],
    *(flow.said for name in ("xmpp_s5auth", "xmpp_nest") for flow in conversations(PCAPS / f"{name}.pcap")[:1]),
]


def test_the_password_and_the_tunnel():
    login, *rest = events(Socks5, CONVERSATIONS[0])
    assert isinstance(login, Login)
    assert (login.account, login.secret, login.scheme, login.outcome) == ("hedda", "secret", "socks5", Outcome.OK)
    assert "secret" not in login.wire
    assert rest == [
        InnerOpened(side=CLIENT, carrier="socks5", destination="xmpp.example.org:5222"),
        InnerData(side=CLIENT, data=HELLO),
        InnerData(side=SERVER, data=HELLO),
    ]


def test_an_ipv6_destination_without_a_password():
    found = events(Socks5, [(CLIENT, b"\x05\x01\x00"), (SERVER, b"\x05\x00"), (CLIENT, SIX), (SERVER, DONE)])
    assert found == [InnerOpened(side=CLIENT, carrier="socks5", destination="[2001:db8:7::5]:5222")]


@pytest.mark.parametrize(("code", "outcome"), [(2, "refused"), (4, "failed")])
def test_a_refusal(code, outcome):
    said = [
        (CLIENT, b"\x05\x01\x00"),
        (SERVER, b"\x05\x00"),
        (CLIENT, NAME),
        (SERVER, b"\x05" + bytes((code,)) + DONE[2:]),
    ]
    assert events(Socks5, said) == [
        Refused(side=SERVER, destination="xmpp.example.org:5222", via="socks5", outcome=outcome)
    ]


def test_a_wrong_password_is_a_failed_login():
    said = [*CONVERSATIONS[0][:3], (SERVER, b"\x01\x01")]
    (login,) = events(Socks5, said)
    assert login.outcome is Outcome.FAILED


def test_the_client_alone():
    found = events(Socks5, [turn for turn in CONVERSATIONS[0] if turn[0] is CLIENT])
    assert [type(e) for e in found] == [InnerOpened, InnerData, Login] or InnerData in map(type, found)


def test_a_bytestream_of_peers_is_no_proxy():
    name = b"\x05\x01\x00\x03\x28" + b"a1" * 20 + b"\x00\x00"
    carrier = Socks5()
    for side, data in [(CLIENT, b"\x05\x01\x00"), (SERVER, b"\x05\x00"), (CLIENT, name)]:
        list(carrier.feed(side, data))
    assert carrier.given_up
