"""The head of a SIP message: its start line and its headers.

    request  = method SP request-uri SP "SIP/2.0" CRLF          response = "SIP/2.0" SP 3DIGIT SP reason CRLF
    header   = name ":" value CRLF *( (SP / HT) more of the value CRLF )
    message  = start-line *header CRLF [body of Content-Length bytes]

Header names come in a long and, for some, in a compact form, in any case. Bare LF ends lines as well as CRLF does:
real gear sends it. Only the headers in the table below are kept.

References: RFC 3261 sections 7, 20 and 25; compact forms also from RFC 3515, 3841, 3891, 4028, 4474, 6665.
"""

from __future__ import annotations

from imsniff.dissect.cursor import Malformed, decimal
from imsniff.limits import MAX_HEADERS

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

HEADERS: dict[str, str] = {short.upper(): name for short, name in COMPACT.items()}
HEADERS.update(COMPACT)
HEADERS.update({name: name for name in _KEPT})
HEADERS.update({name.title(): name for name in _KEPT})
HEADERS.update({name: name.lower() for name in _ODD_CASE if name != "CallID"})
"""Spelling to name: what nearly all implementations write needs one look-up, the others a second in lower case."""

KNOWN = (
    frozenset(_KEPT) | frozenset(COMPACT) | {"max-forwards", "record-route", "route", "allow", "supported", "require"}
)
"""Names, in lower case, one of which follows the start line of every real message."""

MANDATORY = ("via", "from", "to", "call-id", "cseq")
"""RFC 3261 section 8.1.1. Broken clients and scanners forget some; a message that has none of them is none."""

SCHEMES = frozenset({"sip", "sips", "tel", "urn", "im", "pres", "mailto", "h323", "service"})
"""Of request URIs. The grammar allows any; these are what is sent (`urn:service:sos` is an emergency call)."""

_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~")
_MAX_METHOD = 32

NO_START = "no start line"
"""Why bytes are refused; says nothing of them, since how many are there depends on the segments they came in."""


class Head:
    """One start line and its headers. `method` is empty in a response, `status` is 0 in a request."""

    __slots__ = ("headers", "method", "overfull", "start", "status", "uri")

    def __init__(self, start: str, method: str, uri: str, status: int) -> None:
        self.start = start
        self.method = method
        self.uri = uri
        self.status = status
        self.headers: dict[str, list[str]] = {}
        self.overfull = False
        """More than MAX_HEADERS lines came; the rest was not read."""

    def get(self, name: str) -> str:
        """The first value of a header, empty where it is absent."""
        values = self.headers.get(name)
        return values[0] if values else ""

    def every(self, name: str) -> list[str]:
        """All values of a header that may be a list, whether written on one line or several."""
        values = self.headers.get(name)
        if not values:
            return []
        return [each for value in values for each in listed(value)]


def start_line(line: str) -> Head | None:
    """The start line as a head without headers; None where the line is not one."""
    if line[:8] == "SIP/2.0 ":
        code = line[8:11]
        if len(code) == 3 and code.isascii() and code.isdigit() and "1" <= code[0] <= "6" and line[11:12] in ("", " "):
            return Head(line, "", "", int(code))
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
    return Head(line, method.upper(), uri, 0)


def parse_head(text: str) -> Head:
    """A message's head without the empty line that ends it. Raises Malformed where it is no SIP message."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\n " in text or "\n\t" in text:
        text = text.replace("\n ", " ").replace("\n\t", " ")
    lines = text.split("\n")
    head = start_line(lines[0].rstrip())
    if head is None:
        raise Malformed(NO_START)
    if len(lines) > MAX_HEADERS:
        del lines[MAX_HEADERS:]
        head.overfull = True
    headers, spellings = head.headers, HEADERS
    for at in range(1, len(lines)):
        name, _, value = lines[at].partition(":")
        known = spellings.get(name) or spellings.get(name.strip().lower())
        if known is not None:
            if known in headers:
                headers[known].append(value.strip())
            else:
                headers[known] = [value.strip()]
    if not any(name in headers for name in MANDATORY):
        raise Malformed("a start line without any header that SIP messages have")
    return head


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


def content_length(head: Head, limit: int) -> tuple[int | None, bool]:
    """The announced length in bytes, None where there is none; and whether what is written there is no number up to
    `limit`. Several headers that disagree are as bad as none."""
    values = head.headers.get("content-length")
    if not values:
        return None, False
    try:
        lengths = {decimal(value, limit) for value in values}
    except Malformed:
        return None, True
    return (lengths.pop(), False) if len(lengths) == 1 else (None, True)


def _split_unquoted(text: str, mark: str) -> list[str]:
    if '"' not in text:
        return text.split(mark)
    parts: list[str] = []
    start, quoted, escaped = 0, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == '"':
            quoted = not quoted
        elif quoted:
            escaped = char == "\\"
        elif char == mark:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts
