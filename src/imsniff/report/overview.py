"""The questions of an audit, answered in four tables: which messaging ran and on which ports, who talked, which log-ins
leaked, which addresses leaked. Every row names the packet that shows it.

A secret itself is in none of them, kept or not: reports are passed round. `imsniff export login` has what was kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from msgspec import Struct

from imsniff.base.events import Grade
from imsniff.base.limits import MAX_NAMES_TOLD, MAX_REPORT_ROWS
from imsniff.base.records import ExposureRecord, LoginRecord, SessionRecord
from imsniff.base.services import SERVICE_OF
from imsniff.detect.accounts import normalise
from imsniff.store import query
from imsniff.store.excerpts import excerpts
from imsniff.store.opening import Store
from imsniff.store.query import Span


class Port(Struct, kw_only=True):
    """A server port that sessions went to."""

    port: int
    transport: str
    odd: bool
    """Not one of the protocol's own."""
    sessions: int


class Channel(Struct, kw_only=True):
    """A service over a protocol: which messaging ran."""

    service: str
    protocol: str
    sessions: int
    encrypted: int
    """Of these sessions."""
    hosts: int
    """Client addresses."""
    ports: list[Port]
    """Most used first."""
    first_seen: str
    last_seen: str
    capture: str
    frame: int


class Talker(Struct, kw_only=True):
    """An account with a session of its own: who talked, and from where."""

    service: str
    account: str
    """As it was first written."""
    hosts: list[str]
    sessions: int
    messages: int
    """Sent by it and seen readable."""
    first_seen: str
    last_seen: str
    capture: str
    frame: int


class Credential(Struct, kw_only=True):
    """A password, hash or token that crossed the wire in a form that is worth something to a listener."""

    service: str
    account: str
    host: str
    scheme: str
    grade: str
    outcome: str
    """`ok` where it ever worked, else `failed` where it ever failed."""
    strength: str
    """What may be said of the secret: length and character classes. Empty where no secret was seen."""
    fingerprint: str
    """Equal for equal secrets."""
    count: int
    first_seen: str
    last_seen: str
    capture: str
    frame: int


class Address(Struct, kw_only=True):
    """An address that was told inside a conversation."""

    service: str
    account: str
    """Whose it is; empty where nobody said."""
    ip: str
    internal: bool
    ports: list[int]
    via: list[str]
    to: list[str]
    """The accounts it was told to; empty where it was told to the server or to everybody."""
    count: int
    first_seen: str
    last_seen: str
    capture: str
    frame: int


class Overview(Struct, kw_only=True):
    channels: list[Channel]
    talkers: list[Talker]
    credentials: list[Credential]
    addresses: list[Address]


def overview(
    store: Store,
    span: Span,
    sessions: list[SessionRecord],
    exposures: Iterable[ExposureRecord],
    senders: Counter[tuple[str, str]],
) -> Overview:
    """Of the sessions of this span and what was said in them. senders: messages by family and normal name."""
    services = {session.id: _service(session) for session in sessions}
    return Overview(
        channels=_channels(sessions),
        talkers=_talkers(sessions, senders),
        credentials=_credentials(store, span, {session.id: session for session in sessions}),
        addresses=_addresses(exposures, services),
    )


def _service(session: SessionRecord) -> str:
    return session.service or SERVICE_OF.get(session.protocol) or session.protocol


Row = TypeVar("Row", Channel, Talker, Credential, Address)


class _Rows(Generic[Row]):
    """Rows by key, capped; the first packet that shows a row is its evidence."""

    def __init__(self) -> None:
        self.by_key: dict[tuple[object, ...], Row] = {}

    def at(
        self, key: tuple[object, ...], first: str, last: str, place: tuple[str, int], make: Callable[[], Row]
    ) -> Row | None:
        row = self.by_key.get(key)
        if row is None:
            if len(self.by_key) >= MAX_REPORT_ROWS:
                return None
            row = self.by_key[key] = make()
        if (first, *place) < (row.first_seen, row.capture, row.frame):
            row.first_seen, (row.capture, row.frame) = first, place
        row.last_seen = max(row.last_seen, last)
        return row


def _channels(sessions: Iterable[SessionRecord]) -> list[Channel]:
    rows: _Rows[Channel] = _Rows()
    hosts: dict[tuple[str, str], set[str]] = {}
    ports: dict[tuple[str, str], dict[tuple[int, str], Port]] = {}
    for s in sessions:
        key = (_service(s), s.protocol)
        place = (s.capture, s.first_frame)

        def make(key: tuple[str, str] = key, s: SessionRecord = s) -> Channel:
            return Channel(
                service=key[0], protocol=key[1], sessions=0, encrypted=0, hosts=0, ports=[], **_when(s, s.first_frame)
            )

        row = rows.at(key, s.first_seen, s.last_seen, place, make)
        if row is None:
            continue
        row.sessions += 1
        row.encrypted += s.encryption != "none"
        hosts.setdefault(key, set()).add(s.client_ip)
        used = ports.setdefault(key, {})
        port = used.setdefault(
            (s.server_port, s.transport), Port(port=s.server_port, transport=s.transport, odd=False, sessions=0)
        )
        port.sessions += 1
        port.odd |= s.odd_port
    for (service, protocol), row in rows.by_key.items():
        row.hosts = len(hosts[str(service), str(protocol)])
        used = ports[str(service), str(protocol)]
        row.ports = sorted(used.values(), key=lambda p: (-p.sessions, p.port, p.transport))[:MAX_NAMES_TOLD]
    return sorted(rows.by_key.values(), key=lambda row: (-row.sessions, row.service, row.protocol))


