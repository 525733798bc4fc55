"""The policy file: read, and checked as a whole. Every fault is told at once, each with its place.

What may stand in it: `policy.policy`, and of rules `policy.rule`.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import UTC
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from imsniff.base.records import Severity
from imsniff.base.risks import Risk
from imsniff.policy.policy import Conduct, Directory, Files, Links, Policy, Regulated
from imsniff.policy.rule import BadScope, Groups, Rule, Scope, networks, words
from imsniff.rules.located import Fault, Lines, not_toml

VERSION = 1
OFF = "off"


class PolicyError(ValueError):
    """All faults at once, each with file, line and key."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults)
        super().__init__("\n".join(map(str, self.faults)))


class PolicyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    timezone: str = "UTC"
    severity: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    allow: list[Rule] = []
    deny: list[Rule] = []
    ports: dict[str, list[int]] = {}
    regulated: list[Regulated] = []
    conduct: Conduct = Conduct()
    files: Files = Files()
    links: Links = Links()
    directory: Directory = Directory()


def load(file: Path, names: AbstractSet[str] = frozenset()) -> Policy:
    """names: of protocols and services; others are refused where these are given. Raises PolicyError with every fault
    of the file."""
    return parse(written(file), file, names)


def written(file: Path) -> str:
    """The text of a policy file. Raises PolicyError."""
    try:
        return file.read_text("utf-8")
    except OSError as why:
        raise PolicyError([Fault(file, 0, "", why.strerror or str(why))]) from None
    except UnicodeDecodeError as why:
        raise PolicyError([Fault(file, 0, "", f"not UTF-8: {why.reason}")]) from None


def parse(text: str, file: Path, names: AbstractSet[str] = frozenset()) -> Policy:
    """The policy of a text, with the name of its file for the faults. Raises PolicyError with every one."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise PolicyError([not_toml(file, text, why)]) from None
    told = _Told(file, Lines(text))
    what = _usable(raw, told)
    for key, message in _faults(what, names):
        told(key, message)
    links = Links(blocked=[*what.links.blocked, *_listed(what.links, told)])
    people = _people(what.directory, told)
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
        files=what.files,
        links=links,
        people=people,
        groups=what.groups,
        zone=ZoneInfo(what.timezone),
    )


def _people(directory: Directory, told: _Told) -> dict[str, str]:
    """Names by account. A CSV file as spreadsheets write it, with a head line; other columns are passed over."""
    if directory.file is None:
        return {}
    try:
        with (told.file.parent / directory.file).open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, ValueError, csv.Error) as why:
        told("directory.file", f'"{directory.file}": {getattr(why, "strerror", None) or why}')
        return {}
    if rows and not {"account", "name"} <= rows[0].keys():
        told("directory.file", f'"{directory.file}": its head line names no columns `account` and `name`')
        return {}
    return {row["account"].strip().lower(): row["name"].strip() for row in rows if row["account"] and row["name"]}


def _listed(links: Links, told: _Told) -> Iterator[str]:
    """The entries of the lists that a policy names, which lie beside it."""
    for number, name in enumerate(links.lists):
        try:
            text = (told.file.parent / name).read_text("utf-8")
        except (OSError, ValueError) as why:
            told(f"links.lists[{number}]", f'"{name}": {getattr(why, "strerror", None) or why}')
            continue
        entries = (line.partition("#")[0].strip() for line in text.splitlines())
        yield from (one for one in entries if one)


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
        timezone=_part(raw.get("timezone", "UTC"), str, "timezone", told) or "UTC",
        severity=_table(raw, "severity", str, told),
        groups=_table(raw, "groups", list[str], told),
        ports=_table(raw, "ports", list[int], told),
        allow=_rules(raw, "allow", told),
        deny=_rules(raw, "deny", told),
        regulated=_named(raw, "regulated", Regulated, told),
        conduct=_part(raw.get("conduct", {}), Conduct, "conduct", told) or Conduct(),
        files=_part(raw.get("files", {}), Files, "files", told) or Files(),
        links=_part(raw.get("links", {}), Links, "links", told) or Links(),
        directory=_part(raw.get("directory", {}), Directory, "directory", told) or Directory(),
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


def _faults(written: PolicyFile, names: AbstractSet[str]) -> Iterator[tuple[str, str]]:
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
    try:
        ZoneInfo(written.timezone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        yield "timezone", f'"{written.timezone}" is no time zone; write one such as "Europe/Zurich"'
    yield from _rule_faults(written)
    yield from _people_faults(written)
    if names:
        yield from _name_faults(written, names)


def _name_faults(written: PolicyFile, names: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Protocols and services that nobody knows: such a rule would never fit."""
    used = [(f"ports.{protocol}", protocol) for protocol in written.ports]
    for kind, rules in (("allow", written.allow), ("deny", written.deny)):
        used += [(f"{kind}[{n}].protocol", one) for n, rule in enumerate(rules) for one in words(rule.protocol)]
    used += [(f"regulated[{n}].recorded", one) for n, group in enumerate(written.regulated) for one in group.recorded]
    for place, name in used:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f'did you mean "{near[0]}"?' if near else "`imsniff signatures list` has all protocols and services"
            yield place, f'no protocol and no service is called "{name}"; {hint}'


