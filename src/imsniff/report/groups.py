"""Findings by risk: the worst risk first, with what the table of risks says of it. Every listing is made of these."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from imsniff.base.records import FindingRecord, Severity
from imsniff.base.risks import RISKS, Risk


class Shown(Struct, kw_only=True):
    """A finding and how it stands against the earlier audit."""

    finding: FindingRecord
    change: str = ""
    """`new` or `standing`; empty where nothing is compared."""


class RiskGroup(Struct, kw_only=True):
    """The findings of one risk, with what the table of risks says of it."""

    risk: str
    title: str
    severity: Severity
    """The worst of its findings."""
    accountable: str
    fear: str
    remedy: str
    findings: list[Shown]
    sightings: int


def by_risk(shown: Iterable[Shown]) -> list[RiskGroup]:
    """The findings keep their order within a risk."""
    groups: dict[str, list[Shown]] = {}
    for one in shown:
        groups.setdefault(one.finding.risk, []).append(one)
    made = []
    for risk, members in groups.items():
        about = RISKS[Risk(risk)]
        made.append(
            RiskGroup(
                risk=risk,
                title=about.title,
                severity=max((m.finding.severity for m in members), key=lambda s: s.rank),
                accountable=about.accountable.value,
                fear=about.fear.value,
                remedy=about.remedy,
                findings=members,
                sightings=sum(m.finding.count for m in members),
            )
        )
    return sorted(made, key=lambda group: (-group.severity.rank, list(Risk).index(Risk(group.risk))))
