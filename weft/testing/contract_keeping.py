"""The part of the contract that is about deletion, retention and audit."""

from __future__ import annotations

import pytest

from weft import clock
from weft.errors import InputError, NotFoundError
from weft.records import (
    LineageEdge,
    NodeKind,
    Retention,
    Sample,
    SampleStatus,
    Score,
    ScoreQuery,
    ScoreSource,
    SpanQuery,
)
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span, trace

_DAY = 86_400 * 1_000_000_000


def a_score(number: int, source: ScoreSource = ScoreSource.CODE) -> Score:
    """A score of the span of that number."""
    span = a_span(number)
    return Score(f"s{number}", "p", "quality", T, source, value=1.0, trace_id=span.trace_id, span_id=span.span_id)


def _left(store: Store) -> list[int]:
    found = store.spans.list_spans(SpanQuery(order="start", limit=1000)).items
    return [int(span.span_id, 16) for span in found]


class KeepingContract:
    """What is deleted is gone and stays gone, what people need stays, and the audit tells."""

    def test_spans_are_deleted_by_query(self, store: Store) -> None:
        child = a_span(3, trace_id=trace(2), parent_span_id=f"{2:016x}", input="x" * 5000)
        spans = [a_span(1, model="a"), a_span(2, model="b"), child, a_span(4, project="q", model="b")]
        store.ingest(batch_of("w", *spans, a_score(2), a_score(1)))
        done = store.keeping.delete_spans(SpanQuery(project="p", where='any(model == "b")'), author="ada")
        assert (done.spans, done.scores, done.kept, done.trace_ids) == (2, 1, 0, [trace(2)])
        assert _left(store) == [1, 4]
        assert [score.score_id for score in store.evaluations.list_scores(ScoreQuery()).items] == ["s1"]
        assert store.spans.totals(SpanQuery())["spans"] == 2
        assert store.spans.count_spans(SpanQuery(text="span")) == 2
        with pytest.raises(NotFoundError):
            store.spans.get_trace(trace(2))
        (entry,) = store.keeping.list_audit().items
        assert (entry.author, entry.action, entry.project, entry.spans) == ("ada", "delete", "p", 2)
        assert entry.expression == 'any(model == "b")'
        assert store.integrity() == []

    def test_a_trace_that_lost_spans_has_the_totals_of_the_others(self, store: Store) -> None:
        child = a_span(2, trace_id=trace(1), parent_span_id=f"{1:016x}", cost_usd=0.5)
        store.ingest(batch_of("w", a_span(1, cost_usd=0.25), child))
        store.keeping.delete_spans(SpanQuery(where="not is_root"), author="ada")
        (summary,) = store.spans.list_traces(SpanQuery()).items
        assert (summary.spans, summary.cost_usd) == (1, 0.25)

    def test_what_was_deleted_does_not_come_back(self, store: Store) -> None:
        store.ingest(batch_of("w", a_span(1), a_span(2)))
        store.keeping.delete_spans(SpanQuery(where='name == "span 1"'), author="ada")
        store.ingest(batch_of("w", a_span(1), a_span(2)))
        store.ingest(batch_of("another", a_span(1, end_ns=T + 10**9), a_span(3)))
        assert _left(store) == [2, 3]

    def test_what_people_or_lineage_need_is_kept_unless_forced(self, store: Store) -> None:
        child = a_span(9, trace_id=trace(2), parent_span_id=f"{2:016x}")
        store.ingest(batch_of("w", *[a_span(n) for n in range(1, 5)], child, a_score(2, ScoreSource.HUMAN)))
        store.artifacts.add_edge(LineageEdge("p", NodeKind.TRACE, trace(3), "became", NodeKind.ARTIFACT, "d:v1", T))
        span = a_span(3)
        call = ("asked", "right", "answered", None, span.trace_id, span.span_id)
        row = Sample("e", "p", "one", 0, SampleStatus.OK, T, T, *call)
        store.ingest(batch_of("v", row))
        everything = SpanQuery(where='name != ""')
        done = store.keeping.delete_spans(everything, author="ada")
        assert (done.spans, done.kept) == (2, 3)
        assert _left(store) == [2, 3, 9]
        done = store.keeping.delete_spans(everything, author="ada", force=True)
        assert (done.spans, done.scores, done.kept) == (3, 1, 0)
        assert _left(store) == []
        assert store.artifacts.lineage("p", NodeKind.ARTIFACT, "d:v1").upstream == []
        (sample,) = store.evaluations.list_samples("e").items
        assert (sample.input, sample.output, sample.expected, sample.trace_id) == (None, None, "right", None)
        assert [entry.kept for entry in store.keeping.list_audit().items] == [0, 3]

    def test_many_spans_go_in_pieces(self, store: Store) -> None:
        store.ingest(batch_of("w", *[a_span(n, trace_id=trace(1)) for n in range(1, 700)], a_span(900)))
        done = store.keeping.delete_spans(SpanQuery(trace_id=trace(1)), author="ada")
        assert done.spans == 699
        assert _left(store) == [900]

    def test_the_audit_does_not_keep_what_was_to_go(self, store: Store) -> None:
        store.ingest(batch_of("w", a_span(1, input="the word is swordfish")))
        asked = SpanQuery(where='"swordfish" in input and name != "x" or any("swordfish" not in text)')
        assert store.keeping.delete_spans(asked, author="ada").spans == 1
        assert store.keeping.delete_spans(SpanQuery(text="swordfish"), author="ada").spans == 0
        told = [entry.expression for entry in store.keeping.list_audit().items]
        assert told == ["text='…'", '"…" in input and name != "x" or any("…" not in text)']

    def test_a_deletion_says_what_it_wants(self, store: Store) -> None:
        with pytest.raises(InputError, match="Nothing says which spans"):
            store.keeping.delete_spans(SpanQuery(project="p"), author="ada")
        with pytest.raises(InputError, match="there is no field 'modle'") as raised:
            store.keeping.delete_spans(SpanQuery(where='modle == "x"'), author="ada")
        assert raised.value.column == 1

    def test_retention_deletes_what_is_older(self, store: Store) -> None:
        now = clock.now_ns()
        ages = {1: 40.0, 2: 20.0, 3: 1.0}
        spans = [
            a_span(n, start_ns=now - round(days * _DAY), end_ns=now, model="m" if n == 2 else None)
            for n, days in ages.items()
        ]
        store.ingest(batch_of("w", *spans, a_span(4, project="q")))
        stored = store.keeping.set_retention(Retention("p", 30), author="ada")
        assert (stored.project, stored.days, stored.where) == ("p", 30.0, None)
        assert store.keeping.apply_retentions(author="leader").spans == 1
        assert _left(store) == [4, 2, 3]
        store.keeping.set_retention(Retention("p", 10, 'model == "m"'), author="ada")
        assert store.keeping.apply_retentions(author="leader").spans == 1
        assert store.keeping.apply_retentions(author="leader").spans == 0
        assert _left(store) == [4, 3]
        assert [(p.days, p.where) for p in store.keeping.list_retentions("p")] == [(30, None), (10, 'model == "m"')]
        store.keeping.clear_retention("p", author="ada")
        assert [p.where for p in store.keeping.list_retentions()] == ['model == "m"']
        told = [(e.action, e.author, e.spans) for e in reversed(store.keeping.list_audit("p").items)]
        assert told == [
            ("retention set", "ada", 0),
            ("retention", "leader", 1),
            ("retention set", "ada", 0),
            ("retention", "leader", 1),
            ("retention clear", "ada", 0),
        ]

    def test_bad_retentions_are_refused(self, store: Store) -> None:
        for policy, words in (
            (Retention("p", 0), "days"),
            (Retention("p", float("nan")), "days"),
            (Retention("../p", 1), "project"),
            (Retention("p", 1, "model = 1"), "Column 7"),
        ):
            with pytest.raises(InputError, match=words):
                store.keeping.set_retention(policy, author="ada")
        with pytest.raises(NotFoundError, match="There is no such retention"):
            store.keeping.clear_retention("p", author="ada")

    def test_an_expression_that_is_wrong_has_its_column(self, store: Store) -> None:
        for ask in (store.spans.list_spans, store.spans.list_traces, store.spans.count_spans, store.spans.count_traces):
            with pytest.raises(InputError, match="there is no field 'modle'") as raised:
                ask(SpanQuery(where='is_root and modle == "x"'))
            assert (raised.value.column, raised.value.field) == (13, "where")

    def test_counts_and_every_order(self, store: Store) -> None:
        tokens = {1: (None, None), 2: (1, None), 3: (2, 3), 4: (None, 4)}
        spans = [
            a_span(n, input_tokens=given, output_tokens=made, status="error" if n == 2 else "ok")
            for n, (given, made) in tokens.items()
        ]
        store.ingest(batch_of("w", *spans, a_span(9, trace_id=trace(4), parent_span_id=f"{4:016x}", input_tokens=9)))
        assert store.spans.count_spans(SpanQuery(where="total_tokens > 3")) == 3
        assert store.spans.count_traces(SpanQuery(where="total_tokens > 3", project="p")) == 2
        assert store.spans.count_traces(SpanQuery(project="q")) == 0

        def pages(order: str) -> list[str]:
            found: list[str] = []
            cursor = None
            while not found or cursor is not None:
                page = store.spans.list_traces(SpanQuery(order=order, limit=2, cursor=cursor))
                found += [item.root.name.removeprefix("span ") for item in page.items]
                cursor = page.cursor
            return found

        assert pages("tokens") == ["1", "2", "3", "4"]
        assert pages("-tokens") == ["4", "3", "2", "1"]
        assert pages("-errors")[0] == "2"
        assert pages("-spans")[0] == "4"
        by_tokens = store.spans.list_spans(SpanQuery(order="-tokens")).items
        assert [int(span.span_id, 16) for span in by_tokens] == [9, 3, 4, 2, 1]

    def test_lists_of_texts_are_found_and_come_back(self, store: Store) -> None:
        tagged = a_span(1, attributes={"weft.tags": ["beta", "eu\x00"], "long": ["x"] * 100})
        store.ingest(batch_of("w", tagged, a_span(2)))
        assert store.spans.list_spans(SpanQuery(where='"beta" in tags')).items == [tagged]
        assert store.spans.count_spans(SpanQuery(where='"bet" in tags or "x" in attributes["long"]')) == 0

    def test_the_audit_is_paged(self, store: Store) -> None:
        for days in range(1, 6):
            store.keeping.set_retention(Retention("p", days), author="ada")
        page = store.keeping.list_audit(limit=3)
        rest = store.keeping.list_audit(limit=3, cursor=page.cursor)
        told = [entry.expression for entry in (*page.items, *rest.items)]
        assert told == [f"{days} days" for days in (5, 4, 3, 2, 1)]
        assert rest.cursor is None
        assert store.keeping.list_audit("q").items == []
