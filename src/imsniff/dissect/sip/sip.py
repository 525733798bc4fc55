"""SIP, the Session Initiation Protocol (RFC 3261), with its instant messaging and presence (SIMPLE), over UDP and TCP.

    INVITE sip:bob@example.com SIP/2.0          a message: start line, headers, an empty line,
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=...  and a body of Content-Length bytes. A datagram holds one, and may
    From: "Alice" <sip:alice@example.com>;tag=. leave the length away; on a stream one follows the other, and CRLF or
    ...                                         NULs between them keep a connection alive.

All methods are read: IM lives in MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH and in INVITE with `m=message`. The pieces:
`message` the head, `address` URIs and Via, `context` who speaks, `credentials` Authorization, `body`
MIME and CPIM, `simple` presence documents, `sdp` and `sessions` what an INVITE announces.

Requests are answered within a transaction, are repeated over UDP until they are, and are sent again with a credential
after 401 or 407: each message text, credential and address is told once.

References: RFC 3261, 3428 (MESSAGE), 3903 (PUBLISH), 5626 (keep-alive), 5389 section 8 (STUN on the same port), 6665;
[MS-SIPRE] for ms-text-format.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable, Iterator

from imsniff.base.events import (
    Anomaly,
    Contact,
    Event,
    Expect,
    Grade,
    Login,
    Message,
    Presence,
    Reversed,
    Side,
    Trait,
    excerpt,
    masked,
)
from imsniff.base.limits import MAX_NAME
from imsniff.dissect.core import CappedTable
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.memo import memoised
from imsniff.dissect.oscar.markup import plain
from imsniff.dissect.sip import simple
from imsniff.dissect.sip.address import address, parse_uri
from imsniff.dissect.sip.body import Part, decoded, inflated, leaves, media_type
from imsniff.dissect.sip.context import MessageContext, expires
from imsniff.dissect.sip.credentials import Waiting, login
from imsniff.dissect.sip.framing import SipFraming, SipMessage
from imsniff.dissect.sip.message import Head, credentials, start_line
from imsniff.dissect.sip.sessions import Addresses, Sessions


class Sip(SipFraming):
    name = "sip"

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._turnable = midstream
        self._waiting = Waiting()
        self._addresses = Addresses()
        self._sessions = Sessions()
        self._seen: CappedTable[int, None] = CappedTable()
        self._bodies: CappedTable[tuple[str, str, str], tuple[int, int, bool]] = CappedTable()
        """(Call-ID, method, where) to the number, body and credential of the last request."""
        self._registering: CappedTable[str, bool] = CappedTable()
        """Transaction of a REGISTER to whether it takes a binding away."""
        self._unvouched: CappedTable[str, None] = CappedTable()
        """Call-IDs of requests without a credential."""
        self._presence: CappedTable[str, tuple[str, str | None]] = CappedTable()
        self._contacts: CappedTable[tuple[str | None, str, str | None], None] = CappedTable()
        self._software: CappedTable[tuple[Side, str], None] = CappedTable()
        self._passwords: CappedTable[tuple[str, str], None] = CappedTable()
        """Of URIs: account and password."""
        self._user: str | None = None
        self._user_sure = False

    def on_end(self) -> Iterator[Event]:
        for side in Side:
            yield from self._cut_short(side)
        yield from self._waiting.flush()

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: SipMessage) -> Iterator[Event]:
        head = frame.head
        if self._is_repetition(head):
            return
        if frame.flaw:
            yield Anomaly(side=side, code=frame.flaw, detail=_shown(head.start))
        if head.overfull:
            yield Anomaly(side=side, code="sip.headers", detail="more header lines than are read")
        msg = MessageContext(side, head)
        self._note_answers(msg)
        yield from self._traits(msg)
        yield from self._uri_passwords(msg)
        yield from self._addresses.of_head(side, head, msg)
        yield from self._request(msg) if head.method else self._response(msg)
        if frame.body and not self._is_resent(msg, "body", frame.body):
            yield from self._body(msg, frame.body)
        if self._waiting:
            yield from self._waiting.expire(self.good)

    def _note_answers(self, msg: MessageContext) -> None:
        """Whether two different messages of one side show that the other side answered: a response, an ACK or a request
        within a dialog, or a credential after the same request without one."""
        if self.answer_implied:
            return
        head = msg.head
        answered = not head.method or head.method == "ACK" or "tag=" in head.get("to")
        self.answer_implied = len(self._seen) > 1 and (answered or (msg.vouched and msg.call in self._unvouched))
        if head.method and not msg.vouched:
            self._unvouched[msg.call] = None

    def _is_repetition(self, head: Head) -> bool:
        """Whether the very message crossed before: retransmitted, or seen again on its way through a proxy's loop.
        Pidgin reuses number and branch when it sends again with a credential, so that belongs to the key."""
        said = head.headers.get
        call = said("call-id")
        if not call:
            return False
        key = hash(
            (
                call,
                said("cseq", ""),
                head.method or head.status,
                said("via", ""),
                said("authorization", ""),
                said("proxy-authorization", ""),
            )
        )
        if key in self._seen:
            return True
        self._seen[key] = None
        return False

    def _is_resent(self, msg: MessageContext, place: str, text: bytes) -> bool:
        """Whether a request says again, now with a credential, what it said before; or comes by another branch."""
        if not msg.head.method:
            return False
        key, number, digest, vouched = (
            (msg.call, msg.method, place),
            msg.number,
            hash(text),
            msg.vouched,
        )
        before = self._bodies.get(key)
        self._bodies[key] = (number, digest, vouched)
        if before is None or before[1] != digest or not msg.call:
            return False
        return number == before[0] or (vouched and not before[2] and number == before[0] + 1)

    def _traits(self, msg: MessageContext) -> Iterator[Event]:
        head = msg.head
        software = (head.get("user-agent") or head.get("server"))[:MAX_NAME]
        if software and (msg.side, software) not in self._software:
            self._software[msg.side, software] = None
            yield Trait(side=msg.side, software=software)
        sure = msg.method == "REGISTER"
        if self._user_sure or (self._user is not None and not sure) or msg.method not in _PERSONAL:
            return
        from_client = (msg.side is Side.CLIENT) == bool(head.method)
        user = msg.caller if from_client else msg.callee
        if user:
            self._user_sure = sure
            if user != self._user:
                self._user = user
                yield Trait(side=msg.side, account=user, server_name=_registrar(user) if sure else None)

    def _uri_passwords(self, msg: MessageContext) -> Iterator[Event]:
        """`sip:user:password@host`, wherever a URI stands; once a URI's account and password."""
        head = msg.head
        uris = [parse_uri(head.uri)] if head.method else []
        for name in _URIS:
            uris += [address(value)[0] for value in head.every(name)]
        for uri in uris:
            if uri is None or not uri.password or (uri.account, uri.password) in self._passwords:
                continue
            self._passwords[uri.account, uri.password] = None
            yield Login(
                side=msg.side,
                account=uri.account,
                scheme="uri",
                grade=Grade.CLEARTEXT,
                secret=uri.password,
                wire=excerpt(f"{uri.scheme}:{uri.user}:{masked(uri.password)}@{uri.host}"),
            )

    def _request(self, msg: MessageContext) -> Iterator[Event]:
        head = msg.head
        for header in ("authorization", "proxy-authorization"):
            for value in head.all(header):
                try:
                    credential = login(msg.side, header.title(), value, msg.caller)
                except Malformed as why:
                    yield Anomaly(side=msg.side, code="sip.credential", detail=str(why))
                    continue
                if credential is not None:
                    proxy = header == "proxy-authorization"
                    yield from self._waiting.add(msg.transaction, proxy, self.dated(credential), self.good)
        if (handler := _REQUESTS.get(head.method)) is not None:
            yield from handler(self, msg)

    def _response(self, msg: MessageContext) -> Iterator[Event]:
        if self._waiting:
            stale = any(
                credentials(value)[1].get("stale", "").lower() == "true"
                for header in ("www-authenticate", "proxy-authenticate")
                for value in msg.head.all(header)
            )
            yield from self._waiting.answer(msg.transaction, msg.head.status, stale)
        if (handler := _RESPONSES.get(msg.method)) is not None:
            yield from handler(self, msg)

    # --- methods ------------------------------------------------------------------------------------------------------

    def _register(self, msg: MessageContext) -> Iterator[Event]:
        if (self._turnable or self._whole) and msg.side is Side.SERVER and not self._registering:
            yield Reversed(side=Side.CLIENT)  # a registrar does not register
        self._registering[msg.transaction] = expires(msg.head) == 0

    def _registered(self, msg: MessageContext) -> Iterator[Event]:
        if not 200 <= msg.head.status < 300 or not msg.callee:
            return
        leaving = self._registering.get(msg.transaction, expires(msg.head) == 0)
        yield from self._once(
            Presence(
                side=msg.side,
                account=msg.callee,
                status="offline" if leaving else "registered",
                wire=excerpt(f"{msg.head.start} to REGISTER of {msg.callee}"),
            )
        )

    def _subscribe(self, msg: MessageContext) -> Iterator[Event]:
        """Who asks for somebody's presence has them on the list."""
        event = msg.head.get("event").partition(";")[0].strip().lower()
        if event == "presence" and msg.callee and msg.caller and msg.callee.casefold() != msg.caller.casefold():
            wire = excerpt(f"SUBSCRIBE of {msg.caller} to presence of {msg.callee}")
            yield from self._once(Contact(side=msg.side, owner=msg.caller, account=msg.callee, wire=wire))

    def _invite(self, msg: MessageContext) -> Iterator[Event]:
        """Who calls whom, once a call, and Lync's first line of a conversation, which travels in a header."""
        yield from self._sessions.call(msg.side, msg.call, msg.caller, msg.callee)
        said = msg.head.get("ms-text-format")
        if not said or self._is_resent(msg, "header", said.encode()):
            return
        kind, params = media_type(said)
        try:
            body = binascii.a2b_base64(params.get("ms-body", "").encode("ascii", "replace"))
        except binascii.Error:
            raise Malformed("bad Base64 in ms-text-format") from None
        if body:
            yield from self._text(msg, Part(kind, params, body))

    def _invited(self, msg: MessageContext) -> Iterator[Event]:
        yield from self._sessions.call(msg.side, msg.call, msg.caller, msg.callee)
        yield from self._sessions.refused(msg.side, msg.call, msg.head.status)

    # --- bodies -------------------------------------------------------------------------------------------------------

    def _body(self, msg: MessageContext, body: bytes) -> Iterator[Event]:
        head = msg.head
        kind, params = media_type(head.get("content-type"))
        if head.get("content-encoding"):
            body = inflated(body, head.get("content-encoding"))
        for part in leaves(Part(kind, params, body, head.get("content-disposition"))):
            try:
                yield from self._leaf(msg, part)
            except Malformed as why:
                yield Anomaly(side=msg.side, code="sip.body", detail=f"{part.kind[:40]}: {why}")

    def _leaf(self, msg: MessageContext, part: Part) -> Iterable[Event]:
        if part.kind.startswith("text/") or not part.kind:
            return self._text(msg, part) if msg.method == "MESSAGE" and msg.head.method else ()
        return self._described(msg, part) if part.kind == "application/sdp" else self._document(msg, part)

    def _described(self, msg: MessageContext, part: Part) -> Iterator[Event]:
        yield from self._sessions.described(msg.side, msg.call, msg.head, part.body, msg.sender, msg.recipient)
        yield from self._addresses.of_description(msg.side, self._sessions.description, msg.sender, msg.recipient)

    def _document(self, msg: MessageContext, part: Part) -> Iterator[Event]:
        about = simple.About(
            msg.side,
            part.sender or msg.sender,
            part.recipient or msg.recipient,
            msg.method in _TOLD_ABOUT,
            excerpt(f"{_shown(msg.head.start)} {part.kind}"),
        )
        for event in simple.events(part.kind, part.body, about):
            yield from self._once(event)

    def _text(self, msg: MessageContext, part: Part) -> Iterator[Event]:
        text = decoded(part)
        if part.kind == "text/html":
            text = plain(text)
        if text.strip("\r\n\0 "):
            yield Message(
                side=msg.side,
                sender=part.sender or msg.sender,
                recipient=part.recipient or msg.recipient,
                text=text.rstrip("\0"),
                wire=_shown(msg.head.start),
            )

    def _once(self, event: Event) -> Iterator[Event]:
        """Presence where it changed, contacts where they are new: both are refreshed all day."""
        if isinstance(event, Presence):
            state = (event.status, event.note)
            if self._presence.get(event.account) == state:
                return
            self._presence[event.account] = state
        elif isinstance(event, Contact):
            entry = (event.owner, event.account, event.group)
            if entry in self._contacts:
                return
            self._contacts[entry] = None
        yield event


