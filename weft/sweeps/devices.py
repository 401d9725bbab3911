"""Which GPU each of several processes at once has to itself."""

from __future__ import annotations

import os
from collections.abc import Mapping

from weft.training.hardware import describe_hardware

VISIBLE = "CUDA_VISIBLE_DEVICES"


def devices(environ: Mapping[str, str]) -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    visible = environ.get(VISIBLE)
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    return [str(gpu["index"]) for gpu in describe_hardware(environ).get("gpus", [])]


def slots(parallel: int, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """What each of ``parallel`` processes has in its environment beside the rest: a GPU, where there are any, in turn.
    0 is one process for each GPU, or for each core where there are none. A single process has all GPUs."""
    found = devices(environ) if parallel != 1 else []
    count = parallel or len(found) or os.cpu_count() or 1
    if count == 1 or not found:
        return [{} for _ in range(count)]
    return [{VISIBLE: found[slot % len(found)]} for slot in range(count)]
