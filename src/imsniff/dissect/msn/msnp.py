"""MSNP, the protocol of MSN Messenger and Windows Live Messenger, versions 2 to 21, on TCP 1863.

A client speaks to a notification server (NS), which passes it on to a switchboard (SB) for each conversation; MSNP21
has none of these. Lines and payloads are described in `wire`, sign-on in `auth`, lists and presence in
`roster`, conversations in `switchboard`, message bodies in `mime`, MSNP21 in `datagram`, and what
peers say to each other in `p2p` and `msnslp`.

`VERBS` below is the protocol: how a line with that verb looks, whether a payload follows it, and what it means. A text
payload does not end in a line end, so a frame may begin in the middle of a line: only the shape of the words tells.

References:
    https://wiki.nina.chat/wiki/Protocols/MSNP                (all versions)
    http://www.hypothetic.org/docs/msn/                       (MSNP2 to 8)
    https://yellows111.darkok.xyz/msnp/                       (commands by version)
    draft-movva-msn-messenger-protocol-00                     (MSNP2)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from imsniff.base.events import Event, Expect, Reversed, Side, Trait
from imsniff.base.limits import LOOKAHEAD, MAX_LINE, MAX_MSNP_ANNOUNCED, MAX_MSNP_PAYLOAD
from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed, TooLarge, decimal
from imsniff.dissect.msn import auth, datagram, mime, roster
from imsniff.dissect.msn import switchboard as msnp_switchboard
from imsniff.dissect.msn.session import MsnpSession
from imsniff.dissect.msn.wire import Command, parsed

Handler = Callable[[MsnpSession, Side, Command], Iterable[Event]]

_PARTS = {
    "T": rb"\d{1,10}",
    "A": rb"(?:\d{1,5}:)?[^\s@]{1,128}@[^\s@]{1,200}",
    "H": rb"[\w.-]{1,100}:\d{1,5}",
    "L": rb"(?:FL|AL|BL|RL|PL)",
    "S": rb"(?:NLN|BSY|IDL|BRB|AWY|PHN|LUN|HDN|FLN)",
    "N": rb"\d{1,5}",
    "W": rb"[^\s]{1,200}",
    "B": rb"\r?\n",
    "E": rb"[ \r\n]",
}
"""Words of the shapes below: transaction, account, host and port, list, status, number, any word, break, word end."""


def _shape(verb: str, text: str) -> re.Pattern[bytes]:
    """A pattern from `{T} {A}`; a prefix of the line, so that it is decided as soon as its own bytes are there."""
    filled = re.sub(rb"\{([A-Z])\}", lambda part: _PARTS[part[1].decode()], text.encode())
    return re.compile(re.escape(verb.encode()) + filled)


class Verb(NamedTuple):
    strong: re.Pattern[bytes] | None
    """A line and the beginning of its payload that nothing but MSNP says."""
    weak: re.Pattern[bytes] | None
    """A line that is right here, but could be a coincidence elsewhere."""
    counted: int
    """The least number of words with which the last one, if a number, is the size of a payload; 0 for never."""
    speaker: Side | None
    """Who alone says this verb."""
    handler: Handler | None


VERBS: dict[str, Verb] = {}


def _verb(
    name: str,
    strong: str | None = None,
    weak: str | None = None,
    *,
    counted: int = 0,
    by: Side | None = None,
    to: Handler | None = None,
) -> None:
    sure = None if strong is None else _shape(name, strong)
    VERBS[name] = Verb(sure, None if weak is None else _shape(name, weak), counted, by, to)


_C, _S = Side.CLIENT, Side.SERVER

# Sign-on
_verb("VER", r" {T} (?:MSNP\d{1,2}|CVR0){E}", r" {T} 0{B}")
_verb("CVR", r" {T} (?:0x[0-9A-Fa-f]{4} |\d{1,3}\.[\d.]{1,20} \d{1,3}\.[\d.]{1,20} )", to=auth.cvr)
_verb("INF", r" {T} MD5{E}", r" {T}{B}")
_verb("USR", r" {T} (?:(?:MD5|TWN|SSO) [IS] [^\s]|SHA A [^\s]|OK {A}{E}|{A}{E})", to=auth.usr)
_verb("XFR", r" {T} (?:NS|SB) {H}{E}", r" {T} (?:NS|SB){B}", to=auth.xfr)
_verb("CHL", r" {T} \d{8,64}{B}", by=_S)
_verb("QRY", r" {T} {W} 32{B}[0-9a-f]{8}", r" {T}{B}", counted=3)
_verb("OUT", None, r"(?: [A-Z]{3})?{B}")
_verb("PNG", None, r"{B}", by=_C)
_verb("QNG", None, r"(?: {N})?{B}", by=_S)
_verb("SBS", None, r" {N} ", by=_S)
_verb("GCF", r" {T} (?:{W} )?{N}{B}<", r" {T} {W}{E}", counted=2)
_verb("URL", None, r" {T} (?:[A-Z]{4,16}|/)")
_verb("CTP", None, r" {T}{E}")

# Lists
_verb("SYN", None, r" {T} {W}{E}")
_verb("LST", r" (?:N={A}|{A}|{T} {L} {N}){E}", by=_S, to=roster.lst)
_verb("LSG", None, r" {W} {W}{E}", by=_S, to=roster.lsg)
_verb("ADD", r" {T} {L} (?:{T} )?{A}{E}", to=roster.add)
_verb("ADC", r" {T} {L} (?:N={A}|C=[\w-]{36}){E}", to=roster.add)
_verb("REM", r" {T} {L} {W}{E}")
_verb("REA", r" {T} (?:{T} )?{A} [^\s]")
_verb("ADL", r" {T} {N}{B}<ml", r" {T} (?:OK|0){B}", counted=2, to=roster.adl)
_verb("RML", r" {T} {N}{B}<ml", r" {T} (?:OK|0){B}", counted=2)
_verb("FQY", r" {T} {N}{B}<ml", r" {T} 0{B}", counted=2, to=roster.adl)
for _name in ("ADG", "RMG", "REG", "SBP", "PRP", "BPR", "BLP", "GTC", "IMS", "SND"):
    _verb(_name, None, r" {W}(?: |{B})")

# Presence
_verb("CHG", r" {T} {S}{E}", to=roster.chg)
_verb("NLN", r" {S} {A}{E}", by=_S, to=roster.nln)
_verb("ILN", r" {T} {S} {A}{E}", by=_S, to=roster.iln)
_verb("FLN", r" {A}{E}", by=_S, to=roster.fln)
_verb("UUX", r" {T} {N}{B}<", r" {T} 0{B}", counted=2, to=roster.uux)
_verb("UBX", r" {A}(?: {N})? {N}{B}", counted=2, by=_S, to=roster.ubx)

# Conversations
_verb("ANS", r" {T} {A} {W} [^\s]", r" {T} OK{B}", to=auth.ans)
_verb("RNG", r" {W} {H} CKI {W} {A}{E}", by=_S, to=auth.rng)
_verb("CAL", r" {T} (?:{A}{E}|RINGING [^\s])", to=msnp_switchboard.cal)
_verb("JOI", r" {A}{E}", by=_S, to=msnp_switchboard.joi)
_verb("IRO", r" {T} {N} {N} {A}{E}", by=_S, to=msnp_switchboard.iro)
_verb("BYE", r" {A}(?: {N})?{B}", by=_S, to=msnp_switchboard.bye)
_verb(
    "MSG",
    r" (?:{T} [UNADS]|{A}(?: [^\r\n]{1,1200})?|Hotmail Hotmail) {N}{B}",
    counted=2,
    to=msnp_switchboard.msg,
)
_verb("ACK", None, r" {T}{B}", by=_S)
_verb("NAK", None, r" {T}{B}", by=_S)
_verb("UUM", r" {T} {A} {N} {N} {N}{B}", r" {T}{E}", counted=4, to=msnp_switchboard.uum)
_verb("UBM", r" {A} {N}(?: {W}){1,3} {N}{B}", counted=4, by=_S, to=msnp_switchboard.ubm)
_verb("UUN", r" {T} {A} {N} {N}{B}", r" {T} OK{B}", counted=4)
_verb("UBN", r" {A} {N} {N}{B}", counted=3, by=_S)
_verb("SDG", r" {T} {N}{B}Routing: 1\.0", r" {T} OK", counted=2, to=datagram.sdg)
_verb("PUT", r" {T} (?:OK )?{N}{B}Routing: 1\.0", r" {T} (?:OK )?0?{B}", counted=2, to=datagram.published)
_verb("DEL", r" {T} (?:OK )?{N}{B}Routing: 1\.0", r" {T} (?:OK )?0?{B}", counted=2)
_verb("NFY", r" (?:PUT|DEL) {N}{B}Routing: 1\.0", counted=2, by=_S, to=datagram.published)
_verb("GET", None, r" {T} {W}{E}", counted=2)

# Notices, pages, mail
_verb("NOT", r" {N}{B}<NOTIFICATION", r" {N}{B}", counted=1, by=_S)
_verb("IPG", r" {N}{B}<", r" {N}{B}", counted=1, by=_S)
_verb("PAG", None, r" {T} {W} ", counted=3)
_verb("VAS", None, r" {T} {W} ", counted=3)
_verb("SDC", None, r" {T} {W} ", counted=8)
_verb("FSL", None, r" {T} ", counted=2)

_ERROR = re.compile(rb"[2-9]\d{2}(?: \d{1,10})?(?: \d{1,5})?\r?\n")
_ERRORS_COUNTED = 2
"""An error of MSNP13 and later may explain itself: transaction, size, and a payload."""
HEARTBEAT = re.compile(rb"(?:PNG|QNG \d{1,3})\r\n")
"""All that an idle session says, so that no second line can be waited for."""
_BEATS = {"PNG", "QNG"}
PEEK = 16
"""Bytes of a payload that a shape may look at."""


class Look(Enum):
    """What the bytes somewhere look like."""

    COMMAND = auto()
    OTHER = auto()
    UNDECIDED = auto()
    WEAK = auto()
    """A command, if another follows."""


_PLAUSIBLE = {Look.COMMAND: True, Look.OTHER: False, Look.UNDECIDED: None, Look.WEAK: True}


def _look(data: bytearray, at: int, limit: int) -> Look:
    if len(data) < at + 3:
        return Look.UNDECIDED
    known = VERBS.get(data[at : at + 3].decode("latin-1"))
    if known is None:
        return Look.WEAK if _ERROR.match(data, at, limit) else Look.OTHER
    if known.strong is not None and known.strong.match(data, at, limit):
        return Look.COMMAND
    end = data.find(b"\n", at, limit)
    if known.weak is not None and known.weak.match(data, at, limit):
        return Look.WEAK if end >= 0 else Look.UNDECIDED
    return Look.OTHER if end >= 0 and len(data) > end + PEEK else Look.UNDECIDED


def _is_strong(verb: str, head: bytes) -> bool:
    """Whether nothing but MSNP begins a frame like this."""
    known = VERBS.get(verb)
    return known is not None and known.strong is not None and known.strong.match(head) is not None


class Msnp(MsnpSession):
    name = "msnp"
    marks = re.compile(b"(?:" + "|".join(VERBS).encode() + rb")[ \r\n]")

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._midstream = midstream
        self._turned = False
        self._sure = 0
        """Lines that nothing but MSNP says."""
        self._named = False
        """Whether the service was told."""
        self._beats: set[str] = set()
        """Which halves of the heartbeat were heard."""
        self._awaiting: dict[Side, tuple[Command, int]] = {}
        self._after_payload: set[Side] = set()

    @property
    def confirmed(self) -> bool:
        """A line that nothing but MSNP says; or, where an idle session was met, a ping and its numbered answer."""
        return self._sure > 0 or (self._beats == _BEATS and not any(self._desyncs.values()))

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Command]:
        while (next_one := self._awaiting.pop(side, None) or self._line(side, box)) is not None:
            command, size = next_one
            if not size:
                self._after_payload.discard(side)
                yield command
            elif (payload := box.take(size)) is not None:
                self._after_payload.add(side)
                command.payload = payload
                yield command
            else:
                self._awaiting[side] = next_one
                return

    def _line(self, side: Side, box: Inbox) -> tuple[Command, int] | None:
        """The next line, and bytes of the payload that follows it; None while it is not whole."""
        while box.data and (end := box.find(b"\n", MAX_LINE)) >= 0:
            line = bytes(box.data[:end]).removesuffix(b"\r")
            if not line and side in self._after_payload:
                self._after_payload.discard(side)  # an old client ends its payload with a line end it does not count
                box.drop(end + 1)
                continue
            command = parsed(line)
            size = self._payload(command)
            if size > MAX_MSNP_PAYLOAD:
                if len(box) < end + 1 + PEEK:
                    return None
                self._sure += _is_strong(command.verb, bytes(box.data[: end + 1 + PEEK]))
                raise TooLarge(f"{command.verb} with {size} bytes of payload", end + 1 + size)
            box.drop(end + 1)  # only now: where this is no command, another may begin inside it
            return command, size
        return None

    def _payload(self, command: Command) -> int:
        """Bytes that follow the line. Raises Malformed where this is no command at all."""
        known = VERBS.get(command.verb)
        counted = known.counted if known is not None else 0
        if known is None:
            if not (len(command.verb) == 3 and command.verb.isascii() and command.verb.isalnum()):
                raise Malformed(f"not a command: {command.verb[:24]!r}")
            if command.verb.isdigit() and len(command.args) == _ERRORS_COUNTED:
                counted = _ERRORS_COUNTED
        if not counted or len(command.args) < counted or not command.args[-1].isdigit():
            return 0
        return decimal(command.args[-1], MAX_MSNP_ANNOUNCED)

    def restart(self, side: Side) -> None:
        self._awaiting.pop(side, None)
        self._after_payload.discard(side)

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        limit = at + LOOKAHEAD
        if bytes(data[at : at + 3]) in (b"PNG", b"QNG"):
            if at and data[at - 1] != 0x0A:
                return False  # a picture says PNG too, in its second byte
            if HEARTBEAT.match(data, at, limit):
                return True
        first = _look(data, at, limit)
        if first is not Look.WEAK:
            return _PLAUSIBLE[first]
        following = data.find(b"\n", at, limit) + 1
        second = _look(data, following, limit) if len(data) > following else Look.UNDECIDED
        return _PLAUSIBLE[second]

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Command) -> Iterator[Event]:
        head = frame.line.encode() + b"\r\n" + frame.payload[:PEEK]
        known = VERBS.get(frame.verb)
        if frame.verb in _BEATS and HEARTBEAT.fullmatch(head):
            self._beats.add(frame.verb)
        if known is None:
            if not _ERROR.match(head):
                raise Malformed(f"unknown command {frame.verb}")
            yield from auth.refused(self, side, frame)
            return
        if known.strong is not None and known.strong.match(head):
            self._sure += 1
            if not self._named:
                self._named = True
                yield Trait(side=side, service="msn")
        elif known.weak is None or not known.weak.match(head):
            raise Malformed(f"{frame.verb} with strange words")
        if self._midstream and not self._turned and known.speaker is side.other:
            self._turned = True
            yield Reversed(side=Side.CLIENT)
        if known.handler is not None:
            yield from known.handler(self, side, frame)

    def on_end(self) -> Iterator[Event]:
        yield from mime.unfinished(self)
