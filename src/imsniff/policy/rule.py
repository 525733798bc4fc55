"""One rule of a policy as it is written, and its scope: which sessions it fits, and how two rules lie to each other.

    [[allow]]
    name = "traders' Jabber"
    protocol = ["xmpp"]                        # protocols or services
    server = ["10.1.2.0/24", "corp.example"]   # addresses, networks, or domains with what is below them
    client = ["trading", "10.7.0.0/16"]        # addresses, networks, or groups of [groups]
    account = "*@corp.example"                 # patterns as of file names
    days = ["mon-fri"]                         # in the policy's time zone
    hours = "08:00-18:00"
    until = 2027-01-01                         # the last day it holds, judged against packet time
    reason = "approved 2026-03"                # for people
    owner = "it@corp.example"

All that a rule names must fit. Of the rules that fit a session, one whose scope lies within another's is the more
specific and wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeVar

from msgspec import Struct

from imsniff.base.records import SessionRecord
from imsniff.base.services import SERVICE_OF

Network = IPv4Network | IPv6Network
Words = str | list[str]
Groups = Mapping[str, Sequence[str]]
T = TypeVar("T")

_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]{0,62}", re.IGNORECASE)
_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 1_440
"""Minutes."""
_WILD = re.compile(r"[*?\[]")


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[allow]]` or `[[deny]]`: all that it names must fit."""

    name: str
    protocol: Words | None = None
    """Protocols or services, as a session names them."""
    server: Words | None = None
    client: Words | None = None
    account: Words | None = None
    days: Words | None = None
    hours: Words | None = None
    until: date | None = None
    """The last day it holds."""
    reason: str = ""
    owner: str = ""

    @property
    def names_nothing(self) -> bool:
        return all(value is None for value in (self.protocol, self.server, self.client, self.account))

    def sentence(self) -> str:
        """What it is about, in words."""
        parts = (
            _listed(self.protocol) or "all messaging",
            self.account and f"of {_listed(self.account)}",
            self.client and f"from {_listed(self.client)}",
            self.server and f"with {_listed(self.server)}",
            self.days and f"on {_listed(self.days)}",
            self.hours and f"at {_listed(self.hours)}",
            self.until and f"until {self.until.isoformat()}",
        )
        return " ".join(part for part in parts if part)


