"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

db_option = click.option(
    "--db",
    metavar="PATH|URL",
    envvar="IMSNIFF_DB",
    show_envvar=True,
    help="Database: a SQLite file or any SQLAlchemy URL.  [default: imsniff.db in the platform's data directory]",
)

signatures_option = click.option(
    "--signatures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    envvar="IMSNIFF_SIGNATURES",
    show_envvar=True,
    help="Signatures of your own: they add to the packaged ones, and replace them by id.",
)

policy_option = click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar="IMSNIFF_POLICY",
    show_envvar=True,
    help="Policy file, TOML: what is allowed, what is forbidden, how bad a risk is.",
)


def home() -> Path:
    """The platform's data directory for this program."""
    import platformdirs

    return platformdirs.user_data_path("imsniff")


def database(given: str | None) -> str:
    return given or str(home() / "imsniff.db")


def _moment(_: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    """A time as people write it, as the RFC 3339 text that records have."""
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        wanted = "give one as 2026-11-22 or 2026-11-22T14:30:00Z"
        raise click.BadParameter(f"{given!r} is not a time; {wanted}", param=parameter) from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def span_options(function: Function) -> Function:
    """`--since` and `--until`, packet time in UTC."""
    since = click.option("--since", callback=_moment, metavar="TIME", help="Only from this time on (packet time, UTC).")
    until = click.option("--until", callback=_moment, metavar="TIME", help="Only before this time.")
    return since(until(function))
