"""MSNP: sign-on of every age, conversations, lists, presence, mid-stream, and bytes that lie."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    Reversed,
    Side,
    Trait,
    Transfer,
    TransferState,
)
from imsniff.base.limits import MAX_MSNP_ANNOUNCED
from imsniff.dissect.core import Dissector
from imsniff.dissect.msn.msnp import VERBS, Msnp
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
ID, GROUP = "7f4c8a2e-3c1f-4a5e-9d5b-0a2b3c4d5e6f", "0e1a1a1e-0000-4000-8000-000000000001"
HOLIDAY = "dcd9beb376b3ef7261d26a25de3ab00f973e1ac7f54aa585e4b86a263d52e127"


def flows(capture: str) -> list[Said]:
    """The MSNP flows of a capture, in order of their first packet."""
    found = conversations(PCAPS / capture)
    return [flow.said for flow in found if flow.transport == "tcp" and flow.said[0][1][:3].decode("latin-1") in VERBS]


def said(*turns: tuple[Side, str]) -> Said:
    return [(side, text.encode()) for side, text in turns]


def msg(line: str, text: str, kind: str = "text/plain; charset=UTF-8", extra: str = "") -> str:
    body = f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n{extra}\r\n{text}"
    return f"{line} {len(body.encode())}\r\n{body}"


def got(kind: type[Event], conversation: Said, **how: bool) -> list[Event]:
    return [event for event in events(Msnp, conversation, **how) if isinstance(event, kind)]


def spoken(conversation: Said, **how: bool) -> list[tuple[str | None, str | None, str]]:
    return [(m.sender, m.recipient, m.text) for m in got(Message, conversation, **how)]


SWITCHBOARD = said(
    (CLIENT, "USR 1 alice@example.net 17262740.1050826919.32308\r\n"),
    (SERVER, "USR 1 OK alice@example.net Alice\r\n"),
    (CLIENT, "CAL 2 bob@example.net\r\n"),
    (SERVER, "CAL 2 RINGING 11752013\r\nJOI bob@example.net Bob\r\n"),
    (CLIENT, msg("MSG 3 N", "Hello Bob")),
    (SERVER, msg("MSG bob@example.net Bob", "Grüße ☃") + "BYE bob@example.net\r\n"),
    (CLIENT, "OUT\r\n"),
)

CONVERSATIONS = [
    SWITCHBOARD,
    *flows("msnp/msnp2_md5.pcap"),
    *flows("msnp/msnp15_sso.pcap"),
    *flows("msnp/msnp21_sdg.pcap"),
    *flows("msnp/pidgin200_escargot_msnp9.pcap")[:4],
    flows("msnp/pidgin2109_escargot_msnp18.pcap")[0],
    flows("msnftp/behind_router.pcap")[0],
    flows("msnp2p/direct_v1.pcap")[0],
    flows("msnp2p/direct_v2.pcap")[0],
]


# --- sign-on ----------------------------------------------------------------------------------------------------------


def test_md5_answer_is_crackable_and_its_outcome_known():
    failed, worked, _, _ = flows("msnp/msnp2_md5.pcap")
    assert got(Login, failed) == [
        Login(
            side=CLIENT,
            account="alice@example.net",
            scheme="md5",
            grade=Grade.CRACKABLE,
            outcome=Outcome.FAILED,
            secret="4defbce7c47cdefde3f65eef6eee786e",
            wire="USR 4 MD5 S <32 characters masked>",
        )
    ]
    assert got(Login, worked)[0].outcome is Outcome.OK


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("USR 4 TWN S t=53*1hAu8ADuD3TEwdXoOMi08sD!2AA$$&p=\r\n", "t=53*1hAu8ADuD3TEwdXoOMi08sD!2AA$$&p="),
        ("USR 4 TWN S a3bd03e38442d0eacd93\r\n", "a3bd03e38442d0eacd93"),
        ("USR 4 SSO S t=EwDoAe&p= HAAAAAEAAAADZgAABIAAAA {1BE99E6D-1C6E-4BEA-8B3E-9C464006A774}\r\n", "t=EwDoAe&p="),
    ],
)
def test_ticket_is_a_token_and_is_masked(line, secret):
    (login,) = got(Login, said((CLIENT, f"USR 3 {line[6:9]} I alice@example.net\r\n"), (CLIENT, line)))
    assert (login.account, login.scheme, login.grade, login.secret) == (
        "alice@example.net",
        "ticket",
        Grade.TOKEN,
        secret,
    )
    assert secret not in login.wire
    assert "HAAAAAEAAAADZgAABIAAAA" not in login.wire


def test_the_servers_challenge_is_no_login_whichever_side_it_seems_to_come_from():
    challenges = (
        "USR 3 TWN S lc=1033,id=507,tw=40,ru=x\r\nUSR 3 SSO S MBI_KEY_OLD 0cjYGQ\r\nUSR 3 MD5 S 1013928519.69\r\n"
    )
    assert not got(Login, said((CLIENT, challenges)))
    assert not got(Login, said((SERVER, challenges)), midstream=True)
    hexadecimal = said(
        (CLIENT, "USR 3 MD5 I a@example.net\r\n"), (SERVER, "USR 3 MD5 S 0123456789abcdef0123456789abcdef\r\n")
    )
    assert not got(Login, hexadecimal)


def test_switchboard_cookie_is_a_token_where_it_is_given_and_where_it_is_shown():
    given = said(
        (SERVER, "USR 4 OK bob@example.net Bob 1 0\r\nXFR 8 SB 192.0.2.9:1863 CKI 17262740.1050826919.32308\r\n")
    )
    assert got(Expect, given) == [Expect(side=SERVER, protocol="msnp", ip="192.0.2.9", port=1863)]
    (told,) = got(Login, given)
    assert (told.account, told.scheme, told.secret) == ("bob@example.net", "cki", "17262740.1050826919.32308")
    shown = said((CLIENT, "ANS 1 bob@example.net;{1BE99E6D-1C6E-4BEA-8B3E-9C464006A774} 849102291.520491 11752013\r\n"))
    (login,) = got(Login, [*shown, (SERVER, b"ANS 1 OK\r\n")])
    assert (login.account, login.secret, login.outcome) == ("bob@example.net", "849102291.520491", Outcome.OK)


def test_call_names_the_switchboard_to_come():
    ring = said((SERVER, "RNG 11752013 192.0.2.9:1863 CKI 849102291.520491 alice@example.net Alice\r\n"))
    assert got(Expect, ring) == [Expect(side=SERVER, protocol="msnp", ip="192.0.2.9", port=1863)]


def test_account_and_software_are_told_before_any_password():
    hello = said(
        (CLIENT, "VER 1 MSNP8 CVR0\r\nCVR 2 0x0409 winnt 5.1 i386 MSNMSGR 6.0.0602 MSMSGS bob@example.net\r\n")
    )
    assert got(Trait, hello) == [
        Trait(side=CLIENT, service="msn"),
        Trait(side=CLIENT, software="MSNMSGR 6.0.0602"),
        Trait(side=CLIENT, account="bob@example.net"),
    ]


def test_profile_tells_the_clients_address_and_ticket():
    (ns, _) = flows("msnp/msnp15_sso.pcap")
    assert Exposure(
        side=SERVER, account="alice@example.net", ip="10.78.0.21", via="msnp.profile", wire="ClientIP: 10.78.0.21"
    ) in events(Msnp, ns)
    assert [login.scheme for login in got(Login, ns)] == ["ticket", "ticket", "cki"]


# --- conversations ----------------------------------------------------------------------------------------------------


def test_a_conversation_word_for_word():
    assert events(Msnp, SWITCHBOARD) == [
        Trait(side=CLIENT, service="msn"),
        Trait(side=CLIENT, account="alice@example.net"),
        Login(
            side=CLIENT,
            account="alice@example.net",
            scheme="cki",
            grade=Grade.TOKEN,
            outcome=Outcome.OK,
            secret="17262740.1050826919.32308",
            wire="USR 1 alice@example.net <25 characters masked>",
        ),
        Message(
            side=CLIENT, sender="alice@example.net", recipient="bob@example.net", text="Hello Bob", wire="MSG 3 N 71"
        ),
        Message(
            side=SERVER,
            sender="bob@example.net",
            recipient="alice@example.net",
            text="Grüße ☃",
            wire="MSG bob@example.net Bob 73",
        ),
    ]


def test_all_who_hear_it_are_recipients():
    (_, _, board, _) = flows("msnp/msnp2_md5.pcap")
    assert spoken(board) == [
        ("alice@example.net", "bob@example.net", "Is the report ready?"),
        ("bob@example.net", "alice@example.net", "Nearly. Carol has the figures."),
        ("alice@example.net", "bob@example.net, carol@example.net", "Welcome, Carol"),
        ("carol@example.net", "bob@example.net, alice@example.net", "The figures are on the share."),
    ]
    everyone = "alice@example.net, bob@example.net, carol@example.net"
    assert [m.room for m in got(Message, board)] == [None, None, everyone, everyone]


def test_own_other_endpoints_are_nobody_else():
    board = said(
        (CLIENT, "ANS 1 alice@example.net;{1BE99E6D-1C6E-4BEA-8B3E-9C464006A774} c00kie 77\r\n"),
        (SERVER, "IRO 1 1 2 bob@example.net;{1be99e6d-1c6e-4bea-8b3e-9c464006a774} Bob 0:0\r\n"),
        (SERVER, "IRO 1 2 2 bob@example.net Bob 0:0\r\nANS 1 OK\r\nJOI alice@example.net Alice 0:0\r\n"),
        (CLIENT, msg("MSG 2 A", "hi")),
    )
    assert spoken(board) == [("alice@example.net", "bob@example.net", "hi")]


def test_long_text_in_pieces_is_one_message():
    (_, board) = flows("msnp/msnp15_sso.pcap")
    assert [text for _, _, text in spoken(board)] == ["one " * 300 + "two " * 300 + "three", "Got it"]


def test_pieces_without_the_first_or_the_last_are_told_at_the_end():
    first = msg("MSG 3 A", "begin ", extra="Message-ID: {1}\r\nChunks: 3\r\n")
    last = "Message-ID: {2}\r\nChunk: 1\r\n\r\nend"
    board = said((CLIENT, first), (CLIENT, f"MSG 4 A {len(last)}\r\n{last}"))
    assert [text for _, _, text in spoken(board)] == ["begin ", "end"]


def test_payload_needs_no_line_end_and_an_uncounted_one_is_forgiven():
    board = said((CLIENT, msg("MSG 3 A", "one") + msg("MSG 4 A", "two") + "\r\n" + msg("MSG 5 A", "three")))
    assert [text for _, _, text in spoken(board)] == ["one", "two", "three"]
    assert not got(Anomaly, board)


def test_other_character_sets():
    body = "привет".encode("utf-16-le")
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-16\r\n\r\n"
    board = [(CLIENT, b"MSG 3 A %d\r\n" % (len(head) + len(body)) + head + body)]
    assert spoken(board)[0][2] == "привет"


def test_messages_to_other_networks_and_to_people_who_are_offline():
    (ns, _) = flows("msnp/msnp15_sso.pcap")
    assert [(m.sender, m.recipient, m.text, m.offline) for m in got(Message, ns)] == [
        ("dave@example.net", "alice@example.net", "", True),
        ("alice@example.net", "frank@yahoo.example", "Lunch, Frank?", False),
        ("frank@yahoo.example", "alice@example.net", "Yes, at noon", False),
        ("alice@example.net", "dave@example.net", "Call me back", True),
    ]


def test_msnp21_needs_no_switchboard():
    (ns,) = flows("msnp/msnp21_sdg.pcap")
    group = "588e793a-003d-0003-4136-314b00000000@live.example"
    assert [(m.sender, m.recipient, m.room, m.text, m.offline) for m in got(Message, ns)] == [
        ("alice@example.net", "bob@example.net", None, "No switchboards any more, Bob", False),
        ("bob@example.net", "alice@example.net", None, "And still in the clear", False),
        ("alice@example.net", "dave@example.net", None, "Read this tomorrow", True),
        ("alice@example.net", "1065663773", None, "Hello Facebook", False),
        ("bob@example.net", group, group, "Hi group", False),
    ]
    assert [(p.account, p.status, p.note) for p in got(Presence, ns)] == [
        ("alice@example.net", "busy", "on 21"),
        ("bob@example.net", "online", "here"),
        ("bob@example.net", "invisible", "here"),
    ]
    assert [(t.name, t.state) for t in got(Transfer, ns)] == [
        ("plan.txt", TransferState.OFFERED),
        ("plan.txt", TransferState.COMPLETED),
    ]


# --- lists and presence -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "group"),
    [
        ("LST 5 FL 18 1 2 bob@example.net Bob\r\n", None),
        ("LSG 5 18 1 1 3 Work%20mates 0\r\nLST 5 FL 18 1 1 bob@example.net Bob 3\r\n", "Work mates"),
        ("LSG 3 Work%20mates 0\r\nLST bob@example.net Bob%20B 11 3\r\n", "Work mates"),
        (f"LSG Work%20mates {GROUP}\r\nLST N=bob@example.net F=Bob C={ID} 11 {GROUP}\r\n", "Work mates"),
        (f"LST N=bob@example.net F=Bob C={ID} 3 1\r\n", None),
        ("ADC 16 FL N=bob@example.net F=Bob\r\n", None),
        ("ADD 8 FL 19 bob@example.net Bob\r\n", None),
    ],
)
def test_lists_of_every_age(lines, group):
    (contact,) = got(Contact, said((SERVER, "USR 4 OK alice@example.net Alice 1 0\r\n" + lines)))
    assert (contact.owner, contact.account, contact.group) == ("alice@example.net", "bob@example.net", group)


def test_the_reverse_list_turns_round_who_has_whom():
    lines = "USR 4 OK alice@example.net Alice 1 0\r\nLST dave@example.net Dave 8\r\n"
    (contact,) = got(Contact, said((SERVER, lines)))
    assert (contact.owner, contact.account) == ("dave@example.net", "alice@example.net")


def test_contacts_are_told_once():
    lines = (
        "USR 4 OK a@example.net A 1 0\r\n" + "LST 5 FL 1 1 1 b@example.net B\r\nLST 5 AL 1 1 1 b@example.net B\r\n" * 3
    )
    assert len(got(Contact, said((SERVER, lines)))) == 1


def test_presence_is_told_where_it_changes_with_its_note():
    lines = (
        "NLN NLN bob@example.net Bob 0\r\nNLN NLN bob@example.net Bob 0\r\n"
        "ILN 8 IDL carol@example.net 1 Carol 0:0 0\r\n"
        "UBX 1:bob@example.net 34\r\n<Data><PSM>a &lt; b</PSM></Data>  "
        "NLN PHN 1:bob@example.net Bob 0\r\nFLN 1:bob@example.net 0:0\r\n"
    )
    assert [(p.account, p.status, p.note) for p in got(Presence, said((SERVER, lines)))] == [
        ("bob@example.net", "online", None),
        ("carol@example.net", "away", None),
        ("bob@example.net", "online", "a < b"),
        ("bob@example.net", "busy", "a < b"),
        ("bob@example.net", "offline", "a < b"),
    ]


def test_own_status_is_not_told_again_by_its_echo():
    talk = said(
        (CLIENT, "USR 3 TWN I a@example.net\r\nCHG 6 NLN 0\r\nCHG 7 BSY 0\r\n"),
        (SERVER, "CHG 6 NLN 0\r\nCHG 7 BSY 0\r\n"),
    )
    assert [p.status for p in got(Presence, talk)] == ["online", "busy"]


# --- files ------------------------------------------------------------------------------------------------------------


def test_file_over_the_switchboard_is_hashed():
    board = flows("msnp/pidgin200_escargot_msnp9.pcap")[2]
    assert [(t.name, t.size, t.sender, t.state, t.sha256) for t in got(Transfer, board)] == [
        ("holiday.txt", 1490, "alice@hotmail.com", TransferState.OFFERED, None),
        ("holiday.txt", 1490, "alice@hotmail.com", TransferState.ACCEPTED, None),
        ("holiday.txt", 1490, "alice@hotmail.com", TransferState.COMPLETED, HOLIDAY),
    ]


def test_invitation_tells_both_addresses_and_announces_the_flow():
    board = flows("msnftp/behind_router.pcap")[0]
    assert [(e.ip, e.port, e.account, e.to) for e in got(Exposure, board)] == [
        ("203.0.113.21", 11178, "alice@example.net", "bob@example.net"),
        ("203.0.113.21", 11179, "alice@example.net", "bob@example.net"),
        ("10.78.0.21", 6891, "alice@example.net", "bob@example.net"),
    ]
    assert {(e.protocol, e.name, e.size, e.sender) for e in got(Expect, board)} == {
        ("msnftp", "Autoexec.bat", 5700, "alice@example.net")
    }
    assert len(got(Expect, board)) == 3


def test_declined_invitation_is_cancelled():
    board = flows("msnftp/cancelled.pcap")[0]
    assert [t.state for t in got(Transfer, board) if t.name == "love-letter.vbs"] == [
        TransferState.OFFERED,
        TransferState.CANCELLED,
    ]


# --- mid-stream and hostile -------------------------------------------------------------------------------------------


def test_met_in_the_middle_of_a_payload():
    late = said(
        (CLIENT, "nt-Type: text/plain\r\n\r\nthe end of something" + msg("MSG 7 A", "still here")),
        (SERVER, "ob 0\r\n" + msg("MSG bob@example.net Bob", "me too")),
    )
    assert spoken(late, midstream=True) == [
        (None, None, "still here"),
        ("bob@example.net", None, "me too"),
    ]


def test_typing_tells_whose_flow_it_is():
    typing = msg("MSG 7 U", "\r\n", "text/x-msmsgscontrol", "TypingUser: alice@example.net\r\n")
    late = said((CLIENT, typing), (SERVER, msg("MSG bob@example.net Bob", "hi")), (CLIENT, msg("MSG 8 A", "hello")))
    assert spoken(late, midstream=True) == [
        ("bob@example.net", "alice@example.net", "hi"),
        ("alice@example.net", "bob@example.net", "hello"),
    ]


def test_sides_guessed_wrong_are_turned_round_once():
    late = said((CLIENT, "NLN NLN bob@example.net Bob 0\r\nFLN bob@example.net\r\n"))
    assert got(Reversed, late, midstream=True) == [Reversed(side=CLIENT)]
    assert not got(Reversed, late)


def test_the_name_of_an_image_format_is_no_ping():
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(600)
    dissector: Dissector = Msnp(midstream=True)
    assert not list(dissector.feed(CLIENT, picture))
    assert not dissector.confirmed


@pytest.mark.parametrize(
    "text",
    [
        "USER anonymous\r\nPASS guest\r\nRETR x\r\n",
        "220 ready\r\n331 password\r\n230 welcome\r\n",
        "PUT /a HTTP/1.1\r\nHost: example.net\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: example.net\r\n\r\n",
        "BYE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n\r\n",
        "OUT\r\nPNG\r\nACK 1\r\n",
    ],
)
@pytest.mark.parametrize("midstream", [False, True])
def test_other_protocols_are_not_claimed(text, midstream):
    dissector: Dissector = Msnp(midstream=midstream)
    list(dissector.feed(CLIENT, text.encode() * 3))
    assert not dissector.confirmed


@pytest.mark.parametrize("size", [MAX_MSNP_ANNOUNCED + 1, 4_294_967_295, 99_999_999_999_999_999_999])
def test_announced_payload_too_large_is_a_lost_framing(size):
    talk = said((SERVER, f"MSG bob@example.net Bob {size}\r\nNLN NLN carol@example.net Carol 0\r\n"))
    assert [a.code for a in got(Anomaly, talk)] == ["msnp.desync"]
    assert [p.account for p in got(Presence, talk)] == ["carol@example.net"]


@pytest.mark.parametrize(
    "line",
    [
        "LST bob@example.net Bob 99999\r\n",
        "LST bob@example.net Bob x\r\n",
        "IRO 1 2 3\r\n",
        "XYZ 1 2 3\r\n",
        "SDG 7 14\r\nRouting: 1.0\r\n",
        msg("MSG 3 A", "x", extra="Message-ID: {1}\r\nChunks: 9999\r\n"),
        msg("MSG 3 A", "short", "application/x-msnmsgrp2p"),
    ],
)
def test_bad_arguments_are_an_anomaly_and_the_framing_holds(line):
    talk = said((SERVER, line + "NLN NLN carol@example.net Carol 0\r\n"))
    assert [a.code for a in got(Anomaly, talk)] == ["msnp.malformed"]
    assert len(got(Presence, talk)) == 1


def test_error_with_an_explanation_is_cut_right():
    talk = said((SERVER, "USR 4 OK a@example.net 1 0\r\n241 7 10\r\n<ml></ml>\nNLN NLN carol@example.net Carol 0\r\n"))
    assert not got(Anomaly, talk)
    assert len(got(Presence, talk)) == 1


def test_a_hole_inside_a_message_loses_only_that_message():
    dissector: Dissector = Msnp()
    out = []
    for data in (msg("MSG 3 A", "one"), msg("MSG 4 A", "two")[:70]):
        out += dissector.feed(CLIENT, data.encode())
    out += dissector.gap(CLIENT, 40)
    out += dissector.feed(CLIENT, ("rest" + msg("MSG 6 A", "four")).encode())
    assert [e.text for e in out if isinstance(e, Message)] == ["one", "four"]


def test_a_display_name_as_long_as_the_service_allows():
    name = "%D0%96" * 64 + "xyz"
    line = f"MSG vera@example.net {name} 46\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n".encode()
    said = [(SERVER, line.replace(b" 46\r\n", b" %d\r\n" % (len(line) - line.index(b"MIME") + 4)) + b"\r\nhi")]
    assert [e.text for e in events(Msnp, said) if isinstance(e, Message)] == ["hi"]
