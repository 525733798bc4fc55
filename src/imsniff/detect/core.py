"""The risks and how a detector joins: one table, one decorator, one entry point.

A detector is a function from a record to sightings, registered by record type. It keeps nothing: what repeats is merged
by key, here in `Aggregate` for a run and in the store for ever. The table `RISKS` is the only source of titles,
severities, remedies and accountability; help, docs and the legends of reports are made from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from imsniff.base.addresses import address, is_internal
from imsniff.base.limits import MAX_CACHED, MAX_EVIDENCE, MAX_EXCERPT, MAX_FINDINGS, MAX_REMEMBERED_SIGHTINGS
from imsniff.base.records import Evidence, FindingRecord, Record, SessionRecord, Severity
from imsniff.detect.accounts import normalise
from imsniff.policy.policy import Policy


class Risk(StrEnum):
    ROGUE_IM = "rogue-im"
    ODD_PORT = "odd-port"
    TUNNELLED_IM = "tunnelled-im"
    CLEARTEXT_CREDENTIAL = "cleartext-credential"
    TOKEN_EXPOSED = "token-exposed"
    CLEARTEXT_MESSAGES = "cleartext-messages"
    PEER_ADDRESS_EXPOSED = "peer-address-exposed"
    FILE_TRANSFER = "file-transfer"
    RISKY_FILE = "risky-file"
    MALICIOUS_LINK = "malicious-link"
    WORM_PROPAGATION = "worm-propagation"
    ACCOUNT_SHARED = "account-shared"
    MANY_ACCOUNTS = "many-accounts"
    IMPERSONATION = "impersonation"
    SOCIAL_ENGINEERING = "social-engineering"
    SENSITIVE_CONTENT = "sensitive-content"
    INAPPROPRIATE_LANGUAGE = "inappropriate-language"
    COPYRIGHT_MEDIA = "copyright-media"
    UNRECORDED_CHANNEL = "unrecorded-channel"
    POLICY_VIOLATION = "policy-violation"


class Accountable(StrEnum):
    """At which end the fault can be mended."""

    CLIENT = "client"
    SERVER = "server"
    BOTH = "both"


class Fear(StrEnum):
    """Why somebody runs this program: the question of the security team that a risk answers."""

    UNKNOWN_CHANNEL = "Which messaging runs here that nobody approved?"
    BYPASS = "Who goes round our port blocking?"
    STOLEN_ACCOUNT = "Whose account could an eavesdropper take over?"
    LEAKED_CONTENT = "What could an eavesdropper read?"
    MAPPED_NETWORK = "What do outsiders learn of our inside addresses?"
    MALWARE = "What came in beside the mail filter?"
    DECEPTION = "Who is being deceived?"
    COMPLIANCE = "What should have been recorded and was not?"
    LIABILITY = "What could the company be held liable for?"


class About(NamedTuple):
    severity: Severity
    """Unless the detector knows better for the case at hand, or the policy says otherwise."""
    accountable: Accountable
    title: str
    fear: Fear
    remedy: str
    """What to do on Monday morning."""


_INFO, _LOW, _MEDIUM, _HIGH, _CRITICAL = Severity
_CLIENT, _SERVER, _BOTH = Accountable

RISKS: dict[Risk, About] = {
    Risk.ROGUE_IM: About(
        _MEDIUM,
        _CLIENT,
        "Instant messaging in use",
        Fear.UNKNOWN_CHANNEL,
        "Ask the user why. Remove the client or move them to the approved "
        "service; if it is approved, allow it in the policy file.",
    ),
    Risk.ODD_PORT: About(
        _MEDIUM,
        _BOTH,
        "Messaging on a port that is not its own",
        Fear.BYPASS,
        "Block the server address, not the port; let only the proxy leave "
        "the network, and have it inspect the protocol.",
    ),
    Risk.TUNNELLED_IM: About(
        _MEDIUM,
        _CLIENT,
        "Messaging inside a proxy or a web connection",
        Fear.BYPASS,
        "Deny CONNECT to anything but port 443 of allowed names, require proxy "
        "log-in, and block the gateway named in the evidence.",
    ),
    Risk.CLEARTEXT_CREDENTIAL: About(
        _HIGH,
        _BOTH,
        "Password readable or guessable on the wire",
        Fear.STOLEN_ACCOUNT,
        "Change this password now, everywhere it is used. Require TLS on the "
        "server and switch off plain log-in in the client.",
    ),
    Risk.TOKEN_EXPOSED: About(
        _MEDIUM,
        _BOTH,
        "Log-in token readable on the wire",
        Fear.STOLEN_ACCOUNT,
        "Sign out of all sessions so that the token dies, then require TLS "
        "for the whole session and not only for the log-in.",
    ),
    Risk.CLEARTEXT_MESSAGES: About(
        _MEDIUM,
        _BOTH,
        "Conversation readable on the wire",
        Fear.LEAKED_CONTENT,
        "Require TLS on the server, refuse clients without it, and move "
        "what is confidential to a service that encrypts.",
    ),
    Risk.PEER_ADDRESS_EXPOSED: About(
        _MEDIUM,
        _CLIENT,
        "Address of a host told to a peer",
        Fear.MAPPED_NETWORK,
        "Switch off direct connections in the client, or force transfers through the server or a relay.",
    ),
    Risk.FILE_TRANSFER: About(
        _LOW,
        _CLIENT,
        "File sent through messaging",
        Fear.MALWARE,
        "Scan the file on the receiving host, and check that it was allowed to "
        "leave. Block peer-to-peer connections between clients.",
    ),
    Risk.RISKY_FILE: About(
        _HIGH,
        _CLIENT,
        "Executable or disguised file sent through messaging",
        Fear.MALWARE,
        "Isolate the receiving host, scan it, and ask the sender by another channel whether it was meant.",
    ),
    Risk.MALICIOUS_LINK: About(
        _HIGH,
        _CLIENT,
        "Link of a known bad kind in a message",
        Fear.MALWARE,
        "Block the address at the proxy, find in its log who opened it, and scan those hosts.",
    ),
    Risk.WORM_PROPAGATION: About(
        _CRITICAL,
        _CLIENT,
        "The same lure sent to many contacts: a worm at work",
        Fear.MALWARE,
        "Take the sending host off the network now, reset the account's "
        "password, and warn everybody on its contact list.",
    ),
    Risk.ACCOUNT_SHARED: About(
        _MEDIUM,
        _CLIENT,
        "One account on several hosts",
        Fear.STOLEN_ACCOUNT,
        "Ask the owner whether these hosts are all theirs; if not, reset the password and give each user an account.",
    ),
    Risk.MANY_ACCOUNTS: About(
        _LOW,
        _CLIENT,
        "Many accounts on one host",
        Fear.UNKNOWN_CHANNEL,
        "Find out whether the host is shared, a gateway, or a bot.",
    ),
    Risk.IMPERSONATION: About(
        _HIGH,
        _CLIENT,
        "A name made to look like somebody else's",
        Fear.DECEPTION,
        "Warn the person imitated and those who were written to; block the account.",
    ),
    Risk.SOCIAL_ENGINEERING: About(
        _HIGH,
        _CLIENT,
        "A message that asks for what should not be given",
        Fear.DECEPTION,
        "Ask the recipient what was answered; change what was given away.",
    ),
    Risk.SENSITIVE_CONTENT: About(
        _HIGH,
        _CLIENT,
        "Confidential data in a message",
        Fear.LEAKED_CONTENT,
        "Treat it as a disclosure: tell the owner of the data, and move the conversation to an approved channel.",
    ),
    Risk.INAPPROPRIATE_LANGUAGE: About(
        _LOW,
        _CLIENT,
        "Language against the house rules",
        Fear.LIABILITY,
        "Hand it to those whom the house rules name; keep the evidence as they direct.",
    ),
    Risk.COPYRIGHT_MEDIA: About(
        _LOW,
        _CLIENT,
        "Music, film or software sent through messaging",
        Fear.LIABILITY,
        "Ask whether the file may be shared; delete it where not.",
    ),
    Risk.UNRECORDED_CHANNEL: About(
        _MEDIUM,
        _BOTH,
        "Business conversation on a channel that nobody records",
        Fear.COMPLIANCE,
        "Move the conversation to the recorded service, and tell compliance that this one exists.",
    ),
    Risk.POLICY_VIOLATION: About(
        _HIGH,
        _CLIENT,
        "Messaging that the policy forbids",
        Fear.UNKNOWN_CHANNEL,
        "Block the service or server named in the evidence, and speak with the user.",
    ),
}

SERVICE_OF: dict[str, str] = {
    "toc": "aim",
    "icq": "icq",
    "oscar": "oscar",
    "oft": "oscar",
    "odc": "oscar",
    "msnp": "msn",
    "msnftp": "msn",
    "msnp2p": "msn",
    "ymsg": "yahoo",
    "sip": "sip",
    "msrp": "sip",
    "xmpp": "jabber",
    "irc": "irc",
    "dcc": "irc",
    "sametime": "sametime",
    "gadu-gadu": "gadu-gadu",
}
"""The service in a finding's key. It hangs on the protocol alone, for what a session says of its service may come late,
and a key must not change on the way. Families are one: a file offered in OSCAR and sent by OFT is one finding."""


class Finding(Struct, frozen=True, gc=False):
    """What all sightings of one finding share: made once a conversation, not once a message."""

    id: str
    key: str
    risk: Risk
    severity: Severity
    subject: str
    host: str
    service: str
    title: str
    remedy: str


class Sighting(Record, kw_only=True):
    """One finding seen once: the finding (`id` is its id), one evidence, and the record that shows it.

    The record's id makes sightings countable: the same traffic analysed twice is seen once."""

    finding: Finding
    record: str
    last_seen: str
    """Of a session its end, else `ts`."""
    rule: str
    excerpt: str


