"""NVIDIA's GPUs, by the NVIDIA Management Library (NVML). Others are not sampled."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

_DEVICES = ("/dev/nvidiactl", "/dev/dxg")
_MILLI = 1_000.0


class Nvidia:
    """The GPUs of this machine, or those of ``CUDA_VISIBLE_DEVICES``, through the functions of ``pynvml``.

    What a device cannot tell (a slice of one, a card for desktops) is left out.
    """

    def __init__(self, pynvml: Any, visible: str | None = None) -> None:
        self._nvml = pynvml
        pynvml.nvmlInit()
        self._handles: dict[int, Any] = {}
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = self._ask("nvmlDeviceGetHandleByIndex", index)
            if handle is None:  # it is broken, or another's: a group of devices leaves some out
                continue
            if visible is None or _is_visible(index, self._ask("nvmlDeviceGetUUID", handle), visible):
                self._handles[index] = handle

    def describe(self) -> dict[str, Any]:
        """``gpus`` (index, name, memory), ``driver`` and the newest ``cuda`` that it runs."""
        gpus = []
        for index, handle in self._handles.items():
            memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
            gpu = {
                "index": index,
                "name": _text(self._ask("nvmlDeviceGetName", handle)),
                "memory_bytes": None if memory is None else int(memory.total),
            }
            gpus.append({key: value for key, value in gpu.items() if value is not None})
        number = self._ask("nvmlSystemGetCudaDriverVersion_v2")
        told = {
            "gpus": gpus,
            "driver": _text(self._ask("nvmlSystemGetDriverVersion")),
            "cuda": None if number is None else f"{number // 1000}.{number % 1000 // 10}",
        }
        return {key: value for key, value in told.items() if value}

    def sample(self, pids: Collection[int] = ()) -> dict[str, float]:
        """``system/gpu/INDEX/...`` of each device; ``process_memory_bytes`` is what ``pids`` hold there."""
        values: dict[str, float] = {}
        for index, handle in self._handles.items():
            prefix = f"system/gpu/{index}/"
            use = self._ask("nvmlDeviceGetUtilizationRates", handle)
            if use is not None:
                values[f"{prefix}utilization_percent"] = float(use.gpu)
                values[f"{prefix}memory_access_percent"] = float(use.memory)
            memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
            if memory is not None:
                values[f"{prefix}memory_used_bytes"] = float(memory.used)
                values[f"{prefix}memory_percent"] = 100.0 * memory.used / memory.total if memory.total else 0.0
            warmth = self._ask("nvmlDeviceGetTemperature", handle, 0)  # NVML_TEMPERATURE_GPU
            if warmth is not None:
                values[f"{prefix}temperature_celsius"] = float(warmth)
            power = self._ask("nvmlDeviceGetPowerUsage", handle)
            if power is not None:
                values[f"{prefix}power_watts"] = power / _MILLI
            limit = self._ask("nvmlDeviceGetEnforcedPowerLimit", handle)
            if power is not None and limit:
                values[f"{prefix}power_percent"] = 100.0 * power / limit
            held = self._held(handle, pids)
            if held is not None:
                values[f"{prefix}process_memory_bytes"] = held
        return values

    def close(self) -> None:
        """Let go of the library."""
        self._ask("nvmlShutdown")

    def _held(self, handle: Any, pids: Collection[int]) -> float | None:
        """None where none of the processes is known there: in a container NVML may speak of the host's numbers."""
        running = self._ask("nvmlDeviceGetComputeRunningProcesses", handle)
        if running is None or not pids:
            return None
        held = [p.usedGpuMemory for p in running if p.pid in pids and p.usedGpuMemory is not None]
        return float(sum(held)) if held else None

    def _ask(self, function: str, *arguments: Any) -> Any:
        try:
            return getattr(self._nvml, function)(*arguments)
        except (self._nvml.NVMLError, AttributeError):  # not supported by this device, driver or version
            return None


def open_nvidia(environ: Mapping[str, str] | None = None) -> Nvidia | None:
    """The GPUs, where there are some, ``pynvml`` (the extra ``gpu``) is installed and the driver works; else None."""
    env = os.environ if environ is None else environ
    pynvml = _library()
    if pynvml is None:
        return None
    try:
        gpus = Nvidia(pynvml, env.get("CUDA_VISIBLE_DEVICES"))
    except pynvml.NVMLError:
        return None
    return gpus


def may_have_nvidia() -> bool:
    """Whether the system shows any trace of NVIDIA's driver."""
    return sys.platform == "win32" or any(Path(device).exists() for device in _DEVICES)


def _library() -> ModuleType | None:
    if not may_have_nvidia():
        return None
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        return None


def _is_visible(index: int, uuid: Any, visible: str) -> bool:
    """By the CUDA documentation: a list of numbers or of beginnings of UUIDs; what follows a -1 is not seen."""
    name = _text(uuid) or ""
    for word in (word.strip() for word in visible.split(",")):
        if word == "-1":
            return False
        if word.isdecimal():
            if int(word) == index:
                return True
        # A slice is called MIG-...: which device it is of only the driver knows.
        elif word.startswith("MIG-") or (word and name.startswith(word)):
            return True
    return False


def _text(value: Any) -> str | None:
    """Older versions of ``pynvml`` give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
