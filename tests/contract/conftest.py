"""The asserts of the contract explain themselves as those of test files do; one PostgreSQL server for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy

for part in ("observations", "series", "runs", "histories", "decisions", "reviews", "labels"):
    pytest.register_assert_rewrite(f"weft.testing.contract_{part}")


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[Callable[[], str]]:
    """Makes an empty database on a real server and returns its address."""
    from weft.testing.postgres import postgres_server

    with postgres_server() as url:
        made = 0

        def make() -> str:
            nonlocal made
            made += 1
            engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE weft{made}")
            engine.dispose()
            return url.replace("/postgres?", f"/weft{made}?")

        yield make
