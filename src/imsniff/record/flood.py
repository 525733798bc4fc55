"""The cap on what one session may write in a minute, so that a flood of forged messages does not fill the disk.

Records above the cap are left out and counted. Findings go on: those the session already has are counted further, new
ones only where they are grave, and then only so many.
"""

from __future__ import annotations

from imsniff.base.limits import MAX_FLOOD_FINDINGS, MAX_RECORDS_MINUTE, MAX_REMEMBERED_FINDINGS
from imsniff.base.records import ContactRecord, Placed, Severity

MINUTE_NS = 60 * 1_000_000_000


class MinuteCap:
    """What one session wrote in the current minute of packet time."""

    __slots__ = ("_grave", "_known", "_minute", "_records", "last", "left_out")

    def __init__(self) -> None:
        self._minute = 0
        self._records = 0
        self._grave = 0
        self._known: set[str] = set()
        """Ids of findings of this session."""
        self.left_out = 0
        self.last = (0, 0)
        """Frame and time of the last record that was left out."""

    def over(self, ts: int) -> bool:
        """Whether the minute of `ts` (nanoseconds since 1970) is another, and the one before left records out."""
        return self.left_out > 0 and ts // MINUTE_NS != self._minute

    def admits(self, record: Placed, ts: int) -> bool:
        """Whether a record is within the cap. Contacts do not count: dissectors report at most MAX_CONTACTS, all at
        once."""
        minute = ts // MINUTE_NS
        if minute != self._minute:
            self._minute, self._records, self._grave = minute, 0, 0
        if isinstance(record, ContactRecord):
            return True
        if self._records < MAX_RECORDS_MINUTE:
            self._records += 1
            return True
        self.left_out += 1
        self.last = record.frame, ts
        return False

    def counts(self, finding: str, severity: Severity) -> bool:
        """Whether a sighting of the finding with that id goes on."""
        if finding in self._known:
            return True
        if self._records >= MAX_RECORDS_MINUTE:
            if severity.rank < Severity.HIGH.rank or self._grave >= MAX_FLOOD_FINDINGS:
                return False
            self._grave += 1
        if len(self._known) < MAX_REMEMBERED_FINDINGS:
            self._known.add(finding)
        return True
