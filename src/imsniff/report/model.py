"""What a report says, before it is decided how it looks: one struct that every format prints.

It is a function of the store, a span of packet time and a policy. Nothing is written by looking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from functools import partial

import msgspec
from msgspec import Struct

from imsniff.base.limits import MAX_REPORT_ACTIONS
from imsniff.base.records import (
    ExposureRecord,
    FindingRecord,
    MessageRecord,
    SessionRecord,
    Severity,
    TransferRecord,
)
from imsniff.base.risks import RISKS
from imsniff.detect.accounts import normalise
from imsniff.detect.advice import general
from imsniff.detect.allowed import allowed
from imsniff.detect.catalogue import detectors_of
from imsniff.policy.policy import Policy
from imsniff.report import counting
from imsniff.report.actions import Action, actions
from imsniff.report.changes import Before, Change, marked, missing
from imsniff.report.groups import RiskGroup, by_risk
from imsniff.report.limits_of_sight import blind
from imsniff.report.overview import Overview, family, overview
from imsniff.report.people import Person, people
from imsniff.report.summary import Figures, summary
from imsniff.report.timeline import Timeline, timeline
from imsniff.store import audits, coverage, query
from imsniff.store.findings import findings, ranks, sessions_of
from imsniff.store.opening import Store
from imsniff.store.query import Input, Span

SCHEMA = 2
"""Of the JSON report."""


class Period(Struct, kw_only=True):
    """A span of packet time, `until` not included; None: as far as anything was seen."""

    since: str | None
    until: str | None
    name: str | None = None
    """Of an audit that was kept."""


class LegendEntry(Struct, kw_only=True):
    """One row of the legend: a risk that is looked for."""

    risk: str
    severity: Severity
    accountable: str
    title: str
    fear: str
    remedy: str
    detectors: list[str]
    """What looks for it."""


class Report(Struct, kw_only=True):
    schema: int = SCHEMA
    program: str
    made: str
    period: Period
    compared_with: Period | None
    first_packet: str | None
    """Of all traffic that was watched in the period."""
    last_packet: str | None
    summary: str
    """The report in a few sentences."""
    actions: list[Action]
    """What to do first."""
    totals: dict[str, int]
    severities: dict[str, int]
    changes: dict[str, int]
    """Findings by how they stand against the span before; all 0 where nothing is compared."""
    protocols: dict[str, int]
    services: dict[str, int]
    encryption: dict[str, int]
    overview: Overview
    timeline: Timeline
    risks: list[RiskGroup]
    people: list[Person]
    """Findings by the account, or else the host, that they are about."""
    gone: list[FindingRecord]
    allowed: list[FindingRecord]
    """Found in this span or the one before, and allowed by the policy now."""
    not_verified: list[FindingRecord]
    information: list[FindingRecord]
    """What asks for nothing: it counts nowhere else."""
    omitted: int
    """Findings that are not listed, where a limit was set."""
    inputs: list[Input]
    captures: int
    signatures: list[str]
    blind: list[str]
    """What the sensor could not see."""
    not_looked_for: list[str]
    """Titles of the risks that the policy switched off."""
    expired: list[str]
    """Rules of the policy, with their last day, that no longer held when the last packet was seen."""
    legend: list[LegendEntry]


class EmptyStore(LookupError):
    """No run has read a packet: there is nothing to report."""


def _allowed(store: Store, policy: Policy | None, found: Collection[FindingRecord], span: Span) -> set[str]:
    """The ids of findings that a policy allows by now: those of which it allows every session that shows them."""
    if policy is None or not found:
        return set()
    sessions = {session.id: session for session in query.sessions(store, span)}
    showing = sessions_of(store, span)
    return {
        finding.id
        for finding in found
        if (shown := showing.get(finding.id))
        and all(one in sessions and allowed(policy, finding.risk, rule, sessions[one]) for one, rule in shown)
    }


def build(
    store: Store,
    *,
    program: str,
    made: str = "",
    span: Span = query.EVERYTHING,
    before: Span | str | None = None,
    policy: Policy | None = None,
    limit: int | None = None,
) -> Report:
    """before: the span, or the name of the kept audit, to compare with. policy: what counts now. limit: findings listed
    of each risk, the worst.

    Raises EmptyStore, and LookupError where no audit was kept by that name."""
    watched = coverage.watched(store, span)
    sessions = query.sessions(store, span)
    every = findings(store, span)
    if not (watched.packets or sessions or every) and coverage.ends(store) is None and not query.runs_read(store):
        raise EmptyStore("nothing was analysed yet; run `imsniff analyze` on a capture first")
    allows = partial(_allowed, store, policy)
    permitted = allows(every, span)
    earlier = _before(store, before)
    lost: list[FindingRecord] = []
    if earlier is not None:
        marked(store, every, earlier, permitted)
        lost = missing(store, span, every, earlier, allows)
    for finding in every:
        if finding.id in permitted:
            finding.change = str(Change.ALLOWED)
    found = [f for f in every if f.id not in permitted and f.severity is not Severity.INFO]
    information = [f for f in every if f.id not in permitted and f.severity is Severity.INFO]
    no_more = [f for f in every if f.id in permitted] + [f for f in lost if f.change == Change.ALLOWED]
    seen_by = None if span == query.EVERYTHING else watched.runs | query.runs_of_sessions(store, span)
    runs = [run for run in query.runs(store, seen_by) if run.read or run.ended is None]
    view, totals = _contents(store, span, sessions)
    totals = {"findings": len(found), **totals, "information": len(information), "packets": watched.packets}
    listed = by_risk(found, limit)
    off = policy.off if policy is not None else ()
    report = Report(
        program=program,
        made=made,
        period=Period(since=span.since, until=span.until),
        compared_with=None if earlier is None else _period(earlier, before),
        first_packet=watched.first or min((s.first_seen for s in sessions), default=None),
        last_packet=watched.last or max((s.last_seen for s in sessions), default=None),
        summary="",
        actions=actions(found, MAX_REPORT_ACTIONS),
        totals=totals,
        severities=_severities(found),
        changes=_changes([*every, *lost]),
        protocols=_counted(s.protocol for s in sessions),
        services=_counted(s.service or s.protocol for s in sessions),
        encryption=_counted(s.encryption for s in sessions),
        overview=view,
        timeline=timeline(sessions),
        risks=listed,
        people=people(found, policy.people if policy is not None else {}),
        gone=[f for f in lost if f.change == Change.GONE],
        allowed=no_more,
        not_verified=[f for f in lost if f.change == Change.NOT_VERIFIED],
        information=information if limit is None else information[:limit],
        omitted=len(found) - sum(len(group.findings) for group in listed),
        inputs=[one for run in runs for one in run.inputs],
        captures=len(watched.captures),
        signatures=sorted({run.signatures for run in runs if run.signatures}),
        blind=blind(store, span, sessions, runs, watched, earlier),
        expired=[],
        not_looked_for=[about.title for risk, about in RISKS.items() if risk in off],
        legend=[
            LegendEntry(
                risk=risk,
                severity=about.severity,
                accountable=about.accountable.value,
                title=about.title,
                fear=about.fear.value,
                remedy=general(about.remedy),
                detectors=[one.name for one in detectors_of(risk)],
            )
            for risk, about in RISKS.items()
            if risk not in off
        ],
    )
    if policy is not None and report.last_packet is not None:
        report.expired = [f"{rule.name} ({rule.until})" for rule in policy.expired(report.last_packet)]
    report.summary = summary(
        Figures(
            first_packet=report.first_packet,
            last_packet=report.last_packet,
            captures=report.captures,
            totals=totals,
            severities=report.severities,
            services=list(report.services),
            worst=listed[0].title if listed else "",
            changes=None if earlier is None else report.changes,
        )
    )
    return report


def _before(store: Store, asked: Span | str | None) -> Before | None:
    if asked is None:
        return None
    if isinstance(asked, str):
        kept = audits.audit_named(store, asked)
        return Before(kept.name, kept.span, kept.findings)
    return Before("", asked, ranks(store, asked))


def _period(before: Before, asked: Span | str | None) -> Period:
    return Period(
        since=before.span.since, until=before.span.until, name=before.name if isinstance(asked, str) else None
    )


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0])))


def _severities(found: list[FindingRecord]) -> dict[str, int]:
    count = Counter(finding.severity for finding in found)
    return {severity.value: count[severity] for severity in reversed(Severity)}


def _changes(every: list[FindingRecord]) -> dict[str, int]:
    count = Counter(finding.change for finding in every if finding.severity is not Severity.INFO)
    return {change.value: count[change] for change in Change}


def _contents(store: Store, span: Span, sessions: list[SessionRecord]) -> tuple[Overview, dict[str, int]]:
    """What was said and sent, everything counted once."""
    own = {(family(s.protocol), normalise(s.protocol, s.account)) for s in sessions if s.account}
    told = {
        (family(protocol), normalise(protocol, account))
        for (protocol, account), _ in query.values(store, "login", ("protocol", "account"), span)
        if account
    }
    senders: Counter[tuple[str, str]] = Counter()
    for one in counting.messages(m for m in query.records(store, "message", span) if isinstance(m, MessageRecord)):
        senders[family(one.protocol), normalise(one.protocol, one.sender or "")] += 1
    exposures = [e for e in query.records(store, "exposure", span) if isinstance(e, ExposureRecord)]
    files = counting.files(t for t in query.records(store, "transfer", span) if isinstance(t, TransferRecord))
    addresses = counting.addresses(exposures, own | told)
    totals = {
        "sessions": len(sessions),
        "hosts": len({s.client_ip for s in sessions}),
        "accounts": len(own | told),
        "messages": sum(senders.values()),
        "credentials": query.count(store, "login", span),
        "transfers": len(files),
        "exposures": addresses.ours,
        "strangers": addresses.strangers,
    }
    return overview(store, span, sessions, exposures, senders), totals


def as_json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=2)
