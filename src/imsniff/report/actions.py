"""What to do first: findings grouped by the one thing that mends them, the most pressing first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec import Struct

from imsniff.base.records import FindingRecord, Severity
from imsniff.base.risks import Risk
from imsniff.detect.advice import called, listed

WEIGHT = {Severity.INFO: 0, Severity.LOW: 1, Severity.MEDIUM: 5, Severity.HIGH: 25, Severity.CRITICAL: 125}
"""How pressing a finding is: some of one severity weigh as much as one of the next."""


class Action(Struct, kw_only=True):
    """One thing to do."""

    what: str
    severity: Severity
    """The worst of what it closes."""
    closes: int
    """Findings."""
    people: int
    """Accounts that these are about, or hosts."""
    of: str
    """What `people` counts: `account` or `host`."""
    findings: list[str]
    """Their ids."""


class _Mend(NamedTuple):
    """How findings of a risk are mended: what they have in common, and the words."""

    by: Callable[[FindingRecord], str]
    what: Callable[[list[FindingRecord]], str]


def _server(finding: FindingRecord) -> str:
    return finding.server_name or (finding.service if _has_no_server(finding) else finding.server)


def _has_no_server(finding: FindingRecord) -> bool:
    return finding.key.endswith("|")


def _called(finding: FindingRecord) -> str:
    return f"the {finding.service} service" if _has_no_server(finding) else called(finding.server, finding.server_name)


def _subjects(found: list[FindingRecord]) -> str:
    return listed(sorted({finding.subject for finding in found}))


def _hosts(found: list[FindingRecord]) -> str:
    return listed(sorted({span.host for finding in found for span in finding.hosts}))


_TLS = _Mend(
    lambda f: f"tls {_server(f)}",
    lambda found: (
        f"Require TLS on {_called(found[0])}"
        + (
            f", and have these passwords changed: {_subjects(leaked)}"
            if (
                leaked := [
                    f for f in found if f.risk == Risk.CLEARTEXT_CREDENTIAL and f.severity.rank >= Severity.HIGH.rank
                ]
            )
            else ""
        )
    ),
)
_SERVICE = _Mend(
    lambda f: f"service {f.service}",
    lambda found: f"Decide on {found[0].service}: allow it in the policy, or remove it from {_hosts(found)}",
)

_MENDS: dict[str, _Mend] = {
    Risk.CLEARTEXT_CREDENTIAL: _TLS,
    Risk.TOKEN_EXPOSED: _TLS,
    Risk.CLEARTEXT_MESSAGES: _TLS,
    Risk.ROGUE_IM: _SERVICE,
    Risk.POLICY_VIOLATION: _Mend(
        lambda f: f"violation {f.service}", lambda found: f"Block {found[0].service}, and speak with {_subjects(found)}"
    ),
    Risk.ODD_PORT: _Mend(
        lambda f: f"block {_server(f)}", lambda found: f"Block {_called(found[0])}: it serves messaging on an odd port"
    ),
    Risk.TUNNELLED_IM: _Mend(
        lambda f: f"way {f.server}",
        lambda found: f"Close the way through {called(found[0].server, found[0].server_name)} to other destinations",
    ),
    Risk.PEER_ADDRESS_EXPOSED: _Mend(
        lambda f: f"direct {f.service}",
        lambda found: f"Switch off direct connections in the {found[0].service} clients at {_hosts(found)}",
    ),
    Risk.FILE_TRANSFER: _Mend(
        lambda f: f"files {f.service}",
        lambda found: f"Scan the files that came by {found[0].service} to or from {_hosts(found)}",
    ),
}


def _mend(finding: FindingRecord) -> _Mend:
    return _MENDS.get(finding.risk) or _Mend(
        lambda f: f"{f.risk} {f.subject}", lambda found: found[0].remedy.partition(". ")[0].rstrip(".")
    )


def actions(found: Iterable[FindingRecord], most: int) -> list[Action]:
    """The most pressing, at most so many. Findings that are no more than information ask for nothing."""
    groups: dict[str, list[FindingRecord]] = {}
    for finding in found:
        if finding.severity is not Severity.INFO:
            groups.setdefault(_mend(finding).by(finding), []).append(finding)
    pressing = sorted(groups.values(), key=lambda members: (-sum(WEIGHT[f.severity] for f in members), members[0].key))
    return [
        Action(
            what=_mend(members[0]).what(members),
            severity=max((f.severity for f in members), key=lambda s: s.rank),
            closes=len(members),
            people=len({f.subject for f in members} if _about_people(members) else {f.host for f in members}),
            of="account" if _about_people(members) else "host",
            findings=[f.id for f in members],
        )
        for members in pressing[:most]
    ]


def _about_people(members: list[FindingRecord]) -> bool:
    return all(f.risk in (Risk.CLEARTEXT_CREDENTIAL, Risk.TOKEN_EXPOSED, Risk.ROGUE_IM) for f in members)
