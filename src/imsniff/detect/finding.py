"""Findings and their sightings: a finding has a key and is made once; what repeats is a sighting of it."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

from imsniff.base.addresses import address, is_internal
from imsniff.base.limits import MAX_CACHED, MAX_EXCERPT
from imsniff.base.records import SILENT, Record, SessionRecord, Severity
from imsniff.base.risks import RISKS, Risk
from imsniff.detect.accounts import normalise
from imsniff.detect.reading import NOTHING_SAID, Said
from imsniff.policy.policy import Policy

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
    said: Said = NOTHING_SAID
    """Of a message its whole text, also where it is not kept, and what matchers see in it."""

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


def lowered(severity: Severity, one_sided: str | None) -> Severity:
    """What only one side said is worth less: nothing where the other side is silent, one step where it is unseen."""
    if one_sided is None:
        return severity
    return Severity.INFO if one_sided == SILENT else _ONE_STEP_LESS[severity]


_ONE_STEP_LESS = dict(zip(tuple(Severity)[1:], Severity, strict=False)) | {Severity.INFO: Severity.INFO}


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

    Severity: the policy's word, else the detector's, else the table's; less of a one-sided session."""
    policy = context.policy
    if risk in policy.off:
        return ()
    worst = lowered(policy.severity.get(risk) or severity or RISKS[risk].severity, context.session.one_sided)
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
