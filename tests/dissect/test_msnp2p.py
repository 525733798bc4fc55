"""Direct connections of MSN: both versions, several files, one side, the middle, and binary that is something else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from imsniff.base.events import Anomaly, Expect, Trait, Transfer, TransferState
from imsniff.dissect.core import Dissector
from imsniff.dissect.msn.msnp2p import Msnp2p
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).resolve().parents[2] / "pcaps" / "msnp2p"
FOO = b"\x04\x00\x00\x00foo\x00"
HASHES = {
    "direct_v1.pcap": "af7ccd5ec16ee663e04eac79f2131c5e6ac799eab52157661b5856532288193a",
    "direct_v2.pcap": "67258b2c7ba714a5408e1bc26c2c7b75d74fffe3337e4c45f7056c0ee42cd43d",
}
ANNOUNCED = Expect(
    side=SERVER, protocol="msnp2p", ip="10.78.0.22", port=6891, name="budget.xls", sender="alice", recipient="bob"
)


def flow(capture: str) -> Said:
    (found,) = [flow.said for flow in conversations(PCAPS / capture) if flow.said[0][1].startswith(FOO)]
    return found


CONVERSATIONS = [flow("direct_v1.pcap"), flow("direct_v2.pcap"), flow("offer_inside.pcap")]


def transfers(said: Said, expected: Expect | None = None, **how: bool) -> list[Transfer]:
    return [e for e in events(Msnp2p, said, expected=expected, **how) if isinstance(e, Transfer)]


@pytest.mark.parametrize("capture", HASHES)
def test_file_is_hashed_and_named_as_announced(capture):
    (transfer,) = transfers(flow(capture), ANNOUNCED)
    assert (transfer.name, transfer.sender, transfer.recipient) == ("budget.xls", "alice", "bob")
    assert (transfer.state, transfer.sha256) == (TransferState.COMPLETED, HASHES[capture])
    assert [t.sha256 for t in transfers(flow(capture))] == [HASHES[capture]]


@pytest.mark.parametrize("capture", HASHES)
def test_well_formed_conversation_has_no_anomalies(capture):
    out = events(Msnp2p, flow(capture))
    assert not [e for e in out if isinstance(e, Anomaly)]
    assert Trait(side=CLIENT, service="msn") in out


def test_files_offered_inside():
    assert [(t.name, t.state) for t in transfers(flow("offer_inside.pcap"))] == [
        ("first.txt", TransferState.OFFERED),
        ("first.txt", TransferState.ACCEPTED),
        ("first.txt", TransferState.COMPLETED),
        ("second.exe", TransferState.OFFERED),
        ("second.exe", TransferState.CANCELLED),
        ("third.zip", TransferState.OFFERED),
        ("third.zip", TransferState.ACCEPTED),
        ("third.zip", TransferState.CANCELLED),
    ]


@pytest.mark.parametrize("capture", HASHES)
def test_met_in_the_middle(capture):
    sender = b"".join(data for side, data in flow(capture) if side is CLIENT)
    dissector: Dissector = Msnp2p(midstream=True)
    out = [*dissector.feed(CLIENT, sender[2000:])]
    assert dissector.confirmed
    assert [(t.state, t.sha256) for t in out if isinstance(t, Transfer)] == [(TransferState.COMPLETED, None)]


def test_a_hole_costs_the_hash_only():
    sender = b"".join(data for side, data in flow("direct_v1.pcap") if side is CLIENT)
    dissector: Dissector = Msnp2p()
    out = [*dissector.feed(CLIENT, sender[:2500]), *dissector.gap(CLIENT, 700), *dissector.feed(CLIENT, sender[3200:])]
    assert [(t.state, t.sha256) for t in out if isinstance(t, Transfer)] == [(TransferState.COMPLETED, None)]


@pytest.mark.parametrize("midstream", [False, True])
@pytest.mark.parametrize("filling", [b"\0", b"\x10\0\0\0", b"\x30\0\0\0", b"\xff\x0f\0\0", b"foo\0"])
def test_other_binary_is_not_claimed(midstream, filling):
    dissector: Dissector = Msnp2p(midstream=midstream)
    list(dissector.feed(CLIENT, filling * 2000))
    list(dissector.feed(SERVER, random.Random(1).randbytes(20_000)))
    assert not dissector.confirmed


def test_frame_too_large_is_a_lost_framing():
    out = events(Msnp2p, [(CLIENT, FOO + b"\xff\xff\xff\x7f" + b"x" * 100)])
    assert [e.code for e in out if isinstance(e, Anomaly)] == ["msnp2p.desync"]
