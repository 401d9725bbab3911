"""A version's files into a folder of the user's: nothing outside of it is touched, each file is whole or not there."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from weft import digests, ids
from weft.errors import InputError, StoreError
from weft.records import ArtifactFile
from weft.training.artifacts.cache import Cache
from weft.training.artifacts.contents import SMALL_BYTES, Contents
from weft.training.artifacts.paths import checked_path, files_below

_WORKERS = 4
_PRIVATE_PREFIX = ".weft-"
_LEFT_S = 3600.0  # nobody has written to a part for so long: who began it was killed

Plan = list[tuple[ArtifactFile, Path]]


def write_files(contents: Contents, files: Sequence[ArtifactFile], folder: Path, *, link: bool = False) -> None:
    """Write files below a folder; those that are there already stay. ``link``: as read-only links into the cache.

    Raises InputError where the folder cannot be written, StoreError for a path that leads out of it, for a link or
    folder in the way, and for damaged content.
    """
    ref = contents.version.ref
    try:
        folder.mkdir(parents=True, exist_ok=True)
        whole = planned(ref, files, folder)
        plan = [(file, path) for file, path in whole if not _is_there(file, path)]
        for _, path in plan:
            path.parent.mkdir(parents=True, exist_ok=True)
        _sweep({path for _, path in whole})
        _write(contents, plan, contents.cache if link else None)
    except OSError as error:
        raise InputError(
            f"{ref} cannot be written to {os.fspath(folder)!r}: {error.strerror or error}.",
            remedy="Name a folder that can be written.",
            field="root",
        ) from error


def planned(ref: str, files: Sequence[ArtifactFile], folder: Path) -> Plan:
    """Where each file goes, checked to lie below the folder."""
    real = folder.resolve()
    safe: dict[Path, bool] = {}
    plan: Plan = []
    for file in files:
        try:
            path = real / checked_path(file.path)
        except InputError as error:
            raise StoreError(f"{ref} holds a hostile path {file.path!r}.", field="path") from error
        if path.parent not in safe:
            safe[path.parent] = path.parent.resolve().is_relative_to(real)
        if not safe[path.parent] or (path.is_dir() and not path.is_symlink()):
            raise StoreError(
                f"{ref} cannot write {file.path!r}: a link or folder in {folder} is in the way.",
                remedy="Download into an empty folder.",
                field="root",
            )
        plan.append((file, path))
    return plan


def remove_others(files: Sequence[ArtifactFile], folder: Path) -> list[str]:
    """Remove what is below a folder and not among the files; links are removed, not followed. What went."""
    wanted = {file.path for file in files}
    real = folder.resolve()
    gone = []
    for root, folders, names in os.walk(real, topdown=False):
        here = Path(root)
        for name in [*names, *(one for one in folders if (here / one).is_symlink())]:
            path = here / name
            inside = path.relative_to(real).as_posix()
            if inside not in wanted:
                path.unlink()
                gone.append(inside)
        if here != real and not any(here.iterdir()):
            here.rmdir()
    return sorted(gone)


def refuse_precious(folder: Path, directory: Path | None) -> None:
    """Raises InputError where a folder holds more than an artifact: to make it equal would remove too much."""
    real = folder.resolve()
    precious = [Path.cwd(), Path.home(), *([] if directory is None else [directory])]
    if any(real == one.resolve() or real in one.resolve().parents for one in precious):
        raise InputError(
            f"{os.fspath(folder)!r} is or holds the working folder, the home or the Weft directory.",
            remedy="Check out into a folder of its own: all else in it is removed.",
            field="root",
        )


def differences(files: Sequence[ArtifactFile], folder: Path) -> list[str]:
    """How what is below a folder differs from the files, a line each."""
    found = []
    wanted = {file.path: file for file in files}
    for path, file in sorted(wanted.items()):
        place = folder / path
        if not place.is_file():
            found.append(f"{path} is missing")
        elif file.etag is None and digests.of_file(place) != file.digest:
            found.append(f"{path} has changed")
    below = (path.relative_to(folder).as_posix() for path in files_below(folder))
    found += [f"{path} is not part of it" for path in below if path not in wanted]
    return found


def _sweep(wanted: set[Path]) -> None:
    """Remove the parts that a killed download left beside the files."""
    for folder in {path.parent for path in wanted}:
        for part in set(folder.glob(_PRIVATE_PREFIX + "[a-z0-9]" * 12)) - wanted:
            with contextlib.suppress(OSError):  # another does the same
                if time.time() - part.lstat().st_mtime > _LEFT_S:
                    part.unlink()


def _is_there(file: ArtifactFile, path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or file.etag is not None:
        return False
    return path.stat().st_size == file.size_bytes and digests.of_file(path) == file.digest


def _write(contents: Contents, plan: Plan, links: Cache | None) -> None:
    small = [(file, path) for file, path in plan if file.url is None and file.size_bytes <= SMALL_BYTES]
    others = [(file, path) for file, path in plan if file.url is not None or file.size_bytes > SMALL_BYTES]
    places: dict[str, list[Path]] = {}
    for file, path in small:
        places.setdefault(file.digest, []).append(path)
    for digest, data in contents.small([file for file, _ in small]):
        for path in places[digest]:
            _finish(path, lambda part, data=data: _write_bytes(part, data), links, digest)  # type: ignore[misc]
    if not others:
        return
    with ThreadPoolExecutor(min(_WORKERS, len(others)), "weft-download") as pool:

        def fetch(one: tuple[ArtifactFile, Path]) -> None:
            file, path = one
            _finish(path, lambda part: contents.write(file, part), links if file.url is None else None, file.digest)

        for _ in pool.map(fetch, others):
            pass


def _write_bytes(part: Path, data: bytes) -> None:
    part.write_bytes(data)


def _finish(path: Path, write: Callable[[Path], None], links: Cache | None, digest: str) -> None:
    """Write whole or not at all; a link at ``path`` is replaced, not followed."""
    part = path.parent / f"{_PRIVATE_PREFIX}{ids.new_id()}"
    try:
        near = None if links is None else links.find(digest)
        if near is None:
            write(part)
            if links is not None:
                links.keep(digest, part)
                near = links.find(digest)
        if near is not None:
            part.unlink(missing_ok=True)
            _link(near, part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _link(near: Path, part: Path) -> None:
    try:
        os.link(near, part)
    except OSError:  # another file system: a copy that is as read-only
        part.write_bytes(near.read_bytes())
        part.chmod(0o444)
