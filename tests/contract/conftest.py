"""The asserts of the contract explain themselves as those of test files do; one PostgreSQL server for all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy

from weft.store import open_url

for part in ("observations", "series", "runs", "histories", "decisions", "reviews", "labels"):
    pytest.register_assert_rewrite(f"weft.testing.contract_{part}")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Callable[[str, str], str]]:
    """Makes a database, by its name and what it is a copy of, on a real server and returns its address."""
    from weft.testing.postgres import postgres_server

    with postgres_server() as url:
        engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")

        def make(name: str, template: str) -> str:
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
            return url.replace("/postgres?", f"/{name}?")

        yield make
        engine.dispose()


@pytest.fixture(scope="session")
def bare_postgres(postgres_cluster: Callable[[str, str], str]) -> Callable[[], str]:
    """Makes a database without any table and returns its address."""
    numbers = itertools.count()
    return lambda: postgres_cluster(f"bare{next(numbers)}", "template1")


@pytest.fixture(scope="session")
def new_postgres(
    postgres_cluster: Callable[[str, str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Makes a database with Weft's empty tables, a copy of one that was migrated, and returns its address."""
    open_url(postgres_cluster("migrated", "template1"), tmp_path_factory.mktemp("blobs")).close()
    numbers = itertools.count()
    return lambda: postgres_cluster(f"weft{next(numbers)}", "migrated")
