"""SIP: framing on streams and in datagrams, people, credentials with their outcome, addresses, messages."""

from __future__ import annotations

from base64 import b64encode
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
    Trait,
    Transfer,
    TransferState,
)
from imsniff.dissect.sip.sip import Sip
from transcript import CLIENT, SERVER, Said, conversations, events, resegmented

PCAPS = Path(__file__).parents[2] / "pcaps" / "sip"


def message(start: str, body: str | bytes = b"", /, length: bool = True, end: str = "\r\n", **headers: str) -> bytes:
    """A SIP message with plausible headers; `headers` replaces or adds (`call_id="x"`), an empty value removes."""
    body = body.encode() if isinstance(body, str) else body
    method = start.split()[0] if not start.startswith("SIP/2.0") else "MESSAGE"
    lines = {
        "Via": "SIP/2.0/TCP alicepc.example.com;branch=z9hG4bK776",
        "From": '"Alice" <sip:alice@example.com>;tag=1',
        "To": "<sip:bob@example.com>",
        "Call-ID": "a84b4c76e66710",
        "CSeq": f"1 {method}",
    }
    lines |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    for wrong, right in (("Call-Id", "Call-ID"), ("Cseq", "CSeq"), ("Www-Authenticate", "WWW-Authenticate")):
        if wrong in lines:
            lines[right] = lines.pop(wrong)
    if length:
        lines.setdefault("Content-Length", str(len(body)))
    head = [start, *(f"{name}: {value}" for name, value in lines.items() if value)]
    return (end.join(head) + end + end).encode() + body


def say(text: str, **headers: str) -> bytes:
    return message("MESSAGE sip:bob@example.com SIP/2.0", text, **({"content_type": "text/plain"} | headers))


DIGEST = (
    'Digest username="alice", realm="example.com", nonce="84f1c1ae6cbe5ua9c8e88dfa3ecm3459", uri="sip:example.com", '
    'response="dfe56131d1958046689d83306477ecc9", algorithm=MD5'
)
REGISTER = "REGISTER sip:example.com SIP/2.0"
ALICE = {"to": "<sip:alice@example.com>", "contact": "<sip:alice@192.0.2.1:5062>"}
CHALLENGE = message("SIP/2.0 401 Unauthorized", cseq="1 REGISTER", to="<sip:alice@example.com>;tag=9")
OK = message("SIP/2.0 200 OK", cseq="2 REGISTER", to="<sip:alice@example.com>;tag=9")

REGISTRATION: Said = [
    (CLIENT, message(REGISTER, **ALICE, user_agent="Blink 5.1.8")),
    (SERVER, CHALLENGE),
    (CLIENT, message(REGISTER, cseq="2 REGISTER", authorization=DIGEST, **ALICE, user_agent="Blink 5.1.8")),
    (SERVER, OK),
]
CHAT: Said = [
    (CLIENT, say("Hi Bob") + b"\r\n\r\n" + say("Are you there?", cseq="2 MESSAGE")),
    (SERVER, message("SIP/2.0 200 OK") + message("SIP/2.0 200 OK", cseq="2 MESSAGE")),
    (SERVER, b"\r\n" + say("Yes", call_id="b", to="<sip:alice@example.com>", **{"from": "sip:bob@example.com;tag=3"})),
]
OFFER = """v=0\r
o=- 1 1 IN IP4 192.0.2.1\r
s=-\r
c=IN IP4 192.0.2.1\r
t=0 0\r
m=message 2855 TCP/MSRP *\r
a=path:msrp://192.0.2.1:2855/2s93i9ek2a;tcp\r
a=accept-types:*\r
a=setup:active\r
a=sendonly\r
a=file-selector:name:"my plan.txt" type:text/plain size:1490 hash:sha-1:72:24:5F:E8:65:3D:DA:F3:71:36:2F:86\r
"""
ANSWER = OFFER.replace("192.0.2.1", "198.51.100.9").replace("2855", "40001").replace("active", "passive")
FILE: Said = [
    (CLIENT, message("INVITE sip:bob@example.com SIP/2.0", OFFER, content_type="application/sdp")),
    (SERVER, message("SIP/2.0 100 Trying", cseq="1 INVITE")),
    (
        SERVER,
        message(
            "SIP/2.0 200 OK", ANSWER.replace("sendonly", "recvonly"), cseq="1 INVITE", content_type="application/sdp"
        ),
    ),
    (CLIENT, message("ACK sip:bob@example.com SIP/2.0", cseq="1 ACK")),
]
CONVERSATIONS: list[Said] = [
    REGISTRATION,
    CHAT,
    FILE,
    *(
        flow.said
        for name in ("pidgin2142_simple_tcp_port80", "pjsua2_kamailio_tcp")
        for flow in conversations(PCAPS / f"{name}.pcap")
        if flow.transport == "tcp"
    ),
]