class Context(NamedTuple):
    """What a detector may know beside its record."""

    session: SessionRecord
    policy: Policy

    @property
    def host(self) -> str:
        """The inside host: the client, unless only the server is inside."""
        s = self.session
        outside_in = not _inside(s.client_ip) and _inside(s.server_ip)
        return s.server_ip if outside_in else s.client_ip

    @property
    def service(self) -> str:
        s = self.session
        return SERVICE_OF.get(s.protocol) or s.service or s.protocol

    def account(self, *names: str | None) -> str:
        """The first known of `names`, normalised; else the session's own account; else the client's address."""
        for name in (*names, self.session.account):
            if name and (normal := normalise(self.session.protocol, name)):
                return normal
        return self.session.client_ip


@lru_cache(maxsize=MAX_CACHED)
def _inside(ip: str) -> bool:
    return (known := address(ip)) is not None and is_internal(known)


AnyKind = TypeVar("AnyKind", bound=Record)
Detector = Callable[[Context, AnyKind, str], Iterable[Sighting]]
DETECTORS: dict[type[Record], list[Detector[Any]]] = {}
"""By record type, in order of registration; `imsniff.detect` imports the families."""


def on(kind: type[AnyKind]) -> Callable[[Detector[AnyKind]], Detector[AnyKind]]:
    """Registers a detector: `(context, record, wire)` to sightings; `wire` is the masked excerpt, empty where none."""

    def register(detector: Detector[AnyKind]) -> Detector[AnyKind]:
        DETECTORS.setdefault(kind, []).append(detector)
        return detector

    return register


