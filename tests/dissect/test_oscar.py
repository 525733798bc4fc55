"""OSCAR as transcripts: what each side says, and what we report of it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.dissect.oscar_bytes import (
    ALICE,
    BOB,
    COOKIE,
    capability,
    counted,
    counted_le,
    flap,
    hello,
    ip,
    own,
    rendezvous,
    snac,
    text,
    tlv,
    to_client,
    to_server,
    user,
)

from imsniff.base.events import (
    Anomaly,
    Contact,
    Encryption,
    Event,
    Expect,
    Exposure,
    Grade,
    Login,
    Message,
    Outcome,
    Presence,
    Reversed,
    Side,
    Trait,
    Transfer,
    TransferState,
)
from imsniff.base.limits import MAX_CONTACTS
from imsniff.dissect.oscar.oscar import Oscar
from transcript import CLIENT, SERVER, Said, conversations, events

CAPTURES = Path(__file__).parents[2] / "pcaps" / "oscar"
READY = snac(1, 3, b"\0\1\0\2\0\3\0\4\0\x13")
SECRET_COOKIE = bytes(range(64)) * 4

MAIN: Said = [
    (SERVER, hello()),
    (CLIENT, hello(tlv(6, SECRET_COOKIE), tlv(3, b"Lab Messenger 1.0"))),
    (SERVER, READY),
    (CLIENT, snac(1, 0x17, b"\0\1\0\4")),
    (SERVER, own(ALICE)),
    (CLIENT, to_server(BOB, text(b"<HTML><BODY>the <B>vault</B> is open</BODY></HTML>"))),
    (SERVER, to_client(BOB, text("gr\u00fc\u00dfe \u4f60".encode("utf-16-be"), 2))),
]
ROASTED: Said = [
    (SERVER, hello()),
    (
        CLIENT,
        hello(tlv(1, b"100001"), tlv(2, bytes.fromhex("9a45f0b458f5a8a3")), tlv(3, b"ICQBasic"), tlv(0x17, b"\0\4")),
    ),
    (SERVER, flap(4, 5, tlv(1, b"100001") + tlv(5, b"192.0.2.7:5190") + tlv(6, SECRET_COOKIE))),
]
LAB = [flow.said for case in ("aim-md5", "icq-roasted") for flow in conversations(CAPTURES / f"{case}.pcap")]
CONVERSATIONS: list[Said] = [MAIN, ROASTED, *(said for said in LAB if said[0][1][:1] == b"*")]


def heard(said: Said, *kinds: type[Event], midstream: bool = False) -> list[Event]:
    return [e for e in events(Oscar, said, midstream=midstream) if not kinds or isinstance(e, kinds)]


def after_sign_on(*said: tuple[Side, bytes]) -> Said:
    return [(SERVER, own(ALICE)), *said]


# --- sign-on ---------------------------------------------------------------------------------------------------------


def test_a_roasted_password_is_decoded_and_its_outcome_is_told_on_channel_4():
    assert heard(ROASTED) == [
        Trait(side=CLIENT, software="ICQBasic 4.0.0.0"),
        Trait(side=CLIENT, account="100001", service="icq"),
        Login(
            side=CLIENT,
            account="100001",
            scheme="roasted",
            grade=Grade.REVERSIBLE,
            outcome=Outcome.OK,
            secret="icqpass1",
            wire="TLV 0001 100001, TLV 0002 (roasted) <8 characters masked>",
        ),
        Expect(side=SERVER, protocol="oscar", ip="192.0.2.7", port=5190),
    ]


def test_a_wrong_password_is_told_on_channel_4():
    said = [*ROASTED[:2], (SERVER, flap(4, 5, tlv(1, b"100001") + tlv(8, b"\0\5") + tlv(4, b"http://example.org")))]
    (login,) = heard(said, Login)
    assert login.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("kind", "value", "scheme", "grade", "secret"),
    [
        (0x0002, bytes.fromhex("9ad01de9f44cdf87"), "roasted", Grade.REVERSIBLE, "icqpass1"),  # Java's table
        (0x1335, bytes.fromhex("1ff2b497b1aae6ec"), "roasted", Grade.REVERSIBLE, "icqpass1"),  # Kerberos' table
        (0x1337, bytes.fromhex("3d0a125f351c1065"), "roasted", Grade.REVERSIBLE, "icqpass1"),
        (0x1338, b"icqpass1", "plain", Grade.CLEARTEXT, "icqpass1"),
        (0x1339, b"icqpass1", "plain", Grade.CLEARTEXT, "icqpass1"),
    ],
)
def test_every_disguise_of_a_password_is_taken_off(kind, value, scheme, grade, secret):
    (login,) = heard([(CLIENT, hello(tlv(1, BOB), tlv(kind, value)))], Login)
    assert (login.scheme, login.grade) == (scheme, grade)
    assert login.secret == secret


def test_a_long_password_runs_round_the_table():
    password = b"correct horse battery staple"
    table = bytes.fromhex("f32681c43986db9271a3b9e6537a957c") * 2
    roasted = bytes(a ^ b for a, b in zip(password, table, strict=False))
    (login,) = heard([(CLIENT, hello(tlv(1, BOB), tlv(2, roasted)))], Login)
    assert login.secret == password.decode()


def md5(*answer: bytes) -> Said:
    return [
        (SERVER, hello()),
        (CLIENT, hello()),
        (CLIENT, snac(0x17, 6, tlv(1, BOB))),
        (SERVER, snac(0x17, 7, b"\0\x0a1234567890")),
        (CLIENT, snac(0x17, 2, tlv(1, BOB) + tlv(0x25, bytes(16)) + tlv(0x4C) + tlv(3, b"AIM 5.9"))),
        (SERVER, snac(0x17, 3, tlv(1, BOB) + b"".join(answer))),
    ]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [((tlv(5, b"bos.example.org:5190"), tlv(6, SECRET_COOKIE)), Outcome.OK), ((tlv(8, b"\0\5"),), Outcome.FAILED)],
)
def test_an_md5_login_is_crackable_and_its_outcome_is_told(answer, outcome):
    (login,) = heard(md5(*answer), Login)
    assert (login.account, login.scheme, login.grade, login.outcome) == ("bobinlab", "md5", Grade.CRACKABLE, outcome)
    assert login.secret == "00" * 16
    assert login.secret not in login.wire


def test_a_presented_cookie_is_a_token_and_waits_for_its_account():
    (login,) = heard(MAIN, Login)
    assert (login.account, login.scheme, login.grade) == ("alice in lab", "cookie", Grade.TOKEN)
    assert login.outcome is Outcome.OK
    assert login.secret == SECRET_COOKIE.hex()


def test_a_presented_cookie_is_told_without_an_account_where_the_server_is_not_heard():
    (login,) = heard([turn for turn in MAIN if turn[0] is CLIENT], Login)
    assert (login.account, login.outcome) == (None, Outcome.UNKNOWN)


def test_a_further_server_is_expected():
    said = after_sign_on(
        (SERVER, snac(1, 5, tlv(0xD, b"\0\x10") + tlv(5, b"192.0.2.9") + tlv(6, SECRET_COOKIE))),
        (SERVER, snac(1, 5, tlv(0xD, b"\0\x10") + tlv(5, b"198.51.100.4:443") + tlv(6, SECRET_COOKIE))),
        (SERVER, snac(1, 5, tlv(0xD, b"\0\x10") + tlv(5, b"icons.example.org:443") + tlv(6, SECRET_COOKIE))),
    )
    assert [(e.ip, e.port) for e in heard(said, Expect)] == [("192.0.2.9", 5190), ("198.51.100.4", 443)]


def test_changed_passwords_are_cleartext():
    said = after_sign_on((CLIENT, snac(7, 4, tlv(2, b"newer") + tlv(0x12, b"older"))))
    assert [(e.account, e.secret, e.grade) for e in heard(said, Login)] == [
        ("alice in lab", "older", Grade.CLEARTEXT),
        ("alice in lab", "newer", Grade.CLEARTEXT),
    ]


# --- messages --------------------------------------------------------------------------------------------------------


def test_messages_are_decoded_and_stripped():
    assert heard(MAIN, Message) == [
        Message(side=CLIENT, sender="alice in lab", recipient="bobinlab", text="the vault is open"),
        Message(side=SERVER, sender="bobinlab", recipient="alice in lab", text="grüße 你"),
    ]


@pytest.mark.parametrize(
    ("words", "charset", "expected"),
    [
        (b"plain", 0, "plain"),
        ("naïve".encode("latin-1"), 3, "naïve"),
        ("„naïve“".encode("cp1252"), 3, "„naïve“"),
        ("naïve ☃".encode(), 0, "naïve ☃"),
        ("☃".encode("utf-16-be") + b"\x00", 2, "☃"),  # cut in a character
        (b"1 &lt; 2 &amp; 3<BR>next", 0, "1 < 2 & 3\nnext"),
        (b"a < b and <3", 0, "a < b and <3"),
        (b'<A HREF="http://evil.example/x.scr">my photo</A>!', 0, "my photo! <http://evil.example/x.scr>"),
        (b'<A HREF="http://example.org">http://example.org</A>', 0, "http://example.org"),
    ],
)
def test_every_character_set_and_markup(words, charset, expected):
    (message,) = heard([(SERVER, to_client(BOB, text(words, charset)))], Message)
    assert message.text == expected


def test_between_numbers_text_is_no_html():
    (message,) = heard([(SERVER, to_client(b"100001", text(b"if (a &lt; b) <b>"))), (SERVER, own(b"100002"))], Message)
    assert message.text == "if (a &lt; b) <b>"


def test_a_message_in_several_parts_is_one():
    part = lambda words: b"\x01\x01" + struct.pack("!HHH", len(words) + 4, 0, 0) + words  # noqa: E731
    (message,) = heard([(SERVER, to_client(BOB, tlv(2, part(b"one, ") + part(b"two"))))], Message)
    assert message.text == "one, two"


def test_a_stored_message_is_offline():
    (message,) = heard([(SERVER, to_client(BOB, text(b"later"), tlv(6), tlv(0x16, bytes(4))))], Message)
    assert message.offline
    (message,) = heard([(CLIENT, to_server(BOB, text(b"store it"), tlv(6)))], Message)
    assert not message.offline


def test_the_prefix_that_flag_8000_announces_is_skipped():
    body = COOKIE + b"\0\1" + user(BOB) + text(b"behind the prefix")
    said = [(SERVER, snac(4, 7, b"\0\6" + tlv(1, b"\0\2") + body, flags=0x8000))]
    assert [e.text for e in heard(said, Message)] == ["behind the prefix"]


def test_an_old_icq_message():
    data = struct.pack("<IBB", 100001, 4, 0) + counted_le(b"the plan\xfehttp://example.org/plan\0")
    (message,) = heard([(SERVER, own(b"100002")), (SERVER, to_client(b"100001", tlv(5, data), channel=4))], Message)
    assert (message.sender, message.recipient) == ("100001", "100002")
    assert message.text == "the plan http://example.org/plan"


def extended(kind: int, words: bytes, more: bytes = b"") -> bytes:
    first = struct.pack("<H", 9) + bytes(16) + b"\0\0" + struct.pack("<IBH", 3, 0, 1)
    second = struct.pack("<H", 1) + bytes(12)
    message = struct.pack("<BBHH", kind, 0, 0, 1) + counted_le(words + b"\0") + more
    return tlv(0x2711, counted_le(first) + counted_le(second) + message)


def test_an_extended_icq_message():
    guid = struct.pack("<III", 0, 0xFFFFFF, 38) + b"{0946134E-4C7F-11D1-8222-444553540000}"
    data = rendezvous(0, capability(0x1349), tlv(0xA, b"\0\1"), tlv(0xF), extended(1, "grüße".encode(), guid))
    assert heard([(SERVER, own(b"100002")), (SERVER, to_client(b"100001", data, channel=2))], Message) == [
        Message(side=SERVER, sender="100001", recipient="100002", text="grüße")
    ]


def test_a_file_over_icq_s_own_connection_is_offered():
    more = struct.pack(">HH", 5000, 0) + counted_le(b"plan.doc\0") + struct.pack("<II", 4711, 0)
    data = rendezvous(0, capability(0x1349), extended(3, b"look", more))
    assert heard([(SERVER, to_client(b"100001", data, channel=2))], Transfer) == [
        Transfer(side=SERVER, name="plan.doc", size=4711, sender="100001", state=TransferState.OFFERED)
    ]


def test_why_an_icq_user_is_away():
    body = COOKIE + b"\0\2" + counted(b"100001") + b"\0\3" + extended(0xE8, b"at lunch")[4:]
    assert heard([(SERVER, own(b"100002")), (SERVER, snac(4, 0xB, body))], Presence) == [
        Presence(side=SERVER, account="100001", status="away", note="at lunch")
    ]


def test_messages_kept_by_icq_s_server():
    meta = struct.pack("<IHH", 100002, 0x41, 2) + struct.pack("<IHBBBBBB", 100001, 2004, 5, 6, 12, 30, 1, 0)
    said = [(SERVER, snac(0x15, 3, tlv(1, counted_le(meta + counted_le(b"were you there?\0"))), flags=1))]
    assert heard(said, Trait, Message) == [
        Trait(side=SERVER, account="100002", service="icq"),
        Message(side=SERVER, sender="100001", recipient="100002", text="were you there?", offline=True),
    ]


def test_a_password_set_over_icq_s_requests():
    meta = struct.pack("<IHHH", 100002, 0x7D0, 2, 0x42E) + counted_le(b"sesame\0")
    (login,) = heard([(CLIENT, snac(0x15, 2, tlv(1, counted_le(meta))))], Login)
    assert (login.account, login.secret, login.grade) == ("100002", "sesame", Grade.CLEARTEXT)


ROOM = snac(0xE, 2, b"\0\4" + counted(b"4-0-labroom") + b"\0\0\2\0\1" + tlv(0xD3, b"labroom"))


def chat(subtype: int, cookie: bytes, words: bytes, *sender: bytes) -> bytes:
    message = tlv(5, tlv(2, b"us-ascii") + tlv(3, b"en") + tlv(1, words))
    return snac(0xE, subtype, cookie + b"\0\3" + tlv(1) + b"".join(sender) + message)


def test_a_chat_room_echoes_and_thereby_names_its_user():
    said = [
        (SERVER, ROOM),
        (CLIENT, chat(5, b"aaaaaaaa", b"<HTML>hello room</HTML>")),
        (SERVER, chat(6, b"aaaaaaaa", b"<HTML>hello room</HTML>", tlv(3, user(ALICE)))),
        (SERVER, chat(6, b"bbbbbbbb", b"hello alice", tlv(3, user(BOB)))),
    ]
    assert [(e.sender, e.room, e.text) for e in heard(said, Message)] == [
        ("alice in lab", "labroom", "hello room"),
        ("bobinlab", "labroom", "hello alice"),
    ]


def test_a_chat_message_without_its_echo_is_told_at_the_end():
    said = [(SERVER, ROOM), (CLIENT, chat(5, b"aaaaaaaa", b"hello room"))]
    assert [(e.sender, e.text) for e in heard(said, Message)] == [(None, "hello room")]


# --- rendezvous ------------------------------------------------------------------------------------------------------

FILE = tlv(0x2711, b"\0\1\0\1\0\0\x05\xd2holiday.txt\0")
PLACE = (tlv(2, ip("10.0.0.5")), tlv(3, ip("10.0.0.5")), tlv(5, struct.pack("!H", 5600)))


def proposal(*tlvs: bytes, guid: bytes = capability(0x1343)) -> tuple[Side, bytes]:
    return CLIENT, to_server(BOB, rendezvous(0, guid, tlv(0xA, b"\0\1"), *tlvs), channel=2)


def test_a_file_is_offered_and_accepted_and_its_connection_expected():
    accepted = to_client(BOB, rendezvous(2, capability(0x1343)), channel=2)
    said = after_sign_on(proposal(*PLACE, FILE), proposal(*PLACE, FILE), (SERVER, accepted))
    about = {"name": "holiday.txt", "size": 1490, "sender": "alice in lab", "recipient": "bobinlab"}
    assert heard(said, Transfer, Exposure, Expect) == [
        Transfer(side=CLIENT, state=TransferState.OFFERED, **about),
        Exposure(side=CLIENT, account="alice in lab", ip="10.0.0.5", port=5600, via="oscar.rendezvous", to="bobinlab"),
        Expect(side=CLIENT, protocol="oft", ip="10.0.0.5", port=5600, **about),
        Transfer(side=SERVER, state=TransferState.ACCEPTED, **about),
    ]


def test_the_receiver_may_propose_in_turn():
    back = to_client(
        BOB, rendezvous(0, capability(0x1343), tlv(0xA, b"\0\2"), tlv(3, ip("10.0.0.6")), PLACE[2]), channel=2
    )
    said = after_sign_on(proposal(*PLACE, FILE), (SERVER, back))
    assert heard(said, Expect)[-1] == Expect(
        side=SERVER,
        protocol="oft",
        ip="10.0.0.6",
        port=5600,
        name="holiday.txt",
        size=1490,
        sender="alice in lab",
        recipient="bobinlab",
    )


@pytest.mark.parametrize(
    "answer",
    [
        to_client(BOB, rendezvous(1, capability(0x1343), tlv(0xB, b"\0\1")), channel=2),
        snac(4, 0xB, COOKIE + b"\0\2" + counted(BOB) + tlv(3, b"\0\2")),
    ],
)
def test_a_file_is_turned_down(answer):
    said = after_sign_on(proposal(*PLACE, FILE), (SERVER, answer))
    assert [e.state for e in heard(said, Transfer)] == [TransferState.OFFERED, TransferState.CANCELLED]


def test_over_the_relay_the_proposed_address_is_the_relay_s():
    said = after_sign_on(
        proposal(tlv(2, ip("192.0.2.80")), tlv(3, ip("10.0.0.5")), tlv(5, b"\x12\x34"), tlv(0x10), FILE)
    )
    assert [(e.ip, e.port) for e in heard(said, Exposure)] == [("10.0.0.5", None)]
    assert [(e.ip, e.port) for e in heard(said, Expect)] == [("192.0.2.80", 5190)]


def test_all_addresses_of_a_list_are_told():
    listed = tlv(0x18, counted(b"10.0.0.5 5600") + counted(b"2001:db8::5 5601") + counted(b"127.0.0.1 5602"))
    assert [(e.ip, e.port) for e in heard(after_sign_on(proposal(listed, FILE)), Exposure)] == [
        ("10.0.0.5", 5600),
        ("2001:db8::5", 5601),
    ]


def test_a_rewritten_address_shows():
    right = (tlv(0x16, bytes(b ^ 0xFF for b in ip("10.0.0.5"))), tlv(0x17, struct.pack("!H", 5600 ^ 0xFFFF)))
    wrong = (tlv(0x16, bytes(b ^ 0xFF for b in ip("10.0.0.6"))), tlv(0x17, struct.pack("!H", 5601 ^ 0xFFFF)))
    assert not heard(after_sign_on(proposal(*PLACE, *right, FILE)), Anomaly)
    found = heard(after_sign_on(proposal(*PLACE, *wrong, FILE)), Anomaly)
    assert [e.code for e in found] == ["oscar.rendezvous-tampered"] * 2


def test_a_direct_connection_for_messages_is_expected():
    (expected,) = heard(after_sign_on(proposal(*PLACE, guid=capability(0x1345))), Expect)
    assert (expected.protocol, expected.sender, expected.recipient) == ("odc", "alice in lab", "bobinlab")


def test_an_invitation_to_a_room_is_a_message():
    invited = rendezvous(
        0,
        bytes.fromhex("748f2420628711d18222444553540000"),
        tlv(0xC, b"join us"),
        tlv(0x2711, b"\0\4" + counted(b"4-0-labroom") + b"\0\0"),
    )
    assert heard([(SERVER, own(ALICE)), (SERVER, to_client(BOB, invited, channel=2))], Message) == [
        Message(side=SERVER, sender="bobinlab", recipient="alice in lab", room="labroom", text="join us")
    ]


def test_trillian_s_encryption_is_told():
    guid = bytes.fromhex("f2e7c7f4fead4dfbb23536798bdf0000")
    assert Encryption.E2E in [e.encryption for e in heard(after_sign_on(proposal(guid=guid)), Trait)]


# --- presence and contacts -------------------------------------------------------------------------------------------


def test_presence_and_what_it_gives_away():
    direct = struct.pack("!4sIBHIIIIIIH", ip("192.168.7.7"), 4001, 3, 8, 0x11223344, 80, 3, 1, 2, 3, 0)
    info = (tlv(1, b"\0\x50"), tlv(6, b"\0\1\0\x13"), tlv(0xA, ip("203.0.113.9")), tlv(0xC, direct))
    said = after_sign_on((SERVER, snac(3, 0xB, user(b"100001", *info))), (SERVER, snac(3, 0xC, user(b"100001"))))
    assert heard(said, Presence, Exposure) == [
        Presence(side=SERVER, account="100001", status="busy"),
        Exposure(side=SERVER, account="100001", ip="203.0.113.9", via="oscar.external-ip", to="alice in lab"),
        Exposure(side=SERVER, account="100001", ip="192.168.7.7", port=4001, via="oscar.dc-info", to="alice in lab"),
        Presence(side=SERVER, account="100001", status="offline"),
    ]


def test_an_unchanged_presence_is_told_once_and_an_available_text_is_its_note():
    note = tlv(0x1D, b"\0\2\4\x09" + b"\0\5busy?" + b"\0\0")
    here = snac(3, 0xB, user(BOB, tlv(1, b"\0\x10")))
    said = [(SERVER, here), (SERVER, here), (SERVER, snac(3, 0xB, user(BOB, tlv(1, b"\0\x30"), note)))]
    assert [(e.status, e.note) for e in heard(said, Presence)] == [("online", None), ("away", "busy?")]


def test_the_own_inside_address_is_told_to_all_contacts():
    said = after_sign_on(
        (CLIENT, snac(1, 0x1E, tlv(6, b"\0\0\1\0") + tlv(0xC, ip("10.0.0.5") + b"\0\0\x16\x2e" + bytes(29))))
    )
    assert heard(said, Presence, Exposure) == [
        Presence(side=CLIENT, account="alice in lab", status="invisible"),
        Exposure(side=CLIENT, account="alice in lab", ip="10.0.0.5", port=5678, via="oscar.dc-info"),
    ]


def test_away_texts():
    charset = tlv(3, b'text/x-aolrtf; charset="unicode-2-0"')
    away = charset + tlv(4, "<HTML>zu Tisch ☕</HTML>".encode("utf-16-be"))
    said = after_sign_on(
        (CLIENT, snac(2, 4, away)),
        (CLIENT, snac(2, 4, tlv(4))),
        (SERVER, snac(2, 6, user(BOB, tlv(1, b"\0\x30")) + away)),
    )
    assert [(e.account, e.status, e.note) for e in heard(said, Presence)] == [
        ("alice in lab", "away", "zu Tisch ☕"),
        ("alice in lab", "online", None),
        ("bobinlab", "away", "zu Tisch ☕"),
    ]


def item(name: bytes, group: int, number: int, kind: int, more: bytes = b"") -> bytes:
    return struct.pack("!H", len(name)) + name + struct.pack("!HHHH", group, number, kind, len(more)) + more


GROUP, FRIEND = item(b"Friends", 2, 0, 1), item(BOB, 2, 9, 0, tlv(0x131, b"Bobby"))


def contact_list(*items: bytes) -> bytes:
    return b"\0" + struct.pack("!H", len(items)) + b"".join(items) + bytes(4)


def contacts(*said: tuple[Side, bytes]) -> list[tuple[str | None, str, str | None]]:
    return [(e.owner, e.account, e.group) for e in heard(after_sign_on(*said), Contact)]


def test_the_contact_list_with_its_groups():
    whole = snac(0x13, 6, contact_list(item(b"", 0, 0, 1), FRIEND, GROUP, item(b"foe", 0, 3, 3)))
    assert contacts((SERVER, whole)) == [("alice in lab", "bobinlab", "Friends")]


def test_a_list_in_several_snacs_and_additions_to_it():
    first = snac(0x13, 6, contact_list(GROUP, FRIEND), flags=1)
    second = snac(0x13, 6, contact_list(item(b"carol", 2, 10, 0)))
    added = snac(0x13, 8, item(b"dave", 2, 11, 0))
    assert [account for _, account, _ in contacts((SERVER, first), (SERVER, second), (CLIENT, added))] == [
        "bobinlab",
        "carol",
        "dave",
    ]


def test_an_item_cut_at_the_border_of_two_snacs_is_put_together():
    whole = contact_list(GROUP, FRIEND, item(b"carol", 2, 10, 0))
    first, second = snac(0x13, 6, whole[:40], flags=1), snac(0x13, 6, whole[40:])
    assert [account for _, account, _ in contacts((SERVER, first), (SERVER, second))] == ["bobinlab", "carol"]


def test_contacts_told_at_login():
    assert contacts((CLIENT, snac(3, 4, counted(BOB) + counted(b"carol")))) == [
        ("alice in lab", "bobinlab", None),
        ("alice in lab", "carol", None),
    ]


def test_a_list_without_end_is_capped():
    names = [f"user{n:05}".encode() for n in range(MAX_CONTACTS + 500)]
    said = [(CLIENT, snac(3, 4, b"".join(map(counted, names[n : n + 500])))) for n in range(0, len(names), 500)]
    assert len(contacts(*said)) == MAX_CONTACTS


# --- framing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", range(0, 40, 3))
def test_met_at_any_byte(begin):
    stream = own(ALICE) + to_client(BOB, text(b"first")) + to_client(BOB, text(b"second"))
    assert "second" in [e.text for e in heard([(SERVER, stream[begin:])], Message, midstream=True)]


def test_a_gap_costs_no_more_than_the_frames_it_is_in():
    dissector = Oscar()
    out = list(dissector.feed(SERVER, own(ALICE) + to_client(BOB, text(b"first"))[:30]))
    out += dissector.gap(SERVER, 12)
    out += dissector.feed(SERVER, text(b"rest of it") + to_client(BOB, text(b"second")))
    assert [e.text for e in out if isinstance(e, Message)] == ["second"]


def test_a_snac_whose_frame_header_was_lost_is_read():
    dissector = Oscar()
    out = list(dissector.feed(SERVER, own(ALICE)))
    for last in (b"first", b"second"):
        out += dissector.gap(SERVER, 6)
        out += dissector.feed(SERVER, to_client(BOB, text(last))[6:])
    out += dissector.end()
    assert [e.text for e in out if isinstance(e, Message)] == ["second"]
    dissector = Oscar()
    out = list(dissector.feed(SERVER, own(ALICE)))
    out += dissector.gap(SERVER, 6)
    out += dissector.feed(SERVER, to_client(BOB, text(b"first"))[6:] + READY)
    assert [e.text for e in out if isinstance(e, Message)] == ["first"]


def test_sides_guessed_wrong_are_turned_round():
    swapped = [(side.other, data) for side, data in MAIN]
    assert heard(swapped, Reversed, midstream=True) == [Reversed(side=CLIENT)]
    assert heard(swapped, Message, midstream=True)[0].text == "the vault is open"
    assert not heard(swapped, Reversed)


@pytest.mark.parametrize(
    "foreign",
    [
        b"* OK IMAP4rev1 ready\r\n",
        b"*\x05\x00\x00\x00\x00*\x05\x07\x00\x00\x00",
        b"*\x02\x00\x01\x00\x20GET / HTTP/1.1\r\nHost: example.org",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
        b"*\x01\x00\x00\x00\x04\x00\x00\x00\x01",
    ],
)
@pytest.mark.parametrize("midstream", [False, True])
def test_foreign_bytes_are_not_claimed(foreign, midstream):
    dissector = Oscar(midstream=midstream)
    for _ in range(20):
        list(dissector.feed(CLIENT, foreign))
    assert not dissector.confirmed


def test_foreign_bytes_are_given_up_soon():
    dissector = Oscar()
    list(dissector.feed(CLIENT, (b"*\x02\x00\x01\x00\x20GET / HTTP/1.1\r\n" + bytes(20)) * 8))
    assert dissector.given_up


def test_a_family_nobody_knows_is_no_reason_to_lose_the_framing():
    said = after_sign_on((SERVER, snac(0x0777, 1, bytes(40)) * 100 + to_client(BOB, text(b"still here"))))
    assert [type(e).__name__ for e in heard(said, Message, Anomaly)] == ["Message"]


def test_keep_alives_alone_are_recognised():
    dissector = Oscar(midstream=True)
    list(dissector.feed(CLIENT, b"".join(flap(5, n, b"") for n in range(0x7FFE, 0x8001))))
    assert dissector.confirmed


def test_a_tlv_cut_short_is_an_anomaly_and_costs_nothing_before_it():
    said = [(SERVER, to_client(BOB, text(b"still here"), b"\0\5\xff\xff"))]
    assert [type(e).__name__ for e in heard(said, Message, Anomaly)] == ["Message", "Anomaly"]


def test_a_body_cut_short_is_an_anomaly():
    assert [e.code for e in heard([(SERVER, snac(4, 7, b"123"))], Anomaly)] == ["oscar.malformed"]
