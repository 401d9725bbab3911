"""Whatever fits the published schema of the REST API, or nearly fits it, gets an answer that is no 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from starlette.testclient import TestClient

from weft import settings
from weft.records import (
    ArtifactVersion,
    Metrics,
    RecordType,
    ReviewItem,
    ReviewQueue,
    RunUpdate,
    Score,
    ScoreSource,
    Span,
)
from weft.repositories import Store
from weft.server import create_app
from weft.testing import batch_of
from weft.testing.memory import memory_store

EXAMPLES = 4  # an operation and way of making them
TRACE, SPAN = "ab" * 16, "cd" * 8
# What the store has, put into half of the addresses.
KNOWN = {
    **{"project": "p", "run_id": "r1", "queue_id": "q1", "item_id": "i1", "trace_id": TRACE, "span_id": SPAN},
    **{"name": "mine", "ref": "mine:v0", "alias": "latest", "by": "model", "score_id": "s1"},
}


class Journal:
    def append_durable(self, record_type: RecordType | int, payload: bytes) -> None:
        """What is sent to be journaled is somebody else's test."""


def application(store: Store) -> TestClient:
    app = create_app(store, settings.load({}, {}), journal=Journal())
    return TestClient(app, base_url="http://127.0.0.1:4300", raise_server_exceptions=False)


def _schema() -> dict[str, Any]:
    store = memory_store()
    found: dict[str, Any] = application(store).get("/api/openapi.json").json()
    store.close()
    return found


SCHEMA = schemathesis.openapi.from_dict(_schema())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}


def _ways() -> Iterator[Any]:
    for label, operation in sorted(OPERATIONS.items(), key=lambda item: ("delete" in item[0].lower(), item[0])):
        yield pytest.param(label, GenerationMode.POSITIVE, id=f"{label} fits")
        if len(operation.query) or len(operation.body):  # else nothing can be wrong
            yield pytest.param(label, GenerationMode.NEGATIVE, id=f"{label} nearly fits")


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = memory_store()
    records = [
        RunUpdate("r1", "p", 1),
        Span("p", TRACE, SPAN, "ask", 1, end_ns=5, kind="llm", model="m", run_id="r1", input="hi", output="ho"),
        Score("s1", "p", "thumb", 5, ScoreSource.HUMAN, value=1.0, author="ann", trace_id=TRACE, span_id=SPAN),
        Metrics("r1", "p", 3, 1, {"loss": 0.5}),
    ]
    store.ingest(batch_of("schema", *records))
    store.artifacts.create_version(ArtifactVersion("p", "mine", "model", 0, "d" * 64, 1))
    store.reviews.create_queue(ReviewQueue("q1", "p", "cases", "right?"))
    store.reviews.add_items([ReviewItem("i1", "q1", "p", "why", trace_id=TRACE, span_id=SPAN)])
    yield store
    store.close()


@pytest.fixture(scope="module")
def api(store: Store) -> TestClient:
    return application(store)


def sendable(request: dict[str, Any]) -> dict[str, Any]:
    """What schemathesis would hand to requests, as httpx takes it."""
    request = {name: value for name, value in request.items() if value is not None and name != "cookies"}
    if isinstance(request.get("data"), bytes | str):
        request["content"] = request.pop("data")
    return request


@pytest.mark.parametrize(("label", "mode"), list(_ways()))
def test_no_operation_fails(api: TestClient, label: str, mode: GenerationMode) -> None:
    @hypothesis_settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known:
            case.path_parameters = {name: KNOWN.get(name, given) for name, given in case.path_parameters.items()}
        request = sendable(case.as_transport_kwargs(base_url="http://127.0.0.1:4300"))
        answer = api.request(**request)
        assert answer.status_code < 500, (request, answer.text)

    send()
