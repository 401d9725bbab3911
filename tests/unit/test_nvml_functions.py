"""The real ``pynvml`` on a substitute for the driver's functions: machines without one, without rights, with slices,
and devices that vanish."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import pynvml
import pytest

from weft.training.system import SystemSampler, gpu, open_nvidia

DEVICES = 2
UUIDS = ("GPU-aaa", "GPU-bbb")


class Driver:
    """Answers by the names of NVML's functions; ``codes`` says which fail, of all devices or of one."""

    def __init__(self) -> None:
        self.codes: dict[str | tuple[str, int], int] = {}
        self.calls = 0

    def function(self, name: str) -> Callable[..., int]:
        if name in self.codes and self.codes[name] == pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:
            raise pynvml.NVMLError(self.codes[name])
        return lambda *arguments: self.answer(name.removesuffix("_v2").removesuffix("_v3"), *arguments)

    def answer(self, name: str, *arguments: Any) -> int:
        self.calls += 1
        device = getattr(arguments[0], "index", -1) if arguments else -1
        if code := self.codes.get(name) or self.codes.get((name, device)) or self.codes.get(("any", device)):
            return code
        give = getattr(self, name, None)
        return (give(*arguments) or pynvml.NVML_SUCCESS) if give else pynvml.NVML_ERROR_NOT_SUPPORTED

    def nvmlInitWithFlags(self, flags: int) -> None:
        pass

    def nvmlShutdown(self) -> None:
        pass

    def nvmlDeviceGetCount(self, count: Any) -> None:
        count._obj.value = DEVICES

    def nvmlDeviceGetHandleByIndex(self, index: Any, device: Any) -> int:
        device._obj.index = index.value
        return self.codes.get(("handle", index.value), pynvml.NVML_SUCCESS)

    def nvmlDeviceGetUUID(self, device: Any, text: Any, size: Any) -> None:
        text.value = UUIDS[device.index].encode()

    def nvmlDeviceGetName(self, device: Any, text: Any, size: Any) -> None:
        text.value = b"NVIDIA H100"

    def nvmlDeviceGetUtilizationRates(self, device: Any, use: Any) -> None:
        use._obj.gpu, use._obj.memory = 97, 41

    def nvmlDeviceGetMemoryInfo(self, device: Any, memory: Any) -> None:
        memory._obj.total, memory._obj.used = 80 * 2**30, 20 * 2**30

    def nvmlDeviceGetTemperature(self, device: Any, sensor: Any, celsius: Any) -> None:
        celsius._obj.value = 60

    def nvmlDeviceGetPowerUsage(self, device: Any, milliwatts: Any) -> None:
        milliwatts._obj.value = 350_000

    def nvmlDeviceGetEnforcedPowerLimit(self, device: Any, milliwatts: Any) -> None:
        milliwatts._obj.value = 700_000

    def nvmlDeviceGetComputeRunningProcesses(self, device: Any, count: Any, found: Any) -> int:
        count._obj.value, had = 2, count._obj.value
        if had < 2:
            return int(pynvml.NVML_ERROR_INSUFFICIENT_SIZE)
        found[0].pid, found[0].usedGpuMemory = os.getpid(), 2**30
        found[1].pid, found[1].usedGpuMemory = os.getpid(), pynvml.NVML_VALUE_NOT_AVAILABLE_ulonglong.value
        return 0

    def nvmlSystemGetDriverVersion(self, text: Any, size: Any) -> None:
        text.value = b"570.1"

    def nvmlSystemGetCudaDriverVersion(self, number: Any) -> None:
        number._obj.value = 12_080


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    monkeypatch.setattr(pynvml, "_LoadNvmlLibrary", lambda: None)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer", driver.function)
    monkeypatch.setattr(pynvml, "c_nvmlDevice_t", type("Handle", (ctypes.Structure,), {"index": 0}))
    monkeypatch.setattr(gpu, "may_have_nvidia", lambda: True)
    return driver


def names(values: dict[str, float], index: int = 0) -> set[str]:
    return {name.rpartition("/")[2] for name in values if name.startswith(f"system/gpu/{index}/")}


def test_all_that_a_device_tells(driver: Driver) -> None:
    found = open_nvidia({})
    assert found is not None
    assert found.describe() == {
        "gpus": [{"index": n, "name": "NVIDIA H100", "memory_bytes": 80 * 2**30} for n in range(DEVICES)],
        "driver": "570.1",
        "cuda": "12.8",
    }
    values = found.sample([os.getpid()])
    assert {name.rpartition("/")[2]: value for name, value in values.items() if "/1/" in name} == {
        "utilization_percent": 97.0,
        "memory_access_percent": 41.0,
        "memory_used_bytes": 20.0 * 2**30,
        "memory_percent": 25.0,
        "temperature_celsius": 60.0,
        "power_watts": 350.0,
        "power_percent": 50.0,
        "process_memory_bytes": 1.0 * 2**30,
    }
    found.close()


@pytest.mark.parametrize(
    "code",
    [
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        pynvml.NVML_ERROR_UNKNOWN,
    ],
)
@pytest.mark.parametrize("function", ["nvmlInitWithFlags", "nvmlDeviceGetCount"])
def test_without_a_driver_that_answers_there_are_no_gpus(driver: Driver, function: str, code: int) -> None:
    driver.codes[function] = code
    assert open_nvidia({}) is None


def test_without_the_drivers_library_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "_LoadNvmlLibrary", missing)
    monkeypatch.setattr(gpu, "may_have_nvidia", lambda: True)
    assert open_nvidia({}) is None


def test_a_device_of_somebody_else_is_left_out(driver: Driver) -> None:
    driver.codes["handle", 0] = pynvml.NVML_ERROR_NO_PERMISSION
    found = open_nvidia({})
    assert found is not None
    values = found.sample()
    assert (names(values, 0), "power_watts" in names(values, 1)) == (set(), True)


def test_a_device_in_slices_has_no_utilization(driver: Driver) -> None:
    driver.codes["nvmlDeviceGetUtilizationRates"] = pynvml.NVML_ERROR_NOT_SUPPORTED
    driver.codes["nvmlDeviceGetComputeRunningProcesses"] = pynvml.NVML_ERROR_NO_PERMISSION
    driver.codes["nvmlDeviceGetEnforcedPowerLimit"] = pynvml.NVML_ERROR_FUNCTION_NOT_FOUND
    found = open_nvidia({"CUDA_VISIBLE_DEVICES": "MIG-4f1b"})
    assert found is not None
    expected = {"memory_used_bytes", "memory_percent", "temperature_celsius", "power_watts"}
    assert names(found.sample([os.getpid()])) == expected


def test_a_device_that_vanishes_goes_quietly_and_may_come_back(
    driver: Driver, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    sampler = SystemSampler(3600, lambda *_: None)
    sampler._gpus = open_nvidia({})
    driver.codes["any", 0] = pynvml.NVML_ERROR_GPU_IS_LOST
    for _ in range(3):
        values = sampler.sample()
        assert (names(values, 0), len(names(values, 1))) == (set(), 8)
    driver.codes.clear()
    assert len(names(sampler.sample(), 0)) == 8
    driver.codes["nvmlShutdown"] = pynvml.NVML_ERROR_UNINITIALIZED
    assert sampler._gpus is not None
    sampler._gpus.close()
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")
