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
import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

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
from imsniff.base.limits import LOOKAHEAD, MAX_LINE, MAX_NAME, MAX_SIP_BODY, MAX_SIP_MESSAGE
from imsniff.dissect.core import Dissector, Inbox, Remembered
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.memo import memoised
from imsniff.dissect.oscar.markup import plain
from imsniff.dissect.sip import simple
from imsniff.dissect.sip.address import address, parse_uri
from imsniff.dissect.sip.body import Part, decoded, inflated, leaves, media_type
from imsniff.dissect.sip.credentials import Waiting, login
from imsniff.dissect.sip.message import KNOWN, NO_START, Head, content_length, credentials, parse_head, start_line
from imsniff.dissect.sip.sessions import Addresses, Sessions
from imsniff.dissect.sip.talk import Talk, expires

_BLANK_LINE = re.compile(rb"\n\r?\n")
_IDLE = b"\r\n\0"
"""What keeps a connection alive between messages."""
STUN_COOKIE = b"\x21\x12\xa4\x42"

METHODS = (
    b"INVITE|ACK|BYE|CANCEL|REGISTER|OPTIONS|MESSAGE|SUBSCRIBE|NOTIFY|PUBLISH|INFO|REFER|UPDATE|PRACK|SERVICE|BENOTIFY"
)

_GLUED = re.compile(rb"(?!BENOTIFY )[A-Za-z0-9._-]{1,20}(?:" + METHODS + rb") ")
"""A body without a line end runs into the next message: the method begins later than the line."""


class SipMessage(Struct, frozen=True):
    head: Head
    body: bytes
    flaw: str
    """Code of what is wrong with the length, empty where nothing is."""


class Opened(Struct, frozen=True):
    """A head on a stream whose body is still coming."""

    head: Head
    body_at: int
    length: int | None
    """None: announced badly or not at all; the body ends where the next message begins."""
    flaw: str
    left_out: int = 0
    """Bytes of a body that is too large behind those that are kept."""


