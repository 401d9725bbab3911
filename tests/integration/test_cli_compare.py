"""`weft compare` on recorded evaluations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import weft
from weft import session
from weft.cli.main import app

ROWS = [{"id": f"e{number}", "input": number, "expected": number} for number in range(20)]


@weft.scorer
def correct(output: object, expected: object) -> bool:
    return output == expected


@pytest.fixture
def runs(fresh_home: Path) -> Iterator[list[str]]:
    with weft.init("shop", settings={"drain": "thread", "quiet": True}):
        evaluation = weft.Evaluation("qa", ROWS, scorers=[correct])
        results = [evaluation.evaluate_sync(lambda input, worst=worst: max(input, worst)) for worst in (2, 6, 2)]
        weft.flush()
        yield [result.run_id for result in results]
    session.close()


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["compare", *words])
    assert done.exit_code == code, done.output
    return done.output


def test_evaluations_are_held_against_the_first(runs: list[str]) -> None:
    told = run(*runs, "--effect", "0.3", "--flips", "2")
    assert f"{runs[1]} correct: fell in 4 examples: e2, e3, …" in told
    assert "a true difference of 0.3 is shown with a chance of" in told
    assert "rose in" not in told
    data = json.loads(run(*runs, "--json"))
    first, second = (pair["metrics"] for pair in data["pairs"])
    assert (first[0]["test"], first[0]["p_value"], len(first[0]["lost"])) == ("McNemar, exact", 0.125, 4)
    assert second[0]["lost"] == second[0]["gained"] == []


def test_one_evaluation_cannot_be_compared(runs: list[str]) -> None:
    assert "Name two evaluations or more" in run(runs[0], code=2)
