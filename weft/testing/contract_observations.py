"""The part of the contract that is about ingest, spans and traces."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from weft.errors import InputError, NotFoundError
from weft.records import (
    Metrics,
    RecordType,
    Span,
    SpanQuery,
    SpanStatus,
    Writer,
    dumps,
    encode,
    frames,
)
from weft.repositories import Store
from weft.testing.batches import batch_of, raw_batch

T = 1_700_000_000_000_000_000  # some time, ns


def trace(number: int) -> str:
    """A trace id."""
    return f"{number:032x}"


def a_span(number: int = 1, **fields: Any) -> Span:
    """A span that ended, alone in its trace unless told."""
    given: dict[str, Any] = {
        "project": "p",
        "trace_id": trace(number),
        "span_id": f"{number:016x}",
        "name": f"span {number}",
        "start_ns": T + number,
        "end_ns": T + number + 1000,
        "status": SpanStatus.OK,
    }
    return Span(**{**given, **fields})


class IngestContract:
    """Exactly once, whatever is sent again; what is bad is refused by name and the rest kept."""

    def test_a_batch_sent_again_is_stored_once(self, store: Store) -> None:
        batch = batch_of("w", a_span(1), a_span(2))
        assert store.ingest(batch).stored == 2
        again = store.ingest(batch)
        assert (again.stored, again.repeated, again.rejected) == (0, 2, [])
        assert store.progress("w", 0) == batch.end
        assert len(store.spans.list_spans(SpanQuery(project="p")).items) == 2

    def test_batches_that_overlap_are_stored_once(self, store: Store) -> None:
        whole = batch_of("w", *[Metrics("r", "p", step, T, {"loss": step}) for step in range(10)])
        first = replace(whole, entries=whole.entries[:6], end=whole.entries[5].end)
        assert store.ingest(first).stored == 6
        report = store.ingest(whole)
        assert (report.stored, report.repeated) == (4, 6)
        assert store.progress("w", 0) == whole.end

    def test_segments_and_writers_have_progress_of_their_own(self, store: Store) -> None:
        for writer, segment in (("w", 0), ("w", 1), ("v", 0)):
            number = 10 * segment + ord(writer)
            assert store.ingest(batch_of(writer, a_span(number), segment=segment)).stored == 1
        assert store.progress("w", 2) == 0
        assert len(store.spans.list_spans(SpanQuery()).items) == 3

    def test_progress_covers_what_could_not_be_read(self, store: Store) -> None:
        batch = replace(batch_of("w", a_span()), end=9000)
        store.ingest(batch)
        assert store.progress("w", 0) == 9000
        store.ingest(replace(batch, entries=[], start=9000, end=9500))
        assert store.progress("w", 0) == 9500

    def test_bad_records_are_refused_with_a_reason_and_the_others_kept(self, store: Store) -> None:
        bad = [
            encode(a_span(1, trace_id="no hex")),
            encode(a_span(2, input_tokens=2**63)),
            encode(a_span(3, start_ns="yesterday")),
            encode(a_span(4, project="../etc")),
            encode(a_span(5, attributes=["no", "object"])),
            (RecordType.SPAN, b"{broken"),
            (999, b"{}"),
            encode(Metrics("r", "p", 2**70, T, {"loss": 1.0})),
            encode(Metrics("r", "p", 1, T, {"loss": "much"})),
        ]
        report = store.ingest(raw_batch("w", *bad, encode(a_span(6)), encode(a_span(7))))
        assert report.stored == 2
        reasons = [rejected.reason for rejected in report.rejected]
        for reason, word in zip(
            reasons,
            ["trace_id", "input_tokens", "start_ns", "project", "attributes", "", "unknown", "step", "loss"],
            strict=True,
        ):
            assert word in reason
        assert all(reasons)
        assert [rejected.entry.payload for rejected in report.rejected] == [payload for _, payload in bad]

    def test_texts_with_nul_and_lone_surrogates_are_kept(self, store: Store) -> None:
        value = {"text": "a\x00b\ud800c", "\x00": ["\udfff"], "escaped": "\\u0000"}
        store.ingest(batch_of("w", a_span(name="n\x00\ud800", input=value, attributes=value, user_id="u\x00")))
        span = store.spans.find_span(trace(1), f"{1:016x}")
        assert span is not None
        assert span.name == "n\u2400\ufffd"
        assert span.input == value
        assert span.attributes == value
        for query in (SpanQuery(text="a\x00b\ud800c"), SpanQuery(user_id="u\x00"), SpanQuery(name="n\x00\ud800")):
            assert len(store.spans.list_spans(query).items) == 1

    def test_long_integers_stay_exact_in_json(self, store: Store) -> None:
        value = {"big": 2**80, "float": 1e300, "small": -(2**63), "nested": [None, True, ""]}
        store.ingest(batch_of("w", a_span(output=value, attributes={"n": 2**70})))
        span = store.spans.get_trace(trace(1))[0]
        assert span.output == value
        assert span.attributes == {"n": 2**70}

    def test_long_texts_come_back_whole(self, store: Store) -> None:
        text = "Grüße " * 2000
        spans = [
            a_span(n, input={"text": text, "n": n % 2}, output=text, attributes={"k": text, "s": n}) for n in (1, 2, 3)
        ]
        store.ingest(batch_of("w", *spans))
        assert store.spans.list_spans(SpanQuery(order="start")).items == spans
        assert [s.attributes["s"] for s in store.spans.list_spans(SpanQuery(attributes={"s": 2})).items] == [2]
        assert len(store.spans.list_spans(SpanQuery(text="grüße")).items) == 3

    def test_many_threads_may_store_at_once(self, store: Store) -> None:
        def work(number: int) -> None:
            for part in range(5):
                spans = [a_span(1 + number * 100 + part * 10 + i, trace_id=trace(1)) for i in range(10)]
                assert store.ingest(batch_of(f"w{number}", *spans, segment=part)).stored == 10

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.spans.get_trace(trace(1))) == 300
        assert store.spans.list_traces(SpanQuery()).items[0].spans == 300
        assert store.integrity() == []

    def test_otlp_requests_become_spans(self, store: Store) -> None:
        span = {
            "traceId": trace(7),
            "spanId": f"{7:016x}",
            "name": "chat",
            "startTimeUnixNano": str(T),
            "endTimeUnixNano": str(T + 5),
        }
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span, {**span, "spanId": "bad"}]}]}]}
        payload = dumps({"project": "p"}) + b"\n" + json.dumps(body).encode()
        report = store.ingest(raw_batch("w", (RecordType.OTLP_TRACES_JSON, payload)))
        assert report.stored == 1
        assert len(report.rejected) == 1
        found = store.spans.get_trace(trace(7))
        assert [(s.project, s.name, s.duration_ns, s.writer) for s in found] == [("p", "chat", 5, None)]

    def test_a_forwarded_batch_is_stored_once_for_its_origin(self, store: Store) -> None:
        origin = batch_of("laptop", a_span(1), a_span(2))
        forwarded = (RecordType.FORWARD, frames.encode_batch(origin))
        assert store.ingest(raw_batch("server", forwarded)).stored == 2
        assert store.ingest(raw_batch("server", forwarded, segment=1)).stored == 0
        assert store.ingest(origin).stored == 0
        assert store.progress("laptop", 0) == origin.end
        assert len(store.spans.list_spans(SpanQuery()).items) == 2

    def test_a_damaged_forwarded_batch_is_refused(self, store: Store) -> None:
        report = store.ingest(raw_batch("server", (RecordType.FORWARD, b"WFTB nonsense"), encode(a_span())))
        assert report.stored == 1
        assert "not a batch" in report.rejected[0].reason


class SpanContract:
    """Spans and traces."""

    @pytest.mark.parametrize("apart", [False, True])
    @pytest.mark.parametrize("end_first", [False, True])
    def test_an_end_beats_a_start_in_any_order(self, store: Store, end_first: bool, apart: bool) -> None:
        begun = a_span(end_ns=None, status=SpanStatus.UNSET, name="begun")
        ended = a_span(name="ended", input_tokens=3, cost_usd=0.5, status=SpanStatus.ERROR)
        order = [ended, begun] if end_first else [begun, ended]
        if apart:
            for segment, span in enumerate(order):
                store.ingest(batch_of("w", span, segment=segment))
        else:
            store.ingest(batch_of("w", *order))
        assert store.spans.get_trace(trace(1)) == [ended]
        [summary] = store.spans.list_traces(SpanQuery()).items
        assert (summary.root, summary.spans, summary.errors) == (ended, 1, 1)
        assert (summary.input_tokens, summary.output_tokens, summary.cost_usd) == (3, None, 0.5)

    def test_the_later_end_stays(self, store: Store) -> None:
        late, early = (
            a_span(name="late", end_ns=T + 99, input_tokens=1),
            a_span(name="early", end_ns=T + 50, input_tokens=5),
        )
        store.ingest(batch_of("w", late))
        store.ingest(batch_of("w", early, segment=1))
        assert store.spans.get_trace(trace(1))[0].name == "late"
        assert store.spans.list_traces(SpanQuery()).items[0].input_tokens == 1

    def test_an_open_span_is_running_until_its_writer_is_gone(self, store: Store) -> None:
        open_span = a_span(end_ns=None, status=SpanStatus.UNSET, writer="w")
        store.ingest(batch_of("w", Writer("w", T, 1, "host"), open_span))

        def statuses() -> tuple[SpanStatus, int, int]:
            found = store.spans.find_span(trace(1), f"{1:016x}")
            assert found is not None
            counts = [len(store.spans.list_spans(SpanQuery(status=s)).items) for s in ("running", "interrupted")]
            return found.status, counts[0], counts[1]

        assert statuses() == (SpanStatus.RUNNING, 1, 0)
        store.ingest(batch_of("w", Writer("w", T + 5, 1, "host", ended=True), segment=1))
        assert statuses() == (SpanStatus.INTERRUPTED, 0, 1)
        store.ingest(batch_of("w", Writer("w", T + 9, 1, "host"), segment=2))
        assert statuses() == (SpanStatus.INTERRUPTED, 0, 1)

    def test_a_trace_without_contents_has_all_else(self, store: Store) -> None:
        whole = [
            a_span(1, input={"q": 1}, output="a", attributes={"k": 1}, events=[{"name": "e"}], resource={"r": 1}),
            a_span(2, parent_span_id=f"{1:016x}", model="m", input_tokens=3, cost_usd=0.5, status=SpanStatus.ERROR),
            a_span(3, end_ns=None, writer="w"),
        ]
        whole = [replace(span, trace_id=trace(1)) for span in whole]
        store.ingest(batch_of("w", *whole))
        bare: dict[str, Any] = {"input": None, "output": None, "attributes": {}, "resource": {}}
        bare |= {"events": [], "links": []}
        found = store.spans.get_trace(trace(1), contents=False)
        assert found == [replace(span, **bare) for span in store.spans.get_trace(trace(1))]
        assert found[2].status == SpanStatus.RUNNING
        with pytest.raises(NotFoundError, match="There is no trace"):
            store.spans.get_trace(trace(2), contents=False)

    def test_what_is_not_there(self, store: Store) -> None:
        assert store.spans.find_span(trace(1), f"{1:016x}") is None
        with pytest.raises(NotFoundError, match="There is no trace"):
            store.spans.get_trace(trace(1))
        assert store.spans.list_spans(SpanQuery(project="none")).items == []
        assert store.spans.totals(SpanQuery())["latency_p50_ns"] is None

    def test_every_field_survives(self, store: Store) -> None:
        span = a_span(
            parent_span_id=f"{9:016x}",
            run_id="run",
            kind="llm",
            status=SpanStatus.ERROR,
            status_message="no",
            model="m",
            provider="openai",
            model_version="clf:v3",
            input_tokens=1,
            output_tokens=2,
            cached_tokens=3,
            reasoning_tokens=4,
            cost_usd=0.25,
            thread_id="t",
            user_id="u",
            input=[1, {"a": None}],
            output="text",
            attributes={"a": 1, "b": [1.5, "x"]},
            events=[{"name": "e", "time_ns": T}],
            links=[{"trace_id": trace(5)}],
            resource={"service.name": "s"},
            scope="weft",
            writer="w",
        )
        store.ingest(batch_of("w", span))
        assert store.spans.find_span(span.trace_id, span.span_id) == span

    def test_filters(self, store: Store) -> None:
        spans = [
            a_span(1, run_id="r", name="ask", kind="op", attributes={"tier": "gold", "n": 1, "ok": True}),
            a_span(
                2,
                parent_span_id=f"{1:016x}",
                trace_id=trace(1),
                model="m",
                kind="llm",
                cost_usd=0.5,
                input={"q": 'say "50%_"\n'},
            ),
            a_span(
                3,
                project="q",
                status=SpanStatus.ERROR,
                thread_id="t",
                user_id="u",
                end_ns=T + 90_000,
                model_version="clf:v1",
            ),
        ]
        store.ingest(batch_of("w", *spans))
        cases: list[tuple[dict[str, Any], list[int]]] = [
            ({}, [1, 2, 3]),
            ({"project": "p"}, [1, 2]),
            ({"run_id": "r"}, [1]),
            ({"trace_id": trace(1)}, [1, 2]),
            ({"name": "ask"}, [1]),
            ({"kind": "llm"}, [2]),
            ({"status": "error"}, [3]),
            ({"model": "m"}, [2]),
            ({"model_version": "clf:v1"}, [3]),
            ({"thread_id": "t", "user_id": "u"}, [3]),
            ({"min_duration_ns": 2000}, [3]),
            ({"min_cost_usd": 0.5}, [2]),
            ({"start_after_ns": T + 2, "start_before_ns": T + 3}, [2]),
            ({"attributes": {"tier": "gold", "n": 1}}, [1]),
            ({"attributes": {"ok": True}}, [1]),
            ({"attributes": {"n": True}}, []),
            ({"attributes": {"tier": 'g" OR 1'}}, []),
            ({"text": "ASK"}, [1]),
            ({"text": '"50%_"\n'}, [2]),
            ({"text": "50x"}, []),
            ({"roots_only": True}, [1, 3]),
        ]
        for filters, wanted in cases:
            found = store.spans.list_spans(SpanQuery(order="start", **filters)).items
            assert found == [spans[number - 1] for number in wanted], filters

    @pytest.mark.parametrize("order", ["start", "-start", "duration", "-duration", "cost", "-cost"])
    def test_pages_hold_every_span_once_in_order(self, store: Store, order: str) -> None:
        spans = [a_span(n, end_ns=T + n + n % 4, cost_usd=n % 3 or None, start_ns=T + n // 2) for n in range(1, 24)]
        store.ingest(batch_of("w", *spans))
        for listing in (store.spans.list_spans, store.spans.list_traces):
            found: list[Any] = []
            cursor = None
            for _ in range(5):
                page = listing(SpanQuery(order=order, limit=5, cursor=cursor))
                found += page.items
                cursor = page.cursor
            assert cursor is None
            roots = [getattr(item, "root", item) for item in found]
            assert sorted(s.span_id for s in roots) == [s.span_id for s in spans]
            field = {"start": "start_ns", "duration": "duration_ns", "cost": "cost_usd"}[order.lstrip("-")]
            keys = [getattr(s, field) or -1 for s in roots]
            assert keys == sorted(keys, reverse=order.startswith("-"))

    def test_bad_questions_are_refused(self, store: Store) -> None:
        store.ingest(batch_of("w", a_span(1), a_span(2)))
        cursor = store.spans.list_spans(SpanQuery(limit=1)).cursor
        assert cursor is not None
        for query, words in (
            (SpanQuery(order="name; DROP TABLE spans"), "cannot be ordered"),
            (SpanQuery(cursor="nonsense"), "cursor"),
            (SpanQuery(cursor=cursor[:-3]), "cursor"),
            (SpanQuery(limit=0), "limit"),
            (SpanQuery(status="great"), "no span status"),
            (SpanQuery(attributes={"a": [1]}), "compared with"),
        ):
            with pytest.raises(InputError, match=words):
                store.spans.list_spans(query)

    def test_odd_questions_find_nothing_and_break_nothing(self, store: Store) -> None:
        odd = {"nan": float("nan"), "big": 2**70, "escaped": "\ud800", "k": "v"}
        store.ingest(batch_of("w", a_span(1, attributes=odd, input="x" * 5000, model="m" * 5000, thread_id="é" * 3000)))
        for query in (
            SpanQuery(project="\x00"),
            SpanQuery(trace_id="'; DROP TABLE spans; --"),
            SpanQuery(run_id="\ud800"),
            SpanQuery(attributes={"\x00": "\ud800"}),
            *(SpanQuery(text=digit) for digit in "bcdf@"),
        ):
            assert store.spans.list_spans(replace(query, name="span 1" if query.text is None else None)).items == []
        assert len(store.spans.list_spans(SpanQuery(attributes={"k": "v"})).items) == 1
        with pytest.raises(NotFoundError, match="There is no trace"):
            store.spans.get_trace("\x00")
        for too_large in (SpanQuery(min_duration_ns=2**70), SpanQuery(start_after_ns=-(2**64))):
            with pytest.raises(InputError, match="64 bits"):
                store.spans.list_spans(too_large)

    def test_traces_have_totals_and_one_root(self, store: Store) -> None:
        root = a_span(1, end_ns=T + 5000)
        children = [
            a_span(
                n,
                trace_id=trace(1),
                parent_span_id=root.span_id,
                input_tokens=n,
                output_tokens=1,
                cost_usd=0.5,
                model="m",
            )
            for n in (2, 3)
        ]
        store.ingest(batch_of("w", *children))
        assert store.spans.list_traces(SpanQuery()).items[0].root == children[0]
        store.ingest(batch_of("w", replace(root, end_ns=None, status=SpanStatus.UNSET), segment=1))
        store.ingest(batch_of("w", root, a_span(9), segment=2))
        page = store.spans.list_traces(SpanQuery(order="start"))
        assert [item.root for item in page.items] == [root, a_span(9)]
        first = page.items[0]
        assert (first.spans, first.errors, first.input_tokens, first.output_tokens, first.cost_usd) == (3, 0, 5, 2, 1.0)
        assert [item.root for item in store.spans.list_traces(SpanQuery(model="m")).items] == [root]
        assert [item.root for item in store.spans.list_traces(SpanQuery(text="span 3")).items] == [root]
        assert store.spans.get_trace(trace(1)) == [root, *children]

    def test_totals(self, store: Store) -> None:
        spans = [a_span(n, end_ns=T + n + n * 100, input_tokens=n, cost_usd=0.25) for n in range(1, 101)]
        spans.append(a_span(101, end_ns=None, status=SpanStatus.UNSET))
        spans.append(a_span(102, project="q", status=SpanStatus.ERROR))
        store.ingest(batch_of("w", *spans))
        totals = store.spans.totals(SpanQuery(project="p"))
        assert totals["latency_p50_ns"] == pytest.approx(5050, rel=0.02)
        assert totals["latency_p95_ns"] == pytest.approx(9505, rel=0.02)
        assert {key: totals[key] for key in ("spans", "errors", "input_tokens", "output_tokens", "cost_usd")} == {
            "spans": 101,
            "errors": 0,
            "input_tokens": 5050,
            "output_tokens": None,
            "cost_usd": 25.0,
        }
