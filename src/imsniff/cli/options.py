"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from imsniff.base import period as periods

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


def period(given: str, zone: ZoneInfo | None, hint: str) -> periods.Period:
    """A time or a span of time as people write it. hint: the option, for errors."""
    try:
        return periods.read(given, datetime.now(UTC), zone)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{given!r} is not a time; {periods.WANTED}", param_hint=hint) from None


def moment(given: str | None, zone: ZoneInfo | None, hint: str) -> str | None:
    """When such a time begins, as the RFC 3339 text that records have."""
    return None if given is None else periods.text(period(given, zone, hint).since)


def _zone(_: click.Context, parameter: click.Parameter, given: str | None) -> ZoneInfo | None:
    if given is None:
        return None
    try:
        return ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(
            f"{given!r} is no time zone; name one as Europe/Berlin or UTC", param=parameter
        ) from None


def span_options(function: Function) -> Function:
    """`--since` and `--until`, packet time, and the time zone in which they and periods are meant."""
    since = click.option("--since", metavar="TIME", help="Only from this time on (packet time).")
    until = click.option("--until", metavar="TIME", help="Only before this time.")
    zone = click.option(
        "--tz", callback=_zone, metavar="ZONE", help="Time zone of the times given, as Europe/Berlin.  [default: UTC]"
    )
    return since(until(zone(function)))
