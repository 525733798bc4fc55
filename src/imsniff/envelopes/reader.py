"""The envelope of one flow: what is outside the encryption, and which names, addresses and messages show there.

It runs beside classification while a flow is undecided and is asked when no messenger's dissector claims the flow. What
it is to read is told by the first bytes: TLS, HTTP on a stream; QUIC, DNS, STUN in datagrams.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from imsniff.base.events import Side
from imsniff.base.limits import MAX_ENVELOPE_PACKETS, MAX_HELLO
from imsniff.dissect.cursor import Malformed
from imsniff.envelopes import dns, stun
from imsniff.envelopes.quic import Initials
from imsniff.envelopes.tls import CERTIFICATE, CLIENT_HELLO, Handshake, certificate_names, server_name

_HOST = re.compile(rb"\r?\n[Hh][Oo][Ss][Tt]:[ \t]*([A-Za-z0-9._-]{1,255})(?::[0-9]{1,5})?[ \t]*\r?\n")
METHODS = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH ")
_HTTP = re.compile(b"|".join(METHODS))
DNS_START = 14
"""Bytes of a length and a header: what tells DNS over TCP."""
_LONGEST_DNS = 4_096


class Named(NamedTuple):
    """A host name showed."""

    seen_in: str
    """`sni`, `quic`, `http-host`, `certificate`, `dns`, `stun`."""
    name: str
    hello: bytes | None = None
    """Body of the ClientHello that has it: read further only where the name is listed."""


class Resolved(NamedTuple):
    """An answer of the domain name system."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]
    ttl: int


class Asked(NamedTuple):
    """A question of the domain name system."""

    name: str


class Stun(NamedTuple):
    """A STUN message."""

    message: stun.StunMessage


Fact = Named | Resolved | Asked | Stun

Read = Callable[[Side, bytes], Iterator[Fact]]


