"""Findings by risk: the worst risk first, with what the table of risks says of it. Every listing is made of these."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from imsniff.base.records import FindingRecord, Severity
from imsniff.base.risks import RISKS, Risk
from imsniff.detect.advice import general


class RiskGroup(Struct, kw_only=True):
    """The findings of one risk, with what the table of risks says of it."""

    risk: str
    title: str
    severity: Severity
    """The worst of its findings."""
    accountable: str
    fear: str
    remedy: str
    findings: list[FindingRecord]
    """The worst, where a limit was set."""
    total: int
    """All of them."""
    sightings: int


def by_risk(found: Iterable[FindingRecord], most: int | None = None) -> list[RiskGroup]:
    """The findings keep their order within a risk. most: so many of each risk are listed."""
    groups: dict[str, list[FindingRecord]] = {}
    for finding in found:
        groups.setdefault(finding.risk, []).append(finding)
    made = []
    for risk, members in groups.items():
        about = RISKS[Risk(risk)]
        made.append(
            RiskGroup(
                risk=risk,
                title=about.title,
                severity=max((finding.severity for finding in members), key=lambda s: s.rank),
                accountable=about.accountable.value,
                fear=about.fear.value,
                remedy=general(about.remedy),
                findings=members[:most],
                total=len(members),
                sightings=sum(finding.count for finding in members),
            )
        )
    return sorted(made, key=lambda group: (-group.severity.rank, list(Risk).index(Risk(group.risk))))
