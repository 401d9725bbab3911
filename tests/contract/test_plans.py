"""The usual comparisons of the query language are served by an index of spans, each with a project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from weft import settings
from weft.records import SpanQuery
from weft.store import SqlStore, open_store
from weft.testing import batch_of
from weft.testing.contract_observations import a_span


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    opened = open_store(settings.load({"dir": tmp_path_factory.mktemp("plans")}, {}))
    assert isinstance(opened, SqlStore)
    spans = [
        a_span(
            n, model=f"m{n % 7}", thread_id=f"t{n % 50}", user_id=f"u{n % 40}", run_id=f"r{n % 30}", cost_usd=n / 1e4
        )
        for n in range(1, 1500)
    ]
    opened.ingest(batch_of("w", *spans))
    yield opened
    opened.close()


def plans(store: SqlStore, where: str) -> list[str]:
    """How SQLite reads spans in each statement that a list of spans takes."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    engine = store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        store.spans.list_spans(SpanQuery(project="p", where=where, limit=10))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    found: list[str] = []
    with engine.connect() as connection:
        for statement, parameters in asked:
            if statement.lstrip().startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
                found += [row[3] for row in rows if row[3].split()[1:2] == ["spans"]]
    return found


@pytest.mark.parametrize(
    ("where", "column"),
    [
        ('model == "m3"', "model=?"),
        ('status == "error"', "status=?"),
        ("cost > 0.149", "cost_usd>?"),
        ("duration > 2s", "duration_ns>?"),
        ('thread == "t3"', "thread_id=?"),
        ('run == "r3"', "run_id=?"),
        (f'trace == "{7:032x}"', "trace_id=?"),
        ('user == "u3"', "user_id=?"),
        ('start >= "2020-01-01"', "start_ns>?"),
    ],
)
def test_a_comparison_uses_the_index_of_its_column(store: SqlStore, where: str, column: str) -> None:
    found = plans(store, where)
    assert [plan for plan in found if not plan.startswith("SEARCH")] == []
    assert [plan for plan in found if "INDEX" in plan and column in plan], found
