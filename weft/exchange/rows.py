"""Rows of files that other tools wrote: JSON, JSON lines, CSV and Parquet, packed with gzip or not."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

from weft.errors import InputError, MissingExtraError
from weft.records import loads

_SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".parquet")
_FIELD_LIMIT = 2**31 - 1  # the csv module refuses fields over 128 kB without being asked
_ROWS = 1_000


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a file with the place each stands in (``spans.jsonl, line 3``), which errors name.

    A JSON file holds a list of objects, one object, or an API's answer with its objects under ``data``. Raises
    InputError for a file that is none of these, MissingExtraError for Parquet without pyarrow.
    """
    kind = _kind(path)
    if kind == ".parquet":
        yield from _parquet(path)
        return
    with closing(_text(path)) as file:
        try:
            yield from {".csv": _csv, ".json": _json}.get(kind, _lines)(path, file)
        except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, csv.Error) as error:
            raise InputError(f"{path} cannot be read: {error}.", field="path") from None


def unpacked(value: Any) -> Any:
    """The JSON value of a text that holds an object or a list (CSV writes them so), else the value itself."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return loads(value)
    except (ValueError, RecursionError):
        return value


def _kind(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"There is no file {path}.", remedy="Name the file that was exported.", field="path")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    if kind not in _SUFFIXES:
        raise InputError(
            f"{path} is none of the files that can be read.",
            remedy=f"Its name must end in {', '.join(_SUFFIXES)}, with or without .gz.",
            field="path",
        )
    return kind


def _text(path: Path) -> TextIO:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _lines(path: Path, file: TextIO) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            place = f"{path.name}, line {number}"
            yield place, _object(place, _loaded(place, line.rstrip("\r\n")))


def _json(path: Path, file: TextIO) -> Iterator[tuple[str, dict[str, Any]]]:
    value = _loaded(path.name, file.read())
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    for number, row in enumerate(value if isinstance(value, list) else [value], 1):
        place = f"{path.name}, row {number}"
        yield place, _object(place, row)


def _csv(path: Path, file: TextIO) -> Iterator[tuple[str, dict[str, Any]]]:
    csv.field_size_limit(_FIELD_LIMIT)
    for number, row in enumerate(csv.DictReader(file), 2):
        yield f"{path.name}, line {number}", {key: unpacked(value) for key, value in row.items() if key and value}


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an optional package
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    try:
        file = parquet.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}.", field="path") from None
    with file:
        number = 0
        for batch in file.iter_batches(_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield f"{path.name}, row {number}", {key: value for key, value in row.items() if value is not None}


def _loaded(place: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: this is no JSON: {error}.", field="path") from None


def _object(place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{place}: this is a {type(value).__name__}, not an object with fields.", field="path")
    return value
