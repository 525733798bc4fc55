"""ODC as transcripts."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from imsniff.base.events import Anomaly, Event, Expect, Message, Side, Trait, Transfer, TransferState
from imsniff.base.limits import MAX_DIRECT_IM_KEPT
from imsniff.dissect.oscar.odc import Odc
from transcript import CLIENT, SERVER, Said, conversations, events

CAPTURES = Path(__file__).parents[2] / "pcaps"


def frame(sender: bytes, payload: bytes = b"", *, charset: int = 0, flags: int = 0, size: int | None = None) -> bytes:
    return (
        b"ODC2"
        + struct.pack("!HHHH8s8x", 76, 1, 6, 0, b"cookie78")
        + struct.pack("!IHHHHHH", len(payload) if size is None else size, charset, 0, 0, flags, 0, 0)
        + sender.ljust(32, b"\0")
        + payload
    )


PICTURE = b'<HTML>look <IMG SRC="cat.jpg" ID="1" WIDTH="10" HEIGHT="10" DATASIZE="9"></HTML>'
TALK: Said = [
    (CLIENT, frame(b"bob", flags=0x60)),
    (SERVER, frame(b"alice", flags=0x60)),
    (SERVER, frame(b"alice", flags=0x0A)),
    (SERVER, frame(b"alice", b"<HTML><BODY>over the direct <I>connection</I></BODY></HTML>")),
    (CLIENT, frame(b"bob", "grüße ☃".encode("utf-16-be"), charset=2)),
    (SERVER, frame(b"alice", PICTURE + b'<BINARY><DATA ID="1" SIZE="9">ODC2\0\x4c\0\1!</DATA></BINARY>')),
]
LAB = [flow.said for flow in conversations(CAPTURES / "oscar/aim-md5.pcap")]
CONVERSATIONS: list[Said] = [TALK, *(said for said in LAB if said[0][1][:4] == b"ODC2")]
EXPECTED = Expect(side=CLIENT, protocol="odc", ip="10.0.0.5", port=5190, sender="alice", recipient="Bob")


def heard(said: Said, *, midstream: bool = False, expected: Expect | None = None) -> list[Event]:
    return events(Odc, said, midstream=midstream, expected=expected)


def messages(said: Said, **how: object) -> list[tuple[str | None, str | None, str]]:
    return [(e.sender, e.recipient, e.text) for e in heard(said, **how) if isinstance(e, Message)]


def test_messages_and_a_picture():
    assert heard(TALK) == [
        Trait(side=CLIENT, service="aim"),
        Trait(side=SERVER, service="aim"),
        Message(side=SERVER, sender="alice", recipient="bob", text="over the direct connection"),
        Message(side=CLIENT, sender="bob", recipient="alice", text="grüße ☃"),
        Message(side=SERVER, sender="alice", recipient="bob", text="look "),
        Transfer(
            side=SERVER,
            name="cat.jpg",
            size=9,
            sender="alice",
            recipient="bob",
            state=TransferState.COMPLETED,
            media="image",
        ),
    ]


def test_one_direction_alone_takes_the_other_account_from_signalling():
    said = [turn for turn in TALK if turn[0] is CLIENT]
    assert messages(said, expected=EXPECTED) == [("bob", "alice", "grüße ☃")]
    assert messages(said) == [("bob", None, "grüße ☃")]


def test_of_a_huge_payload_only_the_beginning_is_kept():
    dissector = Odc()
    size = 20 * MAX_DIRECT_IM_KEPT
    out = list(dissector.feed(CLIENT, frame(b"bob", b"<HTML>big</HTML><BINARY>", size=size + 24)))
    for _ in range(20):
        out += dissector.feed(CLIENT, bytes(MAX_DIRECT_IM_KEPT))
        assert len(dissector._inbox[CLIENT]) == 0
    out += dissector.feed(CLIENT, frame(b"bob", b"next"))
    assert [e.text for e in out if isinstance(e, Message)] == ["big", "next"]


def test_a_gap_within_a_payload_keeps_the_text_before_it():
    dissector = Odc()
    out = list(dissector.feed(CLIENT, frame(b"bob", b"before ", size=20)))
    out += dissector.gap(CLIENT, 3)
    out += dissector.feed(CLIENT, b"after....." + frame(b"bob", b"next"))
    assert [e.text for e in out if isinstance(e, Message)] == ["before ", "next"]
    assert [e.code for e in out if isinstance(e, Anomaly)] == ["stream.gap"]


@pytest.mark.parametrize("begin", range(1, 70, 7))
def test_met_at_any_byte(begin):
    said = [(SERVER, (frame(b"alice", b"first") + frame(b"alice", b"second"))[begin:])]
    assert messages(said, midstream=True)[-1] == ("alice", None, "second")


@pytest.mark.parametrize(
    "foreign", [b"ODC2 is what it said ", frame(b"bob", size=0xFFFFFFFF), b"ODC2\0\x4c\7\7" + bytes(80)]
)
@pytest.mark.parametrize("midstream", [False, True])
def test_foreign_bytes_are_not_claimed(foreign, midstream):
    dissector = Odc(midstream=midstream)
    for _ in range(20):
        list(dissector.feed(Side.CLIENT, foreign))
    assert not dissector.confirmed