@lru_cache(maxsize=MAX_CACHED)
def _finding(risk: Risk, severity: Severity, subject: str, host: str, service: str) -> Finding:
    key = key_of(risk, subject, host, service)
    about = RISKS[risk]
    return Finding(finding_id(key), key, risk, severity, subject, host, service, about.title, about.remedy)


def key_of(risk: str, subject: str, host: str, service: str) -> str:
    """Readable, and one to one: only what would confuse it is percent-encoded."""
    return "|".join([_CONFUSING.sub(_percent, part) for part in (risk, subject, host, service)])


_CONFUSING = re.compile(r"[^ !-$&-{}~]+")
"""All but printable ASCII, and of that `%` and `|`."""


def _percent(found: re.Match[str]) -> str:
    return "".join([f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass")])


def finding_id(key: str) -> str:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def sighting(
    context: Context,
    risk: Risk,
    record: Record,
    *,
    subject: str,
    rule: str,
    shown: str,
    host: str | None = None,
    severity: Severity | None = None,
) -> tuple[Sighting, ...]:
    """One sighting, or none where the policy switched the risk off. `shown`: its excerpt, no secret in it.

    Severity: the policy's word, else the detector's, else the table's."""
    policy = context.policy
    if risk in policy.off:
        return ()
    worst = policy.severity.get(risk) or severity or RISKS[risk].severity
    finding = _finding(risk, worst, subject, host or context.host, context.service)
    seen = Sighting(
        id=finding.id,
        ts=record.ts,
        capture=record.capture,
        frame=record.frame,
        finding=finding,
        record=record.id,
        last_seen=record.last_seen if isinstance(record, SessionRecord) else record.ts,
        rule=rule,
        excerpt=shown[:MAX_EXCERPT],
    )
    return (seen,)


class SeenKeys:
    """Pairs of ids that were met lately. Kept as hashes of 64 bits, a quarter of what the ids would take: that two
    pairs look alike is less likely than a broken memory."""

    def __init__(self) -> None:
        self._marks: dict[int, None] = {}

    def again(self, one: str, other: str) -> bool:
        """Whether this pair was met before; from now on it was."""
        mark = hash((one, other))
        if mark in self._marks:
            return True
        if len(self._marks) >= MAX_REMEMBERED_SIGHTINGS:  # many at once: looking for the oldest takes long
            for old in list(islice(self._marks, MAX_REMEMBERED_SIGHTINGS // 4)):
                del self._marks[old]
        self._marks[mark] = None
        return False


class Detectors:
    """All detectors under one policy. Holds nothing but the policy and which sessions were already reported."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self._told = SeenKeys()

    def adopt(self, policy: Policy) -> None:
        """From now on this policy counts; what was told stays told."""
        self._policy = policy

    def on_record(self, session: SessionRecord, record: Record, wire: str = "") -> list[Sighting]:
        """What one placed record shows. `session` is what is known of its session at this moment."""
        context = Context(session, self._policy)
        return [seen for detector in DETECTORS.get(type(record), ()) for seen in detector(context, record, wire)]

    def on_session(self, session: SessionRecord, wire: str = "") -> list[Sighting]:
        """What the session itself shows. Call it when the session closes; calling it earlier too, once the session's
        account is known, makes live findings come sooner and counts nothing twice."""
        shown = self.on_record(session, session, wire)
        return [seen for seen in shown if not self._told.again(seen.id, session.id)]


class Aggregate:
    """Findings of one run, merged of their sightings: count, first and last seen, worst severity, first evidence."""

    def __init__(self, evidence: int = MAX_EVIDENCE) -> None:
        self._evidence = evidence
        self._found: dict[str, FindingRecord] = {}
        self._seen = SeenKeys()
        self.suppressed = 0
        """Sightings of findings beyond MAX_FINDINGS: not in this summary, but in the store."""

    def add(self, seen: Sighting) -> FindingRecord | None:
        """The merged finding; None where the sighting was already counted or there are too many findings."""
        if self._seen.again(seen.id, seen.record):
            return None
        key = seen.finding.key
        known = self._found.get(key)
        if known is not None:
            self._absorb(known, seen)
        elif len(self._found) < MAX_FINDINGS:
            self._found[key] = known = _begun(seen)
        else:
            self.suppressed += 1
        return known

    def findings(self) -> list[FindingRecord]:
        """Worst first, then by risk, host and subject: the same order whatever the order of arrival."""
        return sorted(self._found.values(), key=order)

    def _absorb(self, known: FindingRecord, seen: Sighting) -> None:
        """Another sighting of a finding is counted in."""
        known.count += 1
        severity = seen.finding.severity
        if severity is not known.severity and severity.rank > known.severity.rank:
            known.severity = severity
        if (seen.ts, seen.capture, seen.frame) < (known.ts, known.capture, known.frame):
            known.ts, known.capture, known.frame = seen.ts, seen.capture, seen.frame
            known.first_seen = seen.ts
            known.evidence = [_evidence(seen), *known.evidence][: self._evidence]
        elif len(known.evidence) < self._evidence:
            known.evidence.append(_evidence(seen))
        if seen.last_seen > known.last_seen:
            known.last_seen = seen.last_seen


def order(finding: FindingRecord) -> tuple[int, str, str, str, str]:
    return (-finding.severity.rank, finding.risk, finding.host, finding.subject, finding.key)


def _begun(seen: Sighting) -> FindingRecord:
    finding = seen.finding
    return FindingRecord(
        id=finding.id,
        ts=seen.ts,
        capture=seen.capture,
        frame=seen.frame,
        risk=finding.risk,
        severity=finding.severity,
        subject=finding.subject,
        host=finding.host,
        title=finding.title,
        remedy=finding.remedy,
        count=1,
        first_seen=seen.ts,
        last_seen=seen.last_seen,
        evidence=[_evidence(seen)],
        key=finding.key,
    )


def _evidence(seen: Sighting) -> Evidence:
    return Evidence(capture=seen.capture, frame=seen.frame, rule=seen.rule, excerpt=seen.excerpt)
