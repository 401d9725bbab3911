"""GPUs and cores that processes at once are given, and what a Ray cluster has room for."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from weft import settings
from weft.errors import InputError
from weft.sweeps import devices, ray_trials
from weft.sweeps.leaving import Leaving, side_by_side
from weft.sweeps.ray_trials import RayCluster, check_reach, planned, room_of

CUT = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-1d0f)
  MIG 3g.20gb     Device  0: (UUID: MIG-aa11)
  MIG 3g.20gb     Device  1: (UUID: MIG-bb22)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-2e1a)
"""


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        ("4,5", ["4", "5"]),
        (" GPU-1d0f , MIG-bb22", ["GPU-1d0f", "MIG-bb22"]),
        ("0,-1,1", ["0"]),
        ("", []),
        ("NoDevFiles", []),
    ],
)
def test_only_what_is_visible_already_is_given_out(visible: str, found: list[str]) -> None:
    assert devices.devices({"CUDA_VISIBLE_DEVICES": visible}) == found


def test_a_gpu_that_is_cut_counts_as_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices.named(CUT) == ["MIG-aa11", "MIG-bb22", "1"]
    assert devices.named("No devices were found\n") == []
    monkeypatch.setattr(devices.shutil, "which", lambda name: f"/usr/bin/{name}")
    told = SimpleNamespace(stdout=CUT)
    monkeypatch.setattr(devices.subprocess, "run", lambda *words, **more: told)
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in devices.slots(0, {})] == ["MIG-aa11", "MIG-bb22", "1"]

    def fail(*words: object, **more: object) -> None:
        raise subprocess.TimeoutExpired("nvidia-smi", 10)

    monkeypatch.setattr(devices.subprocess, "run", fail)
    monkeypatch.setattr(devices, "describe_hardware", lambda environ: {"gpus": [{"index": 0}, {"index": 1}]})
    assert devices.devices({}) == ["0", "1"]


def test_processes_share_the_cores_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(devices, "read_limits", lambda: SimpleNamespace(cpus=None))
    none = {"CUDA_VISIBLE_DEVICES": ""}
    assert devices.slots(0, none) == [{"OMP_NUM_THREADS": "1"}] * 8
    assert devices.slots(3, none) == [{"OMP_NUM_THREADS": "2"}] * 3
    assert devices.slots(2, {**none, "OMP_NUM_THREADS": "5"}) == [{}, {}]
    in_turn = [slot["CUDA_VISIBLE_DEVICES"] for slot in devices.slots(3, {"CUDA_VISIBLE_DEVICES": "4,5"})]
    assert in_turn == ["4", "5", "4"]
    assert len(devices.slots(0, {"CUDA_VISIBLE_DEVICES": "4,5"})) == 2
    assert devices.slots(1, {"CUDA_VISIBLE_DEVICES": "3"}) == [{}]
    monkeypatch.setattr(devices, "read_limits", lambda: SimpleNamespace(cpus=1.5))
    assert devices.usable_cores() == 2


def cluster(*nodes: dict[str, float], host: str | None = None) -> Any:
    """What of ``ray`` is asked."""
    name = host or socket.gethostname()
    return SimpleNamespace(
        nodes=lambda: [
            *({"Resources": node, "Alive": True, "NodeManagerHostname": name} for node in nodes),
            {"Resources": {"CPU": 99.0, "GPU": 9.0}, "Alive": False, "NodeManagerHostname": "gone"},
        ]
    )


def test_a_cluster_runs_as_many_trials_as_it_has_room_for() -> None:
    mixed = cluster({"CPU": 8.0}, {"CPU": 16.0, "GPU": 4.0})
    assert planned(mixed, RayCluster(), 0) == (RayCluster(None, 1.0, 1.0), 4)
    assert room_of(mixed, RayCluster(None, 1.0, 1.0)) == 4
    assert planned(mixed, RayCluster(gpus_per_trial=0.5), 0)[1] == 8
    assert planned(mixed, RayCluster(cpus_per_trial=4, gpus_per_trial=0), 0)[1] == 6
    assert planned(mixed, RayCluster(), 2)[1] == 2
    assert planned(cluster({"CPU": 2.0}), RayCluster(cpus_per_trial=0), 0)[1] == 2
    with pytest.raises(InputError, match=r"No node of the Ray cluster has 1 CPUs and 8 GPUs for a trial; they have: 8"):
        planned(mixed, RayCluster(gpus_per_trial=8), 0)
    with pytest.raises(InputError, match=r"they have: none"):
        planned(cluster(), RayCluster(), 0)
    with pytest.raises(InputError, match=r"cpus_per_trial is -1"):
        RayCluster(cpus_per_trial=-1)
    with pytest.raises(InputError, match=r"gpus_per_trial is nan"):
        RayCluster(gpus_per_trial=float("nan"))


def test_nodes_of_other_machines_must_reach_the_store() -> None:
    alone = settings.load(environ={})
    served = settings.load(environ={"WEFT_URL": "https://weft.example"})
    here, far = cluster({"CPU": 1.0}), cluster({"CPU": 1.0}, host="node-7")
    assert check_reach(here, alone) == socket.gethostname()
    assert check_reach(far, served) is None
    with pytest.raises(InputError, match=r"Trials on node-7 cannot reach the SQLite database in .*Set WEFT_URL"):
        check_reach(far, alone)


def test_what_a_node_is_told_holds_no_other_variables_and_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WEFT_API_KEY": "hidden", "WEFT_TRIAL": "s:1", "OTHER": "x", "WANDB_PROJECT": "p"}.items():
        monkeypatch.setenv(name, value)
    errand = ray_trials.Errand(print, 60.0)
    assert {"WEFT_API_KEY": "hidden", "WANDB_PROJECT": "p"}.items() <= errand.environ.items()
    assert not {"WEFT_TRIAL", "OTHER"} & errand.environ.keys()
    assert "hidden" not in repr(errand)


def test_work_that_joins_later_runs_beside_the_rest() -> None:
    came = threading.Event()

    def more() -> list[Callable[[], object]]:
        return [] if came.is_set() else [came.set]

    side_by_side([lambda: came.wait(60)], Leaving(), more, every_s=0.01)
    assert came.is_set()
