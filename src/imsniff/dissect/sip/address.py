"""Who and where: SIP URIs, the addresses in From, To and Contact, and the hops in Via.

    name-addr = [display-name] "<" uri ">" *( ";" parameter )         addr-spec = uri
    uri       = scheme ":" [user [":" password] "@"] host [":" port] *( ";" parameter )    scheme = "sip" / ...
                / "tel:" number
    via       = "SIP/2.0/" transport LWS host [":" port] *( ";" parameter )        host = name / IPv4 / "[" IPv6 "]"

References: RFC 3261 sections 19.1, 20.10, 20.42, 25.1; RFC 3966 (tel); RFC 3581 (rport).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.sip.message import parameters
from imsniff.limits import MAX_CACHED, MAX_NAME


class Uri(NamedTuple):
    scheme: str
    user: str
    host: str
    """Without the brackets of IPv6."""
    port: int | None
    params: str
    """What follows the host, from the first `;` on."""

    @property
    def account(self) -> str:
        """`user@host` as the protocol's people write it, without scheme and port; the host alone where no user is."""
        return (f"{self.user}@{self.host}" if self.user and self.host else self.user or self.host)[:MAX_NAME]


class Hop(NamedTuple):
    """One Via: who sent the message on, and what the next one saw of it."""

    host: str
    port: int | None
    received: str
    rport: int | None
    branch: str


def host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `[v6]`, `[v6]:port`, or an IPv6 address that was not bracketed. A bad port is no port."""
    text = text.strip()
    return _known_host(text) if len(text) <= MAX_NAME else _host_port(text)


def _host_port(text: str) -> tuple[str, int | None]:
    if text[:1] == "[":
        host, _, rest = text[1:].partition("]")
        return host, _port(rest.lstrip()[1:]) if rest.lstrip()[:1] == ":" else None
    if text.count(":") > 1:
        return text, None
    host, _, port = text.partition(":")
    return host.strip(), _port(port)


_known_host = lru_cache(maxsize=MAX_CACHED)(_host_port)


def _port(text: str) -> int | None:
    if not text:
        return None
    try:
        return decimal(text.strip(), 0xFFFF) or None
    except Malformed:
        return None


def parse_uri(text: str) -> Uri | None:
    """A URI of any scheme, None where it is none. Never raises."""
    return _known_uri(text) if len(text) <= MAX_NAME else _uri(text)


def _uri(text: str) -> Uri | None:
    scheme, colon, rest = text.strip().partition(":")
    if not colon:
        return None
    scheme = scheme.lower()
    if scheme == "tel":
        number, semicolon, params = rest.partition(";")
        return Uri(scheme, number, "", None, semicolon + params)
    rest = rest.removeprefix("//")
    user, at, place = rest.partition("@")
    if not at:
        user, place = "", rest
    user = user.partition(":")[0]
    end = len(place)
    for mark in ";?/":
        found = place.find(mark, 0, end)
        if found >= 0:
            end = found
    host, port = host_port(place[:end])
    if "%" in user:
        user = unquote(user, errors="replace")
    return Uri(scheme, user, host, port, place[end:])


_known_uri = lru_cache(maxsize=MAX_CACHED)(_uri)
"""The same few people and servers stand in every message of a conversation."""


def address(value: str) -> tuple[Uri | None, str]:
    """The URI of a From, To or Contact value, and the parameters after it."""
    start = 0
    if value[:1] == '"':
        closing = value.find('"', 1)
        while closing > 0 and value[closing - 1] == "\\":
            closing = value.find('"', closing + 1)
        start = max(0, closing)
    opening = value.find("<", start)
    if opening < 0:
        uri, _, params = value.partition(";")
        return parse_uri(uri), params
    closing = value.find(">", opening)
    if closing < 0:
        closing = len(value)
    return parse_uri(value[opening + 1 : closing]), value[closing + 1 :].lstrip(" ;")


def parse_via(value: str) -> Hop | None:
    """One Via value; None where it names no host."""
    sent_by, _, rest = value.partition(";")
    protocol, _, place = sent_by.strip().partition(" ")
    if "/" not in protocol or not place:
        # blanks round the slashes, or a tab: the sent-by is the last word
        words = sent_by.split()
        if len(words) < 2:
            return None
        place = words[-1]
    host, port = host_port(place)
    params = parameters(rest) if rest else {}
    return Hop(host, port, params.get("received", ""), _port(params.get("rport", "")), params.get("branch", ""))
