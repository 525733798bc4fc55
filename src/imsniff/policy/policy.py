"""The operator's word: which messaging is allowed, which is forbidden, where it is expected, and how bad a risk is.

    version = 1

    [severity]                        # risk id = severity, or "off"
    file-transfer = "high"

    [[allow]]                         # no `rogue-im`, no `odd-port`; what it leaks is still reported
    name = "company Jabber"           # what else may stand in a rule: `policy.rule`
    protocol = "xmpp"
    server = "10.1.2.0/24"

    [[deny]]                          # `policy-violation`
    name = "no IRC"
    protocol = "irc"

    [groups]                          # names for addresses and networks
    trading = ["10.1.7.0/24"]

    [[regulated]]                     # `unrecorded-channel` where their talk is on no recorded service
    name = "trading"
    accounts = ["*@trading.example"]  # patterns of accounts, or hosts, or both
    hosts = ["trading"]
    recorded = ["sip"]                # protocols or services that the archive covers

    [conduct]
    announcers = ["news@corp.example"]  # who may tell many people the same, or write without an answer
    shared_hosts = ["10.1.9.0/24"]      # gateways and terminal servers: many accounts are no finding
    accounts_per_host = 3               # of one service

    [files]
    bad_sha256 = ["e3b0c442..."]      # `risky-file` where such a file goes by whole; 64 hexadecimal digits each
    largest = 50_000_000              # bytes; `risky-file` where one is larger

    [links]
    blocked = ["evil.example"]        # `malicious-link`: hosts with what is below them, or beginnings of URLs
    lists = ["bad-hosts.txt"]         # the same from files beside this one: one a line, # begins a remark

    [directory]
    file = "people.csv"               # beside this file: a head line `account,name`, then a line for each account

    [ports]                           # further ports a protocol is expected on
    xmpp = [15222]

Of the rules that fit a session the more specific one wins; an allowance and a denial that may fit one session, and
neither of which lies within the other, are refused. Above the tables may stand `timezone = "Europe/Zurich"`.

Every fault of a file is told at once, each with its place; a policy that contradicts itself is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from fnmatch import fnmatchcase
from functools import cached_property
from ipaddress import ip_address
from typing import NamedTuple

from msgspec import Struct

from imsniff.base.records import SessionRecord, Severity
from imsniff.policy.rule import Groups, Rule, Scope, networks


class Regulated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[regulated]]`: people whose talk must be recorded, and where it is."""

    name: str
    accounts: list[str] = []
    """Patterns as of file names, small letters."""
    hosts: list[str] = []
    """Addresses or networks."""
    recorded: list[str] = []
    """Protocols or services that the archive covers."""

    def concerns(self, session: SessionRecord, account: str, groups: Groups) -> bool:
        return any(fnmatchcase(account, pattern.lower()) for pattern in self.accounts) or _within(
            self.hosts, session.client_ip, groups
        )

    def covers(self, session: SessionRecord) -> bool:
        return session.protocol in self.recorded or session.service in self.recorded


class Conduct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[conduct]`: what is usual here."""

    announcers: list[str] = []
    shared_hosts: list[str] = []
    accounts_per_host: int = 3


class Files(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """`[files]`: which files are bad here, whatever they are called."""

    bad_sha256: list[str] = []
    largest: int | None = None
    """Bytes."""

    def bad(self, sha256: str | None) -> bool:
        return sha256 in self._bad

    @cached_property
    def _bad(self) -> frozenset[str]:
        """Lists of these are long."""
        return frozenset(map(str.lower, self.bad_sha256))


class Links(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[links]`: where no link should lead."""

    blocked: list[str] = []
    lists: list[str] = []
    """Files of more, read with the policy."""


class Directory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[directory]`: whose the accounts are."""

    file: str | None = None


