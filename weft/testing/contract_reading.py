"""The part of the contract that is about reading many spans: totals by group."""

from __future__ import annotations

import pytest

from weft.errors import InputError
from weft.records import SpanQuery, SpanStatus, Totals, Writer
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span

HOUR = 3_600_000_000_000
_LATENCY_ERROR = 0.02


class TotalsContract:
    """Totals are right for every group, and say where a figure is missing."""

    def test_totals_by_model_and_hour(self, store: Store) -> None:
        store.ingest(
            batch_of(
                "w",
                a_span(1, model="a", input_tokens=1, cached_tokens=7, cost_usd=0.5),
                a_span(2, model="a", input_tokens=2, output_tokens=5, status=SpanStatus.ERROR),
                a_span(3, model="a", start_ns=T + HOUR, end_ns=T + HOUR + 500),
                a_span(4, model="b", end_ns=T + 4 + 9_000_000),
                a_span(5, end_ns=None),
                a_span(6, model="a", project="q"),
            )
        )
        found = store.spans.totals_by(SpanQuery(project="p"), ["hour", "model"])
        hours = ("2023-11-14T22", "2023-11-14T23")
        assert [(one.keys["hour"], one.keys["model"]) for one in found] == [
            (hours[0], None),
            (hours[0], "a"),
            (hours[0], "b"),
            (hours[1], "a"),
        ]
        assert [(one.spans, one.errors) for one in found] == [(1, 0), (2, 1), (1, 0), (1, 0)]
        assert found[0] == Totals({"hour": hours[0], "model": None}, 1, 0)
        first = found[1]
        assert (first.input_tokens, first.output_tokens, first.cached_tokens, first.cost_usd) == (3, 5, 7, 0.5)
        for one, latency in ((found[1], 1000), (found[2], 9_000_000), (found[3], 500)):
            quantiles = (one.latency_p50_ns, one.latency_p95_ns, one.latency_p99_ns)
            assert quantiles == pytest.approx((latency,) * 3, rel=_LATENCY_ERROR)
        days = store.spans.totals_by(SpanQuery(), ["day"])
        assert [(one.keys, one.spans) for one in days] == [({"day": "2023-11-14"}, 6)]

    def test_totals_by_status_tell_running_from_interrupted(self, store: Store) -> None:
        spans = [
            a_span(1),
            a_span(2, status=SpanStatus.ERROR),
            a_span(3, end_ns=None, writer="lives"),
            a_span(4, end_ns=None, writer="gone"),
        ]
        store.ingest(batch_of("w", *spans, Writer("gone", T, 1, "h", ended=True)))
        found = store.spans.totals_by(SpanQuery(), ["status"])
        assert {one.keys["status"]: one.spans for one in found} == {
            "ok": 1,
            "error": 1,
            "running": 1,
            "interrupted": 1,
        }

    def test_every_key_groups(self, store: Store) -> None:
        given = {
            "model": "m",
            "name": "n",
            "kind": "llm",
            "user_id": "u",
            "run_id": "r",
            "thread_id": "t",
            "provider": "o",
            "model_version": "m:v1",
        }
        store.ingest(batch_of("w", a_span(1, **given), a_span(2)))
        for key, value in given.items():
            found = store.spans.totals_by(SpanQuery(), [key])
            assert [one.spans for one in found if one.keys == {key: value}] == [1]
            assert len(found) == 2
        several = store.spans.totals_by(SpanQuery(), [*given, "model"])
        assert several[1].keys == given

    def test_totals_of_nothing_and_of_no_key(self, store: Store) -> None:
        assert store.spans.totals_by(SpanQuery(), []) == [Totals({}, 0, 0)]
        assert store.spans.totals_by(SpanQuery(), ["model"]) == []
        store.ingest(batch_of("w", a_span(1, start_ns=-1, end_ns=0)))
        assert store.spans.totals_by(SpanQuery(), ["hour"])[0].keys == {"hour": "1969-12-31T23"}
        with pytest.raises(InputError, match="Totals cannot be grouped by 'input'"):
            store.spans.totals_by(SpanQuery(), ["input"])
