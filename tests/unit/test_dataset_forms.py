"""Datasets in and out of files and frames, streamed ones, and what changed between two."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from weft.errors import InputError, MissingExtraError, WeftError
from weft.evals import Dataset, Evaluation
from weft.records import NodeKind
from weft.scorers import Exact
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder

ROWS: list[dict[str, Any]] = [
    {"id": "a", "question": "2+2?\n", "expected": "4", "split": "test"},
    {"id": "b", "question": 'a "quoted", one', "expected": "é"},
]
RICH = [*ROWS, {"id": "c", "question": "x", "facts": {"n": 1, "of": [1.5, None]}, "flag": True}]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("stream", [False, True])
def test_there_and_back(form: str, stream: bool, tmp_path: Path) -> None:
    path = tmp_path / f"sums.{form}"
    dataset = Dataset("sums", ROWS)
    getattr(dataset, f"to_{form}")(path)
    back = getattr(Dataset, f"from_{form}")(path, stream=stream)
    assert back.is_streamed is stream
    assert list(back) == list(dataset)
    assert (back.name, back.digest, back.splits) == ("sums", dataset.digest, {"test": 1})


def test_rows_of_any_shape(tmp_path: Path) -> None:
    dataset = Dataset("rich", RICH)
    dataset.to_jsonl(tmp_path / "rich.jsonl")
    assert list(Dataset.from_jsonl(tmp_path / "rich.jsonl")) == list(dataset)
    dataset.to_csv(tmp_path / "rich.csv")
    cells = Dataset.from_csv(tmp_path / "rich.csv").rows[2]
    assert (cells["facts"], cells["flag"], cells["expected"]) == ('{"n":1,"of":[1.5,null]}', "true", "")
    frame = dataset.to_pandas()
    assert list(frame["id"]) == ["a", "b", "c"]
    mixed = Dataset("mixed", [{"x": 1}, {"x": "one"}])
    with pytest.raises(InputError, match=r"mixed.parquet cannot be written as Parquet: .* JSONL takes any rows"):
        mixed.to_parquet(tmp_path / "mixed.parquet")
    with pytest.raises(InputError, match="cannot be written: No such file"):
        mixed.to_jsonl(tmp_path / "nowhere" / "x.jsonl")


def test_a_pandas_frame_comes_back() -> None:
    dataset = Dataset("sums", [{"id": "1", "question": "2+2?", "n": 4}, {"id": "2", "question": "3+3?", "n": 6}])
    assert list(Dataset.from_pandas(dataset.to_pandas(), "sums")) == list(dataset)


class HubDataset:
    """What ``datasets.Dataset`` is to us: rows, and features."""

    features = SimpleNamespace()

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)


def test_a_dataset_of_hugging_face(monkeypatch: pytest.MonkeyPatch) -> None:
    one = HubDataset([{"question": "2+2?", "score": float("nan")}])
    assert Dataset.from_hf(one).rows == [{"question": "2+2?", "score": None}]
    parts = Dataset.from_hf({"train": one, "test": one}, "hub", stream=True)
    assert (parts.is_streamed, parts.splits) == (True, {"train": 1, "test": 1})
    with pytest.raises(InputError, match="A list is no dataset of Hugging Face"):
        Dataset.from_hf([1])
    monkeypatch.setitem(
        sys.modules, "datasets", SimpleNamespace(Dataset=SimpleNamespace(from_list=lambda rows: ("hub", rows)))
    )
    assert Dataset("sums", ROWS[:1]).to_hf() == ("hub", [{**ROWS[0], "split": "test"}])
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match="needs the package 'datasets'"):
        Dataset("sums", ROWS).to_hf()


def test_a_streamed_dataset_reads_its_rows_anew() -> None:
    reads: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        reads.append(len(reads))
        yield from ({"n": n, "split": "even" if n % 2 == 0 else "odd"} for n in range(10))

    dataset = Dataset("numbers", rows)
    assert reads == []
    assert (len(dataset), len(dataset), len(reads)) == (10, 10, 1)
    assert dataset.digest == Dataset("numbers", list(rows())).digest
    assert [e.data["n"] for e in dataset.split("odd")] == [1, 3, 5, 7, 9]
    assert dataset.split("odd").is_streamed
    assert [e.data["n"] for e in dataset.where(lambda row: row["n"] > 7)] == [8, 9]
    assert (dataset.head(2).rows[1]["n"], dataset[3].data["n"], len(dataset.select([1, 2]))) == (1, 3, 2)
    assert repr(dataset) == "Dataset('numbers', streamed)"
    with MemoryRecorder(store=memory_store()):
        assert dataset.ensure_published() is None
        assert dataset.publish(splits={"a": 1.0}).examples == 10
        assert (dataset.ensure_published(), dataset.is_streamed) == ("numbers:v1", False)
        stored = Dataset.get("numbers", stream=True)
        assert (stored.is_streamed, stored.ref, len(stored)) == (True, "numbers:v1", 10)
        assert stored.head(3).ensure_published() == "numbers:v1"


def test_a_broken_line_of_a_stream_ends_the_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"n": 1}\nnot json\n')
    dataset = Dataset.from_jsonl(path, stream=True)
    with MemoryRecorder(store=memory_store()), pytest.raises(InputError, match="line 2: not JSON"):
        Evaluation("broken", dataset, []).evaluate_sync(lambda n: n)


def test_a_streamed_evaluation() -> None:
    dataset = Dataset("numbers", lambda: ({"n": n, "expected": str(n)} for n in range(600)))
    with MemoryRecorder(store=memory_store()) as recorder:
        result = Evaluation("numbers", dataset, [Exact()], repetitions=2).evaluate_sync(lambda n: str(n))
        assert (result.dataset, len(result.samples), result.summary["exact"].value) == (None, 1200, 1)
        assert [sample.input["n"] for sample in result.samples[598:602]] == [598, 599, 0, 1]
        config = recorder.runs[0].config
        assert config is not None
        assert (config["dataset"], config["dataset_digest"]) == (None, dataset.digest)


def test_what_changed_between_two_versions() -> None:
    with MemoryRecorder(store=memory_store()):
        before = Dataset("sums", RICH)
        before.publish()
        rows = [{**ROWS[0], "expected": 4, "split": "train"}, ROWS[1], {"id": "d", "question": "new"}]
        after = Dataset("sums", rows)
        after.publish()
        found = Dataset.get("sums:v1").diff("sums:v2")
        assert [version.ref for version in Dataset.versions("sums")] == ["sums:v1", "sums:v2"]
    assert [e.example_id for e in found.added] == ["d"]
    assert [e.example_id for e in found.removed] == ["c"]
    assert [(c.after.example_id, c.columns) for c in found.changed] == [("a", ["expected", "split"])]
    assert (str(found), bool(found)) == ("1 added, 1 removed, 1 changed, 1 the same", True)
    assert "expected, split" in found.show()
    assert not before.diff(before)
    numbers = Dataset("n", [{"id": "x", "n": 1}]).diff(Dataset("n", [{"id": "x", "n": True}]))
    assert [c.columns for c in numbers.changed] == [["n"]]
    many = Dataset("n", []).diff(Dataset("n", [{"n": n} for n in range(30)]))
    assert "and 10 more" in many.show()


def test_a_query_needs_a_session() -> None:
    with pytest.raises(WeftError, match="Dataset.from_spans needs a running session"):
        Dataset.from_spans('kind == "llm"')


def test_rows_of_traces_lead_from_them() -> None:
    trace = "a1" * 16
    with MemoryRecorder(store=memory_store()) as recorder:
        Dataset("spans", [{"question": "hi", "trace_id": trace}, {"question": "ho", "trace_id": "none"}]).publish()
        edges = [o for o in recorder.observations if getattr(o, "relation", "") == "became"]
    assert [(edge.source_kind, edge.source, edge.target) for edge in edges] == [(NodeKind.TRACE, trace, "spans:v1")]
