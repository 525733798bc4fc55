"""How OSCAR accounts sign on, and what that puts on the wire. Everything is TLVs.

* Sign-on frame (FLAP channel 1): name and roasted password (ICQ until 2001b and again in libpurple 2.0; early AIM), the
  answer comes on channel 4; or the cookie that the login server gave, towards all other servers.
* Family 0x17 (AIM 3.5 and later): 17/06 asks for a key, 17/07 has it, 17/02 brings the MD5 of key, password and a fixed
  text, 17/03 answers. With TLV 0x4C the password goes in as its own MD5.
* 01/05 sends the client to another server of the family: address and a cookie for it.

The answer, wherever it comes: 0x01 name, 0x05 address of the next server, 0x06 cookie, 0x08 error.

References: open-oscar-server wire/snacs.go 97-130, wire/user.go; libpurple protocols/oscar/family_auth.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imsniff.base.addresses import address
from imsniff.base.events import Event, Expect, Grade, Login, Outcome, Side, Trait, excerpt, masked
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.oscar import roast
from imsniff.dissect.oscar.markup import loose, name_of
from imsniff.dissect.oscar.snac import Tlvs

NAME, SOFTWARE, SERVER, COOKIE, ERROR = 0x01, 0x03, 0x05, 0x06, 0x08
VERSION = (0x17, 0x18, 0x19, 0x1A)
NEW_PASSWORD, OLD_PASSWORD = 0x02, 0x12
DEFAULT_PORT = 5190


class Secret(NamedTuple):
    scheme: str
    grade: Grade
    read: Callable[[bytes], str]


def _roasted(table: bytes | None = None) -> Secret:
    return Secret("roasted", Grade.REVERSIBLE, lambda data: roast.unroast(data, table))


SECRETS: dict[int, Secret] = {
    0x0002: _roasted(),
    0x0025: Secret("md5", Grade.CRACKABLE, bytes.hex),
    0x1335: _roasted(roast.KERBEROS),
    0x1337: _roasted(roast.TOC),
    0x1338: Secret("plain", Grade.CLEARTEXT, loose),
    0x1339: Secret("plain", Grade.CLEARTEXT, loose),
    COOKIE: Secret("cookie", Grade.TOKEN, bytes.hex),
}
"""By TLV, in the order in which they count where a client sends several."""


def credential(side: Side, account: str | None, tlvs: Tlvs) -> Login | None:
    """The credential in a client's sign-on frame or login."""
    for kind, secret in SECRETS.items():
        if data := tlvs.get(kind):
            read = secret.read(data)
            return Login(
                side=side,
                account=account,
                scheme=secret.scheme,
                grade=secret.grade,
                secret=read,
                wire=excerpt(f"TLV 0001 {account or '-'}, TLV {kind:04X} ({secret.scheme}) {masked(read)}"),
            )
    return None


def software(side: Side, tlvs: Tlvs) -> Iterator[Event]:
    """The client's own name; where that has no version in it, with the version of TLVs 0x17 to 0x1A."""
    name = name_of(tlvs.get(SOFTWARE, b""))
    numbers = [tlvs.number(kind, 2) for kind in VERSION]
    if name and not any(c.isdigit() for c in name) and numbers[0] is not None:
        name = f"{name} {'.'.join(str(number or 0) for number in numbers)}"
    if name:
        yield Trait(side=side, software=name)


def outcome(tlvs: Tlvs) -> Outcome | None:
    """What a server's answer says of the login; None where it is no answer."""
    if ERROR in tlvs:
        return Outcome.FAILED
    return Outcome.OK if COOKIE in tlvs or SERVER in tlvs else None


def redirect(side: Side, tlvs: Tlvs) -> Iterator[Event]:
    """The next server, `address[:port]`. A host name announces nothing that we could wait for."""
    host, _, port = name_of(tlvs.get(SERVER, b"")).rpartition(":")
    if not host:
        host, port = port, ""
    try:
        number = decimal(port, 0xFFFF) if port else DEFAULT_PORT
    except Malformed:
        return
    if (ip := address(host)) and number:
        yield Expect(side=side, protocol="oscar", ip=ip, port=number)


def password_change(side: Side, account: str | None, tlvs: Tlvs) -> Iterator[Event]:
    """07/04 brings the old and the new password in the clear."""
    for kind in (OLD_PASSWORD, NEW_PASSWORD):
        if data := tlvs.get(kind):
            secret = loose(data.rstrip(b"\0"))
            yield Login(
                side=side,
                account=account,
                scheme="password-change",
                grade=Grade.CLEARTEXT,
                secret=secret,
                wire=excerpt(f"SNAC 07/04, TLV {kind:04X}: {masked(secret)}"),
            )
