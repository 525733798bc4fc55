"""XMPP, once Jabber: XML streams between clients, servers and components.

    C: <?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='...' version='1.0'>
    S: <stream:stream from='example.org' id='...' ...><stream:features>...</stream:features>
    C: <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>...</auth>
    S: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>          and the stream starts again, with a new header
    C: <message to='bob@example.org' type='chat'><body>Hello</body></message>

Each side is one XML document that grows. `cutter` finds its top-level elements, `xml` parses each by itself,
and the tables below say who reads what: `sasl`, `secrets`, `chat`, `files`, `jingle`,
`software`. A stream may restart (after SASL), turn into TLS (`starttls`) or into zlib (`compress`).

The same elements come one a frame over WebSocket (RFC 7395: `open` in place of the header) and wrapped in `body` over
BOSH (XEP-0124, XEP-0206): whoever peels those carriers feeds what is inside.

References: RFC 6120, RFC 6121, XEP-0114 (components), XEP-0138 (compression), XEP-0220 (server dialback).
Seen from: libpurple 2.14, slixmpp 1.17, xmpp.js 0.13, Prosody 0.12, ejabberd 23.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from xml.etree.ElementTree import Element

from imsniff.base.events import Anomaly, Encryption, Event, Expect, Grade, Login, Outcome, Side, Trait
from imsniff.base.limits import LOOKAHEAD, MAX_INFLATION, MAX_STANZA
from imsniff.dissect.core import Dissector, Inbox
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.memo import memoised
from imsniff.dissect.xmpp import chat, files, jingle, sasl, secrets, software
from imsniff.dissect.xmpp.cutter import Cutter, Kind, Piece, name_of
from imsniff.dissect.xmpp.shape import HEADER, MARKS, begins, weight
from imsniff.dissect.xmpp.state import Handler, State
from imsniff.dissect.xmpp.xml import STANZAS, STREAMS, Scope, child_text, domain, space, split

TLS_RECORD = b"\x16"
ZLIB = b"\x78"
"""First bytes of a TLS handshake and of a zlib stream."""
MUC_OWNER = "{http://jabber.org/protocol/muc#owner}query"
IBB = "{http://jabber.org/protocol/ibb}"

ROLES = {
    "jabber:client": "client",
    "jabber:server": "server",
    "jabber:component:accept": "component",
    "jabber:component:connect": "component",
}
SERVICES = {
    "gmail.com": "google-talk",
    "googlemail.com": "google-talk",
    "chat.facebook.com": "facebook",
    "messenger.live.com": "msn",
    "chat.hipchat.com": "hipchat",
}
"""Services known by the domain they were reached under; all others are `jabber`."""


# --- what is asked of every `iq`, `message` and `presence`, by the tag of a child -------------------------------------


def bind(state: State, side: Side, stanza: Element, inner: Element) -> Iterator[Event]:
    """Which full JID the client got (RFC 6120 §7)."""
    state.role = state.role or "client"
    if stanza.get("type") == "set":
        yield from state.client_is(side)
    elif (jid := child_text(inner, "jid")) is not None:
        yield from state.client_is(side.other)
        yield from state.identify(side, jid)


IQ_CHILDREN: dict[str, Handler] = {
    "{urn:ietf:params:xml:ns:xmpp-bind}bind": bind,
    "{jabber:iq:auth}query": secrets.iq_auth,
    "{jabber:iq:register}query": secrets.register,
    "{jabber:iq:private}query": secrets.private,
    MUC_OWNER: secrets.room_configuration,
    "{jabber:iq:roster}query": chat.roster,
    "{jabber:iq:version}query": software.version,
    "{http://jabber.org/protocol/disco#info}query": software.discovery,
    "{http://jabber.org/protocol/si}si": files.stream_initiation,
    "{http://jabber.org/protocol/bytestreams}query": files.bytestreams,
    IBB + "open": files.ibb_open,
    IBB + "data": files.ibb_data,
    IBB + "close": files.ibb_close,
    "{jabber:iq:oob}query": files.out_of_band,
    "{urn:xmpp:jingle:1}jingle": jingle.jingle,
    "{urn:xmpp:jingle:0}jingle": jingle.jingle,
    "{urn:xmpp:tmp:jingle}jingle": jingle.jingle,
    "{http://jabber.org/protocol/jingle}jingle": jingle.jingle,
    "{http://www.google.com/session}session": jingle.google_session,
    **{
        f"{{{upload}}}{name}": handler
        for upload in ("urn:xmpp:http:upload", "urn:xmpp:http:upload:0", "eu:siacs:conversations:http:upload")
        for name, handler in (("request", files.upload_request), ("slot", files.upload_slot))
    },
}
chat.MESSAGE_CHILDREN.update(
    {
        "{jabber:x:oob}x": files.out_of_band,
        "{jabber:x:conference}x": secrets.direct_invitation,
        "{http://jabber.org/protocol/muc#user}x": secrets.room_password,
        IBB + "data": files.ibb_data,
        "{urn:xmpp:sfs:0}file-sharing": files.shared,
        "{urn:xmpp:reference:0}reference": files.shared,
    }
)
chat.PRESENCE_CHILDREN.update(
    {
        "{http://jabber.org/protocol/muc}x": secrets.room_password,
        "{http://jabber.org/protocol/caps}c": software.capabilities,
    }
)


def iq(state: State, side: Side, stanza: Element) -> Iterator[Event]:
    kind = stanza.get("type")
    if side is not state.client and state.sure and state.own is None and state.role == "client":
        yield from state.identify(side, stanza.get("to"))
    for inner in stanza:
        if kind != "error" and (handler := IQ_CHILDREN.get(inner.tag)) is not None:
            yield from handler(state, side, stanza, inner)
    if kind in ("result", "error"):
        answered = state.asked.pop((side.other, stanza.get("id") or ""), None)
        if answered is not None:
            yield from answered(side, kind == "result", stanza)


STANZA_HANDLERS: dict[str, Callable[[State, Side, Element], Iterator[Event]]] = {
    "iq": iq,
    "message": chat.message,
    "presence": chat.presence,
}
TOP_HANDLERS: dict[tuple[str, str], Callable[[State, Side, Element], Iterator[Event]]] = {
    **sasl.HANDLERS,
    **{(streams, "features"): software.features for streams in STREAMS},
    **{(streams, "error"): sasl.refused for streams in STREAMS},
    **{(stanzas, "handshake"): secrets.handshake for stanzas in STANZAS},
    ("jabber:server:dialback", "result"): secrets.dialback,
}
"""Other elements at top level, by name space and local name. Those that change the stream itself are methods below."""


@memoised
def _handler(tag: str) -> Callable[[State, Side, Element], Iterator[Event]] | None:
    """Who reads a top-level element."""
    key = split(tag)
    stanza = STANZA_HANDLERS.get(key[1]) if key[0] in STANZAS else None
    return stanza or TOP_HANDLERS.get(key)


class Xmpp(Dissector[Piece]):
    name = "xmpp"
    max_frame = MAX_STANZA
    marks = MARKS

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._state = State(self.hold, self.settle, midstream=midstream)
        self._scopes = {side: Scope() for side in Side}
        self._cutters = {side: Cutter(landed=side in self._lost) for side in Side}
        self._weight = 0
        """How much speaks for XMPP, see `shape.weight`."""
        self._tls = False
        """Whether somebody said `starttls`: a TLS record may come where an element should."""
        self._zlib = False
        """Whether somebody said `compress`: a zlib stream may begin where an element should."""
        self._inflaters: dict[Side, Inflater] = {}

    @property
    def confirmed(self) -> bool:
        return self._weight >= 2

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Piece]:
        cutter = self._cutters[side]
        while True:
            if self._tls and cutter.between and box.data[:1] == TLS_RECORD:
                box.clear()
                yield Piece(Kind.TLS, b"")
                return
            if self._zlib and not self._inflaters and cutter.between and box.data[:1] == ZLIB:
                self._inflate(side)
            piece = cutter.next(box)
            if piece is None:
                if self._inflaters and self._inflaters[side].failed:
                    yield Piece(Kind.BROKEN, b"")
                return
            if not (cutter.opened and piece.kind is Kind.ELEMENT):
                if not _belongs(piece):
                    box.data[:0] = piece.raw  # something inside may
                    raise Malformed("an element that is not XMPP's, and no stream header before it")
                if piece.kind is Kind.HEADER:
                    cutter.landed = False
                cutter.opened = cutter.opened or piece.kind is not Kind.CLOSE
            yield piece

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        window = bytes(data[at : at + LOOKAHEAD])
        if self._tls and window[:1] == TLS_RECORD:
            return window[1:2] == b"\x03" if len(window) > 1 else None
        return begins(window)

    def restart(self, side: Side) -> None:
        self._cutters[side] = Cutter(landed=True)

    def feed(self, side: Side, data: bytes) -> Iterable[Event]:
        return self._feed_inflated(side, data) if self._inflaters else super().feed(side, data)

    def _feed_inflated(self, side: Side, data: bytes) -> Iterator[Event]:
        for plain in self._inflaters[side].pieces(data):
            yield from super().feed(side, plain)
        yield from super().feed(side, b"")  # there may be nothing but a fault

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        yield from super().gap(side, missing)
        if side in self._inflaters and not self.opaque:
            yield from self._close_up(side, "bytes of a compressed stream are missing")

    def on_end(self) -> Iterator[Event]:
        return sasl.unfinished(self._state)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Piece) -> Iterator[Event]:
        if frame.kind is Kind.ELEMENT:
            self._state.raw = frame.raw
            element = self._scopes[side].tree(frame.raw)
            if self._weight < 2:
                return chain(self._weighed(side, weight(frame.raw)), self._element(side, element))
            return self._element(side, element)
        if frame.kind is Kind.HEADER:
            return self._header(side, frame.raw)
        if frame.kind is Kind.TLS:
            return self._secured(side)
        if frame.kind is Kind.BROKEN:
            return self._close_up(side, self._inflaters[side].failed)
        return iter(())

    def _element(self, side: Side, element: Element) -> Iterator[Event]:
        if (handle := _handler(element.tag)) is not None:
            return handle(self._state, side, element)
        if (method := SWITCHES.get(split(element.tag))) is not None:
            return method(self, side, element)
        return iter(())

    def _weighed(self, side: Side, more: int) -> Iterator[Event]:
        self._weight += more
        if self._weight >= 2:
            state = self._state
            service = SERVICES.get(domain(state.own or state.domain or ""), "jabber")
            yield Trait(side=side, service=service, server_name=state.domain, wire=state.tell)

    def _header(self, side: Side, raw: bytes) -> Iterator[Event]:
        self._state.keep = self.keep
        prefix, name = name_of(raw)
        scope = self._scopes[side]
        header = scope.tree(raw + b"</" + (prefix + b":" if prefix else b"") + name + b">")
        if space(header) not in STREAMS:
            raise Malformed("a stream that is not XMPP's")
        scope.header(raw)
        self._state.raw = raw
        yield from self._opened(side, header, ROLES.get(scope.content))

    def _opened(self, side: Side, header: Element, role: str | None) -> Iterator[Event]:
        """A header, whatever it looks like: who is who, and the JID that many clients tell before there is TLS."""
        state = self._state
        sender, to = header.get("from"), header.get("to")
        state.role = role or state.role
        if to and not header.get("id"):
            yield from state.client_is(side)
        elif sender and header.get("id"):
            yield from state.client_is(side.other)
        if side is state.client:
            state.domain = to or state.domain
            yield from state.identify(side, sender)
        else:
            state.domain = state.domain or sender
            yield from state.identify(side, to)
        if self._weight < 2:
            yield from self._weighed(side, 2)

    # --- elements that change the stream itself -----------------------------------------------------------------------

    def _asked_for_tls(self, side: Side, _: Element) -> Iterator[Event]:
        self._tls = True
        yield from self._state.client_is(side)

    def _proceed(self, side: Side, _: Element) -> Iterator[Event]:
        return self._secured(side)

    def _secured(self, side: Side) -> Iterator[Event]:
        """All that was said in clear is how the stream was opened, and maybe by whom."""
        state = self._state
        self.opaque = True
        yield Trait(side=side, encryption=Encryption.STARTTLS, wire=state.tell)
        if state.own is not None:
            yield Login(side=state.client, account=state.own, scheme="starttls", grade=Grade.PROTECTED, wire=state.tell)

    def _asked_for_zlib(self, side: Side, _: Element) -> Iterator[Event]:
        self._zlib = True
        yield from self._state.client_is(side)

    def _compressed(self, side: Side, _: Element) -> Iterator[Event]:
        self._inflate(side)
        yield from ()

    def _inflate(self, side: Side) -> None:
        """XEP-0138, from the next byte on and both ways."""
        if not self._inflaters:
            self._inflaters = {each: Inflater() for each in Side}
            box = self._inbox[side]
            rest = bytes(box.data)
            box.clear()
            box.data += b"".join(self._inflaters[side].pieces(rest))

    def _close_up(self, side: Side, why: str) -> Iterator[Event]:
        self.opaque = True
        yield from self.settle(Outcome.UNKNOWN)
        yield Anomaly(side=side, code="xmpp.compression", detail=why)

    # --- carriers that frame the same elements otherwise --------------------------------------------------------------

    def _framed(self, side: Side, element: Element) -> Iterator[Event]:
        """RFC 7395: `open` stands for the header."""
        return self._opened(side, element, "client")

    def _wrapped(self, side: Side, body: Element) -> Iterator[Event]:
        """BOSH: a body is a header where it opens a session, and a wrapper of stanzas always."""
        if body.get("to") or body.get("from") or body.get("authid"):
            yield from self._opened(side, body, "client")
        for element in body:
            yield from self._element(side, element)


SWITCHES: dict[tuple[str, str], Callable[[Xmpp, Side, Element], Iterator[Event]]] = {
    ("urn:ietf:params:xml:ns:xmpp-tls", "starttls"): Xmpp._asked_for_tls,
    ("urn:ietf:params:xml:ns:xmpp-tls", "proceed"): Xmpp._proceed,
    ("http://jabber.org/protocol/compress", "compress"): Xmpp._asked_for_zlib,
    ("http://jabber.org/protocol/compress", "compressed"): Xmpp._compressed,
    ("urn:ietf:params:xml:ns:xmpp-framing", "open"): Xmpp._framed,
    ("http://jabber.org/protocol/httpbind", "body"): Xmpp._wrapped,
}


def _belongs(piece: Piece) -> bool:
    """Whether a piece shows by itself that it is XMPP's."""
    if piece.kind is Kind.HEADER:
        return HEADER.search(piece.raw) is not None
    return piece.kind is Kind.CLOSE or bool(begins(piece.raw[:LOOKAHEAD])) or name_of(piece.raw)[1] == b"handshake"


class Inflater:
    """One side of a compressed stream, no more than MAX_INFLATION bytes for each that came.

    Where the bytes stop being zlib, all that comes before is given, however they were cut."""

    __slots__ = ("_came", "_fault", "_gave", "_zlib", "failed")

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj()
        self._came = 0
        self._gave = 0
        self._fault = ""
        self.failed = ""
        """Why nothing more can be had, where that is so and all before it was given."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self.failed:
            return
        before = self._zlib.copy()
        try:
            plain = list(self._inflated(data))
        except zlib.error:
            self._zlib, plain = before, []
            try:
                for byte in data:
                    plain += self._inflated(bytes((byte,)))
            except zlib.error:
                self._fault = "not a zlib stream"
        yield from plain
        self.failed = self._fault

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        self._came += len(data)
        while data and not self._fault:
            plain = self._zlib.decompress(data, 65_536)
            self._gave += len(plain)
            if self._gave > MAX_INFLATION * (self._came + 1024):
                self._fault = f"more than {MAX_INFLATION} bytes out of each that came"
                return
            if self._zlib.eof:
                self._fault = "the zlib stream ended"
            data = self._zlib.unconsumed_tail
            if plain:
                yield plain
