"""Passwords over IRC: of the connection, of operators, of services, of channels, and SASL.

    PASS <password>                                answered by 001, or 464
    OPER <name> <password>                         381, or 464 and 491
    AUTHENTICATE PLAIN, then Base64 in pieces      903, or 902 and 904 to 906
    PRIVMSG NickServ :IDENTIFY [account] <password>    900, or a notice in words; more services and commands below
    JOIN #room <key>, MODE #room +k <key>          366, or 475
    WEBIRC <password> <gateway> <host> <address>

RFC 2812 §3.1, IRCv3 sasl-3.1, and the services Anope, Atheme, QuakeNet's Q, Undernet's X, GameSurge's AuthServ.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import NamedTuple

from imsniff.base.events import Event, Grade, Login, Outcome, Side, excerpt, masked
from imsniff.base.limits import MAX_NAME, MAX_SASL
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.irc.line import Line, decoded, room_of
from imsniff.dissect.irc.session import IrcSession, SaslExchange

# --- the connection and operators -----------------------------------------------------------------------------------


def password(irc: IrcSession, side: Side, line: Line) -> Iterator[Event]:
    secret = line.param(0)
    if line.nick is not None or not secret:
        return
    bearer = secret.startswith("oauth:")  # Twitch
    login = Login(
        side=side,
        account=None,
        scheme="oauth" if bearer else "plain",
        grade=Grade.TOKEN if bearer else Grade.CLEARTEXT,
        secret=secret,
        wire=f"PASS {masked(secret)}",
    )
    yield from irc.pending.add("pass", irc.dated(login))


def oper(irc: IrcSession, side: Side, line: Line) -> Iterator[Event]:
    if line.nick is not None or len(line.params) < 2:
        return
    account, secret = line.param(0)[:MAX_NAME], line.param(1)
    wire = excerpt(f"OPER {account} {masked(secret)}")
    login = Login(side=side, account=account, scheme="oper", grade=Grade.CLEARTEXT, secret=secret, wire=wire)
    yield from irc.pending.add("oper", irc.dated(login))


def webirc(irc: IrcSession, side: Side, line: Line) -> Iterator[Event]:
    if len(line.params) < 4:
        return
    secret, gateway, host, ip = line.params[:4]
    wire = excerpt(f"WEBIRC {masked(secret)} {gateway} {host} {ip}")
    yield Login(side=side, account=gateway[:MAX_NAME], scheme="webirc", grade=Grade.CLEARTEXT, secret=secret, wire=wire)
    yield from irc.host(side, irc.own, ip)


# --- channels -------------------------------------------------------------------------------------------------------


def channel_key(irc: IrcSession, side: Side, room: str, key: str, command: str) -> Iterator[Event]:
    """The password of a room, once: it is repeated to everybody in it."""
    if not key or key == "*" or irc.keys.get(room) == key:
        return
    irc.keys[room] = key
    wire = excerpt(f"{command} {room} {masked(key)}")
    grade = Grade.CLEARTEXT
    login = Login(side=side, account=irc.own, room=room, scheme="channel-key", grade=grade, secret=key, wire=wire)
    if command == "JOIN":
        yield from irc.pending.add(f"key {room.casefold()}", irc.dated(login))
    else:
        yield login


_SET = frozenset("befhIjkLloqavH")
_UNSET = frozenset("behIkoqav")
"""Channel modes that take a parameter when set, and when unset (005 would tell exactly, but may not have been seen)."""


def modes(irc: IrcSession, side: Side, room: str, params: list[str]) -> Iterator[Event]:
    """`+ntk key`, `-o+k nick key`: finds the key among the other parameters."""
    if not params or room_of(room) is None:
        return
    values, sign = iter(params[1:]), "+"
    for mode in params[0]:
        if mode in "+-":
            sign = mode
        elif mode in (_SET if sign == "+" else _UNSET):
            value = next(values, "")
            if mode == "k" and sign == "+":
                yield from channel_key(irc, side, room, value, "MODE")


# --- outcomes ---------------------------------------------------------------------------------------------------------


def _fixed(*keys: str) -> Callable[[Line], tuple[str, ...]]:
    return lambda _: keys


def _key_of_room(line: Line) -> tuple[str, ...]:
    return (f"key {line.param(1).casefold()}",)


def _if_service(line: Line) -> tuple[str, ...]:
    return ("service",) if is_service(line.param(1)) else ()


def _if_password(line: Line) -> tuple[str, ...]:
    return ("pass",) if "password" in line.last.casefold() else ()


ANSWERS: dict[str, tuple[Outcome, Callable[[Line], tuple[str, ...]]]] = {
    "001": (Outcome.OK, _fixed("pass")),
    "366": (Outcome.OK, _key_of_room),
    "381": (Outcome.OK, _fixed("oper")),
    "401": (Outcome.FAILED, _if_service),  # no such nick: the password crossed the wire in vain
    "464": (Outcome.FAILED, _fixed("oper", "pass")),
    "475": (Outcome.FAILED, _key_of_room),
    "491": (Outcome.FAILED, _fixed("oper")),
    "900": (Outcome.OK, _fixed("sasl", "service")),
    "902": (Outcome.FAILED, _fixed("sasl")),
    "903": (Outcome.OK, _fixed("sasl")),
    "904": (Outcome.FAILED, _fixed("sasl")),
    "905": (Outcome.FAILED, _fixed("sasl")),
    "906": (Outcome.FAILED, _fixed("sasl")),
    "ERROR": (Outcome.FAILED, _if_password),
}
"""What a reply says, and which login it may answer: the first of these that waits."""


def answered(irc: IrcSession, line: Line) -> Iterator[Event]:
    outcome, keys = ANSWERS.get(line.command, (Outcome.UNKNOWN, _fixed()))
    for key in keys(line):
        if irc.pending.waits(key):
            yield from irc.pending.settle(key, outcome, irc.own)
            return


# --- services -------------------------------------------------------------------------------------------------------


class SecretPosition(NamedTuple):
    """Where a service's command has the account and the secret, counted behind the command."""

    account: int | None
    secret: int
    alone: int | None = None
    """Where the secret is if there is one word only: the account is then one's own nick."""
    scheme: str = "nickserv"
    grade: Grade = Grade.CLEARTEXT


