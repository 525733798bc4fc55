"""TOC as transcripts."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from tests.dissect.oscar_bytes import flap, tlv

from imsniff.base.events import (
    Anomaly,
    Contact,
    Event,
    Expect,
    Exposure,
    Grade,
    Login,
    Message,
    Outcome,
    Presence,
    Side,
    Transfer,
    TransferState,
)
from imsniff.dissect.oscar.toc import Toc, arguments
from transcript import CLIENT, SERVER, Said, conversations, events

CAPTURES = Path(__file__).parents[2] / "pcaps" / "toc"


def asked(words: str, sequence: int = 1) -> tuple[Side, bytes]:
    return CLIENT, flap(2, sequence, words.encode() + b"\0")


def told(words: str, sequence: int = 1) -> tuple[Side, bytes]:
    return SERVER, flap(2, sequence, words.encode())


OPENING: Said = [
    (CLIENT, b"FLAPON\r\n\r\n"),
    (SERVER, flap(1, 0, b"\0\0\0\1")),
    (CLIENT, flap(1, 0, b"\0\0\0\1" + tlv(1, b"alice"))),
    asked('toc_signon login.oscar.aol.com 5190 alice 0x2408105c23001130 english "TIC:Lab 1.0"'),
]
VERSION_1: Said = [
    *OPENING,
    told("SIGN_ON:TOC1.0"),
    told("CONFIG:m 1\ng Friends\nb bob\nb carol\nd spam\n"),
    told("NICK:Alice"),
    asked("toc_add_buddy dave"),
    asked('toc_send_im bob "it costs \\$5: \\"cheap\\" <B>really</B>"'),
    told("IM_IN:Bob:F:<HTML>well: ok</HTML>"),
    told("UPDATE_BUDDY:Bob:T:0:1711036800:5: OU"),
    told("CHAT_JOIN:7:Lab Room"),
    asked('toc_chat_send 7 "hello room"'),
    told("CHAT_IN:7:Alice:F:hello room"),
    told("CHAT_IN:7:Bob:F:hello alice"),
]
VERSION_2: Said = [
    *OPENING[:3],
    asked('toc2_login host 29999 alice 0x2408105c23001130 english "TIC:x" 160 US "" "" 3 0 30303 -kentucky -utf8 123'),
    told("SIGN_ON:TOC2.0"),
    told("CONFIG2:g:Friends\nb:bob:Bobby\nm:1\ndone:\n"),
    asked('toc2_send_im_enc bob "F" U en "grüße"'),
    told("IM_IN_ENC2:bob:F:F:T: O :F:L:en:also: fine"),
    told("IM_IN2:bob:T:F:I am away"),
    told("UPDATE_BUDDY2:bob:F:0:0:0:   :"),
    asked('toc2_new_buddies "{g:Work\nb:carol\n}"'),
]
LAB = [flow.said for flow in conversations(CAPTURES / "toc1.pcap")]
CONVERSATIONS: list[Said] = [VERSION_1, VERSION_2, *LAB]


def heard(said: Said, *kinds: type[Event], midstream: bool = False) -> list[Event]:
    return [e for e in events(Toc, said, midstream=midstream) if not kinds or isinstance(e, kinds)]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("SIGN_ON:TOC1.0", Outcome.OK), ("ERROR:980:Alice", Outcome.FAILED), ("PAUSE", Outcome.UNKNOWN)],
)
def test_the_password_is_decoded_and_the_outcome_told(answer, outcome):
    (login,) = heard([*OPENING, told(answer)], Login)
    assert (login.account, login.scheme, login.grade, login.outcome) == ("alice", "roasted", Grade.REVERSIBLE, outcome)
    assert login.secret == "password"
    assert "0x24" not in login.wire


def test_version_1():
    assert heard(VERSION_1, Message, Contact, Presence) == [
        Contact(side=SERVER, owner="alice", account="bob", group="Friends"),
        Contact(side=SERVER, owner="alice", account="carol", group="Friends"),
        Contact(side=CLIENT, owner="alice", account="dave"),
        Message(side=CLIENT, sender="alice", recipient="bob", text='it costs $5: "cheap" really'),
        Message(side=SERVER, sender="Bob", recipient="alice", text="well: ok"),
        Presence(side=SERVER, account="Bob", status="away"),
        Message(side=CLIENT, sender="alice", recipient="Lab Room", room="Lab Room", text="hello room"),
        Message(side=SERVER, sender="Bob", recipient="Lab Room", room="Lab Room", text="hello alice"),
    ]


def test_version_2():
    assert heard(VERSION_2, Message, Contact, Presence) == [
        Contact(side=SERVER, owner="alice", account="bob", group="Friends"),
        Message(side=CLIENT, sender="alice", recipient="bob", text="grüße"),
        Message(side=SERVER, sender="bob", recipient="alice", text="also: fine"),
        Message(side=SERVER, sender="bob", recipient="alice", text="I am away"),
        Presence(side=SERVER, account="bob", status="offline"),
        Contact(side=CLIENT, owner="alice", account="carol", group="Work"),
    ]


def test_a_changed_password_is_cleartext():
    said = [*OPENING, asked('toc_change_passwd "old one" new')]
    changed = [(e.secret, e.grade) for e in heard(said, Login) if e.scheme == "password-change"]
    assert changed == [("old one", Grade.CLEARTEXT), ("new", Grade.CLEARTEXT)]


def test_a_proposed_file():
    data = b64encode(b"\0\1\0\1\0\0\x05\xd2holiday.txt\0").decode()
    cookie = b64encode(b"12345678").decode()
    guid = "09461343-4C7F-11D1-8222-444553540000"
    said = [
        *OPENING,
        told(f"RVOUS_PROPOSE:bob:{guid}:{cookie}:1:10.0.0.6:10.0.0.6:203.0.113.9:5190:10001:{data}"),
        asked(f"toc_rvous_accept bob {cookie} {guid}"),
    ]
    found = heard(said, Transfer, Exposure, Expect)
    assert [e.state for e in found if isinstance(e, Transfer)] == [TransferState.OFFERED, TransferState.ACCEPTED]
    assert [(e.account, e.ip, e.to) for e in found if isinstance(e, Exposure)] == [
        ("bob", "10.0.0.6", "alice"),
        ("bob", "203.0.113.9", "alice"),
    ]
    assert {(e.protocol, e.ip, e.port, e.name) for e in found if isinstance(e, Expect)} == {
        ("oft", "10.0.0.6", 5190, "holiday.txt"),
        ("oft", "203.0.113.9", 5190, "holiday.txt"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('bob "a b" auto', ["bob", "a b", "auto"]),
        (r'bob "say \"hi\" \\o/"', ["bob", r'say "hi" \o/']),
        (r"bob 5\$", ["bob", "5$"]),
        ('bob "open', ["bob", "open"]),
        ("", []),
        ("\\", [""]),
    ],
)
def test_arguments(text, expected):
    assert arguments(text) == expected


@pytest.mark.parametrize("begin", range(1, 23, 3))
def test_met_at_any_byte(begin):
    stream = told("IM_IN:Bob:F:first")[1] + told("IM_IN:Bob:F:second")[1]
    assert [e.text for e in heard([(SERVER, stream[begin:])], Message, midstream=True)][-1] == "second"


@pytest.mark.parametrize(
    "bad", ["IM_IN:Bob", "RVOUS_PROPOSE:bob:x:y:1:10.0.0.6:10.0.0.6:0:5190", "CHAT_IN:7", "UPDATE_BUDDY:Bob:T"]
)
def test_a_broken_command_is_an_anomaly(bad):
    assert [e.code for e in heard([*OPENING, told(bad), told("NICK:Alice")], Anomaly)] == ["toc.malformed"]


def test_a_password_that_is_no_number_is_an_anomaly():
    assert [e.code for e in heard([*OPENING[:3], asked("toc_signon h 1 alice 0xzz english x")], Anomaly)] == [
        "toc.malformed"
    ]


@pytest.mark.parametrize(
    "foreign",
    [
        b"FLAPONS are no greeting\r\n\r\n",
        b"*\x02\x00\x01\x00\x10HTTP/1.1 200 OK\r\n",
        b"*\x02\x00\x01\x00\x14\x00\x01\x00\x03\x00\x00\x00\x00\x00\x01\x00\x01\x00\x02\x00\x03\x00\x04\x00\x13",
        b"* toc_signon is a word",
    ],
)
@pytest.mark.parametrize("midstream", [False, True])
def test_foreign_bytes_are_not_claimed(foreign, midstream):
    dissector = Toc(midstream=midstream)
    for _ in range(20):
        list(dissector.feed(Side.CLIENT, foreign))
    assert not dissector.confirmed