class BadScope(ValueError):
    """A value that means nothing."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)


class Scope:
    """The sessions that a rule fits. None: any. Raises BadScope."""

    def __init__(self, rule: Rule, groups: Groups, zone: tzinfo) -> None:
        self.protocols = None if rule.protocol is None else frozenset(_protocols(rule.protocol))
        self.servers = None if rule.server is None else _places(rule.server)
        self.clients = None if rule.client is None else networks("client", words(rule.client), groups)
        self.accounts = None if rule.account is None else tuple(one.lower() for one in words(rule.account))
        self.minutes = _minutes(rule)
        self.until = None if rule.until is None else rule.until.isoformat()
        self._zone = zone

    def fits(self, session: SessionRecord) -> bool:
        return (
            (self.protocols is None or bool(self.protocols & {session.protocol, session.service}))
            and (self.until is None or session.first_seen[:10] <= self.until)
            and (self.servers is None or _stands_in(self.servers, session.server_ip, session.server_name))
            and (self.clients is None or _in_networks(self.clients, session.client_ip))
            and (self.accounts is None or _of_accounts(self.accounts, session.account))
            and (self.minutes is None or bool(self.minutes >> self._minute(session) & 1))
        )

    def _minute(self, session: SessionRecord) -> int:
        at = datetime.fromisoformat(session.first_seen).astimezone(self._zone)
        return at.weekday() * _DAY + at.hour * 60 + at.minute

    def within(self, other: Scope) -> bool:
        """Whether all that this fits, the other does."""
        return (
            _part_of(self.protocols, other.protocols, lambda a, b: a <= b)
            and _part_of(self.servers, other.servers, _places_within)
            and _part_of(self.clients, other.clients, _networks_within)
            and _part_of(self.accounts, other.accounts, _accounts_within)
            and _part_of(self.minutes, other.minutes, lambda a, b: a & ~b == 0)
        )

    def apart(self, other: Scope) -> bool:
        """Whether no session can fit both. Where that cannot be told, they are not apart."""
        return (
            _differ(self.protocols, other.protocols, lambda a, b: not a & b)
            or _differ(self.servers, other.servers, _places_apart)
            or _differ(self.clients, other.clients, _networks_apart)
            or _differ(self.accounts, other.accounts, _accounts_apart)
            or _differ(self.minutes, other.minutes, lambda a, b: a & b == 0)
        )


def words(written: Words | None) -> list[str]:
    return [written] if isinstance(written, str) else list(written or ())


def _listed(written: Words | None) -> str:
    return " or ".join(words(written))


def _part_of(one: T | None, other: T | None, within: Callable[[T, T], bool]) -> bool:
    return other is None or (one is not None and within(one, other))


def _differ(one: T | None, other: T | None, apart: Callable[[T, T], bool]) -> bool:
    return one is not None and other is not None and apart(one, other)


# --- protocols --------------------------------------------------------------------------------------------------------


def _protocols(written: Words) -> Iterable[str]:
    """A service stands for its protocols, too."""
    for name in words(written):
        yield name
        yield from (protocol for protocol, service in SERVICE_OF.items() if service == name)


# --- servers and clients ----------------------------------------------------------------------------------------------

Places = tuple[tuple[Network, ...], tuple[str, ...]]
"""Networks and domains."""


def networks(key: str, written: Iterable[str], groups: Groups) -> tuple[Network, ...]:
    """Of addresses, networks and names of groups. Raises BadScope."""
    found: list[Network] = []
    for one in written:
        try:
            found += [ip_network(each) for each in groups.get(one, (one,))]
        except ValueError as why:
            raise BadScope(key, f"{why}; a group is named in [groups]") from None
    return tuple(found)


def _places(written: Words) -> Places:
    found: list[Network] = []
    domains: list[str] = []
    for one in words(written):
        try:
            found.append(ip_network(one))
        except ValueError as why:
            if not _DOMAIN.fullmatch(one.removeprefix("*.")):
                raise BadScope("server", f"{why}; nor is it a domain") from None
            domains.append(one.removeprefix("*.").lower())
    return tuple(found), tuple(domains)


def _in_networks(found: Iterable[Network], ip: str) -> bool:
    host = ip_address(ip)
    return any(host in network for network in found)


def _stands_in(places: Places, ip: str, name: str | None) -> bool:
    return _in_networks(places[0], ip) or (name is not None and any(_below(name.lower(), one) for one in places[1]))


def _below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _networks_within(one: tuple[Network, ...], other: tuple[Network, ...]) -> bool:
    return all(any(_subnet(a, b) for b in other) for a in one)


def _subnet(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # of one version


def _networks_apart(one: tuple[Network, ...], other: tuple[Network, ...]) -> bool:
    return not any(a.overlaps(b) for a in one for b in other)


def _places_within(one: Places, other: Places) -> bool:
    return _networks_within(one[0], other[0]) and all(any(_below(a, b) for b in other[1]) for a in one[1])


def _places_apart(one: Places, other: Places) -> bool:
    """A network and a domain may meet: who knows which addresses a name has."""
    mixed = (one[0] and other[1]) or (one[1] and other[0])
    meet = any(_below(a, b) or _below(b, a) for a in one[1] for b in other[1])
    return not mixed and not meet and _networks_apart(one[0], other[0])


# --- accounts ---------------------------------------------------------------------------------------------------------


def _of_accounts(patterns: Iterable[str], account: str | None) -> bool:
    """An account of XMPP without its resource."""
    return account is not None and any(fnmatchcase(account.partition("/")[0].lower(), one) for one in patterns)


def _accounts_within(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return all(any(a == b or fnmatchcase(a, b) for b in other) for a in one)


def _accounts_apart(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return all(_patterns_apart(a, b) for a in one for b in other)


def _patterns_apart(one: str, other: str) -> bool:
    if fnmatchcase(one, other) or fnmatchcase(other, one):
        return False
    if not (_WILD.search(one) and _WILD.search(other)):
        return True
    heads = [_WILD.split(pattern)[0] for pattern in (one, other)]
    tails = [re.split(r"[*?\]]", pattern)[-1] for pattern in (one, other)]
    return not (
        (heads[0].startswith(heads[1]) or heads[1].startswith(heads[0]))
        and (tails[0].endswith(tails[1]) or tails[1].endswith(tails[0]))
    )


# --- times ------------------------------------------------------------------------------------------------------------


def _minutes(rule: Rule) -> int | None:
    """A bit for each minute of the week from Monday on; None: always."""
    if rule.days is None and rule.hours is None:
        return None
    day = _bits_of_day(words(rule.hours)) if rule.hours is not None else (1 << _DAY) - 1
    days = _days(words(rule.days)) if rule.days is not None else set(range(7))
    return sum(day << number * _DAY for number in days)


def _bits_of_day(written: Iterable[str]) -> int:
    bits = 0
    for one in written:
        found = _HOURS.fullmatch(one)
        if not found:
            raise BadScope("hours", f"{one!r} is not written as 08:00-18:00")
        begin, end = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        if max(begin, end) > _DAY or begin == end:
            raise BadScope("hours", f"{one!r} is no span of a day")
        spans = [(begin, end)] if begin < end else [(begin, _DAY), (0, end)]  # over midnight
        for first, last in spans:
            bits |= (1 << last) - (1 << first)
    return bits


def _days(written: Iterable[str]) -> set[int]:
    found: set[int] = set()
    for one in written:
        first, _, last = one.lower().partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise BadScope("days", f"{one!r} is neither a day ({', '.join(_DAYS)}) nor a span of days such as mon-fri")
        at, end = _DAYS.index(first), _DAYS.index(last or first)
        while at != end:
            found.add(at)
            at = (at + 1) % 7
        found.add(end)
    return found
