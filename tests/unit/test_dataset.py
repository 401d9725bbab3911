"""Datasets: ids, splits, files with broken lines, versions."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from weft.errors import InputError, MissingExtraError, NotFoundError, WeftError
from weft.evals import Dataset
from weft.records import ArtifactVersion, Example, NodeKind, Span
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder

ROWS = [{"question": "2+2?", "expected": "4"}, {"question": "3+3?", "expected": "6", "split": "test", "id": 7}]


def test_ids_are_the_digest_unless_given() -> None:
    dataset = Dataset("sums", ROWS)
    again = Dataset("sums", [dict(reversed(ROWS[0].items()))])
    assert dataset.examples[0].example_id == again.examples[0].example_id
    assert dataset.examples[1] == Example("7", {"question": "3+3?", "expected": "6"}, "test")
    assert dataset.rows[0] == ROWS[0]
    assert len(dataset) == 2
    assert [example.split for example in dataset] == [None, "test"]
    twice = Dataset("sums", [ROWS[0], ROWS[0]])
    assert twice.examples[1].example_id == twice.examples[0].example_id + "-2"
    assert repr(dataset) == "Dataset('sums', 2 examples)"


def test_what_is_no_row_is_named() -> None:
    with pytest.raises(InputError, match="Row 2 has the id 'a' of an earlier row"):
        Dataset("d", [{"id": "a"}, {"id": "a"}])
    with pytest.raises(InputError, match=r"Row 1 is a str, not a dict. .* of a data frame, frame.to_dict\('records'\)"):
        Dataset("d", ["x"])  # type: ignore[list-item]
    with pytest.raises(InputError, match="Row 1: the value of 'x' holds a object, which is not a JSON value"):
        Dataset("d", [{"x": [object()]}])
    with pytest.raises(InputError, match="Row 1: the value of 'x' is nan; use None for what is missing"):
        Dataset("d", [{"x": float("nan")}])
    with pytest.raises(InputError, match="is a dict whose keys are not all text"):
        Dataset("d", [{"x": {"y": {1: 2}}}])
    with pytest.raises(InputError, match="The dataset name 'a/b' cannot stand in an address"):
        Dataset("a/b", [])


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    path.write_text('\ufeff{"question": "2+2?"}\n\n{"question": "a\u2028b"}\n', encoding="utf-8")
    dataset = Dataset.from_jsonl(path)
    assert dataset.name == "sums"
    assert dataset.rows == [{"question": "2+2?"}, {"question": "a\u2028b"}]
    path.write_text('{"question": 1}\n\n{"question": }\n')
    with pytest.raises(InputError, match=r"sums.jsonl, line 3: not JSON"):
        Dataset.from_jsonl(path)
    path.write_text('{"question": 1}\n[1]\n')
    with pytest.raises(InputError, match=r"sums.jsonl, line 2: a list, not a JSON object"):
        Dataset.from_jsonl(path)
    path.write_bytes(b'{"question": 1}\n{"question": "\xff"}\n')
    with pytest.raises(InputError, match=r"sums.jsonl, line 2: not UTF-8 text"):
        Dataset.from_jsonl(path)
    path.write_text('{"question": 1}\n{"question": [NaN]}\n')
    with pytest.raises(InputError, match=r"sums.jsonl, line 2: the value of 'question' is nan; use None"):
        Dataset.from_jsonl(path)
    path.write_text('{"question": ' + "[" * 100_000 + "\n")
    with pytest.raises(InputError, match=r"sums.jsonl, line 1: nested too deep"):
        Dataset.from_jsonl(path)
    path.write_text(f'{{"question": {2**80}}}\n')
    assert Dataset.from_jsonl(path).rows == [{"question": 2**80}]
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Dataset.from_jsonl(tmp_path / "none.jsonl")


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "sums.csv"
    path.write_text('question,expected\n"2+2,\nsay",4\n\n3+3?,6\n')
    assert Dataset.from_csv(path, "named").rows == [
        {"question": "2+2,\nsay", "expected": "4"},
        {"question": "3+3?", "expected": "6"},
    ]
    path.write_text("question,expected\n2+2?,4\n3+3?\n")
    with pytest.raises(InputError, match=r"sums.csv, line 3: 1 values under 2 columns"):
        Dataset.from_csv(path)
    path.write_text('question,expected\n"2+2?,4\n')
    with pytest.raises(InputError, match=r"sums.csv, line 2: not CSV"):
        Dataset.from_csv(path)
    path.write_bytes(b"\xef\xbb\xbfdocument\r\n" + b"x" * 300_000 + b"\r\n")
    assert Dataset.from_csv(path).rows == [{"document": "x" * 300_000}]
    path.write_text("a,a\n1,2\n")
    with pytest.raises(InputError, match=r"sums.csv, line 1: a column is named twice"):
        Dataset.from_csv(path)


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sums.parquet"
    parquet.write_table(pyarrow.table({"question": ["a", "b"], "score": [1.5, float("nan")]}), path)
    assert Dataset.from_parquet(path).rows == [{"question": "a", "score": 1.5}, {"question": "b", "score": None}]
    times = {"at": [datetime.datetime(2026, 1, 2, 3)], "on": [datetime.date(2026, 1, 2)], "price": [Decimal("1.50")]}
    parquet.write_table(pyarrow.table(times), path)
    assert Dataset.from_parquet(path).rows == [{"at": "2026-01-02T03:00:00", "on": "2026-01-02", "price": "1.50"}]
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="sums.parquet cannot be read as Parquet"):
        Dataset.from_parquet(path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"weft\[parquet\]"):
        Dataset.from_parquet(path)


def test_spans_become_rows() -> None:
    given = {"project": "p", "trace_id": "a" * 32, "name": "ask", "start_ns": 1, "output": "4"}
    spans = [Span(span_id="b" * 16, input={"question": "2+2?"}, **given), Span(span_id="c" * 16, input="hi", **given)]
    dataset = Dataset.from_spans(spans)
    assert dataset.examples[0].example_id == "b" * 16
    assert dataset.rows[0] == {"question": "2+2?", "output": "4", "trace_id": "a" * 32, "span_id": "b" * 16}
    assert dataset.rows[1]["input"] == "hi"
    assert Dataset.from_spans(spans, expected=True).rows[0]["expected"] == "4"


def test_parts_of_a_dataset() -> None:
    dataset = Dataset("sums", [*ROWS, {"question": "4+4?", "split": "test"}])
    assert dataset.splits == {"test": 2}
    part = dataset.split("test").head(1)
    assert (len(part), part.selection) == (1, {"split": "test", "first": 1})
    assert len(dataset.where(lambda row: "3" in row["question"])) == 1
    with pytest.raises(InputError, match="The dataset sums has no split 'train'; it has: test"):
        dataset.split("train")


def test_a_published_dataset_comes_back() -> None:
    store = memory_store()
    with MemoryRecorder(run_id="run1", store=store):
        dataset = Dataset("sums", ROWS)
        version = dataset.publish(["golden"], description="Sums.")
        assert (version.ref, dataset.ref) == ("sums:v1", "sums:v1")
        assert Dataset("sums", ROWS).publish().ref == "sums:v1"
        assert Dataset("sums", ROWS[:1]).publish().ref == "sums:v2"
        golden = Dataset.get("sums:golden")
        assert (golden.ref, golden.rows) == ("sums:v1", dataset.rows)
        assert golden.split("test").ref == "sums:v1"
        assert Dataset.from_artifact("sums").ref == "sums:v2"
        assert store.artifacts.lineage("test", NodeKind.RUN, "run1").downstream
        with pytest.raises(NotFoundError):
            Dataset.get("nothing")
        store.artifacts.create_version(ArtifactVersion("test", "m", "model", 0, "d", 1))
        with pytest.raises(InputError, match="The artifact m:v1 is a model, not a dataset"):
            Dataset.get("m")


def test_a_part_leads_to_the_version_of_the_whole() -> None:
    store = memory_store()
    with MemoryRecorder(store=store):
        whole = Dataset("sums", [*ROWS, {"question": "4+4?", "split": "test"}])
        part = whole.split("test").head(1)
        assert part.ensure_published() == "sums:v1"
        assert (whole.ref, part.selection) == ("sums:v1", {"split": "test", "first": 1})
        assert store.artifacts.get_version("test", "sums").examples == 3
        assert part.publish().ref == "sums:v2"
        assert part.selection == {}


def test_aliases_are_a_list_and_what_needs_a_session_says_so() -> None:
    with pytest.raises(InputError, match=r"The aliases are the text 'golden', not a list. Use aliases=\['golden'\]"):
        Dataset("d", ROWS).publish("golden")
    with pytest.raises(WeftError, match="weft.Dataset.get needs a running session"):
        Dataset.get("d:latest")


def test_splits_by_share_stay_as_rows_are_added() -> None:
    rows = [{"n": n} for n in range(400)]
    with MemoryRecorder(store=memory_store()):
        first, second = Dataset("numbers", rows[:200]), Dataset("numbers", rows)
        first.publish(splits={"train": 0.75, "test": 0.25})
        second.publish(splits={"train": 0.75, "test": 0.25})
        kept = {example.example_id: example.split for example in second}
        assert all(kept[example.example_id] == example.split for example in first)
        assert 260 < second.splits["train"] < 340
        with pytest.raises(InputError, match="do not sum to 1"):
            first.publish(splits={"train": 0.5})
