"""SASL in XMPP: `auth`, `challenge`, `response`, `success`, `failure`.

    RFC 6120 §6   <auth mechanism='PLAIN'>Base64 of  authzid NUL authcid NUL password</auth>
    XEP-0388      <authenticate mechanism='...'><initial-response>Base64</initial-response></authenticate>

The text `=` is an empty response. What a mechanism gives away is the table `MECHANISMS`; the readers get what the
client sends, message by message, and answer once a credential is in it.

References: RFC 4616 (PLAIN), RFC 2831 (DIGEST-MD5), RFC 2195 (CRAM-MD5), RFC 5802 (SCRAM), RFC 7628 (OAUTHBEARER),
XEP-0388 (SASL2), XEP-0484 (HT-*: a token's HMAC, which works again as long as the token is not rotated).
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import parse_qs
from xml.etree.ElementTree import Element

from imsniff.base.events import Event, Grade, Login, Outcome, Side, excerpt, masked
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.xmpp.state import Exchange, State
from imsniff.dissect.xmpp.xml import child, child_text

DIRECTIVE = re.compile(r'([A-Za-z-]{1,32})=(?:"((?:[^"\\]|\\.)*+)"|([^,"]*+))')
"""One `name=value` of DIGEST-MD5."""


class Credential(NamedTuple):
    account: str | None
    secret: str | None
    grade: Grade


Reader = Callable[[Exchange, bytes], Credential | None]


def decoded(text: str | None) -> bytes | None:
    """The bytes of a Base64 text; None where there is no text. Raises Malformed."""
    text = "".join((text or "").split())
    if not text:
        return None
    if text == "=":
        return b""
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (Error, ValueError):
        raise Malformed("SASL text that is not Base64") from None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


# --- one reader a family of mechanisms ------------------------------------------------------------------------------


def _three(data: bytes, grade: Grade) -> Credential:
    """authzid NUL authcid NUL secret"""
    parts = data.split(b"\0", 2)
    if len(parts) != 3:
        raise Malformed("SASL PLAIN without its two NULs")
    authzid, authcid, secret = map(_text, parts)
    account = authzid if "@" in authzid and "@" not in authcid else authcid or authzid
    if not account:
        raise Malformed("SASL PLAIN that names nobody")
    return Credential(account, secret, grade)


def _plain(_: Exchange, data: bytes) -> Credential:
    return _three(data, Grade.CLEARTEXT)


def _token(_: Exchange, data: bytes) -> Credential:
    """X-OAUTH2, X-GOOGLE-TOKEN: PLAIN with a token for a password; Messenger's sends the token alone."""
    return _three(data, Grade.TOKEN) if data.count(b"\0") >= 2 else Credential(None, _text(data), Grade.TOKEN)


def _facebook(_: Exchange, data: bytes) -> Credential | None:
    """X-FACEBOOK-PLATFORM: a query string in answer to the challenge."""
    try:
        fields = parse_qs(_text(data), max_num_fields=32)
    except ValueError:
        raise Malformed("X-FACEBOOK-PLATFORM with too many fields") from None
    for name in ("access_token", "session_key"):
        if name in fields:
            return Credential(None, fields[name][0], Grade.TOKEN)
    return None


def _bearer(_: Exchange, data: bytes) -> Credential | None:
    """`n,a=user@example.org,^Aauth=Bearer token^A^A`"""
    header, *fields = _text(data).split("\x01")
    account = next((part[2:] for part in header.split(",") if part.startswith("a=")), None)
    for field in fields:
        name, sign, value = field.partition("=")
        if sign and name == "auth":
            return Credential(account, value.partition(" ")[2] or value, Grade.TOKEN)
    return None


def _digest(_: Exchange, data: bytes) -> Credential | None:
    said = {name.lower(): quoted or bare for name, quoted, bare in DIRECTIVE.findall(_text(data))}
    if "response" not in said:
        return None
    user = re.sub(r"\\(.)", r"\1", said.get("username", ""))
    host = said.get("digest-uri", "").partition("/")[2].partition("/")[0] or said.get("realm", "")
    account = user if "@" in user or not host else f"{user}@{host}"
    return Credential(account if user else None, said["response"], Grade.CRACKABLE)


def _cram(_: Exchange, data: bytes) -> Credential | None:
    user, blank, answer = _text(data).rpartition(" ")
    return Credential(user, answer, Grade.CRACKABLE) if blank and answer else None


def _scram(exchange: Exchange, data: bytes) -> Credential | None:
    """First `n,,n=user,r=nonce`, then `c=biws,r=nonce,p=proof`."""
    for part in _text(data).split(","):
        if part.startswith("n=") and exchange.account is None:
            exchange.account = part[2:].replace("=2C", ",").replace("=3D", "=")
        elif part.startswith("p=") and exchange.answers:
            return Credential(exchange.account, _text(data), Grade.CRACKABLE)
    return None


def _login(exchange: Exchange, data: bytes) -> Credential | None:
    """The old LOGIN: first the name, then the password."""
    if exchange.account is None:
        exchange.account = _text(data)
        return None
    return Credential(exchange.account, _text(data), Grade.CLEARTEXT)


def _hashed_token(_: Exchange, data: bytes) -> Credential | None:
    user, nul, answer = data.partition(b"\0")
    return Credential(_text(user), answer.hex(), Grade.TOKEN) if nul else None


def _nothing(_: Exchange, data: bytes) -> Credential:
    """EXTERNAL names at most whom to act as; Kerberos and ANONYMOUS give nothing away."""
    return Credential(_text(data) if b"@" in data and data.isascii() else None, None, Grade.PROTECTED)


