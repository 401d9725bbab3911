"""REST: one error shape over the whole API, arguments checked, documented as it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shared_app import app_over
from starlette.testclient import TestClient

from weft import settings
from weft.journal import Journal
from weft.records import ArtifactVersion, ReviewItem, ReviewQueue, RunUpdate, dumps, encode, points
from weft.records.codec import Batch, Entry
from weft.records.frames import CONTENT_TYPE, encode_batch
from weft.repositories import Store
from weft.server import bodies, create_app
from weft.server.lifeline import listen
from weft.store import open_store

KEY = {"Authorization": "Bearer key"}


@pytest.fixture
def store(fresh_home: Path) -> Iterator[Store]:
    store = open_store(settings.load())
    yield store
    store.close()


@pytest.fixture
def api(store: Store) -> TestClient:
    return TestClient(
        app_over(store, "key"), base_url="http://127.0.0.1:4300", headers=KEY, raise_server_exceptions=False
    )


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "remedy", "field", "column"}
    found: dict[str, Any] = body["error"]
    assert found["message"]
    return found


def add_run(store: Store, run_id: str, **fields: Any) -> None:
    kind, payload = encode(RunUpdate(run_id, "p", 1, **fields))
    store.ingest(Batch(run_id, 1, 0, 10, [Entry(kind, payload, 10)]))


QUEUE = ReviewQueue("q1", "p", "cases", "right?")


def test_a_body_that_is_no_json_is_a_400(api: TestClient) -> None:
    found = problem(api.post("/api/queues", content=b"{", headers={"Content-Type": "application/json"}), 400)
    assert "not JSON" in found["message"]
    deep = b"[" * 200_000
    problem(api.post("/api/queues", content=deep, headers={"Content-Type": "application/json"}), 400)


def test_no_key_is_a_401(api: TestClient) -> None:
    assert problem(api.get("/api/runs", headers={"Authorization": "Bearer no"}), 401)["code"] == "W700"


@pytest.mark.parametrize(
    "path",
    [
        "runs/none",
        "queues/none",
        "items/none",
        "projects/p/artifacts/none",
        "traces/0/spans/0",
        "projects/p/queues/none",
        "runs/none/sample?example_id=1",
        f"projects/p/blobs/{'0' * 64}",
    ],
)
def test_what_is_not_there_is_a_404_with_a_code(api: TestClient, path: str) -> None:
    assert problem(api.get(f"/api/{path}"), 404)["code"] == "W300"


@pytest.mark.parametrize("path", ["/api/none", "/v1/none", "/api/"])
def test_a_path_that_is_not_there_is_a_404_of_the_server(api: TestClient, path: str) -> None:
    assert problem(api.get(path), 404)["code"] == "W700"


@pytest.mark.parametrize(("method", "path"), [("PUT", "/api/runs"), ("DELETE", "/api/queues"), ("GET", "/api/batches")])
def test_a_wrong_method_is_a_405(api: TestClient, method: str, path: str) -> None:
    answer = api.request(method, path)
    problem(answer, 405)
    assert answer.headers["allow"]


def test_a_lost_decision_is_a_409(api: TestClient, store: Store) -> None:
    store.reviews.create_queue(QUEUE)
    store.reviews.add_items([ReviewItem("i1", "q1", "p", "why")])
    (item,) = api.post("/api/queues/q1/claim", json={"reviewer": "ann"}).json()
    assert item["item_id"] == "i1"
    assert api.post("/api/queues/q1/claim", json={"reviewer": "bob"}).json() == []
    submit = f"/api/claims/{item['claim']['claim_id']}/submit"
    found = problem(api.post(submit, json={"reviewer": "bob", "answers": {"answer": "correct"}}), 409)
    assert found["code"] == "W400"


def test_a_large_body_is_a_413(api: TestClient) -> None:
    large = b'"' + b" " * bodies.MAX_BODY_BYTES + b'"'
    problem(api.post("/api/batches", content=large, headers={"Content-Type": CONTENT_TYPE}), 413)
    problem(api.post("/api/queues", content=large, headers={"Content-Type": "application/json"}), 413)


def test_another_type_is_a_415(api: TestClient) -> None:
    assert (
        "text/plain"
        in problem(api.post("/api/queues", content=b"x", headers={"Content-Type": "text/plain"}), 415)["message"]
    )
    problem(api.post("/api/batches", content=b"x", headers={"Content-Type": "application/json"}), 415)


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("GET", "/api/runs?limit=x", None, "limit"),
        ("GET", "/api/runs?colour=red", None, "colour"),
        ("GET", "/api/spans?attributes={", None, "attributes"),
        ("GET", "/api/spans?text=%ff", None, "query"),
        ("GET", "/api/runs/r/console?first=x", None, "first"),
        ("GET", "/api/runs/r/points", None, "name"),
        ("GET", "/api/journal/progress?writer=w", None, "segment"),
        ("GET", "/api/projects/p/lineage?kind=thing&name=x", None, "kind"),
        ("POST", "/api/queues", {"queue_id": "q"}, "project"),
        ("POST", "/api/items", [{"item_id": 1}], "0.item_id"),
        ("POST", "/api/queues/q/claim", {}, "reviewer"),
        ("POST", "/api/claims/c/submit", {"reviewer": "ann", "answers": "many"}, "answers"),
        ("POST", "/api/batches", None, "body"),
        ("PUT", "/api/projects/p/artifacts/a/aliases/best", {"version": "x"}, "version"),
    ],
)
def test_a_bad_value_is_a_422_that_names_its_field(
    api: TestClient, method: str, path: str, body: Any, field: str
) -> None:
    if path == "/api/batches":
        answer = api.post(path, content=b"x", headers={"Content-Type": CONTENT_TYPE})
    else:
        answer = api.request(method, path, json=body) if body is not None else api.request(method, path)
    found = problem(answer, 422)
    assert (found["code"], found["field"]) == ("W200", field)
    assert found["remedy"]


def test_a_record_goes_to_its_own_project(api: TestClient) -> None:
    version = ArtifactVersion("mine", "a", "model", 0, "d", 1)
    headers = {"Content-Type": "application/json"}
    answer = api.post("/api/projects/other/artifacts", content=dumps({"version": version}), headers=headers)
    assert problem(answer, 422)["field"] == "project"


def test_a_bug_is_a_500_without_its_details(api: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[str]:
        raise RuntimeError("secret")

    monkeypatch.setattr(store.runs, "list_projects", broken)
    found = problem(api.get("/api/projects"), 500)
    assert "RuntimeError" in found["message"]
    assert "secret" not in json.dumps(found)


def test_text_with_nul_and_lone_surrogates_survives(api: TestClient) -> None:
    odd = "a\x00b\ud800c"
    queue = ReviewQueue("q2", "p", "odd", odd, {"question": odd, "n": 2**80})
    answer = api.post("/api/queues", content=dumps(queue), headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    found = json.loads(api.get("/api/queues/q2").content)
    assert found["rubric"] == {"question": odd, "n": 2**80}
    assert api.get("/api/runs?text=%ed%a0%80").json() == {"items": [], "cursor": None}


def test_runs_are_filtered_and_counted(api: TestClient, store: Store) -> None:
    add_run(store, "r1", name="one", tags=["a"])
    add_run(store, "r2", name="two")
    assert [run["run_id"] for run in api.get("/api/runs?project=p&order=name").json()["items"]] == ["r1", "r2"]
    assert api.get("/api/runs/count?run_ids=r1&run_ids=r2").json() == {"count": 2}
    assert api.get("/api/runs?limit=1").json()["cursor"]
    assert api.get("/api/runs/r1").json()["tags"] == ["a"]
    assert api.get("/api/projects").json() == ["p"]
    assert api.delete("/api/runs/r1").json() == {"deleted": "r1"}
    problem(api.get("/api/runs/r1"), 404)


def test_batches_are_stored_at_once_and_once(api: TestClient) -> None:
    kind, payload = encode(RunUpdate("r1", "p", 1))
    batch = encode_batch(Batch("w", 1, 0, 20, [Entry(kind, payload, 10), Entry(99, b"{}", 20)]))
    answer = api.post("/api/batches", content=batch, headers={"Content-Type": CONTENT_TYPE}).json()
    assert (answer["stored"], answer["rejected"][0]["end"]) == (1, 20)
    again = api.post("/api/batches", content=batch, headers={"Content-Type": CONTENT_TYPE}).json()
    assert again["repeated"] >= 1
    assert api.get("/api/journal/progress?writer=w&segment=1").json() == {"offset": 20}
    assert api.get("/api/runs/r1").status_code == 200


def test_blobs_come_back_as_they_went(api: TestClient) -> None:
    data = bytes(range(256)) * 10
    digest = api.post("/api/projects/p/blobs", content=data).json()["digest"]
    answer = api.get(f"/api/projects/p/blobs/{digest}")
    assert answer.content == data
    assert answer.headers["content-disposition"] == "attachment"
    assert api.head(f"/api/projects/p/blobs/{digest}").status_code == 200
    assert api.head(f"/api/projects/other/blobs/{digest}").status_code == 404


def test_points_cut_short_are_told() -> None:
    with pytest.raises(ValueError, match="points of a series were cut short"):
        points.unpack(b'[{"source":"","points":2}]\n' + b"\x00" * 47, "r", "loss")


def test_health_and_integrity(api: TestClient) -> None:
    assert api.get("/api/health", headers={"Authorization": ""}).json()["status"] == "ok"
    assert api.get("/api/integrity").json() == {"problems": []}


def test_openapi_names_the_records(api: TestClient) -> None:
    document = api.get("/api/openapi.json").json()
    names = {parameter["name"] for parameter in document["paths"]["/api/spans"]["get"]["parameters"]}
    assert {"attributes", "min_cost_usd", "roots_only"} <= names
    assert {"Run", "Span", "ReviewItem", "ArtifactVersion"} <= set(document["components"]["schemas"])


def test_an_address_that_is_no_utf8_is_a_400(api: TestClient) -> None:
    assert "not percent-encoded UTF-8" in problem(api.get("/api/runs/%ff"), 400)["message"]


def test_without_the_ingest_process_senders_come_again(store: Store) -> None:
    with listen("127.0.0.1", 0, "WEFT_PORT") as sock:
        address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    app = create_app(store, settings.load(), ingest_address=address)
    with TestClient(app, base_url="http://127.0.0.1:4300") as api:
        answer = api.post("/v1/traces", json={})
    assert "ingest process does not answer" in problem(answer, 503)["message"]
    assert answer.headers["retry-after"] == "1"


def test_one_process_may_serve_all(store: Store, fresh_home: Path) -> None:
    journal = Journal.open(fresh_home, sync=True)
    app = create_app(store, settings.load(), journal=journal)
    assert TestClient(app, base_url="http://127.0.0.1:4300").post("/v1/traces", json={}).json() == {}
    journal.close()
