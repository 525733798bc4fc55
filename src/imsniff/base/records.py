"""What leaves the pipeline: one struct a line of the contract's JSON Lines, and a row of the store.

A record is an event placed: packet time, capture, frame and session are added, secrets are dropped or kept as the
operator said. Optional keys are absent from the JSON when unknown.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from imsniff.base.escape import storable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 UTC with microseconds, from nanoseconds since 1970. Sorts as text.

    A time beyond year 9999 (a broken capture can say so) is the last moment of that year."""
    microseconds = nanoseconds // 1_000
    text = _second(microseconds // 1_000_000)
    if not text:
        return "9999-12-31T23:59:59.999999Z"
    digits = str(1_000_000 + microseconds % 1_000_000)[1:]  # twice as fast as `:06d`, and every record has a time
    return f"{text}.{digits}Z"


@lru_cache(maxsize=4_096)
def _second(second: int) -> str:
    """Packets come by time: nearly all fall into a second that was just formatted. Empty beyond year 9999."""
    try:
        return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
    except OverflowError:
        return ""


@lru_cache(maxsize=4_096)
def _epoch_second(second: str) -> int:
    return int(datetime.fromisoformat(second + "+00:00").timestamp())


def nanoseconds(written: str) -> int:
    """Nanoseconds since 1970 of a `timestamp`."""
    return (_epoch_second(written[:19]) * 1_000_000 + int(written[20:26])) * 1_000


class Confidence(StrEnum):
    """The ladder of contract 4.3; a port alone never makes a session."""

    DNS = "dns"
    """Joined by what a client was told in a DNS answer, or named by what may be a front."""
    HOST = "host"
    SIGNATURE = "signature"
    BOTH_SIDES = "both_sides"
    DISSECTED = "dissected"


class Severity(StrEnum):
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANK[self]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Record(
    Struct,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag=lambda name: name.removesuffix("Record").lower(),
    gc=False,
):
    """Base: every record's keys. No record can be part of a cycle: the garbage collector need not look."""

    id: str
    """16 hex digits, the same for the same traffic whatever file it came in and however often it is read."""
    ts: str
    capture: str
    frame: int


SILENT = "silent"
"""Only one side spoke the protocol; the other was captured, or nobody answered a datagram."""
UNSEEN = "unseen"
"""Only one side was captured."""


class SessionRecord(Record, kw_only=True):
    protocol: str
    transport: str
    client_ip: str
    client_port: int
    server_ip: str
    server_port: int
    first_seen: str
    last_seen: str
    packets: int
    bytes: int
    """Payload bytes seen, both directions."""
    confidence: Confidence
    encryption: str
    odd_port: bool
    first_frame: int
    last_frame: int
    community_id: str
    service: str | None = None
    signature: str | None = None
    carriers: list[str] = []
    """What the conversation travels in, outermost first; its addresses are those of the outermost flow."""
    destination: str | None = None
    """`host:port` asked of the proxy."""
    software: list[str] = []
    server_name: str | None = None
    """What the server is called in the bytes: asked for by the client, or told by the server itself."""
    account: str | None = None
    one_sided: str | None = None
    """SILENT, UNSEEN, or None where both sides spoke the protocol."""
    seen_in: list[str] = []
    """Of `encrypted`, as the six keys below: where the service showed, `sni` `quic` `dns` `http-host` `stun` ..."""
    names: list[str] = []
    """Host names that showed it, at most MAX_USE_NAMES."""
    flows: int | None = None
    """Flows in this period of use."""
    bytes_up: int | None = None
    """Payload bytes from the client."""
    bytes_down: int | None = None
    calls: bool = False
    """Whether voice or video was seen."""
    ja4: str | None = None
    """TLS client fingerprint (JA4) of the first flow that has one."""


class AttemptRecord(Record, kw_only=True):
    """A messenger was looked up or asked for, and no conversation followed. It belongs to no session."""

    service: str
    name: str
    """The host name looked up or asked for."""
    client_ip: str
    via: str
    """`dns`, `http-connect`, `socks5`, ..."""
    outcome: str
    """`no-flow`, `refused`, `failed`."""


class Placed(Record, kw_only=True):
    """A record inside a session."""

    session: str
    protocol: str


class LoginRecord(Placed, kw_only=True):
    scheme: str
    grade: str
    outcome: str
    account: str | None = None
    room: str | None = None
    """The room whose key it is, where it is one."""
    secret_fingerprint: str | None = None
    secret: str | None = None


class MessageRecord(Placed, kw_only=True):
    length: int
    """Characters of the whole text, also where the text is not kept."""
    direction: str
    """`sent` by the session's client, `received` by it."""
    sender: str | None = None
    recipient: str | None = None
    room: str | None = None
    text: str | None = None
    offline: bool = False


class PresenceRecord(Placed, kw_only=True):
    account: str
    status: str
    note: str | None = None


class ContactRecord(Placed, kw_only=True):
    account: str
    owner: str | None = None
    group: str | None = None


class TransferRecord(Placed, kw_only=True):
    name: str
    state: str
    size: int | None = None
    sender: str | None = None
    recipient: str | None = None
    sha256: str | None = None
    media: str | None = None


class ExposureRecord(Placed, kw_only=True):
    ip: str
    internal: bool
    via: str
    port: int | None = None
    account: str | None = None
    to: str | None = None


class AnomalyRecord(Placed, kw_only=True):
    code: str
    detail: str | None = None


class CoverageRecord(Record, kw_only=True):
    """What was watched of one capture in one hour, which `ts` begins. Stored, and no line of the contract's JSON."""

    part: int
    first_seen: str
    last_seen: str
    packets: int
    hosts: list[str] = []
    """Inside hosts of which a flow began, at most MAX_HOSTS_HOUR."""


class Evidence(Struct, omit_defaults=True, gc=False):
    capture: str
    frame: int
    rule: str
    excerpt: str = ""


class HostSpan(Struct, omit_defaults=True, gc=False):
    """An inside host that a finding is about, and when."""

    host: str
    first_seen: str
    last_seen: str


class FindingRecord(Record, kw_only=True):
    """`id` is the hash of `key`; `ts`, `capture`, `frame` are those of the first evidence."""

    risk: str
    severity: Severity
    subject: str
    """Whom or what it is about: an account, an address, a file; normalised as the service does."""
    service: str
    server: str
    """`address:port` of the worst evidence."""
    host: str
    """The inside host that an administrator would go to: that of the worst evidence."""
    hosts: list[HostSpan]
    """All of them, in order of appearance, at most MAX_FINDING_HOSTS."""
    title: str
    remedy: str
    count: int
    first_seen: str
    last_seen: str
    evidence: list[Evidence]
    key: str
    server_name: str | None = None
    change: str | None = None
    """In a report: how it stands against the span before."""


AnyPlain = (
    SessionRecord
    | AttemptRecord
    | LoginRecord
    | MessageRecord
    | PresenceRecord
    | ContactRecord
    | TransferRecord
    | ExposureRecord
    | AnomalyRecord
)
"""All but findings, which are made of sightings."""
AnyRecord = AnyPlain | FindingRecord
KINDS: tuple[str, ...] = (
    "session",
    "login",
    "message",
    "presence",
    "contact",
    "transfer",
    "exposure",
    "attempt",
    "anomaly",
    "finding",
)

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyRecord)


