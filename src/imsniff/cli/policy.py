"""`imsniff policy`: what is allowed and what is not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imsniff.base.escape import visible
from imsniff.cli.exits import Exit, Failure
from imsniff.cli.options import database, db_option, signatures_option
from imsniff.cli.terminal import Reporter

if TYPE_CHECKING:
    from imsniff.base.records import SessionRecord


@click.group(
    epilog="""\b
Examples:
  imsniff policy init > policy.toml
  imsniff policy check policy.toml
  imsniff policy show
""",
)
def command() -> None:
    """Write a policy file, check one, and show which is in force."""


@command.command(
    epilog="""\b
Example:
  imsniff policy init --db audit.db > policy.toml
""",
)
@db_option
def init(db: str | None) -> None:
    """Write a commented policy file from what the database has seen, to standard output."""
    from imsniff.policy.draft import draft

    click.echo(draft(_sessions(db)))


@command.command(
    epilog="""\b
Examples:
  imsniff policy check policy.toml
  imsniff policy check policy.toml --days 30
""",
)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@db_option
@signatures_option
@click.option(
    "--days", type=click.IntRange(1, 3_660), default=7, show_default=True, help="Days before the last packet."
)
@click.pass_obj
def check(voice: Reporter, file: Path, db: str | None, signatures: Path | None, days: int) -> int:
    """Say in sentences what a policy file means, and what it makes of the last days in the database.

    Where the file has faults they are all told, with their lines, and the exit code is 2.
    """
    from datetime import date

    from imsniff.policy import file as policies
    from imsniff.policy.effect import effects, sentences
    from imsniff.rules import loader

    policy = policies.load(file, loader.load(signatures).names)
    for said in sentences(policy):
        click.echo(visible(said))
    today = date.today()  # noqa: DTZ011 - the operator's own day
    for rule, _ in policy.in_order:
        if rule.until is not None and rule.until < today:
            voice.warn(f'"{visible(rule.name)}" has expired on {rule.until}: renew it or take it out')
    try:
        sessions = _sessions(db, days)
    except Failure as why:
        voice.detail(str(why))
        return Exit.DONE
    decided, left = effects(policy, sessions)
    voice.note(f"of {len(sessions):,} sessions in the last {days} days of the database:")
    for one in decided:
        word = "allowed" if one.allows else "forbidden"
        voice.note(f"  {one.sessions:,} {word} by {visible(one.rule.name)}, of {one.people:,} people")
    voice.note(f"  {left:,} under no rule")
    return Exit.DONE


@command.command(
    epilog="""\b
Example:
  imsniff policy show --db audit.db
""",
)
@db_option
def show(db: str | None) -> None:
    """Show the policy of the latest run in the database, as it was then, with its SHA-256."""
    from imsniff.store import query
    from imsniff.store.opening import open_for_reading

    with open_for_reading(database(db)) as store:
        options = query.latest_options(store)
    text = options.get("policy_text")
    if not text:
        raise Failure("the latest run had no policy file; name one with --policy", Exit.INPUT)
    click.echo(f"# {visible(str(options.get('policy', '')))}, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}")
    for line in text.splitlines():
        click.echo(visible(line))


def _sessions(db: str | None, days: int | None = None) -> list[SessionRecord]:
    """Of the database, or of its last days. Raises Failure where there is none."""
    from datetime import datetime, timedelta

    from imsniff.store import query
    from imsniff.store.errors import StoreError
    from imsniff.store.opening import open_for_reading

    try:
        with open_for_reading(database(db)) as store:
            found = query.sessions(store, query.EVERYTHING)
    except StoreError as why:
        raise Failure(str(why), Exit.INPUT) from None
    if days is None or not found:
        return found
    last = max(session.last_seen for session in found)
    since = (datetime.fromisoformat(last) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")
    return [session for session in found if session.last_seen >= since]
