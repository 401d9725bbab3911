"""The git state of the folder that a run was started in: commit, remote, and what is not committed as a patch."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

LARGEST_PATCH_BYTES = 16 * 2**20
_LARGEST_ANSWER = 4 * 2**20
_TIMEOUT_S = 5.0
_PATCH_TIMEOUT_S = 60.0
# Whatever the user has configured for looking at diffs, a patch must be one that `git apply` takes.
_PATCH = (
    *("diff", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--ignore-submodules=dirty"),
)


def git_state(folder: Path | None = None) -> dict[str, Any]:
    """``commit``, ``branch``, ``remote`` (without credentials), ``root``, ``prefix`` and ``dirty``; empty outside of a
    repository.

    ``root`` is the working tree's folder, ``prefix`` where in it ``folder`` lies (``""`` at its top). ``dirty`` looks
    at tracked files only: listing untracked ones can take minutes in a folder of data.
    """
    answer = git(folder, "rev-parse", "HEAD", "--show-toplevel", "--show-prefix", "--symbolic-full-name", "HEAD")
    if answer is None:
        return {}
    commit, root, prefix, branch, *_ = [*answer.decode("utf-8", "surrogateescape").split("\n"), "", "", ""]
    state: dict[str, Any] = {"commit": commit, "root": _told(root), "prefix": _told(prefix.rstrip("/"))}
    if branch.startswith("refs/heads/"):
        state["branch"] = branch.removeprefix("refs/heads/")
    remote = git(folder, "config", "--get", "remote.origin.url")
    if remote and remote.strip():
        state["remote"] = without_credentials(_told(remote.decode("utf-8", "replace").strip()))
    status = git(folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
    if status is not None:
        state["dirty"] = bool(status.strip())
    return state


def patch(folder: Path | None = None) -> bytes | None:
    """What differs from the commit in tracked files, staged or not, binary files too, for ``git apply --binary``.

    None where there is no repository, or where it is larger than :data:`LARGEST_PATCH_BYTES`.
    """
    return git(folder, *_PATCH, "HEAD", largest_bytes=LARGEST_PATCH_BYTES, timeout_s=_PATCH_TIMEOUT_S)


def changed_files(folder: Path | None = None) -> list[str]:
    """The tracked files that differ from the commit, by their paths from the root."""
    return _paths(git(folder, "diff", "--name-only", "--no-relative", "-z", "HEAD"))


def untracked_files(root: Path) -> list[str]:
    """The files that git neither knows nor ignores, by their paths from ``root``, the top of the working tree."""
    return _paths(git(root, "ls-files", "--others", "--exclude-standard", "-z", timeout_s=_PATCH_TIMEOUT_S))


def listed_files(root: Path, *patterns: str) -> list[str]:
    """The files that git knows, or might, that match patterns such as ``*.dvc``."""
    return _paths(git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns))


def without_credentials(remote: str) -> str:
    """A remote address without user, password and query; ``git@host:path`` keeps its plain user."""
    if "://" not in remote:
        return remote
    parts = urlsplit(remote)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def git(
    folder: Path | None, *arguments: str, largest_bytes: int = _LARGEST_ANSWER, timeout_s: float = _TIMEOUT_S
) -> bytes | None:
    """What git answers; None where it fails, takes too long or says more than ``largest_bytes``.

    The answer goes through a file: the end of a pipe would be waited for as long as a child lives that the program
    forked meanwhile. For the same reason nothing is asked of the child between fork and exec.
    """
    program = shutil.which("git")
    if program is None:
        return None
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    where = [] if folder is None else ["-C", str(folder)]
    command = [program, "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", *where, *arguments]
    try:
        with tempfile.TemporaryFile() as answer:
            process = subprocess.Popen(  # noqa: S603 - fixed arguments; the git of the user's PATH, as they work with it
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                close_fds=False,
            )
            if _wait(process, answer, largest_bytes, timeout_s) != 0:
                return None
            answer.seek(0)
            data = answer.read(largest_bytes + 1)
            return data if len(data) <= largest_bytes else None
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _wait(process: subprocess.Popen[bytes], answer: IO[bytes], largest_bytes: int, timeout_s: float) -> int | None:
    """The exit status; None where the process was ended for its time or its size."""
    ends_at = time.monotonic() + timeout_s
    while time.monotonic() < ends_at:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(0.1)
        if os.fstat(answer.fileno()).st_size > largest_bytes:
            break
    process.kill()
    process.wait()
    return None


def _paths(answer: bytes | None) -> list[str]:
    return [] if answer is None else [os.fsdecode(path) for path in answer.split(b"\0") if path]


def _told(text: str) -> str:
    """Paths are bytes; what is no UTF-8 is recorded with marks in place."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
