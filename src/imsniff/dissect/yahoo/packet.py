"""One YMSG packet: its header, its keys, its texts.

    "YMSG" | version:2 | vendor:2 | length:2 | service:2 | status:4 | session:4 | key C0 80 value C0 80 ...

Big-endian; `length` counts the body only. Keys are ASCII decimals and come in **any order**; a repeated key is a list,
or begins the next record of a list of records. Which key means what depends on the service.

References: libpurple's yahoo protocol plug-in, Wireshark's packet-ymsg.c, the escargot server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

from imsniff.base.limits import MAX_NAME
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.text import guessed

SEPARATOR = b"\xc0\x80"
HEADER = 20
FAILED = 0xFFFF_FFFF
"""Status of a refusal."""
OFFLINE = 5
"""Status of messages that waited on the server; several come in one packet."""


class Service(IntEnum):
    """What a packet is for. Only services that are read, or common enough to prove the framing."""

    LOGON = 0x01
    LOGOFF = 0x02
    AWAY = 0x03
    BACK = 0x04
    IDLE = 0x05
    MESSAGE = 0x06
    ACTIVATE = 0x07
    DEACTIVATE = 0x08
    MAIL = 0x09
    USERSTAT = 0x0A
    NEW_MAIL = 0x0B
    NEW_CONTACT = 0x0F
    PING = 0x12
    SYSTEM = 0x14
    SKIN = 0x15
    PASSTHROUGH = 0x16
    MASS_MESSAGE = 0x17
    CONF_INVITE = 0x18
    CONF_LOGON = 0x19
    CONF_DECLINE = 0x1A
    CONF_LOGOFF = 0x1B
    CONF_ADD_INVITE = 0x1C
    CONF_MESSAGE = 0x1D
    CHAT_LOGON = 0x1E
    CHAT_LOGOFF = 0x1F
    CHAT_MESSAGE = 0x20
    FILE = 0x46
    VOICE = 0x4A
    NOTIFY = 0x4B
    VERIFY = 0x4C
    PEER_FILE = 0x4D
    PEER = 0x4F
    WEBCAM = 0x50
    AUTH_RESPONSE = 0x54
    LIST = 0x55
    AUTH = 0x57
    AUTH_BUDDY = 0x6D
    ADD_BUDDY = 0x83
    REMOVE_BUDDY = 0x84
    IGNORE = 0x85
    DENY_BUDDY = 0x86
    GROUP_RENAME = 0x89
    KEEPALIVE = 0x8A
    CHAT_ONLINE = 0x96
    CHAT_GOTO = 0x97
    CHAT_JOIN = 0x98
    CHAT_LEAVE = 0x99
    CHAT_EXIT = 0x9B
    CHAT_ADD_INVITE = 0x9D
    CHAT_LOGOUT = 0xA0
    CHAT_PING = 0xA1
    CHAT_COMMENT = 0xA8
    STEALTH_PERMANENT = 0xB9
    STEALTH_SESSION = 0xBA
    PICTURE_CHECKSUM = 0xBD
    PICTURE = 0xBE
    PICTURE_UPDATE = 0xC1
    VISIBLE = 0xC5
    STATUS = 0xC6
    AVATAR = 0xC7
    AUDIBLE = 0xD0
    CONTACT_DETAILS = 0xD3
    AUTH_BUDDY_15 = 0xD6
    FILE_15 = 0xDC
    FILE_INFO_15 = 0xDD
    FILE_ACCEPT_15 = 0xDE
    CHANGE_GROUP_15 = 0xE7
    STATUS_15 = 0xF0
    LIST_15 = 0xF1
    MESSAGE_ACK = 0xFB
    WEB_LOGIN = 0x226
    SMS = 0x2EA
    DISCONNECT = 0x7D1


class Key:
    """What a value is. Names follow the most common service. Bare numbers: each packet asks for several, and the
    members of an enumeration take five times as long to fetch."""

    ID = 0
    SELF = 1
    ME = 3
    FROM = 4
    TO = 5
    RESPONSE = 6
    BUDDY = 7
    STATE = 10
    ADDRESS = 12
    ONLINE = 13
    TEXT = 14
    AWAY_TEXT = 19
    URL = 20
    FILE_NAME = 27
    FILE_SIZE = 28
    FILE_BYTES = 29
    AWAY = 47
    TYPE = 49
    HOST = 50
    INVITED = 51
    INVITEES = 52
    MEMBER = 53
    DECLINED_BY = 54
    ROOM = 57
    INVITATION = 58
    COOKIE = 59
    GROUP = 65
    ERROR = 66
    BUDDY_LIST = 87
    IDENTITIES = 89
    CHALLENGE = 94
    RESPONSE_CRYPT = 96
    CHAT_ROOM = 104
    CHATTER = 109
    CHAT_TEXT = 117
    VERSION = 135
    FILE_ACTION = 222
    BUILD = 244
    FILE_MODE = 249
    FILE_HOST = 250
    NEW_GROUP = 264
    FILE_TOKEN = 265
    COOKIE_Y = 277
    COOKIE_T = 278
    ENTRY = 300
    NEXT_ENTRY = 301
    SECTION = 302
    RESPONSE_15 = 307
    MESSAGE_ID = 429


Record = dict[int, bytes]
"""Some pairs of one packet: the first value of each key."""


class _Numbers(dict[bytes, int]):
    """Keys by how they are written. Those that are not in the table are read, and not kept."""

    def __missing__(self, written: bytes) -> int:
        return decimal(written, 0xFFFF)


_NUMBERS = _Numbers((b"%d" % key, key) for key in range(512))


class Pairs:
    """The body of a packet. Raises Malformed where it is no list of pairs."""

    __slots__ = ("_words", "record", "repeats")

    def __init__(self, body: bytes) -> None:
        words = body.split(SEPARATOR)
        if not words[-1]:
            words.pop()
        if len(words) % 2:
            words.append(b"")
        self._words = words
        """Keys and values in turn."""
        self.record: Record = {}
        """The whole packet as one record."""
        at = 0
        while at < len(words):
            key = _NUMBERS[words[at]]
            if key == Key.FILE_BYTES:  # they hold separators too, and nothing comes after them
                words[at + 1 :] = [b"".join(body.split(SEPARATOR, at + 1)[at + 1 :])]
            if key not in self.record:
                self.record[key] = words[at + 1]
            at += 2
        self.repeats = 2 * len(self.record) < len(words)
        """Whether a key is there twice."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return zip(map(_NUMBERS.__getitem__, self._words[::2]), self._words[1::2], strict=True)

    def all(self, key: int) -> list[bytes]:
        """Every value of a key, in order."""
        if self.repeats:
            return [value for other, value in self if other == key]
        return [self.record[key]] if key in self.record else []

    def records(self, marks: tuple[int, ...]) -> Iterator[Record]:
        """The packet cut into records: the next one begins where a key of `marks` comes for the second time."""
        record: Record = {}
        for key, value in self:
            if key in marks and key in record:
                yield record
                record = {}
            record.setdefault(key, value)
        yield record