def _unseen(exchange: Exchange, data: bytes) -> Credential | None:
    """A response whose `auth` is not in the capture: its shape tells what it is."""
    if data.startswith(b"c=") and b",p=" in data:
        exchange.mechanism = "SCRAM"
        exchange.answers = 1
        return _scram(exchange, data)
    if b"response=" in data and b"nonce=" in data:
        exchange.mechanism = "DIGEST-MD5"
        return _digest(exchange, data)
    if re.fullmatch(rb"[^\s\0]{1,256} [0-9a-f]{32}", data):
        exchange.mechanism = "CRAM-MD5"
        return _cram(exchange, data)
    return None


MECHANISMS: dict[str, Reader] = {
    "PLAIN": _plain,
    "X-OAUTH2": _token,
    "X-GOOGLE-TOKEN": _token,
    "X-MESSENGER-OAUTH2": _token,
    "X-FACEBOOK-PLATFORM": _facebook,
    "OAUTHBEARER": _bearer,
    "DIGEST-MD5": _digest,
    "CRAM-MD5": _cram,
    "LOGIN": _login,
    "SCRAM": _scram,
    "HT": _hashed_token,
    "": _unseen,
}
"""By the mechanism, or by what its name begins with up to the first hyphen. All others say nothing we can use."""


def reader(mechanism: str) -> Reader:
    return MECHANISMS.get(mechanism) or MECHANISMS.get(mechanism.partition("-")[0]) or _nothing


# --- what the elements mean -----------------------------------------------------------------------------------------


def auth(state: State, side: Side, element: Element) -> Iterator[Event]:
    """`auth` and SASL2's `authenticate`: the client opens."""
    if state.exchange is not None:
        yield from _untold(state, side, Outcome.UNKNOWN)
    exchange = state.exchange = Exchange((element.get("mechanism") or "").strip().upper()[:40] or "PLAIN")
    yield from state.client_is(side)
    if (agent := child(element, "user-agent")) is not None:
        yield from state.software(side, child_text(agent, "software"), 2)
    first = child(element, "initial-response")
    data = decoded(element.text if first is None else first.text or "=")
    if data is None and reader(exchange.mechanism) is _nothing:
        data = b""
    if data is not None:
        yield from _read(state, side, exchange, data)


def response(state: State, side: Side, element: Element) -> Iterator[Event]:
    exchange = state.exchange = state.exchange or Exchange("")
    yield from state.client_is(side)
    data = decoded(element.text)
    if data:
        yield from _read(state, side, exchange, data)


def challenge(state: State, side: Side, _: Element) -> Iterator[Event]:
    yield from state.client_is(side.other)


def success(state: State, side: Side, element: Element) -> Iterator[Event]:
    """The same element ends both; SASL2 also tells who one is now."""
    yield from state.client_is(side.other)
    yield from _untold(state, side.other, Outcome.OK)
    yield from state.settle(Outcome.OK)
    if (jid := child_text(element, "authorization-identifier")) is not None:
        state.role = state.role or "client"
        yield from state.identify(side.other, jid)


def failure(state: State, side: Side, _: Element) -> Iterator[Event]:
    yield from state.client_is(side.other)
    yield from _untold(state, side.other, Outcome.FAILED)
    yield from state.settle(Outcome.FAILED)


def refused(state: State, _: Side, __: Element) -> Iterator[Event]:
    """A stream error while a login waits for its answer."""
    return state.settle(Outcome.FAILED)


def unfinished(state: State) -> Iterator[Event]:
    """The flow ended in the middle of a negotiation."""
    yield from _untold(state, state.client, Outcome.UNKNOWN)


def _read(state: State, side: Side, exchange: Exchange, data: bytes) -> Iterator[Event]:
    found = reader(exchange.mechanism)(exchange, data)
    exchange.answers += 1
    if found is None or exchange.told:
        return
    exchange.told = True
    account = _complete(state, found.account or exchange.account)
    scheme = exchange.mechanism.lower()
    wire = excerpt(f"{state.tell} {scheme} {account or ''} {masked(found.secret)}".rstrip())
    yield from state.hold(
        Login(side=side, account=account, scheme=scheme, grade=found.grade, secret=found.secret, wire=wire)
    )
    if found.grade is not Grade.PROTECTED and account and state.role != "server":
        state.role = state.role or "client"
        yield from state.identify(side, account)


def _untold(state: State, side: Side, outcome: Outcome) -> Iterator[Event]:
    """The negotiation is over. One that named an account and no secret is reported all the same."""
    exchange, state.exchange = state.exchange, None
    if exchange is not None and not exchange.told and exchange.account:
        account = _complete(state, exchange.account)
        scheme = exchange.mechanism.lower()
        yield Login(side=side, account=account, scheme=scheme, grade=Grade.PROTECTED, outcome=outcome, wire=state.tell)


def _complete(state: State, name: str | None) -> str | None:
    """SASL names are often just the part before the `@`."""
    if not name or "@" in name or not state.domain:
        return name
    return f"{name}@{state.domain}"


HANDLERS: dict[tuple[str, str], Callable[[State, Side, Element], Iterator[Event]]] = {
    (space, name): handler
    for space in ("urn:ietf:params:xml:ns:xmpp-sasl", "urn:xmpp:sasl:1", "urn:xmpp:sasl:2")
    for name, handler in {
        "auth": auth,
        "authenticate": auth,
        "challenge": challenge,
        "response": response,
        "success": success,
        "failure": failure,
    }.items()
}
"""By name space and local name of a top-level element."""

__all__ = ["HANDLERS", "Exchange", "decoded", "unfinished"]
