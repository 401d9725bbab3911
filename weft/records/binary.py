"""A logged step in binary, what a POINTS record holds: :class:`weft.records.Metrics`, cheap to write and to read.

One line of JSON (``run_id``, ``project``, ``source``, ``names``), which is the same for all steps of one run and source
that name the same metrics; behind it, little-endian, the step and its time as int64 and a float64 for each name.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from weft.records.runs import Metrics

POINTS = 14  # the number of the records
FIXED = struct.Struct("<qq")
Append = Callable[[Any, bytes, int], None]  # of POINTS, a payload and its CRC-32
Layout = Callable[[Append, Mapping[str, Any], int, int], bool]  # of what appends, values, step and time_ns

_UNROLLED = 16  # values; more are rare, and their number is what costs then
_TEMPLATE = """
def maker(head, known, pack):
    def layout(append, values, step, time_ns):
        {names}, = values.values()
        if {others}:
            return False
        try:
            rest = pack(step, time_ns, {names})
        except error:
            return False
        append(points, head + rest, crc32(rest, known))
        return True
    return layout
"""


class Head(NamedTuple):
    """What the first line of a payload says, and its length with the line's end."""

    run_id: str
    project: str
    source: str
    names: tuple[str, ...]
    length: int


def layout_of(run_id: str, project: str, source: str, names: Sequence[str]) -> Layout:
    """What appends the steps of one run and source whose values have these names, in this order.

    It returns False, and appends nothing, for values that are not all plain floats and integers, or too large for a
    float. The checksum of the line is that of every step: only the rest is summed for each.
    """
    told = {"run_id": run_id, "project": project, "source": source, "names": list(names)}
    head = json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"
    known = zlib.crc32(head)
    pack = struct.Struct(f"<qq{len(names)}d").pack
    if 0 < len(names) <= _UNROLLED:
        return _unrolled(len(names))(head, known, pack)

    def layout(append: Append, values: Mapping[str, Any], step: int, time_ns: int) -> bool:
        if not {float, int}.issuperset(map(type, values.values())):
            return False
        try:
            rest = pack(step, time_ns, *values.values())
        except struct.error:
            return False
        append(POINTS, head + rest, zlib.crc32(rest, known))
        return True

    return layout


@cache
def _unrolled(count: int) -> Callable[[bytes, int, Callable[..., bytes]], Layout]:
    """The layouts of so many values with a name for each: half of what a loop and a list of arguments cost."""
    names = [f"v{number}" for number in range(count)]
    text = _TEMPLATE.format(
        names=", ".join(names),
        others=" or ".join(f"(type({name}) is not float and type({name}) is not int)" for name in names),
    )
    made: dict[str, Any] = {"error": struct.error, "crc32": zlib.crc32, "points": POINTS}
    exec(text, made)  # noqa: S102 - our own template with nothing but numbered names in it
    maker: Callable[[bytes, int, Callable[..., bytes]], Layout] = made["maker"]
    return maker


def head_of(payload: bytes) -> Head:
    """The head of a payload. Raises ValueError where it has none."""
    line, newline, _ = payload.partition(b"\n")
    told = json.loads(line) if newline else None
    if not isinstance(told, dict) or not isinstance(names := told.get("names"), list):
        raise ValueError("the payload does not begin with a line that names its metrics")
    for field in ("run_id", "project", "source"):
        if not isinstance(told.get(field), str):
            raise ValueError(f"the first line of the payload has no {field}")
    return Head(told["run_id"], told["project"], told["source"], tuple(names), len(line) + 1)


def metrics_of(payload: bytes) -> Metrics:
    """The step of a payload. Raises ValueError where it is none."""
    head = head_of(payload)
    body = payload[head.length :]
    if len(body) != FIXED.size + 8 * len(head.names):
        raise ValueError(f"the payload has {len(body)} bytes for {len(head.names)} metrics")
    step, time_ns = FIXED.unpack_from(body)
    found = struct.unpack_from(f"<{len(head.names)}d", body, FIXED.size)
    values = dict(zip(head.names, map(finite_or_name, found), strict=True))
    return Metrics(head.run_id, head.project, step, time_ns, values, head.source)


def finite_or_name(value: Any) -> Any:
    """What is no float, or a finite one, as it is; else "NaN", "Infinity" or "-Infinity", as it travels in JSON."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
