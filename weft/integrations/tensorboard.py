"""TensorBoard beside Weft: ``weft.init(sync_tensorboard=True)``, or :func:`patch` and :func:`sync` by hand."""

from __future__ import annotations

from pathlib import Path

from weft.errors import NotFoundError, WeftError
from weft.training import Run, tensorboard
from weft.training import run as runs

__all__ = ["patch", "sync"]


def patch(run: Run | None = None) -> None:
    """From now until the run (default: the current one) ends, log what any event writer of this process writes.

    A writer opened before is not heard; :func:`sync` reads its folder. Raises WeftError where there is no run.
    """
    run = _run(run)
    run._observers.join(tensorboard.follow_writers(run))


def sync(logdir: str | Path, run: Run | None = None) -> int:
    """Log all that the event files below ``logdir`` hold now; returns how many values.

    Again it adds nothing: a value is that of its name and step. Raises NotFoundError where there are no event files,
    WeftError where there is no run.
    """
    run = _run(run)
    folder = Path(logdir)
    if next(tensorboard.event_files(folder), None) is None:
        raise NotFoundError(
            f"There are no event files below {str(folder)!r}.",
            remedy="Name the folder that TensorBoard is given as --logdir.",
            field="logdir",
        )
    follower = tensorboard.EventSync(run)
    follower.follow(folder)
    return follower.read()


def _run(run: Run | None) -> Run:
    run = runs.at_hand() if run is None else run
    if run is None:
        raise WeftError("Syncing TensorBoard needs a run.", remedy="Call weft.init('my-project') first.")
    return run
