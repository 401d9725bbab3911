"""What a store promises of conversations."""

from __future__ import annotations

from typing import Any

from weft.records import Span, SpanStatus, ThreadQuery, ThreadSummary
from weft.repositories import Store
from weft.testing.batches import batch_of

T = 1_760_000_000_000_000_000


def said(number: int, thread: str | None, parent: int | None = None, **fields: Any) -> Span:
    """A span of a thread; spans of one tens place are one trace."""
    return Span(
        **{
            **{"project": "p", "trace_id": f"{number // 10 + 1:032x}", "span_id": f"{number + 1:016x}", "name": "say"},
            **{"start_ns": T + number, "end_ns": T + number + 5, "thread_id": thread},
            **{"parent_span_id": None if parent is None else f"{parent + 1:016x}"},
            **fields,
        }
    )


class ThreadContract:
    """Conversations and their turns."""

    def test_threads_have_turns_totals_and_an_order(self, store: Store) -> None:
        store.ingest(
            batch_of(
                "w",
                said(0, "a", user_id="ann"),
                said(1, "a", 0, kind="llm", input_tokens=3, output_tokens=2, cost_usd=0.5),
                said(10, None),
                said(11, "a", 10, status=SpanStatus.ERROR),  # a turn, though not the root of its trace
                said(12, "a", 11),
                said(20, "b"),
                said(30, "c", project="q"),
                said(40, None),
            )
        )
        found = store.spans.list_threads(ThreadQuery(project="p"))
        assert found.items == [
            ThreadSummary("p", "b", 1, 1, 0, T + 20, T + 20),
            ThreadSummary("p", "a", 2, 4, 1, T, T + 12, "ann", 3, 2, 0.5),
        ]
        assert found.cursor is None
        assert [one.thread_id for one in store.spans.list_threads(ThreadQuery(user_id="ann")).items] == ["a"]
        assert [one.thread_id for one in store.spans.list_threads(ThreadQuery(thread_id="c")).items] == ["c"]
        late = ThreadQuery(start_after_ns=T + 12, start_before_ns=T + 30)
        assert [(one.thread_id, one.spans) for one in store.spans.list_threads(late).items] == [("b", 1), ("a", 1)]

    def test_threads_come_in_pages(self, store: Store) -> None:
        store.ingest(batch_of("w", *(said(10 * number, f"t{number}") for number in range(7))))
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = store.spans.list_threads(ThreadQuery(limit=3, cursor=cursor))
            seen += [one.thread_id for one in page.items]
            if (cursor := page.cursor) is None:
                break
        assert seen == [f"t{number}" for number in range(6, -1, -1)]
