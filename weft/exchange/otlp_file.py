"""OTLP files: JSON lines of ExportTraceServiceRequest, as the OpenTelemetry file exporter writes; protobuf is read too.

Source: the OpenTelemetry Protocol File Exporter specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from weft.errors import InputError
from weft.otlp import Decoded, decode_traces, encode_traces
from weft.records import Span

_SPANS = 100  # a line
_PROTOBUF = {".pb", ".bin", ".binpb"}


def write(file: IO[bytes], spans: Iterable[Span]) -> None:
    """Write requests of a hundred spans each, a line each."""
    left = iter(spans)
    while some := list(islice(left, _SPANS)):
        file.write(encode_traces(some, "json") + b"\n")


def read(path: Path, project: str) -> Iterator[Span]:
    """The spans of a file, into the project that each names or else ``project``.

    Raises InputError naming the line of what is no request, or of spans that cannot be kept.
    """
    if path.suffix.lower() in _PROTOBUF:
        yield from _spans(path.name, decode_traces(path.read_bytes(), "proto", project))
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                place = f"{path.name}, line {number}"
                try:
                    decoded = decode_traces(line, "json", project)
                except InputError as error:
                    raise InputError(f"{place}: {error.message}", remedy=error.remedy, field="path") from None
                yield from _spans(place, decoded)


def _spans(place: str, decoded: Decoded) -> list[Span]:
    if decoded.rejected:
        raise InputError(f"{place}: {decoded.rejected[0]}.", field="path")
    return decoded.spans