def to_json(record: Record) -> bytes:
    """One JSON object, UTF-8, no line end. JSON's own escapes keep control codes off the terminal, but for U+007F to
    U+009F and the bidirectional marks, which are escaped here too."""
    try:
        line = _ENCODER.encode(record)
    except UnicodeEncodeError:  # a capture's file name need not be UTF-8: Python gives such bytes as lone surrogates
        line = _ENCODER.encode(encodable(msgspec.to_builtins(record)))
    if line.isascii() and b"\x7f" not in line:
        return line
    return _UNSEEN.sub(_escaped, line)


_UNSEEN = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8b\x8e\x8f\xa8-\xae]|\xe2\x81[\xa0\xa6-\xa9]|\xef\xbb\xbf"
)
"""UTF-8 of DEL, C1, and the marks that `escape.HOSTILE` names below U+10000. None can be part of another character."""


def _escaped(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())


def encodable(value: object) -> object:
    """Texts that UTF-8 takes, inside of what `msgspec.to_builtins` made."""
    match value:
        case str():
            return storable(value)
        case list() | tuple():
            return [encodable(item) for item in value]
        case dict():
            return {key: encodable(item) for key, item in value.items()}
    return value


def from_json(line: bytes | str) -> AnyRecord:
    """Raises msgspec.ValidationError."""
    record: AnyRecord = _DECODER.decode(line)
    return record
