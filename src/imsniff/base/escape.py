"""Hostile text made harmless for each kind of output: one function an output, and the only place that knows how.

Screen names, file names and chat are written by strangers. A terminal obeys control codes (colours, titles, worse), a
reader is deceived by bidirectional marks (`exe.fdp` shown as `pdf.exe`), a spreadsheet runs what begins with `=`.
Escapes are visible on purpose: that somebody put an ESC into a nickname is itself worth seeing.

HTML has no function here: the templates escape by default, and pass every value through `visible` before that.
"""

from __future__ import annotations

import os
import re

HOSTILE = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: what terminals obey
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, embeddings, overrides and isolates of the bidi algorithm
    "\u2028\u2029"  # line and paragraph separator: they break a line in a browser or an editor, not in `grep`
    "\u200b\u2060\ufeff"  # no width at all: two names that look the same. The joiners stay, emoji and Persian need them
    "\ud800-\udfff"  # lone surrogates cannot be encoded
    "\ufff9-\ufffb"  # interlinear annotation hides text
    "\U000e0000-\U000e007f"  # tag characters: invisible ASCII
)
"""The inside of a character class, for `re`."""

_HOSTILE = re.compile(f"[{HOSTILE}]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet calculate, full-width forms included: some programs fold them."""


def _shown(found: re.Match[str]) -> str:
    char = found[0]
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """`text` on one line, with everything that a terminal or a reader's eye would obey shown as `\\x1b`, `\\u202e`."""
    return _HOSTILE.sub(_shown, text)


def cell(text: str) -> str:
    """A value for CSV: visible, and never a formula."""
    return f"'{visible(text)}" if text.startswith(_FORMULA) else visible(text)


def path(name: str | os.PathLike[str]) -> str:
    """A file's name for messages: bytes that are not UTF-8 and control codes are shown, not sent."""
    return visible(os.fspath(name))


_STORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` as every database and UTF-8 takes it: NUL (PostgreSQL refuses it) and lone surrogates become U+FFFD."""
    if text.isascii() and "\x00" not in text:  # nearly every text
        return text
    return _STORABLE.sub("\ufffd", text) if _STORABLE.search(text) else text
