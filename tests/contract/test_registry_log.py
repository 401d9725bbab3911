"""The log of the registry is closed: to Weft's own code, and to whoever speaks SQL to the database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

import weft
from weft.records import ArtifactVersion
from weft.store import SqlStore, open_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/weft.db"
    else:
        make: Callable[[], str] = request.getfixturevalue("new_postgres")
        url = make()
    made = open_url(url, tmp_path / "blobs")
    made.artifacts.create_version(ArtifactVersion("p", "clf", "model", 0, "d", 1))
    made.registry.link("classifier", "p", "clf", author="ann")
    yield made
    made.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registry_events SET author = 'eve'",
        "DELETE FROM registry_events",
        "DELETE FROM registry_events WHERE sequence = 1",
    ],
)
def test_the_database_refuses_to_change_the_log(store: SqlStore, statement: str) -> None:
    before = store.registry.list_events()
    with pytest.raises(Exception, match="The log of the registry is never changed") as caught:  # noqa: SIM117
        with store.database.write() as connection:
            connection.exec_driver_sql(statement)
    assert isinstance(caught.value, DBAPIError) or caught.value.__cause__ is not None
    assert store.registry.list_events() == before


def test_no_statement_of_ours_changes_the_log() -> None:
    home = Path(str(weft.__file__)).parent
    changing = re.compile(r"registry_events\.(update|delete)\(|(UPDATE|DELETE FROM|TRUNCATE)\s+registry_events")
    found = [str(path.relative_to(home)) for path in home.rglob("*.py") if changing.search(path.read_text("utf-8"))]
    assert found == []
