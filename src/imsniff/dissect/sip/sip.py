"""SIP, the Session Initiation Protocol (RFC 3261), with its instant messaging and presence (SIMPLE), over UDP and TCP.

    INVITE sip:bob@example.com SIP/2.0          a message: start line, headers, an empty line,
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=...  and a body of Content-Length bytes. A datagram holds one, and may
    From: "Alice" <sip:alice@example.com>;tag=. leave the length away; on a stream one follows the other, and CRLF or
    ...                                         NULs between them keep a connection alive.

All methods are read: IM lives in MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH and in INVITE with `m=message`. The pieces:
`sip_message` the head, `sip_address` URIs and Via, `sip_talk` who speaks, `sip_credentials` Authorization, `sip_body`
MIME and CPIM, `simple` presence documents, `sdp` and `sip_sessions` what an INVITE announces.

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
from imsniff.dissect.core import Remembered
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.memo import memoised
from imsniff.dissect.oscar.markup import plain
from imsniff.dissect.sip import simple
from imsniff.dissect.sip.address import address, parse_uri
from imsniff.dissect.sip.body import Part, decoded, inflated, leaves, media_type
from imsniff.dissect.sip.credentials import Waiting, login
from imsniff.dissect.sip.framing import SipFraming, SipMessage
from imsniff.dissect.sip.message import Head, credentials, start_line
from imsniff.dissect.sip.sessions import Addresses, Sessions
from imsniff.dissect.sip.talk import Talk, expires


class Sip(SipFraming):
    name = "sip"

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._turnable = midstream
        self._waiting = Waiting()
        self._addresses = Addresses()
        self._sessions = Sessions()
        self._seen: Remembered[int, None] = Remembered()
        self._bodies: Remembered[tuple[str, str, str], tuple[int, int, bool]] = Remembered()
        """(Call-ID, method, where) to the number, body and credential of the last request."""
        self._registering: Remembered[str, bool] = Remembered()
        """Transaction of a REGISTER to whether it takes a binding away."""
        self._unvouched: Remembered[str, None] = Remembered()
        """Call-IDs of requests without a credential."""
        self._presence: Remembered[str, tuple[str, str | None]] = Remembered()
        self._contacts: Remembered[tuple[str | None, str, str | None], None] = Remembered()
        self._software: Remembered[tuple[Side, str], None] = Remembered()
        self._passwords: Remembered[tuple[str, str], None] = Remembered()
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
        talk = Talk(side, head)
        self._note_answers(talk)
        yield from self._traits(talk)
        yield from self._uri_passwords(talk)
        yield from self._addresses.of_head(side, head, talk)
        yield from self._request(talk) if head.method else self._response(talk)
        if frame.body and not self._is_resent(talk, "body", frame.body):
            yield from self._body(talk, frame.body)
        if self._waiting:
            yield from self._waiting.expire(self.good)

    def _note_answers(self, talk: Talk) -> None:
        """Whether two different messages of one side show that the other side answered: a response, an ACK or a request
        within a dialog, or a credential after the same request without one."""
        if self.answer_implied:
            return
        head = talk.head
        answered = not head.method or head.method == "ACK" or "tag=" in head.get("to")
        self.answer_implied = len(self._seen) > 1 and (answered or (talk.vouched and talk.call in self._unvouched))
        if head.method and not talk.vouched:
            self._unvouched[talk.call] = None

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

    def _is_resent(self, talk: Talk, place: str, text: bytes) -> bool:
        """Whether a request says again, now with a credential, what it said before; or comes by another branch."""
        if not talk.head.method:
            return False
        key, number, digest, vouched = (talk.call, talk.method, place), talk.number, hash(text), talk.vouched
        before = self._bodies.get(key)
        self._bodies[key] = (number, digest, vouched)
        if before is None or before[1] != digest or not talk.call:
            return False
        return number == before[0] or (vouched and not before[2] and number == before[0] + 1)

    def _traits(self, talk: Talk) -> Iterator[Event]:
        head = talk.head
        software = (head.get("user-agent") or head.get("server"))[:MAX_NAME]
        if software and (talk.side, software) not in self._software:
            self._software[talk.side, software] = None
            yield Trait(side=talk.side, software=software)
        sure = talk.method == "REGISTER"
        if self._user_sure or (self._user is not None and not sure) or talk.method not in _PERSONAL:
            return
        from_client = (talk.side is Side.CLIENT) == bool(head.method)
        user = talk.caller if from_client else talk.callee
        if user:
            self._user_sure = sure
            if user != self._user:
                self._user = user
                yield Trait(side=talk.side, account=user)

    def _uri_passwords(self, talk: Talk) -> Iterator[Event]:
        """`sip:user:password@host`, wherever a URI stands; once a URI's account and password."""
        head = talk.head
        uris = [parse_uri(head.uri)] if head.method else []
        for name in _URIS:
            uris += [address(value)[0] for value in head.every(name)]
        for uri in uris:
            if uri is None or not uri.password or (uri.account, uri.password) in self._passwords:
                continue
            self._passwords[uri.account, uri.password] = None
            yield Login(
                side=talk.side,
                account=uri.account,
                scheme="uri",
                grade=Grade.CLEARTEXT,
                secret=uri.password,
                wire=excerpt(f"{uri.scheme}:{uri.user}:{masked(uri.password)}@{uri.host}"),
            )

    def _request(self, talk: Talk) -> Iterator[Event]:
        head = talk.head
        for header in ("authorization", "proxy-authorization"):
            for value in head.all(header):
                try:
                    credential = login(talk.side, header.title(), value, talk.caller)
                except Malformed as why:
                    yield Anomaly(side=talk.side, code="sip.credential", detail=str(why))
                    continue
                if credential is not None:
                    proxy = header == "proxy-authorization"
                    yield from self._waiting.add(talk.transaction, proxy, self.dated(credential), self.good)
        if (handler := _REQUESTS.get(head.method)) is not None:
            yield from handler(self, talk)

    def _response(self, talk: Talk) -> Iterator[Event]:
        if self._waiting:
            stale = any(
                credentials(value)[1].get("stale", "").lower() == "true"
                for header in ("www-authenticate", "proxy-authenticate")
                for value in talk.head.all(header)
            )
            yield from self._waiting.answer(talk.transaction, talk.head.status, stale)
        if (handler := _RESPONSES.get(talk.method)) is not None:
            yield from handler(self, talk)

    # --- methods ------------------------------------------------------------------------------------------------------

    def _register(self, talk: Talk) -> Iterator[Event]:
        if (self._turnable or self._whole) and talk.side is Side.SERVER and not self._registering:
            yield Reversed(side=Side.CLIENT)  # a registrar does not register
        self._registering[talk.transaction] = expires(talk.head) == 0

    def _registered(self, talk: Talk) -> Iterator[Event]:
        if not 200 <= talk.head.status < 300 or not talk.callee:
            return
        leaving = self._registering.get(talk.transaction, expires(talk.head) == 0)
        yield from self._once(
            Presence(
                side=talk.side,
                account=talk.callee,
                status="offline" if leaving else "registered",
                wire=excerpt(f"{talk.head.start} to REGISTER of {talk.callee}"),
            )
        )

    def _subscribe(self, talk: Talk) -> Iterator[Event]:
        """Who asks for somebody's presence has them on the list."""
        event = talk.head.get("event").partition(";")[0].strip().lower()
        if event == "presence" and talk.callee and talk.caller and talk.callee.casefold() != talk.caller.casefold():
            wire = excerpt(f"SUBSCRIBE of {talk.caller} to presence of {talk.callee}")
            yield from self._once(Contact(side=talk.side, owner=talk.caller, account=talk.callee, wire=wire))

    def _invite(self, talk: Talk) -> Iterator[Event]:
        """Who calls whom, once a call, and Lync's first line of a conversation, which travels in a header."""
        yield from self._sessions.call(talk.side, talk.call, talk.caller, talk.callee)
        said = talk.head.get("ms-text-format")
        if not said or self._is_resent(talk, "header", said.encode()):
            return
        kind, params = media_type(said)
        try:
            body = binascii.a2b_base64(params.get("ms-body", "").encode("ascii", "replace"))
        except binascii.Error:
            raise Malformed("bad Base64 in ms-text-format") from None
        if body:
            yield from self._text(talk, Part(kind, params, body))

    def _invited(self, talk: Talk) -> Iterator[Event]:
        yield from self._sessions.call(talk.side, talk.call, talk.caller, talk.callee)
        yield from self._sessions.refused(talk.side, talk.call, talk.head.status)

    # --- bodies -------------------------------------------------------------------------------------------------------

    def _body(self, talk: Talk, body: bytes) -> Iterator[Event]:
        head = talk.head
        kind, params = media_type(head.get("content-type"))
        if head.get("content-encoding"):
            body = inflated(body, head.get("content-encoding"))
        for part in leaves(Part(kind, params, body, head.get("content-disposition"))):
            try:
                yield from self._leaf(talk, part)
            except Malformed as why:
                yield Anomaly(side=talk.side, code="sip.body", detail=f"{part.kind[:40]}: {why}")

    def _leaf(self, talk: Talk, part: Part) -> Iterable[Event]:
        if part.kind.startswith("text/") or not part.kind:
            return self._text(talk, part) if talk.method == "MESSAGE" and talk.head.method else ()
        return self._described(talk, part) if part.kind == "application/sdp" else self._document(talk, part)

    def _described(self, talk: Talk, part: Part) -> Iterator[Event]:
        yield from self._sessions.described(talk.side, talk.call, talk.head, part.body, talk.sender, talk.recipient)
        yield from self._addresses.of_description(talk.side, self._sessions.description, talk.sender, talk.recipient)

    def _document(self, talk: Talk, part: Part) -> Iterator[Event]:
        about = simple.About(
            talk.side,
            part.sender or talk.sender,
            part.recipient or talk.recipient,
            talk.method in _TOLD_ABOUT,
            excerpt(f"{_shown(talk.head.start)} {part.kind}"),
        )
        for event in simple.events(part.kind, part.body, about):
            yield from self._once(event)

    def _text(self, talk: Talk, part: Part) -> Iterator[Event]:
        text = decoded(part)
        if part.kind == "text/html":
            text = plain(text)
        if text.strip("\r\n\0 "):
            yield Message(
                side=talk.side,
                sender=part.sender or talk.sender,
                recipient=part.recipient or talk.recipient,
                text=text.rstrip("\0"),
                wire=_shown(talk.head.start),
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


Handler = Callable[[Sip, Talk], Iterator[Event]]
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
def _shown(start: str) -> str:
    """A start line as evidence; a password in its URI is not among what is shown."""
    line = start_line(start)
    if line is None or not line.method:
        return excerpt(start)
    uri, _ = address(line.uri)
    return excerpt(f"{line.method} {uri.scheme}:{uri.account}" if uri else line.method)
