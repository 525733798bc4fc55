"""What XMPP gives away of credentials: SASL, and all the ways beside it."""

from __future__ import annotations

from base64 import b64encode

import pytest

from imsniff.base.events import Anomaly, Grade, Login, Outcome, Trait
from imsniff.dissect.xmpp.xmpp import Xmpp
from transcript import CLIENT, SERVER, Said, events

STREAMS = "http://etherx.jabber.org/streams"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
OPEN = (
    CLIENT,
    f"<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='{STREAMS}' version='1.0'>".encode(),
)
BOUND = (
    SERVER,
    b"<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>ann@example.org/d</jid></bind></iq>",
)
OK, FAILED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN


def c(text: str) -> tuple[object, bytes]:
    return CLIENT, text.encode()


def s(text: str) -> tuple[object, bytes]:
    return SERVER, text.encode()


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def sasl(mechanism: str, *said: str | None, end: str = "success") -> Said:
    """The client's messages, one by one; None for an `auth` without one."""
    first = "" if said[0] is None else b64(said[0]) or "="
    out = [OPEN, c(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{first}</auth>")]
    for text in said[1:]:
        out += [s(f"<challenge xmlns='{SASL}'>eA==</challenge>"), c(f"<response xmlns='{SASL}'>{b64(text)}</response>")]
    if end:
        out.append(s(f"<{end} xmlns='{SASL}'><not-authorized/></{end}>"))
    return out


def logins(said: Said, **how: bool) -> list[tuple[str | None, str, Grade, Outcome, str | None]]:
    found = [e for e in events(Xmpp, said, **how) if isinstance(e, Login)]
    for login in found:
        assert not login.secret or login.secret not in login.wire
    return [(e.account, e.scheme, e.grade, e.outcome, e.secret) for e in found]


SCRAM_LAST = "c=biws,r=abcdef,p=cHJvb2Y="
DIGEST = (
    'username="ann",realm="example.org",nonce="x",cnonce="y",nc=00000001,qop=auth,digest-uri="xmpp/example.org",'
    "response=0a1b"
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (sasl("PLAIN", "\0ann\0se\u00a0cret"), ("ann@example.org", "plain", Grade.CLEARTEXT, OK, "se\u00a0cret")),
        (sasl("PLAIN", "ann@b.org\0ann\0pw"), ("ann@b.org", "plain", Grade.CLEARTEXT, OK, "pw")),
        (sasl("PLAIN", "\0ann@c.org\0pw", end="failure"), ("ann@c.org", "plain", Grade.CLEARTEXT, FAILED, "pw")),
        (sasl("PLAIN", None, "\0ann\0pw"), ("ann@example.org", "plain", Grade.CLEARTEXT, OK, "pw")),
        (sasl("PLAIN", "\0ann\0pw", end=""), ("ann@example.org", "plain", Grade.CLEARTEXT, UNKNOWN, "pw")),
        (sasl("LOGIN", None, "ann", "pw"), ("ann@example.org", "login", Grade.CLEARTEXT, OK, "pw")),
        (sasl("DIGEST-MD5", None, DIGEST, ""), ("ann@example.org", "digest-md5", Grade.CRACKABLE, OK, "0a1b")),
        (sasl("CRAM-MD5", None, "ann 0f0f"), ("ann@example.org", "cram-md5", Grade.CRACKABLE, OK, "0f0f")),
        (
            sasl("SCRAM-SHA-256", "n,,n=a=2Cnn,r=abc", SCRAM_LAST),
            ("a,nn@example.org", "scram-sha-256", Grade.CRACKABLE, OK, SCRAM_LAST),
        ),
        (
            sasl("SCRAM-SHA-1", "n,,n=ann,r=abc", end="failure"),
            ("ann@example.org", "scram-sha-1", Grade.PROTECTED, FAILED, None),
        ),
        (
            sasl("SCRAM-SHA-1", "n,,n=ann,r=abc", end=""),
            ("ann@example.org", "scram-sha-1", Grade.PROTECTED, UNKNOWN, None),
        ),
        (sasl("X-OAUTH2", "\0ann\0ya29.token"), ("ann@example.org", "x-oauth2", Grade.TOKEN, OK, "ya29.token")),
        (sasl("X-GOOGLE-TOKEN", "\0ann@g.com\0t0k3n"), ("ann@g.com", "x-google-token", Grade.TOKEN, OK, "t0k3n")),
        (sasl("X-MESSENGER-OAUTH2", "t0k3n"), (None, "x-messenger-oauth2", Grade.TOKEN, OK, "t0k3n")),
        (
            sasl("X-FACEBOOK-PLATFORM", None, "api_key=1&call_id=2&access_token=t0k3n&v=1.0"),
            (None, "x-facebook-platform", Grade.TOKEN, OK, "t0k3n"),
        ),
        (
            sasl("OAUTHBEARER", "n,a=ann@x.org,\x01host=x\x01auth=Bearer t0k3n\x01\x01"),
            ("ann@x.org", "oauthbearer", Grade.TOKEN, OK, "t0k3n"),
        ),
        (sasl("EXTERNAL", ""), (None, "external", Grade.PROTECTED, OK, None)),
        (sasl("EXTERNAL", "ann@example.org"), ("ann@example.org", "external", Grade.PROTECTED, OK, None)),
        (sasl("ANONYMOUS", None), (None, "anonymous", Grade.PROTECTED, OK, None)),
        (sasl("GSSAPI", "\x60\x82"), (None, "gssapi", Grade.PROTECTED, OK, None)),
    ],
)
def test_mechanisms(said, expected):
    assert logins(said) == [expected]


def test_a_second_try_is_a_second_login():
    said = [*sasl("PLAIN", "\0ann\0wrong", end="failure"), *sasl("PLAIN", "\0ann\0right")[1:]]
    assert [(login[3], login[4]) for login in logins(said)] == [(FAILED, "wrong"), (OK, "right")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SCRAM_LAST, (None, "scram", Grade.CRACKABLE, OK, SCRAM_LAST)),
        (DIGEST, ("ann@example.org", "digest-md5", Grade.CRACKABLE, OK, "0a1b")),
        (f"ann {'0f' * 16}", ("ann", "cram-md5", Grade.CRACKABLE, OK, "0f" * 16)),
    ],
)
def test_a_response_without_its_beginning_shows_what_it_is(text, expected):
    said = [c(f"<response xmlns='{SASL}'>{b64(text)}</response>"), s(f"<success xmlns='{SASL}'/>")]
    assert logins(said, midstream=True) == [expected]


