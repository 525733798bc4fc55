"""Text whose character set is not certain, and which may be cut in the midst of a character.

Servers cut lines at a number of bytes (IRC: 512), and clients that count characters announce too few bytes (SIP's
Content-Length): the last character is then incomplete, which says nothing about the text before it.
"""

from __future__ import annotations

import codecs
import re

_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""One UTF-8 character of several bytes."""


def uncut(raw: bytes, codec: str) -> str | None:
    """The text in that character set, without an incomplete last character; None where the bytes are not in it.

    A text of ASCII alone before the incomplete end proves nothing: `caf\\xe9` is Windows-1252."""
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        pass
    try:
        text: str = codecs.getincrementaldecoder(codec)().decode(raw, final=False)
    except UnicodeDecodeError:
        return None
    return None if text.isascii() else text


def guessed(raw: bytes | bytearray) -> str:
    """UTF-8 where most of what is not ASCII is valid UTF-8, else Windows-1252; bytes in neither become U+FFFD."""
    raw = bytes(raw)
    text = uncut(raw, "utf-8")
    if text is not None:
        return text
    rest = _SEQUENCE.sub(b"", raw)
    stray = len(rest) - len(rest.translate(None, bytes(range(128, 256))))
    if len(_SEQUENCE.findall(raw)) > stray:
        return raw.decode("utf-8", "replace")
    return raw.decode("cp1252", "replace")
