"""Who logs in to Yahoo! Messenger, with what, and whether it worked.

* Versions 9 to 12: `AUTH` asks for a challenge (94), `AUTH_RESPONSE` answers it with two salted MD5 hashes (6, 96) that
  can be guessed offline.
* Versions 15 and 16: the password goes to a web server by TLS; `AUTH_RESPONSE` then carries the session cookies Y (277)
  and T (278), which work in any browser, and a hash (307).
* The server answers with `LIST` (and, up to version 12, the cookies, key 59) or refuses (`AUTH_RESPONSE`, key 66).
"""

from __future__ import annotations

from collections.abc import Iterator

from imsniff.base.events import Event, Grade, Login, Outcome, Side, Trait, excerpt, masked
from imsniff.base.limits import MAX_NAME
from imsniff.dissect.yahoo.packet import FAILED, Key, Packet, decoded, name
from imsniff.dissect.yahoo.session import YmsgSession

SESSION_COOKIES = ("Y", "T")
"""The two that log in; B and C only count visitors."""

_DISGUISED = "0123456789abcdefghijklmnop"


def auth(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    record = packet.pairs.record
    yield from ymsg.known_as(side, name(record, Key.SELF, Key.ID))


def response(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    record = packet.pairs.record
    answer = name(record, Key.RESPONSE, Key.RESPONSE_CRYPT, Key.RESPONSE_15)
    bearer = {"Y": record.get(Key.COOKIE_Y, b""), "T": record.get(Key.COOKIE_T, b"")}
    if not answer and not any(bearer.values()):
        if packet.status == FAILED or Key.ERROR in record:
            yield from ymsg.settle(Outcome.FAILED)
        return
    account = name(record, Key.ID, Key.SELF)
    yield from ymsg.known_as(side, account)
    yield from software(side, record.get(Key.VERSION), record.get(Key.BUILD))
    account = account or ymsg.own
    if any(bearer.values()):
        yield from ymsg.hold(_token(side, account, {key: decoded(value) for key, value in bearer.items()}))
    else:
        yield from ymsg.hold(
            Login(
                side=side,
                account=account,
                scheme="ymsg-challenge",
                grade=Grade.CRACKABLE,
                secret=answer,
                wire=excerpt(f"AUTH_RESPONSE 0={account} 6={masked(answer)}"),
            )
        )


def granted(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    """The contact list only comes to who is let in; up to version 12 it brings the cookies."""
    record = packet.pairs.record
    identities = record.get(Key.IDENTITIES, b"").split(b",")[0]
    yield from ymsg.known_as(side, name(record, Key.ME) or decoded(identities)[:MAX_NAME] or None)
    yield from ymsg.settle(Outcome.OK)
    found: dict[str, str] = {}
    for cookie in packet.pairs.all(Key.COOKIE):
        kind, _, value = decoded(cookie).partition("\t")
        found.setdefault(kind, value.partition(";")[0])
    yield from bearer(side, ymsg.own, found, Outcome.OK)


def bearer(side: Side, account: str | None, cookies: dict[str, str], outcome: Outcome) -> Iterator[Event]:
    """Session cookies that crossed in the clear, if there are any among these."""
    if any(cookies.get(kind) for kind in SESSION_COOKIES):
        yield _token(side, account or _account(cookies.get("Y", "")), cookies, outcome)


def software(side: Side, version: bytes | None, build: bytes | None) -> Iterator[Event]:
    if version:
        yield Trait(side=side, software=f"Yahoo! Messenger {decoded(version)[:64]}")
    elif build:
        yield Trait(side=side, software=f"Yahoo! Messenger build {decoded(build)[:64]}")


def _account(cookie: str) -> str | None:
    """The account in a Y cookie: its field `l` writes a to z as 0 to 9 and a to p. None where it has others."""
    field = next((part[2:] for part in cookie.split("&") if part.startswith("l=")), "").partition("/")[0]
    if not field or not set(field) <= set(_DISGUISED):
        return None
    return "".join(chr(ord("a") + _DISGUISED.index(char)) for char in field[:MAX_NAME])


def _token(side: Side, account: str | None, cookies: dict[str, str], outcome: Outcome = Outcome.UNKNOWN) -> Login:
    kept = {kind: cookies[kind] for kind in SESSION_COOKIES if cookies.get(kind)}
    return Login(
        side=side,
        account=account,
        scheme="cookie",
        grade=Grade.TOKEN,
        outcome=outcome,
        secret="; ".join(f"{kind}={value}" for kind, value in kept.items()),
        wire=excerpt("; ".join(f"{kind}={masked(value)}" for kind, value in kept.items())),
    )
