"""MSRP: chunks put together, people from the announcement and from CPIM, files hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from imsniff.base.events import (
    Anomaly,
    Event,
    Expect,
    Exposure,
    Grade,
    Login,
    Message,
    Outcome,
    Side,
    Trait,
    Transfer,
    TransferState,
)
from imsniff.dissect.sip.msrp import Msrp
from transcript import CLIENT, SERVER, Said, conversations, events

ALICE, BOB = "msrp://192.0.2.1:2855/2s93i9ek2a;tcp", "msrp://198.51.100.9:40001/9di4eae923;tcp"
PCAPS = Path(__file__).parents[2] / "pcaps" / "msrp"


def captured(name: str) -> Said:
    return next(flow.said for flow in conversations(PCAPS / f"{name}.pcap") if flow.transport == "tcp")


LAB, RELAY, ZIP = captured("msrplib_msrp_chat"), captured("relay_auth"), captured("file_transfer")


def chunk(
    tid: str,
    what: str,
    body: bytes | str | None = None,
    *,
    flag: str = "$",
    paths: tuple[str, str] = (BOB, ALICE),
    **headers: str,
) -> bytes:
    """To-Path and From-Path are `paths`; a body has a Content-Type unless one is given."""
    lines = [f"MSRP {tid} {what}", f"To-Path: {paths[0]}", f"From-Path: {paths[1]}"]
    if body is not None:
        headers.setdefault("content_type", "text/plain")
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    data = "\r\n".join(lines).encode() + b"\r\n"
    if body is not None:
        data += b"\r\n" + (body.encode() if isinstance(body, str) else body) + b"\r\n"
    return data + f"-------{tid}{flag}\r\n".encode()


def answer(tid: str, status: str = "200 OK") -> bytes:
    return chunk(tid, status, paths=(ALICE, BOB))


DATA = bytes(range(256)) * 8
FILE: Said = [
    (CLIENT, chunk("t0000", "SEND", message_id="0", byte_range="1-0/0")),
    (SERVER, answer("t0000")),
    *(
        (
            CLIENT,
            chunk(
                f"t100{n}",
                "SEND",
                DATA[n * 512 : n * 512 + 512],
                flag="$" if n == 3 else "+",
                message_id="f1",
                byte_range=f"{n * 512 + 1}-{n * 512 + 512}/2048",
                content_type="image/png",
                content_disposition='attachment; filename="x y.png"',
            ),
        )
        for n in range(4)
    ),
]
CPIM = (
    "From: <sip:alice@example.com>\r\nTo: <sip:bob@example.com>\r\nDateTime: 2026-11-22T01:00:00Z\r\n\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\ngrüße"
)
CHAT: Said = [
    (CLIENT, chunk("aaaa", "SEND", CPIM, message_id="1", byte_range="1-150/150", content_type="message/cpim")),
    (SERVER, answer("aaaa")),
    (SERVER, chunk("bbbb", "SEND", "hi alice", message_id="2", byte_range="1-8/8", paths=(ALICE, BOB))),
    (CLIENT, chunk("bbbb", "200 OK")),
]
CONVERSATIONS: list[Said] = [LAB, RELAY, ZIP, FILE, CHAT]
ANNOUNCED = Expect(
    side=Side.SERVER,
    protocol="msrp",
    ip="198.51.100.9",
    port=40001,
    sender="bob@example.com",
    recipient="alice@example.com",
)


def told(said: Said, *kinds: type[Event], expected: Expect | None = None, midstream: bool = False) -> list[Event]:
    """The events of those kinds without their evidence."""
    found = events(Msrp, said, expected=expected, midstream=midstream)
    return [
        type(e)(**{f: getattr(e, f) for f in e.__struct_fields__ if f != "wire"})
        for e in found
        if not kinds or isinstance(e, kinds)
    ]


def texts(*data: bytes, midstream: bool = False) -> list[str]:
    return [e.text for e in told([(CLIENT, each) for each in data], Message, midstream=midstream)]


def test_msrplib_to_msrplib():
    assert [e.text for e in told(LAB, Message)] == [
        "Hello Bob, this is a lab message from Alice",
        "Hi Alice, the vault code is 4711",
        "CPIM wrapped: grüße ☃",
        "<html><body>html <b>message</b></body></html>",
    ]


def test_the_announcement_tells_who_is_where():
    said = [
        (CLIENT, chunk("aaaa", "SEND", "hi bob", message_id="1")),
        (SERVER, chunk("bbbb", "SEND", "hi alice", message_id="2", paths=(ALICE, BOB))),
    ]
    assert told(said, expected=ANNOUNCED) == [
        Exposure(side=CLIENT, account="alice@example.com", ip="192.0.2.1", port=2855, via="msrp.path"),
        Exposure(side=CLIENT, account="bob@example.com", ip="198.51.100.9", port=40001, via="msrp.path"),
        Trait(side=CLIENT, account="alice@example.com"),
        Message(side=CLIENT, sender="alice@example.com", recipient="bob@example.com", text="hi bob"),
        Message(side=SERVER, sender="bob@example.com", recipient="alice@example.com", text="hi alice"),
    ]


def test_what_a_wrapper_says_holds_for_the_messages_without():
    assert [(e.sender, e.recipient, e.text) for e in told(CHAT, Message)] == [
        ("alice@example.com", "bob@example.com", "grüße"),
        ("bob@example.com", "alice@example.com", "hi alice"),
    ]


def test_nothing_tells_who_it_is():
    assert told([(CLIENT, chunk("aaaa", "SEND", "hello"))], Message) == [
        Message(side=CLIENT, sender=None, recipient=None, text="hello")
    ]


def test_a_file_in_chunks_is_hashed():
    assert told(FILE, Transfer) == [
        Transfer(
            side=CLIENT,
            name="x y.png",
            size=2048,
            state=TransferState.COMPLETED,
            sha256=hashlib.sha256(DATA).hexdigest(),
            media="image/png",
        )
    ]


def test_an_announced_file_has_its_announced_name_whatever_its_type():
    expected = Expect(side=SERVER, protocol="msrp", ip="198.51.100.9", port=40001, name="holiday.txt", size=5)
    said = [(CLIENT, chunk("aaaa", "SEND", "hello", message_id="1", byte_range="1-5/5"))]
    (found,) = told(said, Transfer, Message, expected=expected)
    assert (found.name, found.size, found.sha256) == ("holiday.txt", 5, hashlib.sha256(b"hello").hexdigest())


def test_a_file_of_which_a_piece_is_missing_has_no_hash():
    (found,) = told(FILE[:3] + FILE[4:], Transfer)
    assert (found.state, found.size, found.sha256) == (TransferState.COMPLETED, 2048, None)


def test_a_repeated_chunk_does_no_harm():
    (found,) = told([*FILE[:4], FILE[3], *FILE[4:]], Transfer)
    assert found.sha256 == hashlib.sha256(DATA).hexdigest()


def test_a_file_given_up_is_cancelled():
    last = chunk("t1001", "SEND", DATA[512:600], flag="#", message_id="f1", byte_range="513-600/2048")
    assert [(e.state, e.sha256) for e in told([*FILE[:3], (CLIENT, last)], Transfer)] == [
        (TransferState.CANCELLED, None)
    ]


def test_text_in_chunks_that_interleave_and_come_out_of_order():
    def piece(tid: str, text: str, number: str, span: str, flag: str) -> bytes:
        return chunk(tid, "SEND", text, flag=flag, message_id=number, byte_range=span)

    assert texts(
        piece("aaaa", "one ", "1", "1-*/8", "+"),
        piece("bbbb", "deux", "2", "5-8/8", "+"),
        piece("cccc", "un e", "2", "1-4/8", "+"),
        piece("dddd", "two!", "1", "5-8/8", "$"),
        piece("eeee", "x", "2", "9-9/*", "$"),
    ) == ["one two!", "un edeuxx"]


def test_text_whose_last_chunk_was_not_captured():
    assert texts(chunk("aaaa", "SEND", "the first half", flag="+", byte_range="1-14/28")) == ["the first half"]


def test_a_body_may_hold_what_looks_like_an_end():
    assert texts(chunk("aaaa", "SEND", "-------\r\n-------bbbb$\r\n\r\nend")) == ["-------\r\n-------bbbb$\r\n\r\nend"]


def test_a_stream_met_in_the_middle_of_a_chunk():
    data = chunk("aaaa", "SEND", "x" * 300) + chunk("bbbb", "SEND", "found")
    assert texts(data[200:], midstream=True) == ["found"]


@pytest.mark.parametrize(("status", "outcome"), [("200 OK", Outcome.OK), ("401 Unauthorized", Outcome.FAILED)])
def test_auth_to_a_relay(status, outcome):
    relay = "msrps://relay.example.com:9000;tcp"
    digest = 'Digest username="alice", realm="relay.example.com", nonce="1", response="ab12", qop=auth'
    said = [
        (CLIENT, chunk("aaaa", "AUTH", paths=(relay, ALICE))),
        (SERVER, chunk("aaaa", "401 Unauthorized", paths=(ALICE, relay))),
        (CLIENT, chunk("bbbb", "AUTH", paths=(relay, ALICE), authorization=digest)),
        (SERVER, chunk("bbbb", status, paths=(ALICE, relay), use_path="msrps://203.0.113.4:9000/jui787s2f;tcp")),
    ]
    assert told(said, Login) == [
        Login(side=CLIENT, account="alice", scheme="digest", grade=Grade.CRACKABLE, outcome=outcome, secret="ab12")
    ]
    assert [e.ip for e in told(said, Exposure)] == ["192.0.2.1", "203.0.113.4"]


def test_without_paths_it_is_no_msrp():
    dissector = Msrp()
    found = list(dissector.feed(CLIENT, b"MSRP abcd SEND\r\nSubject: x\r\n-------abcd$\r\n"))
    assert [e.code for e in found if isinstance(e, Anomaly)] == ["msrp.malformed"]
    assert not dissector.confirmed


@pytest.mark.parametrize("midstream", [False, True])
@pytest.mark.parametrize(
    "foreign",
    [
        b"MSRP of this article is 49 dollars\r\nTo order, call\r\n" * 20,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n",
        bytes(range(256)) * 8,
    ],
)
def test_what_only_looks_like_msrp_is_not_claimed(foreign, midstream):
    dissector = Msrp(midstream=midstream)
    list(dissector.feed(CLIENT, foreign))
    assert not dissector.confirmed


def test_endless_messages_do_not_fill_memory():
    dissector = Msrp()
    for n in range(200):
        number = f"{n}"
        list(dissector.feed(CLIENT, chunk("aaaa", "SEND", b"x" * 60_000, flag="+", message_id=number)))
    assert len(dissector._assemblies) <= 16
