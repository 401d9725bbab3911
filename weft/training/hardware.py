"""The processor and the GPUs that a run has, with driver and CUDA version."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from weft.training.system.gpu import may_have_nvidia, open_nvidia
from weft.training.system.limits import read_limits

_CPUINFO = Path("/proc/cpuinfo")
_DRIVER = Path("/proc/driver/nvidia/version")
_TIMEOUT_S = 10.0


def describe_hardware(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """``cpu``, ``cores``, ``limits`` of the container, ``gpus``, ``driver``, ``cuda`` and ``cuda_of_torch``, each where
    it is known. GPUs of AMD and Apple are not looked for. May take a second: NVIDIA's driver wakes up."""
    limits = read_limits()
    told: dict[str, Any] = {
        "cpu": cpu_model(),
        "cores": psutil.cpu_count(logical=False),
        "limits": {
            key: value
            for key, value in (("cpus", limits.cpus), ("memory_bytes", limits.memory_bytes))
            if value is not None
        },
        **_nvidia(environ),
        "cuda_of_torch": getattr(getattr(sys.modules.get("torch"), "version", None), "cuda", None),
    }
    if hasattr(os, "sched_getaffinity"):
        told["usable_cpus"] = len(os.sched_getaffinity(0))
    return {key: value for key, value in told.items() if value}


def cpu_model(cpuinfo: Path = _CPUINFO) -> str | None:
    """The processor's name as it says itself; None where nobody tells."""
    try:
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model", "cpu model") and value.strip():
                return value.strip()
    except OSError:  # not Linux
        pass
    if sys.platform == "darwin":
        return _answer("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")
    return platform.processor() or None


def _nvidia(environ: Mapping[str, str] | None) -> dict[str, Any]:
    gpus = open_nvidia(environ)
    if gpus is not None:
        try:
            return gpus.describe()
        finally:
            gpus.close()
    return _by_smi() if may_have_nvidia() else {}


def _by_smi() -> dict[str, Any]:
    """The same from NVIDIA's own command, where ``pynvml`` is not installed."""
    program = shutil.which("nvidia-smi")
    fields = "--query-gpu=index,name,memory.total,driver_version"
    answer = None if program is None else _answer(program, fields, "--format=csv,noheader,nounits")
    told: dict[str, Any] = {"gpus": []}
    for line in (answer or "").splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) == 4 and words[0].isdecimal():
            memory = int(words[2]) * 2**20 if words[2].isdecimal() else None
            told["gpus"].append({"index": int(words[0]), "name": words[1], "memory_bytes": memory})
            told["driver"] = words[3]
    if "driver" not in told and _DRIVER.exists():
        told["driver"] = _DRIVER.read_text("utf-8", "replace").partition("\n")[0]
    return told


def _answer(program: str, *arguments: str) -> str | None:
    try:
        with tempfile.TemporaryFile() as answer:  # not a pipe: see weft.training.git
            subprocess.run(  # noqa: S603 - fixed arguments
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                check=True,
                close_fds=False,
            )
            answer.seek(0)
            return answer.read().decode("utf-8", "replace").strip() or None
    except (OSError, subprocess.SubprocessError):
        return None
