"""Samples of the machine, the limits of containers, and GPUs by a substitute for NVML."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from weft.training.system import SystemSampler, gpu, limits, open_nvidia, read_limits, sampler


@dataclass
class Memory:
    total: int = 80 * 2**30
    free: int = 60 * 2**30
    used: int = 20 * 2**30


@dataclass
class Utilization:
    gpu: int = 97
    memory: int = 41


@dataclass
class Running:
    pid: int
    usedGpuMemory: int | None  # noqa: N815 - NVML's name


class NVMLError(Exception):
    """As pynvml's: raised for what a device does not support."""


class FakeNvml:
    """The functions of ``pynvml`` that Weft calls, with its names, units and ways to fail, for two devices."""

    NVMLError = NVMLError

    def __init__(self) -> None:
        self.running: list[Running] = []
        self.closed = False

    def nvmlInit(self) -> None:
        pass

    def nvmlShutdown(self) -> None:
        self.closed = True

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"GPU-{handle}f00-aa"

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return b"NVIDIA A100-SXM4-80GB"

    def nvmlSystemGetDriverVersion(self) -> str:
        return "550.54.15"

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        return 12_040

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Memory:
        return Memory()

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Utilization:
        if handle == 1:
            raise NVMLError("Not Supported")
        return Utilization()

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        assert sensor == 0
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return 312_500  # milliwatts

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        return 400_000

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Running]:
        return self.running


def test_the_substitute_has_the_functions_of_the_real_module() -> None:
    import pynvml

    for name in vars(FakeNvml):
        if name.startswith("nvml"):
            assert callable(getattr(pynvml, name)), name
    assert issubclass(pynvml.NVMLError, Exception)
    assert pynvml.NVML_TEMPERATURE_GPU == 0


def test_a_gpu_is_sampled_with_what_it_can_tell() -> None:
    nvml = FakeNvml()
    nvml.running = [Running(10, 3 * 2**30), Running(11, None), Running(99, 2**30)]
    values = gpu.Nvidia(nvml).sample([10, 11])
    assert values["system/gpu/0/utilization_percent"] == 97.0
    assert values["system/gpu/0/memory_used_bytes"] == 20 * 2**30
    assert values["system/gpu/0/memory_percent"] == 25.0
    assert values["system/gpu/0/temperature_celsius"] == 61.0
    assert values["system/gpu/0/power_watts"] == 312.5
    assert values["system/gpu/0/power_percent"] == 78.125
    assert values["system/gpu/0/process_memory_bytes"] == 3 * 2**30
    assert "system/gpu/1/utilization_percent" not in values
    assert values["system/gpu/1/power_watts"] == 312.5


def test_gpus_are_described() -> None:
    assert gpu.Nvidia(FakeNvml(), "1").describe() == {
        "gpus": [{"index": 1, "name": "NVIDIA A100-SXM4-80GB", "memory_bytes": 80 * 2**30}],
        "driver": "550.54.15",
        "cuda": "12.4",
    }


@pytest.mark.parametrize(
    ("visible", "seen"), [("0,1", {"0", "1"}), ("1", {"1"}), ("GPU-0f", {"0"}), ("", set()), ("1,-1,0", {"1"})]
)
def test_only_visible_gpus_are_sampled(visible: str, seen: set[str]) -> None:
    assert {name.split("/")[2] for name in gpu.Nvidia(FakeNvml(), visible).sample()} == seen


