"""What a run runs on: interpreter, packages, machine, program, and which rank of how many."""

from __future__ import annotations

import fnmatch
import importlib.metadata
import os
import platform
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import psutil

from weft.tracing.capture import REDACTED, is_secret
from weft.training.git import without_credentials

# Variables that change results or speed and hold no secrets.
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "LOCAL_RANK",
    "MKL_NUM_THREADS",
    "NODE_RANK",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTORCH_CUDA_ALLOC_CONF",
    "RANK",
    "SLURM_JOB_ID",
    "SLURM_JOB_NAME",
    "SLURM_NODELIST",
    "SLURM_NTASKS",
    "SLURM_PROCID",
    "TOKENIZERS_PARALLELISM",
    "WORLD_SIZE",
    "XLA_FLAGS",
)
_RANKS = (
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
)


def describe(environ: Mapping[str, str] | None = None, allow: str = "") -> dict[str, Any]:
    """What is known at once of the environment, as JSON values. Of the environment's variables only a list of harmless
    ones, and those that ``allow`` names (by commas, ``MYAPP_*`` for all that begin so); secret ones by name never."""
    env = os.environ if environ is None else environ
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "os": platform.platform(),
        "machine": platform.machine(),
        "host": socket.gethostname(),
        "cpus": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "pid": os.getpid(),
        "program": sys.argv[0] if sys.argv else "",
        "argv": without_secrets(sys.argv),
        "command": without_secrets(sys.orig_argv),
        "cwd": _cwd(),
        "variables": _variables(env, allow),
    }


def _variables(env: Mapping[str, str], allow: str) -> dict[str, str]:
    patterns = [pattern.strip() for pattern in allow.split(",") if pattern.strip()]
    more = [name for name in env if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
    names = sorted({*(name for name in _VARIABLES if name in env), *more})
    return {name: REDACTED if is_secret(name) else env[name] for name in names}


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """Command line arguments with the values of options such as ``--api-key`` redacted."""
    kept: list[str] = []
    secret = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        hidden = secret and not argument.startswith("-")
        secret = name.startswith("-") and is_secret(name.lstrip("-"))
        kept.append(REDACTED if hidden else f"{name}={REDACTED}" if secret and equals else argument)
        secret = secret and not equals
    return kept


@dataclass(frozen=True, slots=True)
class Package:
    """An installed distribution; ``direct_url`` is where it came from, other than an index (PEP 610)."""

    name: str
    version: str
    direct_url: str | None = None

    @property
    def requirement(self) -> str:
        """A line for ``pip install -r``. What came from a folder of this machine is a comment: nobody else has it."""
        pinned = f"{self.name}=={self.version}"
        if not self.direct_url:
            return pinned
        try:
            told = orjson.loads(self.direct_url)
            url, vcs = without_credentials(str(told["url"])), told.get("vcs_info") or {}
        except (orjson.JSONDecodeError, KeyError, AttributeError, TypeError):
            return pinned
        if vcs.get("commit_id"):
            return f"{self.name} @ {vcs.get('vcs', 'git')}+{url}@{vcs['commit_id']}"
        return f"# {pinned} was installed from {url}" if url.startswith("file:") else f"{self.name} @ {url}"


def packages() -> list[Package]:
    """Every installed distribution, sorted by name; of two of a name the one that is imported."""
    found: dict[str, Package] = {}
    for distribution in importlib.metadata.distributions():
        metadata = distribution.metadata  # read and parsed at each access
        name, version = metadata["Name"], metadata["Version"]
        if name and version and name.lower() not in found:
            found[name.lower()] = Package(name, version, distribution.read_text("direct_url.json"))
    return [found[name] for name in sorted(found)]


def rank(environ: Mapping[str, str] | None = None) -> int | None:
    """This process's rank where a launcher started more than one (torchrun, MPI, Slurm); None otherwise."""
    env = os.environ if environ is None else environ
    for rank_name, size_name in _RANKS:
        number, size = env.get(rank_name, ""), env.get(size_name, "")
        if number.isdecimal() and size.isdecimal():
            return int(number) if int(size) > 1 else None
    return None


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:  # the folder is gone
        return ""
