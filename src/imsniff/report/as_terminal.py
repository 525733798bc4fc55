"""The report on a terminal: what changed, what is there, where to go. Piped: one table, tab-separated."""

from __future__ import annotations

import click

from imsniff.escape import visible
from imsniff.report.model import Report, Shown
from imsniff.report.tabular import is_terminal, table


def print_report(report: Report) -> None:
    shown = [one for group in report.risks for one in group.findings]
    if is_terminal():
        _head(report)
    rows = [_row(one) for one in shown]
    rows += [_row(Shown(finding=finding, change="gone")) for finding in report.gone]
    table(
        ["Change", "Severity", "Risk", "Subject", "Host", "Count", "First seen", "Last seen", "ID"],
        rows,
        severity=1,
        title="Findings" if rows else "Nothing was found",
    )
    if is_terminal():
        _foot(report)


def _row(one: Shown) -> tuple[object, ...]:
    f = one.finding
    return (
        one.change,
        f.severity.value,
        f.risk,
        f.subject,
        f.host,
        f.count,
        f.first_seen[:19] + "Z",
        f.last_seen[:19] + "Z",
        f.id,
    )


def _head(report: Report) -> None:
    period, totals = report.period, report.totals
    name = f"Audit {period.audit}" if period.audit else "Audit (not recorded, the database is read-only)"
    click.secho(f"{name}, made {period.made[:19]}Z", bold=True)
    if report.first_packet and report.last_packet:
        click.echo(f"Traffic of {report.first_packet[:19]}Z to {report.last_packet[:19]}Z")
    click.echo(
        f"{totals['sessions']:,} sessions of {totals['accounts']:,} accounts on {totals['hosts']:,} hosts; "
        f"{totals['messages']:,} messages, {totals['credentials']:,} log-ins, {totals['transfers']:,} transfers"
    )
    click.echo(
        "Protocols: " + (", ".join(f"{visible(name)} {count:,}" for name, count in report.protocols.items()) or "none")
    )
    click.echo(
        "Findings: " + (", ".join(f"{count:,} {name}" for name, count in report.severities.items() if count) or "none")
    )
    if report.compared_with:
        changes = report.changes
        click.echo(
            f"Against audit {report.compared_with.audit} of {report.compared_with.made[:19]}Z: "
            f"{changes['new']:,} new, {changes['gone']:,} gone, {changes['standing']:,} standing"
        )
    else:
        click.echo("Compared with nothing: the next audit will say what is new, gone and standing")
    click.echo()


def _foot(report: Report) -> None:
    if report.risks:
        click.secho("What to do", bold=True)
    for group in report.risks:
        click.echo(f"  {group.risk} ({len(group.findings)}): {group.remedy}")
    click.echo("\nWhy one was reported: imsniff explain ID. What the sensor cannot see: the HTML report says.")
