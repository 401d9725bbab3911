"""Which model version an evaluation says that it evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from weft.errors import InputError
from weft.evals import Evaluation, EvaluationResult
from weft.records import ArtifactVersion, NodeKind
from weft.repositories import Store
from weft.scorers import Exact
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder
from weft.tracing import serving
from weft.tracing.model import Model

ROWS = [{"input": "a", "expected": "a"}]


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    store = memory_store()
    for digest in ("d1", "d2"):
        store.artifacts.create_version(ArtifactVersion("test", "clf", "model", 0, digest, 1))
    store.registry.link("classifier", "test", "clf:v1", author="ann")
    with MemoryRecorder(store=store) as active:
        yield active


class Echo(Model):
    def predict(self, input: str) -> str:
        return input


def echo(input: str) -> str:
    return input


class Logged:
    ref = "clf:v2"


def _edges(store: Store, project: str, result: EvaluationResult) -> set[tuple[str, str, str]]:
    graph = store.artifacts.lineage(project, NodeKind.RUN, result.run_id, depth=1)
    return {(edge.source_kind.value, edge.source, edge.relation) for edge in graph.upstream}


@pytest.mark.parametrize(
    ("target", "model", "around", "expected"),
    [
        (echo, "clf:v1", None, {("artifact", "clf:v1", "evaluated")}),
        (echo, Logged(), "clf:v1", {("artifact", "clf:v2", "evaluated")}),
        (echo, None, "clf", {("artifact", "clf:v2", "evaluated")}),
        (Echo(weft_ref="clf:v1"), None, None, {("artifact", "clf:v1", "evaluated")}),
        (Echo(weft_ref="clf:v1").predict, None, None, {("artifact", "clf:v1", "evaluated")}),
        (
            echo,
            "registry/classifier:latest",
            None,
            {("artifact", "clf:v1", "evaluated"), ("registry", "classifier:v1", "evaluated")},
        ),
        (echo, None, None, set()),
        (echo, "unknown:v1", None, set()),
    ],
)
def test_dataset_and_model_are_edges(
    recorder: MemoryRecorder, target: Any, model: Any, around: str | None, expected: set[tuple[str, str, str]]
) -> None:
    evaluation = Evaluation("letters", ROWS, [Exact()])
    if around is None:
        result = evaluation.evaluate_sync(target, model=model)
    else:
        with serving(around):
            result = evaluation.evaluate_sync(target, model=model)
    used = {("artifact", "letters:v1", "used")}
    assert _edges(recorder.store, recorder.project, result) == expected | used


def test_what_is_no_reference_is_refused(recorder: MemoryRecorder) -> None:
    with pytest.raises(InputError, match=r"42 names no version of a model.*'clf:v3'"):
        Evaluation("letters", ROWS, [Exact()]).evaluate_sync(echo, model=42)


def test_an_alias_is_the_version_that_it_named_and_another_version_is_another_target(
    recorder: MemoryRecorder,
) -> None:
    configs = []
    for model in ("clf:latest", "clf:v1", "registry/classifier", None):
        Evaluation("letters", ROWS, [Exact()]).evaluate_sync(echo, model=model)
        configs.append(recorder.runs[-2].config or {})
    assert [config["model"] for config in configs] == ["clf:v2", "clf:v1", "registry/classifier:v1", None]
    assert len({config["target_digest"] for config in configs}) == 4
