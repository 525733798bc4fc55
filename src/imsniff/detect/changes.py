"""Findings as one who reads along is told of them: when they are new, and at the end where their count has grown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imsniff.base.records import FindingRecord


class FindingChanges:
    """Which findings were told, and with what count. As large as the `Aggregate` whose findings it is given."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def first(self, finding: FindingRecord) -> bool:
        """Whether nobody was told of it yet; from now on they were."""
        if finding.id in self._told:
            return False
        self._told[finding.id] = finding.count
        return True

    def left(self, findings: Iterable[FindingRecord]) -> Iterator[FindingRecord]:
        """Those that nobody was told of as they are now."""
        return (finding for finding in findings if finding.count != self._told.get(finding.id))
