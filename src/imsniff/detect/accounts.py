"""Account names as each service compares them, so that one person is one subject however the name was typed.

Shown is always what was written; this form is for keys and subjects only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from imsniff.base.limits import MAX_CACHED, MAX_NAME


def _screen_name(name: str) -> str:
    """AIM ignores case and spaces; an ICQ number has neither."""
    return "".join(name.split()).lower()


def _jid(name: str) -> str:
    """The bare JID. Node and domain are compared case-folded (RFC 7622 §3.2, §3.3); the resource is a device."""
    return name.partition("/")[0].strip().removeprefix("xmpp:").lower()


_BRACKETED = re.compile(r"<([^<>]*)>")
_SCHEME = re.compile(r"(?:sips?|im|pres|xmpp|tel|msrps?):(?://)?", re.IGNORECASE)


def _sip(name: str) -> str:
    """Without display name, scheme, parameters, headers. The host ignores case, the user not (RFC 3261 §19.1.4)."""
    if bracketed := _BRACKETED.search(name):
        name = bracketed[1]
    name = re.split("[;?]", name, maxsplit=1)[0].strip()
    if scheme := _SCHEME.match(name):
        name = name[scheme.end() :]
    user, at, host = name.rpartition("@")
    return user + at + host.lower()


def _passport(name: str) -> str:
    """Lower case, without the network number of MSNP13 and later (`1:bob@...`) and MSNP18's `;{endpoint}`."""
    name = name.partition(";")[0].strip().lower()
    number, colon, rest = name.partition(":")
    return rest if colon and number.isascii() and number.isdigit() else name


_RFC1459 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ[]\\~", "abcdefghijklmnopqrstuvwxyz{}|^")


def _nick(name: str) -> str:
    """The nick of `nick!user@host`, in the RFC 1459 case mapping: `[]\\~` are the capitals of `{}|^`."""
    return name.strip().removeprefix(":").partition("!")[0].translate(_RFC1459)


def _lower(name: str) -> str:
    return name.strip().lower()


_NORMAL: dict[str, Callable[[str], str]] = {
    "oscar": _screen_name,
    "oft": _screen_name,
    "odc": _screen_name,
    "toc": _screen_name,
    "icq": _screen_name,
    "msnp": _passport,
    "msnftp": _passport,
    "msnp2p": _passport,
    "ymsg": _lower,
    "sip": _sip,
    "msrp": _sip,
    "xmpp": _jid,
    "irc": _nick,
    "dcc": _nick,
    "sametime": _lower,
    "gadu-gadu": _lower,
}


@lru_cache(maxsize=MAX_CACHED)
def normalise(protocol: str, account: str) -> str:
    """`account` as the protocol's service compares it; empty where nothing is left of it."""
    return _NORMAL.get(protocol, str.strip)(account[:MAX_NAME])
