"""`imsniff report`: the periodic audit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from imsniff import PROGRAM
from imsniff.base import period as periods
from imsniff.cli.exits import Exit, Failure
from imsniff.cli.options import database, db_option, moment, period, policy_option, span_options
from imsniff.cli.terminal import Reporter

if TYPE_CHECKING:
    from imsniff.policy.policy import Policy
    from imsniff.report.model import Report
    from imsniff.store.opening import Store
    from imsniff.store.query import Span

FORMS = ("html", "pdf", "json", "csv", "md")


@click.command(
    epilog="""\b
Examples:
  imsniff report
  imsniff report --period last-week -o audit.html      compared with the week before
  imsniff report --period 2026-10 -o october.pdf       compared with September
  imsniff report --since 2026-10-01 --until 2026-10-15 --compare none
  imsniff report --period month --record "November, before the new policy"
  imsniff report --period month --compare "November, before the new policy" --format json | jq .changes

Without a period the report covers all that was ever seen, and is compared with nothing. Looking changes nothing: the
same period gives the same report again, whatever the number of runs and files that were read.
""",
)
@db_option
@click.option(
    "--period",
    "named",
    metavar="P",
    help="last-week, yesterday, 7d, month, 2026-W47, 2026-11, 2026-11-22, ...: instead of --since and --until.",
)
@span_options
@click.option(
    "--compare",
    default="previous",
    show_default=True,
    metavar="previous|none|P|NAME",
    help="With which span: the one before, another period, or an audit kept by name.",
)
@click.option("--record", metavar="NAME", help="Keep this audit by name, to compare with later.")
@policy_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", *FORMS]),
    help="[default: terminal, or what the name after -o says; tab-separated when piped]",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE", help="Write to a file."
)
@click.pass_obj
def command(
    voice: Reporter,
    db: str | None,
    named: str | None,
    since: str | None,
    until: str | None,
    tz: ZoneInfo | None,
    compare: str,
    record: str | None,
    policy: Path | None,
    form: str | None,
    output: Path | None,
) -> int:
    """Report what was found in a time, and how it stands against the time before."""
    from imsniff.base.limits import MAX_RISK_ROWS
    from imsniff.report.model import EmptyStore, build
    from imsniff.store import audits
    from imsniff.store.findings import ranks
    from imsniff.store.opening import open_for_reading
    from imsniff.store.query import Span

    chosen = form or _form_of(output)
    if chosen == "terminal" and output is not None and str(output) != "-":
        raise click.UsageError(f"-o needs --format {', '.join(FORMS)}, or a file name that ends so.")
    if named is not None and (since is not None or until is not None):
        raise click.UsageError("--period says when; leave out --since and --until.")
    if named is not None:
        span = Span(*period(named, tz, "'--period'").texts)
    else:
        span = Span(moment(since, tz, "'--since'"), moment(until, tz, "'--until'"))
    with open_for_reading(database(db)) as store:
        try:
            report = build(
                store,
                program=PROGRAM,
                made=periods.text(datetime.now(UTC)),
                span=span,
                before=_before(store, span, compare, tz),
                policy=_policy(store, policy),
                limit=MAX_RISK_ROWS if chosen in ("html", "pdf", "md") else None,
            )
        except EmptyStore as why:
            raise Failure(f"database {store.name}: {why}", Exit.INPUT) from None
        except LookupError as why:
            raise click.BadParameter(str(why), param_hint="'--compare'") from None
        if record is not None:
            audits.keep(store, record, report.made, span, ranks(store, span))
            voice.note(f"kept as {record!r}")
    if chosen == "terminal":
        from imsniff.report.as_terminal import print_report

        print_report(report, drawn=form is not None)
        return Exit.DONE
    _write(voice, _made(report, chosen), output)
    return Exit.DONE


def _before(store: Store, span: Span, compare: str, zone: ZoneInfo | None) -> Span | str | None:
    """What to compare with; None: nothing, as where the span has no beginning."""
    from imsniff.store import audits, coverage
    from imsniff.store.query import Span

    if compare == "none":
        return None
    if compare == "previous":
        ends = coverage.ends(store)
        until = span.until or (ends[1] if ends is not None else None)
        if span.since is None or until is None or until <= span.since:
            return None
        asked = periods.Period(*(datetime.fromisoformat(one).astimezone(zone) for one in (span.since, until)))
        return Span(*asked.before.texts)
    if compare in {name for one in audits.audits(store) for name in (one.name, one.name.removeprefix("audit "))}:
        return compare
    try:
        return Span(*periods.read(compare, datetime.now(UTC), zone).texts)
    except (ValueError, OverflowError):
        return compare


def _policy(store: Store, file: Path | None) -> Policy | None:
    """The policy of this file; else the one of the latest run, where it had one."""
    from imsniff.policy import file as policies
    from imsniff.rules import loader
    from imsniff.store import query

    if file is not None:
        return policies.load(file, loader.load().names)
    options = query.latest_options(store)
    text = options.get("policy_text")
    return policies.parse(text, Path(options["policy"])) if text else None


def _form_of(output: Path | None) -> str:
    ending = "" if output is None else output.suffix.lower().removeprefix(".")
    ending = {"htm": "html", "markdown": "md"}.get(ending, ending)
    return ending if ending in FORMS else "terminal"


def _made(report: Report, form: str) -> bytes:
    if form == "json":
        from imsniff.report.model import as_json

        return as_json(report) + b"\n"
    if form == "csv":
        from imsniff.report.as_csv import as_csv

        return as_csv(report).encode()
    if form == "md":
        from imsniff.report.as_markdown import as_markdown

        return as_markdown(report).encode()
    if form == "html":
        from imsniff.report.as_html import as_html

        return as_html(report).encode()
    from imsniff.report.as_pdf import NoPrinter, as_pdf

    try:
        return as_pdf(report)
    except NoPrinter as why:
        raise Failure(str(why), Exit.USAGE) from None


def _write(voice: Reporter, made: bytes, output: Path | None) -> None:
    from imsniff.cli.output import opened

    with opened(output) as out:
        out.write(made)
    if output is not None and str(output) != "-":
        voice.note(f"written to {output}")
