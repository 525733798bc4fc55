"""The report in a few sentences, for who reads nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from imsniff.report.changes import STATES
from imsniff.report.words import counted, moment


class Figures(NamedTuple):
    """What the sentences are made of."""

    first_packet: str | None
    last_packet: str | None
    captures: int
    totals: dict[str, int]
    severities: dict[str, int]
    services: Sequence[str]
    worst: str
    """Title of the worst risk; empty where there is no finding."""
    changes: dict[str, int] | None
    """None where nothing is compared."""


_WORST = ("critical", "high")


def summary(report: Figures) -> str:
    """What ran, how bad it is, what changed."""
    return " ".join([_traffic(report), _messaging(report), _findings(report), _compared(report)]).strip()


def _traffic(report: Figures) -> str:
    if report.first_packet is None or report.last_packet is None:
        return "Nobody watched in this time."
    of = f"{counted(report.totals['packets'], 'packet')} of {counted(report.captures, 'capture')} were read"
    return f"Between {moment(report.first_packet)} and {moment(report.last_packet)} UTC {of}."


def _messaging(report: Figures) -> str:
    totals = report.totals
    if not totals["sessions"]:
        return "No instant messaging was seen."
    services = report.services
    named = ", ".join(services[:5]) + (f" and {len(services) - 5} more" if services[5:] else "")
    who = f"{counted(totals['accounts'], 'account')} on {counted(totals['hosts'], 'host')}"
    return (
        f"{who} used {counted(len(services), 'service')}: {named}. {counted(totals['messages'], 'message')} and "
        f"{counted(totals['transfers'], 'file')} were seen."
    )


def _findings(report: Figures) -> str:
    if not report.totals["findings"]:
        return "There is no finding."
    grave = [f"{report.severities[name]:,} {name}" for name in _WORST if report.severities.get(name)]
    worst = f", {' and '.join(grave)}" if grave else ", none of them high or critical"
    said = f"There {'is' if report.totals['findings'] == 1 else 'are'} {counted(report.totals['findings'], 'finding')}"
    return f"{said}{worst}: {report.worst.lower()} first of all."


def _compared(report: Figures) -> str:
    if report.changes is None:
        return ""
    parts = [f"{count:,} {STATES[name]}" for name, count in report.changes.items() if count]
    return f"Against the span before: {', '.join(parts) or 'nothing to compare'}."
