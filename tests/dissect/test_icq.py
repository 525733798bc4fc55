"""ICQ over UDP as transcripts: every datagram is one turn."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.dissect.oscar_bytes import counted_le, ip

from imsniff.base.events import Anomaly, Contact, Event, Exposure, Grade, Login, Message, Outcome, Presence, Side
from imsniff.dissect.oscar import icq_crypt
from imsniff.dissect.oscar.icq_udp import Icq
from transcript import CLIENT, SERVER, Said, conversations, events

CAPTURES = Path(__file__).parents[2] / "pcaps" / "icq"
ALICE, BOB = 100001, 100002
ONLINE = struct.pack("<I4sI4sBI", BOB, ip("203.0.113.9"), 4001, ip("10.0.0.6"), 4, 0x11) + bytes(28)


def version_2(command: int, sequence: int, body: bytes = b"") -> tuple[Side, bytes]:
    return CLIENT, struct.pack("<HHHI", 2, command, sequence, ALICE) + body


def server_2(command: int, sequence: int, body: bytes = b"") -> tuple[Side, bytes]:
    return SERVER, struct.pack("<HHH", 2, command, sequence) + body


def version_3(command: int, sequence: int, body: bytes = b"") -> tuple[Side, bytes]:
    return CLIENT, struct.pack("<HHHHI", 3, command, sequence, 1, ALICE) + body


def server_3(command: int, sequence: int, body: bytes = b"") -> tuple[Side, bytes]:
    return SERVER, struct.pack("<HHHHII", 3, command, sequence, 1, ALICE, 0) + body


def check_of(packet: bytes, table: bytes) -> int:
    place, entry = 3, 77
    header = packet[8] << 24 | packet[4] << 16 | packet[2] << 8 | packet[6]
    return header ^ int.from_bytes(bytes((place, packet[place], entry, table[entry])), "big") ^ 0x00FF00FF


def version_4(command: int, sequence: int, body: bytes = b"") -> tuple[Side, bytes]:
    """XOR is its own inverse: what opens a packet also closes it, once the check code stands in it."""
    clear = struct.pack("<HHHHHHII", 4, 0x1234, 0, command, sequence, 1, ALICE, 0) + body
    check = check_of(clear, icq_crypt.TEXT).to_bytes(4, "little")
    closed, _ = icq_crypt.opened_4(clear[:16] + check + clear[20:])
    return CLIENT, closed


LOGIN = struct.pack("<I", 4000) + counted_le(b"sesame\0") + struct.pack("<I4sBI", 0x98, ip("10.0.0.5"), 4, 0)
TEXT = struct.pack("<IH", BOB, 1) + counted_le(b"the vault is open\0")
VERSION_2: Said = [
    version_2(0x3E8, 1, LOGIN),
    server_2(0xA, 1),
    server_2(0x5A, 1, struct.pack("<I", ALICE) + bytes(29)),
    version_2(0x406, 2, b"\1" + struct.pack("<I", BOB)),
    version_2(0x10E, 3, TEXT),
    version_2(0x10E, 3, TEXT),
    server_2(0xDC, 3, struct.pack("<IHBBBBH", BOB, 1998, 5, 6, 12, 30, 1) + counted_le(b"while you were out\0")),
    server_2(0x6E, 4, struct.pack("<I4sH4sHBH", BOB, ip("203.0.113.9"), 4001, ip("10.0.0.6"), 3, 4, 1) + bytes(6)),
]
VERSION_3: Said = [
    version_3(0x3E8, 1, bytes(4) + LOGIN),
    server_3(0x64, 1),
    version_3(0x10E, 2, TEXT),
    server_3(0x104, 2, struct.pack("<IH", BOB, 0x8001) + counted_le(b"to all\0")),
]
VERSION_4: Said = [version_4(0x3E8, 1, bytes(4) + LOGIN), server_3(0x5A, 1, bytes(24)), version_4(0x10E, 2, TEXT)]
LAB = [flow.said for flow in conversations(CAPTURES / "version5.pcap") if flow.transport == "udp"]
CONVERSATIONS: list[Said] = [VERSION_2, VERSION_3, VERSION_4, *LAB]


def heard(said: Said, *kinds: type[Event]) -> list[Event]:
    return [e for e in events(Icq, said, udp=True) if not kinds or isinstance(e, kinds)]


@pytest.mark.parametrize(
    ("said", "scheme", "grade", "secret", "outcome"),
    [
        (VERSION_2, "plain", Grade.CLEARTEXT, "sesame", Outcome.OK),
        (VERSION_3, "plain", Grade.CLEARTEXT, "sesame", Outcome.FAILED),
        (VERSION_4, "plain", Grade.CLEARTEXT, "sesame", Outcome.OK),
        (LAB[1], "icq-v5", Grade.REVERSIBLE, "icqpass1", Outcome.OK),
    ],
)
def test_the_password_of_every_version(said, scheme, grade, secret, outcome):
    (login,) = heard(said, Login)
    assert (login.account, login.scheme, login.grade, login.secret, login.outcome) == (
        "100001",
        scheme,
        grade,
        secret,
        outcome,
    )


def test_version_2_with_a_repeated_packet():
    assert heard(VERSION_2, Message, Contact, Presence, Exposure) == [
        Exposure(side=CLIENT, account="100001", ip="10.0.0.5", port=4000, via="icq.login"),
        Presence(side=CLIENT, account="100001", status="online"),
        Contact(side=CLIENT, owner="100001", account="100002"),
        Message(side=CLIENT, sender="100001", recipient="100002", text="the vault is open"),
        Message(side=SERVER, sender="100002", recipient="100001", text="while you were out", offline=True),
        Presence(side=SERVER, account="100002", status="away"),
        Exposure(side=SERVER, account="100002", ip="203.0.113.9", port=4001, via="icq.user-online", to="100001"),
        Exposure(side=SERVER, account="100002", ip="10.0.0.6", port=4001, via="icq.user-online", to="100001"),
    ]


@pytest.mark.parametrize("said", [VERSION_3, VERSION_4])
def test_messages_of_versions_3_and_4(said):
    assert heard(said, Message)[0] == Message(
        side=CLIENT, sender="100001", recipient="100002", text="the vault is open"
    )


def test_version_5_as_recorded():
    assert [e.text for e in heard(LAB[0], Message)] == [
        "Hello Bob, this is a lab message from Alice",
        "Hi Alice, the vault code is 4711",
        "lab url http://intranet.lab.test/plan",
    ]
    assert {e.ip for e in heard(LAB[0], Exposure)} == {"10.77.0.21", "10.77.0.22"}


def test_a_bundle_is_opened():
    head = struct.pack("<HBIHHHII", 5, 0, 7, 0x212, 1, 0, ALICE, 0)
    inner = struct.pack("<HBIHHHII", 5, 0, 7, 0x6E, 2, 0, ALICE, 0) + ONLINE
    assert [e.account for e in heard([(SERVER, head + b"\2" + counted_le(inner) * 2)], Presence)] == ["100002"]


def test_a_web_address_and_away_texts_of_version_5_say_who():
    body = struct.pack("<IH", BOB, 4) + counted_le(b"plan\xfehttp://example.org\0")
    packet = struct.pack("<HBIHHHII", 5, 0, 7, 0x104, 1, 0, ALICE, 0) + body
    assert [(e.sender, e.recipient, e.text) for e in heard([(SERVER, packet)], Message)] == [
        ("100002", "100001", "plan http://example.org")
    ]


@pytest.mark.parametrize(
    "packet", [b"", b"\5\0", bytes(24), b"\5" + bytes(23), b"\2\0\x0a\0", b"\5\0\0" + bytes(60), b"\4\0" + bytes(30)]
)
def test_what_is_no_packet_is_an_anomaly(packet):
    dissector = Icq()
    for _ in range(6):
        assert all(isinstance(e, Anomaly) for e in dissector.datagram(CLIENT, packet))
    assert not dissector.confirmed
    assert dissector.given_up or not packet


def test_acknowledgements_alone_prove_nothing():
    dissector = Icq()
    for n in range(50):
        list(dissector.datagram(CLIENT, struct.pack("<HHHI", 2, 0xA, n, 7)))
    assert not dissector.confirmed


def test_a_checked_packet_proves_itself():
    for side, data in LAB[0]:
        dissector = Icq()
        list(dissector.datagram(side, data))
        assert dissector.confirmed