class Blocked:
    """Hosts, with what is below them, and beginnings of URLs."""

    def __init__(self, written: Iterable[str]) -> None:
        entries = [one.strip().lower() for one in written]
        self._urls = tuple(one.partition("://")[2] for one in entries if "://" in one)
        self._hosts = frozenset(one.strip(".") for one in entries if "://" not in one)

    def __bool__(self) -> bool:
        return bool(self._urls or self._hosts)

    def entry(self, host: str, path: str) -> str | None:
        """The one that names a link, if any does. host: in small letters; path: with its slash."""
        address, labels = f"{host}{path}".lower(), host.split(".")
        above = (".".join(labels[at:]) for at in range(len(labels)))
        named = (one for one in above if one in self._hosts)
        return next(named, None) or next((one for one in self._urls if address.startswith(one)), None)


class _Judged(NamedTuple):
    rule: Rule
    scope: Scope
    allows: bool


class Policy(Struct, frozen=True, kw_only=True, dict=True):
    """A checked policy; the empty one allows nothing and changes nothing."""

    severity: dict[str, Severity] = {}
    off: frozenset[str] = frozenset()
    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    ports: dict[str, frozenset[int]] = {}
    regulated: tuple[Regulated, ...] = ()
    conduct: Conduct = Conduct()
    files: Files = Files()
    links: Links = Links()
    people: dict[str, str] = {}
    """Names by account, in small letters."""
    groups: dict[str, list[str]] = {}
    zone: tzinfo = UTC

    @cached_property
    def _rules(self) -> list[_Judged]:
        """The more specific before the wider."""
        left = [
            _Judged(rule, Scope(rule, self.groups, self.zone), rules is self.allow)
            for rules in (self.deny, self.allow)
            for rule in rules
        ]
        ordered: list[_Judged] = []
        while left:  # scopes lie within one another in no circle, so there is always one
            innermost = next(
                one for one in left if not any(_inside(other.scope, one.scope) for other in left if other is not one)
            )
            left.remove(innermost)
            ordered.append(innermost)
        return ordered

    @cached_property
    def blocked(self) -> Blocked:
        """What `[links]` names."""
        return Blocked(self.links.blocked)

    @property
    def in_order(self) -> list[tuple[Rule, bool]]:
        """Rules as they are asked, and whether each allows."""
        return [(one.rule, one.allows) for one in self._rules]

    def decides(self, session: SessionRecord) -> int | None:
        """The number, in that order, of the rule that counts for a session."""
        return next((number for number, one in enumerate(self._rules) if one.scope.fits(session)), None)

    def _decision(self, session: SessionRecord) -> _Judged | None:
        number = self.decides(session)
        return None if number is None else self._rules[number]

    def announces(self, account: str) -> bool:
        """Whether this account may tell many people the same."""
        return bool(self.conduct.announcers) and any(
            fnmatchcase(account, pattern.lower()) for pattern in self.conduct.announcers
        )

    def shares(self, host: str) -> bool:
        """Whether many people are known to work on this host."""
        return _within(self.conduct.shared_hosts, host, self.groups)

    def unrecorded(self, session: SessionRecord, account: str) -> Regulated | None:
        """The group whose talk should be recorded, and is not where this session goes."""
        fitting = (one for one in self.regulated if one.concerns(session, account, self.groups))
        return next((one for one in fitting if not one.covers(session)), None)

    def denies(self, session: SessionRecord) -> Rule | None:
        """The denial that counts for this session."""
        found = self._decision(session)
        return None if found is None or found.allows else found.rule

    def allows(self, session: SessionRecord) -> bool:
        found = self._decision(session)
        return found is not None and found.allows

    def expired(self, day: str) -> list[Rule]:
        """Rules that no longer hold on a day (YYYY-MM-DD and whatever follows)."""
        return [
            rule for rule in (*self.allow, *self.deny) if rule.until is not None and rule.until.isoformat() < day[:10]
        ]

    def expects(self, session: SessionRecord) -> bool:
        """Whether nothing is odd about this session's port."""
        return session.server_port in self.ports.get(session.protocol, ()) or self.allows(session)


def _inside(one: Scope, other: Scope) -> bool:
    """Whether one is the more specific of two."""
    return one.within(other) and not other.within(one)


def _within(written: list[str], ip: str, groups: Groups) -> bool:
    return bool(written) and any(ip_address(ip) in network for network in networks("hosts", written, groups))
