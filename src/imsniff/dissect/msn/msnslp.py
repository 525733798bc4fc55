"""MSNSLP, the SIP-like signalling of MSN's peer-to-peer layer (MSNP9 to 21): file offers and the addresses of peers.

    INVITE MSNMSGR:bob@example.net MSNSLP/1.0          or   MSNSLP/1.0 200 OK, 603 Decline, ...   or   BYE MSNMSGR:...
    To: <msnmsgr:bob@example.net;{guid}>
    From: <msnmsgr:alice@example.net>
    Call-ID: {guid}
    Content-Type: application/x-msnmsgr-sessionreqbody

    EUF-GUID: {5D3E02AB-6190-11D3-BBBB-00C04F795683}   what is offered: this one is a file
    SessionID: 846930890
    AppID: 2
    Context: base64                                    for a file: the structure below

A file's context is little-endian: length u32, version u32, size u64, type u32, name UTF-16 of 520 bytes, more we do not
need. A second INVITE (transreqbody) and its answer (transrespbody) agree on a direct connection and tell where one
listens. Windows Live Messenger 2009 writes those names *and values* backwards to hide them from helpful routers
(`srddA-lanretnI4vPI: 12.0.77.01`).

What carries these texts is `p2p`. References: https://wiki.nina.chat/wiki/Protocols/MSNP/MSNC
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from imsniff.base.addresses import address
from imsniff.base.events import Event, Expect, Exposure, Side, Transfer, TransferState, excerpt
from imsniff.base.limits import MAX_NAME
from imsniff.dissect.core import CappedTable
from imsniff.dissect.cursor import Cursor, Malformed, decimal
from imsniff.dissect.file_bytes import FileBytes, facts
from imsniff.dissect.msn.wire import account, fields, port_number

FILE = "5d3e02ab-6190-11d3-bbbb-00c04f795683"
CONTEXT_HEAD = 20
CONTEXT_NAME = 520
CONTEXT_BASE64 = -(-(CONTEXT_HEAD + CONTEXT_NAME) // 3) * 4
"""Base64 characters that hold all we read of a context; the rest is a preview picture."""

_START = re.compile(
    rb"(?:(?P<method>INVITE|BYE|ACK|CANCEL) MSNMSGR:[^\s]{1,320} MSNSLP/1\.\d"
    rb"|MSNSLP/1\.\d (?P<status>\d{3})[^\r\n]{0,80})\r?\n"
)
_MAILBOX = re.compile(r"<msnmsgr:([^;>]{1,320})", re.IGNORECASE)


class Where(NamedTuple):
    """How a body names addresses: a header of addresses, and one of ports where they are not joined with a colon."""

    addresses: str
    ports: str | None
    via: str


PLACES = (
    Where("ipv4internal-addrs", "ipv4internal-port", "msnslp.internal"),
    Where("ipv4external-addrs", "ipv4external-port", "msnslp.external"),
    Where("ipv4internaladdrsandports", None, "msnslp.internal"),
    Where("ipv4externaladdrsandports", None, "msnslp.external"),
    Where("ipv6-addrs", "ipv6-port", "msnslp.internal"),
    Where("ipv6-global", "ipv6-port", "msnslp.external"),
)


class Offer:
    """A file that was offered, and how far it got."""

    __slots__ = ("call", "direct", "done", "name", "recipient", "sender", "session", "size")

    def __init__(
        self, call: str, session: int, name: str, size: int | None, sender: str | None, recipient: str | None
    ) -> None:
        self.call = call
        self.session = session
        self.name = name
        self.size = size
        self.sender = sender
        self.recipient = recipient
        self.direct = False
        """A direct connection was agreed on: the bytes go elsewhere."""
        self.done: set[TransferState] = set()

    def told(self, side: Side, state: TransferState, wire: str, seen: FileBytes | None = None) -> Iterator[Event]:
        """The state, once; nothing after the end."""
        ended = {TransferState.COMPLETED, TransferState.CANCELLED} & self.done
        if state in self.done or ended:
            return
        self.done.add(state)
        yield Transfer(
            side=side,
            name=self.name,
            size=self.size,
            sender=self.sender,
            recipient=self.recipient,
            state=state,
            wire=excerpt(wire),
            **facts(seen),
        )


def file_context(text: str) -> tuple[str, int]:
    """Name and size in bytes. Raises Malformed: peers crashed on lengths here (CVE-2010-1624)."""
    ascii_only = text[:CONTEXT_BASE64].encode("ascii", "replace")
    try:
        raw = binascii.a2b_base64(ascii_only[: len(ascii_only) // 4 * 4])
    except binascii.Error as why:
        raise Malformed(f"context: {why}") from None
    cursor = Cursor(raw)
    cursor.skip(8)
    size = cursor.le64()
    cursor.skip(4)
    name = cursor.take(min(cursor.left, CONTEXT_NAME) & ~1).decode("utf-16-le", "replace").partition("\0")[0]
    return name[:MAX_NAME], size


def _mailbox(text: str) -> str | None:
    found = _MAILBOX.search(text)
    return account(found[1]) if found else None


def places(body: dict[str, str]) -> Iterator[tuple[str, int | None, str]]:
    """Addresses told in a body, written forwards or backwards: address, port, via."""
    backwards = {key[::-1]: value[::-1] for key, value in body.items()}
    for where in PLACES:
        for said in (body, backwards):
            ports = said.get(where.ports or "", "").split()[:16]
            for at, text in enumerate(said.get(where.addresses, "").split()[:16]):
                host, port = text, ports[min(at, len(ports) - 1)] if ports else None
                if where.ports is None:
                    host, _, port = text.rpartition(":")
                ip = address(host)
                if ip is not None:
                    yield ip, port_number(port), where.via


class Signals:
    """The MSNSLP dialogues of one flow."""

    def __init__(self) -> None:
        self.calls: CappedTable[str, Offer] = CappedTable(64)
        self.sessions: CappedTable[int, Offer] = CappedTable(64)
        self._told: CappedTable[tuple[str, int | None, str], None] = CappedTable(64)

    def text(self, side: Side, data: bytes) -> Iterator[Event]:
        """One whole request or answer. Raises Malformed where it is neither."""
        start = _START.match(data)
        if start is None:
            raise Malformed(f"not MSNSLP: {data[:24]!r}")
        block, _, rest = data[start.end() :].partition(b"\r\n\r\n")
        head, body = fields(block), fields(rest)
        sender, recipient = _mailbox(head.get("from", "")), _mailbox(head.get("to", ""))
        call = head.get("call-id", "")[:64].casefold()
        if start["method"] == b"INVITE" and "euf-guid" in body:
            yield from self._offered(side, call, body, sender, recipient)
        elif start["method"] == b"BYE":
            yield from self._ended(side, call, "BYE")
        elif start["status"] and "sessionreqbody" in head.get("content-type", ""):
            offer = self.calls.get(call)
            if offer is not None:
                state = TransferState.ACCEPTED if start["status"] == b"200" else TransferState.CANCELLED
                yield from offer.told(side, state, f"MSNSLP/1.0 {start['status'].decode()}")
        elif start["status"] and start["status"] >= b"600":
            yield from self._ended(side, call, f"MSNSLP/1.0 {start['status'].decode()}")
        yield from self._addresses(side, call, body, sender, recipient)

    def _offered(
        self, side: Side, call: str, body: dict[str, str], sender: str | None, recipient: str | None
    ) -> Iterator[Event]:
        if body["euf-guid"].strip("{}").casefold() != FILE or call in self.calls:
            return
        name, size = file_context(body.get("context", ""))
        offer = Offer(call, decimal(body.get("sessionid", "0").strip()), name, size, sender, recipient)
        self.calls[call] = offer
        self.sessions[offer.session] = offer
        yield from offer.told(side, TransferState.OFFERED, f"EUF-GUID: {body['euf-guid'][:40]} Context: {name}")

    def _ended(self, side: Side, call: str, wire: str) -> Iterator[Event]:
        """BYE also ends what went well: only what did not go, and cannot have gone elsewhere, was cancelled."""
        offer = self.calls.get(call)
        if offer is not None and not (wire == "BYE" and offer.direct):
            yield from offer.told(side, TransferState.CANCELLED, wire)

    def _addresses(
        self, side: Side, call: str, body: dict[str, str], sender: str | None, recipient: str | None
    ) -> Iterator[Event]:
        offer = self.calls.get(call) or next(reversed(self.calls.values()), None)
        listening = body.get("listening", "true").strip().casefold() == "true"
        for ip, port, via in places(body):
            key = ip, port, via
            if key in self._told:
                continue
            self._told[key] = None
            yield Exposure(
                side=side, account=sender, ip=ip, port=port, via=via, to=recipient, wire=f"{via} {ip} {port or ''}"
            )
            if port is None or not listening:
                continue
            if offer is None:
                yield Expect(side=side, protocol="msnp2p", ip=ip, port=port)
                continue
            offer.direct = True
            yield Expect(
                side=side,
                protocol="msnp2p",
                ip=ip,
                port=port,
                name=offer.name,
                size=offer.size,
                sender=offer.sender,
                recipient=offer.recipient,
            )
