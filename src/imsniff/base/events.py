"""What a dissector says: the typed events at the border between `dissect` and `detect`.

Every event is frozen and names the side of the flow whose bytes completed it. Events carry what the bytes show and
nothing else: no clock, no address of the flow, no opinion. The pipeline adds packet time, frame and session.

Texts are decoded Unicode by the protocol's own rules, AIM's mark-up already stripped. Accounts are as written.
`wire` is a short excerpt that shows the fact, *with secrets already masked* (see `masked`): it becomes evidence.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from imsniff.base.limits import MAX_WIRE_EXCERPT


class Side(StrEnum):
    """Who sent the bytes: `CLIENT` opened the flow, `SERVER` was called."""

    CLIENT = "client"
    SERVER = "server"

    __hash__ = str.__hash__  # Enum's own is not native, and sides are the keys of every stream

    @property
    def other(self) -> Side:
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


class Grade(StrEnum):
    """How much of a secret an eavesdropper gets (contract 4.3)."""

    CLEARTEXT = "cleartext"
    """Readable, or only Base64 away."""
    REVERSIBLE = "reversible"
    """Disguised without a key: roasting, ICQ v5."""
    CRACKABLE = "crackable"
    """A hash or challenge answer that can be guessed offline."""
    TOKEN = "token"
    """A bearer that works when replayed."""
    PROTECTED = "protected"
    """Nothing useful is on the wire."""


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class TransferState(StrEnum):
    OFFERED = "offered"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Encryption(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"
    E2E = "e2e"


class Event(Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, gc=False):
    """Base of the tagged union. Texts and numbers only, no cycles: the garbage collector need not look."""

    side: Side
    wire: str = ""


class Login(Event, frozen=True, kw_only=True):
    """A credential, or the trace of one, crossed the wire."""

    account: str | None
    scheme: str
    """Lower case: `roasted`, `md5`, `plain`, `digest`, `scram-sha-1`, `ticket`, `basic`, `oper`, ..."""
    grade: Grade
    outcome: Outcome = Outcome.UNKNOWN
    secret: str | None = None
    """The password, hash answer or token as seen. Dropped or fingerprinted before anything is written."""
    room: str | None = None
    """The room whose key it is, where it is one."""
    origin: tuple[int, int] | None = None
    """Frame and time of the bytes that held it, where the login is told later, with its outcome (`Dissector.dated`)."""


class Message(Event, frozen=True, kw_only=True):
    """Somebody said something to somebody."""

    sender: str | None
    recipient: str | None = None
    """The account or room it goes to."""
    room: str | None = None
    text: str
    offline: bool = False


class Presence(Event, frozen=True, kw_only=True):
    account: str
    status: str
    """`online`, `away`, `busy`, `offline`, or the protocol's own word where none of these fits."""
    note: str | None = None


class Contact(Event, frozen=True, kw_only=True):
    """`owner` has `account` on the contact list."""

    owner: str | None
    account: str
    group: str | None = None


class Transfer(Event, frozen=True, kw_only=True):
    name: str
    """As written, path and all; every output escapes it."""
    size: int | None = None
    """Bytes."""
    sender: str | None = None
    recipient: str | None = None
    state: TransferState
    sha256: str | None = None
    """Of the bytes, only where they were seen whole."""
    media: str | None = None
    """What the first bytes show, where they were seen; else what the sender's client says."""
    contents: bytes | None = None
    """Of a completed one all bytes, where the reader was asked to keep them (`Dissector.keep`)."""


class Exposure(Event, frozen=True, kw_only=True):
    """An IP address was told inside the conversation (not the flow's own header)."""

    account: str | None = None
    """Whose address it is."""
    ip: str
    """Canonical text, as `str(ipaddress.ip_address(...))` gives it."""
    port: int | None = None
    via: str
    """`oscar.rendezvous`, `msnp.ip-address`, `sip.contact`, `irc.dcc`, ... (contract 4.2)."""
    to: str | None = None
    """The account it was told to."""


class Anomaly(Event, frozen=True, kw_only=True):
    """The bytes break the protocol, or a cap of ours was reached. Never an exception."""

    code: str
    detail: str = ""


