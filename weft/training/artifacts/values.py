"""Tables, images and other values as files of an artifact: one that tells of the value, and its bytes by digest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from weft.errors import InputError, NotFoundError
from weft.records import dumps, loads
from weft.tracing.media import Value

SHARED = "media/"  # where the bytes of values lie
_TELLS = ".json"
_TABLE = ".table.json"


def files_of(value: Any, name: str) -> Iterator[tuple[str, bytes | Path]]:
    """Paths and contents that stand for a value under ``name``. Raises InputError for what is no value."""
    if not isinstance(value, Value):
        raise InputError(
            f"A {type(value).__name__} cannot be added to an artifact.",
            remedy="Add a weft.Table, weft.Image or their kin; of other data, a file.",
            field="value",
        )
    told = value.logged()
    yield f"{name}.{value.kind}{_TELLS}", dumps(dict(told))
    for digest, content in {one["digest"]: content for one, content in told.blobs}.items():
        yield f"{SHARED}{digest}", content


def value_of(paths: list[str], name: str, read: Callable[[str], bytes]) -> Any:
    """The value under ``name``; one of a kind that is only data comes back as a dictionary. Raises NotFoundError."""
    found = next((path for path in paths if _stands_for(path, name)), None)
    if found is None:
        raise NotFoundError(
            f"There is no value {name!r} in the artifact.", remedy="Read a file with file().", field="name"
        )
    told = loads(read(found))
    kind = found.removesuffix(_TELLS).rpartition(".")[2]
    digest = told.get("digest")
    data = read(f"{SHARED}{digest}") if isinstance(digest, str) else None
    return _made(kind, told, data, paths, read)


def _stands_for(path: str, name: str) -> bool:
    if path == name and path.count(".") >= 2:
        return path.endswith(_TELLS)
    return path.startswith(f"{name}.") and path.endswith(_TELLS) and path.count(".") == name.count(".") + 2


def _made(kind: str, told: dict[str, Any], data: bytes | None, paths: list[str], read: Callable[[str], bytes]) -> Any:
    from weft.records import tables  # noqa: PLC0415 - numpy loads only where a value is read
    from weft.training import media  # noqa: PLC0415 - as above

    if kind == "parts":
        from weft.training.media.joined import gathered  # noqa: PLC0415 - as above

        below = str(told["parts_path"]).rstrip("/") + "/"
        parts = sorted(path for path in paths if path.startswith(below) and path.endswith(_TABLE))
        return gathered(value_of(paths, path.removesuffix(_TABLE), read) for path in parts)
    makers: dict[str, Any] = {"image": media.Image, "audio": media.Audio, "video": media.Video, "file": media.File}

    def revived(told: dict[str, Any], kind: str, data: bytes) -> Any:
        value = makers[kind](data, media_type=told.get("media_type"), name=told.get("name"))
        value.caption = told.get("caption")
        return value

    def of_cell(told: dict[str, Any]) -> Any:
        path, kind = f"{SHARED}{told.get('digest')}", str(told.get("kind"))
        return revived(told, kind, read(path)) if kind in makers and path in known else told

    if kind == "table" and data is not None:
        known = frozenset(paths)
        return media.Table.of_frame(tables.unpack(data), of_cell)
    return revived(told, kind, data) if kind in makers and data is not None else told
