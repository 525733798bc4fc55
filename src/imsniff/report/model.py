"""What a report says, before it is decided how it looks: one struct that every format prints.

All of it comes from the store. The only clock is the audit's own time; everything else is packet time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from imsniff.base.records import FindingRecord, SessionRecord, Severity
from imsniff.base.risks import RISKS, Risk
from imsniff.detect.accounts import normalise
from imsniff.report.groups import RiskGroup, Shown, by_risk
from imsniff.report.overview import Overview, overview
from imsniff.report.timeline import Timeline, timeline
from imsniff.store import audits, query
from imsniff.store.opening import Store
from imsniff.store.query import Input, Span

SCHEMA = 1
"""Of the JSON report."""


class Period(Struct, kw_only=True):
    """One audit: when it was made and what it covers."""

    audit: int | None
    made: str
    first_run: int | None
    last_run: int | None
    since: str | None
    until: str | None
    findings: int


class HostGroup(Struct, kw_only=True):
    host: str
    severity: Severity
    subjects: list[str]
    counts: dict[str, int]
    """Findings by severity."""
    findings: int


class LegendEntry(Struct, kw_only=True):
    """One row of the legend."""

    risk: str
    severity: Severity
    accountable: str
    title: str
    fear: str
    remedy: str


class Report(Struct, kw_only=True):
    schema: int = SCHEMA
    program: str
    period: Period
    compared_with: Period | None
    first_packet: str | None
    last_packet: str | None
    totals: dict[str, int]
    severities: dict[str, int]
    changes: dict[str, int]
    protocols: dict[str, int]
    services: dict[str, int]
    encryption: dict[str, int]
    overview: Overview
    timeline: Timeline
    risks: list[RiskGroup]
    hosts: list[HostGroup]
    gone: list[FindingRecord]
    omitted: int
    """Findings that are not listed, where a limit was set."""
    inputs: list[Input]
    signatures: list[str]
    blind: list[str]
    """What the sensor could not see."""
    legend: list[LegendEntry]


class EmptyStore(LookupError):
    """No run has read a packet: there is nothing to report."""


def build(
    store: Store,
    *,
    program: str,
    since: str | None = None,
    until: str | None = None,
    compare: str = "previous",
    record: bool = True,
    limit: int | None = None,
) -> Report:
    """compare: `previous`, `none`, or the number of an audit. limit: findings listed, worst first.

    Raises EmptyStore, and LookupError where there is no such audit."""
    audit, earlier = audits.take(store, since, until, record=record)
    if audit is None:
        raise EmptyStore("nothing was analysed yet; run `imsniff analyze` on a capture first")
    other = _other(audit, earlier, audits.audits(store), compare)
    change = audits.compared(audit, other)
    found = [finding for finding in query.findings(store, audit.span) if finding.id in audit.findings]
    shown = [
        Shown(finding=f, change="" if other is None else "new" if f.id in change.new else "standing") for f in found
    ]
    gone = query.findings(store, ids=sorted(change.gone)) if change.gone else []
    runs = [run for run in query.runs(store, audit.span) if run.read or run.ended is None]
    sessions = query.sessions(store, audit.span)
    listed = shown if limit is None else shown[:limit]
    return Report(
        program=program,
        period=_period(audit),
        compared_with=None if other is None else _period(other),
        first_packet=min((s.first_seen for s in sessions), default=None),
        last_packet=max((s.last_seen for s in sessions), default=None),
        totals=_totals(store, audit.span, sessions, len(found), sum(run.counters.get("packets", 0) for run in runs)),
        severities=_severities(found),
        changes={"new": len(change.new), "gone": len(change.gone), "standing": len(change.standing)},
        protocols=_counted(s.protocol for s in sessions),
        services=_counted(s.service or s.protocol for s in sessions),
        encryption=_counted(s.encryption for s in sessions),
        overview=overview(store, audit.span, sessions),
        timeline=timeline(sessions),
        risks=by_risk(listed),
        hosts=_hosts(found),
        gone=gone if limit is None else gone[:limit],
        omitted=len(shown) - len(listed),
        inputs=[one for run in runs for one in run.inputs],
        signatures=sorted({run.signatures for run in runs if run.signatures}),
        blind=_blind(store, audit.span, sessions, [one for run in runs for one in run.inputs], runs),
        legend=[
            LegendEntry(
                risk=risk,
                severity=about.severity,
                accountable=about.accountable.value,
                title=about.title,
                fear=about.fear.value,
                remedy=about.remedy,
            )
            for risk, about in RISKS.items()
        ],
    )


def _other(
    audit: audits.Audit, earlier: Sequence[audits.Audit], every: Sequence[audits.Audit], compare: str
) -> audits.Audit | None:
    if compare == "none":
        return None
    if compare == "previous":
        return audits.previous(list(earlier), audit)
    for one in every:
        if str(one.id) == compare:
            return one
    known = ", ".join(str(one.id) for one in every[-10:]) or "none yet"
    raise LookupError(f"there is no audit {compare}; the last are: {known}")


def _period(audit: audits.Audit) -> Period:
    span = audit.span
    return Period(
        audit=audit.id,
        made=audit.made,
        first_run=span.first_run,
        last_run=span.last_run,
        since=span.since,
        until=span.until,
        findings=len(audit.findings),
    )


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0])))


def _severities(found: list[FindingRecord]) -> dict[str, int]:
    count = Counter(finding.severity for finding in found)
    return {severity.value: count[severity] for severity in reversed(Severity)}


def _totals(store: Store, span: Span, sessions: list[SessionRecord], findings: int, packets: int) -> dict[str, int]:
    accounts = {
        (protocol, normalise(protocol, account))
        for (protocol, account), _ in query.values(store, "login", ("protocol", "account"), span)
        if account
    } | {(s.protocol, normalise(s.protocol, s.account)) for s in sessions if s.account}
    return {
        "findings": findings,
        "sessions": len(sessions),
        "hosts": len({s.client_ip for s in sessions}),
        "accounts": len(accounts),
        "messages": query.count(store, "message", span),
        "credentials": query.count(store, "login", span),
        "transfers": query.count(store, "transfer", span),
        "exposures": query.count(store, "exposure", span),
        "packets": packets,
    }


def _hosts(found: list[FindingRecord]) -> list[HostGroup]:
    by_host: dict[str, list[FindingRecord]] = {}
    for finding in found:
        by_host.setdefault(finding.host, []).append(finding)
    made = [
        HostGroup(
            host=host,
            severity=max((f.severity for f in members), key=lambda s: s.rank),
            subjects=sorted({f.subject for f in members if f.risk == Risk.ROGUE_IM and f.subject != host}),
            counts={severity: count for severity, count in _severities(members).items() if count},
            findings=len(members),
        )
        for host, members in by_host.items()
    ]
    return sorted(made, key=lambda group: (-group.severity.rank, -group.findings, group.host))


def _blind(
    store: Store, span: Span, sessions: list[SessionRecord], inputs: list[Input], runs: list[query.Run]
) -> list[str]:
    """Honest words about the limits, those of this period with their figures."""
    gaps = sum(often for (code,), often in query.values(store, "anomaly", ("code",), span) if code == "stream.gap")
    closed = sum(session.encryption != "none" for session in sessions)
    broken = [one.name for one in inputs if one.error]
    unfinished = [run.id for run in runs if run.ended is None]
    said = [
        (
            "Only what passes the tapped link: phones on mobile networks, traffic inside a switch and other "
            "sites are not in it. No finding is no proof that there is no messaging."
        ),
        (
            f"Inside encryption: {closed:,} of {len(sessions):,} sessions were encrypted. Of those only the ends, the "
            "times, the sizes and what was said before the encryption began are known."
        ),
        f"Bytes that were not captured: {gaps:,} gaps in the streams of this time. What was said there is missing.",
        "People: an account is not a person, and an address may have had another host behind it at another time.",
    ]
    lost = [span for run in runs for span in run.counters.get("blind", ())]
    if lost:
        first, last = min(str(span["since"]) for span in lost), max(str(span["until"]) for span in lost)
        said.append(
            f"Packets that the sensor lost: {sum(int(span['lost']) for span in lost):,} in {len(lost):,} spans between "
            f"{first[:19]}Z and {last[:19]}Z. Sessions of these times may be missing or have gaps."
        )
    if broken:
        said.append(f"Captures that could not be read whole: {', '.join(broken)}.")
    if unfinished:
        said.append(f"Runs that are under way or were killed: {', '.join(map(str, unfinished))}.")
    said.append("This is evidence of what was seen, not an archive of record as SEC 17a-4 or the like mean it.")
    return said


def as_json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=2)
