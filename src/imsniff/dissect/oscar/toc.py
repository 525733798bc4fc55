"""TOC, the plain text way into AIM (versions 1 and 2): FLAP frames (`flap`) that hold one command each.

The client opens with `FLAPON`, both sides exchange sign-on frames, then

    client:  word argument ... NUL       arguments parted by blanks, in quotes where they have blanks, `\\` escapes
    server:  WORD:field:field:...        the last field of a message may have colons

The password in `toc_signon` is roasted with `Tic/Toc` and written as hexadecimal digits. Version 2 has words of its own
(`toc2_...`, `IM_IN2`, `CONFIG2`), with more fields of which most never vary.

References: open-oscar-server docs/TOC.md; AOL's TOC.txt of 1998; libpurple protocols/toc.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator

from imsniff.base.addresses import address
from imsniff.base.events import (
    Event,
    Expect,
    Grade,
    Login,
    Message,
    Outcome,
    Side,
    Trait,
    TransferState,
    excerpt,
    masked,
)
from imsniff.base.limits import MAX_FOREIGN_FRAMES
from imsniff.dissect.core import CappedTable, Dissector, Inbox
from imsniff.dissect.cursor import Cursor, Malformed, decimal
from imsniff.dissect.oscar import flap, rendezvous, roast
from imsniff.dissect.oscar import markup as aimtext
from imsniff.dissect.oscar.flap import Channel, Flap
from imsniff.dissect.oscar.markup import loose, name_of
from imsniff.dissect.oscar.memory import Memory
from imsniff.dissect.oscar.snac import Tlvs, tlvs

SCREEN_NAME = 0x01
_GREETINGS = (b"FLAPON\r\n\r\n", b"FLAPON\r\n\n", b"FLAPON\n\n")
_ASKED = re.compile(rb"toc2?_[a-z_]{3,24}[\x00 \r\n]")
_ASKED_BEGINS = re.compile(rb"t?o?c?2?_?|toc2?_[a-z_]{0,24}")
_LONGEST_WORD = 32
_ARGUMENT = re.compile(r'"((?:[^"\\]|\\.)*)"?|((?:[^\s"\\]|\\.)+)|\\$', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MOST_ARGUMENTS = 512
_AWAY = re.compile(r"..U")

WRONG_PASSWORD = range(980, 990)


def arguments(text: str) -> list[str]:
    """The arguments of a client's command."""
    out: list[str] = []
    for found in _ARGUMENT.finditer(text):
        quoted, bare = found[1], found[2]
        out.append(_ESCAPE.sub(r"\1", quoted if quoted is not None else bare or ""))
        if len(out) == _MOST_ARGUMENTS:
            break
    return out


def fields(text: str, count: int) -> list[str]:
    """The fields of a server's command, at least `count`; the last one keeps its colons."""
    out = text.split(":", count - 1)
    if len(out) < count:
        raise Malformed(f"{len(out)} fields where {count} belong")
    return out


