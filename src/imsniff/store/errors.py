"""What can go wrong with a database, in the operator's words: where, why, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imsniff.base.escape import visible
from imsniff.base.limits import STORE_BUSY_SECONDS

if TYPE_CHECKING:  # who only catches a StoreError need not load SQLAlchemy
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import SQLAlchemyError


class StoreError(Exception):
    """The message names the database, the cause and the remedy. What was written before stays written."""


class _Trouble(NamedTuple):
    pattern: re.Pattern[str]
    cause: str
    remedy: str


def _trouble(pattern: str, cause: str, remedy: str) -> _Trouble:
    return _Trouble(re.compile(pattern, re.IGNORECASE), cause, remedy)


_TROUBLES = (
    _trouble(
        r"database (?:table )?is locked|database schema is locked",
        f"another program is writing to it and did not finish in {STORE_BUSY_SECONDS} s",
        "wait for that program, or give this run a database of its own with --db",
    ),
    _trouble(
        r"readonly database|read-only transaction",
        "it may not be written to",
        "change its permissions and those of its folder, or name another file with --db",
    ),
    _trouble(
        r"unable to open database file",
        "it cannot be opened: the folder is missing, or may not be read or written",
        "make the folder or change its permissions, or name another file with --db",
    ),
    _trouble(
        r"file is not a database|file is encrypted",
        "it is not a SQLite database",
        "name another file with --db; this one is left as it is",
    ),
    _trouble(
        r"disk is full|disk full|no space left",
        "the disk is full",
        "make room and run again: what was already read is counted once only",
    ),
    _trouble(
        r"malformed|disk I/O error",
        "it is damaged, or its disk is",
        "run `imsniff db verify`, and restore it from a copy",
    ),
    _trouble(
        r"password authentication failed|no password supplied|role .* does not exist|permission denied",
        "the database server refuses this user",
        "check user, password and rights in the --db URL",
    ),
    _trouble(
        r"database .* does not exist",
        "the server has no database of this name",
        "create it, for example with `createdb`",
    ),
    _trouble(
        r"connection refused|could not (?:connect|translate)|timeout expired|failed to resolve|connection failed|"
        r"server closed the connection|connection is lost|terminating connection",
        "the database server cannot be reached",
        "check host and port in the --db URL, and that the server runs",
    ),
)


def shown(url: URL) -> str:
    """The database as messages name it: a file's path, or the URL without its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return visible(url.database)
    return visible(url.render_as_string(hide_password=True))


def explained(url: URL, why: SQLAlchemyError) -> StoreError:
    """A StoreError for whatever SQLAlchemy raised."""
    from sqlalchemy.exc import DBAPIError

    said = str(why.orig) if isinstance(why, DBAPIError) and why.orig is not None else str(why)
    first = visible(said.strip().splitlines()[0] if said.strip() else type(why).__name__)
    for trouble in _TROUBLES:
        if trouble.pattern.search(said):
            return StoreError(f"database {shown(url)}: {trouble.cause} ({first}); {trouble.remedy}")
    return StoreError(f"database {shown(url)}: {first}")
