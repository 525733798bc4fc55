"""The report on a terminal: what to do first, the answers, the findings by risk, then what is gone. Piped: the findings
as tab-separated lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import click

from imsniff.base.escape import visible
from imsniff.base.limits import MAX_TERMINAL_ROWS
from imsniff.base.records import FindingRecord
from imsniff.report.layout import Column, cut_middle, cut_place, cut_time, lines, styled, width_of_terminal
from imsniff.report.listing import print_findings, print_rows, print_tsv
from imsniff.report.model import Report
from imsniff.report.overview import Address, Channel, Credential, Port, Talker
from imsniff.report.tabular import is_terminal
from imsniff.report.words import counted, period, place

ELSEWHERE = "imsniff report -o report.html"


def print_report(report: Report, *, drawn: bool = False) -> None:
    """drawn: as on a terminal wherever it goes, for who asked for it by name; as wide as COLUMNS says."""
    shown = [finding for group in report.risks for finding in group.findings]
    if not drawn and not is_terminal():
        lost = (*report.gone, *report.allowed, *report.not_verified, *report.information)
        print_tsv([*shown, *lost], changes=True)
        return
    _head(report)
    _actions(report)
    view = report.overview
    _table("Which instant messaging ran", _CHANNEL, [_channel(one) for one in view.channels])
    _table("Who talked", _TALKER, [_talker(one) for one in view.talkers])
    passwords = [one for one in view.credentials if one.grade != "token"]
    tokens = [one for one in view.credentials if one.grade == "token"]
    _table("Passwords that leaked, readable or to be guessed", _CREDENTIAL, [_credential(one) for one in passwords])
    _table("Tokens that leaked: who replays one is logged in", _CREDENTIAL, [_credential(one) for one in tokens])
    _table("Addresses that leaked", _ADDRESS, [_address(one) for one in view.addresses])
    click.echo(styled("Findings, the worst first", "bold"))
    click.echo("Nothing was found.\n" if not shown else "")
    print_findings(shown, MAX_TERMINAL_ROWS, ELSEWHERE)
    _others("Gone: their hosts were there, and they were not seen", report.gone)
    _others("Not verified: their hosts were not seen in this time", report.not_verified)
    _others("Allowed by the policy now", report.allowed)
    if report.information:
        _say(f"{counted(len(report.information), 'finding')} for information only: {ELSEWHERE}")
    if report.expired:
        _say(f"Expired rules of the policy: {visible('; '.join(report.expired))}. Renew them or take them out.")
    if report.not_looked_for:
        _say(f"Not looked for, by the policy: {'; '.join(report.not_looked_for).lower()}.")
    _say("Why is one reported? imsniff explain ID. Its packets: imsniff explain ID --pcap FILE.")


def _head(report: Report) -> None:
    click.echo(styled("Instant messaging audit", "bold"))
    _say(visible(report.summary))
    totals = report.totals
    severities = [f"{count:,} {name}" for name, count in report.severities.items() if count]
    _say("Findings: " + (", ".join(severities) or "none"))
    _say(
        f"{counted(totals['credentials'], 'log-in')}, {counted(totals['transfers'], 'file')}, "
        f"{counted(totals['exposures'], 'address')} told"
    )
    broken = [visible(one.name) for one in report.inputs if one.error]
    if broken:
        _say("Not read whole: " + ", ".join(broken[:5]) + (f" and {len(broken) - 5} more" if broken[5:] else ""))
    click.echo()


def _actions(report: Report) -> None:
    if not report.actions:
        return
    click.echo(styled("Do first", "bold"))
    for number, one in enumerate(report.actions, 1):
        closes = f"{counted(one.closes, 'finding')} of {counted(one.people, one.of)}"
        _say(f"{number}. {visible(one.what)}. Closes {closes}, {one.severity.value}.")
    click.echo()


def _others(title: str, found: Sequence[FindingRecord]) -> None:
    if found:
        click.echo(styled(f"{title}: {counted(len(found), 'finding')}", "bold"))
        print_rows(found[:MAX_TERMINAL_ROWS], width_of_terminal())
        _more(len(found))
        click.echo()


def _say(text: str) -> None:
    for line in textwrap.wrap(text, width_of_terminal(), subsequent_indent="  "):
        click.echo(line)


def _table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
    if not rows:
        return
    click.echo(styled(title, "bold"))
    for line in lines(columns, rows[:MAX_TERMINAL_ROWS], width_of_terminal() - 2):
        click.echo(f"  {line}")
    _more(len(rows))
    click.echo()


def _more(rows: int) -> None:
    if rows > MAX_TERMINAL_ROWS:
        click.echo(styled(f"  … {rows - MAX_TERMINAL_ROWS:,} more: {ELSEWHERE}", "dim"))


_WHEN = Column("when", good=16, least=10, most=23, cut=cut_time, leaves=5)
_EVIDENCE = Column("packet", good=18, least=12, most=40, cut=cut_place)

_CHANNEL = (
    Column("service", most=14, style="bold"),
    Column("protocol", most=10),
    Column("sessions", right=True),
    Column("hosts", right=True, leaves=1),
    Column("ports", good=12, least=8, most=40),
    Column("odd ports", good=12, least=8, most=40, style="yellow"),
    Column("encrypted", right=True, leaves=2),
    _WHEN,
    _EVIDENCE,
)


def _channel(one: Channel) -> tuple[object, ...]:
    own = [port for port in one.ports if not port.odd]
    odd = [port for port in one.ports if port.odd]
    return (
        one.service,
        one.protocol if one.protocol != one.service else "",
        f"{one.sessions:,}",
        f"{one.hosts:,}",
        _ports(own),
        _ports(odd),
        f"{one.encrypted:,}" if one.encrypted else "",
        period(one.first_seen, one.last_seen),
        place(one.capture, one.frame),
    )


def _ports(ports: Sequence[Port]) -> str:
    """`5222 (12), 5060/udp (3)`: how many sessions went to each."""
    return ", ".join(f"{p.port}{'/udp' if p.transport == 'udp' else ''} ({p.sessions:,})" for p in ports)


_TALKER = (
    Column("account", good=20, least=12, most=46, cut=cut_middle, style="bold"),
    Column("service", most=14),
    Column("hosts", good=15, least=10, most=39),
    Column("sessions", right=True, leaves=1),
    Column("messages", right=True),
    _WHEN,
    _EVIDENCE,
)


def _talker(one: Talker) -> tuple[object, ...]:
    hosts = ", ".join(one.hosts)
    when = period(one.first_seen, one.last_seen)
    where = place(one.capture, one.frame)
    return (
        one.account,
        one.service,
        hosts,
        f"{one.sessions:,}",
        f"{one.messages:,}" if one.messages else "",
        when,
        where,
    )


_CREDENTIAL = (
    Column("account", good=18, least=12, most=46, cut=cut_middle, style="bold"),
    Column("service", most=14),
    Column("host", good=15, least=10, most=39, cut=cut_middle, leaves=3),
    Column("scheme", good=10, least=8, most=24),
    Column("grade", most=10, style="red"),
    Column("masked", good=14, least=6, most=24, leaves=2),
    Column("worked", most=7, leaves=4),
    Column("seen", right=True),
    _EVIDENCE,
    Column("fingerprint", most=16, leaves=5, style="dim"),
)

_CLASSES = {"lower case": "a-z", "upper case": "A-Z", "digits": "0-9", "others": "#!?"}


def _credential(one: Credential) -> tuple[object, ...]:
    return (
        one.account or "(not told)",
        one.service,
        one.host,
        one.scheme,
        one.grade,
        _masked(one.strength),
        {"ok": "yes", "failed": "no"}.get(one.outcome, "?"),
        f"{one.count:,}",
        place(one.capture, one.frame, one.count - 1),
        one.fingerprint,
    )


def _masked(strength: str) -> str:
    """`8 × a-z 0-9`, from the words of `privacy.strength`."""
    length, _, classes = strength.partition(" characters: ")
    return " ".join([f"{length} ×", *(_CLASSES.get(name, "") for name in classes.split(", "))]) if classes else ""


_ADDRESS = (
    Column("address", most=39, good=15, least=10, cut=cut_middle, style="bold"),
    Column("whose", good=18, least=10, most=46, cut=cut_middle),
    Column("service", most=14, leaves=2),
    Column("told to", good=14, least=10, most=46),
    Column("by", good=12, least=10, most=40, leaves=3),
    Column("seen", right=True),
    _EVIDENCE,
    Column("ports", most=24, leaves=4),
)


def _address(one: Address) -> tuple[object, ...]:
    return (
        f"{one.ip}{'' if one.internal else ' (public)'}",
        one.account or "(not told)",
        one.service,
        ", ".join(one.to) or "-",
        ", ".join(one.via),
        f"{one.count:,}",
        place(one.capture, one.frame, one.count - 1),
        ", ".join(map(str, one.ports)),
    )
