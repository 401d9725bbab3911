"""Manifests of artifact versions: what stands in them is checked at the door, long ones are blobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from weft.errors import InputError
from weft.records import ArtifactFile
from weft.records.artifacts import clash_of, is_digest, is_inside
from weft.store import values as v
from weft.store.blobs import MARK, existing, find_texts
from weft.store.database import Database

_LONGEST_URL = 4096


def checked_files(files: Sequence[ArtifactFile]) -> list[ArtifactFile]:
    """The files of a version, by path. Raises InputError for a path that leads elsewhere, twice the same, no digest."""
    seen: set[str] = set()
    for file in files:
        if not is_inside(file.path):
            raise _wrong(f"the path {file.path!r} leads out of it or is none")
        if file.path in seen:
            raise _wrong(f"the path {file.path!r} stands in it twice")
        seen.add(file.path)
        if not is_digest(file.digest):
            raise _wrong(f"{file.path!r} has no digest of 64 hex digits")
        if type(file.size_bytes) is not int or not 0 <= file.size_bytes < 2**63:
            raise _wrong(f"{file.path!r} has the size {file.size_bytes!r}")
        for text in (file.url, file.etag):
            if text is not None and (not isinstance(text, str) or len(text) > _LONGEST_URL):
                raise _wrong(f"the reference of {file.path!r} is no address")
    if (clash := clash_of(seen)) is not None:
        raise _wrong(f"{clash!r} is a file and a folder in it")
    return sorted(files, key=lambda file: file.path)


def check_contents(connection: Connection, project: str, files: Sequence[ArtifactFile]) -> None:
    """Raises InputError where the bytes of a file are not stored: nothing refers to what is not there."""
    wanted = sorted({file.digest for file in files if file.url is None})
    missing = set(wanted) - existing(connection, project, wanted)
    if missing:
        first = next(file.path for file in files if file.digest in missing)
        raise InputError(
            f"The artifact cannot be stored: the content of {first!r} is not here"
            + (f", nor that of {len(missing) - 1} more." if len(missing) > 1 else "."),
            remedy="Put the files into the blobs first; run.log_artifact does.",
            field="files",
        )


def written(files: Sequence[ArtifactFile]) -> str:
    """A manifest as JSON text."""
    return v.to_json([_fields(file) for file in files])


def read(database: Database, connection: Connection, project: str, text: str) -> list[ArtifactFile]:
    """The files of a manifest, as its column holds it."""
    if text.startswith(MARK):
        text = find_texts(database, connection, [(project, text[1:])])[project, text[1:]].decode("utf-8")
    return [ArtifactFile(**file) for file in v.from_json(text)]


def _fields(file: ArtifactFile) -> dict[str, Any]:
    fields: dict[str, Any] = {"path": file.path, "digest": file.digest, "size_bytes": file.size_bytes}
    if file.url is not None:
        fields["url"] = file.url
        if file.etag is not None:
            fields["etag"] = file.etag
    return fields


def _wrong(why: str) -> InputError:
    return InputError(f"The artifact cannot be stored: {why}.", field="files")
