"""YMSG: what each service says, in any order of keys, and what hostile packets must not do."""

from __future__ import annotations

import struct
import time
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from imsniff.base.events import (
    Anomaly,
    Contact,
    Event,
    Exposure,
    Grade,
    Login,
    Message,
    Outcome,
    Presence,
    Trait,
    Transfer,
    TransferState,
)
from imsniff.dissect.yahoo.packet import plain
from imsniff.dissect.yahoo.ymsg import Ymsg
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).parents[2] / "pcaps" / "ymsg"
FAILED = 0xFFFF_FFFF
FILE = b"\xc0\x80YMSG\x00" * 300


def packet(service: int, *pairs: tuple[int, str | bytes], status: int = 0, version: int = 12) -> bytes:
    body = b"".join(
        b"%d\xc0\x80%s\xc0\x80" % (key, value.encode() if isinstance(value, str) else value) for key, value in pairs
    )
    return struct.pack("!4sHHHHII", b"YMSG", version, 0, len(body), service, status, 7) + body


def upload(*, counted: int) -> bytes:
    """A FILE packet whose length counts so many bytes of the file."""
    head = packet(0x46, (28, str(len(FILE))), (27, "a.bin"), (5, "bob"), (0, "alice"))
    body = head[20:] + b"29\xc0\x80"
    return head[:8] + struct.pack("!H", len(body) + counted) + head[10:20] + body + FILE


