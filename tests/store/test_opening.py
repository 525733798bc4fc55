import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, Text, insert, inspect, select

from imsniff.store import migrations, query
from imsniff.store.errors import StoreError
from imsniff.store.findings import findings
from imsniff.store.opening import open_for_reading, open_for_upgrade, open_for_writing, url_of
from imsniff.store.schema import META, SIGHTING, VERSION, metadata
from imsniff.store.writer import Writer
from made import session


def refused(how, where, *words):
    with pytest.raises(StoreError) as caught:
        how(str(where)).close()
    for word in (str(where).rpartition("/")[2], *words):
        assert word in str(caught.value)


def test_a_new_database_is_its_owners_alone(tmp_path):
    file = tmp_path / "new" / "deep" / "imsniff.db"
    open_for_writing(str(file)).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_not_there_cannot_be_read(tmp_path):
    refused(open_for_reading, tmp_path / "none.db", "there is none", "imsniff analyze")
    refused(open_for_upgrade, tmp_path / "none.db", "there is none")


def test_what_is_not_a_database_is_left_alone(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("these are notes\n" * 100)
    for how in (open_for_reading, open_for_writing):
        refused(how, file, "not a SQLite database", "--db")
    assert file.read_text().startswith("these are notes")


def test_a_folder_is_not_a_database(tmp_path):
    refused(open_for_writing, tmp_path, "folder")


def test_another_programs_database_is_left_alone(tmp_path):
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE message (id)")
    other.close()
    refused(open_for_writing, file, "another program")
    refused(open_for_reading, file, "not made by imsniff")


def test_a_newer_schema_is_refused(tmp_path):
    file = tmp_path / "newer.db"
    with open_for_writing(str(file)) as store, store.begin() as connection:
        migrations.write_version(connection, VERSION + 1)
    for how in (open_for_reading, open_for_writing, lambda where: open_for_upgrade(where)[0]):
        refused(how, file, "newer imsniff", "update imsniff")


def test_an_older_schema_is_refused_until_upgraded(tmp_path, monkeypatch):
    file = str(tmp_path / "old.db")
    open_for_writing(file).close()

    def step(operations):
        operations.add_column("run", Column("sensor", Text))

    monkeypatch.setattr("imsniff.store.opening.VERSION", VERSION + 1)
    monkeypatch.setattr("imsniff.store.migrations.STEPS", {VERSION + 1: step})
    monkeypatch.setattr(migrations.upgrade, "__kwdefaults__", {"to": VERSION + 1, "steps": None})
    refused(open_for_writing, file, "imsniff db upgrade")
    store, taken = open_for_upgrade(file)
    assert taken == [VERSION + 1]
    with store, store.connect() as connection:
        assert "sensor" in {column["name"] for column in inspect(connection).get_columns("run")}
        assert connection.execute(select(META.c.value)).scalar_one() == str(VERSION + 1)
    open_for_writing(file).close()
    store, taken = open_for_upgrade(file)
    store.close()
    assert taken == []


def test_a_step_that_fails_leaves_the_version(tmp_path, monkeypatch):
    file = str(tmp_path / "old.db")
    open_for_writing(file).close()

    def step(operations):
        operations.add_column("no such table", Column("sensor", Text))

    monkeypatch.setattr("imsniff.store.opening.VERSION", VERSION + 1)
    monkeypatch.setattr("imsniff.store.migrations.STEPS", {VERSION + 1: step})
    monkeypatch.setattr(migrations.upgrade, "__kwdefaults__", {"to": VERSION + 1, "steps": None})
    with pytest.raises(StoreError):
        open_for_upgrade(file)
    refused(open_for_reading, file, f"schema {VERSION}")


@pytest.fixture
def version_1(tmp_path):
    """A database as version 1 wrote it, with a run, its capture, and what was found there."""
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as old:
        old.executescript((Path(__file__).parent / "version1.sql").read_text("utf-8"))
    old.close()
    return file


def test_version_1_is_refused_with_the_remedy(version_1):
    for how in (open_for_writing, open_for_reading):
        refused(how, version_1, "schema 1", "imsniff db upgrade")


def test_version_1_is_upgraded_and_nothing_is_lost(version_1):
    with sqlite3.connect(version_1) as old:
        before = set(old.iterdump())
    old.close()
    store, taken = open_for_upgrade(str(version_1))
    with store:
        assert taken == [2, 3, 4]
        (run,) = query.runs(store)
        assert [(one.name, one.mark, one.sha256[:8], one.error) for one in run.inputs] == [
            ("lab.pcap", None, "5e9df61e", None)
        ]
        assert {finding.risk for finding in findings(store)} == {"rogue-im", "cleartext-messages"}
        assert query.whole_inputs(store, run.program, run.signatures, run.options) == set()
        before_ids = {line.split("'")[1] for line in before if line.startswith('INSERT INTO "sighting" VALUES')}
        with store.connect() as connection:
            sightings = connection.execute(select(SIGHTING)).all()
        assert len(sightings) == len([line for line in before if line.startswith('INSERT INTO "sighting" VALUES')])
        assert before_ids.isdisjoint({one.finding for one in sightings}), "a key names the server and no host now"
        assert all(one.host and one.server and one.session for one in sightings)


def test_an_upgraded_database_has_the_columns_of_a_new_one(version_1, tmp_path):
    open_for_upgrade(str(version_1))[0].close()
    columns = []
    for file in (version_1, tmp_path / "new.db"):
        with open_for_writing(str(file)) as store, store.connect() as connection:
            found = inspect(connection)
            columns.append(
                {
                    (table, one["name"], str(one["type"]), one["nullable"])
                    for table in found.get_table_names()
                    for one in found.get_columns(table)
                }
            )
    assert columns[0] == columns[1]


def test_a_locked_database_is_told_after_a_while(busy):
    with open_for_writing(str(busy)) as store, pytest.raises(StoreError, match="another program is writing"):
        Writer(store, program="test")


def test_a_full_disk_is_told_and_what_was_written_stays(tmp_path):
    from sqlalchemy import event

    file = str(tmp_path / "full.db")
    with open_for_writing(file) as store, Writer(store, program="test") as writer:
        writer.add(session())
    with open_for_writing(file) as store:
        event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
        store.engine.dispose()
        with pytest.raises(StoreError, match="the disk is full"), store.begin() as connection:
            connection.execute(insert(META), [{"key": str(n), "value": "x" * 9999} for n in range(500)])
    with open_for_reading(file) as store:
        assert query.count(store, "session") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_permissions(tmp_path):
    file = tmp_path / "imsniff.db"
    open_for_writing(str(file)).close()
    file.chmod(0o400)
    tmp_path.chmod(0o500)
    refused(open_for_writing, file, "cannot be written")
    open_for_reading(str(file)).close()


def test_read_only(tmp_path, monkeypatch):
    file = tmp_path / "with spaces & #.db"
    with open_for_writing(str(file)) as store, Writer(store, program="test") as writer:
        writer.add(session())
    monkeypatch.setattr("imsniff.store.opening.os.access", lambda *_: False)
    with open_for_reading(str(file)) as store:
        assert query.count(store, "session") == 1
        with pytest.raises(StoreError, match="may not be written"), store.begin() as connection:
            connection.execute(insert(META).values(key="a", value="b"))


def test_urls():
    assert url_of("postgresql://u@h/d").drivername == "postgresql+psycopg"
    assert url_of("a b.db").database == "a b.db"
    assert url_of("sqlite:///x.db").database == "x.db"


@pytest.mark.parametrize("url", ["nonsense://", "://", "oracle9://u:geheim@h/d"])
def test_bad_urls_do_not_tell_the_password(url):
    with pytest.raises(StoreError) as caught:
        open_for_writing(url)
    assert "geheim" not in str(caught.value)


def test_a_server_that_is_not_there():
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_for_writing("postgresql://u:geheim@127.0.0.1:1/d")
    assert "geheim" not in str(caught.value)


def test_the_schema_is_the_one_of_its_version():
    """A change of tables needs a step in `migrations` and a new VERSION; then renew this."""
    import hashlib

    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable

    dialect = sqlite.dialect()
    lines = [
        str(make.compile(dialect=dialect))
        for table in metadata.sorted_tables
        for make in (CreateTable(table), *(CreateIndex(i) for i in sorted(table.indexes, key=lambda i: str(i.name))))
    ]
    fingerprint = hashlib.sha256("\n".join(" ".join(line.split()) for line in lines).encode()).hexdigest()[:16]
    assert (VERSION, fingerprint) == (4, "8bc03ceeffff9360")


@pytest.mark.parametrize("made", ["table", "version"])
def test_a_database_that_was_not_made_to_its_end_is_finished(tmp_path, made):
    file = tmp_path / "half.db"
    with sqlite3.connect(file) as half:
        half.execute("create table meta (key varchar(32) primary key, value text not null)")
        if made == "version":
            half.execute("insert into meta values ('schema_version', ?)", (str(VERSION),))
    half.close()
    with pytest.raises(StoreError, match="was not made to its end"):
        open_for_reading(str(file))
    open_for_writing(str(file)).close()
    open_for_reading(str(file)).close()


def test_nobody_elses_sqlite_file_gets_our_tables(tmp_path):
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute("create table customers (name text)")
    other.close()
    with pytest.raises(StoreError, match="belongs to another program"):
        open_for_writing(str(file))


def test_several_processes_make_one_new_database(tmp_path):
    code = "import sys; from imsniff.store.opening import open_for_writing; open_for_writing(sys.argv[1]).close()"
    command = [sys.executable, "-c", code, str(tmp_path / "a.db")]
    making = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    assert [process.communicate()[1] for process in making] == [""] * 6
    assert [process.returncode for process in making] == [0] * 6
