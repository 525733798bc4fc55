"""MSNFTP: files whole, broken off, seen from one side, met in the middle."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from imsniff.base.events import Anomaly, Expect, Trait, Transfer, TransferState
from imsniff.dissect.core import Dissector
from imsniff.dissect.msn.msnftp import Msnftp
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).resolve().parents[2] / "pcaps" / "msnftp"
HOLIDAY = "dcd9beb376b3ef7261d26a25de3ab00f973e1ac7f54aa585e4b86a263d52e127"


def flows(capture: str) -> list[Said]:
    return [flow.said for flow in conversations(PCAPS / capture) if flow.said[0][1].startswith(b"VER MSNFTP")]


def blocks(data: bytes, size: int = 2045) -> bytes:
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(b"\0" + len(piece).to_bytes(2, "little") + piece for piece in pieces)


def session(data: bytes, said: int, end: bytes = b"BYE 16777989\r\n") -> Said:
    return [
        (CLIENT, b"VER MSNFTP\r\n"),
        (SERVER, b"VER MSNFTP\r\n"),
        (CLIENT, b"USR bob@example.net 93301\r\n"),
        (SERVER, b"FIL %d\r\n" % said),
        (CLIENT, b"TFR\r\n"),
        (SERVER, blocks(data)),
        (CLIENT, end),
    ]


CONVERSATIONS = [
    session(b"x" * 5000, 5000),
    *flows("twisted155_escargot_msnp8_msnftp.pcap"),
    *flows("behind_router.pcap"),
    *flows("cancelled.pcap"),
]


def transfers(said: Said, expected: Expect | None = None, **how: bool) -> list[Transfer]:
    return [e for e in events(Msnftp, said, expected=expected, **how) if isinstance(e, Transfer)]


def test_file_of_a_real_client_with_the_name_of_its_invitation():
    expected = Expect(
        side=CLIENT,
        protocol="msnftp",
        ip="10.77.0.21",
        port=6891,
        name="holiday.txt",
        size=1490,
        sender="alice",
        recipient="bob",
    )
    (said,) = flows("twisted155_escargot_msnp8_msnftp.pcap")
    assert transfers(said, expected) == [
        Transfer(
            side=SERVER,
            name="holiday.txt",
            size=1490,
            sender="alice",
            recipient="bob@hotmail.com",
            state=TransferState.COMPLETED,
            sha256=HOLIDAY,
            wire="FIL 1490",
        )
    ]


def test_service_and_account_are_told_and_the_cookie_is_not():
    out = events(Msnftp, session(b"x", 1))
    assert out[:2] == [
        Trait(side=CLIENT, service="msn"),
        Trait(side=CLIENT, account="bob@example.net", wire="USR bob@example.net <5 characters masked>"),
    ]


def test_either_side_may_send():
    turned = [(side.other, data) for side, data in session(b"abc" * 1000, 3000)]
    assert transfers(turned)[0].sha256 == hashlib.sha256(b"abc" * 1000).hexdigest()


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (b"CCL\r\n", TransferState.CANCELLED),
        (b"BYE 2164261682\r\n", TransferState.CANCELLED),
        (b"BYE 2147942405\r\n", TransferState.CANCELLED),
        (b"BYE 16777989\r\n", TransferState.COMPLETED),
    ],
)
def test_how_it_ends_without_all_bytes(end, state):
    (transfer,) = transfers(session(b"x" * 100, 5000, end))
    assert (transfer.state, transfer.sha256, transfer.size) == (state, None, 5000)


def test_sender_breaks_off_with_an_empty_last_block():
    said = [*session(b"x" * 100, 5000)[:-1], (SERVER, b"\x01\x00\x00")]
    assert [t.state for t in transfers(said)] == [TransferState.CANCELLED]


def test_empty_file():
    assert [(t.state, t.size) for t in transfers(session(b"", 0))] == [(TransferState.COMPLETED, 0)]


def test_a_hole_in_the_file_costs_the_hash_only():
    dissector: Dissector = Msnftp()
    out = []
    for side, data in session(b"x" * 5000, 5000):
        if side is SERVER and len(data) > 100:
            out += dissector.feed(side, data[:1000])
            out += dissector.gap(side, 500)
            out += dissector.feed(side, data[1500:])
        else:
            out += dissector.feed(side, data)
    (transfer,) = [e for e in out if isinstance(e, Transfer)]
    assert (transfer.state, transfer.sha256) == (TransferState.COMPLETED, None)


def test_receiver_alone_tells_that_it_came():
    (transfer,) = transfers([turn for turn in session(b"x" * 100, 100) if turn[0] is CLIENT])
    assert (transfer.state, transfer.recipient) == (TransferState.COMPLETED, "bob@example.net")


def test_met_in_the_middle_of_a_file():
    late = [(SERVER, b"rest of a block" + blocks(b"y" * 4090)), (CLIENT, b"BYE 16777989\r\n")]
    assert [t.state for t in transfers(late, midstream=True)] == [TransferState.COMPLETED]


@pytest.mark.parametrize(
    "data", [b"\x00\xff\xff" + b"x" * 100, b"\x01\x05\x00abcde", b"HELO example.net\r\n", b"VER 1 MSNP8\r\n"]
)
def test_what_is_no_msnftp_loses_the_framing(data):
    out = events(Msnftp, [(CLIENT, data)])
    assert [e.code for e in out if isinstance(e, Anomaly)] == ["msnftp.desync"]
    dissector: Dissector = Msnftp()
    list(dissector.feed(CLIENT, data))
    assert not dissector.confirmed
