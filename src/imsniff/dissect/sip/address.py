"""Who and where: SIP URIs, the addresses in From, To and Contact, and the hops in Via.

    name-addr = [display-name] "<" uri ">" *( ";" parameter )         addr-spec = uri
    uri       = scheme ":" [user [":" password] "@"] host [":" port] *( ";" parameter )    scheme = "sip" / ...
                / "tel:" number
    via       = "SIP/2.0/" transport LWS host [":" port] *( ";" parameter )        host = name / IPv4 / "[" IPv6 "]"

References: RFC 3261 sections 19.1, 20.10, 20.42, 25.1; RFC 3966 (tel); RFC 3581 (rport).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from imsniff.base.limits import MAX_NAME
from imsniff.dissect.memo import memoised
from imsniff.dissect.sip.message import number, outside_quotes, parameters


class Uri(NamedTuple):
    scheme: str
    user: str
    host: str
    """Without the brackets of IPv6."""
    port: int | None
    params: str
    """What follows the host, from the first `;` on."""
    password: str
    """Of `user:password@host`, which RFC 3261 §19.1.1 allows and does not recommend."""
    account: str
    """`user@host` as the protocol's people write it, without scheme and port; the host alone where no user is."""


class Hop(NamedTuple):
    """One Via: who sent the message on, and what the next one saw of it."""

    host: str
    port: int | None
    received: str = ""
    """The address it came from, where that is another than it says."""
    rport: int | None = None
    """The port it came from, told with `received`."""


@memoised
def host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `[v6]`, `[v6]:port`, or an IPv6 address that was not bracketed. A bad port is no port."""
    text = text.strip()
    if text[:1] == "[":
        host, _, rest = text[1:].partition("]")
        return host, _port(rest.lstrip()[1:]) if rest.lstrip()[:1] == ":" else None
    if text.count(":") > 1:
        return text, None
    host, _, port = text.partition(":")
    return host.strip(), _port(port)


def _port(text: str) -> int | None:
    port = number(text.strip())
    return port if port is not None and 0 < port <= 0xFFFF else None


@memoised
def parse_uri(text: str) -> Uri | None:
    """A URI of any scheme, None where it is none. Never raises."""
    scheme, colon, rest = text.strip().partition(":")
    if not colon:
        return None
    scheme = scheme.lower()
    if scheme == "tel":
        dialled, semicolon, params = rest.partition(";")
        return Uri(scheme, dialled, "", None, semicolon + params, "", dialled[:MAX_NAME])
    rest = rest.removeprefix("//")
    user, at, place = rest.partition("@")
    if not at:
        user, place = "", rest
    user, _, password = user.partition(":")
    end = len(place)
    for mark in ";?/":
        found = place.find(mark, 0, end)
        if found >= 0:
            end = found
    host, port = host_port(place[:end])
    if "%" in user:
        user = unquote(user, errors="replace")
    account = f"{user}@{host}" if user and host else user or host
    return Uri(scheme, user, host, port, place[end:], unquote(password, errors="replace"), account[:MAX_NAME])


@memoised
def address(value: str) -> tuple[Uri | None, str]:
    """The URI of a From, To or Contact value, and the parameters after it."""
    opening = value.find("<")
    if '"' in value[:opening]:
        opening = next(outside_quotes(value, "<"), -1)
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
    hop = _sent_by(sent_by)
    if hop is None or "received" not in rest.lower():
        return hop
    params = parameters(rest)
    return hop._replace(received=params.get("received", ""), rport=_port(params.get("rport", "")))


@memoised
def _sent_by(text: str) -> Hop | None:
    protocol, _, place = text.strip().partition(" ")
    if "/" not in protocol or not place:
        # blanks round the slashes, or a tab: the sent-by is the last word
        words = text.split()
        if len(words) < 2:
            return None
        place = words[-1]
    return Hop(*host_port(place))
