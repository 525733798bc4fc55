"""What Authorization and Proxy-Authorization give away.

    Digest username="alice", realm="example.com", nonce="...", uri="sip:...", response="<32 or 64 hex digits>"
    Basic  <Base64 of user:password>                                  (RFC 2543, still answered by some servers)
    NTLM   qop="auth", realm="SIP Communications Service", targetname="...", gssapi-data="<Base64 of NTLMSSP>"
    Kerberos, TLS-DSK  with gssapi-data likewise                      (Live Communications Server to Lync)

A Digest response is MD5(MD5(user:realm:password):nonce:[nc:cnonce:qop:]MD5(method:uri)), so whoever sees it can try
passwords. With AKAv1-MD5 (IMS) the password is the answer of the SIM card to a challenge, new each time.

References: RFC 3261 section 22, RFC 7616, RFC 8760, RFC 3310 (AKA); [MS-SIPAE]; [MS-NLMP] section 2.2.1.3.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator

import msgspec

from imsniff.base.addresses import address
from imsniff.base.events import Grade, Login, Outcome, Side, excerpt, masked
from imsniff.base.limits import MAX_HELD_FRAMES, MAX_NAME
from imsniff.dissect.core import CappedTable
from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.sip.message import credentials

Parameters = dict[str, str]
Reader = Callable[[Side, str, Parameters, str], Login | None]
"""From the side, the rest of the header, its parameters, and the account in From: what crossed, if anything did."""


def login(side: Side, header: str, value: str, identity: str | None) -> Login | None:
    """The credential in a header's value, None where it holds none (yet): a client's first word in a handshake.

    `identity` is the account in From. Raises Malformed for a scheme we know and bytes that are not it."""
    scheme, params = credentials(value)
    reader = _SCHEMES.get(scheme)
    found = None if reader is None else reader(side, value.partition(" ")[2], params, identity or "")
    if found is None:
        return None
    shown = [f'{name}="{params[name]}"' for name in ("username", "realm", "algorithm") if name in params]
    if found.secret is not None:
        shown.append(masked(found.secret))
    return msgspec.structs.replace(found, wire=excerpt(f"{header}: {scheme} {', '.join(shown)}"))


def _digest(side: Side, _rest: str, params: Parameters, identity: str) -> Login | None:
    response = params.get("response", "")
    if not response:
        return None  # IMS phones name themselves so in the first REGISTER, before any challenge
    if not params.get("username"):
        raise Malformed("Digest without a user name")
    account = _whole_account(params["username"], params.get("realm", ""), identity)
    if params.get("algorithm", "").lower().startswith("akav"):
        # the user name is the SIM's private identity and not the address of record (3GPP TS 23.003 section 13.3); the
        # password is good for one log-in, but with the 4 octets it may have (TS 33.102) it can be guessed
        private = params["username"][:MAX_NAME]
        return Login(side=side, account=private, scheme="digest-aka", grade=Grade.CRACKABLE, secret=response[:MAX_NAME])
    return Login(side=side, account=account, scheme="digest", grade=Grade.CRACKABLE, secret=response[:MAX_NAME])


def _whole_account(username: str, realm: str, identity: str) -> str:
    """The address of record where user name and realm are its two halves, else the user name as written: a realm may
    be a word such as `asterisk`, and the user of the credential another than the one in From."""
    whole = f"{username}@{realm}"
    if "." in realm and address(realm) is None and whole.casefold() == identity.casefold():
        return whole[:MAX_NAME]
    return username[:MAX_NAME]


def _basic(side: Side, rest: str, _params: Parameters, _identity: str) -> Login:
    user, colon, password = _base64(rest).decode("utf-8", "replace").partition(":")
    if not colon:
        raise Malformed("Basic credentials without a colon")
    return Login(side=side, account=user[:MAX_NAME], scheme="basic", grade=Grade.CLEARTEXT, secret=password[:MAX_NAME])


def _ntlm(side: Side, _rest: str, params: Parameters, identity: str) -> Login | None:
    """Only the last message of the handshake (type 3) holds the challenge's answer; later requests are but signed."""
    data = _base64(params.get("gssapi-data", ""))
    if not data:
        return None
    token = Cursor(data)
    if token.take(8) != b"NTLMSSP\0":
        raise Malformed("NTLM without its signature")
    if token.le32() != 3:
        return None
    fields: list[bytes] = []
    for _ in range(4):  # LM answer, NT answer, domain, user
        size = token.le16()
        token.skip(2)
        start = token.le32()
        fields.append(Cursor(data, min(start, len(data))).take(size))
    token.skip(16)  # workstation, session key
    codec = "utf-16-le" if token.le32() & 1 else "cp1252"
    domain, user = (field.decode(codec, "replace") for field in fields[2:])
    account = (f"{domain}\\{user}" if domain else user) or identity or None
    return Login(
        side=side,
        account=account and account[:MAX_NAME],
        scheme="ntlm",
        grade=Grade.CRACKABLE,
        secret=fields[1].hex()[:MAX_NAME] or None,
    )