class Sip(Dissector[SipMessage]):
    name = "sip"
    max_frame = MAX_SIP_MESSAGE
    marks = re.compile(
        rb"SIP/2\.0 [1-6]\d\d[ \r\n]|(?:"
        + METHODS
        + rb") [A-Za-z]{2,5}:|(?<=\n)[A-Za-z0-9._-]{1,20} [Ss][Ii][Pp][Ss]?:"
    )

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._turnable = midstream
        self._whole = False
        """Whether the bytes at hand are one datagram."""
        self._searched = dict.fromkeys(Side, 0)
        self._opened: dict[Side, Opened] = {}
        self._sane: set[Side] = set()
        """Sides whose waiting bytes begin with a valid start line."""
        self._skipping: dict[Side, int] = {}
        """Bytes still to come of a body that is too large to be kept."""
        self._endless: set[Side] = set()
        """Sides on which a header block goes on that is too large to be kept."""
        self._waiting = Waiting()
        self._addresses = Addresses()
        self._sessions = Sessions()
        self._seen: Remembered[int, None] = Remembered()
        self._bodies: Remembered[tuple[str, str, str], tuple[int, int, bool]] = Remembered()
        """(Call-ID, method, where) to the number, body and credential of the last request."""
        self._registering: Remembered[str, bool] = Remembered()
        """Transaction of a REGISTER to whether it takes a binding away."""
        self._presence: Remembered[str, tuple[str, str | None]] = Remembered()
        self._contacts: Remembered[tuple[str | None, str, str | None], None] = Remembered()
        self._software: Remembered[tuple[Side, str], None] = Remembered()
        self._passwords: Remembered[tuple[str, str], None] = Remembered()
        """Of URIs: account and password."""
        self._user: str | None = None
        self._user_sure = False

    # --- framing ------------------------------------------------------------------------------------------------------

    def datagram(self, side: Side, data: bytes) -> Iterable[Event]:
        if len(data) <= 4 or data[4:8] == STUN_COOKIE or data.isspace():
            return ()  # phones keep NAT open with a few bytes of anything, or with STUN
        self._whole = True
        return super().datagram(side, data)

    def frames(self, side: Side, box: Inbox) -> Iterator[SipMessage]:
        while box.data:
            if (side in self._skipping or side in self._endless) and not self._pass_over(side, box):
                return
            if not box.data:
                return
            if box.data[0] in _IDLE:
                box.drop(len(box.data) - len(box.data.lstrip(_IDLE)))
                continue
            message = self._cut_whole(box) if self._whole else self._cut(side, box)
            if message is None:
                return
            yield message

    def _cut_whole(self, box: Inbox) -> SipMessage:
        """The message in a datagram. What follows its body is padding, unless another message begins there."""
        data = bytes(box.data)
        blank = _BLANK_LINE.search(data)
        end, body_at = blank.span() if blank else (len(data), len(data))
        head = parse_head(data[:end].decode("utf-8", "replace"))
        left = len(data) - body_at
        length, bad = content_length(head, MAX_SIP_MESSAGE)
        flaw = "" if blank else "sip.truncated"
        if bad or (length or 0) > left:
            flaw = flaw or "sip.content-length"
        taken = body_at + (left if length is None else min(left, length))
        rest = data[taken:].lstrip(_IDLE)
        box.drop(len(data) - len(rest) if rest and _is_message(rest) else len(data))
        return SipMessage(head, data[body_at:taken], flaw)

    def _cut(self, side: Side, box: Inbox) -> SipMessage | None:
        """The message at the start of a stream's bytes, once it is there."""
        opened = self._opened.get(side) or self._open(side, box)
        if opened is None:
            return None
        if opened.length is not None:
            end: int | None = opened.body_at + opened.length
        else:
            end = self._next_start(side, box, opened)
        if end is None or len(box.data) < end:
            self._opened[side] = opened
            return None
        body = bytes(box.data[opened.body_at : end])
        box.drop(end)
        self.restart(side)
        if opened.left_out:
            self._skipping[side] = opened.left_out
        return SipMessage(opened.head, body, opened.flaw)

    def _open(self, side: Side, box: Inbox) -> Opened | None:
        data = box.data
        blank = _BLANK_LINE.search(data, self._searched[side])
        if blank is None or blank.end() > MAX_SIP_MESSAGE:
            self._check_start(side, data)
            self._searched[side] = max(0, len(data) - 2)
            return self._endless_head(side, data) if len(data) >= MAX_SIP_MESSAGE else None
        end, body_at = blank.span()
        if data.find(b"\n", 0, MAX_LINE) < 0:
            raise Malformed(NO_START)
        head = parse_head(data[:end].decode("utf-8", "replace"))
        length, bad = content_length(head, MAX_SIP_BODY)
        if length is None and not bad and "content-type" not in head.headers:
            length = 0  # RFC 3261 section 18.3 demands the length on a stream; without a type there will be no body
        if body_at + (length or 0) > MAX_SIP_MESSAGE:
            kept = max(0, MAX_SIP_MESSAGE - body_at)
            return Opened(head, body_at, kept, "sip.too-large", (length or 0) - kept)
        self._searched[side] = body_at
        return Opened(head, body_at, length, "sip.content-length" if length is None else "")

    def _endless_head(self, side: Side, data: bytearray) -> Opened:
        """A header block larger than our buffer: its first MAX_SIP_MESSAGE bytes are read, the rest is dropped up to
        the empty line that ends it, and the next message is looked for from there."""
        end = data.rfind(b"\n", 0, MAX_SIP_MESSAGE)
        head = parse_head(data[:end].decode("utf-8", "replace"))
        self._endless.add(side)
        return Opened(head, MAX_SIP_MESSAGE, 0, "sip.too-large")

    def _pass_over(self, side: Side, box: Inbox) -> bool:
        """Drop what belongs to a message that was too large; whether all of it is gone."""
        if side in self._endless:
            blank = _BLANK_LINE.search(box.data)
            if blank is None:
                box.drop(max(0, len(box.data) - 2))
                return False
            box.drop(blank.end())
            self._endless.discard(side)
            raise Malformed("the body of a message whose head was too large")  # its length is unknown
        size = min(self._skipping[side], len(box.data))
        box.drop(size)
        self._skipping[side] -= size
        if not self._skipping[side]:
            del self._skipping[side]
        return side not in self._skipping

    def _check_start(self, side: Side, data: bytearray) -> None:
        """Bytes that cannot become a message are not waited with."""
        if side in self._sane:
            return
        newline = data.find(b"\n", 0, MAX_LINE)
        if newline >= 0:
            if start_line(_text(data[:newline]).rstrip()) is None:
                raise Malformed(NO_START)
            self._sane.add(side)
        elif len(data) >= MAX_LINE or not 32 < data[0] < 127:
            raise Malformed(NO_START)

    def _next_start(self, side: Side, box: Inbox, opened: Opened) -> int | None:
        """Where the next message begins, None while that is not known."""
        data, at = box.data, max(self._searched[side], opened.body_at)
        while (found := self.marks.search(data, at)) is not None:
            at = found.start()
            verdict = self.plausible(side, data, at)
            if verdict:
                return at
            if verdict is None and len(data) - at < LOOKAHEAD:
                self._searched[side] = at
                return None
            at += 1
        self._searched[side] = max(at, len(data) - self.mark_size)
        return None

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        """A start line, and after it a header that SIP messages have."""
        shown = bytes(data[at : at + LOOKAHEAD])
        line, newline, rest = shown.partition(b"\n")
        if not newline:
            return None if shown[:1].isalnum() else False
        if start_line(_text(line).rstrip()) is None or _GLUED.match(line):
            return False
        name, colon, _ = rest.partition(b":")
        if not colon:
            return None if len(rest) < 32 and b"\n" not in rest else False
        return _text(name).strip().lower() in KNOWN

    def restart(self, side: Side) -> None:
        self._searched[side] = 0
        if side in self._lost:
            self._skipping.pop(side, None)
            self._endless.discard(side)
        self._opened.pop(side, None)
        self._sane.discard(side)

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        yield from self._cut_short(side)
        yield from super().gap(side, missing)

    def on_end(self) -> Iterator[Event]:
        for side in Side:
            yield from self._cut_short(side)
        yield from self._waiting.flush()

    def _cut_short(self, side: Side) -> Iterator[Event]:
        """A head without the whole of its body is still worth reading."""
        opened = self._opened.pop(side, None)
        if opened is not None:
            box = self._inbox[side]
            body = bytes(box.data[opened.body_at :])
            box.clear()
            self.restart(side)
            yield from self._judge(side, SipMessage(opened.head, body, opened.flaw or "sip.truncated"))

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
        yield from self._traits(talk)
        yield from self._uri_passwords(talk)
        yield from self._addresses.of_head(side, head, talk)
        yield from self._request(talk) if head.method else self._response(talk)
        if frame.body and not self._is_resent(talk, "body", frame.body):
            yield from self._body(talk, frame.body)
        if self._waiting:
            yield from self._waiting.expire(self.good)

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


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace")


def _is_message(data: bytes) -> bool:
    """Whether a whole start line comes first."""
    first, newline, _ = data.partition(b"\n")
    return newline != b"" and start_line(_text(first).rstrip()) is not None
