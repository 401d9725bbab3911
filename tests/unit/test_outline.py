"""A trace as a tree in windows: order, sums, the span to look at first; over REST in windows."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import review_ui_seeds as seeds
from shared_app import app_over
from starlette.testclient import TestClient

from weft.records import Span, SpanStatus
from weft.records import outline as trees
from weft.repositories import Store
from weft.testing.memory import memory_store

TRACE = "a" * 32


def outline(spans: list[Span]) -> trees.Outline:
    return trees.outline([trees.Branch.of(span) for span in spans])


def span(number: int, parent: int | None, start: int = 0, **more: object) -> Span:
    fields: dict[str, object] = {"end_ns": start + 10, "status": SpanStatus.OK, **more}
    up = None if parent is None else f"{parent:016x}"
    return Span("p", TRACE, f"{number:016x}", f"s{number}", start, parent_span_id=up, **fields)  # type: ignore[arg-type]


def test_parents_stand_before_children_and_siblings_by_start() -> None:
    tree = outline([span(3, 1, 30), span(2, 1, 20), span(1, None, 10), span(4, 2, 25), span(9, 77, 5)])
    assert [row.name for row in tree.rows] == ["s9", "s1", "s2", "s4", "s3"]
    assert [row.depth for row in tree.rows] == [0, 0, 1, 2, 1]
    assert [row.parent for row in tree.rows] == [-1, -1, 1, 2, 1]
    assert [row.below for row in tree.rows] == [0, 3, 1, 0, 0]
    assert [row.start_ns for row in tree.rows] == [0, 5, 15, 20, 25]
    assert (tree.start_ns, tree.length_ns, tree.open) == (5, 35, False)


def test_figures_are_sums_over_the_subtree_and_what_is_unknown_stays_so() -> None:
    tree = outline(
        [
            span(1, None),
            span(2, 1, 1, input_tokens=10, output_tokens=2, cost_usd=0.5),
            span(3, 2, 2, output_tokens=3, cost_usd=0.25, status=SpanStatus.ERROR),
            span(4, 1, 3),
        ]
    )
    assert [row.tokens for row in tree.rows] == [15, 15, 3, None]
    assert [row.cost_usd for row in tree.rows] == [0.75, 0.75, 0.25, None]
    assert [row.errors for row in tree.rows] == [1, 1, 1, 0]
    assert tree.errors == [2]


def test_the_first_look_is_for_the_failure_that_no_failed_child_explains() -> None:
    bad = SpanStatus.ERROR
    assert outline([span(1, None, status=bad), span(2, 1, 1, status=bad), span(3, 1, 2, status=bad)]).culprit == 1
    assert outline([span(1, None), span(2, 1, 1)]).culprit == 0


def test_a_ring_of_parents_is_shown_once() -> None:
    tree = outline([span(1, 2), span(2, 1, 1), span(3, 3, 2)])
    assert sorted(row.name for row in tree.rows) == ["s1", "s2", "s3"]


def test_an_open_span_has_no_length() -> None:
    tree = outline([span(1, None, end_ns=None, status=SpanStatus.RUNNING), span(2, 1, 5)])
    assert tree.open
    assert [row.length_ns for row in tree.rows] == [None, 10]


def test_what_judges_is_left_out_with_what_is_below_it() -> None:
    spans = [span(1, None), span(2, 1, kind="judge"), span(3, 2), span(4, 3), span(5, 1)]
    assert [s.name for s in trees.without_verdicts(map(trees.Branch.of, spans))] == ["s1", "s5"]


def test_random_forests_keep_every_span_and_their_subtrees_together() -> None:
    rng = random.Random(5)
    for _ in range(50):
        n = rng.randrange(1, 60)
        spans = [span(i + 1, rng.randrange(0, n + 3) or None, rng.randrange(20)) for i in range(n)]
        tree = outline(spans)
        assert sorted(row.span_id for row in tree.rows) == sorted(s.span_id for s in spans)
        for at, row in enumerate(tree.rows):
            inside = [k for k in range(at + 1, n) if k <= at + row.below]
            assert all(tree.rows[k].depth > row.depth for k in inside)
            assert at + row.below + 1 == n or tree.rows[at + row.below + 1].depth <= row.depth
            assert row.parent < at


@pytest.fixture
def store() -> Iterator[Store]:
    opened = memory_store()
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(app_over(store), base_url="http://127.0.0.1:4300") as opened:
        yield opened


def fill(store: Store, spans: list[Span], writer: str = "w") -> None:
    seeds.ingest(store, spans, writer)


def test_windows_of_the_tree_come_over_rest(store: Store, client: TestClient) -> None:
    fill(store, [span(i + 1, i // 3 or None, i, input={"n": i}, output=f"said {i}") for i in range(30)])
    whole = client.get(f"/api/traces/{TRACE}/outline").json()
    part = client.get(f"/api/traces/{TRACE}/outline?first=10&count=5").json()
    assert whole["spans"] == len(whole["rows"]) == 30
    assert part["rows"] == whole["rows"][10:15]
    assert part["first"] == 10
    around = client.get(f"/api/traces/{TRACE}/outline?count=6&span={30:016x}").json()
    assert around["rows"][around["at"] - around["first"]][0] == f"{30:016x}"
    unknown = client.get(f"/api/traces/{TRACE}/outline?span={99:016x}").json()
    assert unknown["at"] == unknown["culprit"]
    assert client.get(f"/api/traces/{TRACE}/outline?span=").json()["at"] == unknown["culprit"]


def test_a_kept_outline_gives_way_when_spans_are_added(store: Store, client: TestClient) -> None:
    fill(store, [span(1, None)])
    assert client.get(f"/api/traces/{TRACE}/outline").json()["spans"] == 1
    fill(store, [span(2, 1, 3, status=SpanStatus.ERROR)], "v")
    answer = client.get(f"/api/traces/{TRACE}/outline").json()
    assert (answer["spans"], answer["errors"], answer["culprit"]) == (2, [1], 1)


def test_a_text_is_found_in_names_inputs_and_outputs(store: Store, client: TestClient) -> None:
    fill(store, [span(1, None), span(2, 1, 1, input={"q": "Zebra one"}), span(3, 1, 2, output="a zebra two")])
    assert client.get(f"/api/traces/{TRACE}/find?text=zebra").json() == {"places": [1, 2]}
    assert client.get(f"/api/traces/{TRACE}/find?text=S3").json() == {"places": [2]}
    assert client.get(f"/api/traces/{TRACE}/find?text=").json() == {"places": [0, 1, 2]}


def test_who_may_see_no_verdict_gets_none(store: Store, client: TestClient) -> None:
    fill(store, [span(1, None), span(2, 1, 1, kind="judge", output="SECRET"), span(3, 1, 2)])
    answer = client.get(f"/api/traces/{TRACE}/outline?verdicts=false")
    assert [row[0] for row in answer.json()["rows"]] == [f"{1:016x}", f"{3:016x}"]
    assert client.get(f"/api/traces/{TRACE}/find?verdicts=false&text=secret").json() == {"places": []}


@pytest.mark.parametrize(
    ("path", "message"),
    [("outline?count=0", "count is 0"), ("outline?count=1001", "count is 1001"), ("find", "text: Field required")],
)
def test_a_window_that_cannot_be_is_refused(store: Store, client: TestClient, path: str, message: str) -> None:
    fill(store, [span(1, None)])
    answer = client.get(f"/api/traces/{TRACE}/{path}")
    assert answer.status_code == 422
    assert message in answer.json()["error"]["message"]


def test_a_trace_that_is_not_there_is_not_found(store: Store, client: TestClient) -> None:
    assert client.get(f"/api/traces/{TRACE}/outline").status_code == 404
    fill(store, [span(1, None, kind="judge")])
    answer = client.get(f"/api/traces/{TRACE}/outline?verdicts=false")
    assert answer.status_code == 404
    assert "Nothing is to be seen" in answer.json()["error"]["message"]
