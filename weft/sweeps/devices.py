"""Which GPU, and how many cores, each of several processes at once has to itself."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Mapping

from weft.training.hardware import describe_hardware
from weft.training.system.limits import read_limits

VISIBLE = "CUDA_VISIBLE_DEVICES"
THREADS = "OMP_NUM_THREADS"
_LISTED = re.compile(r"(?P<whole>GPU (?P<index>\d+):)|\s+MIG .*\(UUID: (?P<part>MIG-[^)]+)\)")


def devices(environ: Mapping[str, str]) -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them: those that it names already, numbers
    or ids; otherwise all, and of one that is cut into parts (MIG) the parts."""
    visible = environ.get(VISIBLE)
    if visible is None:
        return _listed() or [str(gpu["index"]) for gpu in describe_hardware(environ).get("gpus", [])]
    found: list[str] = []
    for name in (word.strip() for word in visible.split(",")):
        if name in ("", "-1", "NoDevFiles", "void", "none"):  # CUDA reads up to the first that is none
            break
        found.append(name)
    return found


def usable_cores() -> int:
    """How many cores this process may use: of its affinity, and of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = read_limits().cpus
    return max(1, cores if limit is None else min(cores, math.ceil(limit)))


def slots(parallel: int, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """What each of ``parallel`` processes has in its environment beside the rest: a GPU, where there are any, in turn,
    and its share of the cores as ``OMP_NUM_THREADS``, unless that is set. 0 is one process for each GPU, or for each
    core where there are none. A single process has everything."""
    found = devices(environ) if parallel != 1 else []
    count = parallel or len(found) or usable_cores()
    if count == 1:
        return [{}]
    # Numeric libraries start a thread a core, so that a process a core would start their square.
    share = {} if environ.get(THREADS) else {THREADS: str(max(1, usable_cores() // count))}
    return [{**share, **({VISIBLE: found[slot % len(found)]} if found else {})} for slot in range(count)]


def _listed() -> list[str]:
    """What ``nvidia-smi -L`` lists; nothing where it is missing or says nothing."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        told = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603 - fixed arguments
    except (OSError, subprocess.SubprocessError):
        return []
    return named(told)


def named(told: str) -> list[str]:
    """The GPUs of a list as ``nvidia-smi -L`` writes it, by number, or the parts of those that are cut by id."""
    found: list[list[str]] = []
    for line in told.splitlines():
        match = _LISTED.match(line)
        if match is None:
            continue
        if match["whole"]:
            found.append([match["index"]])
        elif found:
            found[-1].append(match["part"])
    return [name for gpu, *parts in found for name in parts or [gpu]]
