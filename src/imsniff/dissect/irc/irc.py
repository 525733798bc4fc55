"""IRC: lines of text between clients and servers, or between servers.

    [@tags ][:prefix ]COMMAND params [:last param] CR LF      (bare LF from many bots)

Covers RFC 1459 and 2812, IRCv3 (tags, CAP, SASL, STARTTLS, CHGHOST, echo-message, MONITOR), services, CTCP and DCC, and
the introduction of users between servers (UID, EUID). Ports 194, 6660-6669, 7000; bots use any other. `line` takes
a line apart, `proof` says what is IRC at all, `login` reads passwords and `dcc` announced connections.

References: RFC 1459, 2812; https://ircv3.net/irc/; https://modern.ircdocs.horse/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import ClassVar, Final

from imsniff.base.addresses import address
from imsniff.base.events import (
    Contact,
    Encryption,
    Event,
    Expect,
    Exposure,
    Message,
    Presence,
    Side,
    Trait,
    excerpt,
)
from imsniff.base.limits import (
    MAX_ADDRESSEES,
    MAX_CACHED,
    MAX_CONTACTS,
    MAX_IRC_LINE,
    MAX_IRC_UNPROVEN,
    MAX_MEMOISED,
    MAX_NAME,
)
from imsniff.dissect.core import CappedTable, Dissector, Inbox
from imsniff.dissect.cursor import Malformed, TooLarge
from imsniff.dissect.irc import login as irc_login
from imsniff.dissect.irc.line import Line, is_nick, parse, plain, room_of, same
from imsniff.dissect.irc.offers import dcc
from imsniff.dissect.irc.proof import ENOUGH, VERBS, counts_again, points
from imsniff.dissect.irc.session import Offer, Pending, SaslExchange

CTCP: Final = "\x01"
TLS: Final = b"\x16\x03"
LF: Final = 0x0A

_known_address = lru_cache(maxsize=MAX_CACHED)(address)
"""Each line from somebody has his host in front, which mostly is a name."""

Handler = Callable[["Irc", Side, Line], Iterable[Event]]


# --- who ------------------------------------------------------------------------------------------------------------


def nick(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    chosen = line.param(0)[:MAX_NAME]
    if not is_nick(chosen) or len(line.params) > 2:
        return
    if line.nick is None:
        irc.previous = irc.own
        yield from irc.known_as(side, chosen, sure=True)
    elif same(irc.name_of(line), irc.own):
        yield from irc.known_as(side, chosen, sure=True)


def refused_nick(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """In use, or malformed: a client that is in already keeps the nick it had."""
    if irc.previous is not None and same(line.param(1), irc.own):
        yield from irc.known_as(side, irc.previous, sure=True)


def user(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    if line.nick is None and len(line.params) >= 4:
        yield from irc.host(side, irc.own, line.param(1))


def introduced(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """A server tells another of a user: nick first, then in an order of its own host, address and unique id."""
    if len(line.params) < 8:
        return
    # TS6 sends `UID nick ...`, InspIRCd `UID <id> <time> nick ...`.
    shifted = line.param(1).isdigit() and line.param(0)[:1].isdigit() and len(line.params) > 9
    name = line.param(2 if shifted else 0)[:MAX_NAME]
    for word in line.params[1:-1]:
        if re.fullmatch(r"[0-9][A-Z0-9]{8}", word):
            irc.names[word] = name
        yield from irc.host(side, name, word)
    if shifted:
        irc.names[line.param(0)] = name


def welcome(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    yield from irc.known_as(side, line.param(0), sure=True)
    if line.nick is not None and "." in line.nick:
        yield Trait(side=side, server_name=line.nick)
    who, _, host = line.last.rpartition(" ")[2].rpartition("@")
    if "!" in who:
        yield from irc.host(side, irc.own, host)


def quits(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    yield from irc.seen(side, irc.name_of(line) or irc.own, "offline", plain(line.param(0)))


def away(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    note = plain(line.param(0))
    yield from irc.seen(side, irc.name_of(line) or irc.own, "away" if note else "online", note)


def is_away(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    if len(line.params) >= 3:
        yield from irc.seen(side, line.param(1), "away", plain(line.last))


def are_online(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """Replies to ISON (blanks between nicks) and MONITOR (commas, and hosts)."""
    for who in re.split(r"[ ,]+", line.last):
        name, _, user_host = who.partition("!")
        if is_nick(name):
            yield from irc.seen(side, name, "offline" if line.command == "731" else "online", "")
            yield from irc.host(side, name, user_host.rpartition("@")[2])


def is_watched(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """Replies to WATCH: `600 me nick user host time :logged online`."""
    if is_nick(line.param(1)):
        yield from irc.seen(side, line.param(1), "offline" if line.command in ("601", "605") else "online", "")
        yield from irc.host(side, line.param(1), line.param(3))


def watches(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """ISON a b, MONITOR + a,b, WATCH +a +b: the client's own list of contacts."""
    if line.nick is not None or (line.command == "MONITOR" and line.param(0) != "+"):
        return
    words = " ".join(line.params[1:] if line.command == "MONITOR" else line.params)
    for word in re.split(r"[ ,]+", words):
        if line.command == "WATCH" and not word.startswith("+"):
            continue
        if is_nick(name := word.removeprefix("+")) and name.casefold() not in irc.contacts:
            irc.contacts[name.casefold()] = None
            yield Contact(side=side, owner=irc.own, account=name[:MAX_NAME])


