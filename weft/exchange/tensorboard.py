"""TensorBoard's log folders: every folder with event files is a run, as TensorBoard shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.errors import InputError
from weft.exchange.target import ImportedRun, Target, folder_of, run_id_of
from weft.formats.events import Item, read_events
from weft.records import RunKind, RunStatus
from weft.training.tensorboard import as_logged, event_files


def read(path: Path, target: Target) -> None:
    """Import the runs below ``path``. Raises InputError where there are none, or a file is no event file."""
    folder_of(path, "the folder that TensorBoard is given as --logdir")
    groups: dict[Path, list[Path]] = {}
    for file in event_files(path):
        groups.setdefault(file.parent, []).append(file)
    if not groups:
        raise InputError(
            f"There are no event files below {str(path)!r}.",
            remedy="Name the folder that TensorBoard is given as --logdir.",
            field="path",
        )
    for folder, files in groups.items():
        inside = folder.relative_to(path).as_posix() if path.is_dir() else "."
        _read_run(folder.absolute().name if inside == "." else inside, files, target)


def _read_run(name: str, files: list[Path], target: Target) -> None:
    # A file's name tells time, host and process: the run keeps its id wherever the folder is moved.
    run = ImportedRun(target, run_id_of("tensorboard", files[0].name))
    first = last = 0
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    for file in files:
        with file.open("rb") as opened:
            for item in read_events(opened, str(file)):
                first = min(first or item.time_ns, item.time_ns)
                last = max(last, item.time_ns)
                _keep(run, item, config, summary)
    run.update(
        last,
        kind=RunKind.TRAIN,
        name=name[:256],
        status=RunStatus.FINISHED,
        config=config,
        summary=summary,
        started_at_ns=first,
        ended_at_ns=last,
        exit_code=0,
        environment={"imported_from": "tensorboard"},
    )


def _keep(run: ImportedRun, item: Item, config: dict[str, Any], summary: dict[str, Any]) -> None:
    if item.kind == "hparams":
        config.update(item.value)
        return
    value = as_logged(item)
    if value is not None:
        run.log(item.step, item.time_ns, {item.tag: value})
        if item.kind == "scalar":
            summary[item.tag] = value
