"""The part of the contract that is about what serves where and what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.errors import InputError, NotFoundError
from weft.records import ArtifactVersion, Deployment, NodeKind, Price, SpanQuery
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span, trace


def _model(store: Store, digest: str, name: str = "answerer") -> None:
    store.artifacts.create_version(ArtifactVersion("p", name, "model", 0, digest, T))


class ServingContract:
    """Deployments and prices."""

    def test_a_deployment_ends_the_one_of_the_same_artifact_there(self, store: Store) -> None:
        _model(store, "d1")
        _model(store, "d2")
        _model(store, "d", "ranker")
        start = store.deployments.start
        one = start(Deployment("", "p", "production", "answerer:v1", T, host="h", run_id="r", metadata={"k": [1]}))
        assert (one.ref, one.name, one.ended_ns, one.metadata) == ("answerer:v1", "answerer", None, {"k": [1]})
        assert start(Deployment("", "p", "production", "answerer:1", T + 1)) == one
        start(Deployment("", "p", "production", "ranker", T + 2))
        start(Deployment("", "p", "staging", "answerer:v1", T + 3))
        two = start(Deployment("", "p", "production", "answerer:latest", T + 4))
        assert two.ref == "answerer:v2"
        known = store.deployments.list_deployments
        assert [(d.environment, d.ref) for d in known("p")] == [
            ("production", "answerer:v2"),
            ("staging", "answerer:v1"),
            ("production", "ranker:v1"),
        ]
        assert [d.ended_ns for d in known("p", environment="production", name="answerer", current=False)] == [
            None,
            T + 4,
        ]
        assert known("q") == []
        graph = store.artifacts.lineage("p", NodeKind.ARTIFACT, "answerer:v1")
        assert [(e.relation, e.target) for e in graph.downstream] == [
            ("serves", "production/answerer:v1"),
            ("serves", "staging/answerer:v1"),
        ]

    def test_a_deployment_that_ended_stays_so(self, store: Store) -> None:
        _model(store, "d1")
        one = store.deployments.start(Deployment("d", "p", "production", "answerer", T))
        ended = store.deployments.end(one.deployment_id)
        assert ended.ended_ns is not None
        assert ended.ended_ns > T
        assert store.deployments.end("d") == ended
        assert store.deployments.list_deployments("p") == []

    def test_what_cannot_be_deployed(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="no artifact 'nothing:v1'"):
            store.deployments.start(Deployment("", "p", "production", "nothing:v1", T))
        with pytest.raises(InputError, match="environment 'a/b' cannot stand in an address"):
            store.deployments.start(Deployment("", "p", "a/b", "nothing", T))
        with pytest.raises(NotFoundError, match="no deployment 'x'"):
            store.deployments.end("x")

    def test_a_price_holds_from_its_time_on_and_for_its_project(self, store: Store) -> None:
        every = Price("m", 1.0, 2.0)
        later = Price("m", 3.0, 4.0, cached_usd=0.5, from_ns=T + 100)
        own = Price("m", 5.0, 6.0, project="q")
        for price in (every, replace(later, input_usd=9.0), later, own):
            assert store.prices.set_price(price) == price
        assert store.prices.list_prices() == [every, later, own]
        assert store.prices.list_prices("q") == [every, later, own]
        assert store.prices.list_prices("p") == [every, later]
        spans = [
            a_span(1, model="m", kind="llm", input_tokens=10, output_tokens=1, cost_usd=7.0),
            a_span(100, model="m", kind="llm", input_tokens=10, cached_tokens=4, output_tokens=1),
            a_span(101, model="m", kind="llm", input_tokens=10, project="q"),
            a_span(102, model="other", kind="llm", input_tokens=10, cost_usd=7.0),
            a_span(103, model="m", kind="llm"),
        ]
        store.ingest(batch_of("w", *spans))
        found = [store.spans.find_span(span.trace_id, span.span_id) for span in spans]
        assert [span and span.cost_usd for span in found] == [12.0, 6 * 3.0 + 4 * 0.5 + 4.0, 50.0, 7.0, None]

    def test_spans_that_are_stored_can_be_priced_anew(self, store: Store) -> None:
        spans = [
            a_span(
                n,
                model="m",
                kind="llm",
                input_tokens=n,
                cost_usd=9.0,
                project="q" if n == 3 else "p",
                trace_id=trace(7),
            )
            for n in range(1, 5)
        ]
        store.ingest(batch_of("w", *spans, a_span(9, model="other", input_tokens=1, cost_usd=9.0)))
        store.prices.set_price(Price("m", 2.0, 0.0, from_ns=T + 2))
        assert store.prices.reprice("m", project="p") == 2
        found = [store.spans.find_span(span.trace_id, span.span_id) for span in spans]
        assert [span and span.cost_usd for span in found] == [9.0, 4.0, 9.0, 8.0]
        assert store.prices.reprice("m") == 1
        assert store.prices.reprice("m") == 0
        assert {one.keys["model"]: one.cost_usd for one in store.spans.totals_by(SpanQuery(), ["model"])} == {
            "m": 9.0 + 4.0 + 6.0 + 8.0,
            "other": 9.0,
        }
        [whole] = store.spans.list_traces(SpanQuery(trace_id=trace(7))).items
        assert whole.cost_usd == 27.0

    def test_a_price_can_be_forgotten_and_a_bad_one_is_refused(self, store: Store) -> None:
        store.prices.set_price(Price("m", 1.0, 2.0))
        store.prices.delete_price(Price("m", 0.0, 0.0))
        assert store.prices.list_prices() == []
        with pytest.raises(NotFoundError, match="no such price of 'm'"):
            store.prices.delete_price(Price("m", 0.0, 0.0))
        with pytest.raises(InputError, match="zero or more"):
            store.prices.set_price(Price("m", -1.0, 2.0))
        with pytest.raises(InputError, match="model has 0 characters"):
            store.prices.set_price(Price("", 1.0, 2.0))