class Toc(Dissector[Flap]):
    name = "toc"
    max_frame = flap.LARGEST
    marks = re.compile(rb"\x2a[\x01\x02]|FLAPON")
    mark_size = 6

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self.memory = Memory()
        self.rooms: CappedTable[str, str] = CappedTable()
        self.said: CappedTable[tuple[str, str], None] = CappedTable()
        """Rooms and texts sent: the server echoes them."""
        self._proven = False
        self._foreign = 0
        self._patience = MAX_FOREIGN_FRAMES if midstream else 0
        """Broken frames that may come before a sound one: none where the beginning was seen."""

    @property
    def confirmed(self) -> bool:
        return self._proven

    @property
    def given_up(self) -> bool:
        return super().given_up or (not self._proven and self._foreign > self._patience)

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Flap]:
        while box:
            if box.data[:1] == b"F":
                if not self._greeting(box):
                    return
                continue
            try:
                if self._judge_header(box) is None:
                    return
            except Malformed:
                self._foreign += 1
                raise
            frame = flap.cut(box, flap.header(box.data))
            if frame is None:
                return
            yield frame

    def _greeting(self, box: Inbox) -> bool:
        """Take the client's opening line; False while it is not whole."""
        for greeting in _GREETINGS:
            if box.data.startswith(greeting):
                box.drop(len(greeting))
                self._proven = True
                return True
        if any(greeting.startswith(box.data[: len(greeting)]) for greeting in _GREETINGS):
            return False
        self._foreign += 1
        raise Malformed("neither a frame nor FLAPON")

    def _judge_header(self, box: Inbox) -> bool | None:
        head = flap.header(box.data)
        if head is None or head.channel != Channel.DATA:
            return None if head is None else True
        known = _is_command(box.data, flap.HEADER, head.size)
        if known is False:
            raise Malformed("no command of TOC")
        return known

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        if data[at : at + 1] == b"F":
            start = bytes(data[at : at + 10])
            if any(start.startswith(greeting) for greeting in _GREETINGS):
                return True
            return None if any(greeting.startswith(start) for greeting in _GREETINGS) else False
        try:
            head = flap.header(data, at)
        except Malformed:
            return False
        if head is None:
            return None
        if head.channel != Channel.DATA:
            return False
        return _is_command(data, at + flap.HEADER, head.size)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Flap) -> Iterator[Event]:
        if frame.channel == Channel.SIGN_ON:
            yield from self._greeted(side, frame.body)
        if frame.channel != Channel.DATA:
            return
        text = loose(frame.body.rstrip(b"\0\r\n"))
        if text.startswith("toc"):
            word, _, rest = text.partition(" ")
            word = word.replace("toc2_", "toc_", 1)
            self._proven = True
            if asked := CLIENT_COMMANDS.get(word):
                yield from asked(self, side, arguments(rest))
        else:
            word, _, rest = text.partition(":")
            self._proven = self._proven or word in SERVER_COMMANDS or word in IGNORED_COMMANDS
            if told := SERVER_COMMANDS.get(word):
                yield from told(self, side, rest)

    def _greeted(self, side: Side, body: bytes) -> Iterator[Event]:
        """The client's sign-on frame has its name."""
        found = tlvs(Cursor(body, len(flap.VERSION)))
        yield from self.memory.name_own(side, name_of(found.get(SCREEN_NAME, b"")))

    # --- what the client says -----------------------------------------------------------------------------------------

    def _sign_on(self, side: Side, args: list[str]) -> Iterator[Event]:
        if len(args) < 4:
            raise Malformed("sign-on without a password")
        account, roasted = args[2], args[3]
        try:
            password = roast.unroast(bytes.fromhex(roasted.removeprefix("0x")), roast.TOC)
        except ValueError:
            raise Malformed("password that is no hexadecimal number") from None
        yield from self.memory.name_own(side, account)
        if len(args) > 5 and args[5]:
            yield Trait(side=side, software=args[5])
        yield from self.hold(
            Login(
                side=side,
                account=account,
                scheme="roasted",
                grade=Grade.REVERSIBLE,
                secret=password,
                wire=excerpt(f"toc_signon {account} {masked(password)}"),
            )
        )

    def _change_password(self, side: Side, args: list[str]) -> Iterator[Event]:
        for secret in args[:2]:
            yield Login(
                side=side,
                account=self.memory.own,
                scheme="password-change",
                grade=Grade.CLEARTEXT,
                secret=secret,
                wire=excerpt(f"toc_change_passwd {masked(secret)}"),
            )

    def _send(self, side: Side, args: list[str]) -> Iterator[Event]:
        if len(args) >= 2:
            yield from self._message(side, self.memory.own, args[0], args[1])

    def _send_encoded(self, side: Side, args: list[str]) -> Iterator[Event]:
        """name "F" encoding language text; encoding U is UTF-8 in some clients and HTML entities in others."""
        if len(args) >= 5:
            yield from self._message(side, self.memory.own, args[0], args[4])

    def _chat_send(self, side: Side, args: list[str]) -> Iterator[Event]:
        if len(args) >= 2:
            text = args[-1]
            self.said[args[0], text] = None
            yield from self._message(side, self.memory.own, None, text, args[0])

    def _whisper(self, side: Side, args: list[str]) -> Iterator[Event]:
        if len(args) >= 3:
            yield from self._message(side, self.memory.own, args[1], args[2], args[0])

    def _invite(self, side: Side, args: list[str]) -> Iterator[Event]:
        for recipient in args[2:]:
            yield from self._message(side, self.memory.own, recipient, args[1], args[0])

    def _add(self, side: Side, args: list[str]) -> Iterator[Event]:
        for account in args:
            yield from self.memory.contact(side, account, None)

    def _configure(self, side: Side, args: list[str]) -> Iterator[Event]:
        for text in args:
            yield from self._config(side, text.strip("{}"))

    def _away(self, side: Side, args: list[str]) -> Iterator[Event]:
        note = aimtext.plain(args[0]) if args else None
        if self.memory.own:
            yield from self.memory.seen(side, self.memory.own, "away" if note else "online", note or None)

    def _accepted(self, side: Side, args: list[str]) -> Iterator[Event]:
        if len(args) >= 2:
            yield from self.memory.transfer(side, _decoded(args[1]), TransferState.ACCEPTED)

    def _cancelled(self, side: Side, args: list[str]) -> Iterator[Event]:
        if len(args) >= 2:
            yield from self.memory.transfer(side, _decoded(args[1]), TransferState.CANCELLED)

    # --- what the server says -----------------------------------------------------------------------------------------

    def _signed_on(self, side: Side, rest: str) -> Iterator[Event]:
        yield from self.settle(Outcome.OK)

    def _failed(self, side: Side, rest: str) -> Iterator[Event]:
        code = rest.partition(":")[0]
        if len(code) == 3 and code.isascii() and code.isdigit() and decimal(code) in WRONG_PASSWORD:
            yield from self.settle(Outcome.FAILED)

    def _nick(self, side: Side, rest: str) -> Iterator[Event]:
        if self.memory.own is None:
            yield from self.memory.name_own(side, rest.strip())

    def _config(self, side: Side, rest: str) -> Iterator[Event]:
        """Lines of a kind and a value, `b name` in version 1, `b:name:alias...` in version 2."""
        group = None
        for line in rest.split("\n"):
            kind, value = line[:1], line[2:].strip("\r")
            if line[1:2] not in (" ", ":"):
                continue
            if kind == "g":
                group = value.strip()
            elif kind == "b":
                account = value.partition(":")[0].strip()
                yield from self.memory.guess_service(side, account)
                yield from self.memory.contact(side, account, group)

    def _received(self, side: Side, rest: str) -> Iterator[Event]:
        sender, _auto, text = fields(rest, 3)
        yield from self._message(side, sender, self.memory.own, text)

    def _received_2(self, side: Side, rest: str) -> Iterator[Event]:
        sender, _auto, _whisper, text = fields(rest, 4)
        yield from self._message(side, sender, self.memory.own, text)

    def _received_encoded(self, side: Side, rest: str) -> Iterator[Event]:
        said = fields(rest, 9)
        yield from self._message(side, said[0], self.memory.own, said[8])

    def _buddy(self, side: Side, rest: str) -> Iterator[Event]:
        account, online, _warning, _since, _idle, kind = fields(rest, 6)
        status = "offline" if online != "T" else "away" if _AWAY.match(kind) else "online"
        if account:
            yield from self.memory.guess_service(side, account)
            yield from self.memory.seen(side, account, status)

    def _joined(self, side: Side, rest: str) -> Iterator[Event]:
        number, room = fields(rest, 2)
        self.rooms[number] = room
        yield from ()

    def _chat(self, side: Side, rest: str) -> Iterator[Event]:
        room, sender, _whisper, text = fields(rest, 4)
        yield from self._heard(side, room, sender, text)

    def _chat_encoded(self, side: Side, rest: str) -> Iterator[Event]:
        room, sender, _whisper, _encoding, _language, text = fields(rest, 6)
        yield from self._heard(side, room, sender, text)

    def _heard(self, side: Side, room: str, sender: str, text: str) -> Iterator[Event]:
        if (room, text) in self.said and _same(sender, self.memory.own):
            del self.said[room, text]
            return
        yield from self._message(side, sender, None, text, room)

    def _invited(self, side: Side, rest: str) -> Iterator[Event]:
        room, number, sender, text = fields(rest, 4)
        self.rooms[number] = room
        yield from self._message(side, sender, self.memory.own, text, number)

    def _proposed(self, side: Side, rest: str) -> Iterator[Event]:
        """RVOUS_PROPOSE: the TLVs of a rendezvous, most of them spelt out."""
        sender, capability, cookie, _sequence, *places = fields(rest, 8)
        port, *more = places[3].split(":")
        found = Tlvs()
        for kind, text in zip((rendezvous.PROPOSED, rendezvous.OWN, rendezvous.VERIFIED), places, strict=False):
            if (ip := address(text)) and ip.count(".") == 3:
                found[kind] = bytes(decimal(part, 255) for part in ip.split("."))
        if port:
            found[rendezvous.PORT] = decimal(port, 0xFFFF).to_bytes(2, "big")
        for kind_text, value in zip(more[::2], more[1::2], strict=False):
            found.setdefault(decimal(kind_text, 0xFFFF), _decoded(value))
        try:
            service = bytes.fromhex(capability.replace("-", ""))
        except ValueError:
            raise Malformed("capability that is no GUID") from None
        yield from self.memory.guess_service(side, sender)
        yield from rendezvous.proposed(
            self.memory,
            rendezvous.Proposal(side, _decoded(cookie), service, found, sender, self.memory.own),
        )

    # --- both ---------------------------------------------------------------------------------------------------------

    def _message(
        self, side: Side, sender: str | None, recipient: str | None, text: str, room: str | None = None
    ) -> Iterator[Event]:
        name = self.rooms.get(room, room) if room is not None else None
        yield from self.memory.guess_service(side, sender or recipient)
        text = aimtext.plain(text)
        if text:
            yield Message(side=side, sender=sender, recipient=recipient or name, room=name, text=text)