def told(said: Said, *kinds: type[Event], udp: bool = False, midstream: bool = False) -> list[Event]:
    """The events of those kinds without their evidence."""
    found = [e for e in events(Sip, said, udp=udp, midstream=midstream) if not kinds or isinstance(e, kinds)]
    return [type(e)(**{f: getattr(e, f) for f in e.__struct_fields__ if f != "wire"}) for e in found]


def texts(*data: bytes, udp: bool = False, midstream: bool = False) -> list[str]:
    said = [(CLIENT, each) for each in data]
    return [e.text for e in events(Sip, said, udp=udp, midstream=midstream) if isinstance(e, Message)]


def codes(*data: bytes, udp: bool = False) -> list[str]:
    return [e.code for e in events(Sip, [(CLIENT, each) for each in data], udp=udp) if isinstance(e, Anomaly)]


# --- whole conversations ----------------------------------------------------------------------------------------------


def test_registration_is_a_login_whose_outcome_the_registrar_tells():
    assert told(REGISTRATION) == [
        Trait(side=CLIENT, software="Blink 5.1.8"),
        Trait(side=CLIENT, account="alice@example.com"),
        Exposure(side=CLIENT, account="alice@example.com", ip="192.0.2.1", port=5062, via="sip.contact"),
        Login(
            side=CLIENT,
            account="alice@example.com",
            scheme="digest",
            grade=Grade.CRACKABLE,
            outcome=Outcome.OK,
            secret="dfe56131d1958046689d83306477ecc9",
        ),
        Presence(side=SERVER, account="alice@example.com", status="registered"),
    ]


def test_evidence_does_not_hold_the_secret():
    (login,) = [e for e in events(Sip, REGISTRATION) if isinstance(e, Login)]
    assert login.secret not in login.wire
    assert 'username="alice"' in login.wire


def test_a_chat_over_one_connection():
    assert told(CHAT) == [
        Trait(side=CLIENT, account="alice@example.com"),
        Message(side=CLIENT, sender="alice@example.com", recipient="bob@example.com", text="Hi Bob"),
        Message(side=CLIENT, sender="alice@example.com", recipient="bob@example.com", text="Are you there?"),
        Message(side=SERVER, sender="bob@example.com", recipient="alice@example.com", text="Yes"),
    ]


def test_a_file_is_offered_accepted_and_its_flow_announced():
    file = {"name": "my plan.txt", "size": 1490, "sender": "alice@example.com", "recipient": "bob@example.com"}
    assert told(FILE, Presence, Transfer, Expect, Exposure) == [
        Presence(side=CLIENT, account="alice@example.com", status="inviting", note="bob@example.com"),
        Presence(side=CLIENT, account="bob@example.com", status="invited", note="alice@example.com"),
        Transfer(side=CLIENT, state=TransferState.OFFERED, media="text/plain", **file),
        Exposure(
            side=CLIENT, account="alice@example.com", ip="192.0.2.1", port=2855, via="sip.sdp", to="bob@example.com"
        ),
        Transfer(side=SERVER, state=TransferState.ACCEPTED, media="text/plain", **file),
        Expect(
            side=SERVER,
            protocol="msrp",
            ip="198.51.100.9",
            port=40001,
            name="my plan.txt",
            size=1490,
            sender="bob@example.com",
            recipient="alice@example.com",
        ),
        Exposure(
            side=SERVER, account="bob@example.com", ip="198.51.100.9", port=40001, via="sip.sdp", to="alice@example.com"
        ),
    ]


@pytest.mark.parametrize(("status", "port"), [("603 Decline", "40001"), ("200 OK", "0")])
def test_a_refused_file_is_cancelled(status, port):
    answer = ANSWER.replace("m=message 40001", f"m=message {port}")
    body = answer if status == "200 OK" else ""
    said = [FILE[0], (SERVER, message(f"SIP/2.0 {status}", body, cseq="1 INVITE", content_type="application/sdp"))]
    assert [e.state for e in told(said, Transfer)] == [TransferState.OFFERED, TransferState.CANCELLED]


