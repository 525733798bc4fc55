"""Opening a database: SQLite by default, any SQLAlchemy URL for a team; made, checked, and refused with a reason."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from imsniff.base.escape import visible
from imsniff.base.limits import MAKING_ATTEMPTS, STORE_BUSY_SECONDS
from imsniff.store import migrations
from imsniff.store.errors import StoreError, explained, shown
from imsniff.store.schema import META, VERSION, metadata

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
"""What a short URL means; the extra `postgresql` installs psycopg 3."""


def url_of(where: str) -> URL:
    """A URL as it is; anything else is a SQLite file. Raises StoreError for what is neither."""
    if "://" not in where:
        return URL.create("sqlite", database=str(Path(where).expanduser()))
    try:
        url = make_url(where)
    except ArgumentError:
        raise StoreError(f"database {visible(where.partition('@')[2] or where)}: not a database URL") from None
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


class Store:
    """An open database. `begin` and `connect` give connections; whatever they raise is a StoreError."""

    def __init__(self, url: URL, engine: Engine) -> None:
        self.url = url
        self.engine = engine

    @property
    def name(self) -> str:
        return shown(self.url)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back whole when anything is raised."""
        with self._explained(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """For reading."""
        with self._explained(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as why:
            raise explained(self.url, why) from why

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_for_writing(where: str) -> Store:
    """Make the database where there is none, and check that this program may write it."""
    url = url_of(where)
    file = _file(url)
    if file is not None:
        _make_private(url, file)
    store = Store(url, _engine(url))
    for attempt in range(1, MAKING_ATTEMPTS + 1):
        try:
            _make(store)
        except StoreError as why:  # another process makes it at the same time, or is in the midst of it
            raced = isinstance(why.__cause__, OperationalError | ProgrammingError | IntegrityError)
            if not raced or attempt == MAKING_ATTEMPTS:
                raise
            time.sleep(random.uniform(0.05, 0.2) * attempt)
        else:
            break
    return store


def _make(store: Store) -> None:
    with store.begin() as connection:
        there = set(inspect(connection).get_table_names())
        if META.name not in there:
            _refuse_strangers(store, there)
            META.create(connection)
        if migrations.version_of(connection) is None:  # first of all: a making that the disk cut short can go on
            migrations.write_version(connection, VERSION)
    _check_version(store, whole=False)
    if set(metadata.tables) - there:
        with store.begin() as connection:
            metadata.create_all(connection)


def open_for_reading(where: str) -> Store:
    """Open what is there and change nothing. A SQLite file that may not be written is opened read-only."""
    url = url_of(where)
    file = _file(url)
    if file is not None:
        if not file.is_file():
            remedy = "run `imsniff analyze` first, or name another one with --db"
            raise StoreError(f"database {shown(url)}: there is none here; {remedy}")
        if not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
            return _read_only(url, file)
    store = Store(url, _engine(url))
    _check_version(store)
    return store


def open_for_upgrade(where: str) -> tuple[Store, list[int]]:
    """Bring an older database up to date; the versions it went through."""
    url = url_of(where)
    open_for = Store(url, _engine(url))
    file = _file(url)
    if file is not None and not file.is_file():
        raise StoreError(f"database {shown(url)}: there is none here to upgrade")
    with open_for.begin() as connection:
        _refuse_newer(open_for, connection)
        taken = migrations.upgrade(connection)
    return open_for, taken


def _file(url: URL) -> Path | None:
    """The file of a SQLite database; None for a server or memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def _make_private(url: URL, file: Path) -> None:
    """What is in the database is nobody else's business: owner only, from its first byte."""
    try:
        if not file.parent.exists():
            file.parent.mkdir(parents=True, mode=0o700)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except IsADirectoryError:
        raise StoreError(f"database {shown(url)}: is a folder; name a file in it with --db") from None
    except OSError as why:
        said = why.strerror or str(why)
        raise StoreError(
            f"database {shown(url)}: cannot be written ({said}); change its permissions or name another file with --db"
        ) from None


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_pre_ping=True)
        engine = create_engine(url, connect_args={"timeout": STORE_BUSY_SECONDS})
    except NoSuchModuleError:
        raise StoreError(f"database {shown(url)}: this kind of database is not known to SQLAlchemy") from None
    except ModuleNotFoundError as why:
        remedy = "pip install 'imsniff[postgresql]'" if url.get_backend_name() == "postgresql" else "install it"
        raise StoreError(f"database {shown(url)}: the driver {why.name} is not installed; {remedy}") from None

    def on_connect(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
        # WAL: readers and the writer do not wait for each other. NORMAL: a power cut costs the last batch, never more.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # ids are random, so a batch touches pages all over the indices: keep those in memory, copy them back seldom
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA wal_autocheckpoint = 8000")

    event.listen(engine, "connect", on_connect)
    return engine


def _read_only(url: URL, file: Path) -> Store:
    """`mode=ro` suffices unless WAL's side files are missing from a folder that cannot be written: then `immutable`."""
    query = {"mode": "ro", "uri": "true"}
    store = Store(url, create_engine(URL.create("sqlite", database=file.absolute().as_uri(), query=query)))
    try:
        _check_version(store)
    except StoreError:
        query["immutable"] = "1"
        store = Store(url, create_engine(URL.create("sqlite", database=file.absolute().as_uri(), query=query)))
        _check_version(store)
    return store


def _refuse_strangers(store: Store, there: set[str]) -> None:
    """Somebody else's database is not ours to put tables into; a server's may be shared, if no table has our name."""
    if there if store.url.get_backend_name() == "sqlite" else there & set(metadata.tables):
        raise StoreError(f"database {store.name}: belongs to another program; name another one with --db")


def _check_version(store: Store, *, whole: bool = True) -> None:
    """whole: every table must be there."""
    with store.connect() as connection:
        there = set(inspect(connection).get_table_names())
        if META.name not in there:
            raise StoreError(f"database {store.name}: was not made by imsniff; name another one with --db")
        _refuse_newer(store, connection)
        found = migrations.version_of(connection)
        if found is not None and found < VERSION:
            raise StoreError(
                f"database {store.name}: has schema {found}, this program writes {VERSION}; "
                f"run `imsniff db upgrade` on it (a copy first is wise)"
            )
        if found is None or (whole and set(metadata.tables) - there):
            raise StoreError(
                f"database {store.name}: was not made to its end, as when the disk is full; "
                f"make room and run `imsniff analyze` on it again, or delete it"
            )


def _refuse_newer(store: Store, connection: Connection) -> None:
    found = migrations.version_of(connection)
    if found is not None and found > VERSION:
        raise StoreError(
            f"database {store.name}: was written by a newer imsniff (schema {found}, this program knows {VERSION}); "
            f"update imsniff, or name another database with --db"
        )
