"""From what an envelope shows to the service behind it, by the tables of `signatures/services`.

A name that is in no table is dropped here: it is neither stored nor shown anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address

from imsniff.base.events import ServiceSeen, Side
from imsniff.base.limits import MAX_CACHED
from imsniff.base.records import Confidence
from imsniff.dissect.cursor import Malformed
from imsniff.envelopes.reader import Asked, Fact, Named, Resolved, Stun
from imsniff.envelopes.tls import client_hello
from imsniff.rules.engines import Engine, Needle, engine
from imsniff.rules.schema import Category, PayloadRule, Service, Services

_TABLE = {"certificate": "sni", "stun": "stun-realm"}
"""Where a service says it may be seen, for names that show elsewhere."""
_CALLS = {"discord.discovery", "telegram.reflector"}
"""Openings of voice or video."""


class Naming:
    """The tables of one signature set."""

    def __init__(self, services: Services, openings: Iterable[PayloadRule]) -> None:
        self.services = services
        self._rules = tuple(openings)
        self._owner = lru_cache(maxsize=MAX_CACHED)(services.of_address)
        self._engines = self._compiled(self._rules)
        self._anywhere = self._compiled(rule for rule in self._rules if not getattr(rule.entry, "in_networks", False))

    @staticmethod
    def _compiled(openings: Iterable[PayloadRule]) -> dict[str, tuple[Engine, tuple[PayloadRule, ...]]]:
        wanted = tuple(openings)
        return {
            transport: (engine("auto", [Needle(r.expression, r.anchored, r.within) for r in rules]), rules)
            for transport in ("tcp", "udp")
            if (rules := tuple(rule for rule in wanted if transport in rule.transport))
        }

    def of_host(self, name: str, seen_in: str) -> Service | None:
        return self.services.of_host(name, _TABLE.get(seen_in, seen_in))

    def of_fact(self, fact: Fact, server: str) -> ServiceSeen | None:
        """The service that a fact shows; DNS answers are `ResolvedNames`' business. STUN that names nothing is a call
        of the service whose own network the `server` (address) is in."""
        match fact:
            case Named(seen_in, name, hello):
                service = self.of_host(name, seen_in)
                return None if service is None else _named(service, seen_in, name, hello)
            case Stun(message):
                if message.realm and (service := self.of_host(message.realm.lower(), "stun")) is not None:
                    return _seen(service, "stun", message.realm.lower(), Confidence.HOST, call=True)
                service = self.services.of_stun(message.kind, message.attributes) or self._owner(server)
                return None if service is None else _seen(service, "stun", None, Confidence.SIGNATURE, call=True)
            case Resolved() | Asked():
                return None

    def matches(self, transport: str, data: bytes) -> bool:
        """Whether first bytes match any opening that counts wherever it goes."""
        found = self._anywhere.get(transport)
        return found is not None and bool(found[0].find(data))

    def of_openings(self, transport: str, first: dict[Side, bytes], server: str) -> ServiceSeen | None:
        """The service that the first bytes of both sides show. An opening counts where it is strong, where one of its
        `reverse` matches on the other side, or, `in_networks`, where the server's address is one of the service's."""
        matched = {side: {rule.id: rule for rule in self._matched(transport, data)} for side, data in first.items()}
        for side, rules in matched.items():
            for rule in rules.values():
                if rule.side not in ("either", side):
                    continue
                answered = any(answer in matched.get(side.other, ()) for answer in rule.reverse)
                if answered or rule.strong or self._owns(rule, server):
                    service = self.services.by_id.get(rule.service or "")
                    if service is not None:
                        confidence = Confidence.BOTH_SIDES if answered else Confidence.SIGNATURE
                        return _seen(service, "opening", None, confidence, call=rule.id in _CALLS)
        return None

    def _matched(self, transport: str, data: bytes) -> Iterator[PayloadRule]:
        found = self._engines.get(transport)
        if found is not None:
            looks, rules = found
            yield from (rules[number] for number in looks.find(data))

    def _owns(self, rule: PayloadRule, server: str) -> bool:
        """Whether an opening that is too weak alone goes to the service's own networks."""
        service = self.services.by_id.get(rule.service or "")
        if service is None or not getattr(rule.entry, "in_networks", False):
            return False
        ip = ip_address(server)
        return any(ip in network for network in service.networks if network.version == ip.version)


def _named(service: Service, seen_in: str, name: str, body: bytes | None) -> ServiceSeen:
    """A listed name. With Encrypted ClientHello it may be only the front's: a rung lower."""
    ja4, confidence = None, Confidence.HOST
    if body is not None:
        try:
            hello = client_hello(body)
        except Malformed:  # behind the name it lies about its lengths
            return _seen(service, seen_in, name, confidence)
        ja4 = hello.ja4("q" if seen_in == "quic" else "t")
        confidence = Confidence.DNS if hello.encrypted else confidence
    return _seen(service, seen_in, name, confidence, ja4)


def _seen(
    service: Service,
    seen_in: str,
    name: str | None,
    confidence: Confidence,
    ja4: str | None = None,
    *,
    call: bool = False,
) -> ServiceSeen:
    return ServiceSeen(
        side=Side.CLIENT,
        service=service.entry.id,
        seen_in=seen_in,
        name=name,
        confidence=confidence.value,
        ja4=ja4,
        call=call,
        push=service.entry.category is Category.PUSH,
    )
