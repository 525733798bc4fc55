"""DCC: chats and files on announced connections."""

from __future__ import annotations

import itertools
from hashlib import sha256
from pathlib import Path

import pytest

from imsniff.base.events import Encryption, Event, Expect, Message, Trait, Transfer, TransferState
from imsniff.dissect.irc.dcc import Dcc
from transcript import CLIENT, SERVER, Said, conversations, events, resegmented

PCAPS = Path(__file__).parents[2] / "pcaps"
FILE = bytes(range(256)) * 10
CHAT = Expect(side=CLIENT, protocol="dcc", ip="10.78.0.22", port=5002, sender="bob", recipient="alice")
TALK: Said = [(CLIENT, b"nobody reads this\n"), (SERVER, b"are you sure?\r\n\x01ACTION looks round\x01\r\n")]
CONVERSATIONS: list[Said] = [
    TALK,
    *(flow.said for flow in conversations(PCAPS / "irc" / "irssi_ngircd_dcc.pcap") if flow.server[1] == 5600),
    *(flow.said for flow in conversations(PCAPS / "dcc" / "chat_ipv6.pcap") if flow.server[1] == 5002),
]


def offer(size: int | None = len(FILE), offset: int = 0) -> Expect:
    return Expect(
        side=CLIENT,
        protocol="dcc",
        ip="10.78.0.22",
        port=5001,
        name="plan.bin",
        size=size,
        offset=offset,
        sender="bob",
        recipient="alice",
    )


def ack(size: int) -> bytes:
    return size.to_bytes(4, "big")


def transfers(said: Said, expected: Expect) -> list[Event]:
    return [event for event in events(Dcc, said, expected=expected) if isinstance(event, Transfer)]


DOWN: Said = [(SERVER, FILE[:1000]), (CLIENT, ack(1000)), (SERVER, FILE[1000:]), (CLIENT, ack(len(FILE)))]


def test_who_listens_is_who_offered_the_chat():
    assert [(m.sender, m.recipient, m.text) for m in events(Dcc, TALK, expected=CHAT)] == [
        ("alice", "bob", "nobody reads this"),
        ("bob", "alice", "are you sure?"),
        ("bob", "alice", "looks round"),
    ]


def test_a_file_is_hashed_when_its_size_is_reached():
    assert transfers(DOWN, offer()) == [
        Transfer(
            side=SERVER,
            name="plan.bin",
            size=len(FILE),
            sender="bob",
            recipient="alice",
            state=TransferState.COMPLETED,
            sha256=sha256(FILE).hexdigest(),
        )
    ]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_file_in_any_segmentation(size):
    assert transfers(resegmented(DOWN, itertools.repeat(size)), offer()) == transfers(DOWN, offer())


def test_a_file_from_the_one_who_called():
    up: Said = [(CLIENT, FILE), (SERVER, ack(len(FILE)))]
    [done] = transfers(up, offer())
    assert (done.side, done.sha256) == (CLIENT, sha256(FILE).hexdigest())


def test_one_direction_alone():
    assert transfers([(SERVER, FILE)], offer()) == transfers(DOWN, offer())
    assert not transfers([(CLIENT, ack(1000)), (CLIENT, ack(len(FILE)))], offer())


def test_what_follows_the_file_is_not_part_of_it():
    said: Said = [(SERVER, FILE + b"more")]
    assert transfers(said, offer()) == transfers(DOWN, offer())


def test_a_resumed_file_completes_without_a_hash():
    [done] = transfers([(SERVER, FILE[1000:])], offer(offset=1000))
    assert (done.state, done.sha256) == (TransferState.COMPLETED, None)


def test_a_file_with_a_hole_completes_without_a_hash():
    dissector = Dcc(expected=offer())
    out = [*dissector.feed(SERVER, FILE[:1000]), *dissector.gap(SERVER, 500), *dissector.feed(SERVER, FILE[1500:])]
    [done] = [event for event in out if isinstance(event, Transfer)]
    assert (done.state, done.sha256) == (TransferState.COMPLETED, None)


def test_a_file_cut_short_is_not_completed():
    assert not transfers([(SERVER, FILE[:-1])], offer())


def test_a_file_of_unknown_size_ends_with_its_connection():
    [done] = transfers(DOWN, offer(size=None))
    assert (done.size, done.sha256) == (len(FILE), sha256(FILE).hexdigest())


def test_a_file_that_looks_like_acknowledgements():
    zeros = bytes(16)
    [done] = transfers([(SERVER, zeros), (CLIENT, ack(16))], offer(size=16))
    assert (done.side, done.sha256) == (SERVER, sha256(zeros).hexdigest())


@pytest.mark.parametrize("expected", [CHAT, offer()])
def test_tls_is_seen_and_not_read(expected):
    dissector = Dcc(expected=expected)
    out = [*dissector.feed(CLIENT, b"\x16"), *dissector.feed(CLIENT, b"\x03\x01\x00\x2a\x01" + bytes(41))]
    assert out == [Trait(side=CLIENT, encryption=Encryption.TLS)]
    assert dissector.opaque


def test_binary_is_no_chat():
    assert not [
        e
        for e in events(Dcc, [(CLIENT, bytes(range(1, 9)) + b"\n" + bytes(9) + b"\n")], expected=CHAT)
        if isinstance(e, Message)
    ]