# --- where from -----------------------------------------------------------------------------------------------------


def changed_host(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    yield from irc.host(side, irc.name_of(line), line.param(1))


def _tells(name: int, *hosts: int) -> Handler:
    """A reply that has a nick and hosts at fixed places."""

    def handler(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
        for host in hosts:
            yield from irc.host(side, line.param(name), line.param(host))

    return handler


def userhost(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """`302 me :nick*=+user@host ...`"""
    for word in line.last.split():
        name, _, rest = word.partition("=")
        yield from irc.host(side, name.rstrip("*"), rest.rpartition("@")[2])


def connects_from(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """`378 me nick :is connecting from *@host address`"""
    for word in line.last.split():
        yield from irc.host(side, line.param(1), word.rpartition("@")[2])


# --- messages -------------------------------------------------------------------------------------------------------


def message(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    if len(line.params) < 2:
        return
    targets, text = line.params[:2]
    if line.command == "NOTICE":
        if irc_login.is_service(line.nick):
            yield from irc_login.service_answered(irc, text)
            return  # what services say is no conversation, and may repeat a password
        if line.user is None and (targets in ("AUTH", "*") if line.nick is None else "." in line.nick):
            return  # a server
    sender, shown = irc.name_of(line) or irc.own, plain(text)
    if line.nick == "root" and irc.pending.waits("service"):
        yield from irc_login.service_answered(irc, text)  # BitlBee answers as a person would
    for target in targets.split(",", MAX_ADDRESSEES)[:MAX_ADDRESSEES]:
        target = irc.names.get(target, target)[:MAX_NAME]
        room = room_of(target)
        if line.user is not None and room is None:
            yield from irc.known_as(side, target)
        if text.startswith(CTCP):
            yield from _ctcp(irc, side, line, sender, target, room, text.strip(CTCP))
        elif (room is None or room in irc_login.SERVICES) and (
            login := irc_login.said_to_service(irc, side, target, shown)
        ) is not None:
            yield from login
        else:
            yield from _said(irc, side, line, sender, target, room, shown)


def _said(
    irc: Irc, side: Side, line: Line, sender: str | None, target: str, room: str | None, text: str
) -> Iterable[Event]:
    if line.nick is None:
        irc.told[target.casefold(), text] = None
    elif irc.told and same(sender, irc.own) and (target.casefold(), text) in irc.told:
        del irc.told[target.casefold(), text]
        return ()  # `echo-message`: the server repeats what the client said
    if not text:
        return ()
    wire = excerpt(f"{line.command} {target}")
    return (Message(side=side, sender=sender, recipient=room or target, room=room, text=text, wire=wire),)


def _ctcp(
    irc: Irc, side: Side, line: Line, sender: str | None, target: str, room: str | None, text: str
) -> Iterable[Event]:
    word, _, rest = text.partition(" ")
    if word == "ACTION":
        return _said(irc, side, line, sender, target, room, plain(rest))
    if word == "DCC":
        return dcc(irc, side, sender, target, rest)
    if word == "VERSION" and line.command == "NOTICE" and line.nick is None and rest:
        return (Trait(side=side, software=plain(rest)[:MAX_NAME]),)
    return ()


def topic(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """TOPIC sets it, 332 tells who joins: herders of bots leave their orders there."""
    told = line.command == "332"
    room = room_of(line.param(1 if told else 0))
    text = plain(line.last)
    if room is None or len(line.params) < (3 if told else 2) or not text or irc.topics.get(room) == text:
        return
    irc.topics[room] = text
    sender = None if told else irc.name_of(line) or irc.own
    yield Message(side=side, sender=sender, recipient=room, room=room, text=text, offline=told, wire=f"TOPIC {room}")


# --- rooms and modes ------------------------------------------------------------------------------------------------


def join(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    if line.nick is None:
        for room, key in zip(line.param(0).split(","), line.param(1).split(",")[:MAX_ADDRESSEES], strict=False):
            if room_of(room) is not None:
                yield from irc_login.channel_key(irc, side, room, key, "JOIN")


def mode(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    yield from irc_login.modes(irc, side, line.param(0), line.params[1:])


def modes_are(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    yield from irc_login.modes(irc, side, line.param(1), line.params[2:])


# --- the server -----------------------------------------------------------------------------------------------------


def server_software(_: Irc, side: Side, line: Line) -> Iterator[Event]:
    """`004 me server version modes ...`, or in words `002 me :Your host is ..., running version ...`."""
    found = re.search(r"running version ([^ ,]{1,200})", line.last)
    version = found[1] if found else line.param(2) if line.command == "004" else ""
    if version:
        yield Trait(side=side, software=version[:MAX_NAME])


def starttls(irc: Irc, side: Side, line: Line) -> Iterator[Event]:
    """The server's 670 ends what can be read. Where only the client is seen, its TLS handshake does."""
    if line.command == "670":
        yield from irc.goes_dark(side)
    else:
        irc.asked_for_tls = True


HANDLERS: dict[str, Handler] = {
    "PASS": irc_login.password,
    "OPER": irc_login.oper,
    "WEBIRC": irc_login.webirc,
    "AUTHENTICATE": irc_login.authenticate,
    "IDENTIFY": irc_login.bare_command,
    "LOGIN": irc_login.bare_command,
    **dict.fromkeys(
        ("NICKSERV", "NS", "CHANSERV", "CS", "AUTHSERV", "AS", "OPERSERV", "OS"), irc_login.service_command
    ),
    "NICK": nick,
    "USER": user,
    "UID": introduced,
    "EUID": introduced,
    "QUIT": quits,
    "AWAY": away,
    "ISON": watches,
    "MONITOR": watches,
    "WATCH": watches,
    "CHGHOST": changed_host,
    "PRIVMSG": message,
    "NOTICE": message,
    "SQUERY": message,
    "TOPIC": topic,
    "JOIN": join,
    "MODE": mode,
    "STARTTLS": starttls,
    "001": welcome,
    "002": server_software,
    "004": server_software,
    "301": is_away,
    "302": userhost,
    "303": are_online,
    "311": _tells(1, 3),
    "314": _tells(1, 3),
    "324": modes_are,
    "332": topic,
    "338": _tells(1, 2, 3),
    "340": userhost,
    "352": _tells(5, 3),
    "378": connects_from,
    "432": refused_nick,
    "433": refused_nick,
    "437": refused_nick,
    **dict.fromkeys(("600", "601", "604", "605"), is_watched),
    "670": starttls,
    "730": are_online,
    "731": are_online,
}

_OPENING = re.compile(
    rb" {0,4}(?:@[^ \r\n]{1,300} {1,4})?"
    rb"(?:(?i:PRIVMSG|NOTICE|JOIN|PART|NICK|USER|MODE|TOPIC|KICK|PING|PONG|CAP|WHO|WHOIS|ISON|USERHOST|AUTHENTICATE|ERROR"
    rb"|QUIT|AWAY|OPER|MONITOR|WATCH|NS|NICKSERV|NAMES|INVITE) {1,4}[^ \r\n]"
    rb"|:[^ \r\n]{1,160} {1,4}(?:[0-9]{3}|(?i:" + "|".join(sorted(VERBS)).encode() + rb")) {1,4}[^ \r\n])"
)
"""How a line begins that may follow a hole. Matches the same however little of the line is there yet."""

_LONG_TAGS = re.compile(rb" {0,4}@\+?[A-Za-z0-9./-]{1,64}[=;][^ \r\n]{300}")
"""Tags that leave no room for the rest of the line in what may be looked at (IRCv3 allows 8191 bytes of them)."""


class Irc(Dissector[Line]):
    name = "irc"
    max_frame: ClassVar[int] = MAX_IRC_LINE + 1
    marks = re.compile(rb"\n")
    mark_size = 1

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self.own: str | None = None
        """The client's nick; None between servers."""
        self.previous: str | None = None
        self.asked_for_tls = False
        self.sasl: SaslExchange | None = None
        self.pending = Pending()
        self.names: CappedTable[str, str] = CappedTable(MAX_CONTACTS)
        """Nicks by the unique ids that servers use among themselves."""
        self.contacts: CappedTable[str, None] = CappedTable(MAX_CONTACTS)
        self.keys: CappedTable[str, str] = CappedTable()
        self.topics: CappedTable[str, str] = CappedTable()
        self.offers: CappedTable[str, Offer] = CappedTable()
        self.resumed: CappedTable[Offer, int] = CappedTable()
        self.told: CappedTable[tuple[str, str], None] = CappedTable(64)
        self._states: CappedTable[str, tuple[str, str]] = CappedTable(MAX_CONTACTS)
        self._hosts: CappedTable[tuple[str | None, str], None] = CappedTable(MAX_CONTACTS)
        self._points = 0
        self._unproven = 0
        self._shapes: set[str] = set()

    @property
    def confirmed(self) -> bool:
        return self._points >= ENOUGH

    @property
    def given_up(self) -> bool:
        """Text of other protocols has lines too, and now and then one that could be a command."""
        return super().given_up or self._unproven > MAX_IRC_UNPROVEN

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Line]:
        while box.data and (end := self._line_end(box)) >= 0:
            line = box.data[:end]
            if not line or line.isspace():
                box.drop(end + 1)
                continue
            if end == MAX_IRC_LINE and box.data[end] != LF:
                start = parse(line)
                box.drop(end)
                yield start
                raise TooLarge(f"a line of more than {MAX_IRC_LINE} bytes")
            # Malformed leaves the line in place, so that the search for the next one begins in it and not behind it.
            parsed = parse(line)
            box.drop(end + 1)
            yield parsed

    def _line_end(self, box: Inbox) -> int:
        """Where the next line ends: at its LF, or at MAX_IRC_LINE where it is longer; -1 while that is not known."""
        try:
            return box.find(b"\n", MAX_IRC_LINE)
        except Malformed:
            return MAX_IRC_LINE

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        start = at + data.startswith(b"\n", at)
        if _OPENING.match(data, start) or _LONG_TAGS.match(data, start):
            return True
        return False if data.find(b"\n", start) >= 0 else None

    def feed(self, side: Side, data: bytes) -> Iterable[Event]:
        if self.asked_for_tls and not self.opaque and not self._inbox[side] and TLS.startswith(data[:2]) and data:
            return self.goes_dark(side)
        return super().feed(side, data) if self.confirmed else self._unproven_feed(side, data)

    def _unproven_feed(self, side: Side, data: bytes) -> Iterator[Event]:
        yield from super().feed(side, data)
        if not self.confirmed:
            self._unproven += len(data)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Line) -> Iterator[Event]:
        if self._points < ENOUGH:
            self._weigh(frame)
        if frame.host is not None and frame.user is not None:
            yield from self.host(side, self.name_of(frame), frame.host)
        elif self.own is None and frame.command.isdigit():
            yield from self.known_as(side, frame.param(0))
        if (handler := HANDLERS.get(frame.command)) is not None:
            yield from handler(self, side, frame)
        if self.pending:
            yield from irc_login.answered(self, frame)
            yield from self.pending.tick(self.own)

    def proves(self, frame: Line) -> bool:
        return points(frame) > 0

    def _weigh(self, line: Line) -> None:
        if line.command in self._shapes and not counts_again(line):
            return
        if worth := points(line):
            self._shapes.add(line.command)
            self._points += worth

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        if not self.opaque:
            yield from self.pending.flush(self.own)
        yield from super().gap(side, missing)

    def on_end(self) -> Iterator[Event]:
        yield from self.pending.flush(self.own)

    # --- what the handlers share --------------------------------------------------------------------------------------

    def name_of(self, line: Line) -> str | None:
        """The nick in a line's prefix."""
        return self.names.get(line.nick, line.nick) if line.nick is not None else None

    def known_as(self, side: Side, nick: str, *, sure: bool = False) -> Iterable[Event]:
        """The session's own nick: once it is `sure`, or the first time there is a guess."""
        if (self.own is not None and (not sure or nick == self.own)) or not is_nick(nick):
            return ()
        self.own = nick[:MAX_NAME]
        return (Trait(side=side, account=self.own),)

    def seen(self, side: Side, account: str | None, status: str, note: str) -> Iterable[Event]:
        """A status, unless it is the one last told."""
        if account is None or not is_nick(account) or self._states.get(account) == (status, note):
            return ()
        self._states[account] = (status, note)
        return (Presence(side=side, account=account[:MAX_NAME], status=status, note=note or None),)

    def host(self, side: Side, account: str | None, host: str) -> Iterable[Event]:
        """Somebody's host, if it is an address: once for each."""
        ip = _known_address(host) if len(host) <= MAX_MEMOISED else None
        if ip is None or (account, ip) in self._hosts:
            return ()
        self._hosts[account, ip] = None
        wire = excerpt(f"{account} at {host}")
        to = None if same(account, self.own) else self.own
        return (Exposure(side=side, account=account, ip=ip, via="irc.host", to=to, wire=wire),)

    def goes_dark(self, side: Side) -> Iterator[Event]:
        self.opaque = True
        yield from self.pending.flush(self.own)
        yield Trait(side=side, encryption=Encryption.STARTTLS)
