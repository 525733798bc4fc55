"""From signature directories to one `SignatureSet`, or to all that is wrong with them.

    signatures/ports.toml             what is normal
    signatures/payload/*.toml         fingerprints that nominate dissectors
    signatures/services/*.toml        messengers known by where they connect, or by first bytes that cannot be read
    signatures/lexicon/*.toml         phrases that detectors look for in what people write

Weakest first: the packaged set, `$XDG_CONFIG_HOME/imsniff/signatures`, the operator's `--signatures DIR`. Each adds,
and replaces by `id` (ports by protocol) what a weaker one says. Within one directory an id may stand once.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import platformdirs
from msgspec import Struct

from imsniff.rules.engines import BadExpressions, Fast, Needle, Plain
from imsniff.rules.lexicon import Lexicon
from imsniff.rules.located import Fault, Lines, SignatureError, not_toml
from imsniff.rules.pattern import BadPattern, Expression, from_hex, from_pattern, literal_hex
from imsniff.rules.schema import (
    OpeningEntry,
    PayloadEntry,
    PayloadRule,
    Phrase,
    PhraseEntry,
    Place,
    Ports,
    PortsEntry,
    Service,
    ServiceEntry,
    Services,
    SignatureSet,
    Transport,
)

__all__ = ["SignatureError", "SignatureSet", "load", "packaged_directory"]

VERSION = 1
"""Of the file format."""

Entry = TypeVar("Entry", bound=Struct)

_HERE = Path(__file__).resolve().parent


def packaged_directory() -> Path:
    """The signatures that came with the program: inside the installed package, or at the root of the checkout, which an
    editable installation uses. Raises FileNotFoundError."""
    for directory in (_HERE.parent / "signatures", _HERE.parents[2] / "signatures"):
        if (directory / "ports.toml").is_file():
            return directory
    raise FileNotFoundError(f"no signatures beside {_HERE.parent}: the installation is incomplete")


def user_directory() -> Path:
    """Where an operator keeps their own."""
    return platformdirs.user_config_path("imsniff", appauthor=False) / "signatures"


def load(extra: Path | None = None, *, base: Path | None = None, user: Path | None = None) -> SignatureSet:
    """Read the packaged set, the operator's own, and `extra`. Raises SignatureError with every fault there is.

    `base` and `user` are for tests: other directories in place of the packaged and the user's."""
    reader = _Reader()
    reader.read(base or packaged_directory())
    own = user or user_directory()
    if own.is_dir():
        reader.read(own)
    if extra is not None:
        reader.read(extra)
    return reader.finish()


