"""Who speaks to whom in one SIP message, and within which transaction."""

from __future__ import annotations

from imsniff.base.events import Side
from imsniff.base.limits import MAX_NAME
from imsniff.dissect.memo import memoised
from imsniff.dissect.sip.address import address
from imsniff.dissect.sip.message import Head, number, parameters


class MessageContext:
    """One message, and who speaks to whom: `caller` and `callee` of the transaction, `sender` and `recipient` of this
    message, which in a response are the other way round."""

    __slots__ = ("call", "callee", "caller", "head", "method", "number", "side")

    def __init__(self, side: Side, head: Head) -> None:
        header = head.headers.get
        self.side = side
        self.head = head
        self.call = header("call-id", "")[:MAX_NAME]
        self.number, method = _sequence(header("cseq", ""))
        self.method = head.method or method
        self.caller = _account(header("from", ""), head if head.method else None)
        self.callee = _account(header("to", ""), None if head.method else head)

    @property
    def transaction(self) -> str:
        return f"{self.call} {self.number} {self.method}"

    @property
    def sender(self) -> str | None:
        return self.caller if self.head.method else self.callee

    @property
    def recipient(self) -> str | None:
        return self.callee if self.head.method else self.caller

    @property
    def contact_of(self) -> str | None:
        """Who is at the addresses in Contact: a registrar's answer lists the bindings of the user in To."""
        return self.callee if self.method == "REGISTER" else self.sender

    @property
    def vouched(self) -> bool:
        """Whether a credential comes with it."""
        return "authorization" in self.head.headers or "proxy-authorization" in self.head.headers


@memoised
def _sequence(cseq: str) -> tuple[int, str]:
    """`4711 INVITE` as number and method."""
    digits, _, method = cseq.partition(" ")
    return number(digits.strip()) or 0, method.strip().upper()[:32]


def _account(value: str, speaks: Head | None) -> str | None:
    """The account in From or To. Who speaks, and withholds it from the other side, may still be named by a proxy
    (RFC 3325)."""
    uri, _ = address(value)
    if uri is None:
        return None
    if speaks is not None and uri.host.endswith("anonymous.invalid"):
        named = [found for value in speaks.every("p-asserted-identity") if (found := address(value)[0])]
        uri = next((found for found in named if found.scheme.startswith("sip")), named[0] if named else uri)
    return uri.account or None


def expires(head: Head) -> int | None:
    """How long the longest of the bindings shall live, in seconds; None where neither Contact nor Expires says.

    One REGISTER may take an old binding away and add another (RFC 3261 §10.2.1)."""
    general = number(head.get("expires").strip(' "'))
    lives = [_life(value) for value in head.every("contact")]
    if all(life is None for life in lives):
        return general
    return max(general or 0 if life is None else life for life in lives)


@memoised
def _life(contact: str) -> int | None:
    """The `expires` of one Contact."""
    return number(parameters(address(contact)[1]).get("expires", "").strip())