_IDENTIFY = SecretPosition(account=0, secret=1, alone=0)
_OTHER_NICK = SecretPosition(account=0, secret=1)
_OWN = SecretPosition(account=None, secret=0, alone=0)

NICK_SERVICE: dict[str, SecretPosition] = {
    "IDENTIFY": _IDENTIFY,
    "ID": _IDENTIFY,
    "SIDENTIFY": _IDENTIFY,
    "LOGIN": _IDENTIFY,
    "AUTH": _IDENTIFY,
    "REGISTER": _OWN,
    "GHOST": _OTHER_NICK,
    "RECOVER": _OTHER_NICK,
    "RELEASE": _OTHER_NICK,
    "REGAIN": _OTHER_NICK,
    "GROUP": _OTHER_NICK,
    "LINK": _OTHER_NICK,
    "DROP": _OTHER_NICK,
    "SETPASS": SecretPosition(account=0, secret=2),
    "SET PASSWORD": _OWN,
    "SET PASSWD": _OWN,
}
ACCOUNT_SERVICE: dict[str, SecretPosition] = {
    **NICK_SERVICE,
    "REGISTER": _OTHER_NICK,
    "PASS": _OWN,
    "NEWPASS": _OWN,
    "CHALLENGEAUTH": SecretPosition(account=0, secret=1, scheme="challengeauth", grade=Grade.CRACKABLE),
}
BITLBEE: dict[str, SecretPosition] = {
    "IDENTIFY": _OWN,
    "REGISTER": _OWN,
    "ACCOUNT ADD": SecretPosition(account=1, secret=2, scheme="bitlbee"),
}
"""The gateway's own password, and those of other networks: `account add jabber alice@example.org secret`."""
CHANNEL_SERVICE: dict[str, SecretPosition] = {
    "IDENTIFY": _OTHER_NICK,
    "SET PASSWORD": SecretPosition(account=0, secret=1),
}

