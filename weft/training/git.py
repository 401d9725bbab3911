"""The git state of the folder that a run was started in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_TIMEOUT_S = 5.0


def git_state(folder: Path | None = None) -> dict[str, Any]:
    """``commit``, ``branch``, ``remote`` (without credentials) and ``dirty``; empty outside of a repository.

    ``dirty`` looks at tracked files only: listing untracked ones can take minutes in a folder of data.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return {}
    state: dict[str, Any] = {"commit": commit}
    branch = _git(folder, "symbolic-ref", "--short", "-q", "HEAD")
    remote = _git(folder, "config", "--get", "remote.origin.url")
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if branch:
        state["branch"] = branch
    if remote:
        state["remote"] = without_credentials(remote)
    if status is not None:
        state["dirty"] = bool(status)
    return state


def without_credentials(remote: str) -> str:
    """A remote address without user, password and query; ``git@host:path`` keeps its plain user."""
    if "://" not in remote:
        return remote
    parts = urlsplit(remote)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _git(folder: Path | None, *arguments: str) -> str | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - the git of the user's PATH is the one they work with
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
