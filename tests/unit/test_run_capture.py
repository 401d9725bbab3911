"""What a run captures by itself: git, code, seeds, placement, hardware, data pointers, notebook cells."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.training import capture, code, git, hardware
from weft.training.cluster import notebook, placement
from weft.training.environment import describe, packages
from weft.training.lifecycle import default_name
from weft.training.seeds import seeds

Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Git]:
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "A")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "a@b.c")
    root = tmp_path / "a repository"
    root.mkdir()

    def run(*arguments: str, cwd: Path = root) -> str:
        return subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout

    run("init", "-q", "-b", "main")
    (root / "train.py").write_text("one\n")
    (root / "weights.bin").write_bytes(bytes(range(256)))
    (root / "sub").mkdir()
    (root / "sub" / "nätverk.py").write_text("two\n")
    run("add", ".")
    run("commit", "-qm", "first")
    return root, run


def test_a_patch_has_staged_unstaged_binary_new_and_removed_files(repository: tuple[Path, Git], tmp_path: Path) -> None:
    root, run = repository
    run("config", "diff.noprefix", "true")
    run("config", "color.ui", "always")
    run("config", "diff.external", "false")
    (root / "train.py").write_text("one\r\nand more\n")
    (root / "weights.bin").write_bytes(b"\0\1" + bytes(range(255, -1, -1)))
    (root / "new.py").write_text("staged\n")
    run("add", "new.py", "weights.bin")
    (root / "sub" / "nätverk.py").unlink()
    state = git.git_state(root / "sub")
    assert (state["prefix"], state["root"], state["dirty"], state["branch"]) == ("sub", str(root), True, "main")
    found = git.patch(root / "sub")
    assert found is not None
    assert set(git.changed_files(root)) == {"train.py", "weights.bin", "new.py", "sub/nätverk.py"}
    elsewhere = tmp_path / "elsewhere"
    run("clone", "-q", str(root), str(elsewhere))
    (tmp_path / "p").write_bytes(found)
    run("apply", "--binary", str(tmp_path / "p"), cwd=elsewhere)
    for name in ("train.py", "weights.bin", "new.py"):
        assert (elsewhere / name).read_bytes() == (root / name).read_bytes()
    assert not (elsewhere / "sub" / "nätverk.py").exists()


def test_a_patch_that_is_too_large_is_not_kept(repository: tuple[Path, Git], monkeypatch: pytest.MonkeyPatch) -> None:
    root, _ = repository
    monkeypatch.setattr(git, "LARGEST_PATCH_BYTES", 1_000)
    (root / "train.py").write_text("\n".join(map(str, range(5_000))))
    assert git.patch(root) is None
    assert git.git(root, "cat-file", "--batch", timeout_s=0.0) is None


def test_untracked_code_leaves_out_data_secrets_and_what_is_ignored(repository: tuple[Path, Git]) -> None:
    root, _ = repository
    (root / ".gitignore").write_text("ignored/\n")
    (root / "ignored").mkdir()
    for path in ("ignored/x.py", "model.py", "my credentials.json", ".env.yaml", "rows.csv", "sub/conf.yaml", "a/b.py"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(path)
    (root / "huge.py").write_bytes(b"#" * (code.LARGEST_FILE_BYTES + 1))
    os.symlink("/etc/hostname", root / "link.py")
    (root / "credentials.json").write_text("{}")
    found = dict(code.untracked_code(root))
    assert set(found) == {"model.py", "sub/conf.yaml", "a/b.py"}
    assert found["a/b.py"] == b"a/b.py"


def test_code_of_a_program_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.py").write_text("program")
    (tmp_path / "model.py").write_text("beside")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "train.py")])
    assert dict(code.untracked_code(None)) == {"train.py": b"program", "model.py": b"beside"}
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert list(code.untracked_code(None)) == []
    monkeypatch.setattr(code, "MOST_FILES", 1)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "train.py")])
    assert dict(code.untracked_code(None)) == {"train.py": b"program"}
    names = {"train.py": "train-abcd", "-c": "run-abcd", "/lib/pytest/__main__.py": "pytest-abcd"}
    for program, name in names.items():
        monkeypatch.setattr(sys, "argv", [program])
        assert default_name("abcdef") == name


def test_pointers_of_dvc(repository: tuple[Path, Git]) -> None:
    root, run = repository
    (root / "data.csv.dvc").write_text("outs:\n- md5: a1b2\n  size: 14\n  hash: md5\n  path: data.csv\n")
    lock = (
        "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    deps:\n    - path: data.csv\n      md5: a1b2\n"
        "      size: 14\n    params:\n      params.yaml:\n        lr: 0.1\n    outs:\n    - path: model.pt\n"
        "      hash: md5\n      md5: c3d4.dir\n      size: 20\n      nfiles: 2\n"
    )
    (root / "dvc.lock").write_text(lock)
    run("add", "dvc.lock")
    found = code.dvc_pointers(root)
    assert found["data.csv.dvc"] == [{"md5": "a1b2", "size": 14, "hash": "md5", "path": "data.csv"}]
    assert found["dvc.lock"] == [
        {"path": "data.csv", "md5": "a1b2", "size": 14},
        {"path": "model.pt", "hash": "md5", "md5": "c3d4.dir", "size": 20, "nfiles": 2},
    ]


def test_seeds_that_can_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    before, numpy_before = random.getstate(), np.random.get_state()
    try:
        random.seed(987_654)
        np.random.seed(31_415)
        told = seeds({"train": {"seed": 987_654}}, {"PYTHONHASHSEED": "5"})
        assert (told["hash"], told["python"], told["numpy"]) == (5, {"seed": 987_654}, {"seed": 31_415})
        random.random()
        np.random.random()
        drawn = seeds({"train": {"seed": 987_654}}, {})
        assert drawn["hash"] == "random"
        assert set(drawn["python"]) == set(drawn["numpy"]) == {"state"}
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)


def test_the_seed_of_torch_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = types.SimpleNamespace(initial_seed=lambda: 77, are_deterministic_algorithms_enabled=lambda: True)
    monkeypatch.setitem(sys.modules, "torch", torch)  # type: ignore[arg-type]
    assert seeds()["torch"] == {"seed": 77, "deterministic": True}


def test_placement_of_containers_clusters_and_jobs(tmp_path: Path) -> None:
    digest = "ab" * 32
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"0::/system.slice/docker-{digest}.scope\n")
    secrets = tmp_path / "var/run/secrets/kubernetes.io/serviceaccount"
    secrets.mkdir(parents=True)
    (secrets / "namespace").write_text("team-a\n")
    environ = {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "HOSTNAME": "train-0",
        "NODE_NAME": "node-7",
        "CONTAINER_IMAGE": "registry/train:1.2",
        "SLURM_JOB_ID": "4711",
        "SLURM_ARRAY_TASK_ID": "3",
        "LSB_JOBID": "12",
        "PBS_JOBID": "9.server",
        "SM_TRAINING_ENV": '{"job_name": "digits-2026", "hosts": ["algo-1"]}',
        "RAY_JOB_ID": "01000000",
    }
    told = placement(environ, tmp_path)
    assert told["container"] == {"id": digest, "image": "registry/train:1.2"}
    assert told["kubernetes"] == {"pod": "train-0", "namespace": "team-a", "node": "node-7"}
    assert told["jobs"] == {
        "slurm": {"id": "4711", "array_task": "3"},
        "lsf": {"id": "12"},
        "pbs": {"id": "9.server"},
        "sagemaker": {"id": "digits-2026"},
        "ray": {"id": "01000000"},
    }


def test_a_container_by_its_mounts_and_podman_by_its_file(tmp_path: Path) -> None:
    digest = "cd" * 32
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "proc/self/mountinfo").write_text(f"1 2 0:1 /var/lib/docker/containers/{digest}/hostname /etc/hostname")
    (tmp_path / "run/.containerenv").write_text('engine="podman-4"\nimage="quay.io/train:2"\n')
    assert placement({}, tmp_path)["container"] == {"runtime": "podman", "id": digest, "image": "quay.io/train:2"}
    assert placement({}, tmp_path / "nothing") == {}


def test_hosted_notebooks() -> None:
    assert notebook({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}) == "kaggle"
    assert notebook({"COLAB_RELEASE_TAG": "1"}) == "colab"
    assert notebook({}) is None


def test_cells_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code.notebook_cells() is None
    shell = types.SimpleNamespace(
        history_manager=types.SimpleNamespace(input_hist_raw=["", "import weft", "%time train()"]),
        kernel=object(),
        user_ns={"__vsc_ipynb_file__": "/home/a/digits.ipynb"},
    )
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    assert notebook({}) == "jupyter"
    assert notebook({"DATABRICKS_RUNTIME_VERSION": "15"}) == "databricks"
    assert code.notebook_name() == "/home/a/digits.ipynb"
    written = json.loads(code.notebook_cells() or b"")
    assert [cell["source"] for cell in written["cells"]] == ["import weft", "%time train()"]
    assert written["nbformat"] == 4


def test_hardware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = hardware.describe_hardware({})
    assert told["usable_cpus"] >= 1
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Quick CPU 9000\n")
    assert hardware.cpu_model(tmp_path / "cpuinfo") == "Quick CPU 9000"
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, NVIDIA H100 PCIe, 81559, 550.1'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(hardware, "open_nvidia", lambda environ: None)
    monkeypatch.setattr(hardware, "may_have_nvidia", lambda: True)
    found = hardware.describe_hardware({})
    assert found["gpus"] == [{"index": 0, "name": "NVIDIA H100 PCIe", "memory_bytes": 81_559 * 2**20}]
    assert found["driver"] == "550.1"


def test_variables_that_are_allowed() -> None:
    told = describe({"MYAPP_LR": "0.1", "MYAPP_API_KEY": "sk-1", "OTHER": "x"}, "MYAPP_*, NONE")
    assert told["variables"] == {"MYAPP_API_KEY": "[redacted]", "MYAPP_LR": "0.1"}


def test_requirements_name_versions_commits_and_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(name: str, direct: Any = None) -> Any:
        text = direct if isinstance(direct, str) or direct is None else json.dumps(direct)
        return types.SimpleNamespace(metadata={"Name": name, "Version": "1.0"}, read_text=lambda _: text)

    found = [
        made("plain"),
        made("From-Git", {"url": "https://u:p@host/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}),
        made("editable", {"url": "file:///home/me/editable", "dir_info": {"editable": True}}),
        made("wheel", {"url": "https://host/wheel-1.0.whl", "archive_info": {}}),
        made("broken", "{"),
        made(""),
    ]
    monkeypatch.setattr("importlib.metadata.distributions", lambda: found)
    assert [package.requirement for package in packages()] == [
        "broken==1.0",
        "# editable==1.0 was installed from file:///home/me/editable",
        "From-Git @ git+https://host/r.git@abc",
        "plain==1.0",
        "wheel @ https://host/wheel-1.0.whl",
    ]


def test_what_cannot_be_captured_stops_nothing() -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("no")

    assert capture._safely(broken) == {}
