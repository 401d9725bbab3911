"""The word index of PostgreSQL: segments are merged, and what is gone is found no more, however they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from weft.records import SpanQuery
from weft.store import SqlStore, open_url, segments
from weft.testing import batch_of
from weft.testing.contract_observations import T, a_span

pytestmark = pytest.mark.postgres


@pytest.fixture
def store(new_postgres: Callable[[], str], tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_url(new_postgres(), tmp_path / "blobs")
    yield opened
    opened.close()


def count(store: SqlStore, table: str) -> int:
    with store.database.read() as connection:
        found: int = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
    return found


def having(store: SqlStore, *words: str, reach: tuple[int, int] = (0, 1 << 40)) -> list[int]:
    with store.database.read() as connection:
        found = segments.find(connection, [(word.rstrip("*"), word.endswith("*")) for word in words], reach)
    return np.asarray(found).tolist()


def put(store: SqlStore, *documents: tuple[int, str]) -> None:
    with store.database.write() as connection:
        store.database.take_turn(connection)
        segments.add(connection, documents, 64)


def test_small_segments_become_one_and_say_the_same(store: SqlStore) -> None:
    for number in range(1, 40):
        put(store, (2 * number, f"all n{number} {'even' if number % 2 == 0 else 'odd'}"))
    assert count(store, "span_words_segments") < 39
    assert having(store, "all", "even") == [2 * number for number in range(2, 40, 2)]
    assert having(store, "n1*", "odd") == [2 * number for number in (1, 11, 13, 15, 17, 19)]
    assert having(store, "n7") == [14]
    assert having(store, "all", reach=(20, 24)) == [20, 22, 24]
    assert having(store, "nowhere") == []


def test_larger_segments_are_merged_when_the_house_is_kept(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_FINAL", 30)
    monkeypatch.setattr(segments, "_AT_ONCE", 0)
    monkeypatch.setattr(segments, "_PAGES", 2)
    for start in range(0, 60, 10):
        put(store, *((number, f"all n{number}") for number in range(start, start + 10)))
    put(store, (3, "other"))
    before = having(store, "all"), having(store, "n3"), having(store, "other")
    assert before == ([number for number in range(60) if number != 3], [], [3])
    while segments.tidy(store.database):
        pass
    assert count(store, "span_words_segments") < 4
    assert (having(store, "all"), having(store, "n3"), having(store, "other")) == before


def test_what_is_replaced_or_deleted_is_found_no_more(store: SqlStore) -> None:
    store.ingest(batch_of("a", a_span(1, input="first", end_ns=None), a_span(2, input="second")))
    store.ingest(batch_of("b", a_span(1, input="changed", end_ns=T + 10)))

    def found(text: str) -> list[str]:
        return [span.span_id for span in store.spans.list_spans(SpanQuery(project="p", text=text)).items]

    assert (found("first"), found("changed"), len(found("second"))) == ([], [a_span(1).span_id], 1)
    store.keeping.delete_spans(SpanQuery(text="second"), author="me")
    assert found("second") == []
    with store.database.read() as connection:
        data = b"".join(bytes(row[0]) for row in connection.exec_driver_sql("SELECT data FROM span_words"))
        words = connection.exec_driver_sql("SELECT word FROM span_words").scalars().all()
    assert b"second" not in data
    assert "second" not in words
    assert having(store, "second") == []


def test_a_number_that_is_used_again_has_its_own_words_only(store: SqlStore) -> None:
    put(store, (2, "old"), (4, "old"))
    with store.database.write() as connection:
        segments.remove(connection, [4], deleted=True)
    put(store, (4, "new"))
    assert (having(store, "old"), having(store, "new")) == ([2], [4])
    with store.database.write() as connection:
        segments.remove(connection, [4], deleted=False)
    assert having(store, "new") == []


def test_statistics_follow_what_was_written(store: SqlStore) -> None:
    store.ingest(batch_of("w", *(a_span(number) for number in range(1, 1_400))))
    with store.database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    while store.maintain():
        pass
    with store.database.read() as connection:
        known = connection.exec_driver_sql("SELECT reltuples FROM pg_class WHERE relname = 'spans'").scalar_one()
    assert known == 1_399
