"""The schema goes up and down on both databases and is what the tables say."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from weft.errors import StoreError
from weft.records import RunQuery, RunUpdate
from weft.store import SqlStore, migrations, open_url
from weft.store.database import Database, connect_memory, connect_url
from weft.store.migrations import fresh
from weft.store.tables import metadata
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/weft.db"
    make: Callable[[], str] = request.getfixturevalue("bare_postgres")
    return make()


@pytest.fixture
def database(url: str, tmp_path: Path) -> Iterator[Database]:
    database = connect_url(url, blob_dir=tmp_path / "blobs")
    yield database
    database.close()


def test_up_down_and_up_again(database: Database) -> None:
    for _ in range(2):
        migrations.migrate(database)
        with database.read() as connection:
            tables = {name for name in inspect(connection).get_table_names() if not name.startswith("span_words")}
        assert tables == {table.name for table in metadata.sorted_tables} | {"alembic_version"}
        with database.write() as connection:
            migrations.run(connection, "downgrade", "base")
        with database.read() as connection:
            assert inspect(connection).get_table_names() == ["alembic_version"]


def _is_described(name: str | None, kind: str, parents: object) -> bool:
    """The word index is another kind of table on each database."""
    return kind != "table" or not str(name).startswith("span_words")


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    migrations.migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _is_described})
        assert compare_metadata(context, metadata) == []


def test_a_new_file_is_what_the_migrations_make() -> None:
    database = connect_memory()
    with database.write() as connection:
        migrations.run(connection, "upgrade", "head")
        written = fresh.schema_of(connection)
        empty = {name for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name in empty - {"alembic_version", "sqlite_sequence"}:
            if not name.startswith("span_words"):
                assert connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() == 0
    database.close()
    kept = fresh.SCHEMA.read_text("utf-8")
    # A table that is made anew gets its indexes back in any order.
    assert sorted(kept.split(";")) == sorted(written.split(";")), "run: python scripts/write_schema.py"
    database = connect_memory()
    with database.write() as connection:
        assert fresh.is_new(connection)
        fresh.make(connection)
        assert not fresh.is_new(connection)
        assert fresh.schema_of(connection) == kept
    database.close()


def test_what_was_written_down_before_the_last_migration_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = connect_memory()
    with database.write() as connection:
        migrations.run(connection, "upgrade", migrations.KNOWN[-2])
        (tmp_path / "old.sql").write_text(fresh.schema_of(connection))
    database.close()
    monkeypatch.setattr(fresh, "SCHEMA", tmp_path / "old.sql")
    store = open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path / "blobs")
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT * FROM alembic_version").scalar_one() == migrations.HEAD
    store.close()


def test_enumerations_are_guarded_by_the_database_too(database: Database) -> None:
    migrations.migrate(database)
    columns = ("project", "digest", "size_bytes", "encoding", "created_ns")
    with pytest.raises(IntegrityError, match="ck_blobs_encoding"), database.write() as connection:
        database.insert_new(connection, "blobs", columns, [("p", "d", 1, "rot13", 1)])


def test_a_newer_database_is_left_alone(url: str, tmp_path: Path) -> None:
    store = open_url(url, tmp_path / "blobs")
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    with pytest.raises(StoreError, match=r"newer Weft \(schema 9999.*kept in the journal"):
        open_url(url, tmp_path / "blobs")


def test_head_is_the_newest_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == migrations.HEAD
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(migrations.KNOWN)


def test_a_file_is_copied_aside_before_an_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/weft.db"
    store = open_url(url, tmp_path / "blobs")
    store.ingest(batch_of("w", a_span()))
    store.close()
    monkeypatch.setattr(migrations, "HEAD", "9998")
    monkeypatch.setattr(migrations, "run", lambda *_: None)
    open_url(url, tmp_path / "blobs").close()
    [backup] = tmp_path.glob(f"weft.db.backup-{migrations.KNOWN[-1]}-*")
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT count(*) FROM spans").fetchone() == (1,)


def test_runs_of_before_are_ordered_by_host_and_tags(database: Database) -> None:
    migrations.migrate(database)
    store = SqlStore(database)
    told = [("a", "zeus", ["late"]), ("b", None, []), ("c", "ares", ["early", "also"])]
    for name, host, tags in told:
        environment = {"host": host} if host else {}
        store.ingest(batch_of(name, RunUpdate(name, "p", T, name=name, tags=tags, environment=environment)))

    def listed() -> list[list[str]]:
        orders = ("environment.host", "-tags")
        return [[run.run_id for run in store.runs.list_runs(RunQuery("p", order=by)).items] for by in orders]

    assert listed() == [["c", "a", "b"], ["a", "c", "b"]]
    with database.write() as connection:
        migrations.run(connection, "downgrade", "0016")
        assert connection.exec_driver_sql("SELECT path FROM run_paths ORDER BY path").scalars().all() == [
            "name",
            "tags.also",
            "tags.early",
            "tags.late",
        ]
        migrations.run(connection, "upgrade", "0017")
    assert listed() == [["c", "a", "b"], ["a", "c", "b"]]
    with database.read() as connection:
        paths = connection.exec_driver_sql("SELECT count(*) FROM run_fields").scalar_one()
    assert paths == 2 + 2 + 3 + 3  # host, tags as one, each tag, each name
