"""SOCKS 4 and 4a."""

from __future__ import annotations

from pathlib import Path

import pytest

from imsniff.base.events import InnerData, InnerOpened, Login, Refused
from imsniff.carriers.socks import Socks4
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).parents[2] / "pcaps" / "carriers"
ASK = b"\x04\x01\x1a\x0b\xc0\x00\x02\x07alice\x00"
NAMED = b"\x04\x01\x1a\x0b\x00\x00\x00\x01\x00irc.example.org\x00"
GRANTED = b"\x00\x5a" + bytes(6)
HELLO = b"NICK alice\r\n"
CONVERSATIONS: list[Said] = [
    [(CLIENT, ASK), (SERVER, GRANTED), (CLIENT, HELLO), (SERVER, b":x 001 alice :hi\r\n")],
    *(flow.said for flow in conversations(PCAPS / "irc_s4.pcap")[:1]),
]


@pytest.mark.parametrize(("ask", "destination"), [(ASK, "192.0.2.7:6667"), (NAMED, "irc.example.org:6667")])
def test_the_tunnel(ask, destination):
    found = events(Socks4, [(CLIENT, ask), (SERVER, GRANTED), (CLIENT, HELLO)])
    assert [e for e in found if not isinstance(e, Login)] == [
        InnerOpened(side=CLIENT, carrier="socks4", destination=destination),
        InnerData(side=CLIENT, data=HELLO),
    ]


def test_the_user_is_told_and_is_no_password():
    (login,) = [e for e in events(Socks4, CONVERSATIONS[0]) if isinstance(e, Login)]
    assert (login.account, login.secret, login.grade) == ("alice", None, "protected")


def test_a_refusal():
    found = events(Socks4, [(CLIENT, NAMED), (SERVER, b"\x00\x5b" + bytes(6))])
    assert found == [Refused(side=SERVER, destination="irc.example.org:6667", via="socks4", outcome="refused")]


def test_the_client_alone():
    found = events(Socks4, [(CLIENT, NAMED), (CLIENT, HELLO)])
    assert found[-1] == InnerData(side=CLIENT, data=HELLO)
