"""`weft eval` as CI calls it: exit codes, reports, baselines, parts of an evaluation."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_forge import FakeForge
from typer.testing import CliRunner, Result

from weft import session
from weft.cli.main import app
from weft.errors import InputError, NotFoundError, ServerError, WeftError

EVALUATION = """
import weft
from weft.scorers import Exact

calls = CALLS
data = weft.Dataset("sums", [
    {"id": f"e{n}", "n": n, "expected": str(n), "tags": ["odd"] if n % 2 else ["even"]} for n in range(100)
])
evaluation = weft.Evaluation("sums", data, scorers=[Exact(name="correct")])


def target(n: int) -> str:
    if calls is not None:
        with open(calls, "a") as file:
            file.write(".")
    if n >= 100 - BROKEN:
        raise RuntimeError("down")
    return str(n if n >= WRONG else -1)
"""
Weft = Callable[..., Result]


@pytest.fixture
def weft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_home: Path) -> Any:
    """`weft eval` in an empty folder, outside of CI."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WEFT_MODE", "disabled")

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, ["eval", *arguments])
        if isinstance(result.exception, Exception):
            raise result.exception
        return result

    yield run
    session.close()


def program(*, wrong: int = 0, broken: int = 0, calls: str | None = None) -> None:
    Path("evals").mkdir(exist_ok=True)
    text = EVALUATION.replace("WRONG", str(wrong)).replace("BROKEN", str(broken)).replace("CALLS", repr(calls))
    Path("evals/checks.py").write_text(text)


def outcomes(path: str = "out.json") -> list[str]:
    return [
        verdict["outcome"] for one in json.loads(Path(path).read_text())["evaluations"] for verdict in one["verdicts"]
    ]


def test_what_failed_most_is_told(weft: Weft) -> None:
    program(broken=30)
    found = weft("evals", "--gate", "correct >= 0.8")
    assert found.exit_code == 4
    assert "warning: sums: 30 x target: RuntimeError: down" in found.stderr
    program()
    assert "RuntimeError" not in weft("evals", "--gate", "correct >= 0.8").stderr


def test_exit_codes(weft: Weft) -> None:
    program(wrong=10)
    said = ("--json", "out.json")
    assert weft("evals", "--gate", "correct >= 0.8", "--gate", "p95_latency_s <= 9", *said).exit_code == 0
    assert outcomes() == ["PASS", "PASS"]
    assert weft("evals/", "--gate", "correct >= 0.8", "--gate", "correct > 0.99", *said).exit_code == 1
    assert outcomes() == ["PASS", "FAIL"]
    undecided = weft("evals", "--gate", "correct >= 0.9", *said)
    assert (undecided.exit_code, outcomes()) == (0, ["INCONCLUSIVE"])
    assert "INCONCLUSIVE  correct >= 0.9" in undecided.stdout
    assert weft("evals", "--gate", "correct >= 0.9", "--inconclusive", "fail", *said).exit_code == 3
    assert weft("evals", "--gate", "correct >= 0.9", "--inconclusive", "pass", *said).exit_code == 0
    assert weft("evals", "--gate", "cost_usd <= 0.02", *said).exit_code == 4
    program(broken=6)
    assert weft("evals", "--gate", "correct >= 0.5", *said).exit_code == 4
    program(broken=100)
    assert weft("evals", *said).exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("missing/",), InputError, "There is no Python file missing"),
        (("evals", "--gate", "correct => 0.8"), InputError, "wrong at column 9"),
        (("evals", "--max-drop", "correct"), InputError, "The largest drop 'correct' is not METRIC=SIZE"),
        (("evals", "--baseline", "nothing"), NotFoundError, "There is no baseline 'nothing'"),
        (("evals", "--inconclusive", "maybe"), InputError, "--inconclusive is 'maybe'. Use pass, warn or fail"),
        (("evals", "--baseline", "alias", "--update-baseline"), InputError, "The alias 'alias' needs a store"),
        (("evals", "--shard", "1/2", "--update-baseline"), InputError, "A shard is no baseline"),
        (("evals", "--markdown", "evals/checks.py/x.md"), InputError, "x.md cannot be written"),
        (("comment", "none.md"), InputError, "none.md cannot be read"),
    ],
)
def test_usage(weft: Weft, arguments: tuple[str, ...], error: type[WeftError], message: str) -> None:
    program()
    with pytest.raises(error, match=message):
        weft(*arguments)


