"""The part of the contract that is about reading many spans: totals by group."""

from __future__ import annotations

import pytest

from weft.errors import InputError, NotFoundError
from weft.records import RunUpdate, SpanQuery, SpanStatus, Totals, Writer
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span

HOUR = 3_600_000_000_000
_LATENCY_ERROR = 0.02


class WordContract:
    """Words are found in whole inputs and outputs, by one rule on every store."""

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("refund", [1, 4]),
            ("REFUND order", [1]),
            ("refund*", [1, 2, 4]),
            ("fund", []),
            ('"my order"', [1]),
            ('"order my"', []),
            ("user@example.com", [3]),
            ("example user", [3]),
            ("cafe", [4]),
            ("CAFÉ", [4]),
            ("返金", [5]),
            ("金返", []),
            ("last", [6]),
            ("tail", [2]),
            ("next", [4]),
            ("planning", [7]),
            ("!!", []),
            ("' OR 1 --", []),
        ],
    )
    def test_words(self, store: Store, text: str, found: list[int]) -> None:
        store.ingest(
            batch_of(
                "w",
                a_span(1, input={"question": "A refund for my order?"}),
                a_span(2, output="refunds, " * 2000 + "tail"),
                a_span(3, input="mail to user@example.com"),
                a_span(4, output='the Café says\n"refund"\nnext'),
                a_span(5, input="返金してください"),
                a_span(6, input="x" * 5000 + " last"),
                a_span(7, name="planning"),
            )
        )
        query = SpanQuery(text=text, order="start")
        assert [int(span.span_id, 16) for span in store.spans.list_spans(query).items] == found
        assert [int(item.root.span_id, 16) for item in store.spans.list_traces(query).items] == found

    def test_words_of_what_came_later_and_of_what_is_gone(self, store: Store) -> None:
        store.ingest(batch_of("w", a_span(1, input="asked", end_ns=None, run_id="r"), RunUpdate("r", "p", T)))
        assert store.spans.count_spans(SpanQuery(text="asked")) == 1
        store.ingest(batch_of("w", a_span(1, input="asked", output="answered", run_id="r"), segment=1))
        for word in ("asked", "answered"):
            assert store.spans.count_spans(SpanQuery(text=word)) == 1
        store.runs.delete_run("r")
        store.ingest(batch_of("w", a_span(2, input="other"), segment=2))
        assert store.spans.list_spans(SpanQuery(text="asked")).items == []


class AttributeContract:
    """A declared attribute finds what was there before and what came after, as any other does."""

    @pytest.mark.parametrize("name", ["gen_ai.provider.name", "~p", "~~p", "gen_ai.provider.\x00"])
    def test_an_attribute_by_any_name(self, store: Store, name: str) -> None:
        names = ["gen_ai.provider.name", "~p", "~~p", "~", "gen_ai.provider.\x00"]
        spans = [a_span(n, attributes={one: "v", "weft.tags": [one]}) for n, one in enumerate(names, 1)]
        store.ingest(batch_of("w", *spans[:2], spans[4]))
        store.spans.create_attribute_index(name)
        store.ingest(batch_of("w", *spans[2:4], segment=1))
        assert store.spans.list_spans(SpanQuery(order="start")).items == spans
        at = f'attributes["{name}"]'
        for expression in (f'{at} == "v"', f'{at} != "other"', f'"v" in {at}', f"{at} != none"):
            query = SpanQuery(where=expression) if name.isprintable() else SpanQuery(attributes={name: "v"})
            assert store.spans.list_spans(query).items == [spans[names.index(name)]], expression
        if name.isprintable():
            assert store.spans.list_spans(SpanQuery(where=f'"{name}" in tags')).items == [spans[names.index(name)]]

    def test_a_declared_attribute(self, store: Store) -> None:
        values = ["gold", "free", 5, 5.0, True, None]
        spans = [a_span(n, attributes={"tier": value}) for n, value in enumerate(values, 1)]
        store.ingest(batch_of("w", *spans[:3]))
        first = store.spans.create_attribute_index("tier")
        assert store.spans.create_attribute_index("tier").created_ns == first.created_ns
        store.ingest(batch_of("w", *spans[3:], segment=1))
        for _ in range(2):
            for wanted, found in (("gold", [1]), (5, [3, 4]), (True, [5]), ("none", [])):
                query = SpanQuery(attributes={"tier": wanted}, order="start")
                assert [int(span.span_id, 16) for span in store.spans.list_spans(query).items] == found
                assert [int(one.root.span_id, 16) for one in store.spans.list_traces(query).items] == found
            getattr(store, "maintain", store.integrity)()
        assert [index.name for index in store.spans.list_attribute_indexes()] == ["tier"]
        store.spans.delete_attribute_index("tier")
        assert store.spans.list_attribute_indexes() == []
        with pytest.raises(NotFoundError, match="The attribute 'tier' is not indexed"):
            store.spans.delete_attribute_index("tier")
        with pytest.raises(InputError, match="The attribute cannot be indexed"):
            store.spans.create_attribute_index("x" * 300)


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
