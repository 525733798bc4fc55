"""Text as OSCAR and TOC write it: character sets by number or by name, and AIM's HTML.

ICBM text carries a number: 0 ASCII, 2 UCS-2 big-endian, 3 ISO 8859-1. Clients are loose about 0 and 3: Windows clients
send code page 1252 in both, late ICQ and Mac clients UTF-8 in 0. So UTF-8 is tried first, which text of another
character set is almost never by chance.

AIM text is HTML whatever is said in it; ICQ text is HTML from late clients only, and then it says so with a tag.
"""

from __future__ import annotations

import codecs
import html
import re
from functools import lru_cache

from imsniff.base.limits import MAX_CACHED, MAX_NAME
from imsniff.dissect.text import guessed

_NAMED = {
    "us-ascii": 0,
    "utf-8": 0,
    "iso-8859-1": 3,
    "unicode-2-0": 2,
    "utf-16be": 2,
}
"""MIME names (chat, away messages, file names) to ICBM's numbers."""

_TAG = re.compile(
    r"<(/?)(html|head|title|body|font|b|i|u|s|a|p|br|hr|img|div|span|center|strong|em|strike|big|small|sub|sup|pre"
    r"|binary|data|ul|ol|li|table|tr|td)(?=[\s/>])([^<>]*)>",
    re.IGNORECASE,
)
_HREF = re.compile(r"\bhref\s*=\s*(?:\"([^\"]{1,2048})\"|'([^']{1,2048})'|([^\s\"'>]{1,2048}))", re.IGNORECASE)
_TELLING = re.compile(r"<(?:a|br|p|div|hr|li|tr)[\s/>]", re.IGNORECASE)
"""Tags that leave more than nothing: links, and line breaks."""
_BREAKS = frozenset({"br", "p", "div", "hr", "li", "tr"})
_LIKELY_HTML = re.compile(r"\s*<(?:html|body|font|div|p)\b", re.IGNORECASE)


def loose(data: bytes) -> str:
    """Eight-bit text of no certain character set: UTF-8 (its last character may be cut), else code page 1252."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return guessed(data)


def decode(charset: int, data: bytes) -> str:
    """Text in one of ICBM's character sets."""
    if charset == 2:
        return codecs.getincrementaldecoder("utf-16-be")("replace").decode(data, final=False)  # may end in a character
    return loose(data)


def decode_named(charset: bytes | None, data: bytes) -> str:
    """Text whose character set is named: `us-ascii`, `text/x-aolrtf; charset="unicode-2-0"`, ..."""
    said = (charset or b"").decode("latin-1").lower()
    number = next((number for name, number in _NAMED.items() if name in said), 0)
    return decode(number, data)


def name_of(data: bytes) -> str:
    """An account, room, file or software name: whatever stands before the first NUL."""
    return _known_name(data) if len(data) <= MAX_NAME else _name(data)


def _name(data: bytes) -> str:
    return loose(data.partition(b"\0")[0]).strip()[:MAX_NAME]


_known_name = lru_cache(maxsize=MAX_CACHED)(_name)
"""The same few accounts stand in every message of a conversation."""


def looks_like_html(text: str) -> bool:
    return _LIKELY_HTML.match(text) is not None


def plain(text: str, *, is_html: bool = True) -> str:
    """What a reader sees of AIM's HTML.

    Targets of links that differ from what is shown are added at the end in angle brackets: that is where they lure to.
    Only tags that exist are taken away, so `a < b` survives in ICQ's plain text."""
    if not is_html and not looks_like_html(text):
        return text.rstrip("\0")
    if not _TELLING.search(text):
        return html.unescape(_TAG.sub("", text)).strip("\0\r\n")
    hidden: list[str] = []

    def shown(tag: re.Match[str]) -> str:
        word = tag[2].lower()
        if word == "a" and not tag[1] and (target := _HREF.search(tag[3])):
            hidden.append(html.unescape(target[1] or target[2] or target[3]))
        return "\n" if word in _BREAKS and not tag[1] else ""

    seen = html.unescape(_TAG.sub(shown, text)).strip("\0\r\n")
    lures = [target for target in dict.fromkeys(hidden) if target.removeprefix("mailto:").rstrip("/") not in seen]
    return " ".join([seen, *(f"<{target}>" for target in lures)]) if lures else seen