def test_pidgin_and_kamailio_over_udp():
    flow = next(f for f in conversations(PCAPS / "pidgin2142_simple_kamailio_udp.pcap") if f.client[1] == 5600)
    found = told(flow.said, udp=True)
    assert [e.text for e in found if isinstance(e, Message)] == [
        "Hello Bob, this is a lab message from Alice",
        "Hi Alice, the vault code is 4711",
        "Unicode test: grüße ☃ 你好",
    ]
    assert {e.account for e in found if isinstance(e, Login)} == {"alice@sip.lab.test"}
    assert not [e for e in found if isinstance(e, Anomaly)]


def test_basic_gives_the_password_away():
    flow = next(f for f in conversations(PCAPS / "sipp_kamailio_register_basic.pcap") if f.client[0][3] == 23)
    assert told(flow.said, Login, udp=True) == [
        Login(
            side=CLIENT,
            account="carol",
            scheme="basic",
            grade=Grade.CLEARTEXT,
            outcome=Outcome.OK,
            secret="C4rol-Xmas",
        )
    ]


def test_live_communications_server():
    (flow,) = conversations(PCAPS / "lync_ntlm_tcp.pcap")
    found = told(flow.said, Login, Contact, Message)
    assert [getattr(e, "text", e.account if not isinstance(e, Message) else "") for e in found] == [
        "LAB\\alice",
        "bob@corp.lab.test",
        "carol@corp.lab.test",
        "Kommst du mit zum Essen? – Alice",
        "Um zwölf?",
    ]


def test_lists_presence_and_watchers_in_bare_lf():
    (flow,) = conversations(PCAPS / "simple_lists_udp.pcap")
    found = told(flow.said, udp=True)
    assert [e.outcome for e in found if isinstance(e, Login)] == [Outcome.FAILED, Outcome.OK]
    assert [(e.owner, e.account, e.group) for e in found if isinstance(e, Contact)] == [
        ("alice@simple.lab.test", "alice-list@simple.lab.test", None),
        ("alice@simple.lab.test", "bob@simple.lab.test", "friends"),
        ("alice@simple.lab.test", "carol@simple.lab.test", "friends"),
        ("dave@simple.lab.test", "alice@simple.lab.test", None),
    ]
    assert [(e.account, e.status, e.note) for e in found if isinstance(e, Presence)] == [
        ("alice@simple.lab.test", "registered", None),
        ("alice@simple.lab.test", "busy", "Budget"),
        ("bob@simple.lab.test", "away", "Zu Tisch"),
        ("carol@simple.lab.test", "offline", None),
    ]
    assert [e.text for e in found if isinstance(e, Message)] == ["der Schlüssel liegt unter der Matte"]


# --- framing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("udp", [False, True])
def test_line_ends(end, udp):
    assert texts(say("one", end=end), say("two", end=end, call_id="2"), udp=udp) == ["one", "two"]


def test_keepalives_between_messages_say_nothing():
    said = [b"\r\n\r\n", say("one"), b"\r\n", b"\0\0\0\0", say("two", call_id="2"), b"\r\n\r\n"]
    assert texts(*said) == texts(*said, udp=True) == ["one", "two"]
    assert codes(*said) == codes(*said, udp=True) == []


def test_datagrams_that_only_hold_the_port_open_say_nothing():
    stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
    assert told([(CLIENT, b"jaK"), (CLIENT, stun), (CLIENT, b"     ")], udp=True) == []


def test_a_datagram_may_leave_the_length_away():
    assert texts(say("no length", length=False), udp=True) == ["no length"]
    assert codes(say("no length", length=False), udp=True) == []


def test_a_datagram_longer_than_its_length_is_padded():
    assert texts(say("hello") + b"\0\0junk", udp=True) == ["hello"]


def test_two_messages_in_a_datagram():
    assert texts(say("one") + say("two", call_id="2"), udp=True) == ["one", "two"]


@pytest.mark.parametrize("length", ["999", "-1", "abc", "99999999999999999999999", ""])
def test_a_bad_length_in_a_datagram_costs_an_anomaly_and_nothing_else(length):
    data = say("still here", content_length=length)
    assert texts(data, udp=True) == ["still here"]
    assert codes(data, udp=True) == (["sip.content-length"] if length else [])