Handler = Callable[[Sip, MessageContext], Iterator[Event]]
_REQUESTS: dict[str, Handler] = {
    "REGISTER": Sip._register,
    "SUBSCRIBE": Sip._subscribe,
    "INVITE": Sip._invite,
    "ACK": Sip._invite,
    "CANCEL": Sip._invite,
}
_RESPONSES: dict[str, Handler] = {"REGISTER": Sip._registered, "INVITE": Sip._invited}

_PERSONAL = frozenset({"REGISTER", "PUBLISH", "SUBSCRIBE", "NOTIFY", "MESSAGE", "INVITE", "ACK", "BYE", "SERVICE"})
"""Methods whose From or To is a user of this flow; OPTIONS is what machines (and scanners) say to each other."""
_URIS = ("from", "to", "contact", "p-asserted-identity")
"""Headers whose values are addresses."""
_TOLD_ABOUT = frozenset({"NOTIFY", "BENOTIFY"})


@memoised
def _registrar(user: str) -> str | None:
    """The domain of an address of record, where it is a name."""
    host = user.rpartition("@")[2]
    return host if host and address(host) is None else None


def _shown(start: str) -> str:
    """A start line as evidence; a password in its URI is not among what is shown."""
    line = start_line(start)
    if line is None or not line.method:
        return excerpt(start)
    uri, _ = address(line.uri)
    return excerpt(f"{line.method} {uri.scheme}:{uri.account}" if uri else line.method)
