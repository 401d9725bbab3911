"""What every callback does: find or begin the run, report to it, and never let a failure reach the training."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from weft import session
from weft.errors import MissingExtraError
from weft.records import RunStatus
from weft.training import Artifact, Run
from weft.training import run as runs
from weft.training.environment import rank

_log = logging.getLogger("weft")
_told: set[str] = set()

P = ParamSpec("P")
T = TypeVar("T")


def missing(package: str, error: ModuleNotFoundError) -> ImportError:
    """What to raise where a framework's import failed: it is not installed, or lacks something itself."""
    return MissingExtraError(package, install=package) if (error.name or "").partition(".")[0] == package else error


def failed(what: str, error: BaseException) -> None:
    """Say once that something could not be reported, and why."""
    line = f"{what}: {type(error).__name__}: {error}"
    if line not in _told:
        _told.add(line)
        _log.warning("Weft could not report to the run; the training goes on. %s", line)


def quietly(method: Callable[P, T]) -> Callable[P, T | None]:
    """A hook that a framework calls: what it raises is told once and gives None."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return method(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the boundary: a training never stops because Weft failed
            failed(method.__qualname__, error)
            return None

    return call


class Reporter:
    """The run that a callback reports to: the one given, else the current one, else one that begins at first use with
    ``options`` as :func:`weft.init` takes them. No method raises; nothing is reported from a launcher's later ranks.
    """

    def __init__(self, run: Run | None = None, **options: Any) -> None:
        self._given = run
        self._run = run
        self._options = {"kind": "train", **options}
        self._hopeless = False

    @property
    def run(self) -> Run | None:
        """The run; None where none could be begun, or on a later rank."""
        if self._run is not None and self._run.status is RunStatus.RUNNING:
            return self._run
        if self._hopeless or rank() not in (None, 0):
            return None
        self._run = runs.at_hand()
        if self._run is None:
            self._begin()
        return self._run

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log values of a step."""
        self._with_run("log", lambda run: run.log(values, step))

    def config(self, values: Mapping[str, Any]) -> None:
        """Merge values into the config."""
        self._with_run("config", lambda run: run.config.update(dict(values)))

    def summary(self, values: Mapping[str, Any]) -> None:
        """Merge values into the summary."""
        self._with_run("summary", lambda run: run.summary.update(dict(values)))

    def files(
        self,
        path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        name: str | None = None,
        type: str = "model",
        aliases: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Log a file, a folder or several files as a version of an artifact (default ``model-RUN``)."""

        def send(run: Run) -> None:
            artifact = Artifact(name or f"model-{run.id}", type, metadata=metadata)
            for one in [path] if isinstance(path, str | os.PathLike) else path:
                if Path(one).is_dir():
                    artifact.add_dir(Path(one))
                else:
                    artifact.add_file(Path(one))
            run.log_artifact(artifact, aliases=list(dict.fromkeys(aliases)))

        self._with_run("artifact", send)

    def watch(self, model: Any, log: str = "gradients", log_freq: int = 100) -> None:
        """Record the gradients or parameters of a torch module."""
        self._with_run("watch", lambda run: run.watch(model, log=log, log_freq=log_freq))

    def _with_run(self, what: str, act: Callable[[Run], object]) -> None:
        try:
            run = self.run
            if run is not None:
                act(run)
        except Exception as error:  # noqa: BLE001 - the boundary: a training never stops because Weft failed
            failed(what, error)

    def _begin(self) -> None:
        try:
            self._run = session.init(**{key: value for key, value in self._options.items() if value is not None})
        except Exception as error:  # noqa: BLE001 - the boundary: a training never stops because Weft failed
            self._hopeless = True
            failed("init", error)
