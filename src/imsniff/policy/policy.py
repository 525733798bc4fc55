"""The operator's word: which messaging is allowed, which is forbidden, where it is expected, and how bad a risk is.

    version = 1

    [severity]                        # risk id = severity, or "off"
    file-transfer = "high"

    [[allow]]                         # no `rogue-im`, no `odd-port`; what it leaks is still reported
    name = "company Jabber"
    protocol = "xmpp"                 # protocol or server or both
    server = "10.1.2.0/24"            # address or network
    until = 2027-01-01                # judged against packet time, not the clock

    [[deny]]                          # `policy-violation`; wins over an allowance that is wider
    name = "no IRC"
    protocol = "irc"

    [[regulated]]                     # `unrecorded-channel` where their talk is on no recorded service
    name = "trading"
    accounts = ["*@trading.example"]  # patterns of accounts, or hosts, or both
    hosts = ["10.1.7.0/24"]
    recorded = ["sip"]                # protocols or services that the archive covers

    [conduct]
    announcers = ["news@corp.example"]  # who may tell many people the same, or write without an answer
    shared_hosts = ["10.1.9.0/24"]      # gateways and terminal servers: many accounts are no finding
    accounts_per_host = 3               # of one service

    [ports]                           # further ports a protocol is expected on
    xmpp = [15222]

Every fault of a file is told at once, each with its place; a policy that contradicts itself is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from imsniff.base.records import SessionRecord, Severity
from imsniff.base.risks import Risk
from imsniff.rules.located import Fault, Lines

Network = IPv4Network | IPv6Network
VERSION = 1
OFF = "off"


class PolicyError(ValueError):
    """All faults at once, each with file, line and key."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults)
        super().__init__("\n".join(map(str, self.faults)))


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[allow]]` or `[[deny]]`: all that it names must fit."""

    name: str
    protocol: str | None = None
    """A protocol or a service, as a session names them."""
    server: str | None = None
    until: date | None = None
    """The last day it holds."""

    @property
    def network(self) -> Network | None:
        return None if self.server is None else ip_network(self.server)

    def fits(self, session: SessionRecord) -> bool:
        if self.protocol is not None and self.protocol not in (session.protocol, session.service):
            return False
        if self.until is not None and session.first_seen[:10] > self.until.isoformat():
            return False
        network = self.network
        return network is None or ip_address(session.server_ip) in network


class Regulated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[regulated]]`: people whose talk must be recorded, and where it is."""

    name: str
    accounts: list[str] = []
    """Patterns as of file names, small letters."""
    hosts: list[str] = []
    """Addresses or networks."""
    recorded: list[str] = []
    """Protocols or services that the archive covers."""

    def concerns(self, session: SessionRecord, account: str) -> bool:
        return any(fnmatchcase(account, pattern.lower()) for pattern in self.accounts) or _within(
            self.hosts, session.client_ip
        )

    def covers(self, session: SessionRecord) -> bool:
        return session.protocol in self.recorded or session.service in self.recorded


class Conduct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[conduct]`: what is usual here."""

    announcers: list[str] = []
    shared_hosts: list[str] = []
    accounts_per_host: int = 3


class PolicyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    severity: dict[str, str] = {}
    allow: list[Rule] = []
    deny: list[Rule] = []
    ports: dict[str, list[int]] = {}
    regulated: list[Regulated] = []
    conduct: Conduct = Conduct()


