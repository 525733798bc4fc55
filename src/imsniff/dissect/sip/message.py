"""The head of a SIP message: its start line and its headers.

    request  = method SP request-uri SP "SIP/2.0" CRLF          response = "SIP/2.0" SP 3DIGIT SP reason CRLF
    header   = name ":" value CRLF *( (SP / HT) more of the value CRLF )
    message  = start-line *header CRLF [body of Content-Length bytes]

Header names come in a long and, for some, in a compact form, in any case. Bare LF ends lines as well as CRLF does:
real gear sends it. Only the headers in the table below are kept.

References: RFC 3261 sections 7, 20 and 25; compact forms also from RFC 3515, 3841, 3891, 4028, 4474, 6665.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from imsniff.base.limits import MAX_HEADERS
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.memo import memoised

COMPACT = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "o": "event",
    "s": "subject",
    "t": "to",
    "v": "via",
}
"""Compact forms of the headers we read; the rest (k r b x u a d j y) are not looked at."""

_KEPT = (
    "authorization",
    "call-id",
    "contact",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-type",
    "cseq",
    "event",
    "expires",
    "from",
    "ms-text-format",
    "p-asserted-identity",
    "proxy-authenticate",
    "proxy-authorization",
    "server",
    "subject",
    "to",
    "user-agent",
    "via",
    "www-authenticate",
)
_ODD_CASE = ("Call-ID", "Call-Id", "CallID", "CSeq", "CSEQ", "WWW-Authenticate", "Www-Authenticate")

_PASSED_OVER = ("max-forwards", "record-route", "route", "allow", "supported", "require")

HEADERS: dict[str, str] = {short.upper(): name for short, name in COMPACT.items()}
HEADERS.update(COMPACT)
HEADERS.update({name: name for name in _KEPT})
HEADERS.update({name.title(): name for name in _KEPT})
HEADERS.update({name: name.lower() for name in _ODD_CASE if name != "CallID"})
HEADERS.update({spelling: "" for name in _PASSED_OVER for spelling in (name, name.title())})
"""Spelling to name, empty for those that are not kept: what nearly all implementations write needs one look-up, the
others a second in lower case."""

KNOWN = frozenset(_KEPT) | frozenset(COMPACT) | frozenset(_PASSED_OVER)
"""Names, in lower case, one of which follows the start line of every real message."""

MANDATORY = frozenset({"via", "from", "to", "call-id", "cseq"})
"""RFC 3261 section 8.1.1. Broken clients and scanners forget some; a message that has none of them is none."""

SCHEMES = frozenset({"sip", "sips", "tel", "urn", "im", "pres", "mailto", "h323", "service"})
"""Of request URIs. The grammar allows any; these are what is sent (`urn:service:sos` is an emergency call)."""

_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~")
_MAX_METHOD = 32

_FOLD = re.compile("\n[ \t]")

NO_START = "no start line"
"""Why bytes are refused; says nothing of them, since how many are there depends on the segments they came in."""


class StartLine(NamedTuple):
    """`method` is empty in a response, `status` is 0 in a request."""

    text: str
    method: str
    uri: str
    status: int


class Head(Struct):
    """One start line and its headers."""

    start: str
    method: str
    uri: str
    status: int
    headers: dict[str, str]
    """The first value of each."""
    repeated: dict[str, list[str]]
    """The further values of those that came more than once."""
    overfull: bool
    """More than MAX_HEADERS lines came; the rest was not read."""

    def get(self, name: str) -> str:
        """The first value of a header, empty where it is absent."""
        return self.headers.get(name, "")

    def all(self, name: str) -> list[str]:
        """The values of a header, one a line."""
        first = self.headers.get(name)
        if first is None:
            return []
        return [first, *self.repeated[name]] if name in self.repeated else [first]

    def every(self, name: str) -> list[str]:
        """All values of a header that may be a list, whether written on one line or several."""
        first = self.headers.get(name)
        if first is not None and "," not in first and name not in self.repeated:
            return [first]
        return [each for value in self.all(name) for each in listed(value)]


@memoised
def start_line(line: str) -> StartLine | None:
    """The start line; None where the line is not one."""
    if line[:8] == "SIP/2.0 ":
        code = line[8:11]
        if len(code) == 3 and code.isascii() and code.isdigit() and "1" <= code[0] <= "6" and line[11:12] in ("", " "):
            return StartLine(line, "", "", int(code))
        return None
    if line[-8:].upper() != " SIP/2.0":
        return None
    method, _, uri = line[:-8].partition(" ")
    uri = uri.strip()
    scheme, colon, rest = uri.partition(":")
    if not (0 < len(method) <= _MAX_METHOD and _TOKEN.issuperset(method) and colon and rest):
        return None
    if scheme.lower() not in SCHEMES:
        return None
    return StartLine(line, method.upper(), uri, 0)


@memoised
def _field(line: str) -> tuple[str | None, str]:
    """A header's name, empty where it is not kept, and its value. No name: the value of the line before goes on."""
    if line[:1] in (" ", "\t"):
        return None, line
    spelling, _, value = line.partition(":")
    name = HEADERS.get(spelling)
    if name is None:
        name = HEADERS.get(spelling.strip().lower(), "")
    return name, value.strip() if name else ""


