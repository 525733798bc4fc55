"""Who logs in with what: MSNP's sign-on commands, and the cookies that pass a client on to a switchboard.

    MSNP2-7    USR 3 MD5 I alice@example.net    USR 3 MD5 S challenge     USR 4 MD5 S md5(challenge + password)
    MSNP8-14   USR 3 TWN I alice@example.net    USR 3 TWN S lc=1033,...   USR 4 TWN S ticket
    MSNP15-21  USR 3 SSO I alice@example.net    USR 3 SSO S policy nonce  USR 4 SSO S t=ticket response [machine guid]
    MSNP18     USR 5 SHA A base64(circle ticket)
    then       USR 4 OK alice@example.net ...   or an error: 911 4

The MD5 answer can be guessed offline. Tickets and the switchboard's cookie (CKI) are bearers: who copies them is Alice.
Both directions share the shape `USR n X S value`, so the value decides, and the transaction where it was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from imsniff.base.events import Event, Expect, Grade, Login, Outcome, Side, excerpt, masked
from imsniff.dissect.msn.session import MsnpSession
from imsniff.dissect.msn.wire import Command, account, endpoint

_MD5 = re.compile(r"[0-9a-fA-F]{32}")
REFUSED = {"911", "923", "924", "928"}
"""Authentication failed, no parental consent, passport not verified, bad ticket. Other errors say nothing of it."""

SCHEMES = {
    "MD5": ("md5", Grade.CRACKABLE),
    "TWN": ("ticket", Grade.TOKEN),
    "SSO": ("ticket", Grade.TOKEN),
    "SHA": ("circle-ticket", Grade.TOKEN),
    "CKI": ("cki", Grade.TOKEN),
}


def told(msnp: MsnpSession, side: Side, command: Command, scheme: str, secret: str) -> Login:
    name, grade = SCHEMES[scheme]
    also = command.args[4:] if scheme == "SSO" else []  # made with a key of the ticket's
    wire = excerpt(command.shown(*((word, masked(word)) for word in (secret, *also))))
    return Login(side=side, account=msnp.own, scheme=name, grade=grade, secret=secret, wire=wire)


def _is_answer(msnp: MsnpSession, trid: str, scheme: str, value: str) -> bool:
    """Whether `USR trid scheme S value` is the client's answer, not the server's challenge."""
    if trid == msnp.asked:
        return False
    if scheme == "MD5":
        return _MD5.fullmatch(value) is not None
    return value.startswith("t=") if scheme == "SSO" else "," not in value  # `lc=1033,id=507,...` is the server's


def usr(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    match command.args:
        case [trid, "MD5" | "TWN" | "SSO", "I", who, *_]:
            msnp.asked = trid
            yield from msnp.learn(side, account(who))
        case [trid, "MD5" | "TWN" | "SSO" as scheme, "S", value, *_]:
            if _is_answer(msnp, trid, scheme, value):
                yield from msnp.hold(told(msnp, side, command, scheme, value))
        case [_, "SHA", "A", value]:
            yield from msnp.hold(told(msnp, side, command, "SHA", value))
        case [_, "OK", who, *_]:
            yield from msnp.learn(side, account(who))
            yield from msnp.settle(Outcome.OK)
        case [_, who, cookie] if "@" in who:
            yield from msnp.learn(side, account(who))
            yield from msnp.hold(told(msnp, side, command, "CKI", cookie))


def ans(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    match command.args:
        case [_, "OK", *_]:
            yield from msnp.settle(Outcome.OK)
        case [_, who, cookie, _, *_]:
            yield from msnp.learn(side, account(who))
            yield from msnp.hold(told(msnp, side, command, "CKI", cookie))


def refused(msnp: MsnpSession, _: Side, command: Command) -> Iterator[Event]:
    if command.verb in REFUSED:
        yield from msnp.settle(Outcome.FAILED)


def cvr(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    """`CVR n locale system version processor client version [msmsgs account]`: the account, before any password."""
    match command.args:
        case [_, locale, _, _, _, client, version, *rest] if locale.startswith("0x"):
            yield from msnp.runs(side, f"{client} {version}")
            yield from msnp.learn(side, account(next((word for word in rest if "@" in word), None)))


def xfr(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    """`XFR n SB ip:port CKI cookie`: the client will speak MSNP there, and show the cookie."""
    match command.args:
        case [_, "NS" | "SB", where, *rest]:
            yield from _passed_on(msnp, side, command, where, rest)


def rng(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    """`RNG session ip:port CKI cookie account name`: somebody calls."""
    match command.args:
        case [_, where, "CKI", cookie, *_]:
            yield from _passed_on(msnp, side, command, where, ["CKI", cookie])


def _passed_on(msnp: MsnpSession, side: Side, command: Command, where: str, rest: list[str]) -> Iterator[Event]:
    if len(rest) > 1 and rest[0] == "CKI":
        yield told(msnp, side, command, "CKI", rest[1])
    there = endpoint(where)
    if there is not None:
        yield Expect(side=side, protocol="msnp", ip=there[0], port=there[1])
