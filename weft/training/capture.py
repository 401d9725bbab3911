"""What a run is made of, captured beside the program: packages, hardware, git, code, seeds, data pointers, cells."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weft import clock
from weft.records import RunUpdate
from weft.tracing import redact
from weft.training import code, git
from weft.training.cluster import placement
from weft.training.core import RunCore
from weft.training.environment import packages
from weft.training.hardware import describe_hardware
from weft.training.media import log_file
from weft.training.seeds import seeds

_log = logging.getLogger("weft")
FILES = "files/"  # under which they are logged
PATCH = "changes.patch"
REQUIREMENTS = "requirements.txt"
NOTEBOOK = "notebook.ipynb"
CODE = "code/"
_BINARY = re.compile(rb"(^GIT binary patch\n(?:.+\n)+\n(?:.+\n)+\n)", re.MULTILINE)
_LONGEST_WAIT_S = 0.8  # of the end of a run for what is not captured yet


class Capture:
    """Captures in a thread what takes longer than the start of a run may; what it finds is merged into the run.

    What changes as the program goes on comes first: seeds, in the caller, then git.
    """

    def __init__(self, run: RunCore, config: dict[str, Any]) -> None:
        self._run = run
        self._config = config
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._work, name="weft-capture", daemon=True)

    def start(self) -> None:
        """Start; the random number generators are looked at now."""
        self._note(environment={**_safely(placement), "seeds": _safely(lambda: seeds(self._config))})
        self._thread.start()

    def stop(self) -> None:
        """Wait a moment for what is not captured yet, then capture what the end knows: seeds, a notebook's cells."""
        if self._pid != os.getpid():
            return
        self._thread.join(_LONGEST_WAIT_S)
        if self._thread.is_alive():
            _log.warning("Weft: git and packages are slow here: the run may lack what they say of it.")
        self._note(environment={"seeds_at_end": _safely(lambda: seeds(self._config))})
        _safely(self._cells)

    def after_fork(self) -> None:
        """In the child: the thread is the parent's."""

    def _work(self) -> None:
        state = _safely(git.git_state) if self._run.settings.git else {}
        root = Path(state["root"]) if state else None
        if root is not None:
            _safely(lambda: self._changes(state, root))
            self._note(git=state)
        _safely(self._packages)
        self._note(environment=_safely(describe_hardware))
        if root is not None and (pointers := _safely(lambda: code.dvc_pointers(root))):
            self._note(environment={"dvc": pointers})
        if self._run.settings.save_code:
            _safely(lambda: self._code(root))

    def _changes(self, state: dict[str, Any], root: Path) -> dict[str, Any]:
        if state.get("dirty"):
            data = git.patch(root)
            if data is None:
                state["patch"] = {"cut": True, "files": git.changed_files(root)}
            else:
                self._keep(PATCH, data)
                state["patch"] = {"size_bytes": len(data), "files": git.changed_files(root)}
        return {}

    def _packages(self) -> dict[str, Any]:
        found = packages()
        self._note(environment={"packages": {package.name: package.version for package in found}})
        return self._keep(REQUIREMENTS, "".join(f"{package.requirement}\n" for package in found).encode())

    def _code(self, root: Path | None) -> dict[str, Any]:
        for path, data in code.untracked_code(root):
            self._keep(CODE + path, data)
        return {}

    def _cells(self) -> dict[str, Any]:
        cells = code.notebook_cells()
        if cells is not None:
            self._keep(NOTEBOOK, cells)
        return {}

    def _keep(self, path: str, data: bytes) -> dict[str, Any]:
        clean = without_secrets(data)
        return log_file(self._run.recorder, self._run.id, FILES + path, clean, rank=self._run.source)

    def _note(self, **changed: Any) -> None:
        run = self._run
        run.recorder.record(RunUpdate(run_id=run.id, project=run.project, time_ns=clock.now_ns(), **changed))


def without_secrets(text: bytes) -> bytes:
    """A patch or a file of code without the secrets in it; binary parts of a patch stay as they are."""
    parts = _BINARY.split(text)  # text and binary parts in turn
    parts[::2] = map(redact.clean_bytes, parts[::2])
    return b"".join(parts)


def _safely(find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return find()
    except Exception as error:  # noqa: BLE001 - the boundary: what cannot be captured must not stop the rest, or the run
        _log.debug("Weft: a part of the run's surroundings could not be captured.", exc_info=error)
        return {}
