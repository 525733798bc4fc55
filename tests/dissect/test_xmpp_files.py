"""Files over XMPP: offers, addresses, blocks inside the stream, links, Jingle."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest

from imsniff.base.events import Event, Expect, Exposure, Message, Side, Transfer, TransferState
from imsniff.dissect.xmpp.xmpp import Xmpp
from transcript import CLIENT, SERVER, Said, events

OFFERED, ACCEPTED, COMPLETED, CANCELLED = (
    TransferState.OFFERED,
    TransferState.ACCEPTED,
    TransferState.COMPLETED,
    TransferState.CANCELLED,
)
OPEN: Said = [
    (
        CLIENT,
        b"<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    ),
    (
        SERVER,
        (
            b"<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            b"<jid>ann@example.org/d</jid></bind></iq>"
        ),
    ),
]
FORTH = "to='bob@x.org/h'"
BACK = "from='bob@x.org/h' to='ann@example.org/d'"
PEOPLE = ("ann@example.org", "bob@x.org")


def c(text: str) -> tuple[Side, bytes]:
    return CLIENT, text.encode()


def s(text: str) -> tuple[Side, bytes]:
    return SERVER, text.encode()


def told(said: Said, *kinds: type[Event]) -> list[Event]:
    return [e for e in events(Xmpp, [*OPEN, *said]) if isinstance(e, kinds)]


def states(said: Said) -> list[tuple[str, int | None, TransferState]]:
    return [(e.name, e.size, e.state) for e in told(said, Transfer)]


OFFER = c(
    f"<iq type='set' id='o' {FORTH}><si xmlns='http://jabber.org/protocol/si' id='sid1' mime-type='text/plain'>"
    "<file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='a &amp; b.txt' size='11'/></si></iq>"
)
TAKEN = s(f"<iq type='result' id='o' {BACK}><si xmlns='http://jabber.org/protocol/si'/></iq>")
REFUSED = s(f"<iq type='error' id='o' {BACK}><error type='cancel'/></iq>")


def test_an_offer_is_accepted_or_refused():
    assert states([OFFER, TAKEN]) == [("a & b.txt", 11, OFFERED), ("a & b.txt", 11, ACCEPTED)]
    assert states([OFFER, REFUSED]) == [("a & b.txt", 11, OFFERED), ("a & b.txt", 11, CANCELLED)]
    assert {(e.sender, e.recipient, e.media) for e in told([OFFER, TAKEN], Transfer)} == {(*PEOPLE, "text/plain")}


def test_streamhosts_expose_the_peer_and_announce_the_flow():
    hosts = (
        "<streamhost jid='ann@example.org/d' host='10.77.0.21' port='5600'/>"
        "<streamhost jid='ann@example.org/d' host='fe80::1%eth0' port='5600'/>"
        "<streamhost jid='proxy.example.org' host='192.0.2.9' port='7777'/>"
        "<streamhost jid='proxy.example.org' host='proxy.example.org' port='7777'/>"
        "<streamhost jid='ann@example.org/d' host='127.0.0.1' port='5600'/>"
        "<streamhost jid='ann@example.org/d' host='10.77.0.22' port='99999'/>"
    )
    said = [
        OFFER,
        TAKEN,
        c(
            f"<iq type='set' id='s' {FORTH}><query xmlns='http://jabber.org/protocol/bytestreams' "
            f"sid='sid1'>{hosts}</query></iq>"
        ),
    ]
    assert [(e.account, e.ip, e.port, e.via, e.to) for e in told(said, Exposure)] == [
        (PEOPLE[0], "10.77.0.21", 5600, "xmpp.streamhost", PEOPLE[1]),
        (PEOPLE[0], "fe80::1", 5600, "xmpp.streamhost", PEOPLE[1]),
        (PEOPLE[0], "10.77.0.22", None, "xmpp.streamhost", PEOPLE[1]),
    ]
    assert [(e.protocol, e.ip, e.port, e.name, e.size, e.sender, e.recipient) for e in told(said, Expect)] == [
        ("bytestream", "10.77.0.21", 5600, "a & b.txt", 11, *PEOPLE),
        ("bytestream", "fe80::1", 5600, "a & b.txt", 11, *PEOPLE),
        ("bytestream", "192.0.2.9", 7777, "a & b.txt", 11, *PEOPLE),
    ]


def block(number: int, data: bytes, stanza: str = "iq") -> tuple[Side, bytes]:
    attributes = f"type='set' id='d{number}'" if stanza == "iq" else ""
    return c(
        f"<{stanza} {attributes} {FORTH}><data xmlns='http://jabber.org/protocol/ibb' sid='sid1' seq='{number}'>"
        f"{b64encode(data).decode()}</data></{stanza}>"
    )


IBB_OPEN = c(
    f"<iq type='set' id='p' {FORTH}><open xmlns='http://jabber.org/protocol/ibb' sid='sid1' block-size='6'/></iq>"
)
IBB_CLOSE = c(f"<iq type='set' id='q' {FORTH}><close xmlns='http://jabber.org/protocol/ibb' sid='sid1'/></iq>")


@pytest.mark.parametrize("stanza", ["iq", "message"])
def test_blocks_in_the_stream_make_the_file(stanza):
    said = [OFFER, TAKEN, IBB_OPEN, block(0, b"hello ", stanza), block(1, b"world", stanza), IBB_CLOSE]
    (done,) = told(said, Transfer)[2:]
    assert (done.name, done.size, done.state) == ("a & b.txt", 11, COMPLETED)
    assert done.sha256 == sha256(b"hello world").hexdigest()
    assert (done.sender, done.recipient) == PEOPLE


@pytest.mark.parametrize(
    ("blocks", "state"),
    [
        ([block(0, b"hello "), block(2, b"world")], COMPLETED),
        ([block(1, b"world")], COMPLETED),
        ([block(0, b"hello ")], CANCELLED),
    ],
)
def test_a_file_that_is_not_whole_has_no_hash(blocks, state):
    (done,) = told([OFFER, TAKEN, IBB_OPEN, *blocks, IBB_CLOSE], Transfer)[2:]
    assert (done.state, done.sha256) == (state, None)


def test_a_link_is_an_offer_and_its_text_a_message():
    url = "https://up.example.org:5443/x/1a2b/my%20cat.jpg?token=1"
    said = [c(f"<message {FORTH} type='chat'><body>{url}</body><x xmlns='jabber:x:oob'><url>{url}</url></x></message>")]
    assert states(said) == [("my cat.jpg", None, OFFERED)]
    assert [m.text for m in told(said, Message)] == [url]


def test_out_of_band_by_iq_is_answered():
    said = [
        c(
            f"<iq type='set' id='1' {FORTH}><query "
            "xmlns='jabber:iq:oob'><url>http://10.77.0.21/f/a.zip</url></query></iq>"
        ),
        s(f"<iq type='result' id='1' {BACK}/>"),
    ]
    assert states(said) == [("a.zip", None, OFFERED), ("a.zip", None, ACCEPTED)]


UPLOAD = "urn:xmpp:http:upload:0"


def test_an_upload_is_asked_for_and_granted():
    said = [
        c(
            f"<iq type='get' id='u' to='up.x.org'><request xmlns='{UPLOAD}' filename='a.pdf' size='9' "
            "content-type='application/pdf'/></iq>"
        ),
        s(
            f"<iq type='result' id='u' from='up.x.org' to='ann@example.org/d'><slot "
            f"xmlns='{UPLOAD}'><put url='https://u/a.pdf'/><get url='https://u/a.pdf'/></slot></iq>"
        ),
    ]
    assert states(said) == [("a.pdf", 9, OFFERED), ("a.pdf", 9, ACCEPTED)]
    assert states(said[1:]) == [("a.pdf", None, ACCEPTED)]


def test_a_file_described_in_a_message():
    said = [
        c(
            f"<message {FORTH}><file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'>"
            "<media-type>image/png</media-type><name>me.png</name><size>77</size></file></file-sharing></message>"
        )
    ]
    assert states(said) == [("me.png", 77, OFFERED)]


# --- Jingle ---------------------------------------------------------------------------------------------------------


def jingle(action: str, inner: str = "", *, back: bool = False) -> tuple[Side, bytes]:
    stanza = (
        f"<iq type='set' id='{action}' {BACK if back else FORTH}><jingle xmlns='urn:xmpp:jingle:1' action='{action}' "
        f"sid='j1'>{inner}</jingle></iq>"
    )
    return s(stanza) if back else c(stanza)


FILE = "<file><name>c.iso</name><size>700</size></file>"
CONTENT = (
    "<content creator='initiator' name='f'>{}<transport "
    "xmlns='urn:xmpp:jingle:transports:s5b:1' sid='t1'>{}</transport></content>"
)
DIRECT = "<candidate cid='1' host='10.77.0.21' port='5086' jid='ann@example.org/d' type='direct'/>"
PROXY = "<candidate cid='2' host='192.0.2.9' port='7777' jid='proxy.example.org' type='proxy'/>"


@pytest.mark.parametrize(
    "description",
    [
        f"<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'>{FILE}</description>",
        f"<description xmlns='urn:xmpp:jingle:apps:file-transfer:3'><offer>{FILE}</offer></description>",
    ],
)
def test_a_jingle_file_from_offer_to_end(description):
    said = [
        jingle("session-initiate", CONTENT.format(description, DIRECT + PROXY)),
        jingle("session-accept", CONTENT.format(description, ""), back=True),
        jingle("session-terminate", "<reason><success/></reason>", back=True),
    ]
    assert states(said) == [("c.iso", 700, OFFERED), ("c.iso", 700, ACCEPTED), ("c.iso", 700, COMPLETED)]
    assert {(e.sender, e.recipient) for e in told(said, Transfer)} == {PEOPLE}
    assert [(e.account, e.ip, e.port, e.via) for e in told(said, Exposure)] == [
        (PEOPLE[0], "10.77.0.21", 5086, "xmpp.jingle")
    ]
    assert [(e.ip, e.name) for e in told(said, Expect)] == [("10.77.0.21", "c.iso")]


def test_a_declined_jingle_file():
    said = [
        jingle(
            "session-initiate",
            CONTENT.format(f"<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'>{FILE}</description>", ""),
        ),
        jingle("session-terminate", "<reason><decline/></reason>", back=True),
    ]
    assert states(said)[-1] == ("c.iso", 700, CANCELLED)


def test_ice_candidates_expose_host_and_what_is_behind_a_relay():
    ice = (
        "<content><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
        "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' pwd='icesecret' ufrag='u'>"
        "<candidate ip='10.77.0.21' port='8998' type='host'/>"
        "<candidate ip='192.0.2.3' port='45664' type='srflx' rel-addr='10.77.0.33' rel-port='8999'/>"
        "<candidate ip='198.51.100.1' port='3478' type='relay' rel-addr='192.0.2.4' rel-port='5'/>"
        "<candidate ip='junk' port='x' type='host'/></transport></content>"
    )
    out = told([jingle("session-initiate", ice)], Exposure)
    assert [(e.ip, e.port) for e in out] == [
        ("10.77.0.21", 8998),
        ("192.0.2.3", 45664),
        ("10.77.0.33", 8999),
        ("192.0.2.4", 5),
    ]
    assert not [e for e in out if "icesecret" in e.wire]


def test_google_talk_candidates():
    said = [
        c(
            f"<iq type='set' id='g' {FORTH}><session xmlns='http://www.google.com/session' type='candidates' id='1'>"
            "<transport xmlns='http://www.google.com/transport/p2p'><candidate name='rtp' "
            "address='10.77.0.21' port='4321' "
            "username='uuuu' password='gsecret' type='local' protocol='udp'/><candidate name='rtp' address='192.0.2.8' "
            "port='19294' username='x' password='y' type='relay'/></transport></session></iq>"
        )
    ]
    assert [(e.account, e.ip, e.port, e.via) for e in told(said, Exposure)] == [
        (PEOPLE[0], "10.77.0.21", 4321, "xmpp.jingle")
    ]
    assert "gsecret" not in told(said, Exposure)[0].wire
