"""Merging the sightings of one run into findings."""

from __future__ import annotations

from collections import Counter

from imsniff.base.limits import MAX_EVIDENCE, MAX_FINDING_HOSTS, MAX_FINDINGS
from imsniff.base.records import Evidence, FindingRecord, HostSpan, Severity
from imsniff.detect.advice import advised
from imsniff.detect.finding import Finding, Sighting
from imsniff.detect.registry import SeenKeys


class _Merged:
    """A finding as it is known now, and what its worst sighting says of it."""

    __slots__ = ("record", "worst")

    def __init__(self, record: FindingRecord, worst: Finding) -> None:
        self.record = record
        self.worst = worst


class Aggregate:
    """Findings of one run, merged of their sightings: count, first and last seen, hosts, worst severity, first
    evidence."""

    def __init__(self, evidence: int = MAX_EVIDENCE) -> None:
        self._evidence = evidence
        self._found: dict[str, _Merged] = {}
        self._seen = SeenKeys()
        self.suppressed = 0
        """Sightings of findings beyond MAX_FINDINGS: not in this summary, but in the store."""

    def add(self, seen: Sighting) -> FindingRecord | None:
        """The merged finding; None where the sighting was already counted or there are too many findings. One that was
        counted and is seen again as worse (an answer came) raises its finding."""
        known = self._found.get(seen.id)
        if self._seen.again(seen.id, seen.record):
            if known is None or not _worsened(known, seen.finding):
                return None
            return known.record
        if known is not None:
            self._absorb(known, seen)
        elif len(self._found) < MAX_FINDINGS:
            self._found[seen.id] = known = _Merged(_begun(seen), seen.finding)
        else:
            self.suppressed += 1
            return None
        return known.record

    def findings(self) -> list[FindingRecord]:
        """Worst first, then by risk, host and subject: the same order whatever the order of arrival."""
        return sorted((merged.record for merged in self._found.values()), key=order)

    def worst(self, count: int) -> list[FindingRecord]:
        """As many of the worst, and of these those seen last."""
        found = sorted((merged.record for merged in self._found.values()), key=lambda one: one.last_seen, reverse=True)
        return sorted(found, key=lambda one: -one.severity.rank)[:count]

    def by_severity(self) -> dict[Severity, int]:
        """How many findings there are of each severity, the worst first."""
        counted = Counter(merged.record.severity for merged in self._found.values())
        return {severity: counted[severity] for severity in reversed(Severity) if counted[severity]}

    def _absorb(self, known: _Merged, seen: Sighting) -> None:
        """Another sighting of a finding is counted in."""
        record, finding = known.record, seen.finding
        record.count += 1
        if finding is not known.worst:
            _worsened(known, finding)
        _note_host(known, seen)
        if (seen.ts, seen.capture, seen.frame) < (record.ts, record.capture, record.frame):
            record.ts, record.capture, record.frame = seen.ts, seen.capture, seen.frame
            record.first_seen = seen.ts
            record.evidence = [_evidence(seen), *record.evidence][: self._evidence]
        elif len(record.evidence) < self._evidence:
            record.evidence.append(_evidence(seen))
        if seen.last_seen > record.last_seen:
            record.last_seen = seen.last_seen


def order(finding: FindingRecord) -> tuple[int, str, str, str, str]:
    return (-finding.severity.rank, finding.risk, finding.host, finding.subject, finding.key)


def _worsened(known: _Merged, finding: Finding) -> bool:
    """Whether this sighting is worse than those before; then it says which server and host are to be looked at."""
    record = known.record
    if finding.severity.rank <= record.severity.rank:
        if finding.server_name and record.server_name is None and finding.server == record.server:
            record.server_name = finding.server_name
            _advise(known)
        return False
    known.worst = finding
    record.severity, record.host = finding.severity, finding.host
    record.server, record.server_name = finding.server, finding.server_name
    _advise(known)
    return True


def _note_host(known: _Merged, seen: Sighting) -> None:
    hosts, name = known.record.hosts, seen.finding.host
    for span in hosts:
        if span.host == name:
            span.first_seen = min(span.first_seen, seen.ts)
            span.last_seen = max(span.last_seen, seen.last_seen)
            return
    if len(hosts) < MAX_FINDING_HOSTS:
        hosts.append(HostSpan(name, seen.ts, seen.last_seen))
        _advise(known)


def _advise(known: _Merged) -> None:
    record = known.record
    record.title, record.remedy = advised(
        record.risk,
        known.worst.case,
        subject=record.subject,
        service=record.service,
        server=record.server,
        server_name=record.server_name,
        hosts=[span.host for span in record.hosts],
    )


def _begun(seen: Sighting) -> FindingRecord:
    finding = seen.finding
    record = FindingRecord(
        id=finding.id,
        ts=seen.ts,
        capture=seen.capture,
        frame=seen.frame,
        risk=finding.risk,
        severity=finding.severity,
        subject=finding.subject,
        service=finding.service,
        server=finding.server,
        server_name=finding.server_name,
        host=finding.host,
        hosts=[HostSpan(finding.host, seen.ts, seen.last_seen)],
        title="",
        remedy="",
        count=1,
        first_seen=seen.ts,
        last_seen=seen.last_seen,
        evidence=[_evidence(seen)],
        key=finding.key,
    )
    _advise(_Merged(record, finding))
    return record


def _evidence(seen: Sighting) -> Evidence:
    return Evidence(capture=seen.capture, frame=seen.frame, rule=seen.rule, excerpt=seen.excerpt)