@pytest.mark.parametrize("length", ["-1", "abc", ""])
def test_without_a_length_a_body_on_a_stream_ends_where_the_next_message_begins(length):
    said = say("one", content_length=length) + say("two", call_id="2")
    assert texts(said) == ["one", "two"]
    assert texts(*[said[i : i + 1] for i in range(len(said))]) == ["one", "two"]
    assert codes(said) == ["sip.content-length"]


def test_the_last_body_may_be_cut_by_the_end():
    data = say("the end of this was not captured")
    assert texts(data[:-9]) == ["the end of this was not"]
    assert codes(data[:-9]) == ["sip.truncated"]


def test_a_head_before_a_gap_is_read():
    dissector = Sip()
    data = message(REGISTER, "x" * 100, authorization=DIGEST)
    out = [*dissector.feed(CLIENT, data[:-50]), *dissector.gap(CLIENT, 50)]
    out += [*dissector.feed(CLIENT, say("after")), *dissector.end()]
    assert [type(e) for e in out if not isinstance(e, Trait)] == [Anomaly, Anomaly, Message, Login]


def test_a_stream_met_in_the_middle_of_a_body():
    assert texts(b"</tuple></presence>" + say("found"), midstream=True) == ["found"]


@pytest.mark.parametrize(
    "foreign",
    [
        b"NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNT: upnp:rootdevice\r\n\r\n",
        b"OPTIONS rtsp://192.0.2.1/a RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"REQMOD icap://192.0.2.1/x ICAP/1.0\r\nHost: x\r\n\r\n",
        b"CRCX 1204 aaln/1@gw.example.net MGCP 1.0\r\nC: A3C47F21456789F0\r\n\r\n",
        b"GET sip:alice@example.com HTTP/1.1\r\nVia: 1.1 proxy\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
        b"The line\r\nSIP/2.0 200 OK\r\nis a status line.\r\nVia the proxy it goes.\r\n\r\n",
    ],
)
@pytest.mark.parametrize("midstream", [False, True])
def test_what_only_looks_like_sip_is_not_claimed(foreign, midstream):
    for udp in (False, True):
        dissector = Sip(midstream=midstream)
        for _ in range(5):
            list((dissector.datagram if udp else dissector.feed)(CLIENT, foreign))
        assert not dissector.confirmed


# --- heads ------------------------------------------------------------------------------------------------------------


def test_compact_folded_and_oddly_written_headers():
    data = (
        b'MESSAGE sip:bob@example.com SIP/2.0\r\nv : SIP/2.0/UDP alicepc;branch=z9\r\nf:\r\n "Alice, A."\r\n'
        b"\t<sip:alice@example.com>;tag=1\r\nT: sip:bob@example.com\r\ni: 1\r\nCSEQ: 1 MESSAGE\r\n"
        b'c: text/plain;charset="iso-8859-1"\r\nl: 5\r\n\r\ngr\xfc\xdfe'
    )
    (found,) = told([(CLIENT, data)], Message)
    assert found == Message(side=CLIENT, sender="alice@example.com", recipient="bob@example.com", text="grüße")


def test_a_method_nobody_knows_is_a_method():
    found = told([(CLIENT, message("DANCE sip:bob@example.com SIP/2.0", user_agent="x"))])
    assert found == [Trait(side=CLIENT, software="x")]


def test_who_withholds_the_name_may_be_named_by_the_proxy():
    data = say(
        "psst",
        **{"from": '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'},
        p_asserted_identity='"Cullen" <sip:fluffy@example.com>, tel:+14085264000',
    )
    assert [e.sender for e in told([(CLIENT, data)], Message)] == ["fluffy@example.com"]


def test_more_headers_than_are_read():
    data = say("x", **{f"x_{n}": "y" for n in range(200)})
    assert "sip.headers" in codes(data)


# --- repetition -------------------------------------------------------------------------------------------------------


def test_a_retransmission_is_told_once():
    assert texts(say("once"), say("once"), udp=True) == ["once"]


