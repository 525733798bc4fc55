"""What DNS answers say of later flows: which client was told which address for which messenger's name.

A flow that names nothing itself is joined with the answer its client got, for the answer's TTL and a grace. A question
for a messenger's name with no flow after it is an attempt.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from imsniff.base.limits import ATTEMPT_NS, MAX_ATTEMPTS, MAX_CACHED, MAX_RESOLVED, RESOLVED_GRACE_NS
from imsniff.envelopes.reader import Resolved
from imsniff.rules.schema import Services


class Joined(NamedTuple):
    """The name behind an address, as one client was told."""

    service: str
    name: str
    until: int
    """Nanoseconds since 1970."""


class Attempt(NamedTuple):
    """A look-up of a messenger's name."""

    client: bytes
    service: str
    name: str
    frame: int
    ts: int


class ResolvedNames:
    """Answers by client and address, and look-ups that wait for a flow."""

    def __init__(self) -> None:
        self._joined: dict[tuple[bytes, bytes], Joined] = {}
        self.addresses: dict[bytes, None] = {}
        """Packed addresses of messengers that any client was told: the gate lets their flows through."""
        self._waiting: dict[tuple[bytes, str], Attempt] = {}

    def answered(self, client: bytes, answer: Resolved, service: str, name: str, ts: int) -> None:
        """`client` (packed address) was told where the service is."""
        until = ts + answer.ttl * 1_000_000_000 + RESOLVED_GRACE_NS
        for address in answer.addresses:
            packed = ip_address(address).packed
            self._joined.pop((client, packed), None)
            self._joined[client, packed] = Joined(service, name, until)
            self.addresses[packed] = None
        while len(self._joined) > MAX_RESOLVED:
            del self._joined[next(iter(self._joined))]
        while len(self.addresses) > MAX_RESOLVED:
            del self.addresses[next(iter(self.addresses))]

    def find(self, client: bytes, server: bytes, ts: int) -> Joined | None:
        """What the client of a flow was told of its server (packed addresses)."""
        found = self._joined.get((client, server))
        return found if found is not None and ts <= found.until else None

    def asked(self, attempt: Attempt) -> None:
        """A messenger's name was looked up."""
        if len(self._waiting) < MAX_ATTEMPTS:
            self._waiting.setdefault((attempt.client, attempt.service), attempt)

    def used(self, client: bytes, service: str) -> None:
        """A flow to the service began: its look-up was no mere attempt."""
        self._waiting.pop((client, service), None)

    def attempts(self, now: int | None) -> Iterator[Attempt]:
        """Look-ups that no flow followed within ATTEMPT_NS; None: all that are left."""
        for key, attempt in list(self._waiting.items()):
            if now is not None and now - attempt.ts <= ATTEMPT_NS:
                return  # they come by time
            del self._waiting[key]
            yield attempt


class WantedAddresses:
    """Packed addresses whose flows the gate lets through: those of services' own networks, and those that a client was
    told for a messenger's name."""

    def __init__(self, services: Services, resolved: ResolvedNames) -> None:
        self._resolved = resolved
        self._known: dict[bytes, bool] = {}
        """Addresses looked up lately."""
        self._networks: dict[int, dict[int, set[int]]] = {4: {}, 16: {}}
        """By bytes of an address: shift to the network's bits, to networks without them."""
        for service in services.all:
            for network in service.networks:
                shift = network.max_prefixlen - network.prefixlen
                size = network.max_prefixlen // 8
                self._networks[size].setdefault(shift, set()).add(int(network.network_address) >> shift)

    def __contains__(self, packed: object) -> bool:
        if not isinstance(packed, bytes):
            return False
        if packed in self._resolved.addresses:
            return True
        found = self._known.get(packed)
        if found is None:
            number = int.from_bytes(packed, "big")
            found = any(number >> shift in known for shift, known in self._networks.get(len(packed), {}).items())
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            self._known[packed] = found
        return found
