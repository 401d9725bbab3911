"""The script for SLURM is run by a shell, as SLURM does: its tasks do the sweep, and give back what they cannot end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import weft
from weft.cli.main import app
from weft.errors import InputError
from weft.sweeps.reach import tied_to
from weft.sweeps.slurm import SlurmOptions, script
from weft.testing.waiting import wait_for

QUIET = {"DRAIN": "thread", "QUIET": "1", "GIT": "0", "SYSTEM_INTERVAL_S": "0", "INSTRUMENT": "0", "CONSOLE": "off"}
CONFIG = {"method": "grid", "metric": {"name": "loss"}, "program": "train.py", "name": "a\n#SBATCH --uid=0 `id`"}
PROGRAM = """
import pathlib, sys, time
import weft
with weft.init() as run:
    run.log({"loss": float(run.config.x)})
    pathlib.Path(f"begun-{run.config.x}").touch()
    while run.config.x == 9:
        time.sleep(0.02)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in QUIET.items():
        monkeypatch.setenv(f"WEFT_{name}", value)
    found = tmp_path / "it's $(touch bad) here"
    found.mkdir()
    (found / "train.py").write_text(PROGRAM)
    monkeypatch.chdir(found)
    return found


def written(*words: str) -> Path:
    """The script, which `bash -n` can read."""
    done = CliRunner().invoke(app, ["sweep", "slurm", *words, "-o", "job.sh"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    path = Path("job.sh").absolute()
    subprocess.run(["bash", "-n", str(path)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "--severity=warning", str(path)], check=True)
    return path


def begun(path: Path, task: int, **more: str) -> subprocess.Popen[str]:
    """A task of the array, in a folder of its own, as a node begins it."""
    elsewhere = path.parent.parent / f"node-{task}"
    elsewhere.mkdir()
    job = {"SLURM_JOB_ID": str(70 + task), "SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": str(task), **more}
    pipe = subprocess.PIPE
    environ = {**os.environ, **job}
    return subprocess.Popen(
        ["bash", str(path)], cwd=elsewhere, env=environ, stdout=pipe, stderr=subprocess.STDOUT, text=True
    )


def test_tasks_of_the_array_do_the_sweep(folder: Path) -> None:
    sweep_id = weft.sweep({**CONFIG, "parameters": {"x": {"values": [1, 2]}}})
    path = written(sweep_id, "--tasks", "2", "--cpus", "2", "--parallel", "1")
    tasks = [begun(path, task) for task in (0, 1)]
    said = [task.communicate()[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], said
    with weft.Api() as api:
        found = api.store.sweeps.list_trials(sweep_id)
        assert api.store.sweeps.get_sweep(sweep_id).status == "finished"
    assert [(one.status.value, one.values, one.attempts) for one in found] == [
        ("complete", [float(x)], 1) for x in (1, 2)
    ]
    assert not list(folder.parent.rglob("bad"))


def test_a_task_whose_time_runs_out_gives_its_trial_back_and_is_queued_again(folder: Path) -> None:
    sweep_id = weft.sweep({**CONFIG, "parameters": {"x": {"values": [9]}}})
    path = written(sweep_id, "--count", "1")
    programs = folder.parent / "bin"
    programs.mkdir()
    (programs / "scontrol").write_text('#!/bin/sh\necho "scontrol $*"\n')
    (programs / "scontrol").chmod(0o755)
    task = begun(path, 3, PATH=f"{programs}:{os.environ['PATH']}")
    wait_for((folder / "begun-9").exists, 60)
    os.kill(task.pid, signal.SIGUSR1)
    said = task.communicate(timeout=60)[0]
    assert (task.returncode, "scontrol requeue 70_3" in said) == (143, True), said
    with weft.Api() as api:
        (trial,) = api.store.sweeps.list_trials(sweep_id)
    assert (trial.status, trial.attempts, trial.ended_ns) == ("crashed", 1, None)


def test_what_the_script_asks_for(folder: Path) -> None:
    words = ["--partition", "gpu", "--account", "lab", "--gpus", "a100:2", "--mem", "32G", "--time", "1-12"]
    more = ["--tasks", "8", "--at-once", "4", "--sbatch", "--qos=low", "--setup", "module load python"]
    (folder / "sweep.yaml").write_text("program: train.py\nmethod: grid\nparameters: {x: {values: [1]}}\n")
    text = written("sweep.yaml", *words, *more).read_text("utf-8")
    asked = [line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH")]
    assert asked == [
        "--job-name=weft-train",
        "--array=0-7%4",
        "--nodes=1",
        "--ntasks=1",
        "--cpus-per-task=4",
        "--gres=gpu:a100:2",
        "--mem=32G",
        "--time=1-12",
        "--partition=gpu",
        "--account=lab",
        "--signal=B:USR1@90",
        "--output=weft-%A_%a.out",
        "--requeue",
        "--open-mode=append",
        "--qos=low",
    ]
    assert "module load python\n" in text
    assert "\nweft agent " in text
    hostile = script("s1", CONFIG["name"], SlurmOptions(url="https://weft.example/'; id"))
    assert hostile.count("#SBATCH --uid") == hostile.count("sweep a #SBATCH --uid=0 `id` (s1)") == 1
    assert "export WEFT_URL='https://weft.example/'\"'\"'; id'\n" in hostile
    assert f"{sys.executable} -m weft.cli agent s1 --parallel 0 &" in hostile


def test_what_cannot_stand_in_a_script_is_refused(folder: Path) -> None:
    refused: list[tuple[dict[str, object], str]] = [
        ({"tasks": 0}, "tasks is 0; the least is 1"),
        ({"time": "soon"}, "time is 'soon'"),
        ({"partition": "gpu\n#SBATCH --uid=0"}, "partition is .* cannot stand in an #SBATCH line"),
        ({"more": ("--comment='a b'",)}, "sbatch is"),
    ]
    for given, said in refused:
        with pytest.raises(InputError, match=said):
            SlurmOptions(**given)  # type: ignore[arg-type]
    plain = weft.sweep({"method": "grid", "parameters": {"x": {"values": [1]}}})
    with pytest.raises(InputError, match="neither program nor command, so that `weft agent` cannot"):
        CliRunner().invoke(app, ["sweep", "slurm", plain], catch_exceptions=False)
    Path("job.sh").touch()
    with pytest.raises(InputError, match=r"job\.sh is there already"):
        CliRunner().invoke(app, ["sweep", "slurm", plain, "-o", "job.sh"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("variables", "store"),
    [
        ({}, "the SQLite database in"),
        ({"WEFT_URL": "http://localhost:4300"}, "the server at http://localhost:4300"),
        ({"WEFT_URL": "https://weft.example"}, None),
        ({"WEFT_DB": "postgresql+psycopg://me@127.0.0.1/weft"}, "a PostgreSQL server of this machine"),
        ({"WEFT_DB": "postgresql+psycopg:///weft?host=/run/postgres"}, "a PostgreSQL server of this machine"),
        ({"WEFT_DB": "postgresql+psycopg:///weft?host=db.example"}, None),
        ({"WEFT_DB": "sqlite:////data/weft.db"}, "a SQLite database of this machine"),
    ],
)
def test_which_stores_only_this_machine_reaches(variables: dict[str, str], store: str | None) -> None:
    found = tied_to(weft.settings.load(environ=variables))
    assert found == store if store is None else str(found).startswith(store)
