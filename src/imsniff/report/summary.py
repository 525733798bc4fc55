"""The report in a few sentences, for who reads nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsniff.report.changes import STATES
from imsniff.report.words import counted, moment

if TYPE_CHECKING:
    from imsniff.report.model import Report

_WORST = ("critical", "high")


def summary(report: Report) -> str:
    """What ran, how bad it is, what changed."""
    return " ".join([_traffic(report), _messaging(report), _findings(report), _compared(report)]).strip()


def _traffic(report: Report) -> str:
    if report.first_packet is None or report.last_packet is None:
        return "Nobody watched in this time."
    of = f"{counted(report.totals['packets'], 'packet')} of {counted(report.captures, 'capture')} were read"
    return f"Between {moment(report.first_packet)} and {moment(report.last_packet)} UTC {of}."


def _messaging(report: Report) -> str:
    totals = report.totals
    if not totals["sessions"]:
        return "No instant messaging was seen."
    services = list(report.services)
    named = ", ".join(services[:5]) + (f" and {len(services) - 5} more" if services[5:] else "")
    who = f"{counted(totals['accounts'], 'account')} on {counted(totals['hosts'], 'host')}"
    return (
        f"{who} used {counted(len(services), 'service')}: {named}. {counted(totals['messages'], 'message')} and "
        f"{counted(totals['transfers'], 'file')} were seen."
    )


def _findings(report: Report) -> str:
    if not report.totals["findings"]:
        return "There is no finding."
    grave = [f"{report.severities[name]:,} {name}" for name in _WORST if report.severities.get(name)]
    worst = f", {' and '.join(grave)}" if grave else ", none of them high or critical"
    said = f"There {'is' if report.totals['findings'] == 1 else 'are'} {counted(report.totals['findings'], 'finding')}"
    return f"{said}{worst}: {report.risks[0].title.lower()} first of all."


def _compared(report: Report) -> str:
    if report.compared_with is None:
        return ""
    parts = [f"{count:,} {STATES[name]}" for name, count in report.changes.items() if count]
    return f"Against the span before: {', '.join(parts) or 'nothing to compare'}."
