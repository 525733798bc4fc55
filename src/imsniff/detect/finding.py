"""Findings and their sightings: a finding has a key and is made once; what repeats is a sighting of it."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

from imsniff.base.addresses import address, at_port, is_internal
from imsniff.base.limits import MAX_CACHED, MAX_EXCERPT
from imsniff.base.records import SILENT, Record, SessionRecord, Severity
from imsniff.base.risks import RISKS, Risk
from imsniff.base.services import SERVICE_OF
from imsniff.detect.accounts import normalise
from imsniff.detect.allowed import allowed
from imsniff.policy.policy import Policy
from imsniff.rules.said import NOTHING_SAID, Said

OPERATED = {"aim", "icq", "oscar", "msn", "yahoo"}
"""Services of one operator with many servers: which of them served somebody is chance."""

ABOUT_A_SERVER = {
    Risk.ROGUE_IM,
    Risk.ODD_PORT,
    Risk.TUNNELLED_IM,
    Risk.CLEARTEXT_CREDENTIAL,
    Risk.TOKEN_EXPOSED,
    Risk.CLEARTEXT_MESSAGES,
    Risk.POLICY_VIOLATION,
    Risk.UNRECORDED_CHANNEL,
}
"""Risks in whose findings the server is part of what is found; a file or an address is the same by any server."""


class Finding(Struct, frozen=True, gc=False):
    """What the sightings of one finding in one session share: made once a conversation, not once a message."""

    id: str
    key: str
    risk: Risk
    severity: Severity
    subject: str
    service: str
    server: str
    """`address:port` of this session."""
    server_name: str | None
    host: str
    case: str
    """A name in `risks.CASES`, or empty."""


class Sighting(Record, kw_only=True):
    """One finding seen once: the finding (`id` is its id), one evidence, and the record that shows it.

    The record's id makes sightings countable: the same traffic analysed twice is seen once."""

    finding: Finding
    record: str
    session: str
    last_seen: str
    """Of a session its end, else `ts`."""
    rule: str
    excerpt: str


PEER_TO_PEER = {"oft", "odc", "msnftp", "msnp2p", "dcc", "msrp"}
"""Protocols between two clients; nobody logs in, and neither is a server."""


SERVERLESS = PEER_TO_PEER | {"encrypted"}
"""Of an encrypted messenger only the service is told apart: its servers are many and change."""


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

    @property
    def server(self) -> str:
        return at_port(self.session.server_ip, self.session.server_port)

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
def _finding(
    risk: Risk,
    severity: Severity,
    subject: str,
    service: str,
    protocol: str,
    server: str,
    server_name: str | None,
    host: str,
    case: str,
) -> Finding:
    key = finding_key(risk, subject, service, protocol, server)
    return Finding(finding_id(key), key, risk, severity, subject, service, server, server_name, host, case)


def finding_key(risk: str, subject: str, service: str, protocol: str, server: str) -> str:
    """The key of a finding. It names no server where that is not part of what is found, where which one served somebody
    is chance, or where there is none."""
    named = risk in ABOUT_A_SERVER and protocol not in SERVERLESS and service not in OPERATED
    return key_of(risk, subject, service, server if named else "")


def key_of(risk: str, subject: str, service: str, server: str) -> str:
    """Readable, and one to one: only what would confuse it is percent-encoded."""
    return "|".join([_CONFUSING.sub(_percent, part) for part in (risk, subject, service, server)])


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
    case: str = "",
) -> tuple[Sighting, ...]:
    """One sighting, or none where the policy has nothing against it. `shown`: its excerpt, no secret in it.

    Severity: the policy's word, else the detector's, else the table's; less of a one-sided session."""
    policy = context.policy
    if allowed(policy, risk, rule, context.session):
        return ()
    worst = lowered(policy.severity.get(risk) or severity or RISKS[risk].severity, context.session.one_sided)
    finding = _finding(
        risk,
        worst,
        subject,
        context.service,
        context.session.protocol,
        context.server,
        context.session.server_name,
        host or context.host,
        case,
    )
    seen = Sighting(
        id=finding.id,
        ts=record.ts,
        capture=record.capture,
        frame=record.frame,
        finding=finding,
        record=record.id,
        session=context.session.id,
        last_seen=record.last_seen if isinstance(record, SessionRecord) else record.ts,
        rule=rule,
        excerpt=shown[:MAX_EXCERPT],
    )
    return (seen,)
