"""The files of an artifact's version: a list, and one of them to look at; what differs from another version."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import quote

import streamlit as st

from weft import formatting as fmt
from weft.records import ArtifactFile, ArtifactVersion
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.training.artifacts.diffs import difference

_PREVIEW_BYTES = 512 * 1024
_IMAGE_BYTES = 8 * 1024 * 1024
_LISTED = 2000
_ROWS = 200
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")


def files(version: ArtifactVersion) -> None:
    """The list, and the file that the address names."""
    if not version.files:
        return
    ui.section(f"Files ({fmt.count(len(version.files))})")
    here = ui.parameter("file")
    rows = [
        Row(
            [
                Cell(file.path, href=_href(version, file.path)),
                Cell(fmt.size(file.size_bytes), value=file.size_bytes),
                Cell(file.url or file.digest[:16], hover=file.url or file.digest),
            ],
            href=_href(version, file.path),
            current=file.path == here,
        )
        for file in version.files[:_LISTED]
    ]
    table(
        [Column("Path"), Column("Size", "100px", "r"), Column("Digest or address", "34%", mono=True)],
        rows,
        key="files",
        keys=False,
    )
    if len(version.files) > _LISTED:
        ui.note(f"The first {fmt.count(_LISTED)} of {fmt.count(len(version.files))} files are shown.")
    chosen = next((file for file in version.files if file.path == here), None)
    if here and chosen is None:
        ui.note(f"This version has no file {here!r}.", tone="warn")
    if chosen is not None:
        preview(version, chosen)


def _href(version: ArtifactVersion, path: str) -> str:
    return address("/artifact", ref=version.ref, project=version.project, file=path)


def preview(version: ArtifactVersion, file: ArtifactFile) -> None:
    """A file to look at: an image, a table, text; nothing in it runs."""
    ui.section(file.path)
    if file.url is not None:
        ui.facts({"Lies at": file.url, "Size": fmt.size(file.size_bytes)})
        return
    content_at = f"/api/projects/{quote(version.project, safe='')}/blobs/{quote(file.digest, safe='')}"
    name = file.path.rpartition("/")[2]
    ui.show(ui.element("a", f"Download, {fmt.size(file.size_bytes)}", href=content_at, download=name, class_="w-chip"))
    pieces, size = [], 0
    for piece in data.store().blobs.pieces(version.project, file.digest):
        pieces.append(piece)
        size += len(piece)
        if size >= _IMAGE_BYTES:
            break
    content = b"".join(pieces)[:_IMAGE_BYTES]
    if _is_image(content) and file.size_bytes <= _IMAGE_BYTES:
        st.image(content, caption=fmt.plain(file.path))
        return
    text = _text(content[:_PREVIEW_BYTES])
    if text is None:
        ui.note(f"{fmt.size(file.size_bytes)} that are no text, no table and no image.")
        return
    found = _rows(file.path, text) if file.size_bytes <= _PREVIEW_BYTES else None
    if found:
        names = list(dict.fromkeys(name for row in found[:_ROWS] for name in row))[:12]
        cells = [Row([fmt.line(row.get(name)) for name in names]) for row in found[:_ROWS]]
        table([Column(name) for name in names], cells, key="preview", keys=False)
    else:
        ui.show(ui.element("div", text, class_="w-text w-mono"))
    if file.size_bytes > _PREVIEW_BYTES:
        ui.note(f"The first {fmt.size(_PREVIEW_BYTES)} of {fmt.size(file.size_bytes)}.")


def _is_image(content: bytes) -> bool:
    return content.startswith(_IMAGES) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")


def _text(content: bytes) -> str | None:
    if b"\x00" in content:
        return None
    for cut in range(4):  # the preview may end inside of a letter
        try:
            return content[: len(content) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
    return None


def _rows(path: str, text: str) -> list[dict[str, Any]] | None:
    """The rows of a table in a file; None where it is none."""
    name = path.lower()
    try:
        if name.endswith((".csv", ".tsv")):
            return list(csv.DictReader(io.StringIO(text), delimiter="\t" if name.endswith(".tsv") else ","))
        if name.endswith((".jsonl", ".ndjson")):
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        elif name.endswith(".json"):
            value = json.loads(text)
            if (
                isinstance(value, dict)
                and isinstance(value.get("columns"), list)
                and isinstance(value.get("data"), list)
            ):
                value = [dict(zip(map(str, value["columns"]), row, strict=False)) for row in value["data"]]
            found = value if isinstance(value, list) else []
        else:
            return None
    except (ValueError, csv.Error, TypeError):
        return None
    return found if found and all(isinstance(row, dict) for row in found) else None


def against(version: ArtifactVersion, others: list[ArtifactVersion]) -> None:
    """What differs from another version, which the address names."""
    numbers = sorted((other.version for other in others if other.version != version.version), reverse=True)
    if not numbers:
        return
    before = next((number for number in numbers if number < version.version), numbers[-1])
    ui.section("What changed")
    with ui.filters():
        refs = [f"v{number}" for number in numbers]
        chosen = ui.filter_choice("Compared with", "against", refs, f"v{before}", width=220)
    old = data.store().artifacts.get_version(version.project, f"{version.name}:{chosen}")
    found = difference(old, version)
    ui.facts(
        {
            "Added": fmt.count(len(found.added)),
            "Removed": fmt.count(len(found.removed)),
            "Changed": fmt.count(len(found.changed)),
            "The same": fmt.count(found.same),
            "Size": f"{'+' if found.size_bytes >= 0 else '−'}{fmt.size(abs(found.size_bytes))}",
        }
    )
    marks = [("added", found.added), ("removed", found.removed), ("changed", found.changed)]
    rows = [Row([word, path]) for word, paths in marks for path in paths][:_LISTED]
    if rows:
        table([Column("", "90px"), Column("File")], rows, key="changed-files", keys=False, csv=False)
    if found.metadata:
        cells = [Row([name, fmt.line(one), fmt.line(two)]) for name, (one, two) in found.metadata.items()]
        columns = [Column("Metadata", "24%"), Column(old.ref), Column(version.ref)]
        table(columns, cells, key="changed-metadata", keys=False, csv=False)
    if not found:
        ui.note("Nothing differs in files and metadata." if old.digest == version.digest else "Only examples differ.")