class Policy(Struct, frozen=True, kw_only=True):
    """A checked policy; the empty one allows nothing and changes nothing."""

    severity: dict[str, Severity] = {}
    off: frozenset[str] = frozenset()
    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    ports: dict[str, frozenset[int]] = {}
    regulated: tuple[Regulated, ...] = ()
    conduct: Conduct = Conduct()

    def announces(self, account: str) -> bool:
        """Whether this account may tell many people the same."""
        return bool(self.conduct.announcers) and any(
            fnmatchcase(account, pattern.lower()) for pattern in self.conduct.announcers
        )

    def shares(self, host: str) -> bool:
        """Whether many people are known to work on this host."""
        return _within(self.conduct.shared_hosts, host)

    def unrecorded(self, session: SessionRecord, account: str) -> Regulated | None:
        """The group whose talk should be recorded, and is not where this session goes."""
        fitting = (one for one in self.regulated if one.concerns(session, account))
        return next((one for one in fitting if not one.covers(session)), None)

    def denies(self, session: SessionRecord) -> Rule | None:
        return next((rule for rule in self.deny if rule.fits(session)), None)

    def allows(self, session: SessionRecord) -> bool:
        return self.denies(session) is None and any(rule.fits(session) for rule in self.allow)

    def expects(self, session: SessionRecord) -> bool:
        """Whether nothing is odd about this session's port."""
        return session.server_port in self.ports.get(session.protocol, ()) or self.allows(session)


def load(file: Path) -> Policy:
    """Raises PolicyError with every fault of the file."""
    return parse(written(file), file)


def written(file: Path) -> str:
    """The text of a policy file. Raises PolicyError."""
    try:
        return file.read_text("utf-8")
    except OSError as why:
        raise PolicyError([Fault(file, 0, "", why.strerror or str(why))]) from None
    except UnicodeDecodeError as why:
        raise PolicyError([Fault(file, 0, "", f"not UTF-8: {why.reason}")]) from None


def parse(text: str, file: Path) -> Policy:
    """The policy of a text, with the name of its file for the faults. Raises PolicyError with every one."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        line = re.search(r"at line ([0-9]+)", str(why))
        raise PolicyError([Fault(file, int(line[1]) if line else 0, "", f"not TOML: {why}")]) from None
    told = _Told(file, Lines(text))
    what = _usable(raw, told)
    for key, message in _faults(what):
        told(key, message)
    if told.faults:
        raise PolicyError(told.faults)
    return Policy(
        severity={risk: Severity(word) for risk, word in what.severity.items() if word != OFF},
        off=frozenset(risk for risk, word in what.severity.items() if word == OFF),
        allow=tuple(what.allow),
        deny=tuple(what.deny),
        ports={protocol: frozenset(ports) for protocol, ports in what.ports.items()},
        regulated=tuple(what.regulated),
        conduct=what.conduct,
    )


def _within(networks: list[str], ip: str) -> bool:
    return bool(networks) and any(ip_address(ip) in ip_network(network) for network in networks)


class _Told:
    """The faults of one file, each with its line."""

    def __init__(self, file: Path, lines: Lines) -> None:
        self.file = file
        self.lines = lines
        self.faults: list[Fault] = []

    def __call__(self, key: str, message: str) -> None:
        self.faults.append(Fault(self.file, self.lines[key], key, message))


def _usable(raw: dict[str, Any], told: _Told) -> PolicyFile:
    """What can be used of the file, part by part, for msgspec stops at the first fault of each."""
    known = PolicyFile.__struct_fields__
    for key in raw.keys() - set(known):
        told(key, f"unknown key; here may stand {', '.join(known)}")
    if "version" not in raw:
        told("", f"version is missing; write `version = {VERSION}`")
    return PolicyFile(
        version=_part(raw.get("version", VERSION), int, "version", told) or VERSION,
        severity=_table(raw, "severity", str, told),
        ports=_table(raw, "ports", list[int], told),
        allow=_rules(raw, "allow", told),
        deny=_rules(raw, "deny", told),
        regulated=_named(raw, "regulated", Regulated, told),
        conduct=_part(raw.get("conduct", {}), Conduct, "conduct", told) or Conduct(),
    )


def _named(raw: dict[str, Any], name: str, kind: type[Part], told: _Told) -> list[Part]:
    """An array of tables whose entries are refused one by one."""
    written = raw.get(name, [])
    if not isinstance(written, list):
        told(name, f"expected an array of tables: write [[{name}]]")
        return []
    parts = (_part(one, kind, f"{name}[{number}]", told) for number, one in enumerate(written))
    return [part for part in parts if part is not None]


def _table(raw: dict[str, Any], name: str, kind: type[Part], told: _Told) -> dict[str, Part]:
    written = raw.get(name, {})
    if not isinstance(written, dict):
        told(name, f"expected a table: write [{name}]")
        return {}
    parts = ((key, _part(value, kind, f"{name}.{key}", told)) for key, value in written.items())
    return {key: part for key, part in parts if part is not None}


def _rules(raw: dict[str, Any], name: str, told: _Told) -> list[Rule]:
    written = raw.get(name, [])
    if not isinstance(written, list) or not all(isinstance(one, dict) for one in written):
        told(name, f"expected an array of tables: write [[{name}]]")
        return []
    rules = []
    for number, one in enumerate(written):
        key = f"{name}[{number}]"
        for stray in one.keys() - set(Rule.__struct_fields__):
            told(f"{key}.{stray}", f"unknown key; here may stand {', '.join(Rule.__struct_fields__)}")
        kept = {field: value for field, value in one.items() if field in Rule.__struct_fields__}
        # a rule that is refused keeps its number, for the places of those behind it
        rules.append(_part({"name": "", **kept}, Rule, key, told) or Rule(name="", protocol=key))
        if "name" not in one:
            told(key, "name is missing: say what this is about")
    return rules


Part = TypeVar("Part")


def _part(value: object, kind: type[Part], key: str, told: _Told) -> Part | None:
    """None where it has another form; that is then told."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as why:
        message, _, path = str(why).partition(" - at `$")
        told(f"{key}{path.rstrip('`')}", message[:1].lower() + message[1:])
        return None


