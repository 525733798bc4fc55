"""One line of IRC, taken apart.

    [@tag=value;... ] [:prefix ] COMMAND param param :last param, which may hold blanks

RFC 1459 §2.3.1, RFC 2812 §2.3.1, IRCv3 message-tags. The prefix is `nick!user@host`, a bare nick or a server. Clients
and old bots put several blanks where one belongs, and blanks before the command; servers take that, so this does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from imsniff.base.limits import MAX_CACHED, MAX_MEMOISED, MAX_NAME
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.text import guessed

MAX_WORD = 4 * MAX_NAME
"""Characters kept of a parameter that is not the last."""
_COMMAND = re.compile(r"[A-Za-z]{1,32}|[0-9]{3}")
_NICK = re.compile(r"[^\x00-\x20!@:,#&+$%*.?\x7f][^\x00-\x20!@:,*?\x7f]{0,254}")
"""RFC 2812 allows nine letters, digits and nine specials; servers allow far more, UTF-8 among it."""
_ROOM = re.compile(r"[~&@%+]{0,5}(#[^\x00-\x20,\x07]*)|([&+!][^\x00-\x20,\x07]+)")
_FORMAT = re.compile(
    r"\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"  # colour, and background
    r"|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"  # the same as RGB
    r"|[\x02\x0f\x11\x16\x1d\x1e\x1f]"  # bold, reset, monospace, reverse, italics, strike, underline
)


class Sender(NamedTuple):
    nick: str | None
    """Who sent it, by the prefix: a nick, or a server's name. None where there is no prefix: the other end itself."""
    user: str | None
    host: str | None
    """Both only where the prefix has the form `nick!user@host`."""


ITSELF = Sender(None, None, None)


class Line(Struct, gc=False):
    nick: str | None
    user: str | None
    host: str | None
    """The three of `Sender`."""
    command: str
    """Upper case, or three digits."""
    params: list[str]

    def param(self, number: int) -> str:
        """A parameter; empty where it is missing."""
        return self.params[number] if number < len(self.params) else ""

    @property
    def last(self) -> str:
        return self.params[-1] if self.params else ""


def parse(raw: bytes | bytearray) -> Line:
    """Raises Malformed where this cannot be IRC."""
    text = decoded(raw).strip(" \r")
    if "\0" in text:
        raise Malformed("NUL in a line")
    if text.startswith("@"):
        text = text.partition(" ")[2].lstrip(" ")
    words, colon, trailing = text.partition(" :")
    params = words.split(" ")
    if "" in params:
        params = [word for word in params if word]
    sender = ITSELF
    if text.startswith(":"):
        prefix = params.pop(0)[1:]
        sender = _known_sender(prefix) if len(prefix) <= MAX_MEMOISED else _sender(prefix)
    command = params.pop(0) if params else (colon + trailing)[1:].partition(" ")[0]
    if not _COMMAND.fullmatch(command) or (sender is ITSELF and command.isdigit()):
        # A reply code without a prefix is FTP, SMTP or NNTP.
        raise Malformed(f"no command: {command[:24]!r}")
    if len(words) > MAX_WORD:
        params = [word[:MAX_WORD] for word in params]
    if colon:
        params.append(trailing)
    return Line(*sender, command.upper(), params)


def _sender(prefix: str) -> Sender:
    nick, _, user_host = prefix.partition("!")
    user, at, host = user_host.rpartition("@")
    if not at:
        nick, at, host = nick.partition("@")  # `nick@host`, from servers of the nineties
    return Sender(nick[:MAX_NAME], user[:MAX_NAME] or None, host[:MAX_NAME] or None)


_known_sender = lru_cache(maxsize=MAX_CACHED)(_sender)
"""The same few people begin every line of a room."""


def decoded(raw: bytes | bytearray) -> str:
    """IRC has no character set: UTF-8, also where the server cut the line in a character, else Windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return guessed(raw.rstrip(b"\r "))


def plain(text: str) -> str:
    """Text without mIRC's colours and other attributes."""
    return text if text.isprintable() else _FORMAT.sub("", text)


def is_nick(text: str) -> bool:
    return _NICK.fullmatch(text) is not None


def room_of(target: str) -> str | None:
    """The channel that a target names, `@#channel` (its operators) included; None for a person."""
    found = _ROOM.fullmatch(target)
    return (found[1] or found[2])[:MAX_NAME] if found else None


def same(one: str | None, other: str | None) -> bool:
    """Whether two nicks are one (most servers compare `rfc1459` or ASCII without case; both are close to this)."""
    return one is not None and other is not None and one.casefold() == other.casefold()