def _sealed(scheme: str) -> Reader:
    """A scheme whose handshake gives a listener nothing but the fact."""

    def read(side: Side, _rest: str, params: Parameters, identity: str) -> Login | None:
        if not params.get("gssapi-data"):
            return None
        return Login(side=side, account=identity or None, scheme=scheme, grade=Grade.PROTECTED)

    return read


_SCHEMES: dict[str, Reader] = {
    "digest": _digest,
    "basic": _basic,
    "ntlm": _ntlm,
    "kerberos": _sealed("kerberos"),
    "tls-dsk": _sealed("tls-dsk"),
}


def _base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.encode("ascii", "replace"))
    except binascii.Error as why:
        raise Malformed(f"bad Base64 in credentials: {why}") from None


class Waiting:
    """Credentials whose transaction has no answer yet. What was said once of a secret is not said again."""

    _CAP = 64
    """Transactions that wait; a proxy's link carries many at once. The oldest goes out as `unknown`."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, list[tuple[bool, Login]]]] = {}
        self._said: CappedTable[tuple[str | None, str, str | None], Outcome] = CappedTable()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, transaction: str, proxy: bool, credential: Login, now: int) -> Iterator[Login]:
        """`now` counts messages. Yields what has waited too long."""
        _, held = self._waiting.setdefault(transaction, (now, []))
        known = [(of_proxy, other.secret, other.account) for of_proxy, other in held]
        if (proxy, credential.secret, credential.account) not in known and len(held) < 4:
            held.append((proxy, credential))
        oldest = next(iter(self._waiting))
        if len(self._waiting) > self._CAP:
            yield from self._release(oldest, None)

    def expire(self, now: int) -> Iterator[Login]:
        """Yields what has waited for more than MAX_HELD_FRAMES messages a waiting transaction."""
        while self._waiting:
            oldest = next(iter(self._waiting))
            if now - self._waiting[oldest][0] < MAX_HELD_FRAMES * (1 + len(self._waiting)):
                return
            yield from self._release(oldest, None)

    def answer(self, transaction: str, status: int, stale: bool) -> Iterator[Login]:
        """A response of that transaction came. `stale`: the challenge in it says that only the nonce was too old."""
        if transaction in self._waiting and status > 100:
            yield from self._release(transaction, None if stale else status)

    def flush(self) -> Iterator[Login]:
        while self._waiting:
            yield from self._release(next(iter(self._waiting)), None)

    def _release(self, transaction: str, status: int | None) -> Iterator[Login]:
        for proxy, credential in self._waiting.pop(transaction)[1]:
            outcome = _outcome(status, proxy)
            key = (credential.account, credential.scheme, credential.secret)
            before = self._said.get(key)
            if before is None or (outcome is not Outcome.UNKNOWN and outcome is not before):
                self._said[key] = outcome
                account = credential.account
                if outcome is Outcome.FAILED and account and credential.scheme == "digest":
                    account = account.partition("@")[0]  # refused: nobody confirmed that the realm has such a user
                yield msgspec.structs.replace(credential, outcome=outcome, account=account)


def _outcome(status: int | None, proxy: bool) -> Outcome:
    """401 and 407 refuse the credential of the one that asks: 401 Authorization, 407 Proxy-Authorization. A call that
    rings, or is accepted, was let in; other errors (user gone, busy) tell nothing."""
    if status is None:
        return Outcome.UNKNOWN
    if status == 403 or status == (407 if proxy else 401):
        return Outcome.FAILED
    return Outcome.OK if status < 300 or status in (401, 407) else Outcome.UNKNOWN
