"""Labels out of a queue: lines of JSON and a golden set, from Python and from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weft import settings
from weft.cli.main import app
from weft.errors import InputError
from weft.exchange import golden_set, label_rows, write_labels
from weft.records import ReviewItem, ReviewQueue
from weft.repositories import Store
from weft.reviews import Queue
from weft.store import open_store

RUBRIC = {"fields": [{"name": "good", "type": "binary"}, {"name": "fixed", "type": "corrected"}]}


@pytest.fixture
def store(fresh_home: Path) -> Iterator[Store]:
    opened = open_store(settings.load())
    yield opened
    opened.close()


@pytest.fixture
def queue(store: Store) -> Queue:
    made = store.reviews.create_queue(ReviewQueue("q", "shop", "answers", "correct", RUBRIC))
    items = [
        ReviewItem(
            f"i{n}",
            "q",
            "shop",
            "why",
            u=n / 10,
            p=0.9,
            shown={"input": {"question": f"{n}?"} if n else "plain?", "output": f"answer {n}", "expected": "E"},
            run_id="r",
            example_id=f"e{n // 2}",
        )
        for n in range(5)
    ]
    store.reviews.add_items(items)
    found = Queue(store, made)
    for answers in ({"good": True}, {"good": False, "fixed": "better"}, {"good": False}):
        item = found.claim("ann")
        assert item is not None
        assert item.claim is not None
        found.submit(item.claim.claim_id, "ann", answers, simulated="fixed" not in answers and not answers["good"])
    return found


def test_a_golden_set_knows_what_was_expected(store: Store, queue: Queue) -> None:
    made = golden_set(store, queue.record, "golden")
    assert (made.ref, made.examples, made.aliases) == ("golden:v1", 2, ["golden", "latest"])
    assert made.metadata == {"review_queue": "answers", "score_name": "correct", "rubric_version": 1}
    assert golden_set(store, queue.record, "golden").version == 1
    rows = {one.example_id: one.data for one in store.artifacts.list_examples("shop", "golden:golden").items}
    assert rows == {
        "i0": {
            "input": "plain?",
            "output": "answer 0",
            "expected": "answer 0",
            "label": "yes",
            "value": 1.0,
            "answers": {"good": "yes"},
            "run_id": "r",
        },
        "i1": {
            "question": "1?",
            "output": "answer 1",
            "expected": "better",
            "label": "no",
            "value": 0.0,
            "answers": {"good": "no", "fixed": "better"},
            "run_id": "r",
        },
    }
    third = golden_set(store, queue.record, "golden", simulated=True)
    assert (third.version, third.examples) == (2, 3)
    assert store.artifacts.list_examples("shop", "golden").items[2].data["expected"] == "E"


def test_a_queue_without_labels_makes_no_golden_set(store: Store) -> None:
    made = store.reviews.create_queue(ReviewQueue("empty", "shop", "empty", "correct"))
    with pytest.raises(InputError, match=r"'empty' has no complete item.*Label some first"):
        golden_set(store, made, "golden")
    assert list(label_rows(store, made)) == []


def test_rows_have_every_version_of_every_label(store: Store, queue: Queue, tmp_path: Path) -> None:
    [newest] = queue.history("ann", limit=1).items
    queue.edit(newest.claim_id, "ann", {"good": True}, comment="after all")
    file = tmp_path / "labels.jsonl"
    assert write_labels(store, queue.record, file) == 3
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [row["item_id"] for row in rows] == ["i0", "i1", "i2"]
    assert [(one["version"], one["answers"]["good"], one["why"]) for one in rows[2]["labels"]] == [
        (1, "no", "edited"),
        (2, "yes", None),
    ]
    assert (rows[0]["example_id"], rows[0]["label"], rows[0]["shown"]["output"]) == ("e0", "yes", "answer 0")
    store.reviews.requeue("i0", "boss")
    assert [row["item_id"] for row in label_rows(store, queue.record, complete=True)] == ["i1", "i2"]
    with pytest.raises(InputError, match="cannot be written"):
        write_labels(store, queue.record, tmp_path)


def test_the_command_takes_labels_out(store: Store, queue: Queue, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    told = CliRunner().invoke(app, ["review", "export", "answers", "--out", str(out), "--dataset", "golden"])
    assert told.exit_code == 0, told.output
    assert "3 labelled items" in told.output
    assert "2 examples in golden:v1" in told.output
    assert len(out.read_bytes().splitlines()) == 3
    told = CliRunner().invoke(app, ["review", "export", "answers"])
    assert "Where to?" in told.output + str(told.exception)