def parse_head(text: str, *, folded: bool = True) -> Head:
    """A message's head without the empty line that ends it. Raises Malformed where it is no SIP message.

    `folded`: a line that begins with a blank goes on with the value before it."""
    lines = text.split("\n")
    start = start_line(lines.pop(0).rstrip())
    overfull = len(lines) >= MAX_HEADERS
    if start is None or overfull:
        if folded and _FOLD.search(text) is not None:
            return parse_head(_unfolded(text), folded=False)
        if start is None:
            raise Malformed(NO_START)
        del lines[MAX_HEADERS - 1 :]
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for line in lines:
        name, value = _field(line)
        if name:
            if name not in headers:
                headers[name] = value
            else:
                repeated.setdefault(name, []).append(value)
        elif name is None and folded:
            return parse_head(_unfolded(text), folded=False)
    if MANDATORY.isdisjoint(headers):
        raise Malformed("a start line without any header that SIP messages have")
    return Head(*start, headers, repeated, overfull)


def _unfolded(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ")


def listed(value: str) -> list[str]:
    """The members of a comma-separated value; commas in quotes and in angle brackets belong to a member."""
    if "," not in value:
        return [value]
    members: list[str] = []
    start, quoted, bracketed, escaped = 0, False, False, False
    for at, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == "<":
            bracketed = True
        elif char == ">":
            bracketed = False
        elif char == "," and not bracketed:
            members.append(value[start:at].strip())
            start = at + 1
    members.append(value[start:].strip())
    return [member for member in members if member]


def parameters(text: str) -> dict[str, str]:
    """`;name=value;flag` as a table with names in lower case, quotes taken off."""
    found: dict[str, str] = {}
    for each in _split_unquoted(text, ";"):
        name, _, value = each.partition("=")
        if name := name.strip().lower():
            found.setdefault(name, unquoted(value.strip()))
    return found


def credentials(value: str) -> tuple[str, dict[str, str]]:
    """`Digest username="a", realm="b"` as its scheme in lower case and its parameters."""
    scheme, _, rest = value.strip().partition(" ")
    found: dict[str, str] = {}
    for each in _split_unquoted(rest, ","):
        name, _, text = each.partition("=")
        if name := name.strip().lower():
            found.setdefault(name, unquoted(text.strip()))
    return scheme.lower(), found


def unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text.strip('"')
    text = text[1:-1]
    if "\\" not in text:
        return text
    out: list[str] = []
    escaped = False
    for char in text:
        escaped = char == "\\" and not escaped
        if not escaped:
            out.append(char)
    return "".join(out)


@memoised
def number(text: str) -> int | None:
    """A decimal of 32 bits, None where the text is none."""
    try:
        return decimal(text)
    except Malformed:
        return None


def content_length(head: Head, limit: int) -> tuple[int | None, bool]:
    """The announced length in bytes, None where there is none; and whether what is written there is no number up to
    `limit`. Several headers that disagree are as bad as none."""
    written = head.headers.get("content-length")
    if written is None:
        return None, False
    length = number(written)
    if length is None or length > limit:
        return None, True
    if head.repeated and any(number(other) != length for other in head.repeated.get("content-length", ())):
        return None, True
    return length, False


def outside_quotes(text: str, mark: str) -> Iterator[int]:
    """Where a character stands outside of quoted strings (RFC 3261 §25.1), which may hold any: a display name, or a
    parameter such as `+sip.instance="<urn:...>"`."""
    quoted = escaped = False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == '"':
            quoted = not quoted
        elif quoted:
            escaped = char == "\\"
        elif char == mark:
            yield at


def _split_unquoted(text: str, mark: str) -> list[str]:
    if '"' not in text:
        return text.split(mark)
    parts: list[str] = []
    start = 0
    for at in outside_quotes(text, mark):
        parts.append(text[start:at])
        start = at + 1
    parts.append(text[start:])
    return parts
