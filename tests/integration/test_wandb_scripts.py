"""Typical scripts of wandb's users run with the import changed, and what they logged is there.

``tests/wandb_scripts`` holds them as they are for wandb; the frameworks' tests run those that need torch.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from weft.api import StoredRun

SCRIPTS = Path(__file__).parents[1] / "wandb_scripts"
_IMPORT = re.compile(r"^import wandb$", re.MULTILINE)
_FROM = re.compile(r"^from wandb(?=[. ])", re.MULTILINE)


def run_script(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in ``folder`` with ``import wandb`` read as ``import weft as wandb``."""
    text = _FROM.sub("from weft", _IMPORT.sub("import weft as wandb", (SCRIPTS / f"{name}.py").read_text()))
    (folder / f"{name}.py").write_text(text)
    environ = {**os.environ, "WEFT_SYSTEM_INTERVAL_S": "0", "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, f"{name}.py"],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _plain_loop(run: StoredRun) -> None:
    assert (run.project, run.name, run.notes, run.tags) == (
        "first-project",
        "plain",
        "the smallest loop",
        ["baseline", "demo"],
    )
    assert run.config["architecture"] == "CNN"
    assert run.series("loss").steps.tolist() == list(range(8))
    assert run.summary["best_accuracy"] == 0.9
    assert run.summary["loss"] == run.series("loss").values[-1]


def _module_functions(run: StoredRun) -> None:
    assert run.name == "through-the-module"
    assert run.config["optimizer"] == {"name": "adam", "betas": [0.9, 0.999]}
    assert (run.config["batch_size"], run.config["dropout"]) == (32, 0.1)
    assert run.series("train.loss").steps.tolist() == run.series("val/accuracy").steps.tolist() == [0, 1, 2]
    assert (run.summary["status"], run.summary["checked"]) == ("done", True)


def _arguments(run: StoredRun) -> None:
    assert (run.job_type, run.group) == ("train", "experiment-1")
    assert run.config == {"batch_size": 8, "lr": 0.01, "epochs": 4, "seed": 7}
    assert run.series("loss").steps.tolist() == run.series("accuracy").steps.tolist() == [0, 1, 2, 3]


def _define_metrics(run: StoredRun) -> None:
    assert run.summary["val/loss.min"] == 0.0
    assert run.summary["val/accuracy.max"] == 1.0
    losses = run.series("train/loss").values
    assert run.summary["train/loss.mean"] == pytest.approx(losses.mean())
    assert run.definitions["val/*"]["step_metric"] == "epoch"


def _resume(run: StoredRun) -> None:
    assert run.series("loss").steps.tolist() == list(range(10))
    assert run.config["lr"] == 0.1


def _resume_checkpoint(run: StoredRun) -> None:
    assert run.series("epoch").values.tolist() == [0, 1, 2, 3, 4, 5]


def _artifacts(run: StoredRun) -> None:
    assert run.artifacts == {"used": ["rows:v1"], "produced": ["classifier:v1"]}
    [model] = run.logged_artifacts()
    assert (model.metadata, sorted(model.aliases)) == ({"accuracy": 0.9}, ["best", "candidate", "latest"])
    assert [file.path for file in model.files] == ["weights/model.bin"]


def _references(run: StoredRun) -> None:
    [logged] = run.logged_artifacts()
    assert sorted(file.path for file in logged.files) == ["part-1.bin", "part-2.bin"]
    assert all(file.url for file in logged.files)


def _tables(run: StoredRun) -> None:
    frame = run.table("frame").to_pandas()
    assert frame.to_dict("list") == {"name": ["a", "b"], "value": [1.5, 2.5]}
    table = run.table("predictions")
    assert table.columns == ["id", "image", "truth", "guess", "score"]
    assert len(list(table.iterrows())) == 10
    assert [logged.type for logged in run.logged_artifacts()] == ["predictions"]


def _media(run: StoredRun) -> None:
    kinds = {one.name: (one.kind, one.count) for one in run.media()}
    assert kinds["examples"] == ("image", 3)
    assert kinds["boxes"] == ("image", 3)
    assert kinds["weights"] == ("histogram", 3)
    assert kinds["page"] == ("html", 3)
    assert kinds["cloud"] == ("object3d", 1)


def _plots(run: StoredRun) -> None:
    assert {one.name for one in run.media()} >= {
        "line",
        "scatter",
        "bar",
        "histogram",
        "series",
        "confusion",
        "pr",
        "roc",
    }


def _alerted(run: StoredRun) -> None:
    assert run.summary["best_accuracy"] == 0.4
    assert run.tags == ["alerted"]
    assert [alert.title for alert in run.alerts()] == ["Low accuracy"]


def _environment(run: StoredRun) -> None:
    assert (run.project, run.name, run.tags, run.notes) == (
        "by-environment",
        "named-outside",
        ["nightly", "gpu"],
        "from a job file",
    )
    assert (run.group, run.job_type) == ("cluster", "train")


def _pictures(run: StoredRun) -> None:
    assert {"from_file", "from_pil", "masks"} <= {one.name for one in run.media()}
    assert "picture.png" in [file.name for file in run.files()]


def _fork(run: StoredRun) -> None:
    assert run.series("loss").steps.tolist() == list(range(8))
    assert run.series("loss").values.tolist() == [10, 9, 8, 7, 6, 95, 94, 93]


def _sklearn(run: StoredRun) -> None:
    assert run.summary["accuracy"] > 0.5
    assert run.config["n_estimators"] == 10
    assert len(run.media()) >= 4


def _sweep(run: StoredRun) -> None:
    assert (run.project, run.record.kind, len(run.series("loss").values)) == ("my-first-sweep", "trial", 3)
    with weft.Api() as api:
        grid, random = api.store.sweeps.list_sweeps("my-first-sweep")
        cells = [trial.params for trial in api.store.sweeps.list_trials(grid.sweep_id)]
        trials = api.store.sweeps.list_trials(random.sweep_id)
    assert (grid.status, random.status) == ("finished", "running")  # a random search ends with its agents' count
    assert [(cell["optimizer"], cell["learning_rate"]) for cell in cells] == [
        ("adam", 0.1),
        ("adam", 0.01),
        ("sgd", 0.1),
        ("sgd", 0.01),
    ]
    assert run.record.group == grid.sweep_id
    assert random.counts == {"complete": 4}
    for trial in trials:
        assert trial.values == [pytest.approx(trial.params["x"] ** 3 + trial.params["y"])]


def _artifact_paths(run: StoredRun) -> None:
    assert sorted(one.ref for one in run.logged_artifacts()) == ["classifier:v1", "classifier:v2"]


def _media_forms(run: StoredRun) -> None:
    kinds = {one.name: one.kind for one in run.media()}
    media = {**dict.fromkeys(("image", "floats", "mask"), "image"), "sound": "audio", "video": "video"}
    media |= {
        **dict.fromkeys(("page", "raw"), "html"),
        **dict.fromkeys(("shape", "open", "scene", "cloud"), "object3d"),
    }
    media |= {"molecule": "file", "joined": "table", "own": "table", "line": "plot", "known": "plot"}
    assert {name: kinds[name] for name in media} == media
    assert run.table("joined").data == [[1, "x", 2, 10], [2, "y", 4, 20]]


def _around(run: StoredRun) -> None:
    assert (len(run.id), run.notes, run.config) == (8, "from settings", {"seed": 1})
    assert run.series("loss").steps.tolist() == [3]


def _habits(run: StoredRun) -> None:
    assert (run.project, run.group, run.summary["per_class.1"]) == ("größe и цвет", "gruppe 1", 0.2)
    assert run.artifacts == {"used": ["predictions:v1"], "produced": ["predictions:v1"]}


# Script -> how many runs it makes, and what must be true of the newest.
CHECKS: dict[str, tuple[int, Callable[[StoredRun], None]]] = {
    "plain_loop": (1, _plain_loop),
    "module_functions": (1, _module_functions),
    "arguments": (1, _arguments),
    "define_metrics": (1, _define_metrics),
    "resume": (1, _resume),
    "resume_checkpoint": (1, _resume_checkpoint),
    "artifacts": (2, _artifacts),
    "artifact_references": (1, _references),
    "tables": (1, _tables),
    "media": (1, _media),
    "plots": (1, _plots),
    "summary_and_alert": (1, _alerted),
    "groups": (3, lambda run: None),
    "distributed": (2, lambda run: None),
    "environment": (1, _environment),
    "image_files": (1, _pictures),
    "fork": (2, _fork),
    "sweep": (8, _sweep),
    "api": (2, lambda run: None),
    "sklearn_plots": (1, _sklearn),
    "artifact_paths": (2, _artifact_paths),
    "media_forms": (1, _media_forms),
    "reading_back": (2, lambda run: None),
    "around": (1, _around),
    "habits": (1, _habits),
}
# Those that are no more than run here: one records nothing, one is stored by hand, one needs torch.
ELSEWHERE = {"disabled", "offline", "torch_watch"}


def test_every_script_is_run() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.py")} == {*CHECKS, *ELSEWHERE}


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_script_runs_with_the_import_changed(name: str, tmp_path: Path) -> None:
    done = run_script(name, tmp_path)
    assert done.returncode == 0, done.stderr
    count, check = CHECKS[name]
    with weft.Api(dir=tmp_path if name == "resume_checkpoint" else None) as api:  # its init says dir=
        runs = api.runs()
        assert len(runs) == count
        assert {run.state for run in runs} == {"finished"}
        check(runs[0])


def test_an_offline_script_is_stored_by_a_command(tmp_path: Path) -> None:
    done = run_script("offline", tmp_path)
    assert done.returncode == 0, done.stderr
    for _ in range(2):  # again adds nothing
        subprocess.run([sys.executable, "-m", "weft.cli", "sync"], cwd=tmp_path, check=True, capture_output=True)
        with weft.Api() as api:
            [run] = api.runs("offline")
            assert run.series("loss").steps.tolist() == list(range(20))
            assert (run.state, run.summary["note"]) == ("finished", "kept on disk")


def test_a_disabled_script_records_nothing(tmp_path: Path, fresh_home: Path) -> None:
    done = run_script("disabled", tmp_path)
    assert done.returncode == 0, done.stderr
    assert not fresh_home.exists()
