"""HTTP CONNECT: a proxy asked to pass on a connection, which then carries anything.

    CONNECT jabber.example.org:5222 HTTP/1.1 CRLF          client
    Proxy-Authorization: Basic YWxpY2U6c2VjcmV0 CRLF CRLF
    HTTP/1.1 200 Connection established CRLF CRLF          proxy
    ... both directions unchanged

A proxy that refuses (407: log in first, 403, 5xx) leaves the connection open for another try. RFC 9110 §9.3.6, §11.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator

from imsniff.base.events import Event, Expect, Grade, InnerData, InnerOpened, Login, Outcome, Refused, Side, masked
from imsniff.base.limits import LOOKAHEAD, MAX_HTTP_HEAD
from imsniff.carriers.core import Carrier
from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed

_REQUEST = re.compile(rb"CONNECT ([!-~]{1,300}) HTTP/1\.[01]\r?\n")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r\n]")
_BASIC = re.compile(rb"(?im)^proxy-authorization:[ \t]*basic[ \t]+([A-Za-z0-9+/=]{1,1024})[ \t]*\r?$")
_END = re.compile(rb"\r?\n\r?\n")


class HttpConnect(Carrier[bytes]):
    """CONNECT through a proxy."""

    name = "http-connect"
    marks = re.compile(rb"CONNECT [!-~]|HTTP/1\.")

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._destination: str | None = None

    def frames(self, side: Side, box: Inbox) -> Iterator[bytes]:
        while len(box):
            if self.transparent:
                yield box.take(len(box)) or b""
                continue
            if side is Side.CLIENT and self._destination is not None and not _begins(box.data, b"CONNECT "):
                yield b""  # the answer was not captured, or is not awaited: what follows goes through
                continue
            end = _END.search(box.data, 0, MAX_HTTP_HEAD)
            if end is None:
                if len(box) >= MAX_HTTP_HEAD:
                    raise Malformed(f"no end of the head in {MAX_HTTP_HEAD} bytes")
                return
            yield box.take(end.end()) or b""

    def on_frame(self, side: Side, frame: bytes) -> Iterator[Event]:
        if self.transparent:
            yield InnerData(side=side, data=frame)
        elif not frame:
            yield from self._open()
        elif side is Side.CLIENT:
            yield from self._request(frame)
        else:
            yield from self._answer(frame)

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        head = bytes(data[at : at + LOOKAHEAD])
        if (_REQUEST if side is Side.CLIENT else _STATUS).match(head):
            return True
        return None if b"\n" not in head else False

    def _request(self, head: bytes) -> Iterator[Event]:
        asked = _REQUEST.match(head)
        if asked is None:
            raise Malformed("no CONNECT request")
        self._destination = asked[1].decode("ascii")
        if (given := _BASIC.search(head)) is not None:
            yield from self.hold(_basic(given[1]))

    def _answer(self, head: bytes) -> Iterator[Event]:
        status = _STATUS.match(head)
        if status is None:
            raise Malformed("no answer to CONNECT")
        if status[1].startswith(b"2"):
            yield from self.settle(Outcome.OK)
            yield from self._open()
        elif not status[1].startswith(b"1"):
            yield from self.settle(Outcome.FAILED if status[1] == b"407" else Outcome.UNKNOWN)
            outcome = "refused" if status[1].startswith(b"4") else "failed"
            if self._destination is not None:
                yield Refused(side=Side.SERVER, destination=self._destination, via=self.name, outcome=outcome)
            self._destination = None

    def _open(self) -> Iterator[Event]:
        self.transparent = True
        yield InnerOpened(side=Side.CLIENT, carrier=self.name, destination=self._destination)


def _begins(data: bytearray, word: bytes) -> bool:
    """Whether the data begins with the word, or may still."""
    return word.startswith(data[: len(word)])


def _basic(encoded: bytes) -> Login:
    """RFC 7617: user, colon, password, in Base64."""
    try:
        text = b64decode(encoded, validate=True).decode("utf-8", "replace")
    except ValueError:
        raise Malformed("Basic credentials that are no Base64") from None
    user, _, secret = text.partition(":")
    return Login(
        side=Side.CLIENT,
        account=user,
        scheme="basic",
        grade=Grade.CLEARTEXT,
        secret=secret,
        wire=f"Proxy-Authorization: Basic {user}:{masked(secret)}",
    )