def test_the_same_text_said_twice_is_told_twice():
    assert texts(say("ok"), say("ok", cseq="2 MESSAGE")) == ["ok", "ok"]


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_message_sent_again_with_a_credential_is_told_once(number):
    """Pidgin keeps the number, RFC 3261 asks for the next."""
    again = say("once", cseq=f"{number} MESSAGE", proxy_authorization=DIGEST)
    found = told([(CLIENT, say("once")), (CLIENT, again)], Message, Login)
    assert [type(e) for e in found] == [Message, Login]


# --- credentials ------------------------------------------------------------------------------------------------------


def attempt(status: str, header: str = "authorization", credential: str = DIGEST, **answer: str) -> Login:
    said = [
        (CLIENT, message(REGISTER, **{header: credential}, **ALICE)),
        (SERVER, message("SIP/2.0 100 Trying", cseq="1 REGISTER")),
        (SERVER, message(f"SIP/2.0 {status}", cseq="1 REGISTER", **answer)),
    ]
    (found,) = told(said, Login)
    return found


@pytest.mark.parametrize(
    ("status", "header", "outcome"),
    [
        ("200 OK", "authorization", Outcome.OK),
        ("401 Unauthorized", "authorization", Outcome.FAILED),
        ("403 Forbidden", "authorization", Outcome.FAILED),
        ("407 Proxy Authentication Required", "proxy_authorization", Outcome.FAILED),
        ("401 Unauthorized", "proxy_authorization", Outcome.OK),
        ("404 Not Found", "authorization", Outcome.UNKNOWN),
    ],
)
def test_outcome(status, header, outcome):
    assert attempt(status, header).outcome is outcome


def test_a_stale_nonce_is_no_wrong_password():
    answer = attempt("401 Unauthorized", www_authenticate='Digest realm="example.com", nonce="2", stale=TRUE')
    assert answer.outcome is Outcome.UNKNOWN


def test_a_challenge_without_a_credential_is_no_failure():
    assert told(REGISTRATION[:2], Login) == []


def test_without_the_servers_side_the_outcome_is_unknown():
    assert [e.outcome for e in told([REGISTRATION[2]], Login)] == [Outcome.UNKNOWN]


def test_the_user_name_stands_alone_where_the_realm_is_but_a_word():
    assert attempt("200 OK", credential=DIGEST.replace("example.com", "asterisk")).account == "alice"
    assert attempt("200 OK", credential=DIGEST.replace('"alice"', '"1001"')).account == "1001"


def test_ims_phones_name_themselves_before_there_is_a_secret():
    empty = 'Digest username="a@ims.example", realm="ims.example", nonce="", uri="sip:ims.example", response=""'
    assert told([(CLIENT, message(REGISTER, authorization=empty))], Login) == []


def test_aka_names_the_private_identity():
    found = attempt("200 OK", credential=DIGEST.replace("MD5", "AKAv1-MD5"))
    assert (found.scheme, found.grade, found.account) == ("digest-aka", Grade.CRACKABLE, "alice")


def ntlm(kind: int) -> str:
    domain, user, answer = ("CORP".encode("utf-16-le"), "alice".encode("utf-16-le"), b"\xab" * 24)
    at, fields = 64, b""
    for value in (b"\xcd" * 24, answer, domain, user, b"", b""):
        fields += len(value).to_bytes(2, "little") * 2 + at.to_bytes(4, "little")
        at += len(value)
    token = b"NTLMSSP\0" + kind.to_bytes(4, "little") + fields + (1).to_bytes(4, "little")
    return b64encode(token + b"\xcd" * 24 + answer + domain + user).decode()


def test_ntlm_shows_its_answer_in_the_last_step_only():
    credential = 'NTLM qop="auth", realm="SIP Communications Service", targetname="lcs", gssapi-data="{}"'
    found = attempt("200 OK", credential=credential.format(ntlm(3)))
    assert (found.account, found.scheme, found.grade) == ("CORP\\alice", "ntlm", Grade.CRACKABLE)
    assert found.secret == "ab" * 24
    for gssapi in ("", ntlm(1)):
        assert told([(CLIENT, message(REGISTER, authorization=credential.format(gssapi)))], Login) == []


@pytest.mark.parametrize("scheme", ["Kerberos", "TLS-DSK"])
def test_sealed_handshakes(scheme):
    found = attempt("200 OK", credential=f'{scheme} qop="auth", realm="SIP", gssapi-data="YIIB"')
    assert (found.account, found.scheme, found.grade) == ("alice@example.com", scheme.lower(), Grade.PROTECTED)


