"""How MSNP writes things down: commands, account names, addresses, and the header blocks of payloads.

A command is one line of words; some announce a payload, whose size in bytes is the last word:

    VERB [transaction] word ... [size] CR LF [payload]

Words hold no spaces, since names are percent-encoded. An account is an e-mail address; MSNP18 writes the network before
it (`1:alice@example.net`, 32 is Yahoo), MSNP16 the endpoint behind it (`alice@example.net;{machine guid}`).
Payloads are mostly header lines, an empty line, and a body: MIME's look without MIME's folding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from msgspec import Struct

from imsniff.base.addresses import address
from imsniff.base.limits import MAX_CACHED, MAX_HEADERS, MAX_MEMOISED, MAX_NAME
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.text import uncut

_NETWORK = re.compile(r"\d{1,5}:")
_TYPED = re.compile(r"charset\s{0,4}=\s{0,4}\"?([\w-]{1,32})", re.ASCII)

CHARSETS = {
    "us-ascii": "ascii",
    "iso-8859-1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16-le",
    "utf-16le": "utf-16-le",
    "gb2312": "gb18030",
    "big5": "big5",
    "shift_jis": "shift_jis",
    "euc-kr": "euc_kr",
}
"""What a client may say beside UTF-8. A table, since Python knows codecs that are no character sets and are slow."""


class Command(Struct, gc=False):
    verb: str
    args: list[str]
    line: str
    """All its words, with one blank between."""
    payload: bytes = b""

    def arg(self, at: int) -> str:
        """Raises Malformed where the line is shorter."""
        if at >= len(self.args):
            raise Malformed(f"{self.verb} with {len(self.args)} words")
        return self.args[at]

    def shown(self, *masks: tuple[str, str]) -> str:
        """The line as evidence, each secret in `masks` (secret, its stand-in) replaced."""
        line = self.line
        for secret, instead in masks:
            line = line.replace(secret, instead)
        return line


class Media(NamedTuple):
    kind: str
    codec: str


def parsed(line: bytes) -> Command:
    text = line.decode("utf-8", "replace")
    words = text.split(" ")
    if "" in words:
        words = [word for word in words if word]
        text = " ".join(words)
    if not words:
        raise Malformed("an empty line")
    return Command(words[0], words[1:], text)


def account(text: str | None) -> str | None:
    """The bare account of `1:alice@example.net;{guid}`; None for nothing."""
    if not text:
        return None
    return _known_account(text) if len(text) <= MAX_MEMOISED else _account(text)


def _account(text: str) -> str | None:
    prefix = _NETWORK.match(text)
    bare = text[prefix.end() :] if prefix else text
    return unquote(bare.partition(";")[0])[:MAX_NAME] or None


_known_account = lru_cache(maxsize=MAX_CACHED)(_account)
"""The same few people stand in every command of a conversation."""


def name(text: str) -> str:
    """A friendly name or group, percent-decoded."""
    return unquote(text)[:MAX_NAME]


def port_number(text: str | None) -> int | None:
    """None for what is no port, and for 0, which stands for none."""
    try:
        return decimal((text or "").strip(), 65_535) or None
    except Malformed:
        return None


def endpoint(text: str) -> tuple[str, int] | None:
    """`ip:port`; None for a host name, which says nothing that could be expected on the wire."""
    host, _, port = text.rpartition(":")
    ip, number = address(host), port_number(port)
    return None if ip is None or number is None else (ip, number)


def fields(block: bytes) -> dict[str, str]:
    """Header lines, names in lower case; the first of a repeated name counts, what is no header line is skipped."""
    found: dict[str, str] = {}
    for line in block.split(b"\n", MAX_HEADERS)[:MAX_HEADERS]:
        key, colon, value = line.partition(b":")
        if colon:
            found.setdefault(
                key.strip().decode("utf-8", "replace").lower(), value.strip(b" \t\r\0").decode("utf-8", "replace")
            )
    return found


_SHORT = 256
"""Bytes of a header block that comes again and again: a message's, with its font, has less than 200. A longer one is
said once, and may hold a ticket."""
_known_fields: Callable[[bytes], Mapping[str, str]] = lru_cache(maxsize=MAX_CACHED)(fields)


def headed(payload: bytes) -> tuple[Mapping[str, str], bytes]:
    """Header lines and the body behind the empty line."""
    block, _, body = payload.partition(b"\r\n\r\n")
    return (_known_fields(block) if len(block) <= _SHORT else fields(block)), body


def media(content_type: str) -> Media:
    """What a Content-Type says."""
    return _known_media(content_type) if len(content_type) <= MAX_MEMOISED else _media(content_type)


def _media(content_type: str) -> Media:
    said = _TYPED.search(content_type.lower())
    return Media(content_type.partition(";")[0].strip().casefold(), CHARSETS.get(said[1], "utf-8") if said else "utf-8")


_known_media = lru_cache(maxsize=MAX_CACHED)(_media)


def decoded(body: bytes, content_type: str) -> str:
    """Text in the character set that its type names. Bytes that are not in it become U+FFFD."""
    codec = media(content_type).codec
    text = uncut(body, codec)
    return (body.decode(codec, "replace") if text is None else text).rstrip("\0")
