"""`imsniff report`: the periodic audit."""

from __future__ import annotations

from pathlib import Path

import click

from imsniff import PROGRAM
from imsniff.cli.exits import Exit, Failure
from imsniff.cli.options import database, db_option, span_options
from imsniff.cli.terminal import Reporter

UNRECORDED = {"may not be written": "the database is read-only", "the disk is full": "the disk is full"}
"""What may keep an audit from being recorded, by the store's words: the report is made all the same."""


@click.command(
    epilog="""\b
Examples:
  imsniff report
  imsniff report --format html -o audit.html
  imsniff report --format pdf -o audit.pdf
  imsniff report --since 2026-10-01 --until 2026-11-01      October, compared with the last such span
  imsniff report --compare 3 --format json | jq .changes

A report covers the runs since the last one and is remembered as an audit; asked again without new runs it is the same
audit, in whatever format. With --since or --until it covers that time over all runs.
""",
)
@db_option
@span_options
@click.option(
    "--compare",
    default="previous",
    show_default=True,
    metavar="previous|none|ID",
    help="Which audit to compare with.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "html", "pdf", "json", "csv"]),
    help="[default: terminal, or what the name after -o says; tab-separated when piped]",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE", help="Write to a file."
)
@click.pass_obj
def command(
    voice: Reporter,
    db: str | None,
    since: str | None,
    until: str | None,
    compare: str,
    form: str | None,
    output: Path | None,
) -> int:
    """Report what was found, and what is new, gone and standing since the last audit."""
    from imsniff.base.limits import MAX_REPORT_FINDINGS
    from imsniff.report.model import EmptyStore, build
    from imsniff.store.errors import StoreError
    from imsniff.store.opening import open_for_reading

    chosen = form or _form_of(output)
    limit = MAX_REPORT_FINDINGS if chosen in ("html", "pdf") else None
    with open_for_reading(database(db)) as store:
        how = {"program": PROGRAM, "since": since, "until": until, "compare": compare, "limit": limit}
        try:
            try:
                report = build(store, **how)  # type: ignore[arg-type]  # each key has its own type
            except StoreError as why:
                said = next((said for cause, said in UNRECORDED.items() if cause in str(why)), None)
                if said is None:
                    raise
                voice.warn(f"{said}: this audit is not remembered")
                report = build(store, record=False, **how)  # type: ignore[arg-type]
        except EmptyStore as why:
            raise Failure(f"database {store.name}: {why}", Exit.INPUT) from None
        except LookupError as why:
            raise click.BadParameter(str(why), param_hint="'--compare'") from None
    if chosen == "terminal":
        from imsniff.report.as_terminal import print_report

        if output is not None and str(output) != "-":
            raise click.UsageError("-o needs --format html, pdf, json or csv, or a file name that ends so.")
        print_report(report, drawn=form is not None)
        return Exit.DONE
    _write(voice, _made(report, chosen), output)
    return Exit.DONE


def _form_of(output: Path | None) -> str:
    ending = "" if output is None else output.suffix.lower().removeprefix(".")
    return {"htm": "html"}.get(ending, ending) if ending in ("html", "htm", "pdf", "json", "csv") else "terminal"


def _made(report: object, form: str) -> bytes:
    from imsniff.report.model import Report, as_json

    assert isinstance(report, Report), "built by `build`"
    if form == "json":
        return as_json(report) + b"\n"
    if form == "csv":
        from imsniff.report.as_csv import as_csv

        return as_csv(report).encode()
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
