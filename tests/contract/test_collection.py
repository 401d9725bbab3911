"""What nothing needs any more is removed, and what something needs is read as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from weft import digests
from weft.errors import NotFoundError
from weft.records import ArtifactFile, ArtifactVersion, Logged, Media, Sample, SampleStatus, Span
from weft.records.artifacts import MediaLimit
from weft.records.media import reference
from weft.store import SqlStore, blobs, collection, open_url
from weft.store import tables as t
from weft.testing.batches import batch_of
from weft.testing.contract_observations import a_span

MESSAGES = [{"role": "user", "content": f"message {number} " + "of a long conversation " * 9} for number in range(9)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/weft.db"
    else:
        make: Callable[[], str] = request.getfixturevalue("new_postgres")
        url = make()
    store = open_url(url, tmp_path / "blobs")
    yield store
    store.close()


def calls(run_id: str, numbers: range, seed: int = 0) -> list[Span]:
    """Calls that resend the messages so far."""
    return [a_span(seed + number, run_id=run_id, input={"messages": MESSAGES[:number]}) for number in numbers]


def count(store: SqlStore, table: Any) -> int:
    with store.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def size(store: SqlStore) -> int:
    with store.database.read() as connection:
        return int(connection.execute(select(func.sum(func.length(t.contents.c.data)))).scalar_one())


def inputs(store: SqlStore, spans: list[Span]) -> list[Any]:
    found = [store.spans.find_span(span.trace_id, span.span_id) for span in spans]
    return [span and span.input for span in found]


def test_contents_of_deleted_spans_go_and_what_others_share_stays(store: SqlStore) -> None:
    first, second = calls("a", range(1, 6)), calls("b", range(6, 9))
    for number, span in enumerate([*first, *second]):
        store.ingest(batch_of("w", span, segment=number))
    assert collection.collect(store.database) == collection.Collected()
    whole = size(store)
    store.runs.delete_run("a")
    assert collection.collect(store.database) == collection.Collected(contents=1, trimmed=4)
    assert inputs(store, second) == [span.input for span in second]
    assert size(store) < whole
    again = calls("c", range(1, 9), seed=100)
    for number, span in enumerate(again, 100):
        store.ingest(batch_of("w", span, segment=number))
    assert collection.collect(store.database) == collection.Collected()
    store.runs.delete_run("b")
    collected = collection.collect(store.database)
    assert collected.contents + collected.trimmed == 7
    assert inputs(store, again) == [span.input for span in again]
    store.runs.delete_run("c")
    collection.collect(store.database)
    assert (count(store, t.contents), count(store, t.pieces)) == (1, 0)
    assert size(store) < 100
    store.ingest(batch_of("w", *second, segment=1000))
    assert inputs(store, second) == [span.input for span in second]


def test_a_span_that_is_stored_again_leaves_nothing_behind(store: SqlStore) -> None:
    spans = calls("a", range(1, 9))
    for number, span in enumerate(spans):
        store.ingest(batch_of("w", a_span(number + 1, run_id="a", end_ns=None), segment=3 * number))
        store.ingest(batch_of("w", span, segment=3 * number + 1))
        store.ingest(batch_of("w", span, segment=3 * number + 2))
    collection.collect(store.database)
    assert inputs(store, spans) == [span.input for span in spans]
    store.runs.delete_run("a")
    collection.collect(store.database)
    assert count(store, t.contents) == 1


def test_blobs_that_nothing_names_go(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "INLINE_BYTES", 1000)
    kept = {name: store.blobs.put("p", name.encode() * 300) for name in ("in a span", "in a sample", "in an artifact")}
    gone = [store.blobs.put("p", name * 300) for name in (b"small", b"a larger one that has a file")]
    store.ingest(
        batch_of(
            "w",
            a_span(1, run_id="a"),
            a_span(2, output={"image": {**reference(b"in a span" * 300, "image/png")}}),
            a_span(3, output="large " * 60_000),
            Sample("r", "p", "e", 0, SampleStatus.OK, 1, 2, output={"text": "x" * 3000, "image": kept["in a sample"]}),
        )
    )
    file = ArtifactFile("f", kept["in an artifact"], 5)
    store.artifacts.create_version(ArtifactVersion("p", "n", "t", 0, "d", 1, files=[file]))
    store.runs.delete_run("a")
    assert collection.collect(store.database, grace_s=3600).blobs == 0
    store.ingest(batch_of("w", a_span(4, run_id="b"), segment=1))
    store.runs.delete_run("b")
    assert collection.collect(store.database, grace_s=0).blobs == 2
    for digest in gone:
        with pytest.raises(NotFoundError, match="no blob"):
            store.blobs.get("p", digest)
    assert [store.blobs.get("p", digest) for digest in kept.values()] == [name.encode() * 300 for name in kept]
    assert store.blobs.has("p", digests.of_bytes(b'"' + b"large " * 60_000 + b'"'))
    samples = store.evaluations.list_samples("r").items
    assert [sample.output["image"] for sample in samples] == [kept["in a sample"]]


def test_bytes_of_media_over_a_limit_go_where_nothing_else_names_them(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "GRACE_S", -1.0)
    names = ("gone", "in an artifact", "of another name", "newest")
    data = {name: name.encode() * 40 for name in names}
    told = {name: {"kind": "image", **reference(one, "image/png")} for name, one in data.items()}
    media = [Media("p", "image/png", one) for one in data.values()]
    logged = [Logged("r", "p", "seen", step, 1, "image", told[name]) for step, name in enumerate(names)]
    logged.append(Logged("r", "p", "other", 0, 1, "image", told["of another name"]))
    store.ingest(batch_of("w", *media, *logged))
    file = ArtifactFile("f", digests.of_bytes(data["in an artifact"]), 5)
    store.artifacts.create_version(ArtifactVersion("p", "n", "t", 0, "d", 1, files=[file]))
    planned = store.artifacts.collect("p", dry_run=True, media=MediaLimit(days=1))
    assert (planned.media, planned.blobs, planned.size_bytes) == (3, 1, len(data["gone"]))
    store.database.media_limit = MediaLimit(days=1)
    assert store.artifacts.collect("p", dry_run=True) == planned
    assert store.artifacts.collect("p", dry_run=True, media=MediaLimit()).media == 0
    store.maintain()  # as the drainer does where the settings have a limit
    assert [(entry.author, entry.expression) for entry in store.keeping.list_audit().items] == [
        ("retention", "3 media: older than 1 days")
    ]
    assert {name for name, one in data.items() if store.blobs.has("p", digests.of_bytes(one))} == set(names[1:])


def test_media_of_runs_stay_with_them_and_go_with_them(store: SqlStore) -> None:
    def told(run_id: str, *names: bytes, **more: Any) -> Logged:
        items = [{"kind": "image", **reference(name, "image/png")} for name in names]
        return Logged(run_id, "p", "pictures", 1, 1, "image", {"items": items, **more})

    data = {name: name * 40 for name in (b"own", b"both", b"cell")}
    listed = digests.of_bytes(data[b"cell"]).encode("ascii")
    media = [Media("p", "image/png", one) for one in (*data.values(), listed)]
    first = told("a", data[b"own"], data[b"both"], members=digests.of_bytes(listed))
    store.ingest(batch_of("w", *media, first, told("b", data[b"both"]), a_span(1, run_id="a")))
    store.ingest(batch_of("w", a_span(2, run_id="c"), segment=1))
    store.runs.delete_run("c")
    collection.collect(store.database, grace_s=-1)
    assert all(store.blobs.has("p", digests.of_bytes(one)) for one in (*data.values(), listed))
    store.runs.delete_run("a")
    collection.collect(store.database)
    left = {name for name, one in data.items() if store.blobs.has("p", digests.of_bytes(one))}
    assert left == {b"both"}
    assert not store.blobs.has("p", digests.of_bytes(listed))