class FlowEnvelope:
    """What the outside of one flow shows."""

    __slots__ = (
        "_has_hello",
        "_heads",
        "_initials",
        "_kind",
        "_kinds",
        "_octets",
        "_packets",
        "_tls",
        "pending",
        "stun_seen",
    )

    def __init__(self) -> None:
        self.pending = False
        """Whether a name may still come: the flow should not be ignored yet."""
        self._has_hello = False
        self.stun_seen = False
        self._kind: Read | None = None
        """How datagrams are read."""
        self._kinds: dict[Side, Read] = {}
        """How each side of a stream is read, once its first bytes tell."""
        self._tls: dict[Side, Handshake] = {}
        self._initials: Initials | None = None
        self._heads: dict[Side, bytes] = {}
        """What was not read yet of each side of a stream."""
        self._packets = 0
        """Datagrams read."""
        self._octets = 0
        """Of a stream."""

    def stream(self, side: Side, data: bytes) -> list[Fact]:
        """The next bytes of one side of a connection."""
        self._octets += len(data)
        read = self._kinds.get(side)
        if read is None:
            data = self._heads.pop(side, b"") + data
            read = self._kind_of(side, data)
            if read is None:
                self._heads[side] = data
                self.pending = True
                return []
            self._kinds[side] = read
            self.pending = False if read is _nothing else self.pending
        return self._collected(read(side, data))

    def _kind_of(self, side: Side, head: bytes) -> Read | None:
        """How a side that begins with these bytes is read; None while they are too few to tell."""
        if head[:1] == b"\x16":
            return self._read_tls
        if side is Side.CLIENT and _HTTP.match(head):
            return self._read_http
        if len(head) > DNS_START:
            return self._read_dns_tcp if _is_dns_length(head) else _nothing
        may_be_http = side is Side.CLIENT and any(one.startswith(head) for one in METHODS)
        return None if may_be_http or int.from_bytes(head[:2].ljust(2, b"\0"), "big") <= _LONGEST_DNS else _nothing

    def datagram(self, side: Side, data: bytes) -> list[Fact]:
        """One datagram."""
        self._packets += 1
        if stun.is_stun(data):
            self.stun_seen = True
            return self._collected(self._read_stun(side, data))
        if self._kind is None or self._kind is _nothing:
            if (data[:1] >= b"\x80" and len(data) >= 1_000) or b"CHLO" in data[:100]:
                self._initials = Initials()
                self._kind = self._read_quic
            elif len(data) > 12 and _DNS_HEADER.match(data):
                self._kind = self._read_dns
            else:
                self._kind = _nothing
        return self._collected(self._kind(side, data))

    def _collected(self, found: Iterator[Fact]) -> list[Fact]:
        facts: list[Fact] = []
        try:
            facts += found
        except Malformed:  # it lies about its lengths: the flow is judged by what else it shows
            self.pending = False
        if self._packets >= MAX_ENVELOPE_PACKETS or self._octets > MAX_HELLO:
            self.pending = False
        return facts

    # --- one reader a format ------------------------------------------------------------------------------------------

    def _read_tls(self, side: Side, data: bytes) -> Iterator[Fact]:
        handshake = self._tls.setdefault(side, Handshake())
        for kind, body in handshake.feed(data):
            if kind == CLIENT_HELLO and side is Side.CLIENT:
                name = server_name(body)
                self._has_hello, self.pending = True, name is None
                if name is not None:
                    yield Named("sni", name, body)
            elif kind == CERTIFICATE and self.pending:
                self.pending = False
                for name in certificate_names(body):
                    yield Named("certificate", name)
        if not handshake.over and side is Side.CLIENT and not self._has_hello:
            self.pending = True
        if handshake.over and (side is Side.SERVER or not self._has_hello):
            self.pending = False

    def _read_http(self, side: Side, data: bytes) -> Iterator[Fact]:
        head = (self._heads.pop(side, b"") + data)[:MAX_HELLO]
        if not _HTTP.match(head):
            return
        found = _HOST.search(head)
        self.pending = found is None and b"\n\r\n" not in head and len(head) < 4_096
        if found is not None:
            yield Named("http-host", found[1].decode("ascii").rstrip(".").lower())
        elif self.pending:
            self._heads[side] = head

    def _read_dns_tcp(self, side: Side, data: bytes) -> Iterator[Fact]:
        head = (self._heads.pop(side, b"") + data)[:MAX_HELLO]
        while len(head) >= 2 and len(head) - 2 >= (size := int.from_bytes(head[:2], "big")):
            message, head = head[2 : 2 + size], head[2 + size :]
            yield from self._read_dns(side, message)
        self._heads[side] = head
        self.pending = bool(head)

    def _read_dns(self, side: Side, data: bytes) -> Iterator[Fact]:
        message = dns.parse(data)
        if message.is_answer:
            yield Resolved(message.names, message.addresses, message.ttl)
        elif message.names:
            yield Asked(message.names[0])

    def _read_quic(self, side: Side, data: bytes) -> Iterator[Fact]:
        assert self._initials is not None, "made with the reader"
        if side is not Side.CLIENT or self._initials.over:
            return
        hello = self._initials.feed(data)
        self.pending = not self._initials.over
        name = server_name(hello) if isinstance(hello, bytes) else hello
        if name is not None:
            yield Named("quic", name, hello if isinstance(hello, bytes) else None)

    @staticmethod
    def _read_stun(_: Side, data: bytes) -> Iterator[Fact]:
        yield Stun(stun.parse(data))


_DNS_HEADER = re.compile(rb"(?s)..[\x00\x01\x04\x05\x81\x84\x85\x80][\x00-\xbf]\x00[\x00-\x08]\x00.\x00.\x00")


def _is_dns_length(data: bytes) -> bool:
    return int.from_bytes(data[:2], "big") <= _LONGEST_DNS and _DNS_HEADER.match(data, 2) is not None


def _nothing(_: Side, __: bytes) -> Iterator[Fact]:
    yield from ()