class Trait(Event, frozen=True, kw_only=True):
    """A fact about the whole session; the last word on each field wins."""

    service: str | None = None
    """`aim`, `icq`, `msn`, `yahoo`, `jabber`, ... or a modern messenger's name."""
    software: str | None = None
    """Client or server software as told; the event's side says whose."""
    encryption: Encryption | None = None
    account: str | None = None
    """Whose session it is, once known. Names the session's user; not a login."""
    server_name: str | None = None
    """The server's or domain's name, as the client asked for it or the server says it."""


class Expect(Event, frozen=True, kw_only=True):
    """The signalling announced a flow: who connects to this address speaks `protocol`."""

    protocol: str
    """Name of the dissector to attach: `oft`, `odc`, `msnftp`, `msnp2p`, `dcc`, `msrp`, ..."""
    ip: str
    port: int
    transport: str = "tcp"
    name: str | None = None
    """File name, where a file was offered."""
    size: int | None = None
    offset: int = 0
    """Bytes of the file that the receiver has already: a resumed transfer."""
    sender: str | None = None
    recipient: str | None = None


class InnerOpened(Event, frozen=True, kw_only=True):
    """A carrier begins an inner stream: a conversation of its own, classified as if it were a flow.

    `side` of the four inner events is the side *of the inner conversation*: CLIENT is who asked the carrier for it."""

    stream: str = ""
    """Which inner stream of the carrier; empty where it carries one only."""
    carrier: str
    """Name for the session's `carriers`: `socks5`, `http-connect`, `websocket`, `bosh`, `http-gateway`, ..."""
    destination: str | None = None
    """`host:port` asked of the proxy, where one was asked."""
    client: str | None = None
    """Address of the true client, where the carrier tells it (PROXY protocol)."""
    client_port: int | None = None
    transport: str = "tcp"
    """`udp`: every `InnerData` is one datagram."""
    midstream: bool = False
    """Whether the carrier was met when the inner stream had begun already."""
    shared: bool = False
    """Whether `stream` is the identifier of a session that may continue in other flows between the same two hosts."""


class InnerData(Event, frozen=True, kw_only=True):
    """Bytes of one side of an inner stream, in order."""

    stream: str = ""
    data: bytes


class InnerGap(Event, frozen=True, kw_only=True):
    """Bytes of one side of an inner stream are missing."""

    stream: str = ""
    missing: int


class InnerEnd(Event, frozen=True, kw_only=True):
    """Nothing more comes of an inner stream; the carrier may go on with another."""

    stream: str = ""


class Refused(Event, frozen=True, kw_only=True):
    """A carrier did not open what was asked of it: becomes an `attempt` where the name is a messenger's."""

    destination: str
    via: str
    """The carrier: `http-connect`, `socks5`, ..."""
    outcome: str
    """`refused` (407, 403, SOCKS not allowed) or `failed` (host unreachable, 502, ...)."""


class ServiceSeen(Event, frozen=True, kw_only=True):
    """An envelope named the service behind a flow whose content cannot be read."""

    service: str
    """Id of the service in `signatures/services`."""
    seen_in: str
    """`sni` `quic` `dns` `http-host` `certificate` `stun` `opening` `address`."""
    name: str | None = None
    """The host name that showed it."""
    confidence: str = "host"
    """Rung of the ladder (contract 4.3): `address`, `dns`, `host`, `signature`, ..."""
    ja4: str | None = None
    call: bool = False
    """Whether it is voice or video."""
    push: bool = False
    """Whether it shows a device's push connection and not use."""


class Reversed(Event, frozen=True, kw_only=True):
    """The bytes show that `side` is the *server* although the flow was met mid-stream and guessed otherwise.

    `side` is the side that was called CLIENT so far. Flows whose SYN was seen are never turned round.
    """


def masked(secret: str | None) -> str:
    """Stands for a secret in an excerpt: its length and nothing else."""
    return "" if secret is None else f"<{len(secret)} characters masked>"


def excerpt(text: str | bytes) -> str:
    """Cut a wire excerpt to the length evidence may have. Mask the secret *before* calling this."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return text[:MAX_WIRE_EXCERPT]
