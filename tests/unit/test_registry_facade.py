"""What users call: ``weft.registry``, ``run.link_artifact``, references to the registry, model cards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import session
from weft.errors import ConflictError, InputError, NotFoundError, WeftError
from weft.records import CheckKind, NodeKind, Requirement, RunKind, RunQuery, Stage
from weft.registry.cards import escaped
from weft.scorers import Exact

QUIET = {"quiet": True, "console": False, "git": False, "system_interval_s": 0.0, "drain": "thread", "code": False}


@pytest.fixture
def run(fresh_home: Path) -> Iterator[weft.Run]:
    yield weft.init("letters", kind="train", name="first", config={"lr": 0.1, "note": "a|b"}, settings=QUIET)
    session.close()


def _logged(run: weft.Run, content: str = "weights") -> Any:
    return run.log_artifact(weft.Artifact("clf", "model").add_bytes(content, "model.bin"))


def _right(input: str) -> str:
    return input.upper()


def _evaluate(model: str) -> Any:
    rows = [{"input": letter, "expected": letter.upper()} for letter in "abcdefghij"]
    evaluation = weft.Evaluation("spelling", rows, [Exact()], gates=[weft.Gate("exact >= 0.3", level=0.9)])
    return evaluation.evaluate_sync(_right, model=model)


def test_from_a_run_to_production(run: weft.Run) -> None:
    linked = run.link_artifact(weft.Artifact("clf", "model").add_bytes("w", "model.bin"), "registry/classifier")
    assert (linked.ref, linked.artifact, linked.project) == ("registry/classifier:v1", "clf:v1", "letters")
    weft.registry.change("classifier", requires={"production": ["evaluation spelling", "check latency"]})
    with pytest.raises(
        ConflictError, match=r"2 requirements are not met\. \(1\) No finished run.*\(2\) Nobody has rec"
    ):
        weft.registry.promote("classifier", "production")
    result = _evaluate("registry/classifier:v1")
    assert result.passed
    event = weft.registry.record_check("classifier", "latency", True, reason="p99 40 ms")
    assert event.run_id == run.id
    assert [state.passed for state in weft.registry.checks("classifier")] == [True, True]
    version = weft.registry.promote("classifier", "production", reason="passes")
    assert (version.stage, version.version, version.artifact) == ("production", 1, "clf:v1")
    standing = weft.registry.production("classifier")
    assert standing is not None
    assert (standing.event.reason, standing.event.evidence[0]["run_id"]) == ("passes", result.run_id)
    used = run.use_artifact("registry/classifier:production")
    assert used.file("model.bin") == b"w"
    assert weft.registry.get("classifier", stage="production").use().file("model.bin") == b"w"
    assert weft.registry.get("classifier", stage="production").ref == "registry/classifier:v1"
    assert [e.action for e in weft.registry.history("classifier", limit=2)] == ["promoted", "checked"]
    graph = run.recorder.store.artifacts.lineage("letters", NodeKind.REGISTRY, "classifier:v1")
    assert {(e.relation, e.target) for e in graph.downstream if e.source_kind is NodeKind.REGISTRY} == {
        ("evaluated", result.run_id),
        ("answered", result.run_id),
        ("used", run.id),
    }


def test_versions_aliases_and_rollback(run: weft.Run, tmp_path: Path) -> None:
    for content in ("one", "two"):
        weft.registry.register(_logged(run, content), "classifier", stage="production", note=f"the {content}")
    assert [(v.version, v.stage) for v in weft.registry.versions("classifier")] == [(1, "archived"), (2, "production")]
    assert weft.registry.roll_back("classifier", reason="two is slow").version == 1
    assert weft.registry.alias("classifier:v2", "candidate").aliases == ["candidate"]
    candidate = weft.registry.get("classifier", alias="candidate")
    assert repr(candidate) == "<weft registry/classifier:v2 = letters/clf:v2, archived>"
    assert (candidate.download(tmp_path / "out") / "model.bin").read_bytes() == b"two"
    assert [known.name for known in weft.registry.list_registered("model")] == ["classifier"]
    assert weft.registry.production("classifier", "staging") is None
    weft.registry.approve("classifier:v2", "staging", reason="fine")
    assert weft.registry.history(limit=1)[0].reason == "fine"
    assert candidate.promote(None, reason="done").stage is None
    with pytest.raises(InputError, match="'classifier:v1' names a version already"):
        weft.registry.get("classifier:v1", stage="production")


def test_stages_and_requirements_of_ones_own(run: weft.Run) -> None:
    known = weft.registry.create(
        "ranker",
        stages=["canary", "live", "archived"],
        requires={
            "live": [
                "evaluation quality on hard cases",
                "check load test",
                "2 approvals by admin",
                "approval",
                "approvals by member",
                Requirement("live", CheckKind.RECORDED, "own"),
            ]
        },
        description="Ranks.",
    )
    assert known.stages == [Stage("canary"), Stage("live"), Stage("archived", many=True)]
    assert [(c.kind.value, c.name, c.dataset, c.count) for c in known.checks] == [
        ("evaluation", "quality", "hard cases", 1),
        ("recorded", "load test", None, 1),
        ("approval", "admin", None, 2),
        ("approval", "member", None, 1),
        ("approval", "member", None, 1),
        ("recorded", "own", None, 1),
    ]
    assert weft.registry.create("ranker") == known
    with pytest.raises(InputError, match=r"'be nice' is no requirement\. Write 'evaluation NAME'"):
        weft.registry.create("x", requires={"staging": ["be nice"]})


def test_what_cannot_be_linked(run: weft.Run) -> None:
    for artifact, target, aliases, message in (
        (42, "registry/x", [], "42 is no version of an artifact"),
        ("clf:v1", "registry/", [], "'registry/' is no name in the registry"),
        ("clf:v1", "registry/x", "best", "The aliases are the text 'best', not a list"),
    ):
        with pytest.raises(InputError, match=message):
            run.link_artifact(artifact, target, aliases)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="no artifact 'clf:v1'"):
        run.link_artifact("clf:v1", "registry/x")


def test_disabled_nothing_is_registered(fresh_home: Path) -> None:
    run = weft.init("p", mode="disabled", settings={"quiet": True})
    with pytest.raises(WeftError, match="Nothing can be registered: Weft is disabled"):
        run.link_artifact("clf:v1", "registry/x")
    session.close()


def test_a_card_tells_what_is_recorded_and_what_is_not(run: weft.Run) -> None:
    weft.Dataset("training", [{"input": "z", "expected": "Z"}]).publish()
    run.use_artifact("training")
    run.log({"loss": 0.25})
    weft.registry.register(_logged(run), "classifier")
    bare = weft.registry.card("classifier")
    assert "No evaluation of this version is recorded." in bare
    assert "- Nothing is known of how well it does: it was not evaluated." in bare
    assert "| training:v1 | dataset | 1 |" in bare
    result = _evaluate("clf:v1")
    weft.registry.promote("classifier", "production", reason="good enough")
    card = weft.registry.get("classifier").card()
    assert card.startswith("# classifier v1\n\nIn **production** since ")
    assert "Reason: good enough" in card
    assert f"Run first ({run.id}), running" in card
    assert "| note | a\\|b |" in card
    assert "| exact | 1 | \\[" in card
    assert "- PASS exact \\>= 0.3:" in card
    assert result.run_id in card
    assert "The commit of the code that made it is not recorded." in card
    assert "nothing here speaks of other data" in card
    [evaluated] = run.recorder.store.runs.list_runs(RunQuery(kind=RunKind.EVAL)).items
    assert evaluated.config["model"] == "clf:v1"


def test_a_program_decides_without_a_run(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_DRAIN", "off")
    with pytest.raises(WeftError, match=r"weft\.registry\.create needs a running session.*weft\.init.*weft\.Api"):
        weft.registry.create("classifier")
    with weft.Api() as api:
        api.registry.create("classifier", stages=["canary", "live"])
        assert [one.name for one in api.registry.store.registry.list_registered()] == ["classifier"]
        assert [event.action for event in api.registry.history("classifier")] == ["created"]
        assert list(api.runs()) == []


def test_words_of_users_stay_words_in_a_card() -> None:
    hostile = "[x](javascript:alert(1))\n| a | <img src=x onerror=alert(1)> `code` $x$ #1"
    assert escaped(hostile) == (
        "\\[x\\](javascript:alert(1)) \\| a \\| \\<img src=x onerror=alert(1)\\> \\`code\\` \\$x\\$ \\#1"
    )
