"""BOSH: one conversation however many connections, the request that creates it included."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from imsniff.base.events import InnerData, InnerOpened
from imsniff.carriers.bosh import Bosh
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).parents[2] / "pcaps" / "carriers"
SPACE = b"xmlns='http://jabber.org/protocol/httpbind'"
CREATE = b"<body rid='1' to='example.org' hold='1' " + SPACE + b"/>"
CREATED = b"<body sid='s1' " + SPACE + b"><features/></body>"
SAY = b"<body rid='2' sid='s1' " + SPACE + b"><message to='b@example.org'><body>hi</body></message></body>"


def request(body: bytes, *headers: str) -> tuple[object, bytes]:
    lines = ["POST /http-bind HTTP/1.1", "Host: example.org", f"Content-Length: {len(body)}", *headers]
    return CLIENT, "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def response(body: bytes, *headers: str) -> tuple[object, bytes]:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return SERVER, "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


OPENED = InnerOpened(side=CLIENT, stream="s1", carrier="bosh", shared=True)
WANTED = [
    OPENED,
    InnerData(side=CLIENT, stream="s1", data=CREATE),
    InnerData(side=SERVER, stream="s1", data=CREATED),
    InnerData(side=CLIENT, stream="s1", data=SAY),
]
CONVERSATIONS: list[Said] = [
    [request(CREATE), response(CREATED), request(SAY)],
    *(flow.said for flow in conversations(PCAPS / "xmpp_bosh_two_connections.pcap")),
]


def test_the_answer_names_the_session_of_the_request():
    assert events(Bosh, CONVERSATIONS[0]) == WANTED


def test_another_connection_goes_on_with_the_session():
    assert events(Bosh, [request(SAY)]) == [OPENED, InnerData(side=CLIENT, stream="s1", data=SAY)]


def chunked(body: bytes) -> tuple[object, bytes]:
    pieces = b"".join(
        b"%x;x=y\r\n%b\r\n" % (len(body[at : at + 9]), body[at : at + 9]) for at in range(0, len(body), 9)
    )
    return SERVER, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        chunked(CREATED),
        response(gzip.compress(CREATED), "Content-Encoding: gzip"),
        response(b"_BOSH_(" + json.dumps(CREATED.decode()).encode() + b")"),
    ],
    ids=["chunked", "gzip", "script"],
)
def test_however_the_body_is_written(answer):
    assert events(Bosh, [request(CREATE), answer, request(SAY)]) == WANTED


def test_what_is_not_bosh_between_it_changes_nothing():
    preflight = (CLIENT, b"OPTIONS /http-bind HTTP/1.1\r\nHost: example.org\r\n\r\n")
    allowed = (SERVER, b"HTTP/1.1 204 No Content\r\n\r\n")
    assert events(Bosh, [preflight, allowed, request(CREATE), response(CREATED), request(SAY)]) == WANTED


def test_pipelined_requests():
    both = (CLIENT, request(CREATE)[1] + request(SAY)[1])
    assert events(Bosh, [both, response(CREATED)])[0] == OPENED


def test_a_bomb_is_cut():
    bomb = response(gzip.compress(CREATED + b" " * 50_000_000), "Content-Encoding: gzip")
    found = events(Bosh, [request(CREATE), bomb])
    assert sum(len(e.data) for e in found if isinstance(e, InnerData)) < 300_000
