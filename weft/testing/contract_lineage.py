"""The part of the contract that is about lineage beyond edges that were added one by one."""

from __future__ import annotations

import pytest

from weft.errors import NotFoundError
from weft.records import ArtifactVersion, LineageEdge, NodeKind, RunUpdate
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span

_Named = tuple[str, str, str]


def _artifact(store: Store, name: str, project: str = "p") -> str:
    return store.artifacts.create_version(ArtifactVersion(project, name, "model", 0, "d", T, run_id=f"made-{name}")).ref


def _names(edges: list[LineageEdge]) -> list[_Named]:
    return [(edge.source, edge.relation, edge.target) for edge in edges]


class LineageContract:
    """Uses, the registry across projects, runs that runs began, versions that answered."""

    def test_a_version_of_the_registry_leads_across_projects(self, store: Store) -> None:
        _artifact(store, "clf")
        store.registry.link("classifier", "p", "clf", author="ann")
        used = store.artifacts.use_version("q", "registry/classifier:v1", "serves")
        assert (used.project, used.ref) == ("p", "clf:v1")
        graph = store.artifacts.lineage("p", NodeKind.RUN, "made-clf")
        assert _names(graph.downstream) == [
            ("made-clf", "produced", "clf:v1"),
            ("clf:v1", "registered", "classifier:v1"),
            ("classifier:v1", "used", "serves"),
        ]
        assert [edge.project for edge in graph.downstream] == ["p", "p", "q"]
        back = store.artifacts.lineage("q", NodeKind.RUN, "serves")
        assert _names(back.upstream) == _names(graph.downstream)[::-1]
        assert store.artifacts.lineage("p", NodeKind.RUN, "serves").upstream == []
        assert _names(store.artifacts.lineage("anywhere", NodeKind.REGISTRY, "classifier:v1").upstream) == [
            ("clf:v1", "registered", "classifier:v1"),
            ("made-clf", "produced", "clf:v1"),
        ]

    def test_a_use_names_the_version_itself_in_its_own_project(self, store: Store) -> None:
        _artifact(store, "clf")
        assert store.artifacts.use_version("p", "clf:latest", "r", relation="evaluated").ref == "clf:v1"
        store.registry.link("classifier", "p", "clf", author="ann")
        store.artifacts.use_version("p", "registry/classifier", "s")
        graph = store.artifacts.lineage("p", NodeKind.ARTIFACT, "clf:v1")
        assert set(_names(graph.downstream)) == {
            ("clf:v1", "evaluated", "r"),
            ("clf:v1", "used", "s"),
            ("clf:v1", "registered", "classifier:v1"),
            ("classifier:v1", "used", "s"),
        }
        with pytest.raises(NotFoundError, match="no artifact 'nothing'"):
            store.artifacts.use_version("p", "nothing", "r")
        with pytest.raises(NotFoundError, match="Nothing is registered as 'nothing'"):
            store.artifacts.use_version("p", "registry/nothing", "r")

    def test_runs_lead_to_the_runs_that_they_began(self, store: Store) -> None:
        updates = [
            RunUpdate("sweep", "p", T, started_at_ns=T),
            RunUpdate("trial", "p", T + 1, started_at_ns=T + 1, parent_run_id="sweep"),
            RunUpdate("eval", "p", T + 2, started_at_ns=T + 2, parent_run_id="trial"),
        ]
        store.ingest(batch_of("w", *updates))
        edges = [("sweep", "began", "trial"), ("trial", "began", "eval")]
        assert _names(store.artifacts.lineage("p", NodeKind.RUN, "sweep").downstream) == edges
        assert _names(store.artifacts.lineage("p", NodeKind.RUN, "eval").upstream) == edges[::-1]
        near = store.artifacts.lineage("p", NodeKind.RUN, "trial", depth=1)
        assert (_names(near.upstream), _names(near.downstream)) == (edges[:1], edges[1:])
        assert _names(store.artifacts.lineage("p", NodeKind.RUN, "sweep", depth=1).downstream) == edges[:1]

    def test_a_run_knows_which_versions_answered_in_it(self, store: Store) -> None:
        _artifact(store, "clf")
        store.registry.link("classifier", "p", "clf", author="ann")
        spans = [
            a_span(2, run_id="app", model_version="clf:v1"),
            a_span(1, run_id="app", model_version="clf:v1"),
            a_span(3, run_id="app", model_version="registry/classifier:v1"),
            a_span(4, run_id="app", model_version="gpt-4o"),
            a_span(5, model_version="clf:v1"),
        ]
        store.ingest(batch_of("w", *spans))
        graph = store.artifacts.lineage("p", NodeKind.RUN, "app", depth=1)
        assert {(e.source_kind.value, e.source, e.relation, e.time_ns) for e in graph.upstream} == {
            ("artifact", "clf:v1", "answered", T + 1),
            ("registry", "classifier:v1", "answered", T + 3),
        }
        up = store.artifacts.lineage("p", NodeKind.TRACE, spans[2].trace_id).upstream
        assert [(e.source_kind.value, e.source, e.relation) for e in up] == [
            ("registry", "classifier:v1", "answered"),
            ("artifact", "clf:v1", "registered"),
            ("run", "made-clf", "produced"),
        ]