SERVICES: dict[str, dict[str, SecretPosition]] = {
    "nickserv": NICK_SERVICE,
    "ns": NICK_SERVICE,
    "userserv": ACCOUNT_SERVICE,
    "authserv": ACCOUNT_SERVICE,
    "as": ACCOUNT_SERVICE,
    "q": ACCOUNT_SERVICE,
    "x": ACCOUNT_SERVICE,
    "chanserv": CHANNEL_SERVICE,
    "cs": CHANNEL_SERVICE,
    "operserv": NICK_SERVICE,
    "os": NICK_SERVICE,
    "root": BITLBEE,
    "&bitlbee": BITLBEE,
}
"""By the service's nick, in lower case and without `@its.server`; NS and the like are also commands."""

_GRANTED = re.compile(
    r"(?i)you are (?:now|already|successfully) (?:identified|logged|recogni[sz]ed|authed)|password accepted"
    r"|authentication successful|now recogni[sz]ed|has been (?:ghosted|recovered|released|registered)"
)
_REFUSED = re.compile(
    r"(?i)(?:incorrect|invalid|wrong|bad) (?:password|username|account)|password (?:is )?(?:incorrect|invalid)"
    r"|(?:isn't|is not)(?: a)? registered|access denied|authentication failed|username or password"
)


_WORD = re.compile(r'"([^"]*)"|(\S+)')


def _words(text: str) -> list[str]:
    """Blanks part words, but for those in quotes (BitlBee)."""
    return [quoted or bare for quoted, bare in _WORD.findall(text)] if '"' in text else text.split()


def said_to_service(irc: IrcSession, side: Side, target: str, text: str) -> Iterator[Event] | None:
    """The login in what is said to a service; None where it is no service or holds no secret: then it is just text."""
    commands = SERVICES.get(target.partition("@")[0].casefold())
    words = _words(text) if commands is not None else []
    if commands is BITLBEE:
        words = [word for word in words[words[:1] in (["root:"], ["root,"]) :] if not word.startswith("-")]
    if commands is None or not words:
        return None
    verb, args = words[0].upper(), words[1:]
    if args and f"{verb} {args[0].upper()}" in commands:
        verb, args = f"{verb} {args[0].upper()}", args[1:]
    where = commands.get(verb)
    if where is None:
        return None
    at = where.alone if len(args) == 1 else where.secret
    if at is None or at >= len(args):
        return None
    account = args[where.account][:MAX_NAME] if where.account is not None and at != where.account else irc.own
    login = Login(
        side=side,
        account=account,
        scheme=where.scheme,
        grade=where.grade,
        secret=args[at],
        wire=excerpt(f"{target} :{verb} {masked(args[at])}"),
    )
    return irc.pending.add("service", irc.dated(login))


def service_command(irc: IrcSession, side: Side, line: Line) -> Iterator[Event]:
    """`NS IDENTIFY password`, `NICKSERV :IDENTIFY password`."""
    if line.nick is None:
        yield from said_to_service(irc, side, line.command, " ".join(line.params)) or ()


def bare_command(irc: IrcSession, side: Side, line: Line) -> Iterator[Event]:
    """`IDENTIFY password`, `LOGIN account password`: servers hand it to their service."""
    if line.nick is None:
        yield from said_to_service(irc, side, "nickserv", " ".join([line.command, *line.params])) or ()


def service_answered(irc: IrcSession, text: str) -> Iterator[Event]:
    if _REFUSED.search(text):
        yield from irc.pending.settle("service", Outcome.FAILED, irc.own)
    elif _GRANTED.search(text):
        yield from irc.pending.settle("service", Outcome.OK, irc.own)


def is_service(nick: str | None) -> bool:
    return nick is not None and nick.casefold() in SERVICES


# --- SASL -----------------------------------------------------------------------------------------------------------

PIECE = 400
"""Characters of Base64 in a line; exactly so many means that more will come."""

