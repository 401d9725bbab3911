"""The usual comparisons of the query language are served by an index of spans, each with a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from weft import settings
from weft.records import Span, SpanQuery, SpanStatus
from weft.store import SqlStore, open_store, open_url
from weft.testing import batch_of
from weft.testing.contract_observations import T, a_span


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    opened = open_store(settings.load({"dir": tmp_path_factory.mktemp("plans")}, {}))
    assert isinstance(opened, SqlStore)
    opened.ingest(batch_of("w", *_spans()))
    yield opened
    opened.close()


@pytest.fixture
def postgres(new_postgres: Callable[[], str], tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_url(new_postgres(), tmp_path / "blobs")
    opened.spans.create_attribute_index("tier")
    opened.ingest(batch_of("w", *_spans()))
    with opened.database.write() as connection:
        connection.exec_driver_sql("ANALYZE")
    yield opened
    opened.close()


def _spans() -> list[Span]:
    return [
        a_span(
            n,
            model=f"m{n % 7}",
            thread_id=f"t{n % 50}",
            user_id=f"u{n % 40}",
            run_id=f"r{n % 30}",
            cost_usd=n / 1e4,
            attributes={"tier": f"tier {n % 9}"},
            status=SpanStatus.OK if n % 50 else SpanStatus.ERROR,
            end_ns=T + n + (1000 if n % 60 else 3_000_000_000),
        )
        for n in range(1, 1500)
    ]


@contextmanager
def statements(store: SqlStore) -> Iterator[list[tuple[str, Any]]]:
    """The statements that the store is asked meanwhile, with their parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    engine = store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plans(store: SqlStore, where: str) -> list[str]:
    """How SQLite reads spans in each statement that a list of spans takes."""
    with statements(store) as asked:
        store.spans.list_spans(SpanQuery(project="p", where=where, limit=10))
    found: list[str] = []
    with store.database.engine.connect() as connection:
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


def postgres_plan(store: SqlStore, query: SpanQuery) -> str:
    """How PostgreSQL finds the spans of a page, small tables read by their indexes as large ones are."""
    with statements(store) as asked:
        found = store.spans.list_spans(query).items
    assert len(found) == query.limit
    pages = [(statement, parameters) for statement, parameters in asked if "sort_0" in statement]
    with store.database.engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        rows = [connection.exec_driver_sql(f"EXPLAIN {statement}", parameters) for statement, parameters in pages]
        lines = [line[0] for row in rows for line in row]
        connection.rollback()
    return "\n".join(lines)


@pytest.mark.postgres
def test_postgresql_uses_the_index_of_a_comparison(postgres: SqlStore) -> None:
    for query, index in (
        (SpanQuery(roots_only=True), "ix_spans_roots"),
        (SpanQuery(where='start >= "2020-01-01"'), "ix_spans_project_start_ns"),
        (SpanQuery(where='model == "m3"'), "ix_spans_project_model_start_ns"),
        (SpanQuery(where="cost > 0.145"), "ix_spans_project_cost_usd_start_ns"),
        (SpanQuery(where='status == "error"'), "ix_spans_project_status_start_ns"),
        (SpanQuery(where="duration > 2s"), "ix_spans_project_duration_ns_start_ns"),
        (SpanQuery(where='thread == "t3"'), "ix_spans_thread_id_start_ns"),
        (SpanQuery(where='run == "r3"'), "ix_spans_run_id_start_ns"),
        (SpanQuery(where='user == "u3"'), "ix_spans_user_id_start_ns"),
        (SpanQuery(where='attributes["tier"] == "tier 3"'), "pk_span_attributes"),
    ):
        plan = postgres_plan(postgres, replace(query, project="p", limit=10))
        assert index in plan, (query, plan)
        assert "Seq Scan on spans" not in plan, (query, plan)