def _talkers(sessions: Iterable[SessionRecord], senders: Counter[tuple[str, str]]) -> list[Talker]:
    rows: _Rows[Talker] = _Rows()
    for s in sessions:
        if not s.account or not (name := normalise(s.protocol, s.account)):
            continue
        key = (family(s.protocol), name)

        def make(s: SessionRecord = s) -> Talker:
            named = {"service": _service(s), "account": s.account, **_when(s, s.first_frame)}
            return Talker(hosts=[], sessions=0, messages=0, **named)

        row = rows.at(key, s.first_seen, s.last_seen, (s.capture, s.first_frame), make)
        if row is None:
            continue
        row.sessions += 1
        _note(row.hosts, s.client_ip)
    for sender, often in senders.items():
        if row := rows.by_key.get(sender):
            row.messages += often
    return sorted(rows.by_key.values(), key=lambda row: (-row.messages, -row.sessions, row.service, row.account))


_WORTH = [Grade.CLEARTEXT.value, Grade.REVERSIBLE.value, Grade.CRACKABLE.value, Grade.TOKEN.value]
"""Grades that give a listener something, worst first."""

_SAME = {Grade.CLEARTEXT.value, Grade.REVERSIBLE.value}
"""Grades whose secret is the same every time: every challenge has another answer, every session another token."""

_OUTCOMES = ["unknown", "failed", "ok"]

_STRENGTH = re.compile(r"\bsecret of (\d+ characters: [^\]]{1,60})")
"""In the excerpt of a finding, as `placing.evidence_of` writes it: the store keeps the strength nowhere else."""


def _credentials(store: Store, span: Span, sessions: dict[str, SessionRecord]) -> list[Credential]:
    rows: _Rows[Credential] = _Rows()
    for login, excerpt in _logins(store, span):
        session = sessions.get(login.session)
        service = _service(session) if session else family(login.protocol)
        account = login.account or (session.account if session else None) or ""
        host = session.client_ip if session else ""
        key = (
            service,
            normalise(login.protocol, account),
            host,
            login.scheme,
            login.grade,
            login.secret_fingerprint if login.grade in _SAME else "",
        )

        def make(
            login: LoginRecord = login, named: tuple[str, str, str] = (service, account, host), excerpt: str = excerpt
        ) -> Credential:
            found = _STRENGTH.search(excerpt)
            return Credential(
                service=named[0],
                account=named[1],
                host=named[2],
                scheme=login.scheme,
                grade=login.grade,
                outcome=login.outcome,
                strength=found[1] if found else "",
                fingerprint=login.secret_fingerprint or "",
                count=0,
                **_when(login, login.frame),
            )

        row = rows.at(key, login.ts, login.ts, (login.capture, login.frame), make)
        if row is None:
            continue
        row.count += 1
        row.outcome = max(
            row.outcome, login.outcome, key=lambda word: _OUTCOMES.index(word) if word in _OUTCOMES else 0
        )
    return sorted(
        rows.by_key.values(),
        key=lambda row: (_WORTH.index(row.grade), -_OUTCOMES.index(row.outcome), row.account, row.service, row.host),
    )


def _logins(store: Store, span: Span) -> Iterator[tuple[LoginRecord, str]]:
    """Those that are worth something, with the excerpt of the finding they led to."""
    said = excerpts(store, "login", span)
    for record in query.records(store, "login", span):
        if isinstance(record, LoginRecord) and record.grade in _WORTH:
            yield record, said.get(record.id, "")


def _addresses(exposures: Iterable[ExposureRecord], services: dict[str, str]) -> list[Address]:
    rows: _Rows[Address] = _Rows()
    for told in exposures:
        account = told.account or ""
        service = services.get(told.session) or family(told.protocol)

        def make(told: ExposureRecord = told, service: str = service) -> Address:
            named = {"service": service, "account": told.account or "", "ip": told.ip, **_when(told, told.frame)}
            return Address(internal=told.internal, ports=[], via=[], to=[], count=0, **named)

        key = (family(told.protocol), normalise(told.protocol, account), told.ip)
        row = rows.at(key, told.ts, told.ts, (told.capture, told.frame), make)
        if row is None:
            continue
        row.count += 1
        _note(row.via, told.via)
        if told.to:
            _note(row.to, told.to)
        if told.port is not None:
            _note(row.ports, told.port)
    return sorted(rows.by_key.values(), key=lambda row: (not row.internal, row.account == "", row.account, row.ip))


def family(protocol: str) -> str:
    return SERVICE_OF.get(protocol, protocol)


Named = TypeVar("Named", str, int)


def _note(names: list[Named], name: Named) -> None:
    if name not in names and len(names) < MAX_NAMES_TOLD:
        names.append(name)


def _when(record: SessionRecord | LoginRecord | ExposureRecord, frame: int) -> dict[str, Any]:
    first = record.first_seen if isinstance(record, SessionRecord) else record.ts
    last = record.last_seen if isinstance(record, SessionRecord) else record.ts
    return {"first_seen": first, "last_seen": last, "capture": record.capture, "frame": frame}