def test_gpus_are_opened_where_driver_and_library_are(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    monkeypatch.setattr(gpu, "may_have_nvidia", lambda: False)
    assert open_nvidia() is None
    monkeypatch.setattr(gpu, "may_have_nvidia", lambda: True)
    found = open_nvidia({"CUDA_VISIBLE_DEVICES": "0"})
    assert found is not None
    found.close()
    assert nvml.closed

    def fails() -> None:
        raise NVMLError("Driver Not Loaded")

    monkeypatch.setattr(nvml, "nvmlInit", fails)
    assert open_nvidia() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert open_nvidia() is None


def test_limits_of_control_groups_version_2(tmp_path: Path) -> None:
    group = tmp_path / "root" / "kubepods" / "pod"
    group.mkdir(parents=True)
    (tmp_path / "cgroup").write_text("0::/kubepods/pod\n")
    (group.parent / "cpu.max").write_text("250000 100000\n")
    (group / "cpu.max").write_text("max 100000\n")
    (group / "memory.max").write_text("1000\n")
    (group.parent / "memory.max").write_text("2000\n")
    (group / "memory.current").write_text("700\n")
    (group / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    found = read_limits(tmp_path / "root", tmp_path / "cgroup")
    assert (found.cpus, found.memory_bytes, found.memory_used_bytes()) == (2.5, 1000, 550)


def test_limits_of_control_groups_version_1(tmp_path: Path) -> None:
    for name in ("cpu", "memory"):
        (tmp_path / "root" / name).mkdir(parents=True)
    # In a container the path is the host's and is not there; the root is the container's own group.
    (tmp_path / "cgroup").write_text("5:memory:/docker/abc\n4:cpu:/docker/abc\n")
    (tmp_path / "root/cpu/cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "root/cpu/cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "root/memory/memory.limit_in_bytes").write_text("4096\n")
    (tmp_path / "root/memory/memory.usage_in_bytes").write_text("1024\n")
    found = read_limits(tmp_path / "root", tmp_path / "cgroup")
    assert (found.cpus, found.memory_bytes, found.memory_used_bytes()) == (0.5, 4096, 1024)
    (tmp_path / "root/memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    (tmp_path / "root/cpu/cpu.cfs_quota_us").write_text("-1\n")
    assert read_limits(tmp_path / "root", tmp_path / "cgroup") == limits.Limits()


def test_no_limits_where_there_are_no_groups(tmp_path: Path) -> None:
    assert read_limits(tmp_path / "none", tmp_path / "neither") == limits.Limits()
    assert limits.Limits().memory_used_bytes() is None


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    code = "import sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        yield process
        process.communicate()


def taken(**changed: Any) -> dict[str, float]:
    made = SystemSampler(5.0, lambda index, values: None)
    for name, value in changed.items():
        setattr(made, f"_{name}", value)
    return made.sample()


def test_a_sample_has_cores_memory_disk_and_the_process_with_its_children(child: subprocess.Popen[bytes]) -> None:
    values = taken()
    cores = os.cpu_count() or 1
    assert sum(name.startswith("system/cpu/") for name in values) == min(cores, sampler.MOST_CORES)
    assert 0 <= values["system/cpu_percent"] <= values["system/cpu_busiest_percent"] <= 100
    assert values["system/processes"] >= 2
    assert values["system/processes_memory_bytes"] > values["system/process_memory_bytes"]
    assert values["system/disk_free_bytes"] > 0
    assert 0 < values["system/memory_percent"] <= 100


def test_of_many_cores_no_series_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "_core_times", lambda: [(50.0 + n, 100.0) for n in range(100)])
    values = taken(cores=[(0.0, 50.0)] * 100)
    assert values["system/cpu_busy_cores"] == 100.0
    assert not any(name.startswith("system/cpu/") for name in values)


def test_memory_is_of_what_the_container_may_use(tmp_path: Path) -> None:
    usage = tmp_path / "usage"
    usage.write_text("250\n")
    values = taken(limits=limits.Limits(cpus=2.0, memory_bytes=1000, usage=usage))
    assert values["system/memory_used_bytes"] == 250.0
    assert values["system/memory_percent"] == 25.0
    assert values["system/cpu_limit_percent"] >= 0


def test_gpus_are_part_of_a_sample() -> None:
    nvml = FakeNvml()
    nvml.running = [Running(os.getpid(), 5)]
    assert taken(gpus=gpu.Nvidia(nvml))["system/gpu/1/process_memory_bytes"] == 5.0
