"""Baselines by file, run, alias, branch and name; shards; what is selected; and reports that markup cannot break."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from weft.errors import InputError, NotFoundError
from weft.evals import Dataset, Evaluation, baselines, reports, shards
from weft.evals.baselines import Baseline, Places, find, usual
from weft.evals.checks import Check, ExitCode, check
from weft.evals.files import collect_all
from weft.evals.gates import Gate
from weft.evals.measured import Measured, MeasuredExample
from weft.evals.selection import Selection, parse_shard
from weft.records import Entry, RunKind, RunUpdate
from weft.repositories import Batch
from weft.scorers import Exact
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder

ROWS = [{"id": f"e{n}", "n": n, "expected": str(n), "tags": ["odd"] if n % 2 else ["even"]} for n in range(10)]


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(store=memory_store()) as active:
        yield active


def keep(recorder: MemoryRecorder) -> None:
    entries = [Entry(int(kind), payload, end) for end, (kind, payload) in enumerate(recorder.payloads, start=1)]
    start = recorder.store.progress("memory", 0)
    assert not recorder.store.ingest(Batch("memory", 0, start, len(entries), entries[start:])).rejected


def measured(**more: Any) -> Measured:
    examples = {
        f"e{n}": MeasuredExample(f"e{n}", {"exact": [float(n > 0)], "error_rate": [0.0], "missing": [0.0]}, position=n)
        for n in range(4)
    }
    return replace(Measured("sums", "bot", "run1", ["exact"], examples, total=4), **more)


def test_a_baseline_file_is_read_as_it_was_written_and_others_in_it_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "baseline.json"
    first = measured(git={"commit": "abc"})
    first.examples["e1"] = replace(first.examples["e1"], cluster="c", tags=("t",), digest="d")
    baselines.write_file(path, [first])
    assert baselines.read_file(path)["sums"] == replace(first, total=4)
    baselines.write_file(path, [measured(name="others")])
    assert list(baselines.read_file(path)) == ["others", "sums"]
    lines = path.read_text().splitlines()
    assert sum('"id": "e1"' in line for line in lines) == 2  # a line an example
    assert "latency_s" not in path.read_text()


def test_texts_are_kept_where_they_are_asked_for(recorder: MemoryRecorder) -> None:
    result = Evaluation("sums", ROWS, [Exact()]).evaluate_sync(lambda n: str(n))
    plain, texts = Measured.of(result), Measured.of(result, texts=True)
    assert plain.examples["e3"].texts is None
    assert texts.examples["e3"].texts == {"input": {"n": 3}, "outputs": ["3"]}
    assert baselines.from_data(json.loads(baselines.dump([texts]))["evaluations"][0]).examples["e3"].texts is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no evaluations. Make it with --update-baseline"),
        ('{"evaluations": [], "format": 9}', "has the format 9; this Weft reads 1"),
        ('{"evaluations": [{}], "format": 1}', "evaluation 1: KeyError"),
        (
            '{"format": 1, "evaluations": [{"name": "a", "metrics": [],'
            ' "examples": [{"id": 1, "scores": {"x": ["1"]}}]}]}',
            "the score '1'",
        ),
        (
            '{"format": 1, "evaluations": [{"name": "a", "metrics": [], "examples": []},'
            ' {"name": "a", "metrics": [], "examples": []}]}',
            "has the evaluation a twice",
        ),
    ],
)
def test_files_that_are_no_baselines(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        baselines.read_file(path)


def test_files_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match=r"There is no baseline .*none.json. Make it with: weft eval"):
        find(str(tmp_path / "none.json"), "sums", Places(tmp_path))
    (tmp_path / "x.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="x.json cannot be read"):
        baselines.read_file(tmp_path / "x.json")
    with pytest.raises(InputError, match="cannot be written"):
        baselines.write_file(tmp_path / "x.json" / "y.json", [measured()])
    (tmp_path / "big.json").write_text(baselines.dump([measured()]))
    monkeypatch.setattr(baselines, "_LARGEST_BYTES", 10)
    with pytest.raises(InputError, match="big.json is larger than 10 bytes"):
        baselines.read_file(tmp_path / "big.json")


def test_baselines_of_the_store(recorder: MemoryRecorder, tmp_path: Path) -> None:
    evaluation = Evaluation("sums", ROWS, [Exact()], gates=["exact >= 0.5"])
    places = Places(tmp_path, recorder.store, recorder.project)
    assert usual("sums", None, places).missing == "there is no earlier run to compare with"
    first = evaluation.evaluate_sync(lambda n: str(n))
    recorder.record(RunUpdate("parent", "test", 1, kind=RunKind.APP, name="nightly", git={"branch": "main"}))
    recorder.record(RunUpdate(first.run_id, "test", 2, parent_run_id="parent"))
    second = evaluation.evaluate_sync(lambda n: str(n + n % 2))
    bad = evaluation.evaluate_sync(lambda n: "wrong")
    assert not bad.passed
    keep(recorder)
    assert usual("sums", "exact", places).name == second.run_id  # a run that a gate stopped is no baseline
    assert usual("sums", "exact", places, besides=second.run_id).name == first.run_id
    for name in ("main", "nightly", first.run_id):
        found = find(name, "sums", places).measured
        assert found is not None
        assert found.run_id == first.run_id
    assert found.examples["e3"].digest == Measured.of(first, Dataset("sums", ROWS)).examples["e3"].digest != ""
    baselines.keep_alias(Measured.of(bad), "accepted", recorder.store, "test")
    accepted = find("accepted", "sums", places).measured
    assert accepted is not None
    assert accepted.run_id == bad.run_id
    with pytest.raises(NotFoundError, match="There is no baseline 'nothing': no file, run, alias, git branch or name"):
        find("nothing", "sums", places)


def test_the_baseline_of_a_branch_without_a_store(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=60)

    folder = tmp_path / "evals"
    baselines.write_file(folder / "baseline.json", [measured()])
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "baseline")
    (folder / "baseline.json").write_text("{}")  # what the pull request made of it
    found = find("main", "sums", Places(folder))
    assert found.measured is not None
    assert find("main", "others", Places(folder)).missing == "main has no evaluation others yet"
    with pytest.raises(NotFoundError):
        find("--output=made", "sums", Places(folder))
    assert not (folder / "made").exists()


def test_what_is_selected() -> None:
    evaluation = Evaluation("sums", ROWS, [Exact()])

    def ids(selection: Selection) -> list[str]:
        selected, _ = selection.of(evaluation)
        return [example.example_id for example in selected.dataset]  # type: ignore[union-attr]

    assert ids(Selection(limit=2)) == ["e0", "e1"]
    assert ids(Selection(limit=2, tags=("odd",))) == ["e1", "e3"]
    assert ids(Selection(tags=("odd", "even"), limit=20)) == [f"e{n}" for n in range(10)]
    assert [ids(Selection(shard=(i, 3), limit=7)) for i in (1, 2, 3)] == [
        ["e0", "e3", "e6"],
        ["e1", "e4"],
        ["e2", "e5"],
    ]
    assert len(evaluation.dataset) == 10
    with pytest.raises(InputError, match="No example of sums has the tag prime"):
        Selection(tags=("prime",)).of(evaluation)
    with pytest.raises(InputError, match="The limit is 0; the least is 1"):
        Selection(limit=0)
    with pytest.raises(InputError, match="There is no shard 4 of 3. Write i/n with i from 1 to n"):
        Selection(shard=parse_shard("4/3"))
    with pytest.raises(InputError, match="The shard '1of3' is not i/n"):
        parse_shard("1of3")


def shard(number: int, count: int, **more: Any) -> Measured:
    whole = measured()
    examples = list(whole.examples.values())[number - 1 :: count]
    placed = {e.example_id: replace(e, position=at) for at, e in enumerate(examples)}
    return replace(whole, examples=placed, shard=f"{number}/{count}", **more)


def test_shards_are_joined_to_the_whole(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.json" for number in (2, 1)]
    for path, number in zip(paths, (2, 1), strict=True):
        part = shard(number, 2, gates=[{"metric": "exact", "minimum": 0.5}])
        done = reports.as_json([Check(part, [])], ExitCode.PASSED, level=0.9)
        path.write_text(json.dumps(done))
    (parts,) = shards.by_evaluation(paths)
    whole, gates, missing = shards.join(parts)
    assert list(whole.examples) == ["e0", "e1", "e2", "e3"]
    assert whole.figure("exact", level=0.9) == measured().figure("exact", level=0.9)
    assert (gates, missing) == ([Gate("exact", minimum=0.5)], [])
    _, _, missing = shards.join(parts[:1])
    assert missing[0].reason == "The shards 1/2 are missing, so 2 of 4 examples were measured."


def test_a_label_that_a_shard_has_not_seen_is_not_missing_there() -> None:
    first, second = shard(1, 2, metrics=["kind=a"]), shard(2, 2, metrics=["kind=b"])
    for part, name in ((first, "kind=a"), (second, "kind=b")):
        for key, example in part.examples.items():
            part.examples[key] = replace(example, values={name: [1.0], "missing": [0.0]})
    whole, _, _ = shards.join([first, second])
    figure = whole.figure("kind=a", level=0.9)
    assert (figure.n, figure.missing, figure.value) == (4, 0, 0.5)


def test_shards_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="The shard 1/2 of sums is given twice"):
        shards.join([shard(1, 2), shard(1, 2)])
    with pytest.raises(InputError, match="sums is in 2 shards and in 3"):
        shards.join([shard(1, 2), shard(2, 3)])
    with pytest.raises(InputError, match="The shards 1/2 and 2/2 of sums differ in their target: 'bot' and 'other'"):
        shards.join([shard(1, 2), shard(2, 2, target="other")])


def test_a_whole_is_no_shard(tmp_path: Path) -> None:
    baselines.write_file(tmp_path / "whole.json", [measured()])
    with pytest.raises(InputError, match="whole.json is no shard of sums: it was run whole"):
        shards.by_evaluation([tmp_path / "whole.json"])
    with pytest.raises(NotFoundError, match=r"There is no file .*lost.json. Give the files of: weft eval"):
        shards.by_evaluation([tmp_path / "lost.json"])


def test_names_of_users_are_text_in_every_report() -> None:
    hostile = "<img src=x onerror=y> | [a](http://evil) @someone `x` \x00"
    found = measured(name="e" + hostile, target=hostile)
    found.examples = {
        hostile: replace(found.examples["e0"], example_id=hostile, texts={"input": hostile, "outputs": []})
    }
    before = replace(found, examples={hostile: replace(found.examples[hostile], values={"exact": [1.0]})})
    done = check(found, [Gate(f'"{hostile}" >= 0.5')], Baseline(before, hostile))
    done.warnings = [hostile]
    markdown = reports.as_markdown([done], level=0.9, title=hostile)
    assert "<img" not in markdown
    assert "http://" not in markdown
    assert "@someone" not in markdown
    assert not [line for line in markdown.splitlines() if "| [a]" in line or " `x`" in line]
    suites = ElementTree.fromstring(reports.as_junit([done]))
    assert suites[0].get("errors") == "1"
    json.dumps(reports.as_json([done], ExitCode.NOT_MEASURED, level=0.9))


def test_junit_tells_the_verdicts_apart() -> None:
    done = check(
        measured(), [Gate("exact >= 0.1"), Gate("exact >= 0.99"), Gate("exact >= 0.75"), Gate("no >= 1")], None
    )
    suite = ElementTree.fromstring(reports.as_junit([done]))[0]
    kinds = [case[0].tag for case in suite]
    assert kinds == ["system-out", "failure", "skipped", "error"]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    strict = ElementTree.fromstring(reports.as_junit([done], fail_inconclusive=True))[0]
    assert [case[0].tag for case in strict] == ["system-out", "failure", "failure", "error"]


def test_a_folder_of_evaluations(recorder: MemoryRecorder, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from zz_shared import evaluation as imported, target\n")
    (tmp_path / "zz_shared.py").write_text(
        "from weft.evals import Evaluation\n"
        "def target(n): return str(n)\n"
        "evaluation = Evaluation('shared', [{'n': 1, 'expected': '1'}], [])\n"
    )
    for name in ("_private.py", "test_x.py", "conftest.py", ".hidden/x.py", "deep/er.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = "value = 1\n" if name.startswith("deep") else "raise SystemExit('must not be read')\n"
        (tmp_path / name).write_text(text)
    found = collect_all([tmp_path])
    assert [evaluation.name for evaluation, _ in found] == ["shared"]
    with pytest.raises(InputError, match="deep holds no evaluation"):
        collect_all([tmp_path / "deep"])
    (tmp_path / "twice.py").write_text(
        "from weft.evals import Evaluation\nx = Evaluation('shared', [], [], target=str)\n"
    )
    with pytest.raises(InputError, match="Two evaluations are named 'shared'"):
        collect_all([tmp_path])
