"""`weft attributes`: an index is made, listed and dropped, and spans are found either way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

import weft
from weft import session
from weft.cli.main import app
from weft.errors import NotFoundError
from weft.store import SqlStore
from weft.store import tables as t


@weft.op
def reply(text: str) -> str:
    return text


@pytest.fixture(autouse=True)
def recorded(fresh_home: Path) -> Iterator[None]:
    with weft.init("shop", settings={"drain": "thread", "quiet": True}):
        with weft.attributes({"tier": "gold"}):
            reply("a")
        reply("b")
    yield
    session.close()


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_an_index_is_made_listed_and_dropped() -> None:
    assert "No attribute has an index" in run("attributes", "list")
    assert "tier has an index." in run("attributes", "index", "tier")
    assert [one["name"] for one in json.loads(run("attributes", "list", "--json"))] == ["tier"]
    assert "tier" in run("attributes", "list")
    assert run("traces", "--where", 'attributes["tier"] == "gold"', "--count").strip() == "1"
    assert run("attributes", "drop", "tier") == "tier has no index any more.\n"
    assert run("traces", "--where", 'attributes["tier"] == "gold"', "--count").strip() == "1"
    with pytest.raises(NotFoundError, match="The attribute 'tier' is not indexed"):
        run("attributes", "drop", "tier")


def test_what_is_dropped_leaves_no_rows_and_gives_its_number_to_none_before() -> None:
    with weft.Api() as api:
        store = api.store
        assert isinstance(store, SqlStore)
        api.index_attribute("tier")
        while store.maintain():
            pass
        assert api.attribute_indexes()[0].ready
        rows = select(t.span_attributes.c.attribute)
        with store.database.read() as connection:
            assert connection.execute(rows).scalars().all() == [1]
        api.drop_attribute_index("tier")
        api.index_attribute("other")
        with store.database.read() as connection:
            assert connection.execute(select(t.attribute_indexes.c.id)).scalars().all() == [2]
        while store.maintain():
            pass
        with store.database.read() as connection:
            assert connection.execute(select(func.count()).select_from(t.span_attributes)).scalar_one() == 0
            assert connection.execute(select(func.count()).select_from(t.backfills)).scalar_one() == 0
