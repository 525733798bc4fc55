"""Bodies of SIP and MSRP messages: MIME parts, message/cpim wrappers, and text in its character set.

    multipart   "--" boundary CRLF *header CRLF part CRLF ... "--" boundary "--"
    cpim        *( "From: " / "To: " / "DateTime: " / "NS: " ... CRLF ) CRLF  *mime-header CRLF  content

`leaves` opens both, as deep as they nest, and gives what is inside.

References: RFC 2045 and 2046 (MIME), RFC 3862 (CPIM), RFC 5621 (bodies in SIP).
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from imsniff.base.limits import MAX_BODY_NESTING, MAX_BODY_PARTS, MAX_HEADERS, MAX_STANZA
from imsniff.dissect.memo import memoised
from imsniff.dissect.sip.address import address
from imsniff.dissect.sip.message import parameters
from imsniff.dissect.text import guessed, uncut

_BLANK_LINE = re.compile(rb"\n\r?\n")

CHARSETS = {
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5",
    "shift_jis": "cp932",
    "euc-jp": "euc-jp",
    "iso-2022-jp": "iso-2022-jp",
    "euc-kr": "cp949",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    **{f"iso-8859-{n}": f"iso-8859-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
    **{f"windows-125{n}": f"cp125{n}" for n in range(9)},
}
"""Declared character set to codec. A table, because Python's codecs have names that are no character sets."""


class Part(Struct, frozen=True):
    """One body that is not a container."""

    kind: str
    """Media type in lower case, without parameters."""
    params: Mapping[str, str]
    body: bytes
    disposition: str = ""
    """Content-Disposition as written."""
    sender: str | None = None
    """Account in the From of the CPIM wrapper, where there was one."""
    recipient: str | None = None


@memoised
def media_type(value: str) -> tuple[str, Mapping[str, str]]:
    """`Text/Plain; charset=UTF-8` as `text/plain` and its parameters."""
    kind, _, rest = value.partition(";")
    return kind.strip().lower(), parameters(rest) if rest else {}


def leaves(part: Part, depth: int = 0) -> Iterable[Part]:
    """The part itself or, of a container, what is in it; at most MAX_BODY_PARTS of each level."""
    if depth >= MAX_BODY_NESTING:
        return ()
    return _opened(part, depth) if part.kind == "message/cpim" or part.kind.startswith("multipart/") else (part,)


def _opened(container: Part, depth: int) -> Iterator[Part]:
    if container.kind == "message/cpim":
        yield from leaves(_cpim(container), depth + 1)
        return
    inner = list(_parts(container))
    if container.kind == "multipart/alternative":
        inner = [each for each in inner if each.kind == "text/plain"] or inner[-1:]
    for each in inner:
        yield from leaves(each, depth + 1)


def decoded(part: Part) -> str:
    """A part's text: what it declares is believed where it is a character set and fits; else UTF-8, or Windows-1252."""
    text = uncut(part.body, CHARSETS.get(part.params.get("charset", "").lower(), "utf-8"))
    return guessed(part.body) if text is None else text


def inflated(body: bytes, encoding: str) -> bytes:
    """A body without its Content-Encoding, at most MAX_STANZA bytes; as it is where that is unknown or broken."""
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MAX_STANZA)
    except zlib.error:
        return body


def _headers(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    text = block.decode("utf-8", "replace").replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ")
    for line in text.split("\n", MAX_HEADERS)[:MAX_HEADERS]:
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Headers and body at the first empty line. A part may begin with that line: it has no headers."""
    if data[:1] == b"\n" or data[:2] == b"\r\n":
        return b"", data[1:] if data[:1] == b"\n" else data[2:]
    found = _BLANK_LINE.search(data)
    return (data, b"") if found is None else (data[: found.start()], data[found.end() :])


def _mime(block: bytes, body: bytes, sender: str | None = None, recipient: str | None = None) -> Part:
    headers = _headers(block)
    kind, params = media_type(headers.get("content-type", headers.get("c", "text/plain")))
    encoding = headers.get("content-transfer-encoding", "").lower()
    try:
        if encoding == "base64":
            body = binascii.a2b_base64(body)
        elif encoding == "quoted-printable":
            body = binascii.a2b_qp(body)
    except binascii.Error:
        pass  # said to be Base64 and is not: shown as it is
    return Part(kind, params, body, headers.get("content-disposition", ""), sender, recipient)


def _parts(container: Part) -> Iterator[Part]:
    boundary = container.params.get("boundary", "").encode()
    if not boundary:
        # Some gateways rewrite Content-Type and lose the parameter: the first line still tells.
        first, _, _ = container.body.lstrip().partition(b"\n")
        boundary = first.strip().removeprefix(b"--")
    if not boundary:
        return
    for piece in container.body.split(b"--" + boundary, MAX_BODY_PARTS + 1)[1 : MAX_BODY_PARTS + 1]:
        if piece.startswith(b"--"):
            return
        piece = piece.removeprefix(b"\r").removeprefix(b"\n").removesuffix(b"\n").removesuffix(b"\r")
        part = _mime(*_split(piece))
        yield replace(part, sender=container.sender, recipient=container.recipient)


def _cpim(wrapper: Part) -> Part:
    outer, rest = _split(wrapper.body)
    headers = _headers(outer)
    sender, recipient = _account(headers.get("from", "")), _account(headers.get("to", ""))
    if "content-type" in headers:
        # the empty line between the two blocks of headers was forgotten
        return _mime(outer, rest, sender, recipient)
    return _mime(*_split(rest), sender, recipient)


def _account(value: str) -> str | None:
    uri, _ = address(value)
    return None if uri is None or uri.host == "anonymous.invalid" else uri.account or None
