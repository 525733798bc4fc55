from __future__ import annotations

import itertools
import os
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from imsniff.base.records import SessionRecord
from imsniff.detect import Detectors
from imsniff.store.opening import open_for_writing
from imsniff.store.writer import Writer
from postgresql import server as postgresql_server


@pytest.fixture
def clock():
    ticks = itertools.count()
    return lambda: datetime(2026, 10, 1, tzinfo=UTC) + timedelta(seconds=next(ticks))


@pytest.fixture(params=["sqlite", "postgresql", "other"])
def where(request, tmp_path, monkeypatch):
    """A database of each kind; `other` is SQLite treated as one that has no ON CONFLICT."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        request.addfinalizer(_emptied(url))  # noqa: PT021 - the other kinds leave nothing behind
        return url
    if request.param == "other":
        monkeypatch.setattr("imsniff.store.conflict._INSERT", {})
    return str(tmp_path / "store.db")


@pytest.fixture(scope="session")
def postgresql():
    """URL of a PostgreSQL server that lives as long as the tests, or of the empty scratch database that
    IMSNIFF_TEST_POSTGRESQL names."""
    pytest.importorskip("psycopg")
    if url := os.environ.get("IMSNIFF_TEST_POSTGRESQL"):
        yield url
        return
    with postgresql_server() as (url, _):
        yield url


def _emptied(url):
    """Drops all tables now, and gives what drops them again."""
    from sqlalchemy import create_engine

    from imsniff.store.opening import url_of
    from imsniff.store.schema import metadata

    engine = create_engine(url_of(url))
    metadata.drop_all(engine)

    def drop():
        metadata.drop_all(engine)
        engine.dispose()

    return drop


@pytest.fixture
def write(where, clock):
    """Writes a run of records with the findings they give."""

    def run(*records):
        detectors = Detectors()
        known = {r.id: r for r in records if isinstance(r, SessionRecord)}
        with open_for_writing(where) as store, Writer(store, program="test", now=clock) as writer:
            writer.read = bool(records)
            for record in records:
                writer.add(record)
                if isinstance(record, SessionRecord):
                    found = detectors.on_session(record)
                else:  # an attempt belongs to no session
                    session = known.get(getattr(record, "session", ""))
                    found = detectors.on_record(session, record) if session else []
                for finding in found:
                    writer.add(finding)
        return writer.run

    return run


@pytest.fixture
def busy(tmp_path, monkeypatch):
    """A database that another program is writing to, for longer than anybody waits."""
    file = tmp_path / "busy.db"
    open_for_writing(str(file)).close()
    monkeypatch.setattr("imsniff.store.opening.STORE_BUSY_SECONDS", 0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield file
    other.close()
