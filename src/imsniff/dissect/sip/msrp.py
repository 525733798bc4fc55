"""MSRP, the Message Session Relay Protocol: the messages and files of a session that SIP announced.

    MSRP d93kswow SEND                                          or, an answer:  MSRP d93kswow 200 OK
    To-Path: msrp://bob.example.com:8888/9di4ea;tcp             a path is a list: relays first, the endpoint last
    From-Path: msrp://alicepc.example.com:7777/iau39;tcp
    Message-ID: 12339sdqwer
    Byte-Range: 1-16/16                                         first-last/total of the whole message; `*` is unknown
    Content-Type: text/plain
    <empty line>
    Hi, I'm Alice!
    -------d93kswow$                                            `$` ends the message, `+` this chunk, `#` gives it up

A message comes in chunks of any size, which may interleave with those of others. Who is who the stream does not say:
that comes from the announcement (`Expect`), from CPIM wrappers, or from a user part in the path.

References: RFC 4975, RFC 4976 (relays, AUTH), RFC 5547 (files), RFC 7701 (NICKNAME), RFC 7977 (over WebSocket).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from imsniff.base.addresses import address
from imsniff.base.events import (
    Anomaly,
    Event,
    Expect,
    Exposure,
    Login,
    Message,
    Outcome,
    Side,
    Trait,
    Transfer,
    TransferState,
    excerpt,
)
from imsniff.base.limits import LOOKAHEAD, MAX_HEADERS, MAX_LINE, MAX_MSRP_ASSEMBLIES, MAX_MSRP_CHUNK, MAX_NAME
from imsniff.dissect.core import CappedTable, Dissector, Inbox
from imsniff.dissect.cursor import Malformed, TooLarge, decimal
from imsniff.dissect.file_bytes import facts
from imsniff.dissect.sip import simple
from imsniff.dissect.sip.address import Uri, parse_uri
from imsniff.dissect.sip.body import Part, decoded, leaves, media_type
from imsniff.dissect.sip.credentials import login
from imsniff.dissect.sip.msrp_message import Assembly

_START = re.compile(rb"MSRP ([A-Za-z0-9][A-Za-z0-9.+%=~_-]{1,63}) (?:([A-Z]{3,16})|(\d{3})(?: [^\r\n]{0,128})?)\r?\n")
"""RFC 4975 asks for 4 to 32 characters of transaction; some stacks use fewer, or a UUID and more."""
_BLANK_LINE = re.compile(rb"\n\r?\n")
_MAX_HEAD = 2 * MAX_LINE
_MAX_SIZE = 1 << 50
"""Bytes a message may claim to have; chunks of it are what takes memory."""


class Chunk(NamedTuple):
    """One request or response."""

    transaction: str
    method: str
    """Empty in a response."""
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    flag: str
    """What ended it: `$`, `+` or `#`."""


class Msrp(Dissector[Chunk]):
    name = "msrp"
    max_frame = MAX_MSRP_CHUNK + _MAX_HEAD
    marks = re.compile(rb"MSRP [A-Za-z0-9]")

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._endings: dict[Side, bytes] = {}
        """Start of the line that ends the chunk at hand."""
        self._assemblies: CappedTable[tuple[str, str], tuple[Assembly, ChunkContext]] = CappedTable(MAX_MSRP_ASSEMBLIES)
        self._people: CappedTable[str, str] = CappedTable()
        """Endpoint of a path to the account that a CPIM wrapper named there."""
        self._told: CappedTable[tuple[str, int | None], None] = CappedTable()
        self._logins: CappedTable[str, Login] = CappedTable()
        """Transaction to the credential that waits for its answer."""
        self._user: str | None = None

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Chunk]:
        while box.data:
            ending = self._endings.get(side)
            if ending is None:
                line = box.data.find(b"\n", 0, MAX_LINE)
                if line < 0:
                    if len(box.data) >= LOOKAHEAD or not b"MSRP ".startswith(bytes(box.data[:5])):
                        raise Malformed("no MSRP start line")
                    return
                start = _START.match(box.data)
                if start is None:
                    raise Malformed("no MSRP start line")
                ending = self._endings[side] = b"\n-------" + start[1]
            try:
                end = box.find(ending, MAX_MSRP_CHUNK)
            except Malformed:
                yield self._beginning(side, box)
                raise TooLarge(f"a chunk of more than {MAX_MSRP_CHUNK} bytes") from None
            if end < 0 or len(box) < end + len(ending) + 2:
                return
            flag_at = end + len(ending)
            if box.data[flag_at] not in b"$+#":
                raise Malformed("an end line without its flag")
            if box.data[flag_at + 1] == 0x0D and len(box) < flag_at + 3:
                return
            size = flag_at + (3 if box.data[flag_at + 1] == 0x0D else 2)
            self._endings.pop(side)
            whole = box.take(size)
            assert whole is not None, "the length was checked"
            yield _chunk(whole, end, chr(whole[flag_at]))

    def _beginning(self, side: Side, box: Inbox) -> Chunk:
        """The first MAX_MSRP_CHUNK bytes of a chunk that is larger: its message is not complete with them."""
        self._endings.pop(side)
        whole = box.take(MAX_MSRP_CHUNK)
        assert whole is not None, "the end was looked for in more bytes"
        return _chunk(whole, len(whole), "+")

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        """A start line, and after it the path that always comes first."""
        shown = bytes(data[at : at + LOOKAHEAD])
        start = _START.match(shown)
        if start is None:
            waits = b"\n" not in shown and shown[:5] == b"MSRP "[: len(shown)]
            return None if waits else False
        header = shown[start.end() : start.end() + 10].lower()
        for wanted in (b"to-path:", b"from-path:"):
            if header.startswith(wanted):
                return True
            if wanted.startswith(header):
                return None
        return False

    def restart(self, side: Side) -> None:
        self._endings.pop(side, None)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Chunk) -> Iterator[Event]:
        to_path, from_path = _path(frame, "to-path"), _path(frame, "from-path")
        if not to_path or not from_path:
            raise Malformed("no To-Path or no From-Path")
        msg = ChunkContext(side, frame, to_path, from_path)
        yield from self._addresses(msg)
        if frame.method:
            yield from _METHODS.get(frame.method, _nothing)(self, msg)
        else:
            yield from self._answer(msg)

    def on_end(self) -> Iterator[Event]:
        """The end of a message may not have been captured: what is there of it was said all the same."""
        yield from self._logins.values()
        for assembly, msg in list(self._assemblies.values()):
            if not assembly.is_file:
                yield from self._content(msg, assembly)

    def _answer(self, msg: ChunkContext) -> Iterator[Event]:
        waiting = self._logins.pop(msg.chunk.transaction, None)
        if waiting is not None:
            outcome = {200: Outcome.OK, 401: Outcome.FAILED, 403: Outcome.FAILED}.get(msg.chunk.status)
            yield msgspec.structs.replace(waiting, outcome=outcome or Outcome.UNKNOWN)
        for uri in _path(msg.chunk, "use-path"):
            yield from self._tell(msg.side, uri, None)

    def _auth(self, msg: ChunkContext) -> Iterator[Event]:
        """RFC 4976: the same Digest as SIP's, towards a relay."""
        value = msg.chunk.headers.get("authorization", "")
        credential = login(msg.side, "Authorization", value, self._account(msg.from_path)) if value else None
        if credential is not None:
            self._logins[msg.chunk.transaction] = credential
            if self._user is None and credential.account:
                self._user = credential.account
                yield Trait(side=msg.side, account=credential.account)

    def _send(self, msg: ChunkContext) -> Iterator[Event]:
        chunk = msg.chunk
        number = chunk.headers.get("message-id", chunk.transaction)
        key = (number[:MAX_NAME], msg.from_path[-1].params[:MAX_NAME])
        first, total = _byte_range(chunk.headers.get("byte-range", ""))
        if not chunk.body and "content-type" not in chunk.headers:
            return  # the one who connects says so with an empty SEND
        if self._user is None and msg.side is Side.CLIENT and (user := self._account(msg.from_path)):
            self._user = user
            yield Trait(side=msg.side, account=user)
        assembly, _ = self._assemblies.get(key, (None, msg))
        if assembly is None:
            assembly = Assembly(is_file=self._is_file(chunk))
            self._assemblies[key] = assembly, msg
        if not assembly.kind:
            assembly.kind = chunk.headers.get("content-type", "")
            assembly.disposition = chunk.headers.get("content-disposition", "")
        assembly.add(first, chunk.body, total, last=chunk.flag == "$", keep=self.keep)
        if not assembly.complete and chunk.flag != "#":
            return
        self._assemblies.pop(key, None)
        if assembly.is_file:
            state = TransferState.COMPLETED if assembly.complete else TransferState.CANCELLED
            yield self._transfer(msg, assembly, state)
        elif assembly.complete:
            yield from self._content(msg, assembly)

    def _is_file(self, chunk: Chunk) -> bool:
        """Whether a message is a file: SIP announced one, it is named as one, or its type is none that is read."""
        if self.expected is not None and self.expected.name:
            return True
        kind, _ = media_type(chunk.headers.get("content-type", ""))
        disposition = chunk.headers.get("content-disposition", "").lower()
        return "attachment" in disposition or "filename" in disposition or (kind != "" and not _is_read(kind))

    def _content(self, msg: ChunkContext, assembly: Assembly) -> Iterator[Event]:
        kind, params = media_type(assembly.kind)
        for part in leaves(Part(kind, params, assembly.data)):
            sender, recipient = self._parties(msg, part)
            if part.kind.startswith("text/") or not part.kind:
                text = decoded(part).rstrip("\0")
                if text.strip():
                    wire = excerpt(f"MSRP SEND {part.kind} to {msg.to_path[-1].host}")
                    yield Message(side=msg.side, sender=sender, recipient=recipient, text=text, wire=wire)
            elif part.kind in simple.READERS:
                try:
                    yield from simple.events(part.kind, part.body, simple.About(msg.side, sender, recipient))
                except Malformed as why:
                    yield Anomaly(side=msg.side, code="msrp.body", detail=f"{part.kind[:40]}: {why}")
            elif not _is_read(part.kind):
                inner = Assembly(is_file=True)
                inner.kind, inner.disposition = part.kind, part.disposition
                inner.add(1, part.body, len(part.body), last=True, keep=self.keep)
                yield self._transfer(msg, inner, TransferState.COMPLETED, sender, recipient)

    def _transfer(
        self,
        msg: ChunkContext,
        assembly: Assembly,
        state: TransferState,
        sender: str | None = None,
        recipient: str | None = None,
    ) -> Transfer:
        _, params = media_type(assembly.disposition)
        expected = self.expected
        # Only a lone file is sure to be the one announced: in a chat pictures cross too.
        name = params.get("filename") or (expected.name if expected and expected.name else "")
        kind, kind_params = media_type(assembly.kind)
        seen = assembly.seen if state is TransferState.COMPLETED else None
        return Transfer(
            side=msg.side,
            name=(name or kind_params.get("name") or msg.chunk.headers.get("message-id", "unnamed"))[:MAX_NAME],
            size=assembly.total if assembly.total is not None else assembly.size,
            sender=sender or self._account(msg.from_path),
            recipient=recipient or self._account(msg.to_path),
            state=state,
            **facts(seen, kind[:MAX_NAME] or None),
        )

    # --- people and places --------------------------------------------------------------------------------------------

    def _parties(self, msg: ChunkContext, part: Part) -> tuple[str | None, str | None]:
        """Who says it to whom. What a CPIM wrapper says is kept for the messages that have none."""
        here, there = _endpoint(msg.from_path), _endpoint(msg.to_path)
        if part.sender:
            self._people[here] = part.sender
        if part.recipient:
            self._people.setdefault(there, part.recipient)
        return part.sender or self._account(msg.from_path), part.recipient or self._account(msg.to_path)

    def _account(self, path: list[Uri]) -> str | None:
        known = self._people.get(_endpoint(path))
        if known:
            return known
        expected = self.expected
        if expected is not None:
            # `sender` is who listens at the announced address (`sessions`); the other party is elsewhere.
            listens = any(address(uri.host) == expected.ip and uri.port == expected.port for uri in path)
            return expected.sender if listens else expected.recipient
        return path[-1].account if path[-1].user else None

    def _addresses(self, msg: ChunkContext) -> Iterator[Event]:
        for path in (msg.from_path, msg.to_path):
            for uri in path:
                whose = self._account(path) if uri is path[-1] else None
                yield from self._tell(msg.side, uri, whose)

    def _tell(self, side: Side, uri: Uri, whose: str | None) -> Iterator[Event]:
        key = (uri.host, uri.port)
        if key in self._told or len(uri.host) > MAX_NAME:
            return
        self._told[key] = None
        ip = address(uri.host)
        if ip is not None:
            shown = excerpt(f"{uri.scheme}://{uri.host}:{uri.port or ''}")
            yield Exposure(side=side, account=whose, ip=ip, port=uri.port, via="msrp.path", wire=shown)


