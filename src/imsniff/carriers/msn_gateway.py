"""The HTTP gateway of MSN Messenger: MSNP in the bodies of POST requests and their responses.

    POST http://gateway.messenger.hotmail.com/gateway/gateway.dll?Action=open&Server=NS&IP=messenger.hotmail.com
    POST http://GW-IP/gateway/gateway.dll?SessionID=...      or  ?Action=poll&SessionID=...   (nothing to say)
    HTTP/1.1 200 OK ... X-MSN-Messenger: SessionID=...; GW-IP=...[; Session=close]

The answer to `open` names the session; an answer may name another, which the next request then has. Servers that count
(`1234.5678`) change what is behind the dot.

References: libpurple (MSN HTTP connection), nDPI (msn), observed traffic of escargot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from imsniff.base.events import Event, Expect, InnerData, InnerEnd, InnerOpened, Side
from imsniff.base.limits import MAX_NAME, MAX_PIPELINED
from imsniff.carriers.http import HttpCarrier, HttpMessage

_FIELD = re.compile(r"(SessionID|Session|GW-IP)=([^;\s]{1,200})")


class MsnGateway(HttpCarrier):
    """MSNP in HTTP bodies."""

    name = "msn-gateway"
    carrier = "http-gateway"

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._asked: list[tuple[str | None, bytes, str | None]] = []
        """Requests without a response: the session (None: to be named), the body, the server asked for."""
        self._open: dict[str, None] = {}
        self._seen = 0

    @property
    def confirmed(self) -> bool:
        return self._seen > 0

    def on_frame(self, side: Side, frame: HttpMessage) -> Iterator[Event]:
        if side is Side.CLIENT:
            yield from self._request(frame)
        elif frame.status >= 200:
            yield from self._response(frame)

    def _request(self, frame: HttpMessage) -> Iterator[Event]:
        parts = urlsplit(frame.target[:MAX_NAME])
        if not parts.path.lower().endswith("/gateway.dll"):
            self._asked = [*self._asked, ("", b"", None)][-MAX_PIPELINED:]
            return
        self._seen += 1
        query = parse_qs(parts.query)
        session = next(iter(query.get("SessionID", ())), None)
        server = next(iter(query.get("IP", ())), None)
        if session is None:
            self._asked = [*self._asked, (None, frame.body, server)][-MAX_PIPELINED:]
            return
        stream = _stream(session)
        self._asked = [*self._asked, (stream, b"", server)][-MAX_PIPELINED:]
        if frame.body:
            yield from self._opened(stream, None)
            yield InnerData(side=Side.CLIENT, stream=stream, data=frame.body)

    def _response(self, frame: HttpMessage) -> Iterator[Event]:
        asked, body, server = self._asked.pop(0) if self._asked else ("", b"", None)
        fields = dict(_FIELD.findall(frame.headers.get("x-msn-messenger", "")))
        if fields:
            self._seen += 1
        stream = _stream(fields["SessionID"]) if "SessionID" in fields else asked
        if not stream:
            return
        if asked:
            stream = asked  # an answer may rename the session for the next request; the conversation is the same
        yield from self._opened(stream, server)
        if body:
            yield InnerData(side=Side.CLIENT, stream=stream, data=body)
        if frame.body:
            yield InnerData(side=Side.SERVER, stream=stream, data=frame.body)
        if fields.get("Session") == "close":
            self._open.pop(stream, None)
            yield InnerEnd(side=Side.SERVER, stream=stream)

    def _opened(self, stream: str, server: str | None) -> Iterator[Event]:
        if stream not in self._open:
            if len(self._open) >= MAX_PIPELINED:
                del self._open[next(iter(self._open))]
            self._open[stream] = None
            yield InnerOpened(
                side=Side.CLIENT, stream=stream, carrier=self.carrier, destination=_destination(server), shared=True
            )


def _stream(session: str) -> str:
    """What stays of a session's identifier."""
    return session.partition(".")[0][:MAX_NAME] or session[:MAX_NAME]


def _destination(server: str | None) -> str | None:
    return None if server is None else f"{server[:MAX_NAME]}:1863"