class _Reader:
    """Collects entries and faults, directory by directory."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._payload: dict[str, PayloadRule] = {}
        self._openings: dict[str, PayloadRule] = {}
        self._services: dict[str, Service] = {}
        self._phrases: dict[str, Phrase] = {}
        self._ports: dict[str, PortsEntry] = {}
        self._known: frozenset[int] = frozenset()
        self._directories: list[Path] = []
        self._files: list[Path] = []
        self._digest = hashlib.sha256()
        self._seen: dict[tuple[str, str], Place] = {}
        """Ids of the directory being read."""
        self._shipped = False
        """Whether it is the packaged one, whose rules are tried before they are shipped."""

    def read(self, directory: Path) -> None:
        if not directory.is_dir():
            self.faults.append(Fault(directory, 0, "", "no such directory"))
            return
        self._directories.append(directory)
        self._seen = {}
        self._shipped = directory == packaged_directory()
        read = {"payload": self._read_payload, "services": self._read_services, "lexicon": self._read_lexicon}
        known = [path for folder in read for path in sorted((directory / folder).glob("*.toml"))]
        if (ports := directory / "ports.toml").is_file():
            known.append(ports)
        for stray in sorted(set(directory.rglob("*.toml")) - set(known)):
            if not stray.name.startswith("policy"):
                why = "belongs nowhere: files are ports.toml, payload/*.toml, services/*.toml, lexicon/*.toml"
                self.faults.append(Fault(stray, 0, "", why))
        for path in known:
            handler = self._read_ports if path is ports else read[path.parent.name]
            file = _File.opened(path, self.faults)
            if file is None:
                continue
            self._files.append(path)
            self._digest.update(f"{path.relative_to(directory).as_posix()}\0".encode())
            self._digest.update(msgspec.json.encode(file.content, order="sorted") + b"\0")
            file.check_version()
            handler(file)

    def finish(self) -> SignatureSet:
        for rules in (self._payload, self._openings):
            for rule in rules.values():
                for answer in rule.reverse:
                    if answer not in rules:
                        self._dangling(rule.place, f"{rule.id}.reverse", f"no rule is called {answer!r}")
        for rule in self._openings.values():
            if rule.service not in self._services:
                self._dangling(rule.place, f"{rule.id}.service", f"no service is called {rule.service!r}")
        self._try_own_with_hyperscan()
        owners: dict[str, Service] = {}
        for service in self._services.values():
            for suffix in service.entry.suffix:
                owner = owners.setdefault(suffix, service)
                if owner is not service and set(owner.entry.seen_in) & set(service.entry.seen_in):
                    why = f"{suffix} is already {owner.entry.id}'s, at {owner.place}"
                    self._dangling(service.place, f"{service.entry.id}.suffix", why)
        if self.faults:
            raise SignatureError(self.faults)
        return SignatureSet(
            payload=tuple(self._payload.values()),
            openings=tuple(self._openings.values()),
            ports=Ports(self._ports, self._known),
            services=Services(tuple(self._services.values())),
            phrases=tuple(self._phrases.values()),
            sha256=self._digest.hexdigest(),
            directories=tuple(self._directories),
            files=tuple(self._files),
        )

    def _try_own_with_hyperscan(self) -> None:
        """The operator's own rules, one by one; those we ship are tested before they are shipped."""
        for rule in (*self._payload.values(), *self._openings.values()):
            if not rule.place.path.is_relative_to(self._directories[0]):
                try:
                    Fast([Needle(rule.expression, rule.anchored, rule.within)])
                except BadExpressions as why:
                    self._dangling(rule.place, f"{rule.id}.pattern", f"Hyperscan refuses it: {why}")
                except ImportError:
                    return

    def _dangling(self, place: Place, key: str, why: str) -> None:
        self.faults.append(Fault(place.path, place.line, key, why))

    # --- one kind of file each ----------------------------------------------------------------------------------------

    def _read_payload(self, file: _File) -> None:
        file.only("version", "protocol", "payload")
        protocol = file.content.get("protocol")
        if not isinstance(protocol, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", protocol):
            file.fault("protocol", "the dissector to attach is missing, or is no name")
            protocol = "?"
        for key, entry in file.entries("payload", PayloadEntry):
            place = Place(file.path, file.lines[key])
            if self._once(file, key, "payload", entry.id, place) and (
                rule := _Author(file, key, entry, shipped=self._shipped).rule(protocol, place)
            ):
                self._payload[entry.id] = rule

    def _read_services(self, file: _File) -> None:
        file.only("version", "service", "opening")
        for key, entry in file.entries("service", ServiceEntry):
            place = Place(file.path, file.lines[key])
            if not self._once(file, key, "service", entry.id, place):
                continue
            networks = []
            for written in entry.networks:
                try:
                    networks.append(ip_network(written))
                except ValueError as why:
                    file.fault(f"{key}.networks", str(why))
            self._services[entry.id] = Service(entry=entry, networks=tuple(networks), place=place)
        for key, opening in file.entries("opening", OpeningEntry):
            place = Place(file.path, file.lines[key])
            if self._once(file, key, "opening", opening.id, place) and (
                rule := _Author(file, key, opening, shipped=self._shipped).rule("encrypted", place, opening.service)
            ):
                self._openings[opening.id] = rule

    def _read_lexicon(self, file: _File) -> None:
        file.only("version", "language", "phrase")
        language = file.content.get("language")
        if not isinstance(language, str) or not re.fullmatch("[a-z]{2}", language):
            file.fault("language", "two small letters name the language, as ISO 639-1 does")
            language = "?"
        for key, entry in file.entries("phrase", PhraseEntry):
            place = Place(file.path, file.lines[key])
            if self._once(file, key, "phrase", entry.id, place):
                phrase = self._phrases[entry.id] = Phrase(entry=entry, language=language, place=place)
                if not self._shipped:
                    _try_phrase(file, key, phrase)

    def _read_ports(self, file: _File) -> None:
        file.only("version", "known", "ports")
        if (known := file.content.get("known")) is not None and (
            ports := file.converted("", {"tcp": known}, PortsEntry, names={"tcp": "known"})
        ):
            self._known |= frozenset(ports.tcp)
        table = file.content.get("ports", {})
        if not isinstance(table, dict):
            file.fault("ports", "expected a table")
            return
        for protocol, written in table.items():
            if entry := file.converted(f"ports.{protocol}", written, PortsEntry):
                self._ports[protocol] = entry

    def _once(self, file: _File, key: str, kind: str, name: str, place: Place) -> bool:
        before = self._seen.setdefault((kind, name), place)
        if before is not place:
            file.fault(f"{key}.id", f"{name!r} is already used at {before}")
        return before is place


class _File:
    """One parsed TOML file."""

    def __init__(self, path: Path, text: str, content: dict[str, Any], faults: list[Fault]) -> None:
        self.path = path
        self.content = content
        self.lines = Lines(text)
        self._faults = faults

    @classmethod
    def opened(cls, path: Path, faults: list[Fault]) -> _File | None:
        try:
            text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
            return cls(path, text, tomllib.loads(text), faults)
        except (OSError, UnicodeDecodeError) as why:
            faults.append(Fault(path, 0, "", str(why)))
        except tomllib.TOMLDecodeError as why:
            faults.append(not_toml(path, text, why))
        return None

    def fault(self, key: str, message: str) -> None:
        self._faults.append(Fault(self.path, self.lines[key], key, message))

    def only(self, *allowed: str) -> None:
        for key in self.content:
            if key not in allowed:
                self.fault(key, f"unknown key; here may stand {', '.join(allowed)}")

    def check_version(self) -> None:
        version = self.content.get("version")
        if type(version) is not int or version != VERSION:
            self.fault("version", f"this program reads version {VERSION}, the file has {version!r}")

    def entries(self, name: str, kind: type[Entry]) -> Iterator[tuple[str, Entry]]:
        """Every well-formed entry of an array of tables, and its key."""
        array = self.content.get(name, [])
        if not isinstance(array, list):
            self.fault(name, f"expected an array: write [[{name}]]")
            return
        for number, written in enumerate(array):
            key = f"{name}[{number}]"
            if entry := self.converted(key, written, kind):
                yield key, entry

    def converted(
        self, key: str, written: object, kind: type[Entry], names: dict[str, str] | None = None
    ) -> Entry | None:
        """A value as a struct, or None and a fault noted for each thing wrong with it.

        msgspec stops at the first: what is at fault is taken out and the rest is tried again."""
        remaining = dict(written) if isinstance(written, dict) else written
        removed: set[str] = set()
        for _ in range(len(kind.__struct_fields__) + 20):
            try:
                entry = msgspec.convert(remaining, kind, strict=True)
            except msgspec.ValidationError as why:
                message, _, path = str(why).partition(" - at `$")
                field = path.rstrip("`").removeprefix(".").partition(".")[0].partition("[")[0]
                unknown = re.search(r"unknown field `(.*)`", message)
                missing = re.search(r"missing required field `(.*)`", message)
                if unknown or missing:
                    field = (unknown or missing)[1]  # type: ignore[index]  # one of them is a match
                if not (missing and field in removed):
                    shown = (names or {}).get(field, field)
                    self.fault(f"{key}.{shown}".strip("."), _lower(message))
                if missing and isinstance(remaining, dict):
                    remaining[field] = _FILLERS.get(field, "x.x")
                    removed.add(field)
                elif isinstance(remaining, dict) and field in remaining:
                    del remaining[field]
                    removed.add(field)
                else:
                    return None
            else:
                return None if removed else entry
        return None


_FILLERS: dict[str, object] = {
    "side": "either",
    "transport": ["tcp"],
    "category": "social",
    "class": "lure",
    "example": ["x"],
    "since": date(2000, 1, 1),
}
"""What stands for a missing key while the other faults of its entry are looked for."""


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _try_phrase(file: _File, key: str, phrase: Phrase) -> None:
    """One of the operator's: its patterns, and its examples as a detector would look for them."""
    sound = True
    for name, pattern in (("pattern", phrase.entry.pattern), ("unless", phrase.entry.unless)):
        try:
            from_pattern(pattern or ".")
        except BadPattern as why:
            file.fault(f"{key}.{name}", str(why))
            sound = False
    if not sound:
        return
    own = Lexicon([phrase])
    for example in phrase.entry.example:
        if not own.find(example):
            file.fault(f"{key}.example", f"does not match: {example[:60]!r}")
    for counter in phrase.entry.counter:
        if own.find(counter):
            file.fault(f"{key}.not", f"matches: {counter[:60]!r}")


class _Author:
    """Checks one payload entry as its author would want it checked."""

    def __init__(self, file: _File, key: str, entry: PayloadEntry, *, shipped: bool) -> None:
        self._file = file
        self._key = key
        self._entry = entry
        self._shipped = shipped
        self._sound = True

    def _fault(self, field: str, message: str) -> None:
        self._sound = False
        self._file.fault(f"{self._key}.{field}", message)

    def rule(self, protocol: str, place: Place, service: str | None = None) -> PayloadRule | None:
        entry = self._entry
        expression = self._expression()
        examples = (*self._texts("example"), *self._bytes("example_hex"))
        counters = (*self._texts("not"), *self._bytes("not_hex"))
        if len(set(entry.transport)) != len(entry.transport):
            self._fault("transport", "the same transport twice")
        if not (entry.example or entry.example_hex):
            self._fault("example", "no `example` and no `example_hex`: a rule must show what it matches")
        if expression is None or not self._sound:
            return None
        if expression.to_end and (entry.transport != (Transport.UDP,) or entry.within is not None):
            self._fault("pattern", "`$` needs a datagram: `transport = ['udp']` and no `within`; a stream has no end")
        if entry.within is not None and entry.within < expression.shortest:
            self._fault("within", f"the shortest match has {expression.shortest} bytes: it can never match")
        rule = PayloadRule(
            entry=entry,
            protocol=protocol,
            service=service,
            expression=expression,
            examples=examples,
            counters=counters,
            place=place,
        )
        if not self._shipped:
            self._tried(rule)
        return rule if self._sound else None

    def _expression(self) -> Expression | None:
        entry = self._entry
        if (entry.pattern is None) == (entry.hex is None):
            self._fault("pattern", "a rule has either `pattern` or `hex`")
            return None
        try:
            if entry.pattern is not None:
                return from_pattern(entry.pattern)
            return from_hex(entry.hex or "")
        except BadPattern as why:
            self._fault("hex" if entry.pattern is None else "pattern", str(why))
            return None

    def _texts(self, name: str) -> Iterator[bytes]:
        for text in self._entry.example if name == "example" else self._entry.counter:
            try:
                yield text.encode("latin-1")
            except UnicodeEncodeError:
                self._fault(name, f"a character above U+00FF in {text[:40]!r}: each stands for one byte")

    def _bytes(self, name: str) -> Iterator[bytes]:
        for text in self._entry.example_hex if name == "example_hex" else self._entry.counter_hex:
            try:
                yield literal_hex(text)
            except BadPattern as why:
                self._fault(name, str(why))

    def _tried(self, rule: PayloadRule) -> None:
        """Run the examples as the scanner would; those of an `anywhere` rule as mid-stream, where it matches most."""
        engine = Plain([Needle(rule.expression, rule.anchored, rule.within)])
        for example in rule.examples:
            if not engine.find(example):
                self._fault("example", f"does not match: {example[:60]!r}")
        for counter in rule.counters:
            if engine.find(counter):
                self._fault("not", f"matches: {counter[:60]!r}")
