"""MSNSLP and the packets that carry it: offers, answers, addresses, pieces, lies."""

from __future__ import annotations

import hashlib
import struct
from base64 import b64encode

import pytest

from imsniff.base.events import Event, Expect, Exposure, Side, Transfer, TransferState
from imsniff.base.limits import MAX_MSNSLP
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.msn.msnslp import CONTEXT_BASE64, Signals, file_context, places
from imsniff.dissect.msn.p2p import NOTHING, Peers, packet

GUID = "{5D3E02AB-6190-11D3-BBBB-00C04F795683}"
CLIENT, SERVER = Side.CLIENT, Side.SERVER


def slp(start: str, body: str, kind: str = "sessionreqbody", call: str = "{1}") -> bytes:
    return (
        f"{start}\r\nTo: <msnmsgr:bob@example.net;{{d9fd161b}}>\r\nFrom: <msnmsgr:alice@example.net>\r\n"
        f"Call-ID: {call}\r\nContent-Type: application/x-msnmsgr-{kind}\r\n\r\n{body}\r\n\x00"
    ).encode()


def context(name: str = "holiday.txt", size: int = 1490) -> str:
    raw = struct.pack("<IIQI", 574, 2, size, 1) + name.encode("utf-16-le").ljust(520, b"\0") + bytes(34)
    return b64encode(raw).decode()


def invite(session: int = 7, size: int = 1490, call: str = "{1}") -> bytes:
    body = f"EUF-GUID: {GUID}\r\nSessionID: {session}\r\nAppID: 2\r\nContext: {context(size=size)}\r\n"
    return slp("INVITE MSNMSGR:bob@example.net MSNSLP/1.0", body, call=call)


def v1(session: int, number: int, data: bytes, at: int = 0, total: int | None = None, flags: int = 0) -> bytes:
    whole = len(data) if total is None else total
    return struct.pack("<IIQQIIIIQ", session, number, at, whole, len(data), flags, 1, 0, 0) + data


def v2(session: int, kind: int, data: bytes, remaining: int = 0, package: int = 0) -> bytes:
    tlvs = struct.pack("!BBQ2x", 1, 8, remaining) if remaining else b""
    inner = struct.pack("!BBHI", 8 + len(tlvs), kind, package, session) + tlvs + data
    return struct.pack("!BBHI", 8, 0, len(inner), 1) + inner


def told(*packets: bytes, peers: Peers | None = None) -> list[Event]:
    peers = peers or Peers()
    out: list[Event] = []
    for raw in packets:
        got = packet(raw, footer=0)
        assert got is not None
        out += peers.packet(CLIENT, got)
    return out


def states(events: list[Event]) -> list[tuple[TransferState, str | None]]:
    return [(e.state, e.sha256) for e in events if isinstance(e, Transfer)]


# --- signalling -------------------------------------------------------------------------------------------------------


def test_offer_answer_end():
    signals = Signals()
    out = [*signals.text(CLIENT, invite())]
    out += signals.text(SERVER, slp("MSNSLP/1.0 200 OK", "SessionID: 7"))
    out += signals.text(SERVER, slp("BYE MSNMSGR:alice@example.net MSNSLP/1.0", "", "sessionclosebody"))
    assert [(e.name, e.size, e.sender, e.recipient, e.state) for e in out] == [
        ("holiday.txt", 1490, "alice@example.net", "bob@example.net", state)
        for state in (TransferState.OFFERED, TransferState.ACCEPTED, TransferState.CANCELLED)
    ]


def test_decline():
    signals = Signals()
    list(signals.text(CLIENT, invite()))
    (declined,) = signals.text(SERVER, slp("MSNSLP/1.0 603 Decline", "SessionID: 7"))
    assert declined.state is TransferState.CANCELLED


def test_repeated_offer_is_told_once():
    signals = Signals()
    assert len([*signals.text(CLIENT, invite()), *signals.text(CLIENT, invite())]) == 1


