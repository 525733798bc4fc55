"""Who speaks to whom in one SIP message, and within which transaction."""

from __future__ import annotations

from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.sip.address import address
from imsniff.dissect.sip.message import Head
from imsniff.events import Side
from imsniff.limits import MAX_NAME


class Talk:
    """One message, and who speaks to whom: `caller` and `callee` of the transaction, `sender` and `recipient` of this
    message, which in a response are the other way round."""

    __slots__ = ("call", "callee", "caller", "contact_of", "head", "method", "number", "side", "transaction", "vouched")

    def __init__(self, side: Side, head: Head) -> None:
        self.side = side
        self.head = head
        self.call = head.get("call-id")[:MAX_NAME]
        number, _, method = head.get("cseq").partition(" ")
        try:
            self.number = decimal(number.strip())
        except Malformed:
            self.number = 0
        self.method = head.method or method.strip().upper()[:32]
        self.transaction = f"{self.call} {self.number} {self.method}"
        self.caller = _party(head, "from", asserted=bool(head.method))
        self.callee = _party(head, "to", asserted=not head.method)
        self.vouched = "authorization" in head.headers or "proxy-authorization" in head.headers
        # A registrar's answer lists the bindings of the user in To.
        self.contact_of = self.callee if self.method == "REGISTER" else self.sender

    @property
    def sender(self) -> str | None:
        return self.caller if self.head.method else self.callee

    @property
    def recipient(self) -> str | None:
        return self.callee if self.head.method else self.caller


def _party(head: Head, header: str, *, asserted: bool) -> str | None:
    """The account in From or To. Who withholds it from the other side may still be named by a proxy (RFC 3325)."""
    uri, _ = address(head.get(header))
    if asserted and uri is not None and uri.host.endswith("anonymous.invalid"):
        named = [found for value in head.every("p-asserted-identity") if (found := address(value)[0])]
        uri = next((found for found in named if found.scheme.startswith("sip")), named[0] if named else uri)
    return None if uri is None else uri.account or None


def expires(head: Head) -> int | None:
    """How long a binding shall live, in seconds; None where neither Contact nor Expires says."""
    for value in head.every("contact"):
        _, params = address(value)
        for each in params.split(";"):
            name, _, number = each.partition("=")
            if name.strip().lower() == "expires":
                return _seconds(number)
    return _seconds(head.get("expires"))


def _seconds(text: str) -> int | None:
    try:
        return decimal(text.strip(' "'))
    except Malformed:
        return None
