"""Merging the sightings of one run into findings."""

from __future__ import annotations

from imsniff.base.limits import MAX_EVIDENCE, MAX_FINDINGS
from imsniff.base.records import Evidence, FindingRecord
from imsniff.detect.finding import Sighting
from imsniff.detect.registry import SeenKeys


class Aggregate:
    """Findings of one run, merged of their sightings: count, first and last seen, worst severity, first evidence."""

    def __init__(self, evidence: int = MAX_EVIDENCE) -> None:
        self._evidence = evidence
        self._found: dict[str, FindingRecord] = {}
        self._seen = SeenKeys()
        self.suppressed = 0
        """Sightings of findings beyond MAX_FINDINGS: not in this summary, but in the store."""

    def add(self, seen: Sighting) -> FindingRecord | None:
        """The merged finding; None where the sighting was already counted or there are too many findings. One that was
        counted and is seen again as worse (an answer came) raises its finding."""
        key = seen.finding.key
        known = self._found.get(key)
        if self._seen.again(seen.id, seen.record):
            if known is None or seen.finding.severity.rank <= known.severity.rank:
                return None
            known.severity = seen.finding.severity
            return known
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