def test_display_pictures_are_no_files():
    body = (
        "EUF-GUID: {A4268EEC-FEC5-49E5-95C3-F126696BDBF6}\r\nSessionID: 7\r\nAppID: 12\r\nContext: PG1zbm9iai8+AA==\r\n"
    )
    assert not [*Signals().text(CLIENT, slp("INVITE MSNMSGR:b@example.net MSNSLP/1.0", body))]


def test_addresses_forwards_and_backwards():
    forwards = {
        "ipv4internal-addrs": "10.0.0.5 192.168.1.7",
        "ipv4internal-port": "6891",
        "ipv4external-addrs": "203.0.113.5",
        "ipv4external-port": "51000",
    }
    expected = [
        ("10.0.0.5", 6891, "msnslp.internal"),
        ("192.168.1.7", 6891, "msnslp.internal"),
        ("203.0.113.5", 51000, "msnslp.external"),
    ]
    assert [*places(forwards)] == expected
    backwards = {key[::-1]: value[::-1] for key, value in forwards.items()}
    assert sorted(places(backwards)) == sorted(expected)
    assert [*places({"stropdnasrddalanretni4vpi": "1986:5.0.0.01"})] == [("10.0.0.5", 6891, "msnslp.internal")]


def test_listening_announces_the_flow_of_the_file():
    signals = Signals()
    list(signals.text(CLIENT, invite()))
    where = "Bridge: TCPv1\r\nListening: {}\r\nIPv4Internal-Addrs: 10.0.0.5\r\nIPv4Internal-Port: 6891\r\n"
    out = [*signals.text(SERVER, slp("MSNSLP/1.0 200 OK", where.format("true"), "transrespbody"))]
    assert out == [
        Exposure(
            side=SERVER,
            account="alice@example.net",
            ip="10.0.0.5",
            port=6891,
            via="msnslp.internal",
            to="bob@example.net",
            wire="msnslp.internal 10.0.0.5 6891",
        ),
        Expect(
            side=SERVER,
            protocol="msnp2p",
            ip="10.0.0.5",
            port=6891,
            name="holiday.txt",
            size=1490,
            sender="alice@example.net",
            recipient="bob@example.net",
        ),
    ]
    deaf = [*Signals().text(SERVER, slp("MSNSLP/1.0 200 OK", where.format("false"), "transrespbody"))]
    assert [type(e) for e in deaf] == [Exposure]


def test_end_after_a_direct_connection_is_no_cancellation():
    signals = Signals()
    list(signals.text(CLIENT, invite()))
    where = "Bridge: TCPv1\r\nListening: true\r\nIPv4Internal-Addrs: 10.0.0.5\r\nIPv4Internal-Port: 6891\r\n"
    list(signals.text(SERVER, slp("MSNSLP/1.0 200 OK", where, "transrespbody")))
    assert not [*signals.text(SERVER, slp("BYE MSNMSGR:alice@example.net MSNSLP/1.0", "", "sessionclosebody"))]


@pytest.mark.parametrize("text", ["", "AAAA", "@@@@", "A" * 27, context()[:20], "\u00e4" * 40])
def test_context_that_is_too_short_is_malformed(text):
    with pytest.raises(Malformed):
        file_context(text)


def test_context_is_read_no_further_than_its_name():
    assert file_context(context("Übung.doc", 1 << 40) + "A" * 1_000_000) == ("Übung.doc", 1 << 40)
    assert len(context()) > CONTEXT_BASE64


@pytest.mark.parametrize(
    "text", [b"", b"\0" * 600, b"INVITE sip:bob@example.net SIP/2.0\r\n\r\n", b"MSNSLP/1.0 OK\r\n"]
)
def test_what_is_not_msnslp_is_malformed(text):
    with pytest.raises(Malformed):
        list(Signals().text(CLIENT, text))


# --- packets ----------------------------------------------------------------------------------------------------------