def _same(one: str | None, other: str | None) -> bool:
    """AIM ignores case and blanks in names."""
    return one is not None and other is not None and _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return name.replace(" ", "").casefold()


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Malformed("bad Base64") from None


def _is_command(data: bytearray, at: int, size: int) -> bool | None:
    """Whether the body at `data[at:]` begins with a command; None while too little is there to say."""
    start = bytes(data[at : at + min(size, _LONGEST_WORD)])
    if _ASKED.match(start):
        return True
    word, colon, _ = start.partition(b":")
    if word in _WORDS and (colon or word == b"PAUSE"):
        return True
    if len(start) == min(size, _LONGEST_WORD):
        return start.rstrip(b"\0") in (b"toc_init_done", b"PAUSE")
    return None if _ASKED_BEGINS.fullmatch(start) or any(known.startswith(start) for known in _WORDS) else False


CLIENT_COMMANDS: dict[str, Callable[[Toc, Side, list[str]], Iterator[Event]]] = {
    "toc_signon": Toc._sign_on,
    "toc_login": Toc._sign_on,
    "toc_change_passwd": Toc._change_password,
    "toc_send_im": Toc._send,
    "toc_send_im_enc": Toc._send_encoded,
    "toc_chat_send": Toc._chat_send,
    "toc_chat_send_enc": Toc._chat_send,
    "toc_chat_whisper": Toc._whisper,
    "toc_chat_invite": Toc._invite,
    "toc_add_buddy": Toc._add,
    "toc_set_config": Toc._configure,
    "toc_new_buddies": Toc._configure,
    "toc_set_away": Toc._away,
    "toc_rvous_accept": Toc._accepted,
    "toc_rvous_cancel": Toc._cancelled,
}
"""Version 2's words are those of version 1 with a 2."""

