"""Values that are no numbers on their way from ``run.log`` into the journal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft import clock
from weft.errors import InputError
from weft.recording import Recorder
from weft.records import Logged, dumps
from weft.records.logged import LONGEST_NAME, MOST_DATA
from weft.tracing.media import File, Image, Reference, Value, is_pil, put, to_array
from weft.training.media.cells import is_frame

_LEAST_OF_HISTOGRAM = 32  # numbers; an array of more is shown as a histogram, as wandb does
_SHORT = 2_048  # bytes of JSON that the summary holds as they are


def taken(recorder: Recorder, project: str, others: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Take media, tables and their kin out of ``others``; returns the data of their records by name, with their
    bytes journaled. Raises InputError for a name that is empty or too long."""
    found: dict[str, dict[str, Any]] = {}
    for name in list(others):
        values = values_of(others[name])
        if values is None:
            continue
        if not 0 < len(name) <= LONGEST_NAME:
            raise InputError(
                f"The name {name[:40]!r} has {len(name)} characters.",
                remedy=f"Use 1 to {LONGEST_NAME}.",
                field="data",
            )
        items = [_kept(recorder, project, value) for value in values]
        found[name] = items[0] if not isinstance(others.pop(name), list | tuple) else {"items": items}
    return found


def values_of(value: Any) -> list[Value] | None:
    """The values that something is or lists; None where it is anything else."""
    if isinstance(value, list | tuple):
        found = [_value(item) for item in value] if value and not isinstance(value[0], str | int | float) else []
        return [item for item in found if item is not None] if found and None not in found else None
    found_one = _value(value, alone=True)
    return None if found_one is None else [found_one]


def _value(value: Any, *, alone: bool = False) -> Value | None:
    if isinstance(value, Value):
        return value
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if is_pil(kind):
        return Image(value)
    if library in ("matplotlib", "plotly") or (hasattr(value, "savefig") and hasattr(value, "axes")):
        from weft.training.media.figure import Figure, is_figure  # noqa: PLC0415 - only where there is one

        return Figure(value) if is_figure(value) else None
    if is_frame(value):
        from weft.training.media.table import Table  # noqa: PLC0415 - only where there is one

        return Table(dataframe=value)
    if alone and hasattr(value, "dtype") and hasattr(value, "shape"):
        array = to_array(value)
        if array.size > _LEAST_OF_HISTOGRAM and array.dtype.kind in "fiub":
            from weft.training.media.histogram import Histogram  # noqa: PLC0415 - only where there is one

            return Histogram(array)
    return None


def _kept(recorder: Recorder, project: str, value: Value) -> dict[str, Any]:
    found = value.logged()
    keep_bytes(recorder, project, found)
    told = dict(found)
    if len(dumps(told)) > MOST_DATA:
        raise InputError(
            f"What stands for a {value.kind} has more than {MOST_DATA} bytes.",
            remedy="Log less at once.",
            field="data",
        )
    return told


def keep_bytes(recorder: Recorder, project: str, value: Reference) -> None:
    """Journal the bytes that a value refers to."""
    for found, source in value.blobs:
        put(recorder, project, found, source)


def keep_found(recorder: Recorder, project: str, value: Any) -> Any:
    """Journal the bytes of what a captured value refers to; returns the value."""
    if isinstance(value, Reference):
        keep_bytes(recorder, project, value)
    elif isinstance(value, dict):
        for item in value.values():
            keep_found(recorder, project, item)
    elif isinstance(value, list):
        for item in value:
            keep_found(recorder, project, item)
    return value


def kind_of(data: Mapping[str, Any]) -> str:
    """The kind of a record with this data."""
    kinds = {str(item["kind"]) for item in data["items"]} if "items" in data else {str(data["kind"])}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def summarised(data: Mapping[str, Any], step: int) -> Any:
    """What the summary says of a logged value: the value where it is short, else what and where it is."""
    if len(dumps(dict(data))) <= _SHORT:
        return dict(data)
    return {"_weft": "logged", "kind": kind_of(data), "step": step}


def log_file(
    recorder: Recorder, run_id: str, name: str, source: str | Path | bytes, *, rank: str = "", step: int = 0
) -> dict[str, Any]:
    """Keep a file of a run: ``log_file(recorder, run.id, "files/patch.diff", data)``; returns its reference.

    A file of any size is streamed into the journal. Raises NotFoundError where there is no such file.
    """
    value = File(source, name=name.removeprefix("files/"))
    found = value.logged()
    keep_bytes(recorder, recorder.project, found)
    found["path"] = name.removeprefix("files/")
    recorder.record(Logged(run_id, recorder.project, name, step, clock.now_ns(), "file", dict(found), rank))
    return dict(found)
