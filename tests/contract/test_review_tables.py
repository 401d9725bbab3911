"""Review queues below the contract: what the migration keeps, which indexes serve a claim, processes at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from weft.records import LabelQuery, ScoreQuery, SpanQuery
from weft.store import SqlStore, migrations, open_url
from weft.store.database import Database, connect_url
from weft.testing.batches import batch_of
from weft.testing.contract_observations import a_span
from weft.testing.contract_reviews import a_queue, an_item, claim_of, claimed, labels, scores

NOW = 1_700_000_000_000_000_000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/weft.db"
    make: Callable[[], str] = request.getfixturevalue("bare_postgres")
    return make()


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_url(url, tmp_path / "blobs")
    yield opened
    opened.close()


def fill_former(database: Database) -> None:
    """A queue as the step before kept it: labelled, claimed, waiting after a skip, held."""
    queue: dict[str, Any] = {
        "queue_id": "q",
        "project": "p",
        "name": "answers",
        "score_name": "human",
        "created_ns": NOW,
    }
    rubric = {"question": "Right?", "choices": [{"label": 'ri"ght', "value": 1.0}, {"label": "wrong", "value": 0.0}]}
    given: dict[str, Any] = {"queue_id": "q", "project": "p", "reason": "why", "u": 0.1, "p": 0.5, "wave": 0}
    given |= {"machine": '{"value":0.5}', "shown": '{"input":"?"}', "created_ns": NOW, "simulated": False}
    nothing = {"reviewer": None, "lease_until_ns": None, "label": None, "value": None, "comment": None}
    given |= {**nothing, "labelled_ns": None, "skipped_by": "[]", "priority": 0.2}
    labelled: dict[str, Any] = {
        "reviewer": "ann",
        "label": 'ri"ght',
        "value": 1.0,
        "comment": "sure",
        "labelled_ns": NOW + 5,
    }
    items: list[dict[str, Any]] = [
        {"item_id": "done", "status": "labelled", **labelled},
        {"item_id": "held by ben", "status": "claimed", "reviewer": "ben", "lease_until_ns": 2**62},
        {"item_id": "skipped", "status": "waiting", "skipped_by": '["cem"]'},
        {"item_id": "not sent", "status": "held", "u": 0.9, "priority": 1.8},
    ]
    score: dict[str, Any] = {
        "score_id": "s1",
        "project": "p",
        "name": "human",
        "time_ns": NOW + 5,
        "source": "human",
        "value": 1.0,
    }
    metadata = json.dumps({"queue_id": "q", "item_id": "done", "simulated": False})
    with database.write() as connection:
        rows = [("review_queues", queue | {"rubric": json.dumps(rubric), "policy": '{"lease_s":60}'})]
        rows += [("review_items", given | item) for item in items]
        rows += [("scores", score | {"label": 'ri"ght', "author": "ann", "metadata": metadata})]
        for table, row in rows:
            names = ", ".join(row)
            marks = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)


def test_labelled_items_become_slots_and_labels_and_go_back(url: str, tmp_path: Path) -> None:
    database = connect_url(url, blob_dir=tmp_path / "blobs")
    with database.write() as connection:
        migrations.run(connection, "upgrade", "0006")
    fill_former(database)
    migrations.migrate(database)
    store = SqlStore(database)
    assert [(i.item_id, i.status, i.labels) for i in store.reviews.list_items("q").items] == [
        ("done", "labelled", 1),
        ("held by ben", "claimed", 0),
        ("skipped", "waiting", 0),
        ("not sent", "held", 0),
    ]
    [label] = labels(store)
    assert (label.reviewer, label.answers, label.value, label.comment) == ("ann", {"answer": 'ri"ght'}, 1.0, "sure")
    assert (label.submitted_ns, label.counted, label.rubric_version) == (NOW + 5, True, 1)
    assert [one.version for one in store.reviews.list_rubrics("q")] == [1]
    assert claimed(store, "ben").item_id == "held by ben"
    assert store.reviews.claim("q", "cem") == []
    assert claimed(store, "dan").item_id == "skipped"
    store.reviews.edit(label.claim_id, "ann", {"answer": "wrong"})
    assert [(score.value, score.label) for score in scores(store)] == [(0.0, "wrong")]
    store.reviews.submit(claim_of(claimed(store, "ben")), "ben", {"answer": 'ri"ght'})
    with database.write() as connection:
        migrations.run(connection, "downgrade", "0006")
        rows = connection.execute(text("SELECT item_id, status, reviewer, label, value FROM review_items")).all()
        connection.execute(text("SELECT metadata FROM scores WHERE source = 'human'")).all()
    assert sorted(tuple(row) for row in rows) == [
        ("done", "labelled", "ann", "wrong", 0.0),
        ("held by ben", "labelled", "ben", 'ri"ght', 1.0),
        ("not sent", "held", None, None, None),
        ("skipped", "claimed", "dan", None, None),
    ]
    migrations.migrate(database)
    assert store.reviews.get_queue("q").labelled == 2
    assert len(scores(store)) == 2
    database.close()


def test_the_database_itself_refuses_a_slot_too_many(store: SqlStore) -> None:
    a_queue(store, an_item(1))
    claimed(store, "ann")
    columns = ("item_id", "slot", "queue_id", "stage", "state", "priority", "reviewer", "passed", "assigned")
    marks = ", ".join(f":{name}" for name in columns)
    insert = text(f"INSERT INTO review_slots ({', '.join(columns)}) VALUES ({marks})")
    for slot, reviewer in ((1, "bob"), (2, "ann")):
        row = dict(zip(columns, ("i1", slot, "q", 1, "claimed", 0.0, reviewer, "[]", "[]"), strict=True))
        with pytest.raises(IntegrityError), store.database.write() as connection:
            connection.execute(insert, row)


def test_claims_and_labels_read_no_table_from_end_to_end(tmp_path: Path) -> None:
    store = open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path / "blobs")
    gold = [an_item(5000 + n, u=None, p=None, gold={"answer": "right"}) for n in range(5)]
    a_queue(store, *[an_item(n) for n in range(1, 2000)], *gold, gold_every=1)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    engine = store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    for _ in range(3):
        claim_id = claim_of(store.reviews.claim("q", "ann", ahead=1)[0])
        store.reviews.submit(claim_id, "ann", {"answer": "right"})
    store.reviews.renew(claim_of(claimed(store, "ann")), "ann")
    store.reviews.undo("q", "ann")
    event.remove(engine, "before_cursor_execute", note)
    scans = set()
    with engine.connect() as connection:
        for statement, parameters in asked:
            if statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
                scans |= {
                    (row[3], statement) for row in plan if row[3].startswith("SCAN review_") or "TEMP B-TREE" in row[3]
                }
    store.close()
    # The few rows of one item may be sorted, the rows of a queue not.
    assert [plan for plan, _ in scans if plan.startswith("SCAN")] == []
    assert [statement for _, statement in scans if "LIMIT" in statement] == []


_WORKER = """
import sys
from pathlib import Path
from weft.store import open_url
store = open_url(sys.argv[1], Path(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
while found := store.reviews.claim("q", sys.argv[3]):
    print(found[0].item_id, flush=True)
    store.reviews.submit(found[0].claim.claim_id, sys.argv[3], {"answer": "right"})
store.close()
"""


def test_processes_at_once_never_get_the_same_item(store: SqlStore, url: str, tmp_path: Path) -> None:
    a_queue(store, *[an_item(n) for n in range(1, 41)])
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, url, str(tmp_path / "blobs"), f"r{n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    taken: list[str] = []
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        taken += worker.communicate(timeout=60)[0].split()
        assert worker.returncode == 0
    assert sorted(taken) == sorted(f"i{n}" for n in range(1, 41))
    found = store.reviews.list_labels(LabelQuery("q")).items
    assert len({label.item_id for label in found}) == len(found) == 40
    assert len(store.evaluations.list_scores(ScoreQuery(source="human")).items) == 40


def test_forced_deletion_takes_the_labels_along(store: SqlStore) -> None:
    span = a_span(1)
    store.ingest(batch_of("w", span))
    a_queue(store, an_item(1, trace_id=span.trace_id, span_id=span.span_id))
    store.reviews.submit(claim_of(claimed(store, "ann")), "ann", {"answer": "right"})
    store.reviews.add_comment("i1", "ann", "hm")
    wanted = SpanQuery(project="p", trace_id=span.trace_id)
    assert store.keeping.delete_spans(wanted, author="boss").spans == 0
    assert store.keeping.delete_spans(wanted, author="boss", force=True).spans == 1
    with store.database.read() as connection:
        for table in ("items", "slots", "claims", "labels", "comments"):
            assert connection.execute(text(f"SELECT count(*) FROM review_{table}")).scalar_one() == 0
