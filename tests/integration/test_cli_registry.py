"""`weft registry` and `weft lineage` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import weft
from weft import session
from weft.cli.main import app
from weft.errors import ConflictError, InputError, NotFoundError
from weft.scorers import Exact


def spell(input: str) -> str:
    return input.upper()


@pytest.fixture(autouse=True)
def recorded(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_PROJECT", "letters")
    monkeypatch.setenv("WEFT_DRAIN", "off")
    given = {"quiet": True, "console": False, "git": False, "system_interval_s": 0.0, "code": False}
    with weft.init(kind="train", name="first", settings=given) as run:
        weft.Dataset("training", [{"input": "z", "expected": "Z"}]).publish()
        run.use_artifact("training")
        for content in ("one", "two"):
            run.log_artifact(weft.Artifact("clf", "model").add_bytes(content, "model.bin"))
        rows = [{"input": letter, "expected": letter.upper()} for letter in "abcdefghij"]
        evaluation = weft.Evaluation("spelling", rows, [Exact()], gates=[weft.Gate("exact >= 0.3", level=0.9)])
        evaluation.evaluate_sync(spell, model="clf:v1")
        weft.deployed("clf:v1", "production")
    session.close()


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def test_from_register_to_rollback(tmp_path: Path) -> None:
    assert "Nothing is registered yet" in run("registry", "ls")
    require = ("--require", "production=evaluation spelling", "--require", "production=check latency")
    told = run("registry", "create", "classifier", "--description", "Spells.", *require)
    assert "production requires evaluation spelling; production requires check latency" in told
    for version in ("clf:v1", "clf:v2"):
        told = run("registry", "register", version, "classifier", "--as", "ann", "-m", "as trained")
    assert told == "registry/classifier:v2 (letters/clf:v2) is in no stage.\n"
    told = run("registry", "checks", "classifier:v1", code=1)
    assert "met" in told
    assert "Nobody has recorded the check 'latency' for v1" in told
    with pytest.raises(ConflictError, match="1|requirement is not met"):
        run("registry", "promote", "classifier:v1", "production")
    assert "latency passed, by ci" in run("registry", "check", "classifier:v1", "latency", "--passed", "--as", "ci")
    assert [one["passed"] for one in json.loads(run("registry", "checks", "classifier:v1", "--json"))] == [True, True]
    assert "is in production" in run(
        "registry", "promote", "classifier:v1", "production", "-m", "passes", "--as", "ann"
    )
    run("registry", "promote", "classifier:v2", "production", "--override", "-m", "v1 is slow", "--as", "eve")
    assert "is in production" in run("registry", "rollback", "classifier", "-m", "v2 fails", "--as", "ann")
    told = run("registry", "production", "classifier")
    for words in ("registry/classifier:v1 = letters/clf:v1", "ann (rolled back)", "v2 fails", "clf:v1 in production"):
        assert words in told
    assert "All gates of 'spelling' passed in the run" in told
    standing = json.loads(run("registry", "production", "classifier", "--json"))
    assert (standing["version"]["version"], standing["deployments"][0]["ref"]) == (1, "clf:v1")
    assert "Nothing of classifier is in staging" in run(
        "registry", "production", "classifier", "--stage", "staging", code=1
    )
    history = run("registry", "history", "classifier")
    assert "passed over: evaluation spelling, check latency" in history
    assert json.loads(run("registry", "history", "--json"))[0]["action"] == "displaced"
    assert "production v1, archived v2" in run("registry", "ls")
    assert json.loads(run("registry", "ls", "--json"))[0]["in_stages"] == {"production": [1], "archived": [2]}
    assert "registry/classifier:best is v2 now" in run("registry", "alias", "classifier:v2", "best")
    assert "best" in run("registry", "ls", "classifier")
    assert [one["version"] for one in json.loads(run("registry", "ls", "classifier", "--json"))] == [1, 2]
    assert "approved for staging by bob" in run("registry", "approve", "classifier:v2", "staging", "--as", "bob")
    assert run("registry", "card", "classifier:production").startswith("# classifier v1\n")
    assert "Written to" in run("registry", "card", "classifier", "--out", str(tmp_path / "card.md"))
    assert "is in no stage" in run("registry", "promote", "classifier:v1", "none")
    assert "staging requires nothing" in run("registry", "checks", "classifier:v1", "staging")
    with pytest.raises(InputError, match="'latency' names no stage"):
        run("registry", "create", "x", "--require", "latency")


def test_hooks() -> None:
    assert "No hooks yet" in run("registry", "hooks", "ls")
    told = CliRunner().invoke(app, ["registry", "hooks", "add", "https://ci.example/x"], input="short\n").exception
    assert "The secret of a hook has 5 characters" in str(told)
    run("registry", "hooks", "add", "https://ci.example/x", "--secret", "s" * 16, "--action", "linked")
    [hook] = json.loads(run("registry", "hooks", "ls", "--json"))
    assert "https://ci.example/x" in run("registry", "hooks", "ls")
    assert "No hook was told" in run("registry", "hooks", "log")
    run("registry", "register", "clf", "classifier")
    assert "classifier #2" in run("registry", "hooks", "log", hook["hook_id"])
    assert [one["state"] for one in json.loads(run("registry", "hooks", "log", "--json"))] == ["pending"]
    assert "is gone" in run("registry", "hooks", "remove", hook["hook_id"])


def test_lineage_both_ways() -> None:
    run("registry", "register", "clf:v1", "classifier")
    told = run("lineage", "clf:v1")
    up, down = told.split("what it led to")
    assert "← produced first" in up
    assert "← used training:v1" in up
    assert "→ evaluated spelling" in down
    assert "→ serves production/clf:v1" in down
    assert "→ registered classifier:v1" in down
    graph = json.loads(run("lineage", "registry/classifier", "--json"))
    assert (graph["nodes"][0]["kind"], graph["nodes"][0]["name"]) == ("registry", "classifier:v1")
    kinds = {(node["type"], node["title"]) for node in graph["nodes"]}
    assert {("training run", "first"), ("dataset", "training:v1"), ("model", "clf:v1")} <= kinds
    [trained] = [node for node in graph["nodes"] if node["type"] == "training run"]
    assert "spelling" in run("lineage", f"run:{trained['name']}")
    assert "nothing is recorded" in run("lineage", "trace:" + "a" * 32)
    near = json.loads(run("lineage", "clf:v1", "--depth", "1", "--json"))
    assert ("dataset", "training:v1") not in {(node["type"], node["title"]) for node in near["nodes"]}
    for text, error, message in (
        ("run:nothing", NotFoundError, "no run 'nothing'"),
        ("span:x", InputError, "'x' is no span"),
        ("trace:x", InputError, "'x' is no trace"),
        ("", InputError, "'' names nothing"),
        ("unknown", NotFoundError, "no artifact 'unknown'"),
    ):
        with pytest.raises(error, match=message):
            run("lineage", text)
