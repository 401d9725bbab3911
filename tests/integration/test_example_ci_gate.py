"""The repository in examples/ci-gate, in both directions: a good change passes its gate, a bad one does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "ci-gate"
PAGE = ROOT / "docs" / "how-to" / "gate-a-pull-request.md"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("__pycache__", ".weft"))
    git(place, "init", "-q")
    git(place, "add", "-A")
    git(place, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "as it is")
    return place


def git(place: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=place, check=True, capture_output=True, timeout=60)


def gate(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "WEFT_DIR": str(place / ".weft"),
        "WEFT_MODE": "online" if "--update-baseline" in arguments else "disabled",
    }
    environment.pop("GITHUB_STEP_SUMMARY", None)
    return subprocess.run(
        ["./gate.sh", *arguments], cwd=place, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    ("change", "code", "outcome", "flips"),
    [("good", 0, "PASS", (4, 19)), ("bad", 1, "FAIL", (39, 2)), ("undecided", 0, "INCONCLUSIVE", (29, 19))],
)
def test_a_change_and_its_verdict(
    repository: Path, change: str, code: int, outcome: str, flips: tuple[int, int]
) -> None:
    git(repository, "apply", f"changes/{change}.patch")
    done = gate(repository)
    assert done.returncode == code, done.stdout + done.stderr
    results = json.loads((repository / "results.json").read_text())
    (evaluation,) = results["evaluations"]
    assert (results["outcome"], results["exit_code"], evaluation["outcome"]) == (outcome, code, outcome)
    (flipped,) = evaluation["flips"]
    assert (len(flipped["lost"]), len(flipped["gained"])) == flips
    printed = [" ".join(line.split()) for line in done.stdout.splitlines()]
    lines = [line for line in printed if line.startswith(("correct ", "correct:"))]
    told = [" ".join(line.split()) for line in PAGE.read_text().splitlines()]
    assert len(lines) >= 3
    assert [line for line in lines if line not in told] == []  # the page shows what is printed


def test_the_committed_baseline_is_what_the_program_scores(repository: Path) -> None:
    committed = json.loads((repository / "evals" / "baseline.json").read_text())
    done = gate(repository, "--update-baseline")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "correct: 0 lost, 0 gained" in done.stdout
    anew = json.loads((repository / "evals" / "baseline.json").read_text())
    assert anew["evaluations"][0]["examples"] == committed["evaluations"][0]["examples"]
    tickets = [json.loads(line) for line in (repository / "evals" / "tickets.jsonl").read_text().splitlines()]
    text = (repository / "evals" / "baseline.json").read_text()
    assert not [ticket for ticket in tickets if ticket["text"] in text]
