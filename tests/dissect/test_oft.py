"""OFT as transcripts."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from imsniff.base.events import Anomaly, Event, Expect, Side, Transfer, TransferState
from imsniff.dissect.oscar.oft import Oft
from transcript import CLIENT, SERVER, Said, conversations, events

CAPTURES = Path(__file__).parents[2] / "pcaps"
PROMPT, RESUME_ACCEPT, ACK, DONE, RESUME, RESUME_ACK = 0x101, 0x106, 0x202, 0x204, 0x205, 0x207
FILE = bytes(range(256)) * 3
SHA256 = hashlib.sha256(FILE).hexdigest()


def header(
    kind: int,
    *,
    name: bytes = b"photo.jpg",
    size: int = len(FILE),
    received: int = 0,
    encoding: int = 0,
    compression: int = 0,
    magic: bytes = b"OFT2",
) -> bytes:
    name = name.ljust(64, b"\0")
    return (
        magic
        + struct.pack("!HH8s", 192 + len(name), kind, b"cookie78")
        + struct.pack("!HHHHHH", 0, compression, 1, 1, 1, 1)
        + struct.pack("!IIII", size, size, 0, 0xFFFF0000)
        + struct.pack("!IIIIII", 0xFFFF0000, 0, 0, 0, received, 0xFFFF0000)
        + b"Cool FileXfer".ljust(32, b"\0")
        + bytes(1 + 2 + 69 + 16)
        + struct.pack("!HH", encoding, 0)
        + name
    )


WHOLE: Said = [
    (SERVER, header(PROMPT)),
    (CLIENT, header(ACK)),
    (SERVER, FILE),
    (CLIENT, header(DONE, received=len(FILE))),
]
OVER_RELAY: Said = [
    (CLIENT, struct.pack("!HHHIH", 0x12, 0x44A, 4, 0, 0) + b"\0\1" + b"\x03bob" + b"\0\0"),
    (SERVER, struct.pack("!HHHIH", 10, 0x44A, 5, 0, 0x220)),
    *WHOLE,
]
LAB = [flow.said for case in ("aim-md5", "icq-roasted") for flow in conversations(CAPTURES / f"oscar/{case}.pcap")]
CONVERSATIONS: list[Said] = [WHOLE, OVER_RELAY, *(said for said in LAB if said[0][1][:4] == b"OFT2")]
EXPECTED = Expect(side=CLIENT, protocol="oft", ip="10.0.0.5", port=5190, sender="alice", recipient="bob")


def heard(said: Said, *, midstream: bool = False, expected: Expect | None = None) -> list[Event]:
    return events(Oft, said, midstream=midstream, expected=expected)


def states(said: Said) -> list[TransferState]:
    return [e.state for e in heard(said) if isinstance(e, Transfer)]


@pytest.mark.parametrize("said", [WHOLE, OVER_RELAY])
def test_a_file_with_its_hash_and_the_accounts_that_signalling_told(said):
    about = {"name": "photo.jpg", "size": 768, "sender": "alice", "recipient": "bob"}
    assert heard(said, expected=EXPECTED) == [
        Transfer(side=SERVER, state=TransferState.OFFERED, **about),
        Transfer(side=CLIENT, state=TransferState.ACCEPTED, **about),
        Transfer(side=SERVER, state=TransferState.COMPLETED, sha256=SHA256, **about),
    ]


def test_the_receiver_alone_tells_that_it_is_done():
    said = [turn for turn in WHOLE if turn[0] is CLIENT]
    assert states(said) == [TransferState.ACCEPTED, TransferState.COMPLETED]


def test_a_resumed_file_has_no_hash():
    said: Said = [
        (SERVER, header(PROMPT)),
        (CLIENT, header(RESUME, received=256)),
        (SERVER, header(RESUME_ACCEPT, received=256)),
        (CLIENT, header(RESUME_ACK, received=256)),
        (SERVER, FILE[256:]),
        (CLIENT, header(DONE, received=len(FILE))),
    ]
    found = heard(said)
    assert [e.state for e in found] == [TransferState.OFFERED, TransferState.ACCEPTED, TransferState.COMPLETED]
    assert found[-1].sha256 is None


def test_several_files_and_a_path():
    said = [*WHOLE]
    said += [
        (SERVER, header(PROMPT, name=b"trip\x01two.txt", size=3)),
        (CLIENT, header(ACK, name=b"trip\x01two.txt", size=3)),
    ]
    said += [(SERVER, b"two"), (CLIENT, header(DONE, name=b"trip\x01two.txt", size=3, received=3))]
    done = [(e.name, e.sha256) for e in heard(said) if e.state is TransferState.COMPLETED]
    assert done == [("photo.jpg", SHA256), ("trip/two.txt", hashlib.sha256(b"two").hexdigest())]


def test_a_name_in_ucs_2_and_version_3():
    said = [(SERVER, header(PROMPT, name="grüße.txt".encode("utf-16-be"), encoding=2, magic=b"OFT3"))]
    assert [e.name for e in heard(said)] == ["grüße.txt"]


def test_compressed_bytes_are_not_hashed():
    found = heard([(SERVER, header(PROMPT, compression=1) + FILE)])
    assert (found[-1].state, found[-1].sha256) == (TransferState.COMPLETED, None)


def test_a_receiver_that_stops():
    said = [*WHOLE[:2], (CLIENT, header(DONE, received=100))]
    assert states(said)[-1] is TransferState.CANCELLED


@pytest.mark.parametrize("content", [b"OFT2", b"OFT2\1\0\1\1"[:7], b"OFT3 is a format", b"OF"])
def test_a_file_that_looks_like_a_header(content):
    found = heard([(SERVER, header(PROMPT, size=len(content)) + content)])
    assert found[-1].sha256 == hashlib.sha256(content).hexdigest()


def test_a_gap_within_the_file_loses_the_hash_and_nothing_else():
    dissector = Oft()
    out = list(dissector.feed(SERVER, header(PROMPT) + FILE[:100]))
    out += dissector.gap(SERVER, 500)
    out += dissector.feed(SERVER, FILE[600:] + header(PROMPT, name=b"next"))
    assert [e.code for e in out if isinstance(e, Anomaly)] == ["stream.gap"]
    found = [e for e in out if isinstance(e, Transfer)]
    assert [(e.name, e.state, e.sha256) for e in found] == [
        ("photo.jpg", TransferState.OFFERED, None),
        ("photo.jpg", TransferState.COMPLETED, None),
        ("next", TransferState.OFFERED, None),
    ]


def test_met_in_the_middle_of_a_file():
    said: Said = [(SERVER, FILE[10:] + header(PROMPT, name=b"next")), (CLIENT, header(DONE, received=len(FILE)))]
    found = [e for e in heard(said, midstream=True) if isinstance(e, Transfer)]
    assert [(e.name, e.state) for e in found] == [
        ("next", TransferState.OFFERED),
        ("photo.jpg", TransferState.COMPLETED),
    ]


@pytest.mark.parametrize(
    "foreign", [b"OFTEN a word, not a header. ", b"OFT2\xff\xff\x01\x01" + bytes(60), b"\x00\x10\x04\x4a\x00\x09"]
)
@pytest.mark.parametrize("midstream", [False, True])
def test_foreign_bytes_are_not_claimed(foreign, midstream):
    dissector = Oft(midstream=midstream)
    for _ in range(20):
        list(dissector.feed(Side.CLIENT, foreign))
    assert not dissector.confirmed