def _faults(written: PolicyFile) -> Iterator[tuple[str, str]]:
    """Key and message of each."""
    if written.version != VERSION:
        yield "version", f"{written.version} is not known, this program reads {VERSION}"
    words = [*Severity, OFF]
    for risk, word in written.severity.items():
        if risk not in list(Risk):
            yield f"severity.{risk}", "no such risk"
        if word not in words:
            yield f"severity.{risk}", f'"{word}" is none of {", ".join(words)}'
    for protocol, ports in written.ports.items():
        for port in ports:
            if not 0 < port < 65_536:
                yield f"ports.{protocol}", f"{port} is no port"
    yield from _rule_faults(written)
    yield from _people_faults(written)


def _people_faults(written: PolicyFile) -> Iterator[tuple[str, str]]:
    networks = [("conduct.shared_hosts", written.conduct.shared_hosts)]
    networks += [(f"regulated[{number}].hosts", group.hosts) for number, group in enumerate(written.regulated)]
    for place, hosts in networks:
        for host in hosts:
            try:
                ip_network(host)
            except ValueError as why:
                yield place, str(why)
    for number, group in enumerate(written.regulated):
        if not group.accounts and not group.hosts:
            yield f"regulated[{number}]", f'"{group.name}" names neither accounts nor hosts, so it concerns nobody'
    if written.conduct.accounts_per_host < 1:
        yield "conduct.accounts_per_host", "one account a host there must be"


def _rule_faults(written: PolicyFile) -> Iterator[tuple[str, str]]:
    scopes: dict[tuple[str | None, Network | None], str] = {}
    for kind, rules in (("allow", written.allow), ("deny", written.deny)):
        for number, rule in enumerate(rules):
            place = f"{kind}[{number}]"
            if rule.protocol is None and rule.server is None:
                yield place, f'"{rule.name}" names neither protocol nor server, so it would fit everything'
            try:
                scope = (rule.protocol, rule.network)
            except ValueError as why:
                yield f"{place}.server", str(why)
                continue
            other = scopes.setdefault(scope, place)
            if not other.startswith(kind):
                yield place, f'"{rule.name}" contradicts {other}: both are about the same; take one out or narrow it'