CONVERSATIONS: list[Said] = [
    [(CLIENT, packet(0x06, (5, "bob"), (14, "hello"), (1, "alice"))), (SERVER, packet(0x8A, (0, "alice")))],
    [(CLIENT, upload(counted=0) + packet(0x8A, (0, "alice"))), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n")],
    *(flow.said for capture in sorted(PCAPS.glob("*.pcap")) for flow in conversations(capture) if flow.server[1] != 80),
]


def says(*turns: tuple[object, bytes], midstream: bool = False) -> list[Event]:
    """What is said beyond whose session it is."""
    return [e for e in events(Ymsg, list(turns), midstream=midstream) if not isinstance(e, Trait)]


def only(kind: type[Event], said: Said) -> list[Event]:
    return [event for event in events(Ymsg, said) if isinstance(event, kind)]


def told(name: str, kind: type[Event], flow: int = 0) -> list[Event]:
    return only(kind, conversations(PCAPS / f"{name}.pcap")[flow].said)


class TestLogin:
    ASKS = (CLIENT, packet(0x57, (1, "alice")))
    CHALLENGE = (SERVER, packet(0x57, (94, "seed"), (1, "alice"), (13, "1"), status=1))
    ANSWER = (CLIENT, packet(0x54, (96, "crypt--"), (1, "alice"), (6, "md5--"), (135, "6,0,0,1750"), (0, "alice")))

    def test_an_answered_challenge_is_crackable(self):
        [login] = says(self.ASKS, self.CHALLENGE, self.ANSWER, (SERVER, packet(0x55, (87, ""), (3, "alice"))))
        assert login == Login(
            side=CLIENT,
            account="alice",
            scheme="ymsg-challenge",
            grade=Grade.CRACKABLE,
            outcome=Outcome.OK,
            secret="md5--",
            wire="AUTH_RESPONSE 0=alice 6=<5 characters masked>",
        )

    @pytest.mark.parametrize("refusal", [packet(0x54, (66, "13")), packet(0x54, (0, "alice"), status=FAILED)])
    def test_a_refusal_is_told(self, refusal):
        [login] = says(self.ASKS, self.ANSWER, (SERVER, refusal))
        assert login.outcome is Outcome.FAILED

    def test_without_the_server_the_outcome_is_unknown(self):
        [login] = says(self.ASKS, self.ANSWER)
        assert login.outcome is Outcome.UNKNOWN

    def test_the_client_tells_its_version(self):
        assert Trait(side=CLIENT, software="Yahoo! Messenger 6,0,0,1750") in events(Ymsg, [self.ANSWER])

    def test_cookies_of_version_15_are_tokens(self):
        [login] = told("ymsg16_file_and_direct", Login)
        assert (login.grade, login.outcome, login.account) == (Grade.TOKEN, Outcome.OK, "alice")
        y, t = "v=1&n=6mq5b&l=0b824/o&p=m2&r=g1&lg=en-US&intl=us", "z=8eX1DB80yCDB&a=QAE&sk=DAAkB1&ks=EAA&d=c2wB"
        assert login.secret == f"Y={y}; T={t}"
        assert "v=1" not in login.wire

    def test_the_list_of_version_12_brings_the_cookies_again(self):
        cookies = ((59, "B\tvisitor"), (59, "Y\tv=1&l=0b824/o; path=/"), (59, "T\tz=1; path=/"))
        [login] = says((SERVER, packet(0x55, (89, "alice,lissy"), *cookies)))
        assert (login.scheme, login.account, login.secret) == ("cookie", "alice", "Y=v=1&l=0b824/o; T=z=1")

    def test_a_cookie_header_tells_whose_it_is(self):
        said = b"POST /notifyft HTTP/1.0\r\nCookie: Y=v=1&l=0b824/o; T=z=1\r\n\r\n"
        [login] = says((CLIENT, said))
        assert (login.account, login.grade) == ("alice", Grade.TOKEN)

    def test_a_keepalive_names_the_account(self):
        assert Trait(side=CLIENT, account="alice") in events(Ymsg, [(CLIENT, packet(0x8A, (0, "alice")))])


class TestTalk:
    def test_sent_and_received(self):
        sent = packet(0x06, (206, "0"), (14, "hello"), (97, "1"), (5, "bob"), (1, "alice"))
        received = packet(0x06, (14, "hi"), (4, "bob"), (63, ";0"), (5, "alice"), status=1)
        one, two = says((CLIENT, sent), (SERVER, received))
        assert (one.sender, one.recipient, one.text, one.offline) == ("alice", "bob", "hello", False)
        assert (two.sender, two.recipient, two.text) == ("bob", "alice", "hi")

    def test_offline_messages_come_several_to_a_packet(self):
        pairs = [
            pair
            for n in "12"
            for pair in ((31, "6"), (5, "alice"), (4, f"bob{n}"), (15, "1104537600"), (14, f"text {n}"))
        ]
        found = says((SERVER, packet(0x06, *pairs, status=5)))
        assert [(m.sender, m.recipient, m.text, m.offline) for m in found] == [
            ("bob1", "alice", "text 1", True),
            ("bob2", "alice", "text 2", True),
        ]

    def test_one_message_to_many(self):
        found = says((CLIENT, packet(0x06, (1, "alice"), (5, "bob"), (5, "carol"), (14, "both of you"))))
        assert [m.recipient for m in found] == ["bob", "carol"]

    def test_a_message_sent_again_until_acknowledged_counts_once(self):
        numbered = packet(0x06, (4, "bob"), (5, "alice"), (14, "again"), (429, "00A1"), version=16)
        assert len(says((SERVER, numbered), (SERVER, numbered))) == 1

    @pytest.mark.parametrize(
        ("raw", "text"),
        [
            (b"\x1b[1mbold\x1b[x1m \x1b[#ff0000mred", "bold red"),
            (b'<font face="Arial" size="12">big</font>', "big"),
            (b"<FADE #ff0000,#00ff00>slow</FADE> <alt #fff>x</alt>", "slow x"),
            (b"a < b > c <http://example.org>", "a < b > c <http://example.org>"),
            ("grüße".encode("cp1252"), "grüße"),
            ("☃".encode(), "☃"),
        ],
    )
    def test_text_is_cleaned(self, raw, text):
        assert plain(raw) == text

    def test_conference(self):
        sent = packet(0x1D, (1, "alice"), (53, "bob"), (53, "carol"), (57, "room-1"), (14, "all?"), (97, "1"))
        received = packet(0x1D, (57, "room-1"), (3, "bob"), (14, "here"), (1, "alice"))
        invited = packet(0x18, (1, "alice"), (57, "room-1"), (50, "bob"), (58, "come in"))
        found = says((CLIENT, sent), (SERVER, received), (SERVER, invited))
        assert [(m.sender, m.room, m.text) for m in found] == [
            ("alice", "room-1", "all?"),
            ("bob", "room-1", "here"),
            ("bob", "room-1", "come in"),
        ]

    def test_chat_room(self):
        rooms = told("ymsg11_http_and_offline", Message)[2:]
        assert [(m.sender, m.room, m.text) for m in rooms] == [
            ("alice", "Lab Room:1", "hello, room"),
            ("dave", "Lab Room:1", "hello, alice"),
        ]

    def test_typing_is_not_talk(self):
        assert not says((CLIENT, packet(0x4B, (5, "bob"), (49, "TYPING"), (14, " "), (13, "1"), (1, "alice"))))

    def test_a_direct_connection_speaks_the_same(self):
        found = told("ymsg16_file_and_direct", Message, flow=1)
        assert [(m.sender, m.recipient, m.text) for m in found] == [
            ("bob", "alice", "nobody between us"),
            ("alice", "bob", "but the sensor"),
        ]


class TestPresenceAndContacts:
    def test_records_of_one_packet(self):
        found = says(
            (
                SERVER,
                packet(
                    0x01,
                    (0, "al"),
                    (8, "2"),
                    (7, "bob"),
                    (10, "2"),
                    (13, "1"),
                    (7, "carol"),
                    (10, "99"),
                    (19, "tea"),
                    (47, "1"),
                ),
            )
        )
        assert found == [
            Presence(side=SERVER, account="bob", status="busy"),
            Presence(side=SERVER, account="carol", status="away", note="tea"),
        ]

    def test_gone(self):
        [one] = says((SERVER, packet(0x02, (7, "bob"), (10, "0"), (13, "0"))))
        assert (one.account, one.status) == ("bob", "offline")

    def test_own_status_and_no_repetition(self):
        away = (CLIENT, packet(0xC6, (10, "99"), (19, "lunch"), (47, "1"), (97, "1")))
        found = says((CLIENT, packet(0x57, (1, "alice"))), away, away)
        assert found == [Presence(side=CLIENT, account="alice", status="away", note="lunch")]

    def test_list_cut_inside_a_line(self):
        parts = (packet(0x55, (87, "Friends:bob,ca"), status=1), packet(0x55, (87, "rol\n:dave\n"), (3, "alice")))
        found = says(*((SERVER, part) for part in parts))
        assert [(c.account, c.group) for c in found] == [("bob", "Friends"), ("carol", "Friends"), ("dave", None)]

    def test_list_of_version_15_without_the_ignored(self):
        found = told("ymsg16_file_and_direct", Contact)
        assert [(c.owner, c.account, c.group) for c in found] == [
            ("alice", "bob", "Friends"),
            ("alice", "carol", "Friends"),
            ("alice", "dave", "Work"),
            ("alice", "erin", "Friends"),
        ]

    def test_a_refused_contact_is_none(self):
        assert not says((SERVER, packet(0x83, (1, "alice"), (66, "3"), (7, "bob"), (65, "Friends"))))


class TestFilesAndAddresses:
    def test_own_address_has_its_lowest_octet_first(self):
        [told] = says((CLIENT, packet(0x4F, (5, "bob"), (12, b64encode(b"352341514")), (4, "alice"))))
        assert told == Exposure(
            side=CLIENT,
            account="alice",
            ip="10.78.0.21",
            port=5101,
            via="ymsg.p2p",
            to="bob",
            wire="YMSG key 12: MzUyMzQxNTE0",
        )

    def test_a_signed_address(self):
        [told] = says((CLIENT, packet(0x4F, (12, b64encode(b"-1"[:1] + b"1062731584")), (4, "alice"))))
        assert told.ip == "192.0.168.192"

    @pytest.mark.parametrize("value", [b"%%%", b64encode(b"99999999999"), b64encode(b"home")])
    def test_an_address_that_is_none(self, value):
        [anomaly] = says((CLIENT, packet(0x4F, (12, value), (4, "alice"))))
        assert anomaly.code == "ymsg.malformed"

    def test_files_of_version_15(self):
        found = told("ymsg16_file_and_direct", Transfer)
        assert [(t.name, t.size, t.state) for t in found] == [
            ("plan b.txt", 1490, TransferState.OFFERED),
            ("map.png", 20480, TransferState.OFFERED),
            ("plan b.txt", 1490, TransferState.ACCEPTED),
            ("map.png", 20480, TransferState.ACCEPTED),
        ]
        [_, served] = told("ymsg16_file_and_direct", Exposure)
        assert (served.ip, served.port, served.via) == ("10.78.0.21", 7071, "ymsg.filetransfer")

    def test_a_relay_exposes_nobody(self):
        assert not says((CLIENT, packet(0xDD, (1, "a"), (5, "b"), (27, "x"), (249, "3"), (250, "198.51.100.1"))))

    def test_a_file_from_a_peers_own_host(self):
        [exposed] = told("ymsg11_http_and_offline", Exposure)
        [offered] = told("ymsg11_http_and_offline", Transfer)
        assert (exposed.account, exposed.ip, exposed.port, exposed.to) == ("bob", "10.78.0.22", 8099, "alice")
        assert (offered.name, offered.size, offered.sender) == ("songs.zip", 734003, "bob")

    @pytest.mark.parametrize("counted", [0, 4, 300])
    def test_an_upload_is_hashed(self, counted):
        """libpurple counts four bytes of the file into the packet; separators and magics in the file mean nothing."""
        head = b"POST http://filetransfer.msg.yahoo.com:80/notifyft HTTP/1.0\r\nContent-length: 1\r\n\r\n"
        said: Said = [(CLIENT, head + upload(counted=counted) + packet(0x8A, (0, "alice")))]
        offered, completed = only(Transfer, said)
        assert (offered.state, offered.sha256) == (TransferState.OFFERED, None)
        assert (completed.state, completed.sha256) == (TransferState.COMPLETED, sha256(FILE).hexdigest())
        assert not only(Anomaly, said)

    def test_an_upload_with_a_hole_is_not_completed(self):
        dissector = Ymsg()
        said = upload(counted=0)
        out = [*dissector.feed(CLIENT, said[:900]), *dissector.gap(CLIENT, 10), *dissector.feed(CLIENT, said[910:])]
        assert [e.state for e in out if isinstance(e, Transfer)] == [TransferState.OFFERED]

    def test_the_name_is_at_the_end_of_the_url(self):
        url = "http://f1.example.org/storage/my%20plan.txt?key=1"
        [offer] = says((SERVER, packet(0x46, (5, "alice"), (4, "bob"), (20, url), (38, "1"))))
        assert (offer.name, offer.sender, offer.recipient) == ("my plan.txt", "bob", "alice")


class TestPager:
    def test_messages_of_ypns(self):
        assert [(m.sender, m.recipient, m.text, m.offline) for m in told("ypns_pager", Message)] == [
            ("carol", "alice", "call me when you are back", True),
            ("alice", "bob", "are you there, Bob?", False),
            ("bob", "alice", "yes, as ever", False),
        ]

    def test_log_on_of_ypns(self):
        [login] = told("ypns_pager", Login)
        assert (login.account, login.grade) == ("alice", Grade.TOKEN)


class TestFraming:
    def test_packets_in_http_bodies(self):
        outcomes = [login.outcome for login in told("ymsg11_http_and_offline", Login)]
        assert outcomes == [Outcome.FAILED, Outcome.OK, Outcome.OK]
        assert not told("ymsg11_http_and_offline", Anomaly)

    @pytest.mark.parametrize("length", [65_516, 65_535])
    def test_a_length_that_wraps_elsewhere(self, length):
        body = (b"240\xc0\x80" + b"A" * length)[:length]
        long = struct.pack("!4sHHHHII", b"YMSG", 12, 0, length, 0x15, 0, 7) + body
        assert len(says((CLIENT, long + packet(0x06, (1, "a"), (5, "b"), (14, "still here"))))) == 1

    def test_a_body_that_is_no_list_of_pairs_costs_one_packet(self):
        bad = struct.pack("!4sHHHHII", b"YMSG", 12, 0, 9, 6, 0, 7) + b"not pairs"
        anomaly, message = says((CLIENT, bad), (CLIENT, packet(0x06, (1, "a"), (5, "b"), (14, "x"))))
        assert (anomaly.code, message.text) == ("ymsg.malformed", "x")

    def test_a_packet_full_of_messages_takes_linear_time(self):
        texts = [(14, "x")] * 9000
        began = time.process_time()
        assert len(says((CLIENT, packet(0x06, *texts)))) == 9000
        assert time.process_time() - began < 2

    def test_a_key_of_five_thousand_digits(self):
        body = b"1" * 5000 + b"\xc0\x80x\xc0\x80"
        [anomaly] = says((CLIENT, struct.pack("!4sHHHHII", b"YMSG", 12, 0, len(body), 6, 0, 7) + body))
        assert anomaly.code == "ymsg.malformed"

    def test_met_in_the_middle_of_a_packet(self):
        whole = packet(0x06, (1, "a"), (5, "b"), (14, "one")) + packet(0x06, (1, "a"), (5, "b"), (14, "two"))
        assert [e.text for e in says((CLIENT, whole[9:]), midstream=True)] == ["two"]

    @pytest.mark.parametrize(
        "text", [b"YMSG is the name of a protocol\r\n" * 40, b"GET / HTTP/1.1\r\n\r\n", b"YMSG" * 99]
    )
    def test_other_text_proves_nothing(self, text):
        dissector = Ymsg(midstream=True)
        list(dissector.feed(CLIENT, text))
        assert not dissector.confirmed
