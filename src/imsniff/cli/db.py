"""`imsniff db`: looking after the database."""

from __future__ import annotations

import click

from imsniff.base.escape import visible
from imsniff.cli.exits import Exit
from imsniff.cli.options import database, db_option
from imsniff.cli.terminal import Reporter


@click.group(
    epilog="""\b
Examples:
  imsniff db stats
  imsniff db verify --db /srv/imsniff/audit.db
  imsniff db upgrade
""",
)
def command() -> None:
    """Look after the database: statistics, upgrade, verification."""


@command.command(
    epilog="""\b
Example:
  imsniff db stats --db postgresql://sensor@db.example.org/imsniff
""",
)
@db_option
def stats(db: str | None) -> None:
    """Count what is in the database."""
    from imsniff.report.tabular import table
    from imsniff.store.health import counts
    from imsniff.store.opening import open_for_reading

    with open_for_reading(database(db)) as store:
        table(["What", "Count"], [(name, f"{count}") for name, count in counts(store).items()])


@command.command(
    epilog="""\b
Example:
  cp imsniff.db imsniff.db.before && imsniff db upgrade --db imsniff.db
""",
)
@db_option
@click.pass_obj
def upgrade(voice: Reporter, db: str | None) -> None:
    """Bring the database of an older imsniff up to date.

    All steps are one transaction: a database is upgraded whole or stays as it is.
    """
    from imsniff.store.opening import open_for_upgrade

    store, taken = open_for_upgrade(database(db))
    with store:
        if taken:
            voice.note(f"database {store.name}: upgraded to schema {taken[-1]}")
        else:
            voice.note(f"database {store.name}: is up to date")


@command.command(
    epilog="""\b
Example:
  imsniff db verify || echo "restore it from a copy"
""",
)
@db_option
@click.pass_obj
def verify(voice: Reporter, db: str | None) -> int:
    """Check that the database is whole and consistent.

    Exits with 3 where it is not.
    """
    from imsniff.store.health import faults
    from imsniff.store.opening import open_for_reading

    with open_for_reading(database(db)) as store:
        found = faults(store)
        for fault in found:
            click.echo(visible(fault))
        voice.note(f"database {store.name}: {len(found)} faults" if found else f"database {store.name}: consistent")
    return Exit.INPUT if found else Exit.DONE