@pytest.mark.parametrize("credential", ["Basic !!!", "Basic YWxpY2U=", 'NTLM gssapi-data="QUJD"', "Digest response=1"])
def test_a_broken_credential_is_an_anomaly(credential):
    found = told([(CLIENT, message(REGISTER, authorization=credential))], Login, Anomaly)
    assert [getattr(e, "code", "") for e in found] == ["sip.credential"]


def test_many_open_transactions_are_all_told():
    said = [
        (CLIENT, message(REGISTER, call_id=f"c{n}", authorization=DIGEST.replace("dfe5", f"{n:04x}")))
        for n in range(300)
    ]
    assert len(told(said, Login)) == 300


# --- addresses, presence, lists ---------------------------------------------------------------------------------------


def test_addresses_in_via_contact_and_call_id():
    data = message(
        "OPTIONS sip:bob@example.com SIP/2.0",
        via="SIP/2.0/UDP 198.51.100.1:5060;branch=2, SIP/2.0/UDP 10.1.2.3;received=203.0.113.7;rport=1029;branch=1",
        contact="<sip:alice@[2001:db8::9]:5061;transport=tcp>, <sip:alice@pc.example.com>",
        call_id="77@10.1.2.3",
    )
    assert [(e.via, e.ip, e.port, e.account) for e in told([(CLIENT, data)], Exposure)] == [
        ("sip.via", "198.51.100.1", 5060, None),
        ("sip.via", "10.1.2.3", None, "alice@example.com"),
        ("sip.via", "203.0.113.7", 1029, "alice@example.com"),
        ("sip.contact", "2001:db8::9", 5061, "alice@example.com"),
        ("sip.call-id", "10.1.2.3", None, "alice@example.com"),
    ]


def test_leaving():
    data = message(REGISTER, **ALICE | {"contact": "*", "expires": "0"})
    answer = message("SIP/2.0 200 OK", cseq="1 REGISTER", to="<sip:alice@example.com>")
    assert [e.status for e in told([(CLIENT, data), (SERVER, answer)], Presence)] == ["offline"]


def test_who_subscribes_to_presence_has_a_contact():
    data = message("SUBSCRIBE sip:bob@example.com SIP/2.0", event="presence;id=1")
    assert told([(CLIENT, data), (CLIENT, data.replace(b"1 SUB", b"2 SUB"))], Contact) == [
        Contact(side=CLIENT, owner="alice@example.com", account="bob@example.com")
    ]


def test_presence_is_told_when_it_changes():
    def publish(number: int, basic: str) -> bytes:
        status = f"<tuple><status><basic>{basic}</basic></status></tuple>"
        pidf = f'<presence entity="pres:alice@example.com">{status}</presence>'
        return message(
            "PUBLISH sip:alice@example.com SIP/2.0",
            pidf,
            cseq=f"{number} PUBLISH",
            content_type="application/pidf+xml",
        )

    said = [(CLIENT, publish(n, basic)) for n, basic in enumerate(("open", "open", "closed"))]
    assert [e.status for e in told(said, Presence)] == ["online", "offline"]


# --- bodies -----------------------------------------------------------------------------------------------------------


def test_html_is_stripped():
    assert texts(say("<b>Hi</b><br>there &amp; bye", content_type="text/html")) == ["Hi\nthere & bye"]


def test_cpim_names_its_own_parties():
    body = (
        "From: MR SANDERS <im:piglet@100akerwood.com>\r\nTo: Depressed Donkey <im:eeyore@100akerwood.com>\r\n"
        "DateTime: 2000-12-13T13:40:00-08:00\r\n\r\nContent-type: text/plain; charset=utf-8\r\n\r\nHere is my note"
    )
    assert told([(CLIENT, say(body, content_type="message/cpim"))], Message) == [
        Message(
            side=CLIENT, sender="piglet@100akerwood.com", recipient="eeyore@100akerwood.com", text="Here is my note"
        )
    ]


def test_multipart_bodies_are_opened():
    body = (
        "--x\r\nContent-Type: text/plain\r\n\r\nin a part\r\n--x\r\nContent-Type: application/sdp\r\n\r\n"
        "v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\nc=IN IP4 192.0.2.77\r\n\r\n--x--\r\n"
    )
    found = told([(CLIENT, say(body, content_type='multipart/mixed; boundary="x"'))], Message, Exposure)
    assert [getattr(e, "text", getattr(e, "ip", "")) for e in found] == ["in a part", "192.0.2.77"]


