"""References: files of an artifact that stay where they are. Only the program that asks for them opens them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from weft import digests
from weft.errors import InputError, StoreError
from weft.records.artifacts import ArtifactFile, is_digest
from weft.training.artifacts.paths import files_below

_MOST = 10_000
_MARKS = ("ETag", "etag", "version_id", "generation", "md5Hash", "content_md5", "checksum", "LastModified", "mtime")
UNCHECKED = ""  # as an etag: there is nothing to know the content by


@dataclass(frozen=True, slots=True)
class Reference:
    """What :meth:`Artifact.add_reference` was asked for."""

    uri: str
    name: str | None = None
    checksum: bool = True
    max_objects: int | None = None
    etag: str | None = None
    digest: str | None = None


def describe(wanted: Reference) -> list[ArtifactFile]:
    """The files at an address. Raises InputError where nothing is there or there are too many."""
    if wanted.digest is not None and not is_digest(wanted.digest):
        raise InputError(f"{wanted.digest!r} is no BLAKE3 digest.", remedy="It has 64 hex digits.", field="digest")
    scheme = urlsplit(wanted.uri).scheme
    own = wanted.name or PurePosixPath(unquote(urlsplit(wanted.uri).path)).name or "reference"
    if wanted.etag is not None or wanted.digest is not None or not wanted.checksum:
        etag = wanted.etag if wanted.digest is None else None
        return [_file(own, wanted.uri, 0, etag=UNCHECKED if etag is wanted.digest else etag, digest=wanted.digest)]
    if scheme in ("http", "https"):
        size, etag = _web().describe(wanted.uri)
        return [_file(own, wanted.uri, size, etag=etag)]
    found = _of_local(wanted, own) if scheme in ("", "file") or _is_drive(scheme) else _of_fsspec(wanted, own)
    if len(found) > (wanted.max_objects or _MOST):
        raise InputError(
            f"There are more than {wanted.max_objects or _MOST} files at {wanted.uri!r}.",
            remedy="Raise max_objects, or refer to a part.",
            field="max_objects",
        )
    return found


def bring(file: ArtifactFile, target: Path) -> None:
    """Write what lies at a reference into a file. Raises StoreError where it cannot be had or is not what it was."""
    assert file.url is not None
    scheme = urlsplit(file.url).scheme
    try:
        if scheme in ("http", "https"):
            etag = _web().bring(file.url, target)
        elif scheme in ("", "file"):
            shutil.copyfile(_local(file.url), target)
            etag = None
        else:
            etag = _bring_fsspec(file.url, target)
    except OSError as error:
        raise StoreError(f"The reference {file.url!r} cannot be read: {error}.", field="url") from error
    changed = etag != file.etag if file.etag else file.etag is None and digests.of_file(target) != file.digest
    if changed:
        raise StoreError(
            f"What lies at {file.url!r} has changed since it was logged.",
            remedy="Bring it back, or log a new version.",
            field="url",
        )


def state_of(file: ArtifactFile) -> str | None:
    """What is wrong with a reference now; None where it is as it was. Content is read where nothing else tells."""
    assert file.url is not None
    wanted = Reference(file.url, file.path)
    try:
        if file.etag == UNCHECKED:
            return None
        [now] = describe(wanted)
    except (InputError, StoreError, ValueError) as error:
        return str(error)
    return None if (now.digest, now.etag) == (file.digest, file.etag) else f"{file.url} has changed"


def _file(path: str, url: str, size: int, *, etag: str | None = None, digest: str | None = None) -> ArtifactFile:
    return ArtifactFile(path, digest or digests.of_json([url, etag]), size, url, etag)


def _local(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
        raise InputError(f"{uri!r} names another machine.", remedy="Write it as file:///path.", field="uri")
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(uri)


def _of_local(wanted: Reference, own: str) -> list[ArtifactFile]:
    path = _local(wanted.uri).absolute()
    if path.is_file():
        return [_file(own, path.as_uri(), path.stat().st_size, digest=digests.of_file(path))]
    if not path.is_dir():
        raise InputError(f"There is nothing at {wanted.uri!r}.", remedy="Check the path.", field="uri")
    found: list[ArtifactFile] = []
    for one in files_below(path):
        inside = one.relative_to(path).as_posix()
        name = inside if wanted.name is None else f"{wanted.name}/{inside}"
        found.append(_file(name, one.as_uri(), one.stat().st_size, digest=digests.of_file(one)))
        if len(found) > (wanted.max_objects or _MOST):
            break
    return found


def _of_fsspec(wanted: Reference, own: str) -> list[ArtifactFile]:
    from weft.store.files import reached  # noqa: PLC0415 - fsspec is loaded where an address needs it only

    system, root = reached(wanted.uri)
    base = f"{urlsplit(wanted.uri).scheme}://"
    try:
        if system.isfile(root):
            return [_described(system.info(root), own, base)]
        below = system.find(root, detail=True)
    except OSError as error:
        raise InputError(f"There is nothing at {wanted.uri!r}: {error}.", field="uri") from None
    if not below:
        raise InputError(f"There is nothing at {wanted.uri!r}.", remedy="Check the address.", field="uri")
    return list(_below(below, root, wanted.name, base))


def _below(below: dict[str, Any], root: str, name: str | None, base: str) -> Iterator[ArtifactFile]:
    for path in sorted(below):
        inside = path.removeprefix(root).lstrip("/")
        yield _described(below[path], inside if name is None else f"{name}/{inside}", base)


def _described(info: dict[str, Any], path: str, base: str) -> ArtifactFile:
    return _file(path, base + str(info["name"]).lstrip("/"), int(info.get("size") or 0), etag=_mark(info))


def _mark(info: dict[str, Any]) -> str:
    return next((str(info[name]).strip('"') for name in _MARKS if info.get(name)), UNCHECKED)


def _bring_fsspec(url: str, target: Path) -> str:
    from weft.store.files import reached  # noqa: PLC0415 - fsspec is loaded where an address needs it only

    system, root = reached(url)
    system.get_file(root, str(target))
    system.invalidate_cache()
    return _mark(system.info(root))


def _web() -> ModuleType:
    from weft.training.artifacts import web  # noqa: PLC0415 - httpx is loaded where an address needs it only

    return web


def _is_drive(scheme: str) -> bool:
    return len(scheme) == 1
