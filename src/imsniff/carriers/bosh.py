"""BOSH: XMPP stanzas wrapped in `body` elements, one in each HTTP request and response, over any number of connections.

    POST /http-bind HTTP/1.1 ...   <body rid='1573741820' to='example.org' hold='1' xmlns='...httpbind'/>
    HTTP/1.1 200 OK ...            <body sid='SomeSID' authid='...' xmlns='...httpbind'> stanzas </body>
    POST ...                       <body rid='1573741821' sid='SomeSID' ...> stanzas </body>

The request that creates a session has no `sid`; its response names it. Every later request has it, whichever connection
it takes. Responses may be wrapped for script tags (`callback("<body ...>")`, XEP-0124 \xa716).

References: XEP-0124, XEP-0206.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from imsniff.base.events import Event, Expect, InnerData, InnerOpened, Side
from imsniff.base.limits import MAX_NAME, MAX_PIPELINED
from imsniff.carriers.http import HttpCarrier, HttpMessage

_BODY = re.compile(rb"""<body\s[^<>]*["']http://jabber\.org/protocol/httpbind["'][^<>]*>""")
_SID = re.compile(rb"""\ssid\s?=\s?(?:"([^"<>]{1,256})"|'([^'<>]{1,256})')""")
_SCRIPT = re.compile(rb"""^\s*[\w.$]{1,64}\(\s*(".*")\s*\);?\s*$""", re.DOTALL)


class Bosh(HttpCarrier):
    """XMPP in HTTP bodies."""

    name = "bosh"

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._wrapped = 0
        self._sessions: list[str | None] = []
        """Of requests without a response: the session; None where the response is to name it."""
        self._creating: list[bytes] = []
        """Bodies that create a session, until its name is known."""
        self._open: dict[str, None] = {}

    @property
    def confirmed(self) -> bool:
        return self._wrapped > 0

    def on_frame(self, side: Side, frame: HttpMessage) -> Iterator[Event]:
        body = _unscripted(frame.body)
        wrapper = _BODY.search(body)
        if wrapper is None:
            if side is Side.CLIENT:
                self._sessions = [*self._sessions, ""][-MAX_PIPELINED:]  # not of BOSH: a script, a preflight
            elif frame.status >= 200 and self._sessions:
                self._sessions.pop(0)
            return
        self._wrapped += 1
        data = body[wrapper.start() :]
        sid = _session(wrapper[0])
        if side is Side.CLIENT:
            self._sessions = [*self._sessions, sid][-MAX_PIPELINED:]
            if sid is None:
                self._creating = [*self._creating, data][-MAX_PIPELINED:]
                return
        else:
            asked = self._sessions.pop(0) if self._sessions else None
            sid = sid or asked or next(reversed(self._open), None)
        if sid:
            yield from self._opened(sid)
            yield InnerData(side=side, stream=sid, data=data)

    def _opened(self, sid: str) -> Iterator[Event]:
        if sid not in self._open:
            if len(self._open) >= MAX_PIPELINED:
                del self._open[next(iter(self._open))]
            self._open[sid] = None
            yield InnerOpened(side=Side.CLIENT, stream=sid, carrier=self.name, shared=True)
        if self._creating:
            creating, self._creating = self._creating, []
            yield InnerData(side=Side.CLIENT, stream=sid, data=creating[0])


def _session(start_tag: bytes) -> str | None:
    found = _SID.search(start_tag)
    return None if found is None else (found[1] or found[2]).decode("utf-8", "replace")[:MAX_NAME]


def _unscripted(body: bytes) -> bytes:
    """The element inside a call of a script function."""
    if body[:1] == b"<" or (call := _SCRIPT.match(body)) is None:
        return body
    try:
        text = json.loads(call[1])
    except ValueError:
        return body
    return text.encode() if isinstance(text, str) else body
