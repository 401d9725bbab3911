"""The scripts of the GitHub Action and of the GitLab template, run as their runners run them, against a fake forge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_forge import FakeForge

ROOT = Path(__file__).resolve().parents[2]
EVALUATION = """
import weft
from weft.scorers import Exact

data = weft.Dataset("sums", [{"id": f"e{n}", "n": n, "expected": str(n)} for n in range(60)])
evaluation = weft.Evaluation("sums", data, scorers=[Exact()])


def target(n: int) -> str:
    return str(n if n >= WRONG else -1)
"""
BASELINE = {
    "weft": "baseline",
    "format": 1,
    "evaluations": [
        {
            "name": "sums",
            "metrics": ["exact"],
            "examples": [{"id": f"e{n}", "scores": {"exact": [1]}} for n in range(60)],
        }
    ],
}


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with FakeForge() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout with evaluations and their baseline."""
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "baseline.json").write_text(json.dumps(BASELINE))
    program(tmp_path, wrong=0)
    return tmp_path


def program(place: Path, *, wrong: int) -> None:
    (place / "evals" / "checks.py").write_text(EVALUATION.replace("WRONG", str(wrong)))


def script(place: Path, text: str, variables: dict[str, str], shell: str = "bash") -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "CI_", "GITLAB_"))}
    environment = {
        **clean,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "WEFT_DIR": str(place / ".weft"),
        "WEFT_MODE": "disabled",  # a forge sees nothing of the database, and it takes its time
        **variables,
    }
    arguments = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"] if shell == "bash" else ["sh", "-e", "-c"]
    return subprocess.run([*arguments, text], cwd=place, env=environment, capture_output=True, text=True, timeout=120)


def action(place: Path, forge: FakeForge, **given: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """The steps of action.yml with these inputs; a step is run where its condition would let it."""
    definition = yaml.safe_load((ROOT / "action.yml").read_text())
    inputs = {name: str(spec["default"]) for name, spec in definition["inputs"].items()} | {"token": "secret"} | given
    event, output, summary = place / "event.json", place / "outputs.txt", place / "step-summary.md"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    runner = {**forge.github(event), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    runner.pop("GITHUB_TOKEN")
    install, gate, comment = definition["runs"]["steps"]
    assert install["if"] == "inputs.install != ''"
    done = script(place, gate["run"], {**runner, **filled(gate["env"], inputs)})
    assert comment["if"] == "${{ !cancelled() && inputs.comment == 'true' }}"
    told = script(place, comment["run"], {**runner, **filled(comment["env"], inputs)})
    assert told.returncode == 0, told.stderr
    assert all(step["shell"] == "bash" and "${{" not in step["run"] for step in (install, gate, comment))
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines()) if output.exists() else {}
    return done, outputs


def filled(environment: dict[str, Any], inputs: dict[str, str]) -> dict[str, str]:
    names = {key: value.removeprefix("${{ inputs.").removesuffix(" }}") for key, value in environment.items()}
    return {key: inputs[name] for key, name in names.items()}


def test_the_action_comments_on_the_flips_and_ends_with_the_verdict(place: Path, forge: FakeForge) -> None:
    gates = {"gates": "exact >= 0.8\nerror_rate <= 0.1\n", "max-drop": "exact=0.1\n", "install": ""}
    done, outputs = action(place, forge, **gates)
    assert (done.returncode, outputs) == (0, {"outcome": "PASS"}), done.stderr
    (comment,) = forge.comments
    assert "✅ Evaluations: PASS" in comment["body"]
    assert "exact: no example flipped." in comment["body"]
    assert (place / "step-summary.md").read_text() == comment["body"]
    program(place, wrong=25)
    done, outputs = action(place, forge, **gates)
    assert done.returncode == 1, done.stderr
    (comment,) = forge.comments  # the same one
    assert "❌ Evaluations: FAIL" in comment["body"]
    assert "exact: 25 lost, 0 gained" in comment["body"]
    assert "<code>e0</code>, <code>e1</code>" in comment["body"]
    assert (place / "weft-eval" / "junit.xml").read_text().count("<failure") == 2


def test_inputs_of_the_action_are_never_commands(place: Path, forge: FakeForge) -> None:
    hostile = '$(touch made) `touch made` "; touch made; "'
    done, _ = action(place, forge, gates=hostile, title=hostile, install="")
    assert done.returncode == 2
    assert "The gate is wrong at column 1: '$' begins no metric." in done.stderr
    assert not (place / "made").exists()
    assert forge.comments == []


def test_undecided_gates_are_annotations(place: Path, forge: FakeForge) -> None:
    program(place, wrong=6)
    done, outputs = action(place, forge, gates="exact >= 0.9", install="")
    assert (done.returncode, outputs["outcome"]) == (0, "INCONCLUSIVE")
    assert "::warning::sums: INCONCLUSIVE exact >= 0.9: " in done.stderr


def test_the_template_of_gitlab(place: Path, forge: FakeForge) -> None:
    job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())[".weft-eval"]
    variables = {**{key: str(value) for key, value in job["variables"].items()}, **forge.gitlab()}
    variables |= {"EVAL_GATES": "exact >= 0.8\n", "EVAL_MAX_DROP": "exact=0.1", "EVAL_INSTALL": ""}
    for wrong, code, told in ((0, 0, "PASS"), (25, 1, "FAIL")):
        program(place, wrong=wrong)
        before = script(place, "\n".join(job["before_script"]), variables, "sh")
        assert before.returncode == 0, before.stderr
        done = script(place, "\n".join(job["script"]), variables, "sh")
        assert done.returncode == code, done.stderr
        after = script(place, "\n".join(job["after_script"]), variables, "sh")
        assert after.returncode == 0, after.stderr
        (comment,) = forge.comments
        assert f"Evaluations: {told}" in comment["body"]
    assert (place / job["artifacts"]["reports"]["junit"]).is_file()
