"""The part of the contract that is about traces as trees."""

from __future__ import annotations

import pytest

from weft.errors import NotFoundError
from weft.records import SpanStatus, Writer
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span


class OutlineContract:
    """A trace is a tree with its figures rolled up, read whole or without what judges."""

    def test_a_trace_is_a_tree_with_figures_rolled_up(self, store: Store) -> None:
        trace = "a" * 32
        root = {"trace_id": trace, "parent_span_id": None}
        store.ingest(
            batch_of(
                "w",
                a_span(1, **root, end_ns=T + 9000),
                a_span(2, trace_id=trace, parent_span_id=f"{1:016x}", input_tokens=5, cost_usd=0.25, model="m"),
                a_span(3, trace_id=trace, parent_span_id=f"{2:016x}", kind="judge", status=SpanStatus.ERROR),
                a_span(4, trace_id=trace, parent_span_id=f"{3:016x}", output_tokens=2),
            )
        )
        tree = store.spans.get_outline(trace)
        assert [(row.span_id, row.depth, row.parent, row.below) for row in tree.rows] == [
            (f"{number:016x}", number - 1, number - 2, 4 - number) for number in (1, 2, 3, 4)
        ]
        assert [row.tokens for row in tree.rows] == [7, 7, 2, 2]
        assert [row.cost_usd for row in tree.rows] == [0.25, 0.25, None, None]
        assert [row.errors for row in tree.rows] == [1, 1, 1, 0]
        assert [row.model for row in tree.rows] == [None, "m", None, None]
        assert (tree.errors, tree.culprit, tree.open) == ([2], 2, False)
        blind = store.spans.get_outline(trace, verdicts=False)
        assert [row.span_id for row in blind.rows] == [f"{1:016x}", f"{2:016x}"]

    def test_of_a_large_trace_every_row_is_there(self, store: Store) -> None:
        trace = "b" * 32
        spans = [
            a_span(n, trace_id=trace, parent_span_id=None if n == 1 else f"{n // 2:016x}", start_ns=T + n, end_ns=T + n)
            for n in range(1, 1501)
        ]
        store.ingest(batch_of("w", *spans))
        tree = store.spans.get_outline(trace)
        assert len(tree.rows) == 1500
        assert tree.rows[0].below == 1499

    def test_a_trace_that_still_runs_is_open_and_one_whose_writer_is_gone_was_interrupted(self, store: Store) -> None:
        store.ingest(batch_of("w", a_span(1, end_ns=None, writer="w"), Writer("w", T, 1, "h")))
        (row,) = store.spans.get_outline(a_span(1).trace_id).rows
        assert (row.status, row.length_ns) == ("running", None)
        store.ingest(batch_of("v", Writer("w", T, 1, "h", ended=True)))
        tree = store.spans.get_outline(a_span(1).trace_id)
        assert (tree.open, tree.rows[0].status) == (True, "interrupted")

    def test_a_trace_of_which_nothing_is_to_be_seen_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="There is no trace"):
            store.spans.get_outline("c" * 32)
        store.ingest(batch_of("w", a_span(1, kind="judge", parent_span_id=None)))
        with pytest.raises(NotFoundError, match="Nothing is to be seen of trace"):
            store.spans.get_outline(a_span(1).trace_id, verdicts=False)
