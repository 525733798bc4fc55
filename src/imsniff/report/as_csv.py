"""The report as CSV: a row a finding, for a spreadsheet. Cells never are formulas."""

from __future__ import annotations

import csv
import io

from imsniff.base.escape import cell
from imsniff.base.records import FindingRecord
from imsniff.report.model import Report

COLUMNS = (
    "change",
    "severity",
    "risk",
    "title",
    "subject",
    "host",
    "count",
    "first_seen",
    "last_seen",
    "capture",
    "frame",
    "rule",
    "excerpt",
    "remedy",
    "id",
    "key",
)


def as_csv(report: Report) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    for group in report.risks:
        for shown in group.findings:
            writer.writerow(_row(shown.change, shown.finding))
    for finding in report.gone:
        writer.writerow(_row("gone", finding))
    return out.getvalue()


def _row(change: str, finding: FindingRecord) -> list[str]:
    first = finding.evidence[0]
    values = {"change": change, "rule": first.rule, "excerpt": first.excerpt}
    return [cell(str(values.get(name, getattr(finding, name, "")))) for name in COLUMNS]
