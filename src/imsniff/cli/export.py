"""`imsniff export`: records for other programs."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from imsniff.base.records import KINDS
from imsniff.cli.options import database, db_option, moment, span_options
from imsniff.cli.terminal import Reporter


@click.command(
    epilog="""\b
Examples:
  imsniff export                                        everything, JSON Lines
  imsniff export login exposure --since 2026-11-01
  imsniff export finding --format csv -o findings.csv
""",
)
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS), metavar="[KIND ...]")
@db_option
@span_options
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE", help="Write to a file."
)
@click.pass_obj
def command(
    voice: Reporter,
    kinds: tuple[str, ...],
    db: str | None,
    since: str | None,
    until: str | None,
    tz: ZoneInfo | None,
    form: str,
    output: Path | None,
) -> None:
    """Export records and findings for other programs.

    KIND is any of session, login, message, presence, contact, transfer, exposure, anomaly, finding; without one all are
    exported. Records come kind by kind, each in packet order.
    """
    from imsniff.cli.output import opened
    from imsniff.export.as_csv import write_csv
    from imsniff.export.as_jsonl import write_jsonl
    from imsniff.export.kinds import exported
    from imsniff.store.opening import open_for_reading
    from imsniff.store.query import Span

    asked = kinds or KINDS
    with open_for_reading(database(db)) as store, opened(output) as out:
        stream = exported(store, asked, Span(moment(since, tz, "'--since'"), moment(until, tz, "'--until'")))
        count = write_csv(stream, asked, out) if form == "csv" else write_jsonl(stream, out)
    voice.detail(f"{count:,} records")
