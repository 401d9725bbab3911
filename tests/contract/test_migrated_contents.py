"""Spans of the first schema keep all that they hold on the way up, down, and up again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from sqlalchemy import Connection

from weft import digests
from weft.records import Span, SpanQuery, SpanStatus
from weft.store import SqlStore, migrations
from weft.store.database import Database, connect_url
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span, trace

FACETS = '{"user.tier":"gold","n":3,"gen_ai.system":"s","~y":true}'
TURNS = [{"role": "user", "content": f"turn {number} " + "of a talk " * 30} for number in range(12)]
COLUMNS = (
    *("trace_id", "span_id", "project", "name", "kind", "status", "start_ns", "end_ns", "duration_ns", "model"),
    *("input", "output", "attributes", "events", "links", "resource", "preview", "facets"),
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/weft.db"
    else:
        make: Callable[[], str] = request.getfixturevalue("bare_postgres")
        url = make()
    database = connect_url(url, blob_dir=tmp_path / "blobs")
    yield database
    database.close()


def former(number: int, **texts: str | None) -> tuple[Any, ...]:
    """A row of ``spans`` as the first schema has it."""
    given = {"input": None, "output": None, "attributes": "{}", "events": "[]", "links": "[]", "resource": "{}"}
    row = {**given, "preview": None, "facets": None, **texts}
    head = (
        trace(number),
        f"{number:016x}",
        "p",
        f"span {number}",
        "op",
        "ok",
        T + number,
        T + number + 1000,
        1000,
        "m",
    )
    return (*head, *(row[name] for name in COLUMNS[len(head) :]))


def put_away(database: Database, connection: Connection, text: str, *, file: bool = False) -> str:
    """A text as a blob; what a column held instead."""
    data = text.encode()
    digest = digests.of_bytes(data)
    packed: bytes | None = zstandard.ZstdCompressor().compress(data)
    if file:
        assert database.blob_dir is not None
        path = database.blob_dir / digests.of_bytes(b"p")[:16] / digest[:2] / digest
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        packed = None
    row = ("p", digest, len(data), "file" if file else "zstd", packed, T)
    columns = ("project", "digest", "size_bytes", "encoding", "data", "created_ns")
    database.insert_new(connection, "blobs", columns, [row])
    return f"@{digest}"


def test_contents_survive(database: Database) -> None:
    short = '{"q": 1e2, "q":"\\u0000 odd"}'
    long = json.dumps({"messages": TURNS})
    large = '"' + "large " * 50_000 + '"'
    attributes = json.dumps({"user.tier": "gold", "n": 3, "text": "x" * 3000, "gen_ai.system": "s", "~y": True})
    with database.write() as connection:
        migrations.run(connection, "upgrade", "0001")
        rows = [
            former(1, input=short, output='"an answer"', attributes='{"user.tier":"gold"}', resource='{"r":1}'),
            former(2, input=put_away(database, connection, long), preview=long[:2000]),
            former(3, output=put_away(database, connection, large, file=True), preview=large[:2000]),
            former(4, attributes=put_away(database, connection, attributes), facets=FACETS),
            *(former(number) for number in range(5, 1200)),
        ]
        for row in rows:  # one by one: of many it would ask the types that the columns have today
            database.insert_new(connection, "spans", COLUMNS, [row])
    before = everything(database)
    migrations.migrate(database)
    store = SqlStore(database)
    check(store)
    assert [span.trace_id for span in spans_of(store, 1199)] == [trace(number) for number in range(1, 1200)]
    added = [
        a_span(2000 + number, input={"messages": TURNS[:number]}, attributes=genai(TURNS[:number]))
        for number in range(1, 12)
    ]
    for number, span in enumerate(added):
        store.ingest(batch_of("w", span, segment=number))
    with database.write() as connection:
        migrations.run(connection, "downgrade", "0001")
    after = everything(database)
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + len(added)
    migrations.migrate(database)
    check(store)
    for span in added:
        read = store.spans.find_span(span.trace_id, span.span_id)
        assert read is not None
        assert (read.input, read.attributes) == (span.input, span.attributes)


def genai(messages: list[dict[str, str]]) -> dict[str, Any]:
    return {"gen_ai.input.messages": json.dumps(messages), "gen_ai.request.model": "m", "~~m": 1, "~": 2}


def check(store: SqlStore) -> None:
    found = {span.span_id: span for span in spans_of(store, 4)}
    first, second, third, fourth = (found[f"{number:016x}"] for number in range(1, 5))
    assert first.input == {"q": "\x00 odd"}
    assert (first.output, first.attributes, first.resource) == ("an answer", {"user.tier": "gold"}, {"r": 1})
    assert (first.status, first.model, first.start_ns) == (SpanStatus.OK, "m", T + 1)
    assert second.input == {"messages": TURNS}
    assert third.output == "large " * 50_000
    assert fourth.attributes == {"user.tier": "gold", "n": 3, "text": "x" * 3000, "gen_ai.system": "s", "~y": True}
    for asked in ({"gen_ai.system": "s"}, {"~y": True}):
        assert store.spans.list_spans(SpanQuery(project="p", attributes=asked)).items == [fourth]
    with store.database.read() as connection:
        kept = connection.exec_driver_sql("SELECT facets FROM spans WHERE content = 4").scalar_one()
    assert json.loads(kept) == {"user.tier": "gold", "n": 3, "~y": "s", "~~y": True}


def spans_of(store: SqlStore, count: int) -> list[Span]:
    found = [store.spans.find_span(trace(number), f"{number:016x}") for number in range(1, count + 1)]
    return [span for span in found if span is not None]


def everything(database: Database) -> dict[str, Any]:
    with database.read() as connection:
        rows = connection.exec_driver_sql(f"SELECT {', '.join(COLUMNS)} FROM spans").all()
    return {row[0]: tuple(row) for row in rows}
