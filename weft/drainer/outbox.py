"""The outbox: content of artifact versions on its way to the store, safe in the Weft directory until it has arrived.

A folder for each version: small contents in one file, large ones a file each by digest, and an index of both. A
folder is made under another name and renamed when it is whole; its version's record is journaled after that. A drainer
that sends to a server parks the record in the folder: then it waits there, and the journal goes on. Equal large
contents of two waiting versions are links to one file, which nobody changes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft import digests, ids
from weft.errors import InputError
from weft.journal import replace_file
from weft.records.artifacts import PendingVersion
from weft.repositories import Blobs
from weft.store.files import copy

SMALL_BYTES = 1024 * 1024
_AT_ONCE_BYTES = 8 * 1024 * 1024
_AT_ONCE = 2000
_MAKING = ".making"
_STALE_S = 86_400.0
_PACK, _INDEX, _SENT, _RECORD = "pack", "index.json", "sent", "record"


@dataclass(frozen=True, slots=True)
class Content:
    """A file that is to be kept: its bytes or its path. ``left``: nobody changes it, so that it is not copied."""

    source: Path | bytes
    left: bool = False


@dataclass(frozen=True, slots=True)
class Parked:
    """The record of a version that waits for its content: where it stood in the journal, and its payload."""

    order: int
    folder: str
    writer: str
    segment: int
    end: int
    payload: bytes


@dataclass(slots=True)
class _Index:
    """Where contents are: slices of the pack, files of the folder, and files that were left where they are."""

    packed: dict[str, list[int]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    left: dict[str, list[Any]] = field(default_factory=dict)


def outbox_of(directory: Path) -> Path:
    """Where versions of a Weft directory wait."""
    return Path(directory) / "outbox"


def stage(directory: Path, contents: Sequence[Content], *, durable: bool = False) -> tuple[str, list[tuple[str, int]]]:
    """Keep contents in a new folder of the outbox; its name, and digest and size of each content in order.

    ``durable``: against a power cut, too. Raises OSError; nothing is left behind then.
    """
    root = outbox_of(directory)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = ids.new_id()
    making = root / f"{name}{_MAKING}"
    making.mkdir(mode=0o700)
    try:
        index = _Index()
        with (making / _PACK).open("xb") as pack:
            found = [_take(root, making, pack, index, content) for content in contents]
        told = {"packed": index.packed, "files": index.files, "left": index.left}
        (making / _INDEX).write_text(json.dumps(told))
        if durable:
            for path in making.iterdir():
                _sync(path)
        making.rename(root / name)
        if durable:
            _sync(root)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return name, found


def ship(directory: Path, blobs: Blobs, pending: PendingVersion) -> None:
    """Have the content of a version in ``blobs``; only what is not there is sent, so that a broken try goes on.

    Raises InputError where the outbox has not got it or a file that was left in its place has changed; and what
    ``blobs`` raises.
    """
    version = pending.version
    wanted = {file.digest for file in version.files if file.url is None}
    missing = wanted - blobs.known(version.project, wanted)
    if not missing:
        return
    folder = _folder(directory, pending.folder)
    index = _read(folder)
    lacking = missing - index.packed.keys() - index.files.keys() - index.left.keys()
    if lacking:
        path = next(file.path for file in version.files if file.digest in lacking)
        raise InputError(f"The content of {path!r} of {version.name!r} is not in the outbox.", field="files")
    sent = sum(file.size_bytes for file in version.files if file.digest not in missing)
    for some in _batches(folder, {digest: index.packed[digest] for digest in missing & index.packed.keys()}):
        blobs.put_all(version.project, some)
        sent = _note(folder, sent + sum(map(len, some)))
    for digest in sorted(missing & index.files.keys()):
        blobs.put_files(version.project, [folder / digest])
        sent = _note(folder, sent + index.files[digest])
    for digest in sorted(missing & index.left.keys()):
        path, size, mtime_ns = index.left[digest]
        same = _is_as_it_was(Path(path), size, mtime_ns)
        if not same or blobs.put_files(version.project, [Path(path)])[0][0] != digest:
            raise InputError(
                f"The file {path!r} of {version.name!r} has changed since it was logged.",
                remedy="Log it again; without policy='immutable' it is copied at once.",
                field="files",
            )
        sent = _note(folder, sent + size)


def shipped(directory: Path, pending: PendingVersion) -> None:
    """Remove the folder of a version that is stored."""
    with contextlib.suppress(InputError):
        shutil.rmtree(_folder(directory, pending.folder), ignore_errors=True)


def has(directory: Path, folder: str) -> bool:
    """Whether a folder of that name waits."""
    with contextlib.suppress(InputError):
        return _folder(directory, folder).is_dir()
    return False


def park(directory: Path, record: Parked) -> Parked:
    """Keep the record of a version beside its content. Raises OSError."""
    told = {name: getattr(record, name) for name in ("order", "writer", "segment", "end")}
    line = json.dumps(told).encode("ascii")
    replace_file(_folder(directory, record.folder) / _RECORD, b"%b\n%b" % (line, record.payload))
    return record


def unpark(directory: Path, record: Parked) -> None:
    """The record is where it goes, or was put aside."""
    with contextlib.suppress(FileNotFoundError):
        (_folder(directory, record.folder) / _RECORD).unlink()


def parked(directory: Path, writer: str | None = None) -> list[Parked]:
    """The records that wait for their content, in their order; of one writer, if given."""
    found = []
    for path in outbox_of(directory).glob(f"*/{_RECORD}"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            line, _, payload = path.read_bytes().partition(b"\n")
            told = json.loads(line)
            if writer in (None, told["writer"]):
                place = (told["order"], path.parent.name, told["writer"], told["segment"], told["end"])
                found.append(Parked(*place, payload))
    return sorted(found, key=lambda record: record.order)


def read_content(directory: Path, folder: str, digest: str) -> Path | bytes | None:
    """A waiting content: its file, or its bytes; None where it is not there."""
    place = _folder(directory, folder)
    try:
        index = _read(place)
    except InputError:
        return None
    if digest in index.packed:
        offset, size = index.packed[digest]
        with (place / _PACK).open("rb") as pack:
            pack.seek(offset)
            return pack.read(size)
    if digest in index.files:
        return place / digest
    return Path(index.left[digest][0]) if digest in index.left else None


def waiting(directory: Path) -> dict[str, int]:
    """How many bytes of each waiting version are not sent yet, by its folder."""
    found: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError):
        for folder in outbox_of(directory).iterdir():
            if folder.suffix != _MAKING:
                with contextlib.suppress(InputError, OSError, ValueError):
                    index = _read(folder)
                    whole = sum(size for _, size in index.packed.values()) + sum(index.files.values())
                    whole += sum(size for _, size, _ in index.left.values())
                    sent = int((folder / _SENT).read_text()) if (folder / _SENT).exists() else 0
                    found[folder.name] = max(whole - sent, 0)
    return found


def sweep(directory: Path, *, idle: bool) -> None:
    """Remove what a process that died left half made; where the journal is ``idle`` (no segment, nothing rejected),
    whatever is a day old and not parked: its version is stored, or was never journaled."""
    with contextlib.suppress(FileNotFoundError):
        for folder in outbox_of(directory).iterdir():
            with contextlib.suppress(OSError):
                old = time.time() - folder.stat().st_mtime > _STALE_S and not (folder / _RECORD).exists()
                if old and (idle or folder.suffix == _MAKING):
                    shutil.rmtree(folder, ignore_errors=True)


def _take(root: Path, making: Path, pack: Any, index: _Index, content: Content) -> tuple[str, int]:
    source = content.source
    if isinstance(source, bytes):
        return _packed(pack, index, source)
    stat = source.stat()
    if stat.st_size <= SMALL_BYTES:
        return _packed(pack, index, source.read_bytes())
    if content.left:
        digest = digests.of_file(source)
        index.left[digest] = [str(source.absolute()), stat.st_size, stat.st_mtime_ns]
        return digest, stat.st_size
    if linked := _linked(root, making, index, source, stat.st_size):
        return linked, stat.st_size
    part = making / f"{ids.new_id()}.part"
    digest = copy(source, part)
    size = part.stat().st_size
    part.chmod(0o400)
    part.rename(making / digest)
    index.files[digest] = size
    return digest, size


def _linked(root: Path, making: Path, index: _Index, source: Path, size: int) -> str | None:
    """The digest where the same content waits for another version: then one file stands for both."""
    if all(path.stat().st_size != size for path in root.glob("*/" + "?" * 64)):
        return None
    digest = digests.of_file(source)
    for other in root.glob(f"*/{digest}"):
        with contextlib.suppress(OSError):  # it has just been sent, or the file system knows no links
            if other.parent != making:
                os.link(other, making / digest)
            index.files[digest] = size
            return digest
    return None


def _packed(pack: Any, index: _Index, data: bytes) -> tuple[str, int]:
    digest = digests.of_bytes(data)
    if digest not in index.packed:
        index.packed[digest] = [pack.tell(), len(data)]
        pack.write(data)
    return digest, len(data)


def _batches(folder: Path, slices: Mapping[str, Sequence[int]]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    held = 0
    if not slices:
        return
    with (folder / _PACK).open("rb") as pack:
        for offset, size in sorted((offset, size) for offset, size in slices.values()):
            pack.seek(offset)
            some.append(pack.read(size))
            held += size
            if held > _AT_ONCE_BYTES or len(some) >= _AT_ONCE:
                yield some
                some, held = [], 0
    if some:
        yield some


def _note(folder: Path, sent: int) -> int:
    with contextlib.suppress(OSError):  # it only says how far it is
        (folder / _SENT).write_text(str(sent))
    return sent


def _is_as_it_was(path: Path, size: int, mtime_ns: int) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (size, mtime_ns)


def _folder(directory: Path, name: str) -> Path:
    if not isinstance(name, str) or not name.isalnum():
        raise InputError(f"{name!r} is no folder of the outbox.", field="folder")
    return outbox_of(directory) / name


def _read(folder: Path) -> _Index:
    try:
        told = json.loads((folder / _INDEX).read_text())
        return _Index(dict(told["packed"]), dict(told["files"]), dict(told["left"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"The folder {folder.name} of the outbox cannot be read: {error}.", field="folder") from None


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
