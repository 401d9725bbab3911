"""What a reader makes of a span over REST: an example of a dataset, a case for people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import review_ui_seeds as seeds
from shared_app import app_over
from starlette.testclient import TestClient

from weft.errors import InputError
from weft.evals.additions import add_example
from weft.records import ArtifactVersion, ItemStatus, NodeKind, ReviewQueue, Span
from weft.repositories import Store
from weft.reviews import Queue, estimate
from weft.testing.memory import memory_store

TRACE = "a" * 32
PATH = "/api/projects/p/datasets/hard/examples"


@pytest.fixture
def store() -> Iterator[Store]:
    opened = memory_store()
    spans = [
        Span("p", TRACE, f"{n:016x}", "ask", n, end_ns=n + 5, input={"question": f"q{n}"}, output=f"a{n}")
        for n in (1, 2)
    ]
    seeds.ingest(opened, [*spans, Span("p", TRACE, f"{3:016x}", "say", 3, end_ns=9, input="plain", output=None)])
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(app_over(store), base_url="http://127.0.0.1:4300") as opened:
        yield opened


def body(number: int, **more: object) -> dict[str, object]:
    return {"trace_id": TRACE, "span_id": f"{number:016x}", **more}


def rows(store: Store, ref: str) -> list[dict[str, object]]:
    return [example.data for example in store.artifacts.list_examples("p", ref).items]


def test_spans_become_versions_of_a_dataset_that_lead_back(store: Store, client: TestClient) -> None:
    first = client.post(PATH, json=body(1, answer="output")).json()
    second = client.post(PATH, json=body(2, answer="given", expected={"right": 2})).json()
    assert [(v["name"], v["version"], v["examples"]) for v in (first, second)] == [("hard", 1, 1), ("hard", 2, 2)]
    assert rows(store, "hard:v2") == [
        {"question": "q1", "expected": "a1", "trace_id": TRACE, "span_id": f"{1:016x}"},
        {"question": "q2", "expected": {"right": 2}, "trace_id": TRACE, "span_id": f"{2:016x}"},
    ]
    edges = store.artifacts.lineage("p", NodeKind.TRACE, TRACE).downstream
    assert {(edge.relation, edge.target) for edge in edges} == {("became", "hard:v1"), ("became", "hard:v2")}


def test_a_span_added_again_is_corrected_and_the_same_again_is_the_same_version(
    store: Store, client: TestClient
) -> None:
    client.post(PATH, json=body(1))
    client.post(PATH, json=body(3, answer="given", expected=None))
    corrected = client.post(PATH, json=body(1, answer="given", expected="better")).json()
    again = client.post(PATH, json=body(1, answer="given", expected="better")).json()
    assert (corrected["version"], again["version"]) == (3, 3)
    assert [row.get("expected", "absent") for row in rows(store, "hard:v1")] == ["absent"]
    assert [row["expected"] for row in rows(store, "hard")] == ["better", None]
    assert rows(store, "hard")[1]["input"] == "plain"


def test_description_and_metadata_of_a_dataset_stay(store: Store) -> None:
    store.artifacts.create_version(
        ArtifactVersion("p", "hard", "dataset", 0, "d" * 64, 1, description="hard ones", metadata={"owner": "ann"})
    )
    span = store.spans.find_span(TRACE, f"{1:016x}")
    assert span is not None
    version = add_example(store, span, "hard")
    assert (version.version, version.description, version.metadata) == (2, "hard ones", {"owner": "ann"})


def test_what_is_no_dataset_takes_no_examples(store: Store, client: TestClient) -> None:
    store.artifacts.create_version(ArtifactVersion("p", "hard", "model", 0, "d" * 64, 1))
    span = store.spans.find_span(TRACE, f"{1:016x}")
    assert span is not None
    with pytest.raises(InputError, match="hard:v1 is a model, not a dataset"):
        add_example(store, span, "hard")
    assert client.post(PATH, json=body(1)).status_code == 422


def test_the_span_must_be_there_and_of_the_project(client: TestClient) -> None:
    absent = client.post(PATH, json=body(99))
    assert absent.status_code == 404
    assert "There is no span" in absent.json()["error"]["message"]
    elsewhere = client.post(PATH.replace("/p/", "/q/"), json=body(1))
    assert elsewhere.status_code == 422
    assert "belongs to project 'p', not to 'q'" in elsewhere.json()["error"]["message"]


def test_a_span_sent_to_people_is_served_and_not_counted(store: Store, client: TestClient) -> None:
    choices = [{"label": "yes", "value": 1.0}, {"label": "no", "value": 0.0}]
    queue = store.reviews.create_queue(ReviewQueue("q1", "p", "hand", "correct", rubric={"choices": choices}))
    answers = [client.post("/api/queues/q1/spans", json=body(1, reason="odd")).json() for _ in range(2)]
    assert [answer["added"] for answer in answers] == [True, False]
    (item,) = store.reviews.list_items("q1", status=ItemStatus.WAITING).items
    assert (item.reason, item.shown, item.u, item.p) == (
        "odd",
        {"input": {"question": "q1"}, "output": "a1"},
        None,
        None,
    )
    work = Queue(store, queue)
    claimed = work.claim("ann")
    assert claimed is not None
    work.label(claimed.item_id, "ann", "yes")
    found = estimate(store, store.reviews.get_queue("q1"))
    assert found.after.labelled == 0
    assert client.post("/api/queues/none/spans", json=body(1)).status_code == 404