MECHANISMS: dict[str, Grade] = {
    "PLAIN": Grade.CLEARTEXT,
    "LOGIN": Grade.CLEARTEXT,
    "CRAM-MD5": Grade.CRACKABLE,
    "DIGEST-MD5": Grade.CRACKABLE,
    "SCRAM-SHA-1": Grade.CRACKABLE,
    "SCRAM-SHA-256": Grade.CRACKABLE,
    "SCRAM-SHA-512": Grade.CRACKABLE,
    "DH-BLOWFISH": Grade.PROTECTED,
    "DH-AES": Grade.PROTECTED,
    "ECDSA-NIST256P-CHALLENGE": Grade.PROTECTED,
    "EXTERNAL": Grade.PROTECTED,
    "ANONYMOUS": Grade.PROTECTED,
    "OAUTHBEARER": Grade.TOKEN,
    "XOAUTH2": Grade.TOKEN,
}


def authenticate(irc: IrcSession, side: Side, line: Line) -> Iterator[Event]:
    word = line.param(0)
    exchange = irc.sasl
    if word.upper() in MECHANISMS:
        irc.sasl = SaslExchange(word.upper(), side)
    elif word == "*":
        irc.sasl = None
    elif exchange is None:
        if b"\0" in _unpacked(word):  # the mechanism was not seen, but only PLAIN looks like this
            irc.sasl = SaslExchange("PLAIN", side)
            yield from _piece(irc, irc.sasl, word)
    elif side is exchange.side and line.nick is None:
        yield from _piece(irc, exchange, word)


def _piece(irc: IrcSession, exchange: SaslExchange, word: str) -> Iterator[Event]:
    if word != "+":
        exchange.pieces.append(word)
    if len(exchange.pieces) * PIECE > MAX_SASL:
        irc.sasl = None
        raise Malformed(f"AUTHENTICATE of more than {MAX_SASL} characters")
    if len(word) == PIECE:
        return
    data = _unpacked("".join(exchange.pieces))
    exchange.pieces.clear()
    if exchange.mechanism.startswith("SCRAM") and b"p=" not in data:
        fields = dict(field.partition("=")[::2] for field in decoded(data).split(","))
        exchange.account = fields.get("n", "")[:MAX_NAME] or None
        return
    account, secret = _credential(exchange, data)
    irc.sasl = None
    login = Login(
        side=exchange.side,
        account=account,
        scheme=exchange.mechanism.lower(),
        grade=MECHANISMS[exchange.mechanism],
        secret=secret,
        wire=excerpt(f"AUTHENTICATE {exchange.mechanism} {masked(secret)}"),
    )
    yield from irc.pending.add("sasl", irc.dated(login))


def _credential(exchange: SaslExchange, data: bytes) -> tuple[str | None, str | None]:
    """Account and secret in a whole response."""
    parts = data.split(b"\0")
    match exchange.mechanism:
        case "PLAIN" if len(parts) >= 3:
            return decoded(parts[1])[:MAX_NAME] or None, decoded(parts[2])
        case "CRAM-MD5":
            name, _, answer = decoded(data).rpartition(" ")
            return name[:MAX_NAME] or None, answer
        case "OAUTHBEARER" | "XOAUTH2":
            text = decoded(data)
            account = re.search(r"(?:^|[,\x01])(?:a|user)=([^,\x01]{1,256})", text)
            bearer = re.search(r"auth=Bearer ([^\x01]{1,8192})", text)
            return account[1] if account else None, bearer[1] if bearer else text
        case mechanism if mechanism.startswith("SCRAM"):
            return exchange.account, decoded(data).rpartition("p=")[2]
        case "ECDSA-NIST256P-CHALLENGE" | "EXTERNAL":
            return decoded(parts[0])[:MAX_NAME] or None, None
        case mechanism if MECHANISMS[mechanism] is Grade.PROTECTED:
            return None, None
    return None, decoded(data)


def _unpacked(text: str) -> bytes:
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True) if text != "+" else b""
    except (binascii.Error, ValueError):
        return b""
