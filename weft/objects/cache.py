"""Versions that a program fetches again and again: kept in memory for a while, on disk for when the store is away."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
from dataclasses import dataclass, fields
from pathlib import Path

from weft import clock, digests
from weft.errors import NotFoundError, ServerError, StoreError
from weft.journal import fork
from weft.recording import Recorder
from weft.records import ArtifactVersion, dumps, loads

_log = logging.getLogger("weft")
_lock = threading.Lock()
_FOLDER = "prompts"
_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Kept:
    version: ArtifactVersion
    until_ns: int
    stale: bool = False


_kept: dict[_Key, _Kept] = {}


def fetch(recorder: Recorder, ref: str, *, ttl_s: float) -> ArtifactVersion:
    """The version that ``ref`` names: the one kept, the store's, or where that is away the last one known.

    Raises NotFoundError, and StoreError or ServerError where none was ever fetched.
    """
    key = _key(recorder, ref)
    now = clock.now_ns()
    with _lock:
        known = _kept.get(key)
    if known is not None and now < known.until_ns:
        return known.version
    again_ns = now + round(ttl_s * 1e9)
    try:
        version = recorder.store.artifacts.get_version(recorder.project, ref)
    except (StoreError, ServerError, NotFoundError, OSError) as error:
        if isinstance(error, NotFoundError) and recorder.settings.mode != "offline":
            raise
        last = known.version if known is not None else _read(_path(recorder, key))
        if last is None:
            raise
        if known is None or not known.stale:
            _log.warning("Weft: %s cannot be fetched (%s); %s, fetched earlier, is used.", ref, error, last.ref)
        _keep(key, _Kept(last, again_ns, stale=True))
        return last
    # A numbered version never changes.
    is_fixed = ref.partition(":")[2].removeprefix("v").isdigit()
    _keep(key, _Kept(version, 2**63 if is_fixed else again_ns))
    if known is None or known.version != version:
        with contextlib.suppress(OSError):  # a disk that is full or read-only: memory has it
            _write(_path(recorder, key), version)
    return version


def forget(recorder: Recorder, name: str) -> None:
    """Fetch every reference to ``name`` anew: this process has just published it or moved an alias."""
    place, project, _ = _key(recorder, name)
    with _lock:
        for key in [key for key in _kept if key[:2] == (place, project) and key[2].partition(":")[0] == name]:
            del _kept[key]


def _key(recorder: Recorder, ref: str) -> _Key:
    settings = recorder.settings
    return settings.url or settings.db or str(settings.dir), recorder.project, ref


def _keep(key: _Key, kept: _Kept) -> None:
    with _lock:
        _kept[key] = kept


def _path(recorder: Recorder, key: _Key) -> Path:
    return recorder.directory / _FOLDER / f"{digests.of_json(key)[:32]}.json"


def _read(path: Path) -> ArtifactVersion | None:
    try:
        found = loads(path.read_bytes())
        return ArtifactVersion(**{f.name: found[f.name] for f in fields(ArtifactVersion) if f.name in found})
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, version: ArtifactVersion) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".weft-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(dumps(version))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


fork.register(_after_fork)
