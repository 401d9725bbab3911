"""A run is run again from what `weft reproduce` writes, elsewhere, and logs the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from weft import session
from weft.errors import InputError, NotFoundError
from weft.records import Run, RunKind, RunStatus
from weft.training.media import log_file
from weft.training.reproduce import reproduce, script

TRAIN = """
import sys, json, random, threading
import numpy as np
import weft
from helper import factor          # untracked
from package.model import weights  # changed, staged

run = weft.init("digits", config={"lr": float(sys.argv[1]), "seed": 7}, settings={"save_code": True})
random.seed(run.config.seed)
shift = np.frombuffer(open("../weights.bin", "rb").read(), dtype="u1").sum()
for step in range(5):
    run.log({"loss": random.random() * factor * weights + float(shift) * run.config.lr})
    print("step", step, sys.argv[2])
for thread in threading.enumerate():  # git and packages: the end of a run waits for them a moment only
    if thread.name == "weft-capture":
        thread.join(60)
run.finish()
"""


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **variables, "PYTHONPATH": str(Path(weft.__file__).parents[1])}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "it's a $HOME; `repo`"
    work = root / "work place"
    (root / "work place" / "package").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    (work / "train it.py").write_text("raise SystemExit('the old one')\n")
    (work / "package" / "model.py").write_text("weights = 1\n")
    (root / "weights.bin").write_bytes(bytes(range(100)))
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    (work / "train it.py").write_text(TRAIN)
    (work / "package" / "model.py").write_text("weights = 3\n")
    (root / "weights.bin").write_bytes(bytes(range(256)))
    git(root, "add", "work place/package/model.py")
    (work / "helper.py").write_text("factor = 10.0\n")
    return root


def losses(run_id: str) -> list[float]:
    with weft.Api() as api:
        found: list[float] = api.run(run_id).series("loss").values.tolist()
        return found


def test_a_run_is_run_again_elsewhere_with_the_same_metrics(repository: Path, tmp_path: Path) -> None:
    word = '--note=it\'s "quoted" $(touch /nowhere)\nand more'
    python(repository / "work place", str(repository / "work place" / "train it.py"), "0.5", word)
    with weft.Api() as api:
        (first,) = list(api.runs("digits"))
    into = tmp_path / "again here"
    python(tmp_path, "-m", "weft.cli", "reproduce", first.run_id, "--into", str(into))
    # The old place changes in the meantime; the commit is still there.
    (repository / "work place" / "helper.py").write_text("factor = -1\n")
    (repository / "work place" / "package" / "model.py").write_text("weights = -1\n")
    environ = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(Path(weft.__file__).parents[1])}
    for _ in range(2):
        done = subprocess.run(
            ["sh", str(into / "reproduce.sh"), "--here"], cwd="/", env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert 'step 4 --note=it\'s "quoted" $(touch /nowhere)\nand more' in done.stdout
    with weft.Api() as api:
        runs = list(api.runs("digits"))
    assert len(runs) == 3
    expected = losses(first.run_id)
    assert len(expected) == 5
    assert all(losses(run.run_id) == expected for run in runs)
    again = next(run for run in runs if run.run_id != first.run_id)
    assert again.record.git["commit"] == first.record.git["commit"]
    assert again.record.environment["cwd"] == str(into / "source" / "work place")
    assert f"numpy=={__import__('numpy').__version__}" in (into / "requirements.txt").read_text()
    shutil.rmtree(repository / ".git")
    shutil.rmtree(into / "source")
    done = subprocess.run(["sh", str(into / "reproduce.sh"), "--here"], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr.partition(", and ")[0]) == (1, "reproduce.sh: no remote was recorded")


@pytest.fixture
def run() -> Iterator[weft.Run]:
    quiet = {"drain": "thread", "console": "off", "git": False, "system_interval_s": 0, "quiet": True}
    yield weft.init("p", settings=quiet)
    session.close()


def test_what_is_missing_is_said_and_forced(run: weft.Run, tmp_path: Path) -> None:
    run.finish()
    store = session._session.store  # type: ignore[union-attr]
    with pytest.raises(InputError, match="no git commit and no saved code"):
        reproduce(store, run.id, tmp_path / "new")
    done = reproduce(store, run.id, tmp_path / "new", force=True)
    assert done.missing
    assert (tmp_path / "new" / "run.json").exists()
    again = reproduce(store, run.id, tmp_path / "new", force=True)
    assert set(again.files) >= set(done.files)  # the packages of a slow machine come behind the end of the run
    with pytest.raises(NotFoundError):
        reproduce(store, "none", tmp_path / "other")


def test_no_other_folder_is_written_over(run: weft.Run, tmp_path: Path) -> None:
    log_file(run._recorder, run.id, "files/code/a.py", b"print(1)")
    run.finish()
    store = session._session.store  # type: ignore[union-attr]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="is not empty"):
        reproduce(store, run.id, tmp_path / "mine")
    with pytest.raises(InputError, match="holds something else"):
        reproduce(store, run.id, tmp_path / "mine", force=True)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        reproduce(store, run.id, tmp_path / "link", force=True)


def test_a_file_outside_of_the_folder_is_refused(run: weft.Run, tmp_path: Path) -> None:
    log_file(run._recorder, run.id, "files/code/../../../evil.sh", b"x")
    run.finish()
    store = session._session.store  # type: ignore[union-attr]
    with pytest.raises(InputError, match="would lie outside"):
        reproduce(store, run.id, tmp_path / "new", force=True)


def test_nothing_that_was_recorded_gets_out_of_its_quotes() -> None:
    run = Run(
        "r",
        "p",
        RunKind.TRAIN,
        "name\nrm -rf ~ #",
        RunStatus.FINISHED,
        git={"commit": "$(evil)", "root": "/r'; evil", "remote": "--upload-pack=evil", "prefix": "../../etc"},
        environment={
            "command": ["python", "train.py", "--key", "[redacted]", "--t=[redacted]", "a'b\n$(evil)"],
            "python": "3; evil",
            "variables": {"A": "1'; evil", "B; evil": "x", "RANK": "1\nevil", "API_TOKEN": "[redacted]"},
        },
    )
    text = script(run, {}, ["../x:v1'; evil"])
    checked = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    assert "evil" not in [line.strip().split(" ")[0] for line in text.splitlines()]
    assert "\nrm " not in text
    assert "export A='1'\"'\"'; evil'" in text
    assert "B; evil" not in text
    assert 'cd "$here/source"\n' in text
    assert "${API_TOKEN:?" in text
    assert "${SECRET_1:?" in text
    assert "'--t='\"${SECRET_2:?" in text or '--t="${SECRET_2:?' in text
    assert "/inputs/_x_v1" in text