class ChunkContext(NamedTuple):
    """One request or response and its two paths, neither of them empty."""

    side: Side
    chunk: Chunk
    to_path: list[Uri]
    from_path: list[Uri]


def _nothing(_dissector: Msrp, _talk: ChunkContext) -> Iterator[Event]:
    yield from ()


_METHODS: dict[str, Callable[[Msrp, ChunkContext], Iterator[Event]]] = {"SEND": Msrp._send, "AUTH": Msrp._auth}
"""REPORT and NICKNAME say nothing that is wanted here."""


def _is_read(kind: str) -> bool:
    """Whether a media type is conversation rather than a file."""
    return kind.startswith(("text/", "message/", "multipart/")) or kind in simple.READERS


def _chunk(whole: bytes, end: int, flag: str) -> Chunk:
    """A request or response whose end line begins after `end`. The body ends before the line end in front of it."""
    start = _START.match(whole)
    assert start is not None, "frames() has looked"
    content = whole[start.end() : end + 1]
    blank = _BLANK_LINE.search(content)
    head, body = (content, b"") if blank is None else (content[: blank.start()], content[blank.end() :])
    if len(head) > _MAX_HEAD:
        raise Malformed(f"MSRP headers of {len(head)} bytes")
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\n", MAX_HEADERS)[:MAX_HEADERS]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    body = body.removesuffix(b"\n").removesuffix(b"\r")
    method = (start[2] or b"").decode()
    return Chunk(start[1].decode(), method, int(start[3]) if start[3] else 0, headers, body, flag)


def _path(chunk: Chunk, header: str) -> list[Uri]:
    uris = (parse_uri(each) for each in chunk.headers.get(header, "").split()[:MAX_HEADERS])
    return [uri for uri in uris if uri is not None and uri.scheme in ("msrp", "msrps") and uri.host]


def _endpoint(path: list[Uri]) -> str:
    return f"{path[-1].host}:{path[-1].port}{path[-1].params}"[:MAX_NAME]


def _byte_range(value: str) -> tuple[int, int | None]:
    """First byte (1 is the first of all) and total; an absent or odd header means a message in one piece."""
    span, _, total = value.partition("/")
    first, _, _ = span.partition("-")
    try:
        return decimal(first.strip(), _MAX_SIZE) or 1, _total(total)
    except Malformed:
        return 1, None


def _total(text: str) -> int | None:
    try:
        return decimal(text.strip(), _MAX_SIZE)
    except Malformed:
        return None
