"""What signature files may say, as typed structs that refuse unknown keys, and the set that is made of them.

`...File` structs are the files; `PayloadRule`, `Ports`, `Service` and `SignatureSet` are what the program uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, field

from imsniff.base.records import Severity
from imsniff.base.services import SERVICE_OF
from imsniff.rules.pattern import Expression

RuleId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$", max_length=80)]
Word = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
"""A protocol's or service's name."""
Port = Annotated[int, Meta(ge=1, le=65535)]
Code = Annotated[int, Meta(ge=0, le=65535)]
Text = Annotated[str, Meta(min_length=1)]
Web = Annotated[str, Meta(pattern=r"^https?://")]
Suffix = Annotated[str, Meta(pattern=r"^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$")]
"""A host name or the last labels of one: `whatsapp.net` means itself and everything below it."""


class RuleSide(StrEnum):
    """Whose bytes a rule looks at."""

    CLIENT = "client"
    SERVER = "server"
    EITHER = "either"


class Transport(StrEnum):
    TCP = "tcp"
    UDP = "udp"


class Anchor(StrEnum):
    START = "start"
    """At the first byte of the side's stream, or of a datagram."""
    ANYWHERE = "anywhere"
    """Also anywhere in the first bytes of a stream met mid-stream."""


class SeenIn(StrEnum):
    """Where an envelope shows a host name."""

    SNI = "sni"
    QUIC = "quic"
    DNS = "dns"
    HTTP_HOST = "http-host"
    STUN_REALM = "stun-realm"
    CONNECT = "connect"
    """The target of an HTTP CONNECT or SOCKS request."""


class Class(StrEnum):
    """What a phrase does to whom it is said to."""

    ASKS_SECRET = "asks-secret"
    """For a password, a code, a card's number."""
    ASKS_MONEY = "asks-money"
    ASKS_CONTROL = "asks-control"
    """For remote control of the computer, or to run something."""
    AUTHORITY = "authority"
    """Claims to speak for somebody who may ask. No finding alone."""
    PRESSURE = "pressure"
    """Hurries or threatens. No finding alone."""
    LURE = "lure"
    """Makes curious about the link beside it. No finding without one."""
    GIVES_SECRET = "gives-secret"
    """Gives a secret away: makes what was asked before worse."""
    HARASSMENT = "harassment"
    HATE = "hate"
    SEXUAL = "sexual"
    THREAT = "threat"


class Category(StrEnum):
    CONSUMER = "consumer-im"
    WORKPLACE = "workplace-im"
    SOCIAL = "social"
    """A network of which messages are a part that cannot be told from the rest."""
    GAMING = "gaming"
    VOICE = "voice"
    """Calls and meetings first, with chat beside them."""
    PUSH = "push"
    """Delivers notifications: shows a device, not a conversation."""
    LEGACY = "legacy-im"


# --- the files -------------------------------------------------------------------------------------------------------


class PayloadEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[payload]]`: bytes that nominate a dissector."""

    id: RuleId
    description: Text
    side: RuleSide
    transport: Annotated[tuple[Transport, ...], Meta(min_length=1)]
    pattern: str | None = None
    hex: str | None = None
    anchor: Anchor = Anchor.START
    within: Annotated[int, Meta(ge=1, le=65535)] | None = None
    """The match ends within the first so many bytes; absent: within what is looked at."""
    reverse: tuple[RuleId, ...] = ()
    strong: bool = False
    example: tuple[Text, ...] = ()
    example_hex: tuple[Text, ...] = ()
    counter: tuple[Text, ...] = field(default=(), name="not")
    counter_hex: tuple[Text, ...] = field(default=(), name="not_hex")
    reference: tuple[Web, ...] = ()


class PortsEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of `ports.toml`: what is normal for a protocol, which proves nothing."""

    tcp: tuple[Port, ...] = ()
    udp: tuple[Port, ...] = ()
    tls: tuple[Port, ...] = ()
    """TCP ports on which the protocol is normal inside TLS, or after STARTTLS."""
    http: tuple[Port, ...] = ()
    """TCP ports on which it is normal inside HTTP: BOSH, WebSocket, gateways."""
    any: bool = False
    """Peer to peer on ports agreed for the occasion: none is odd."""


class OpeningEntry(PayloadEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[opening]]`: first bytes that name a service, although nothing of it can be read.

    It counts where it is `strong`, where one of its `reverse` matches on the other side, or, `in_networks`, where the
    server's address is one of the service's. Otherwise it says nothing."""

    service: Word
    in_networks: bool = False
    """Too weak alone: counts only towards the service's own `networks`."""


class ServiceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[service]]`: a messenger known by where it connects."""

    id: Word
    name: Text
    category: Category
    suffix: tuple[Suffix, ...] = ()
    seen_in: tuple[SeenIn, ...] = (SeenIn.SNI, SeenIn.QUIC, SeenIn.DNS, SeenIn.HTTP_HOST, SeenIn.CONNECT)
    networks: tuple[Text, ...] = ()
    """Address ranges in CIDR form that serve nothing else; alone the weakest of signs."""
    stun_attributes: tuple[Code, ...] = ()
    """STUN attribute types that only this service sends."""
    stun_methods: tuple[Code, ...] = ()
    """STUN message types that only this service sends."""
    since: date
    """When somebody last looked whether this still holds."""
    note: str = ""
    reference: tuple[Web, ...] = ()


class PhraseEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[phrase]]`."""

    id: RuleId
    kind: Class = field(name="class")
    pattern: Text
    unless: Text | None = None
    severity: Severity | None = None
    """In place of that of its class."""
    example: Annotated[tuple[Text, ...], Meta(min_length=1)]
    counter: tuple[Text, ...] = field(default=(), name="not")


# --- the set ---------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where in which file."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class PayloadRule(Struct, frozen=True, kw_only=True, dict=True):
    """A payload entry ready to be used."""

    entry: PayloadEntry
    protocol: str
    """The dissector it nominates; `encrypted` for an opening."""
    service: str | None = None
    """The service an opening names."""
    expression: Expression
    examples: tuple[bytes, ...]
    counters: tuple[bytes, ...]
    place: Place

    @cached_property
    def id(self) -> str:
        return self.entry.id

    @cached_property
    def side(self) -> RuleSide:
        return self.entry.side

    @cached_property
    def transport(self) -> frozenset[str]:
        return frozenset(self.entry.transport)

    @cached_property
    def reverse(self) -> tuple[str, ...]:
        return self.entry.reverse

    @cached_property
    def strong(self) -> bool:
        return self.entry.strong

    @cached_property
    def anchored(self) -> bool:
        return self.entry.anchor is Anchor.START

    @cached_property
    def within(self) -> int | None:
        return self.entry.within

    def __hash__(self) -> int:
        return hash(self.entry.id)


class Phrase(Struct, frozen=True, kw_only=True, dict=True):
    """A phrase ready to be looked for in folded text (`rules.lexicon.fold`)."""

    entry: PhraseEntry
    language: str
    place: Place

    @property
    def id(self) -> str:
        return self.entry.id

    @cached_property
    def wanted(self) -> re.Pattern[str]:
        return re.compile(f" (?:{self.entry.pattern}) ")

    @cached_property
    def unless(self) -> re.Pattern[str] | None:
        return re.compile(f" (?:{self.entry.unless}) ") if self.entry.unless else None

    def fits(self, folded: str) -> bool:
        return bool(self.wanted.search(folded)) and not (self.unless and self.unless.search(folded))


class Ports:
    """`ports.toml`: what is normal, never proof."""

    def __init__(self, entries: Mapping[str, PortsEntry], known: frozenset[int] = frozenset()) -> None:
        self.entries = dict(entries)
        own = {port for entry in entries.values() for port in (*entry.tcp, *entry.udp, *entry.tls, *entry.http)}
        self.servers = known | own
        """Ports that tell who was called where a flow's beginning was not captured, and nothing more."""

    def normal(self, protocol: str, transport: str, *, encrypted: bool = False, http: bool = False) -> frozenset[int]:
        """Where a protocol is expected; also the ports of its TLS or HTTP form where that is what was seen."""
        entry = self.entries.get(protocol, PortsEntry())
        ports = entry.udp if transport == "udp" else entry.tcp
        return frozenset((*ports, *(entry.tls if encrypted else ()), *(entry.http if http else ())))

    def odd(
        self,
        protocol: str,
        transport: str,
        server_port: int,
        client_port: int = 0,
        *,
        sure: bool = True,
        encrypted: bool = False,
        http: bool = False,
    ) -> bool:
        """Whether a protocol does not belong on its server's port; where it is not `sure` which side is the server, on
        neither port. A protocol without an entry has no odd port: who does not know what is normal says nothing."""
        entry = self.entries.get(protocol)
        if entry is None or entry.any:
            return False
        normal = self.normal(protocol, transport, encrypted=encrypted, http=http)
        return server_port not in normal and (sure or client_port not in normal)


