"""The report as Markdown: the part that is to be read, for a ticket or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from imsniff.base.escape import visible
from imsniff.base.records import FindingRecord
from imsniff.report.changes import STATES
from imsniff.report.model import Report
from imsniff.report.words import counted, moment

_HEAD = ("Severity", "Subject", "Host", "Server", "Seen", "Last seen", "State")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&])")


def as_markdown(report: Report) -> str:
    lines = ["# Instant messaging audit", "", _text(report.summary), "", "## Do first", ""]
    lines += [
        f"{number}. **{_text(one.what)}.** {one.severity.value}, closes {counted(one.closes, 'finding')}"
        f" of {counted(one.people, one.of)}"
        for number, one in enumerate(report.actions, 1)
    ] or ["Nothing was found that asks for anything."]
    if report.compared_with is not None:
        lines += ["", "## Against the span before", ""]
        lines += [f"- {count:,} {STATES[name]}" for name, count in report.changes.items()]
    lines += ["", "## Findings by risk", ""]
    for group in report.risks:
        lines += [f"### {_text(group.title)} ({counted(group.total, 'finding')})", "", _text(group.fear), ""]
        lines += _table(map(_cells, group.findings))
        if group.total > len(group.findings):
            lines += ["", f"{group.total - len(group.findings):,} more: `imsniff report --format json`"]
        lines.append("")
    for title, found in (("Gone", report.gone), ("Not verified", report.not_verified), ("Allowed", report.allowed)):
        if found:
            lines += [f"### {title}", ""]
            lines += _table(map(_cells, found))
            lines.append("")
    lines += ["## What the sensor cannot see", ""]
    lines += [f"- {_text(said)}" for said in report.blind]
    if report.expired:
        lines.append(f"- Expired rules of the policy: {_text('; '.join(report.expired))}.")
    if report.not_looked_for:
        lines.append(f"- Not looked for, by the policy: {_text('; '.join(report.not_looked_for))}.")
    return "\n".join(lines) + "\n"


def _cells(f: FindingRecord) -> Sequence[str]:
    state = STATES.get(f.change or "", "")
    server = f.server_name or f.server
    return (f.severity.value, f.subject, f.host, server, f"{f.count:,}", moment(f.last_seen), state)


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}"]
    return lines + [f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows]


def _text(text: str) -> str:
    """Nothing of it is mark-up."""
    return _SPECIAL.sub(r"\\\1", visible(text).replace("\n", " "))