def test_lyncs_first_line_travels_in_a_header_of_invite():
    data = message(
        "INVITE sip:bob@example.com SIP/2.0",
        ms_text_format=f"text/plain; charset=UTF-8;ms-body={b64encode(b'Got a minute?').decode()}",
    )
    assert [e.text for e in told([(CLIENT, data)], Message)] == ["Got a minute?"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<presence><open></presence>", "application/pidf+xml"),
        ("nothing of the sort", "application/sdp"),
        ('<!DOCTYPE p [<!ENTITY a "b">]><presence/>', "application/pidf+xml"),
    ],
)
def test_a_broken_body_is_an_anomaly(body, kind):
    data = message("PUBLISH sip:alice@example.com SIP/2.0", body, content_type=kind)
    assert codes(data) == ["sip.body"]


def test_speed_of_a_flood_is_linear():
    """What a scanner sends: many short requests, each from another user."""
    said = [(CLIENT, message(REGISTER, call_id=f"{n}", to=f"<sip:{n}@example.com>")) for n in range(3000)]
    assert len(resegmented(said, iter([10**9]))) == 1
    assert told(said, Anomaly, udp=True) == []


# --- what public bug reports show -------------------------------------------------------------------------------------


def test_a_contact_may_hold_angle_brackets_in_a_quoted_parameter():
    contact = 'sip:u@10.1.2.3:5094;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
    found = told([(CLIENT, message("REGISTER sip:example.net SIP/2.0", contact=contact))], Exposure)
    assert ("10.1.2.3", 5094, "sip.contact") in [(e.ip, e.port, e.via) for e in found]


def test_an_old_binding_is_taken_away_and_another_added():
    both = "<sip:a@10.0.0.1>;expires=0, <sip:a@10.0.0.2>;expires=3600"
    said = [
        (CLIENT, message("REGISTER sip:example.net SIP/2.0", contact=both, cseq="1 REGISTER")),
        (SERVER, message("SIP/2.0 200 OK", cseq="1 REGISTER")),
    ]
    assert [e.status for e in told(said, Presence)] == ["registered"]


@pytest.mark.parametrize("header", ["contact", "from", "p_asserted_identity"])
def test_a_password_in_a_uri_is_a_credential_and_no_evidence(header):
    (login,) = told([(CLIENT, say("hi", **{header: "<sip:trunk:t1de%20flat@192.0.2.9>"}))], Login)
    assert (login.account, login.secret, login.scheme) == ("trunk@192.0.2.9", "t1de flat", "uri")
    assert "t1de" not in login.wire


def test_a_length_counted_in_characters_cuts_one_character_and_not_the_text():
    text = "Привет"
    cut = say(text).replace(b"Content-Length: 12", b"Content-Length: 7")
    assert texts(cut, udp=True) == [text[:3]]


def test_a_uri_with_push_parameters_on_one_side_only():
    uri = "sip:ana@192.0.2.7;pn-tok=" + "a" * 700
    assert texts(message(f"MESSAGE {uri} SIP/2.0", "hi", content_type="text/plain", cseq="1 MESSAGE"), udp=True) == [
        "hi"
    ]


@pytest.mark.parametrize("step", [7, 1460, 1 << 20])
def test_a_body_larger_than_our_buffer_is_passed_over_by_its_length(step):
    data = say("x" * 70_000) + say("the next one", call_id="another")
    said = resegmented([(CLIENT, data)], iter(lambda: step, 0))
    assert [e.code for e in told(said, Anomaly)] == ["sip.too-large"]
    found = told(said, Message)
    assert [len(e.text) > 60_000 for e in found] == [True, False]
    assert found[1].text == "the next one"


def test_a_header_block_larger_than_our_buffer_is_read_by_its_head():
    long = message("MESSAGE sip:b@example.net SIP/2.0", "lost", content_type="text/plain", subject="y" * 90_000)
    found = told([(CLIENT, long + say("the next one", call_id="another"))], Anomaly, Message)
    assert [getattr(e, "code", getattr(e, "text", "")) for e in found] == [
        "sip.too-large",
        "sip.desync",
        "the next one",
    ]
