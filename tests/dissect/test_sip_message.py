"""Heads, addresses and lists, against an independent parser where the message is well-formed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from imsniff.dissect.cursor import Malformed
from imsniff.dissect.sip.address import address, host_port, parse_uri, parse_via
from imsniff.dissect.sip.message import credentials, listed, parameters, parse_head, start_line, unquoted
from transcript import conversations

sipmessage = pytest.importorskip("sipmessage")

PCAPS = Path(__file__).parents[2] / "pcaps" / "sip"
MESSAGES = [
    data
    for name in ("pidgin2142_simple_kamailio_udp", "sipp_kamailio_register_basic")
    for flow in conversations(PCAPS / f"{name}.pcap")
    for _, data in flow.said
    if b" SIP/2.0\r\n" in data or data.startswith(b"SIP/2.0 ")
]


def test_agrees_with_sipmessage():
    assert len(MESSAGES) > 50
    for data in MESSAGES:
        theirs = sipmessage.Message.parse(data)
        ours = parse_head(data.partition(b"\r\n\r\n")[0].decode())
        if isinstance(theirs, sipmessage.Request):
            assert (ours.method, ours.uri) == (theirs.method, str(theirs.uri))
        else:
            assert ours.status == theirs.code
        assert ours.get("call-id") == theirs.call_id
        assert ours.get("content-length") == str(theirs.content_length)
        for name, their in (("from", theirs.from_address), ("to", theirs.to_address)):
            uri, _ = address(ours.get(name))
            assert uri is not None
            assert (uri.user, uri.host, uri.port) == (their.uri.user, their.uri.host, their.uri.port)
        hops = [parse_via(value) for value in ours.every("via")]
        assert [(hop.host, hop.port) for hop in hops if hop] == [(via.host, via.port) for via in theirs.via]
        if ours.get("authorization").startswith("Digest"):
            assert theirs.authorization is not None
            assert credentials(ours.get("authorization"))[1]["response"] == theirs.authorization.parameters["response"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "SIP/2.0",
        "SIP/2.0 2000 OK",
        "SIP/2.0 99 x",
        "SIP/2.0 700 x",
        "SIP/2.0 ２００ OK",
        "INVITE SIP/2.0",
        "INVITE sip: SIP/2.0",
        "INVITE bob SIP/2.0",
        "IN VITE http://x SIP/2.0",
        "INVITE sip:bob@x SIP/3.0",
        "INVITE sip:bob@x HTTP/1.1",
        "GET http://x/ SIP/2.0",
        "INV\x00ITE sip:bob@x SIP/2.0",
        "X" * 40 + " sip:bob@x SIP/2.0",
    ],
)
def test_not_a_start_line(line):
    assert start_line(line) is None


def test_a_start_line_alone_is_no_message():
    with pytest.raises(Malformed):
        parse_head("INVITE sip:bob@example.com SIP/2.0\r\nHost: x")


@pytest.mark.parametrize(
    ("value", "members"),
    [
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ('"x, y" <sip:a@b>, <sip:c@d;x=1,2>', ['"x, y" <sip:a@b>', "<sip:c@d;x=1,2>"]),
        (r'"q\", r" <sip:a@b>, z', [r'"q\", r" <sip:a@b>', "z"]),
        (",,", []),
    ],
)
def test_listed(value, members):
    assert listed(value) == members


@pytest.mark.parametrize(
    ("value", "account", "host", "port"),
    [
        ("sip:bob@example.com", "bob@example.com", "example.com", None),
        ('"A <x@y> B" <sips:bob@example.com:5061;transport=tls?x=y>;tag=1', "bob@example.com", "example.com", 5061),
        (r'"q \" <sip:no@no>" <sip:bob@b>', "bob@b", "b", None),
        ("<sip:bob:secret@example.com>", "bob@example.com", "example.com", None),
        ("<sip:bob%40home@example.com>", "bob@home@example.com", "example.com", None),
        (
            "<sip:+1555;phone-context=x@example.com;user=phone>",
            "+1555;phone-context=x@example.com",
            "example.com",
            None,
        ),
        ("<sip:[2001:db8::1]:5070>", "2001:db8::1", "2001:db8::1", 5070),
        ("<sip:192.0.2.1:5060;lr>", "192.0.2.1", "192.0.2.1", 5060),
        ("<tel:+15551234;phone-context=x>", "+15551234", "", None),
        ("<pres:bob@example.com", "bob@example.com", "example.com", None),
        ("sip:bob@host:99999", "bob@host", "host", None),
    ],
)
def test_address(value, account, host, port):
    uri, _ = address(value)
    assert uri is not None
    assert (uri.account, uri.host, uri.port) == (account, host, port)


def test_no_uri():
    assert parse_uri("bob") is None
    assert address("*") == (None, "")


@pytest.mark.parametrize(
    ("value", "host", "port", "received"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9;received=203.0.113.1", "192.0.2.1", 5060, "203.0.113.1"),
        ("SIP / 2.0 / UDP first.example.com: 4000;ttl=16", "4000", None, ""),
        ("SIP/2.0/TCP [2001:db8::9]:5060", "2001:db8::9", 5060, ""),
        ("SIP/2.0/TCP 2001:db8::9", "2001:db8::9", None, ""),
        ("SIP/2.0/TCP\talice.example.com", "alice.example.com", None, ""),
    ],
)
def test_via(value, host, port, received):
    hop = parse_via(value)
    assert hop is not None
    assert (hop.host, hop.port, hop.received) == (host, port, received)


def test_quotes():
    assert parameters(';a="x;y";B;c= 1 ') == {"a": "x;y", "b": "", "c": "1"}
    assert credentials('Digest a="x, \\"y\\"",b=c') == ("digest", {"a": 'x, "y"', "b": "c"})
    assert unquoted('"') == ""
    assert host_port("[::1]x") == ("::1", None)


def test_a_head_is_split_in_linear_time():
    began = time.process_time()
    for filling in (",", '"', "<", ";", "\\", "a=", '"\\'):
        listed(filling * 30_000)
        parameters(filling * 30_000)
        credentials(filling * 30_000)
        address(filling * 30_000)
        parse_via(filling * 30_000)
    assert time.process_time() - began < 5
