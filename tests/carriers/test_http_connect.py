"""HTTP CONNECT: the head is read, the rest goes through; a refusal leaves the connection for another try."""

from __future__ import annotations

from imsniff.base.events import Grade, InnerData, InnerGap, InnerOpened, Login, Outcome, Refused
from imsniff.carriers.http_connect import HttpConnect
from transcript import CLIENT, SERVER, Said, events

ASK = b"CONNECT jabber.example.org:5222 HTTP/1.1\r\nHost: jabber.example.org:5222\r\n"
WITH_PASSWORD = ASK + b"Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n"
DENIED = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"
DONE = b"HTTP/1.1 200 Connection established\r\n\r\n"
STREAM = b"<stream:stream to='example.org'>"

CONVERSATIONS: list[Said] = [
    [
        (CLIENT, ASK + b"\r\n"),
        (SERVER, DENIED),
        (CLIENT, WITH_PASSWORD),
        (SERVER, DONE),
        (CLIENT, STREAM),
        (SERVER, STREAM),
    ],
]


def test_a_refusal_then_the_tunnel():
    out = events(HttpConnect, CONVERSATIONS[0])
    assert out == [
        Refused(side=SERVER, destination="jabber.example.org:5222", via="http-connect", outcome="refused"),
        Login(
            side=CLIENT,
            account="alice",
            scheme="basic",
            grade=Grade.CLEARTEXT,
            outcome=Outcome.OK,
            secret="secret",
            wire="Proxy-Authorization: Basic alice:<6 characters masked>",
        ),
        InnerOpened(side=CLIENT, carrier="http-connect", destination="jabber.example.org:5222"),
        InnerData(side=CLIENT, data=STREAM),
        InnerData(side=SERVER, data=STREAM),
    ]


def test_the_client_alone_was_captured():
    out = events(HttpConnect, [(CLIENT, ASK + b"\r\n"), (CLIENT, STREAM)])
    assert out == [
        InnerOpened(side=CLIENT, carrier="http-connect", destination="jabber.example.org:5222"),
        InnerData(side=CLIENT, data=STREAM),
    ]


def test_the_proxy_alone_was_captured():
    out = events(HttpConnect, [(SERVER, DONE), (SERVER, STREAM)])
    assert out == [InnerOpened(side=CLIENT, carrier="http-connect"), InnerData(side=SERVER, data=STREAM)]


def test_a_gap_in_the_tunnel_is_a_gap_of_the_inner_stream():
    carrier = HttpConnect()
    list(carrier.feed(CLIENT, ASK + b"\r\n"))
    list(carrier.feed(SERVER, DONE))
    assert list(carrier.gap(SERVER, 9)) == [InnerGap(side=SERVER, missing=9)]
    assert carrier.feed(SERVER, b"more") == [InnerData(side=SERVER, data=b"more")]
