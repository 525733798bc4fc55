"""XEP-0065: a SOCKS5 handshake with a hash for a name, then a file."""

from __future__ import annotations

import itertools
from hashlib import sha256
from pathlib import Path

import pytest

from imsniff.base.events import Anomaly, Expect, Side, Trait, Transfer, TransferState
from imsniff.dissect.core import REGISTRY
from imsniff.dissect.xmpp.bytestream import Bytestream
from transcript import CLIENT, SERVER, Said, conversations, events, resegmented

PCAPS = Path(__file__).parents[2] / "pcaps" / "xmpp"
NAME = b"\x03\x28" + b"0123456789abcdef" * 2 + b"01234567" + b"\0\0"
HANDSHAKE: Said = [
    (CLIENT, b"\x05\x01\x00"),
    (SERVER, b"\x05\x00"),
    (CLIENT, b"\x05\x01\x00" + NAME),
    (SERVER, b"\x05\x00\x00" + NAME),
]
FILE = bytes(range(256)) * 20
DOWN: Said = [*HANDSHAKE, (SERVER, FILE[:4000]), (SERVER, FILE[4000:])]
UP: Said = [*HANDSHAKE, (CLIENT, FILE)]
OWN_NAME: Said = [*HANDSHAKE[:3], (SERVER, b"\x05\x00\x00\x03\x0a10.77.0.21\0\0"), (SERVER, FILE)]
BY_ADDRESS: Said = [*HANDSHAKE[:3], (SERVER, b"\x05\x00\x00\x01\x0a\x4d\x00\x15\x15\xe0"), (SERVER, FILE)]
CONVERSATIONS: list[Said] = [
    DOWN,
    UP,
    OWN_NAME,
    BY_ADDRESS,
    *(
        flow.said
        for name in ("slixmpp_prosody_plain_features", "pidgin2142_prosody_s2s_clear_dialback")
        for flow in conversations(PCAPS / f"{name}.pcap")
        if flow.said[0][1].startswith(b"\x05")
    ),
]


def announced(size: int | None) -> Expect:
    return Expect(
        side=CLIENT,
        protocol="bytestream",
        ip="10.77.0.21",
        port=5600,
        name="a.bin",
        size=size,
        sender="ann@example.org",
        recipient="bob@example.org",
    )


def transfers(said: Said, **how: object) -> list[tuple[str, int | None, TransferState, bool]]:
    return [
        (e.name, e.size, e.state, e.sha256 == sha256(FILE).hexdigest())
        for e in events(Bytestream, said, **how)
        if isinstance(e, Transfer)
    ]


def test_the_session_is_xmpps():
    assert REGISTRY["bytestream"].protocol == "xmpp"


@pytest.mark.parametrize("said", [DOWN, UP, OWN_NAME, BY_ADDRESS])
def test_an_announced_file_is_complete_at_its_size(said):
    assert transfers(said, expected=announced(len(FILE))) == [("a.bin", len(FILE), TransferState.COMPLETED, True)]
    (told,) = [e for e in events(Bytestream, said, expected=announced(len(FILE))) if isinstance(e, Transfer)]
    assert (told.sender, told.recipient) == ("ann@example.org", "bob@example.org")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_cuts_do_not_matter(size):
    cut = resegmented(DOWN, itertools.repeat(size))
    assert transfers(cut, expected=announced(len(FILE))) == [("a.bin", len(FILE), TransferState.COMPLETED, True)]


def test_without_announcement_the_file_is_what_came():
    assert transfers(DOWN) == [("", len(FILE), TransferState.COMPLETED, True)]


def test_a_file_that_stops_short_was_cancelled():
    assert transfers(DOWN[:-1], expected=announced(len(FILE))) == [("a.bin", len(FILE), TransferState.CANCELLED, False)]


def test_a_file_with_a_hole_has_no_hash():
    dissector = Bytestream(expected=announced(len(FILE)))
    out = [e for side, data in DOWN[:-1] for e in dissector.feed(side, data)]
    out += [*dissector.gap(SERVER, 120), *dissector.feed(SERVER, FILE[4120:]), *dissector.end()]
    assert [(e.state, e.sha256) for e in out if isinstance(e, Transfer)] == [(TransferState.COMPLETED, None)]


@pytest.mark.parametrize(
    "said",
    [
        [
            (CLIENT, b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.org\x00\x50"),
            (SERVER, b"\x05\x00\x05\x00\x00\x01" + b"\0" * 6),
        ],
        [(CLIENT, b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50GET / HTTP/1.1\r\n\r\n")],
        [(CLIENT, b"\x05\x01\x00\x05\x01\x00" + NAME[:-2] + b"\x00\x50")],
        [(CLIENT, b"\x05\x01\x00\x05\x01\x00" + NAME.replace(b"0", b"g"))],
        [(CLIENT, b"\x05\x01\x02\x01\x03ann\x02pw")],
        [(CLIENT, b"GET / HTTP/1.1\r\n\r\n"), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n")],
    ],
)
def test_other_socks_is_not_a_bytestream(said):
    dissector = Bytestream()
    out = [e for side, data in said for e in dissector.feed(side, data)] + list(dissector.end())
    assert not dissector.confirmed
    assert not [e for e in out if not isinstance(e, Anomaly)]


def test_a_refusal_ends_it():
    said = [*HANDSHAKE[:3], (SERVER, b"\x05\x04\x00" + NAME), (SERVER, FILE)]
    assert [type(e) for e in events(Bytestream, said)] == [Trait]


def test_joined_at_the_request():
    late = [(CLIENT, HANDSHAKE[2][1]), *DOWN[3:]]
    assert transfers(late, midstream=True) == [("", len(FILE), TransferState.COMPLETED, True)]


def test_one_side_is_enough():
    only = [turn for turn in DOWN if turn[0] is Side.SERVER]
    assert transfers(only) == [("", len(FILE), TransferState.COMPLETED, True)]
