"""SDP, what a session description tells an eavesdropper: addresses, and announced message and file sessions.

    v=0                                             m=message <port> TCP/MSRP *
    o=<user> <id> <version> IN IP4 <address>        a=path:msrp://<host>:<port>/<session>;tcp
    c=IN IP4 <address>                              a=file-selector:name:"..." type:... size:... hash:sha-1:...
    a=candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> raddr <address> rport <port>

Lines of a media section (after its m=) override those of the session.

References: RFC 8866 (SDP), RFC 8839 (ICE), RFC 4975 section 8 (MSRP), RFC 5547 (file transfer), RFC 3605 (a=rtcp).
"""

from __future__ import annotations

from urllib.parse import unquote

from imsniff.base.limits import MAX_NAME, MAX_SDP_LINES
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.sip.address import Uri, parse_uri


class File:
    """What a=file-selector says."""

    __slots__ = ("name", "size", "type")

    def __init__(self, name: str, size: int | None, type_: str) -> None:
        self.name = name
        self.size = size
        self.type = type_


class Media:
    """One m= section."""

    __slots__ = (
        "addresses",
        "candidates",
        "direction",
        "file",
        "kind",
        "paths",
        "port",
        "protocol",
        "setup",
        "transfer",
    )

    def __init__(self, kind: str, port: int, protocol: str) -> None:
        self.kind = kind
        self.port = port
        """Zero refuses or ends the media."""
        self.protocol = protocol.upper()
        self.addresses: list[str] = []
        self.candidates: list[tuple[str, int | None]] = []
        self.paths: list[Uri] = []
        self.file: File | None = None
        self.direction = "sendrecv"
        self.setup = ""
        self.transfer = ""
        """a=file-transfer-id."""


class Description:
    __slots__ = ("addresses", "candidates", "media", "origin")

    def __init__(self) -> None:
        self.origin = ""
        self.addresses: list[str] = []
        """Of the session's own c= lines."""
        self.candidates: list[tuple[str, int | None]] = []
        self.media: list[Media] = []


def parse(body: bytes) -> Description:
    """Raises Malformed where the body is no session description; odd lines in one are passed over."""
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n", MAX_SDP_LINES)[:MAX_SDP_LINES]
    if not any(line[1:2] == "=" for line in lines[:4]):
        raise Malformed("not a session description")
    found = Description()
    section: Media | None = None
    for line in lines:
        kind, value = line[:2].lower(), line[2:].strip()
        if kind == "m=":
            section = _media(value)
            if section is not None:
                found.media.append(section)
        elif kind == "c=":
            if ip := _connection(value):
                (found if section is None else section).addresses.append(ip)
        elif kind == "o=":
            words = value.split()
            if len(words) >= 6:
                found.origin = words[5]
        elif kind == "a=":
            name, _, text = value.partition(":")
            _attribute(found, section, name.lower(), text.strip())
    return found


def _media(value: str) -> Media | None:
    words = value.split()
    if len(words) < 3:
        return None
    try:
        port = decimal(words[1].partition("/")[0], 0xFFFF)
    except Malformed:
        port = 0
    return Media(words[0].lower(), port, words[2])


def _connection(value: str) -> str:
    """`IN IP4 192.0.2.1/127` as the address."""
    words = value.split()
    return words[2].partition("/")[0] if len(words) >= 3 else ""


def _attribute(found: Description, media: Media | None, name: str, value: str) -> None:
    if name == "candidate":
        (found if media is None else media).candidates.extend(_candidate(value))
    elif media is None:
        return
    elif name == "path":
        media.paths = [uri for each in value.split() if (uri := parse_uri(each)) is not None]
    elif name == "file-selector":
        media.file = _file(value)
    elif name == "file-transfer-id":
        media.transfer = value[:MAX_NAME]
    elif name in ("sendonly", "recvonly", "sendrecv", "inactive"):
        media.direction = name
    elif name == "setup":
        media.setup = value.lower()
    elif name == "rtcp":
        # RFC 3605: `port IN IP4 address`, where RTCP goes elsewhere
        _, _, rest = value.partition(" ")
        if ip := _connection(rest):
            media.addresses.append(ip)


def _candidate(value: str) -> list[tuple[str, int | None]]:
    """Both addresses of a candidate: its own, and the base it was derived from."""
    words = value.split()
    if len(words) < 6:
        return []
    pairs = [(words[4], words[5])]
    extra = dict(zip(words[6::2], words[7::2], strict=False))
    if "raddr" in extra:
        pairs.append((extra["raddr"], extra.get("rport", "")))
    out: list[tuple[str, int | None]] = []
    for ip, text in pairs:
        try:
            out.append((ip, decimal(text, 0xFFFF) or None))
        except Malformed:
            out.append((ip, None))
    return out


def _file(value: str) -> File:
    """`name:"a b.txt" type:text/plain size:1490 hash:sha-1:...`, in any order; the name may be percent-encoded."""
    name, rest = "", value
    at = value.find('name:"')
    if at >= 0:
        closing = value.find('"', at + 6)
        closing = len(value) if closing < 0 else closing
        name = unquote(value[at + 6 : closing], errors="replace")[:MAX_NAME]
        rest = value[:at] + value[closing + 1 :]
    words = dict(word.split(":", 1) for word in rest.split() if ":" in word)
    try:
        size = decimal(words.get("size", ""), 1 << 50)
    except Malformed:
        size = None
    return File(name, size, words.get("type", ""))
