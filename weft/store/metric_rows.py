"""Logged steps as they come from the journal: read and checked a batch at a time, a column a metric.

A program logs the same few metrics again and again. Steps of one run that name the same metrics become a block of
arrays, so that what a step costs is little more than its JSON, or next to nothing where it is binary.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from weft.records import Entry, Metrics, RecordType, decode
from weft.records.binary import head_of
from weft.store import values as v
from weft.store.chunks import Points
from weft.store.point_rows import Key, latest
from weft.store.received import RECORD_ERRORS

STEPS = frozenset({RecordType.METRICS, RecordType.POINTS})
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_Shape = tuple[str, str, str, tuple[str, ...]]  # run, project, source, names of metrics


@dataclass(frozen=True, slots=True)
class MetricBlock:
    """Steps of one run and source that name the same metrics, in the order in which they were written: steps and times
    (n,) int64, values (n, metrics) float64."""

    shape: _Shape
    writer: str
    entries: Sequence[Entry]
    steps: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.entries)

    def part(self, start: int, stop: int) -> MetricBlock:
        """The steps from ``start`` up to ``stop``."""
        cut = slice(start, stop)
        arrays = (self.steps[cut], self.times[cut], self.values[cut])
        return MetricBlock(self.shape, self.writer, self.entries[cut], *arrays)

    def behind(self, offset: int) -> MetricBlock:
        """The steps that end behind an offset of their segment."""
        start = next((index for index, entry in enumerate(self.entries) if entry.end > offset), len(self))
        return self.part(start, len(self)) if start else self

    @property
    def mention(self) -> tuple[str, str, int]:
        """The run and its project, which must exist, and the earliest time."""
        return self.shape[0], self.shape[1], int(self.times.min())


def read_metrics(
    entries: Sequence[Entry], writer: str, refuse: Callable[[Entry, Exception], object]
) -> list[MetricBlock]:
    """The blocks of METRICS and POINTS records; ``refuse`` is called with each that is wrong, and why."""
    shapes: dict[_Shape, tuple[list[Entry], list[Any]]] = {}
    odd: list[Entry] = []
    blocks = _binary_blocks([entry for entry in entries if entry.type == RecordType.POINTS], writer, odd)
    written = [entry for entry in entries if entry.type != RecordType.POINTS]
    for entry, record in zip(written, _parsed(written), strict=True):
        try:
            shape = record["run_id"], record["project"], record.get("source", ""), tuple(record["values"])
            found = shapes.get(shape)
            if found is None:
                found = shapes[shape] = [], []
            found[0].append(entry)
            found[1].append(record)
        except (KeyError, TypeError, AttributeError):
            odd.append(entry)
    for shape, (some, records) in shapes.items():
        try:
            blocks.append(_block(shape, writer, some, records))
        except RECORD_ERRORS:
            odd.extend(some)
    for entry in odd:  # one by one, to tell which is wrong and why
        try:
            blocks.append(_alone(entry, writer))
        except RECORD_ERRORS as error:
            refuse(entry, error)
    return blocks


def points_of_blocks(blocks: Iterable[MetricBlock]) -> dict[Key, Points]:
    """The points of each series, by step; of two of one step the later stays."""
    parts: dict[Key, list[tuple[MetricBlock, int]]] = defaultdict(list)
    for block in blocks:
        run_id, _, source, names = block.shape
        for place, name in enumerate(names):
            parts[run_id, name, source].append((block, place))
    found: dict[Key, Points] = {}
    alone: dict[int, tuple[bool, NDArray[np.uint8]]] = {}
    for key, some in parts.items():
        if len(some) > 1:
            found[key] = _together(some)
            continue
        [(block, place)] = some
        if id(block) not in alone:
            alone[id(block)] = bool(np.all(block.steps[1:] > block.steps[:-1])), np.zeros(len(block), np.uint8)
        ascending, who = alone[id(block)]
        points = Points(block.steps, block.times, block.values[:, place], who, (block.writer,))
        found[key] = points if ascending else latest(points)
    return found


def _together(parts: Sequence[tuple[MetricBlock, int]]) -> Points:
    """The points of several blocks, each a column, in the order in which they were written."""
    names = sorted({block.writer for block, _ in parts})
    steps = np.concatenate([block.steps for block, _ in parts])
    times = np.concatenate([block.times for block, _ in parts])
    values = np.concatenate([block.values[:, place] for block, place in parts])
    who = np.repeat([min(names.index(block.writer), 255) for block, _ in parts], [len(block) for block, _ in parts])
    ends = np.array([entry.end for block, _ in parts for entry in block.entries])
    order = np.argsort(ends, kind="stable")
    return latest(Points(steps[order], times[order], values[order], who[order].astype(np.uint8), tuple(names)))


def _parsed(entries: Sequence[Entry]) -> Sequence[Any]:
    """The JSON of each record, all read at once; None where it must be read by itself."""
    payloads = [entry.payload for entry in entries]
    if all(payload[:1] == b"{" for payload in payloads):
        try:
            found: list[Any] = orjson.loads(b"[%b]" % b",".join(payloads))
        except orjson.JSONDecodeError:
            found = []
        if len(found) == len(entries):
            return found
    return [None] * len(entries)


def _binary_blocks(entries: Sequence[Entry], writer: str, odd: list[Entry]) -> list[MetricBlock]:
    """A block for each head; records whose block is not to be had go to ``odd``."""
    heads: dict[bytes, list[Entry]] = {}
    for entry in entries:
        heads.setdefault(entry.payload[: entry.payload.find(b"\n") + 1], []).append(entry)
    blocks = []
    for some in heads.values():
        try:
            head = head_of(some[0].payload)
            row = np.dtype([("step", "<i8"), ("time", "<i8"), ("values", "<f8", (len(head.names),))])
            if {len(entry.payload) for entry in some} != {head.length + row.itemsize}:
                raise ValueError("a step is longer or shorter than its head says")
            found = np.frombuffer(b"".join([entry.payload[head.length :] for entry in some]), row)
            arrays = (found[name].copy() for name in ("step", "time", "values"))
            blocks.append(MetricBlock(_checked(head[:4]), writer, some, *arrays))
        except RECORD_ERRORS:
            odd.extend(some)
    return blocks


def _block(shape: _Shape, writer: str, entries: Sequence[Entry], records: Sequence[Any]) -> MetricBlock:
    """The block of records of one shape. Raises one of RECORD_ERRORS where anything in it is wrong."""
    steps = _whole([record["step"] for record in records], "step")
    times = _whole([record["time_ns"] for record in records], "time_ns")
    values = list(chain.from_iterable(record["values"].values() for record in records))
    if not {float, int}.issuperset(map(type, values)):
        values = [value if type(value) is float else _number(value) for value in values]
    array = np.array(values, np.float64).reshape(len(records), len(shape[3]))
    return MetricBlock(_checked(shape), writer, entries, steps, times, array)


def _alone(entry: Entry, writer: str) -> MetricBlock:
    """The block of one record. Raises one of RECORD_ERRORS naming the field that is wrong."""
    record = decode(entry.type, entry.payload)
    assert isinstance(record, Metrics)
    values = v.mapping(record.values, "values")
    shape = _checked((record.run_id, record.project, record.source, tuple(values)))
    steps, times = _whole([record.step], "step"), _whole([record.time_ns], "time_ns")
    row = np.array([[_number(value, name) for name, value in values.items()]], np.float64)
    return MetricBlock(shape, writer, [entry], steps, times, row)


def _checked(shape: _Shape) -> _Shape:
    run_id, project, source, names = shape
    clean_source = v.identifier(source, "source") if source else ""
    clean_names = tuple(v.identifier(name, "name") for name in names)
    if len(set(clean_names)) < len(clean_names):
        raise ValueError("two names of metrics are the same when cleaned")
    return v.identifier(run_id, "run_id"), v.project_name(project), clean_source, clean_names


def _whole(values: list[Any], field: str) -> NDArray[np.int64]:
    if not {int}.issuperset(map(type, values)):
        for value in values:
            v.int64(value, field)
    try:
        return np.array(values, np.int64)
    except OverflowError:
        raise ValueError(f"{field} does not fit in 64 bits") from None


def _number(value: Any, name: str = "") -> float:
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"the value of {name!r} is not a number but {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"the value of {name!r} is too large for a float") from None