@pytest.mark.parametrize("text", ["!!!", "AAAA", b64("no nul at all")])
def test_broken_sasl_is_an_anomaly(text):
    said = [OPEN, c(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{text}</auth>")]
    assert logins(said) == []
    assert [e.code for e in events(Xmpp, said) if isinstance(e, Anomaly)] == ["xmpp.malformed"]


def test_sasl2_tells_software_and_account_too():
    ns = "urn:xmpp:sasl:2"
    said = [
        OPEN,
        c(
            f"<authenticate xmlns='{ns}' mechanism='SCRAM-SHA-1'><initial-response>{b64('n,,n=ann,r=abc')}"
            "</initial-response><user-agent id='1'><software>Gajim</software><device>desk</device></user-agent>"
            "</authenticate>"
        ),
        s(f"<challenge xmlns='{ns}'>eA==</challenge>"),
        c(f"<response xmlns='{ns}'>{b64(SCRAM_LAST)}</response>"),
        s(
            f"<success xmlns='{ns}'><authorization-identifier>ann@sub.example.org/Gajim</authorization-identifier>"
            "</success>"
        ),
    ]
    assert logins(said) == [("ann@example.org", "scram-sha-1", Grade.CRACKABLE, OK, SCRAM_LAST)]
    traits = [e for e in events(Xmpp, said) if isinstance(e, Trait)]
    assert [t.software for t in traits if t.software] == ["Gajim"]
    assert [t.account for t in traits if t.account] == ["ann@example.org", "ann@sub.example.org"]


# --- beside SASL ----------------------------------------------------------------------------------------------------


def iq_auth(inner: str) -> tuple[object, bytes]:
    return c(f"<iq type='set' id='a1'><query xmlns='jabber:iq:auth'><username>ann</username>{inner}</query></iq>")


@pytest.mark.parametrize(
    ("inner", "answer", "expected"),
    [
        ("<password>pw</password>", "result", ("ann@example.org", "plain", Grade.CLEARTEXT, OK, "pw")),
        ("<password>pw</password>", "error", ("ann@example.org", "plain", Grade.CLEARTEXT, FAILED, "pw")),
        ("<digest>00ff</digest>", "result", ("ann@example.org", "digest", Grade.CRACKABLE, OK, "00ff")),
    ],
)
def test_iq_auth(inner, answer, expected):
    said = [
        OPEN,
        c("<iq type='get' id='a0'><query xmlns='jabber:iq:auth'><username>ann</username></query></iq>"),
        s("<iq type='result' id='a0'><query xmlns='jabber:iq:auth'><username/><password/></query></iq>"),
        iq_auth(inner),
        s("<iq type='result' id='other'/>"),
        s(f"<iq type='{answer}' id='a1'/>"),
    ]
    assert logins(said) == [expected]


@pytest.mark.parametrize(
    ("query", "to", "account"),
    [
        ("<username>new</username><password>pw</password>", "", "new@example.org"),
        ("<username>1234567</username><password>pw</password>", "to='icq.example.org'", "1234567"),
        (
            (
                "<x xmlns='jabber:x:data' type='submit'><field var='username'><value>new</value></field>"
                "<field var='password'><value>pw</value></field></x>"
            ),
            "to='example.org'",
            "new@example.org",
        ),
    ],
)
def test_registration_tells_the_password(query, to, account):
    said = [
        OPEN,
        c(f"<iq type='set' id='r' {to}><query xmlns='jabber:iq:register'>{query}</query></iq>"),
        s("<iq type='result' id='r'/>"),
    ]
    assert logins(said) == [(account, "register", Grade.CLEARTEXT, OK, "pw")]


@pytest.mark.parametrize(
    "turn",
    [
        c(
            "<presence to='den@r.org/a'><x xmlns='http://jabber.org/protocol/muc'><password>open</password></x></presence>"
        ),
        c(
            "<message to='den@r.org'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='b@r.org'/>"
            "<password>open</password></x></message>"
        ),
        c("<message to='b@r.org'><x xmlns='jabber:x:conference' jid='den@r.org' password='open'/></message>"),
        c(
            "<iq type='set' id='1' to='den@r.org'><query xmlns='http://jabber.org/protocol/muc#owner'>"
            "<x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_roomsecret'><value>open</value></field>"
            "</x></query></iq>"
        ),
        c(
            "<iq type='set' id='1'><query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>"
            "<conference jid='den@r.org'><nick>a</nick><password>open</password></conference></storage></query></iq>"
        ),
    ],
)
def test_room_passwords(turn):
    assert logins([OPEN, BOUND, turn]) == [("ann@example.org", "muc", Grade.CLEARTEXT, UNKNOWN, "open")]


def test_a_component_that_is_refused():
    said = [
        (CLIENT, f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='{STREAMS}' to='x.org'>".encode()),
        c("<handshake>00ff</handshake>"),
        s("<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"),
    ]
    assert logins(said) == [("x.org", "component", Grade.CRACKABLE, FAILED, "00ff")]
