"""XMPP streams as conversations: what each said, and what must be told of it."""

from __future__ import annotations

import itertools
import zlib
from base64 import b64encode
from pathlib import Path

import pytest

from imsniff.base.events import (
    Anomaly,
    Contact,
    Encryption,
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
from imsniff.dissect.xmpp.xmpp import Xmpp
from transcript import CLIENT, SERVER, Said, conversations, events, resegmented

PCAPS = Path(__file__).parents[2] / "pcaps" / "xmpp"
STREAMS = "http://etherx.jabber.org/streams"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


def c(text: str) -> tuple[Side, bytes]:
    return CLIENT, text.encode()


def s(text: str) -> tuple[Side, bytes]:
    return SERVER, text.encode()


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


OPEN = c(f"<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='{STREAMS}' version='1.0'>")
OPENED = s(
    f"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='{STREAMS}' from='example.org' id='1'>"
)
LOGGED_IN: Said = [
    OPEN,
    OPENED,
    c(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{b64(chr(0) + 'ann' + chr(0) + 'swordfish')}</auth>"),
    s(f"<success xmlns='{SASL}'/>"),
    OPEN,
    OPENED,
    c("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"),
    s(
        "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>ann@example.org/desk</jid>"
        "</bind></iq>"
    ),
]
TALK: Said = [
    *LOGGED_IN,
    c(" "),
    c("<message to='bob@example.org' type='chat' id='1'><body>Hi &amp; welcome</body></message>\n"),
    s(
        "<message from='bob@example.org/home' to='ann@example.org/desk' type='chat'><subject>no</subject>"
        "<body>Grüße</body><html xmlns='http://jabber.org/protocol/xhtml-im'><body "
        "xmlns='http://www.w3.org/1999/xhtml'>no</body></html></message>"
    ),
    s("<message from='bob@example.org' to='ann@example.org' type='error'><body>no</body><error/></message>"),
    s(
        "<message from='cyd@example.org' to='ann@example.org'><body><![CDATA[a <b> 'c']]></body>"
        "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>"
    ),
    s("<presence from='bob@example.org/home' to='ann@example.org'><show>dnd</show><status>Busy!</status></presence>"),
    s("</stream:stream>"),
    c("</stream:stream>"),
]
ODD_HEADERS: Said = [
    c('\r\n<?xml version="1.0" encoding="UTF-8" standalone=\'yes\'?>\r\n<!-- hello -->'),
    c(f'<s:stream\n xmlns:s = "{STREAMS}"\txml:lang=\'e>n\' to = "gmail.com" xmlns="jabber:client" >'),
    s(f"<s:stream from=\"gmail.com\" id='x' xmlns:s=\"{STREAMS}\" xmlns='jabber:client'><s:features/>"),
    c("<client:message xmlns:client='jabber:client' to='a@gmail.com'><client:body>one</client:body></client:message>"),
    c('<message to="b@gmail.com"\n type = "chat"><x xmlns="jabber:x:event"/><body>two</body ></message >'),
]
SERVERS: Said = [
    c(
        f"<stream:stream xmlns='jabber:server' to='b.example' from='a.example' id='' xmlns:stream='{STREAMS}' "
        "xmlns:db='jabber:server:dialback'>"
    ),
    s(
        f"<stream:stream xmlns='jabber:server' to='a.example' from='b.example' id='z' xmlns:stream='{STREAMS}' "
        "xmlns:db='jabber:server:dialback'>"
    ),
    c("<db:result from='a.example' to='b.example'>0f1e2d</db:result>"),
    s("<db:result from='b.example' to='a.example' type='valid'/>"),
    c("<message from='ann@a.example/x' to='bob@b.example' type='chat'><body>across</body></message>"),
]
COMPONENT: Said = [
    c(f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='{STREAMS}' to='irc.example.org'>"),
    s(f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='{STREAMS}' from='irc.example.org' id='9'>"),
    c("<handshake>0123456789abcdef0123456789abcdef01234567</handshake>"),
    s("<handshake/>"),
    s("<message from='ann@example.org/x' to='#chan@irc.example.org' type='chat'><body>/join</body></message>"),
]
CONVERSATIONS: list[Said] = [
    TALK,
    ODD_HEADERS,
    SERVERS,
    COMPONENT,
    *(
        flow.said
        for name in (
            "pidgin2142_prosody_plain_clear",
            "pidgin2142_prosody_s2s_clear_dialback",
            "slixmpp_prosody_plain_features",
            "pidgin2142_ejabberd_digestmd5",
            "pidgin2142_prosody_legacy_iqauth",
            "pidgin2142_prosody_starttls",
            "slixmpp_prosody_scramsha1",
            "google_talk_2006",
            "modern_2024",
            "component_and_refusals",
        )
        for flow in conversations(PCAPS / f"{name}.pcap")
        if flow.transport == "tcp" and flow.said[0][1].startswith(b"<") and b"<orders>" not in flow.said[0][1]
    ),
]


def told(said: Said, *kinds: type, midstream: bool = False) -> list[object]:
    return [e for e in events(Xmpp, said, midstream=midstream) if isinstance(e, kinds)]


def words(said: Said, **how: bool) -> list[tuple[str | None, str | None, str]]:
    return [(m.sender, m.recipient, m.text) for m in told(said, Message, **how)]


def logins(said: Said, **how: bool) -> list[tuple[str | None, str, Grade, Outcome, str | None]]:
    return [(e.account, e.scheme, e.grade, e.outcome, e.secret) for e in told(said, Login, **how)]


# --- streams ------------------------------------------------------------------------------------------------------


def test_a_conversation_is_told_whole():
    assert words(TALK) == [
        ("ann@example.org", "bob@example.org", "Hi & welcome"),
        ("bob@example.org", "ann@example.org", "Grüße"),
        ("cyd@example.org", "ann@example.org", "a <b> 'c'"),
    ]
    assert [m.offline for m in told(TALK, Message)] == [False, False, True]
    assert logins(TALK) == [("ann@example.org", "plain", Grade.CLEARTEXT, Outcome.OK, "swordfish")]
    assert [(p.account, p.status, p.note) for p in told(TALK, Presence)] == [("bob@example.org", "busy", "Busy!")]
    assert [t.account for t in told(TALK, Trait) if t.account] == ["ann@example.org"]
    assert not told(TALK, Anomaly)


def test_evidence_never_holds_the_secret():
    for said in CONVERSATIONS:
        for event in events(Xmpp, said):
            for login in told(said, Login):
                assert not login.secret or login.secret not in event.wire


@pytest.mark.parametrize("said", [TALK, ODD_HEADERS, SERVERS, COMPONENT])
def test_either_quote_any_prefix_and_order(said):
    assert not told(said, Anomaly)
    assert told(said, Message)


def test_google_talk_is_known_by_its_domain():
    assert [t.service for t in told(ODD_HEADERS, Trait) if t.service] == ["google-talk"]


def test_between_servers_nobody_is_the_client():
    assert words(SERVERS) == [("ann@a.example", "bob@b.example", "across")]
    assert logins(SERVERS) == [("a.example", "dialback", Grade.PROTECTED, Outcome.OK, None)]
    assert not [t for t in told(SERVERS, Trait) if t.account]


def test_a_component_shakes_hands():
    digest = "0123456789abcdef0123456789abcdef01234567"
    assert logins(COMPONENT) == [("irc.example.org", "component", Grade.CRACKABLE, Outcome.OK, digest)]


def test_a_header_without_name_spaces_of_xmpp_is_refused():
    other = [
        c("<stream:stream xmlns='urn:video' xmlns:stream='urn:other'><message to='a@b.cd'><body>x</body></message>")
    ]
    dissector = Xmpp()
    out = list(dissector.feed(*other[0]))
    assert not dissector.confirmed
    assert [e.code for e in out if isinstance(e, Anomaly)][:1] == ["xmpp.desync"]


def test_a_document_type_is_refused_and_the_stream_goes_on_behind_it():
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>"
    said = [OPEN, c(f"{bomb}<message to='bob@example.org' type='chat'><body>after</body></message>")]
    assert [text for _, _, text in words(said)] == ["after"]
    assert [a.code for a in told(said, Anomaly)] == ["xmpp.desync"]


def test_an_entity_nobody_declared_costs_its_stanza_only():
    said = [
        OPEN,
        c("<message to='b@example.org'><body>&lol;</body></message>"),
        c("<message to='b@example.org'><body>ok</body></message>"),
    ]
    assert [text for _, _, text in words(said)] == ["ok"]
    assert [a.code for a in told(said, Anomaly)] == ["xmpp.malformed"]


def test_text_that_is_not_utf8_or_not_xml_is_mended():
    said = [OPEN, (CLIENT, b"<message to='b@example.org'><body>caf\xe9 \x02x</body></message>")]
    assert [text for _, _, text in words(said)] == ["caf\ufffd \ufffdx"]


def test_a_prefix_whose_declaration_was_lost_is_mended():
    said = [c("<message to='b@example.org' type='chat'><zz:mark>1</zz:mark><body>ok</body></message>")]
    assert [text for _, _, text in words(said, midstream=True)] == ["ok"]


@pytest.mark.parametrize("depth", [31, 40])
def test_depth_is_capped(depth):
    deep = "<a>" * (depth - 1) + "</a>" * (depth - 1)
    said = [OPEN, c(f"<message to='b@example.org'>{deep}<body>x</body></message>")]
    assert bool(told(said, Anomaly)) == (depth > 32)


def test_a_stanza_above_the_cap_is_left_out_and_the_next_is_read():
    long = "x" * 600_000
    said = [
        OPEN,
        c(f"<message to='b@example.org'><body>{long}</body></message>"),
        c("<message to='b@example.org'><body>next</body></message>"),
    ]
    for sizes in (1 << 20, 1000, 37):
        cut = resegmented(said, itertools.repeat(sizes))
        assert [text for _, _, text in words(cut)] == ["next"]
        assert [a.detail for a in told(cut, Anomaly)] == ["no end of an element in 524272 bytes"]


def test_several_headers_on_one_flow_are_normal():
    assert not told([OPEN, OPENED, OPEN, OPENED, OPEN, OPENED], Anomaly)


# --- TLS and compression ------------------------------------------------------------------------------------------

STARTTLS: Said = [
    c(
        f"<stream:stream from='ann@example.org' to='example.org' xmlns='jabber:client' xmlns:stream='{STREAMS}' "
        "version='1.0'>"
    ),
    OPENED,
    s("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
    c("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    s("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    (CLIENT, b"\x16\x03\x01\x02\x00\x01\x00<message to='a@b.cd' type='chat'><body>no</body></message>"),
]
CONVERSATIONS.append(STARTTLS)


def test_the_jid_leaks_before_tls():
    assert [t.account for t in told(STARTTLS, Trait) if t.account] == ["ann@example.org"]
    assert [t.encryption for t in told(STARTTLS, Trait) if t.encryption] == [Encryption.STARTTLS]
    assert logins(STARTTLS) == [("ann@example.org", "starttls", Grade.PROTECTED, Outcome.UNKNOWN, None)]
    assert not told(STARTTLS, Message, Anomaly)


def test_tls_is_seen_from_either_side_alone():
    for side in Side:
        alone = [turn for turn in STARTTLS if turn[0] is side]
        assert [t.encryption for t in told(alone, Trait) if t.encryption] == [Encryption.STARTTLS]
        assert not told(alone, Anomaly, Message)


def test_what_is_in_the_same_segment_as_proceed_is_not_read():
    said = [*STARTTLS[:4], (SERVER, STARTTLS[4][1] + b"\x16\x03\x01garbage<message to='a@b.cd'>")]
    assert not told(said, Anomaly)


def compressed(*plain: str) -> tuple[bytes, ...]:
    deflate = zlib.compressobj()
    return tuple(deflate.compress(text.encode()) + deflate.flush(zlib.Z_SYNC_FLUSH) for text in plain)


COMPRESSED: Said = [
    *LOGGED_IN,
    c("<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"),
    s("<compressed xmlns='http://jabber.org/protocol/compress'/>"),
    *(
        (CLIENT, data)
        for data in compressed(OPEN[1].decode(), "<message to='b@example.org'><body>small</body></message>")
    ),
    *((SERVER, data) for data in compressed(OPENED[1].decode())),
]
CONVERSATIONS.append(COMPRESSED)


def test_a_compressed_stream_is_inflated():
    assert [text for _, _, text in words(COMPRESSED)] == ["small"]
    assert not told(COMPRESSED, Anomaly)


def test_a_zlib_bomb_ends_the_reading():
    bomb = zlib.compress(b" " * 30_000_000, 9)
    said = [*COMPRESSED[:-3], (CLIENT, bomb)]
    assert [a.code for a in told(said, Anomaly)] == ["xmpp.compression"]


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_bytes_that_are_not_zlib_end_the_reading_where_they_begin(size):
    said = [*COMPRESSED[:-1], (CLIENT, b"\xff" * 40)]
    cut = resegmented(said, itertools.repeat(size))
    assert events(Xmpp, cut) == events(Xmpp, said)
    assert [a.code for a in told(cut, Anomaly)] == ["xmpp.compression"]


# --- met midway ---------------------------------------------------------------------------------------------------

FLAT = b"".join(data for side, data in TALK if side is SERVER)


@pytest.mark.parametrize("at", range(0, len(FLAT) - 400, 13))
def test_a_stream_is_joined_at_any_byte(at):
    said = [(SERVER, FLAT[at:])]
    begins = [FLAT.index(b"<message from='cyd")]
    expected = [("cyd@example.org", "ann@example.org", "a <b> 'c'")] if at <= begins[0] else []
    assert words(said, midstream=True)[-1:] == expected


def test_a_message_inside_a_message_is_found_when_its_wrapper_was_cut():
    tail = (
        "red xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='a@x.org' to='b@x.org' type='chat'>"
        "<body>inner</body></message></forwarded></received></message>"
        "<message from='c@x.org' to='b@x.org' type='chat'><body>outer</body></message>"
    )
    assert [text for _, _, text in words([s(tail)], midstream=True)] == ["inner", "outer"]
    assert not told([s(tail)], Anomaly, midstream=True)


def test_sides_are_turned_when_the_client_shows_itself():
    said = [
        (SERVER, b"<message to='bob@x.org' type='chat'><body>from the client</body></message>"),
        (CLIENT, b"<message from='bob@x.org/r' to='ann@x.org' type='chat'><body>to the client</body></message>"),
        (SERVER, b"<message to='bob@x.org' type='chat'><body>again</body></message>"),
    ]
    assert told(said, Reversed, midstream=True) == [Reversed(side=Side.CLIENT)]
    assert words(said, midstream=True) == [
        (None, "bob@x.org", "from the client"),
        ("bob@x.org", "ann@x.org", "to the client"),
        ("ann@x.org", "bob@x.org", "again"),
    ]
    assert not told(said, Reversed)


def test_a_gap_drops_the_stanza_it_cut():
    dissector = Xmpp()
    out = [e for side, data in TALK[:8] for e in dissector.feed(side, data)]
    out += dissector.feed(*s("<message from='bob@example.org' to='ann@example.org'><body>lo"))
    out += dissector.gap(SERVER, 30)
    out += dissector.feed(*s("tail</body></message><message from='bob@example.org' to='ann@example.org' type='chat'>"))
    out += dissector.feed(*s("<body>kept</body></message>"))
    assert [e.text for e in out if isinstance(e, Message)] == ["kept"]
    assert [e.code for e in out if isinstance(e, Anomaly)] == ["stream.gap"]


@pytest.mark.parametrize(
    "other",
    [
        b"<?xml version='1.0'?><rss version='2.0'><channel><item><title>message</title></item></channel></rss>",
        (
            b"<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Body><message to='x'/>"
            b"</soap:Body></soap:Envelope>"
        ),
        b"<html><body><message>hi</message><iq>100</iq><presence>of mind</presence></body></html>",
        b"<policy-file-request/>\0",
        b"<sms><message to='+15551234' from='SHOP' id='1'><body>Your code</body></message></sms>" * 3,
        b"<message id='1' type='order'><body/></message>" * 3,
        b"POST /x HTTP/1.1\r\nHost: a\r\n\r\n<stream><auth>x</auth><iq type='get'/></stream>",
        b"<log><message to='ops' type='alert' level='3'>disk</message><presence>1</presence></log>" * 3,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 4,
        b"<stream:stream xmlns:stream='urn:x'><auth mechanism='PLAIN'>AGEAYg==</auth></stream:stream>",
    ],
)
@pytest.mark.parametrize("midstream", [False, True])
def test_other_xml_is_not_taken_for_xmpp(other, midstream):
    dissector = Xmpp(midstream=midstream)
    out = [*dissector.feed(CLIENT, other), *dissector.feed(SERVER, other), *dissector.end()]
    assert not dissector.confirmed
    assert not [e for e in out if isinstance(e, (Login, Message))] or not dissector.confirmed


# --- rooms, copies, encryption, rosters ---------------------------------------------------------------------------


def test_a_room_message_is_told_once_and_names_room_and_nick():
    said = [
        *LOGGED_IN,
        c("<presence to='den@rooms.x.org/annie'><x xmlns='http://jabber.org/protocol/muc'/></presence>"),
        s(
            "<presence from='den@rooms.x.org/bob' to='ann@example.org/desk'>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='bob@y.org/z' role='participant'/></x></presence>"
        ),
        c("<message to='den@rooms.x.org' type='groupchat' id='7'><body>all</body></message>"),
        s(
            "<message from='den@rooms.x.org/annie' to='ann@example.org/desk' type='groupchat' "
            "id='7'><body>all</body></message>"
        ),
        s(
            "<message from='den@rooms.x.org/bob' to='ann@example.org/desk' type='groupchat' "
            "id='8'><body>yes</body></message>"
        ),
        s("<message from='den@rooms.x.org/bob' to='ann@example.org/desk' type='chat'><body>psst</body></message>"),
    ]
    den = "den@rooms.x.org"
    assert [(m.sender, m.recipient, m.room, m.text) for m in told(said, Message)] == [
        ("ann@example.org", den, den, "all"),
        (f"{den}/bob", den, den, "yes"),
        (f"{den}/bob", "ann@example.org", None, "psst"),
    ]
    assert [(p.account, p.status) for p in told(said, Presence)] == [("bob@y.org", "online")]


CARBON = (
    "<message from='ann@example.org' to='ann@example.org/desk' type='chat'><{kind} xmlns='urn:xmpp:carbons:2'>"
    "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='{sender}' to='{to}' type='chat'>"
    "<body>copy</body></message></forwarded></{kind}></message>"
)


def test_carbons_are_the_messages_they_carry():
    said = [
        *LOGGED_IN,
        s(CARBON.format(kind="sent", sender="ann@example.org/phone", to="bob@example.org")),
        s(CARBON.format(kind="received", sender="bob@example.org/x", to="ann@example.org/phone")),
    ]
    assert words(said) == [
        ("ann@example.org", "bob@example.org", "copy"),
        ("bob@example.org", "ann@example.org", "copy"),
    ]


def test_the_archive_gives_messages_of_earlier():
    said = [
        *LOGGED_IN,
        s(
            "<message to='ann@example.org/desk'><result xmlns='urn:xmpp:mam:2' queryid='q' id='1'>"
            "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2025-01-01T00:00:00Z'/>"
            "<message xmlns='jabber:client' from='bob@example.org/x' to='ann@example.org'><body>old</body></message>"
            "</forwarded></result></message>"
        ),
    ]
    assert words(said) == [("bob@example.org", "ann@example.org", "old")]
    assert [m.offline for m in told(said, Message)] == [True]


@pytest.mark.parametrize(
    "marker",
    [
        "<body>I sent you an OMEMO encrypted message</body><encrypted xmlns='eu.siacs.conversations.axolotl'/>",
        "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/></encrypted><body>fallback</body>",
        "<body>This message is encrypted.</body><x xmlns='jabber:x:encrypted'>hQEMA...</x>",
        "<body>?OTR:AAMDJ+MVmSfjFZcAAAAAAQAAAAIAAADA...</body>",
        "<body>?OTR,1,3,?OTR:AAMDJ,</body>",
    ],
)
def test_encrypted_messages_have_no_text(marker):
    said = [*LOGGED_IN, c(f"<message to='bob@example.org' type='chat'>{marker}</message>")] * 2
    assert not told(said, Message)
    assert [t.encryption for t in told(said, Trait) if t.encryption] == [Encryption.E2E]


def test_otr_asks_first_and_offers_in_blanks():
    said = [
        *LOGGED_IN,
        c("<message to='bob@example.org'><body>?OTRv23?\nann has requested privacy</body></message>"),
        c("<message to='bob@example.org'><body>hello \t  \t\t\t\t \t \t \t    \t\t  \t </body></message>"),
    ]
    assert [text for _, _, text in words(said)] == ["hello"]
    assert not [t for t in told(said, Trait) if t.encryption]


def test_rosters_and_subscriptions_are_contacts():
    roster = "<query xmlns='jabber:iq:roster'>{}</query>"
    said = [
        *LOGGED_IN,
        c("<iq type='get' id='r'>" + roster.format("") + "</iq>"),
        s(
            "<iq type='result' id='r' to='ann@example.org/desk'>"
            + roster.format("<item jid='bob@example.org'><group>Work</group><group>Golf</group></item>")
            + "</iq>"
        ),
        s("<iq type='set' id='p'>" + roster.format("<item jid='cyd@x.org' subscription='to'/>") + "</iq>"),
        s("<iq type='set' id='q'>" + roster.format("<item jid='gone@x.org' subscription='remove'/>") + "</iq>"),
        s("<presence from='dee@x.org' to='ann@example.org' type='subscribe'/>"),
    ]
    assert [(e.owner, e.account, e.group) for e in told(said, Contact)] == [
        ("ann@example.org", "bob@example.org", "Work"),
        ("ann@example.org", "bob@example.org", "Golf"),
        ("ann@example.org", "cyd@x.org", None),
        ("dee@x.org", "ann@example.org", None),
    ]


def test_presence_is_told_when_it_changes():
    said = [
        *LOGGED_IN,
        c("<presence><show>xa</show></presence>"),
        s("<presence from='ann@example.org/desk' to='ann@example.org/desk'><show>xa</show></presence>"),
        c("<presence><show>lunching</show><status>soup</status></presence>"),
        c("<presence type='unavailable'/>"),
        s("<presence from='x@y.zz' type='error'/>"),
    ]
    assert [(p.account, p.status, p.note) for p in told(said, Presence)] == [
        ("ann@example.org", "away", None),
        ("ann@example.org", "lunching", "soup"),
        ("ann@example.org", "offline", None),
    ]


def test_software_is_told_by_the_best_word_each_side_has_of_itself():
    version = "<query xmlns='jabber:iq:version'><name>{}</name><version>{}</version></query>"
    said = [
        *LOGGED_IN,
        c(
            "<presence><c xmlns='http://jabber.org/protocol/caps' node='http://www.psi-im.org/caps' "
            "ver='x'/></presence>"
        ),
        c("<iq type='result' id='1' to='example.org'>" + version.format("Psi", "1.5") + "</iq>"),
        s(
            "<iq type='result' id='2' from='example.org' to='ann@example.org/desk'>"
            + version.format("ejabberd", "23.01")
            + "</iq>"
        ),
        s(
            "<iq type='result' id='3' from='bob@x.org/a' to='ann@example.org/desk'>"
            + version.format("Gajim", "1.8")
            + "</iq>"
        ),
    ]
    assert [(t.side, t.software) for t in told(said, Trait) if t.software] == [
        (CLIENT, "psi-im.org/caps"),
        (CLIENT, "Psi 1.5"),
        (SERVER, "ejabberd 23.01"),
    ]


# --- carriers -----------------------------------------------------------------------------------------------------


def test_websocket_frames_are_documents_of_their_own():
    framing = "xmlns='urn:ietf:params:xml:ns:xmpp-framing'"
    said = [
        c(f"<open {framing} to='example.org' version='1.0'/>"),
        s(f"<open {framing} from='example.org' id='1' version='1.0'/>"),
        s(
            f"<stream:features xmlns:stream='{STREAMS}'><bind "
            "xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
        ),
        c(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{b64(chr(0) + 'ann' + chr(0) + 'swordfish')}</auth>"),
        s(f"<success xmlns='{SASL}'/>"),
        c("<message xmlns='jabber:client' to='bob@example.org' type='chat'><body>framed</body></message>"),
        c(f"<close {framing}/>"),
    ]
    assert words(said) == [("ann@example.org", "bob@example.org", "framed")]
    assert logins(said) == [("ann@example.org", "plain", Grade.CLEARTEXT, Outcome.OK, "swordfish")]
    assert not told(said, Anomaly)


def test_bosh_bodies_wrap_stanzas():
    bosh = "xmlns='http://jabber.org/protocol/httpbind'"
    said = [
        c(f"<body {bosh} to='example.org' rid='1' xml:lang='en' wait='60'/>"),
        s(f"<body {bosh} from='example.org' sid='s' authid='a'><stream:features xmlns:stream='{STREAMS}'/></body>"),
        c(f"<body {bosh} rid='2' sid='s'><auth xmlns='{SASL}' mechanism='PLAIN'>AGFubgBzd29yZGZpc2g=</auth></body>"),
        s(f"<body {bosh}><success xmlns='{SASL}'/></body>"),
        c(
            f"<body {bosh} rid='3'><message to='b@example.org' "
            "xmlns='jabber:client'><body>wrapped</body></message></body>"
        ),
    ]
    assert words(said) == [("ann@example.org", "b@example.org", "wrapped")]
    assert logins(said) == [("ann@example.org", "plain", Grade.CLEARTEXT, Outcome.OK, "swordfish")]


# --- captures of real software --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capture", "messages", "accounts"),
    [
        (
            "pidgin2142_prosody_plain_clear",
            10,
            {"alice@chat.lab.test": "Wonder-Land7", "bob@chat.lab.test": "Build3r-Bob"},
        ),
        (
            "pidgin2142_prosody_legacy_iqauth",
            6,
            {"alice@chat.lab.test": "Wonder-Land7", "bob@chat.lab.test": "Build3r-Bob"},
        ),
    ],
)
def test_lab_captures(capture, messages, accounts):
    out = [
        event
        for flow in conversations(PCAPS / f"{capture}.pcap")
        if flow.transport == "tcp" and flow.said[0][1].startswith(b"<")
        for event in events(Xmpp, flow.said)
    ]
    assert len({(m.sender, m.recipient, m.text, m.side) for m in out if isinstance(m, Message)}) >= messages - 2
    assert {e.account: e.secret for e in out if isinstance(e, Login)} == accounts
    assert all(e.outcome is Outcome.OK for e in out if isinstance(e, Login))
    assert not [e for e in out if isinstance(e, Anomaly)]


def test_lab_transfer_and_exposure():
    (bob, _) = [
        events(Xmpp, flow.said)
        for flow in conversations(PCAPS / "pidgin2142_prosody_plain_clear.pcap")
        if flow.transport == "tcp" and flow.said[0][1].startswith(b"<")
    ]
    assert [(e.name, e.size, e.state) for e in bob if isinstance(e, Transfer)] == [
        ("holiday.txt", 1490, TransferState.OFFERED),
        ("holiday.txt", 1490, TransferState.ACCEPTED),
    ]
    assert ("alice@chat.lab.test", "10.78.0.21", 5600, "bob@chat.lab.test") in [
        (e.account, e.ip, e.port, e.to) for e in bob if isinstance(e, Exposure)
    ]
