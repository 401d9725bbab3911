"""Evaluations as tests: the plugin in pytest sessions of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import weft
from weft.evals import load

CASES = """
import weft
from weft.scorers import Exact, scorer

ROWS = [{"id": f"e{n}", "n": n, "expected": str(n), "tags": ["odd"] * (n % 2)} for n in range(8)]


@scorer
def length(output: str) -> float:
    return len(output) / 3


@weft.eval_test(ROWS, scorers=[Exact(), length], at_least={"exact": 1.0})
def test_answers(n: int, prefix: str) -> str:
    if n == 5:
        raise RuntimeError("five is down")
    return prefix + str(n if n != 3 else -1)


def test_plain() -> None:
    assert True
"""
CONFTEST = """
import pytest


@pytest.fixture
def prefix():
    return ""
"""


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WEFT_GIT": "0", "COLUMNS": "200"}
    environment = {key: value for key, value in environment.items() if not key.startswith("PYTEST_")}
    (place / "pytest.ini").touch()
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
    )


def write(place: Path, **files: str) -> None:
    for name, text in files.items():
        (place / f"{name}.py").write_text(text)


def test_each_example_is_a_test_and_all_are_one_run(tmp_path: Path) -> None:
    write(tmp_path, test_cases=CASES, conftest=CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nweft_project = shop\n")
    done = run(tmp_path, "-n", "2")
    assert done.returncode == 1, done.stdout
    assert "2 failed, 7 passed" in done.stdout
    assert "exact is 0, below 1" in done.stdout
    assert "RuntimeError: five is down" in done.stdout
    with weft.Api() as api:
        (evaluation,) = api.evaluations(project="shop")
        result = load(evaluation.id, api.store)
        apps = list(api.runs(project="shop", kind="app"))
    assert f"test_answers: exact is {result.summary['exact']}" in done.stdout
    assert (result.summary["exact"].n, result.summary["exact"].missing) == (7, 1)
    assert result.summary["exact"].value == 6 / 7
    assert evaluation.summary["aggregates"]["exact"] == result.summary["exact"].as_dict()
    assert (evaluation.summary["samples"], evaluation.summary["failed"], evaluation.summary["passed"]) == (8, 1, False)
    assert str(evaluation.status) == "finished"
    assert {sample.input["n"] for sample in result.samples} == set(range(8))
    assert len(apps) == 1  # the workers share it


def test_cases_are_chosen_by_keyword_and_nothing_is_recorded_where_that_is_asked(tmp_path: Path) -> None:
    write(tmp_path, test_cases=CASES, conftest=CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nweft_record = false\n")
    done = run(tmp_path, "-k", "e3 or e4")
    assert "1 failed, 1 passed, 7 deselected" in done.stdout, done.stdout
    assert "(n=2, missing=0)" in done.stdout
    with weft.Api() as api:
        assert list(api.runs()) == []


RERUNS = """
import itertools

import pytest
import weft
from weft.scorers import Exact

answers = itertools.count()
falls = itertools.count()


@weft.eval_test([{"id": "wrong", "expected": "1"}], scorers=[Exact()])
def test_flaky() -> str:
    return str(next(answers))  # right at the second time


@weft.eval_test([{"id": "down", "expected": "1"}], scorers=[Exact()])
def test_down_once() -> str:
    if next(falls) == 0:
        raise ConnectionError("away")
    return "1"
"""
# As pytest-rerunfailures does it: a test that failed is run again, and its last outcome is the one that counts.
RERUNNER = """
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item, nextitem):
    for last in (False, False, True):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if last or not any(report.failed for report in reports):
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_a_rerun_is_no_second_draw(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nweft_record = false\n")
    write(tmp_path, test_flaky=RERUNS, conftest=RERUNNER)
    done = run(tmp_path)
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "A rerun is no second draw: the first answer counts." in done.stdout
    assert "test_flaky: exact is 0 [" in done.stdout
    assert "test_down_once: exact is 1 [" in done.stdout


GATED = """
import weft
from weft.scorers import Exact

ROWS = [{"id": f"e{n}", "n": n, "expected": str(n)} for n in range(40)]


@weft.eval_test(ROWS, scorers=[Exact()], gates=["exact >= 0.8", "error_rate <= 0.1"])
def test_good(n: int, prefix: str) -> str:
    return prefix + str(n)


@weft.eval_test(ROWS, scorers=[Exact()], gates=["exact >= 0.95"])
def test_undecided(n: int) -> str:
    return str(n)


@weft.eval_test(ROWS, scorers=[Exact()], gates=["exact >= 0.95"], inconclusive="fail")
def test_strict(n: int) -> str:
    return str(n)


@weft.eval_test(gates=[weft.Gate("exact", max_drop=0.1)])
def test_dropped() -> weft.Evaluation:
    return weft.Evaluation("sums", ROWS, [Exact()], target=lambda n: str(n if n > 20 else -1))


@weft.eval_test(gates=["exact >= 0.5"])
def test_nothing() -> None:
    return None
"""


def test_with_gates_the_whole_is_one_test(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nweft_record = false\n")
    write(tmp_path, test_gated=GATED, conftest=CONFTEST)
    scores = [{"id": f"e{n}", "scores": {"exact": [1]}} for n in range(40)]
    baseline = {
        "weft": "baseline",
        "format": 1,
        "evaluations": [{"name": "sums", "metrics": ["exact"], "examples": scores}],
    }
    (tmp_path / "baseline.json").write_text(json.dumps(baseline))
    done = run(tmp_path)
    assert "3 failed, 2 passed" in done.stdout, done.stdout
    failed = {line.split("::")[1].split("[")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert failed == {"test_strict", "test_dropped", "test_nothing"}
    assert "FAIL exact drops by less than 0.1: exact against " in done.stdout
    assert "test_nothing returned a NoneType, not a weft.Evaluation with a target" in done.stdout
    assert "test_undecided: INCONCLUSIVE exact >= 0.95: " in done.stdout  # told, though it passed


def test_the_plugin_imports_nothing_where_no_test_is_marked(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nweft_record = false\n")
    write(
        tmp_path,
        test_plain="import sys\n\n\ndef test_light():\n    assert {'weft.evals', 'numpy'}.isdisjoint(sys.modules)\n",
    )
    done = run(tmp_path)
    assert "1 passed" in done.stdout, done.stdout
