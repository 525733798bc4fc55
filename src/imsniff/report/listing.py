"""Findings, as `analyze` and `report` list them alike: by risk on a terminal, a tab-separated line each when piped."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import click

from imsniff.base.escape import visible
from imsniff.base.records import FindingRecord
from imsniff.report.groups import RiskGroup, by_risk
from imsniff.report.layout import (
    SEVERITY_STYLES,
    Column,
    cut_end,
    cut_middle,
    cut_place,
    cut_time,
    lines,
    styled,
    width_of_terminal,
)
from imsniff.report.words import counted, period, place

ID_SHOWN = 8
"""Digits of a finding's id on a terminal: `explain` takes the beginning of one."""

COLUMNS = (
    "severity",
    "risk",
    "subject",
    "host",
    "count",
    "first_seen",
    "last_seen",
    "id",
    "service",
    "capture",
    "frame",
    "server",
    "server_name",
)
"""Of the tab-separated lines. Scripts rely on them: new ones come at the end."""


def print_tsv(shown: Iterable[FindingRecord], *, changes: bool) -> None:
    """Every finding, whole. changes: with a first column that says how each stands."""
    rows = ["\t".join((["change"] if changes else []) + list(COLUMNS))]
    for f in shown:
        cells = {
            "severity": f.severity.value,
            "first_seen": f"{f.first_seen[:19]}Z",
            "last_seen": f"{f.last_seen[:19]}Z",
        }
        texts = [cells[name] if name in cells else str(getattr(f, name) or "") for name in COLUMNS]
        rows.append("\t".join([visible(text) for text in ([f.change or ""] if changes else []) + texts]))
    click.echo("\n".join(rows))


def print_findings(shown: Iterable[FindingRecord], most: int, elsewhere: str) -> None:
    """By risk, the worst first, at most so many rows each. elsewhere: the command that shows all."""
    for group in by_risk(shown):
        print_group(group, most, elsewhere)


def print_group(group: RiskGroup, most: int, elsewhere: str) -> None:
    """One risk: what it is, what to do, and who is concerned."""
    width = width_of_terminal()
    many = f"{counted(group.total, 'finding')}, seen {counted(group.sightings, 'time')}"
    severity = group.severity.value.upper()
    title = cut_end(group.title, width - len(severity) - 2)
    click.echo(f"{styled(severity, SEVERITY_STYLES[group.severity])}  {styled(title, 'bold')}")
    click.echo(styled(cut_end(f"  {group.risk}: {many}", width), "dim"))
    for line in textwrap.wrap(group.remedy, width - 2):
        click.echo(f"  {line}")
    print_rows(group.findings[:most], width)
    if group.total > most:
        click.echo(styled(f"  … {group.total - most:,} more: {elsewhere}", "dim"))
    click.echo()


_ROW = (
    Column("", most=8),
    Column("severity", most=8, leaves=4),
    Column("subject", good=16, least=10, most=46, cut=cut_middle, style="bold"),
    Column("service", most=10),
    Column("host", good=15, least=10, most=39, cut=cut_middle),
    Column("seen", right=True, most=9),
    Column("when", good=16, least=10, most=23, cut=cut_time, leaves=2),
    Column("evidence", good=18, least=12, most=40, cut=cut_place),
    Column("id", most=ID_SHOWN, style="cyan"),
    Column("what was seen", good=30, most=320, leaves=5, style="dim"),
)


_CHANGES = {"standing": "", "not_verified": "unknown", "reopened": "again"}
"""How a finding stands, where there is little room."""
_CHANGE_STYLES = {"new": "green", "worse": "red", "reopened": "green", "gone": "dim", "not_verified": "dim"}


def print_rows(shown: Sequence[FindingRecord], width: int) -> None:
    """The rows of one risk, or of several of which each says its own."""
    mixed = len({one.severity for one in shown}) > 1
    rows = [_row(one, mixed=mixed) for one in shown]
    styles = [_CHANGE_STYLES.get(one.change or "", "") for one in shown]
    for line in lines(_ROW, rows, width - 2, styles=styles):
        click.echo(f"  {line}")


def _row(f: FindingRecord, *, mixed: bool) -> tuple[object, ...]:
    return (
        _CHANGES.get(f.change or "", f.change or ""),
        f.severity.value if mixed else "",
        f.subject,
        f.service,
        f.host,
        f"{f.count:,}",
        period(f.first_seen, f.last_seen),
        place(f.capture, f.frame, f.count - 1),
        f.id[:ID_SHOWN],
        f.evidence[0].excerpt if f.evidence else "",
    )