class Packet(Struct, gc=False):
    version: int
    service: int
    status: int
    pairs: Pairs


def name(record: Record, *keys: int) -> str | None:
    """The first of these keys that has a value, as an account, room or file name."""
    for key in keys:
        if value := record.get(key):
            return decoded(value)[:MAX_NAME].strip() or None
    return None


def number(value: bytes | None) -> int | None:
    """A decimal; None where it is absent or none."""
    if value is None:
        return None
    try:
        return decimal(value.strip(), (1 << 63) - 1)
    except Malformed:
        return None


def decoded(raw: bytes) -> str:
    """Key 97 says whether text is UTF-8, but clients forget it (and servers drop it): valid UTF-8 is taken as such."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return guessed(raw)


_CODES = re.compile(
    r"\x1b\[[^m\x1b]{0,16}m"  # ESC [ ... m: bold, colour by number or #rrggbb, link
    r"|(?i:</?(?:font|fade|alt|b|i|u|black|white|red|orange|yellow|green|blue|purple|gray|pink|brown)"
    r"(?:[ \t][^<>]{0,256})?>)"
)


def plain(raw: bytes) -> str:
    """A message's text without Yahoo's colours, fonts and fades."""
    text = decoded(raw)
    return _CODES.sub("", text) if "<" in text or "\x1b" in text else text