def test_a_mistake_in_a_gate_is_pointed_at(weft: Weft) -> None:
    program()
    failed = CliRunner().invoke(app, ["eval", "evals", "--gate", "correct => 0.8"])
    assert isinstance(failed.exception, InputError)
    assert "correct => 0.8\n        ^" in failed.stderr


def test_a_change_against_the_committed_baseline(weft: Weft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    program(wrong=10)
    made = weft("evals", "--update-baseline")
    assert made.exit_code == 0
    assert "The baseline is in evals/baseline.json." in made.stderr
    gates = ("--max-drop", "correct=0.1", "--json", "out.json", "--markdown", "out.md", "--junit", "out.xml")
    assert weft("evals", *gates).exit_code == 0
    program(wrong=35)
    worse = weft("evals", *gates, "--update-baseline", "--title", "Support")
    assert worse.exit_code == 1
    assert "The baseline stays as it is: a gate of sums did not pass." in worse.stderr
    flips = json.loads(Path("out.json").read_text())["evaluations"][0]["flips"]
    assert flips == [{"metric": "correct", "gained": [], "lost": [f"e{n}" for n in range(10, 35)]}]
    assert "## ❌ Support: FAIL" in Path("out.md").read_text()
    assert summary.read_text().endswith(Path("out.md").read_text())
    assert '<failure message="FAIL: correct against evals/baseline.json' in Path("out.xml").read_text()
    tight = weft("evals", "--max-drop", "correct=0.01", "--json", "out.json")
    assert "warning: sums: 100 examples settle a drop of 0.01 in correct in only " in tight.stderr
    assert json.loads(Path("out.json").read_text())["evaluations"][0]["warnings"]


def test_verdicts_are_in_the_database_and_an_alias_names_a_baseline(
    weft: Weft, monkeypatch: pytest.MonkeyPatch
) -> None:
    import weft as library
    from weft.evals import load

    monkeypatch.setenv("WEFT_MODE", "online")
    monkeypatch.setenv("WEFT_DRAIN", "off")  # as where no drainer has come to it yet: who reads has it stored
    program(wrong=10)
    kept = weft("evals", "--project", "ci", "--gate", "correct >= 0.8", "--baseline", "production", "--update-baseline")
    assert (kept.exit_code, "The alias production names these runs." in kept.stderr) == (0, True)
    program(wrong=60)
    drop = ("--baseline", "production", "--max-drop", "correct=0.1")
    worse = weft("evals", "--project", "ci", "--gate", "correct >= 0.8", *drop)
    assert worse.exit_code == 1
    assert "FAIL  correct drops by less than 0.1" in worse.stdout
    with library.Api() as api:
        runs = list(api.evaluations(project="ci"))
        results = [load(run.id, api.store) for run in runs]
    assert sorted(str(result.outcome) for result in results) == ["FAIL", "PASS"]
    assert sorted(run.summary["passed"] for run in runs) == [False, True]


def test_an_edit_of_equal_length_within_the_same_second_counts(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    program(wrong=10)
    file = Path("evals/checks.py")
    written = file.stat()
    assert weft("evals", "--gate", "correct >= 0.8").exit_code == 0
    program(wrong=60)
    os.utime(file, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert file.stat().st_size == written.st_size
    assert weft("evals", "--gate", "correct >= 0.8").exit_code == 1
    assert not Path("evals/__pycache__").exists()


def test_parts_of_an_evaluation(weft: Weft) -> None:
    program(wrong=10, calls="calls.txt")
    assert weft("evals", "--limit", "7", "--json", "out.json").exit_code == 0
    assert len(json.loads(Path("out.json").read_text())["evaluations"][0]["examples"]) == 7
    odd = weft("evals", "--tag", "odd", "--gate", "correct >= 0.7", "--json", "-")
    assert json.loads(odd.stdout)["evaluations"][0]["verdicts"][0]["n"] == 50
    Path("calls.txt").unlink()
    for number in (1, 2, 3):
        done = weft("evals", "--shard", f"{number}/3", "--gate", "correct >= 2", "--json", f"part-{number}.json")
        assert done.exit_code == 0
        assert "the gates are judged by `weft eval merge`" in done.stderr
    assert len(Path("calls.txt").read_text()) == 100
    parts = [f"part-{number}.json" for number in (1, 2, 3)]
    kept = weft("merge", *parts, "--gate", "correct >= 0.8", "--baseline", "b.json", "--update-baseline")
    assert kept.exit_code == 0
    assert weft("evals", "--baseline", "b.json", "--max-drop", "correct=0.05").exit_code == 0
    assert weft("merge", *parts, "--gate", "correct >= 0.8", "--json", "out.json").exit_code == 0
    (verdict,) = json.loads(Path("out.json").read_text())["evaluations"][0]["verdicts"]
    assert (verdict["n"], verdict["value"]) == (100, 0.9)
    assert weft("merge", *parts, "--gate", "correct >= 0.99").exit_code == 1
    lost = weft("merge", *parts[:2], "--gate", "correct >= 0.5")
    assert lost.exit_code == 4
    assert "The shards 3/3 are missing, so 67 of 100 examples were measured." in lost.stdout


def test_a_cache_that_is_kept_answers_for_the_target(weft: Weft) -> None:
    program(wrong=10, calls="calls.txt")
    for _ in range(2):
        assert weft("evals", "--cache", "kept", "--gate", "correct >= 0.8").exit_code == 0
    assert len(Path("calls.txt").read_text()) == 100


def test_comments_in_ci(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("summary.md").write_text("<!-- weft eval: Evaluations -->\nPASS")
    with FakeForge() as forge:
        Path("event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
        for name, value in forge.github(Path("event.json")).items():
            monkeypatch.setenv(name, value)
        assert weft("comment", "summary.md").stdout == "https://forge.example/1000\n"
        forge.refuses = 403
        refused = weft("comment", "summary.md")
        assert (refused.exit_code, refused.stdout) == (0, "")
        assert "warning: GitHub answered 403" in refused.stderr
        with pytest.raises(ServerError):
            weft("comment", "summary.md", "--strict")
        Path("event.json").write_text("{}")
        assert "This job is for no pull request" in weft("comment", "summary.md").stderr


REVIEWED = """
import weft
from weft.scorers import scorer


@scorer
def judge(output: str) -> float:
    return 0.9 if output != "-1" else 0.3


evaluation = weft.Evaluation(
    "reviewed", [{"id": f"e{n}", "n": n} for n in range(120)], [judge],
    review=weft.ReviewPolicy("answers", judge="judge", budget=0.3), target=lambda n: str(n if n >= 12 else -1),
)
"""


def test_a_recorded_run_is_judged_with_what_people_said_of_it(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    import weft as library
    from weft.reviews import Queue, SimulatedReviewer

    monkeypatch.setenv("WEFT_MODE", "online")
    Path("reviewed.py").write_text(REVIEWED)
    assert weft("reviewed.py", "--project", "ci").exit_code == 0
    with library.Api() as api:
        (run,) = api.evaluations(project="ci")
        (queue,) = api.store.reviews.list_queues("ci")
        wrong = {f"e{n}" for n in range(12)}
        reviewer = SimulatedReviewer(lambda item: "incorrect" if item.example_id in wrong else "correct")
        reviewer.work(Queue(api.store, queue))
    said = ("--json", "out.json")
    assert weft("judge", run.id, "--gate", "reviewed/answers >= 0.6", "--gate", "judge >= 0.7", *said).exit_code == 0
    assert outcomes() == ["PASS", "PASS"]
    assert weft("judge", run.id, "--gate", "reviewed/answers >= 0.99", *said).exit_code == 1
    value = json.loads(Path("out.json").read_text())["evaluations"][0]["verdicts"][0]["value"]
    weft("judge", run.id, "--gate", f"reviewed/answers >= {value - 0.01:.3f}", *said)
    (verdict,) = json.loads(Path("out.json").read_text())["evaluations"][0]["verdicts"]
    assert verdict["outcome"] == "INCONCLUSIVE"
    assert "label" in verdict["settle"]
    with pytest.raises(NotFoundError):
        weft("judge", "nothing", "--gate", "judge >= 0.7")
