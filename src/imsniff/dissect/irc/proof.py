"""What makes lines IRC and not FTP, POP3, NNTP, SMTP, HTTP or a log that somebody posted.

Commands such as USER, PASS, LIST, MODE, QUIT or PING belong to half a dozen protocols, so each line earns points for
the *shape* that only IRC gives it, each shape once, and `ENOUGH` are needed. A few shapes suffice alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from imsniff.dissect.irc.line import Line, is_nick, room_of

ENOUGH: Final = 4

_SERVER = re.compile(r"[A-Za-z0-9\[*][A-Za-z0-9.:_\-\[\]*]{0,127}")
_TARGETS = re.compile(r"(?:AUTH|\*|\$[#$]?[^ ]+)")
CAPABILITIES = frozenset({"LS", "LIST", "REQ", "ACK", "NAK", "END", "NEW", "DEL", "CLEAR"})

VERBS = frozenset(
    """
    ACCOUNT ADMIN AUTHENTICATE AUTHSERV AWAY BATCH CAP CAPAB CHANSERV CHGHOST CONNECT CS CYCLE ENCAP EOB
    ERROR EUID FAIL FJOIN GLOBOPS IDENTIFY INFO INVITE ISON JOIN KICK KILL KLINE KNOCK LINKS LIST LOGIN
    LUSERS MEMOSERV METADATA MODE MONITOR MOTD MS NAMES NETINFO NICK NICKSERV NOTE NOTICE NS OPER OPERSERV OS
    PART PASS PING PONG PRIVMSG PROTOCTL QUIT REGISTER REHASH RENAME SERVER SERVLIST SETHOST SETNAME SID
    SILENCE SJOIN SQUERY SQUIT STARTTLS STATS SVINFO SVSMODE SVSNICK TAGMSG TIME TMODE TOPIC TRACE UID USER
    USERHOST USERIP USERS VERSION WALLOPS WARN WATCH WEBIRC WHO WHOIS WHOWAS
    """.split()  # noqa: SIM905 - ninety words read better without quotes
)
"""Commands of clients, servers and services."""


def _is_target(text: str) -> bool:
    return bool(room_of(text) or is_nick(text) or _TARGETS.fullmatch(text))


def _talk(line: Line) -> int:
    if len(line.params) != 2 or not all(_is_target(target) for target in line.param(0).split(",")):
        return 0
    return ENOUGH if line.command == "PRIVMSG" or _TARGETS.fullmatch(line.param(0)) else 2


SHAPES: dict[str, Callable[[Line], int]] = {
    "PRIVMSG": _talk,
    "NOTICE": _talk,
    "NICK": lambda line: 3 if 1 <= len(line.params) <= 2 and is_nick(line.param(0)) else 0,
    "USER": lambda line: 2 if len(line.params) >= 4 else 1,  # some bots say `USER name`
    "CAP": lambda line: 2 if {line.param(0).upper(), line.param(1).upper()} & CAPABILITIES else 0,
    "JOIN": lambda line: 2 if room_of(line.param(0).partition(",")[0]) else 0,
    "PART": lambda line: 2 if room_of(line.param(0).partition(",")[0]) else 0,
    "TOPIC": lambda line: 2 if room_of(line.param(0)) else 0,
    "KICK": lambda line: 2 if room_of(line.param(0)) and len(line.params) >= 2 else 0,
    "NAMES": lambda line: 2 if room_of(line.param(0).partition(",")[0]) else 0,
    "MODE": lambda line: 2 if room_of(line.param(0)) or line.param(1)[:1] in tuple("+-") else 0,
    "AUTHENTICATE": lambda line: 2 if len(line.params) == 1 else 0,
    "ISON": lambda line: 2 if line.params else 0,
    "USERHOST": lambda line: 2 if line.params else 0,
    "WHO": lambda line: 1 if line.params else 0,
    "WHOIS": lambda line: 1 if line.params else 0,
    "PING": lambda line: 1 if line.params else 0,
    "PONG": lambda line: 1 if line.params else 0,
    "OPER": lambda line: 1 if len(line.params) == 2 else 0,
    "WEBIRC": lambda line: 3 if len(line.params) >= 4 else 0,
    "PROTOCTL": lambda line: 2 if line.params else 0,
    "CAPAB": lambda line: 2 if line.params else 0,
    "SERVER": lambda line: 2 if len(line.params) >= 3 and "." in line.param(0) else 0,
    "ERROR": lambda line: ENOUGH if line.last.startswith("Closing Link") else 1,
}
"""Points of a line without a prefix."""


def points(line: Line) -> int:
    if line.nick is None:
        return SHAPES[line.command](line) if line.command in SHAPES else 0
    if line.user is not None and line.host is not None:
        return ENOUGH if line.command in VERBS and is_nick(line.nick) else 0
    if not (_SERVER.fullmatch(line.nick) or is_nick(line.nick)):
        return 0
    if line.command.isdigit():
        if len(line.params) < 2 or not (is_nick(line.param(0)) or line.param(0) in ("*", "AUTH")):
            return 0
        return ENOUGH if line.command in ("001", "002", "003", "004", "005") else 2
    if line.command not in VERBS:
        return 0
    return max(2, _talk(line)) if line.command in ("PRIVMSG", "NOTICE") else 2


def counts_again(line: Line) -> bool:
    """Whether a second line of this kind is further evidence: replies and messages are, a repeated greeting is not."""
    return line.nick is not None or line.command in ("PRIVMSG", "NOTICE")