def test_lengths_tell_the_version():
    assert packet(v1(0, 1, b"x") + bytes(4)).at == 0
    assert packet(v2(0, 1, b"x") + bytes(4)).at is None
    assert packet(v1(7, 1, b"", total=9, flags=2)) is NOTHING
    assert packet(b"") is None
    assert packet(b"A" * 60) is None
    assert packet(v1(0, 1, b"x", at=5, total=3), footer=0) is None


@pytest.mark.parametrize("size", [1, 100, 1202])
def test_signalling_in_pieces_of_version_1(size):
    text = invite()
    pieces = [v1(0, 5, text[at : at + size], at, len(text)) for at in range(0, len(text), size)]
    assert states(told(*pieces)) == [(TransferState.OFFERED, None)]
    assert states(told(*pieces[:3], *pieces[4:])) == [] or size == 1202


def test_signalling_in_pieces_of_version_2():
    text = invite()
    pieces = [v2(0, at == 0, text[at : at + 300], max(0, len(text) - at - 300)) for at in range(0, len(text), 300)]
    assert states(told(*pieces)) == [(TransferState.OFFERED, None)]
    assert states(told(pieces[0], *pieces[2:])) == []
    assert states(told(*pieces[1:])) == []


def file_pieces(version: int, data: bytes, size: int = 100) -> list[bytes]:
    if version == 1:
        return [v1(7, 9, data[at : at + size], at, len(data), 0x01000030) for at in range(0, len(data), size)]
    return [
        v2(7, 6 | (at == 0), data[at : at + size], max(0, len(data) - at - size)) for at in range(0, len(data), size)
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_file_seen_whole_is_hashed(version):
    data = bytes(range(256)) * 4
    out = told(v1(0, 1, invite(size=len(data))), *file_pieces(version, data))
    assert states(out) == [(TransferState.OFFERED, None), (TransferState.COMPLETED, hashlib.sha256(data).hexdigest())]


@pytest.mark.parametrize("version", [1, 2])
def test_file_with_a_piece_missing_is_complete_without_a_hash(version):
    data = bytes(range(256)) * 4
    pieces = file_pieces(version, data)
    for seen in (pieces[:4] + pieces[5:], pieces[1:]):
        assert states(told(v1(0, 1, invite(size=len(data))), *seen))[-1] == (TransferState.COMPLETED, None)
    assert states(told(v1(0, 1, invite(size=len(data))), *pieces[:-1])) == [(TransferState.OFFERED, None)]


def test_repeated_piece_does_not_spoil_the_hash():
    data = bytes(range(256)) * 4
    pieces = file_pieces(1, data)
    assert states(told(*pieces[:4], *pieces[2:])) == [(TransferState.COMPLETED, hashlib.sha256(data).hexdigest())]


def test_the_zeros_that_prepare_a_transfer_are_no_file():
    data = b"data" * 300
    out = told(v1(0, 1, invite(size=len(data))), v1(7, 2, bytes(4)), *file_pieces(1, data))
    assert states(out)[-1] == (TransferState.COMPLETED, hashlib.sha256(data).hexdigest())


def test_name_from_the_flow_that_announced_it():
    said = Expect(
        side=CLIENT, protocol="msnp2p", ip="10.0.0.5", port=1, name="a.zip", size=400, sender="a", recipient="b"
    )
    (done,) = told(*file_pieces(2, b"data" * 100), peers=Peers(said))
    assert (done.name, done.size, done.sender, done.recipient) == ("a.zip", 400, "a", "b")


def test_hoarding_is_capped():
    peers = Peers()
    piece = b"A" * 1000
    for at in range(0, 4 * MAX_MSNSLP, 1000):
        told(v1(0, 5, piece, at, 1 << 32), peers=peers)
        assert sum(len(text.text) for text in peers._texts.values()) <= MAX_MSNSLP
    for number in range(1000):
        told(v1(0, number, piece, 0, 2000), peers=peers)
    assert len(peers._texts) <= 16