class Service(Struct, frozen=True, kw_only=True):
    """A service ready to be used."""

    entry: ServiceEntry
    networks: tuple[IPv4Network | IPv6Network, ...]
    place: Place


class Services:
    """Host names and addresses to services."""

    def __init__(self, services: tuple[Service, ...]) -> None:
        self.all = services
        self.by_id = {service.entry.id: service for service in services}
        self._by_suffix: dict[str, list[Service]] = {}
        self._by_stun: dict[tuple[str, int], Service] = {}
        self._networks: list[tuple[IPv4Network | IPv6Network, Service]] = []
        for service in services:
            for suffix in service.entry.suffix:
                self._by_suffix.setdefault(suffix, []).append(service)
            self._by_stun.update({("method", code): service for code in service.entry.stun_methods})
            self._by_stun.update({("attribute", code): service for code in service.entry.stun_attributes})
            self._networks += [(network, service) for network in service.networks]

    def of_host(self, host: str, seen_in: str) -> Service | None:
        """The service whose suffix is the longest that fits the name label by label, and that may be seen there."""
        if len(host) > 255:
            return None
        rest = host.rstrip(".").lower()
        while rest:
            for service in self._by_suffix.get(rest, ()):
                if seen_in in service.entry.seen_in:
                    return service
            rest = rest.partition(".")[2]
        return None

    def of_stun(self, message_type: int, attributes: Iterable[int]) -> Service | None:
        """The service that alone uses this STUN message type, or one of these attributes."""
        if service := self._by_stun.get(("method", message_type)):
            return service
        found = (self._by_stun.get(("attribute", attribute)) for attribute in attributes)
        return next((service for service in found if service), None)

    def of_address(self, address: str) -> Service | None:
        """The service that owns an address; of several the one with the smallest range. Raises ValueError."""
        if not self._networks:
            return None
        ip = ip_address(address)
        owners = [pair for pair in self._networks if pair[0].version == ip.version and ip in pair[0]]
        return max(owners, key=lambda pair: pair[0].prefixlen)[1] if owners else None


class SignatureSet(Struct, frozen=True, kw_only=True):
    """Everything that was read from `signatures/` and the operator's own directories."""

    payload: tuple[PayloadRule, ...]
    """In the order of files and of entries; an override stands where what it replaced stood."""
    openings: tuple[PayloadRule, ...]
    """First bytes of services that cannot be read: for a scanner, as `payload`."""
    ports: Ports
    services: Services
    phrases: tuple[Phrase, ...]
    """Of all lexicons."""
    sha256: str
    """Of the meaning of all files: comments and blanks do not count. Written with every run."""
    directories: tuple[Path, ...]
    """What was read, weakest first."""
    files: tuple[Path, ...]

    def rule(self, rule_id: str) -> PayloadRule | None:
        return next((rule for rule in (*self.payload, *self.openings) if rule.id == rule_id), None)

    @property
    def names(self) -> frozenset[str]:
        """Of all protocols and services."""
        return frozenset(
            (*(rule.protocol for rule in self.payload), *self.ports.entries, *SERVICE_OF, *SERVICE_OF.values())
        ) | {"encrypted", *(service.entry.id for service in self.services.all)}

    def of_protocol(self, protocol: str) -> Iterator[PayloadRule]:
        return (rule for rule in self.payload if rule.protocol == protocol)
