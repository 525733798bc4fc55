"""Findings by whom they are about: the account where one is known, else the host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from imsniff.base.limits import MAX_NAMES_TOLD
from imsniff.base.records import FindingRecord, Severity
from imsniff.base.risks import Risk

_OF_ITS_USER = {
    Risk.ROGUE_IM,
    Risk.TUNNELLED_IM,
    Risk.CLEARTEXT_CREDENTIAL,
    Risk.TOKEN_EXPOSED,
    Risk.ACCOUNT_SHARED,
    Risk.POLICY_VIOLATION,
    Risk.UNRECORDED_CHANNEL,
}
"""Risks whose subject is the account that somebody used at the host, or the host where none is known."""
_ABOUT_AN_ACCOUNT = _OF_ITS_USER | {
    Risk.IMPERSONATION,
    Risk.SOCIAL_ENGINEERING,
    Risk.SENSITIVE_CONTENT,
    Risk.INAPPROPRIATE_LANGUAGE,
    Risk.MALICIOUS_LINK,
    Risk.WORM_PROPAGATION,
}
"""Also risks of what somebody wrote, maybe from elsewhere. Of the others the subject is a file, a conversation, an
endpoint."""


class Person(Struct, kw_only=True):
    """One account, or a host of which no account is known, and what was found of it."""

    who: str
    name: str | None = None
    """As the policy's directory has it."""
    hosts: list[str]
    services: list[str]
    severity: Severity
    """The worst."""
    risks: dict[str, int]
    """Findings by risk."""
    findings: int
    new: int


def people(found: Iterable[FindingRecord], names: Mapping[str, str]) -> list[Person]:
    """The worst first. What is about no account counts for the accounts of its host, and else for the host. names: of
    people, by account in small letters."""
    found = list(found)
    of_host: dict[str, list[str]] = {}
    for finding in found:
        if finding.risk in _OF_ITS_USER and finding.subject != finding.host:
            of_host.setdefault(finding.host, []).append(finding.subject)
    groups: dict[str, list[FindingRecord]] = {}
    for finding in found:
        who = finding.subject if finding.risk in _ABOUT_AN_ACCOUNT else ""
        if not who or who == finding.host:
            accounts = list(dict.fromkeys(of_host.get(finding.host, ())))
            who = accounts[0] if len(accounts) == 1 else finding.host
        groups.setdefault(who, []).append(finding)
    made = [
        Person(
            who=who,
            name=names.get(who.lower()),
            hosts=list(dict.fromkeys(span.host for f in members for span in f.hosts))[:MAX_NAMES_TOLD],
            services=sorted({f.service for f in members}),
            severity=max((f.severity for f in members), key=lambda s: s.rank),
            risks=dict(Counter(f.risk for f in members)),
            findings=len(members),
            new=sum(f.change == "new" for f in members),
        )
        for who, members in groups.items()
    ]
    return sorted(made, key=lambda one: (-one.severity.rank, -one.findings, one.who))