def _people_faults(written: PolicyFile) -> Iterator[tuple[str, str]]:
    places: list[tuple[str, list[str], Groups]] = [
        (f"groups.{name}", hosts, {}) for name, hosts in written.groups.items()
    ]
    places += [("conduct.shared_hosts", written.conduct.shared_hosts, written.groups)]
    places += [(f"regulated[{n}].hosts", group.hosts, written.groups) for n, group in enumerate(written.regulated)]
    for place, hosts, groups in places:
        try:
            networks("", hosts, groups)
        except BadScope as why:
            yield place, str(why)
    for number, group in enumerate(written.regulated):
        if not group.accounts and not group.hosts:
            yield f"regulated[{number}]", f'"{group.name}" names neither accounts nor hosts, so it concerns nobody'
    for number, digest in enumerate(written.files.bad_sha256):
        if not re.fullmatch("[0-9A-Fa-f]{64}", digest):
            yield f"files.bad_sha256[{number}]", f'"{digest[:70]}" is no SHA-256: 64 hexadecimal digits'
    if written.files.largest is not None and written.files.largest < 1:
        yield "files.largest", "a number of bytes, at least 1"
    if written.conduct.accounts_per_host < 1:
        yield "conduct.accounts_per_host", "one account a host there must be"


def _rule_faults(written: PolicyFile) -> Iterator[tuple[str, str]]:
    """What is wrong with each rule, and pairs that contradict each other."""
    scopes: dict[str, tuple[Rule, Scope]] = {}
    for kind, rules in (("allow", written.allow), ("deny", written.deny)):
        for number, rule in enumerate(rules):
            place = f"{kind}[{number}]"
            if rule.names_nothing:
                yield place, f'"{rule.name}" names neither protocol nor server, so it would fit everything'
                continue
            try:
                scope = Scope(rule, written.groups, UTC)
            except BadScope as why:
                yield f"{place}.{why.key}", str(why)
                continue
            for other, (theirs, their_scope) in scopes.items():
                if not other.startswith(kind):
                    yield from _contradiction(place, rule, scope, other, theirs, their_scope)
            scopes[place] = rule, scope


def _contradiction(
    place: str, rule: Rule, scope: Scope, other: str, theirs: Rule, their_scope: Scope
) -> Iterator[tuple[str, str]]:
    inner, outer = scope.within(their_scope), their_scope.within(scope)
    if inner and outer:
        yield place, f'"{rule.name}" contradicts {other}: both are about the same; take one out or narrow it'
    elif not (inner or outer or scope.apart(their_scope)):
        both = f"{rule.sentence()}; {theirs.sentence()}"
        remedy = "narrow one until it lies within the other, or until they have nothing in common"
        yield place, f'"{rule.name}" contradicts {other} where both fit ({both}); {remedy}'
