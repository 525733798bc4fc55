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
    "service",
    "server",
    "server_name",
    "host",
    "hosts",
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
        writer.writerows(map(_row, group.findings))
    for finding in (*report.gone, *report.allowed, *report.not_verified, *report.information):
        writer.writerow(_row(finding))
    return out.getvalue()


def _row(finding: FindingRecord) -> list[str]:
    first = finding.evidence[0]
    values = {"rule": first.rule, "excerpt": first.excerpt, "hosts": " ".join(span.host for span in finding.hosts)}
    return [cell(str(values.get(name, getattr(finding, name, "") or ""))) for name in COLUMNS]
