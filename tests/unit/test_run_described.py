"""What a run is called, what it tells somebody, and how steps are counted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import clock, settings
from weft.errors import InputError, WeftError
from weft.records import Alert, AlertLevel, Metrics, RunKind
from weft.testing.recorder import MemoryRecorder
from weft.training import run as runs
from weft.training.lifecycle import RunOptions
from weft.training.run import Run


@pytest.fixture
def kept(tmp_path: Path) -> MemoryRecorder:
    quiet = {"git": False, "console": False, "system_interval_s": 0, "project": "p", "dir": tmp_path / "w"}
    return MemoryRecorder("p", given=settings.load(quiet))


def start(kept: MemoryRecorder, **options: Any) -> Run:
    return Run(kept, RunOptions(**{"run_id": "r", "project": "p", "kind": RunKind.TRAIN, "name": "n", **options}))


def test_what_describes_a_run_may_be_set_and_is_recorded(kept: MemoryRecorder) -> None:
    run = start(kept, tags=["a"], entity="acme")
    run.tags += ("b", "a")
    run.name, run.notes, run.group, run.job_type = "new", "why", "g", "eval"
    told = kept.runs[1:]
    assert run.tags == ("a", "b")
    assert told[0].tags == ["a", "b"]
    assert [(u.name, u.notes, u.group, u.job_type) for u in told[1:]] == [
        ("new", None, None, None),
        (None, "why", None, None),
        (None, None, "g", None),
        (None, None, None, "eval"),
    ]
    assert (run.name, run.notes, run.group, run.job_type) == ("new", "why", "g", "eval")
    assert (run.path, run.entity, run.offline, run.disabled, run.resumed) == ("p/r", "acme", False, False, False)
    assert run.url == run.get_url() == "memory:/run/r"
    assert run.project_url == "memory:/runs?project=p"
    assert run.config_static == {}
    assert Path(run.dir).is_dir()


@pytest.mark.parametrize("name", ["name", "notes", "group", "job_type"])
def test_what_describes_a_run_is_text(kept: MemoryRecorder, name: str) -> None:
    with pytest.raises(InputError, match=f"The run's {name} is a int, not a string") as caught:
        setattr(start(kept), name, 3)
    assert caught.value.field == name


@pytest.mark.parametrize("tags", ["abc", [1], 5])
def test_tags_are_a_list_of_texts(kept: MemoryRecorder, tags: Any) -> None:
    with pytest.raises(InputError, match="The tags are not a list of strings"):
        start(kept).tags = tags


def test_commit_says_whether_the_step_is_done(kept: MemoryRecorder) -> None:
    run = start(kept)
    run.log({"a": 1.0})
    run.log({"b": 1.0}, commit=False)
    run.log({"c": 1.0})
    run.log({"d": 1.0}, step=5)
    run.log({"e": 1.0})
    run.log({"f": 1.0}, step=9, commit=True)
    run.log({"g": 1.0})
    steps = {name: m.step for m in kept.observations if isinstance(m, Metrics) for name in m.values}
    assert steps == {"a": 0, "b": 1, "c": 1, "d": 5, "e": 5, "f": 9, "g": 10}
    assert run.step == 11


def test_an_alert_is_kept_once_in_a_while(kept: MemoryRecorder) -> None:
    now = 10**18
    clock.replace(lambda: now)
    run = start(kept)
    run.alert("low accuracy", "0.1", level="warn")
    run.alert("low accuracy", "0.2")
    now += 59 * 10**9
    run.alert("low accuracy", "0.3")
    run.alert("low accuracy", "0.4", level=AlertLevel.ERROR, wait_duration=timedelta(seconds=30))
    run.alert("other", wait_duration=5)
    alerts = [one for one in kept.observations if isinstance(one, Alert)]
    assert [(one.title, one.text, one.level) for one in alerts] == [
        ("low accuracy", "0.1", AlertLevel.WARN),
        ("low accuracy", "0.4", AlertLevel.ERROR),
        ("other", "", AlertLevel.INFO),
    ]
    with pytest.raises(InputError, match="There is no alert level 'grave'") as caught:
        run.alert("x", level="grave")
    assert caught.value.field == "level"


def test_a_run_says_that_its_machine_goes(kept: MemoryRecorder) -> None:
    start(kept).mark_preempting()
    assert kept.runs[-1].preempting is True


def test_names_of_the_package_are_those_of_the_current_run(
    kept: MemoryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = weft.config
    assert repr(ahead) == "<weft.config>"
    for use in (lambda: weft.config.lr, lambda: weft.summary["x"], lambda: len(ahead), lambda: weft.alert("t")):
        with pytest.raises(WeftError, match=r"weft\.\w+ needs a run\. Call weft.init"):
            use()
    run = start(kept, config={"lr": 1})
    monkeypatch.setattr(runs, "current", run)
    assert weft.config is run.config
    assert weft.summary is run.summary
    assert weft.run is run
    ahead.new = 2
    ahead["more"] = 3
    assert ("new" in ahead, list(ahead), len(ahead), ahead["more"], ahead.lr) == (True, ["lr", "new", "more"], 3, 3, 1)
    assert repr(ahead) == repr(run.config)
    weft.define_metric("loss", summary="min")
    weft.alert("t", "x")
    weft.mark_preempting()
    assert run.definitions == {"loss": {"summary": ["min"]}}