SERVER_COMMANDS: dict[str, Callable[[Toc, Side, str], Iterator[Event]]] = {
    "SIGN_ON": Toc._signed_on,
    "ERROR": Toc._failed,
    "NICK": Toc._nick,
    "CONFIG": Toc._config,
    "CONFIG2": Toc._config,
    "IM_IN": Toc._received,
    "IM_IN2": Toc._received_2,
    "IM_IN_ENC": Toc._received_encoded,
    "IM_IN_ENC2": Toc._received_encoded,
    "UPDATE_BUDDY": Toc._buddy,
    "UPDATE_BUDDY2": Toc._buddy,
    "CHAT_JOIN": Toc._joined,
    "CHAT_IN": Toc._chat,
    "CHAT_IN_ENC": Toc._chat_encoded,
    "CHAT_INVITE": Toc._invited,
    "RVOUS_PROPOSE": Toc._proposed,
}

IGNORED_COMMANDS = frozenset(
    {"EVILED", "GOTO_URL", "CHAT_UPDATE_BUDDY", "CHAT_LEFT", "DIR_STATUS", "ADMIN_NICK_STATUS", "ADMIN_PASSWD_STATUS"}
    | {"PAUSE", "BUDDY_CAPS", "BUDDY_CAPS2", "NEW_BUDDY_REPLY2", "CLIENT_EVENT2", "DENY2", "PERMIT2", "INSERTED2"}
    | {"DELETED2", "UPDATED2", "RATE_ALERT"}
)
"""Words that say nothing we report, but tell TOC from other text."""

_WORDS = frozenset(word.encode() for word in SERVER_COMMANDS.keys() | IGNORED_COMMANDS)
