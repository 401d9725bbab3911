"""Slices stored last have a table of their own; those that joined the others are found like them."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from weft.records import Span
from weft.store import contents, open_memory
from weft.store import tables as t
from weft.testing import batch_of


def test_slices_that_joined_the_others_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_LATEST", 20)
    store = open_memory()
    messages = [{"role": "user", "content": f"message {number} " + f"word{number} " * 40} for number in range(30)]
    for turn in range(1, 31):
        ids = {"trace_id": f"{turn:032x}", "span_id": f"{turn:016x}", "parent_span_id": None}
        span = Span(project="p", name="chat", start_ns=turn, end_ns=turn + 1, input=messages[:turn], **ids)
        store.ingest(batch_of("writer", span, segment=turn))
    with store.database.read() as connection:
        joined, latest = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (t.pieces, t.latest_pieces)
        )
        kept = connection.execute(select(func.sum(func.length(t.contents.c.data)))).scalar_one()
    assert joined >= 20
    assert latest < 20
    assert joined + latest <= 30  # each message once, not once a turn
    assert kept < 30_000
    assert store.spans.get_trace(f"{30:032x}")[0].input == messages
    store.close()
