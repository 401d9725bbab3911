"""The files of wandb's artifacts, as far as they are on this machine: where they were added from, staged or cached."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from weft.records.artifacts import is_inside

_PLACES = ("s3://", "gs://", "http://", "https://")
_LONGEST_LINE = 2**20
_MOST = 10_000_000  # entries of a manifest in a file of its own
_SHOWN = 5


@dataclass(slots=True)
class Found:
    """Files and references of an artifact by path, as :meth:`weft.exchange.target.ImportedRun.artifact` takes them;
    ``missing`` are the paths whose content is not here."""

    files: dict[str, Path] = field(default_factory=dict)
    references: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unknown: bool = False  # not even its list of files is here

    def told(self, name: str) -> str | None:
        """What of it is not here, by name; None where all of it is."""
        if self.unknown or not (self.files or self.references):
            return name
        if not self.missing:
            return None
        more = f" and {len(self.missing) - _SHOWN:,} more" if len(self.missing) > _SHOWN else ""
        return f"{name}: {', '.join(self.missing[:_SHOWN])}{more}"


def find(manifest: Any, run_files: Path) -> Found:
    """What is here of a manifest.

    A log from somebody else may name any file of this machine: only who knows a content gets it imported.
    """
    found = Found()
    try:
        for path, digest, ref, size, local_path in _entries(manifest):
            place = _place(path, digest, local_path, run_files) if is_inside(path) else None
            if place is not None:
                found.files[path] = place
            elif is_inside(path) and ref.startswith(_PLACES):
                found.references[path] = (ref, "" if digest == ref else digest, size)
            else:
                found.missing.append(path)
    except (OSError, EOFError, ValueError, TypeError, KeyError):  # the manifest was staged elsewhere, or is damaged
        return Found(unknown=True)
    return found


def _entries(manifest: Any) -> Iterator[tuple[str, str, str, int, str]]:
    for entry in manifest.contents:
        yield entry.path, entry.digest, entry.ref, entry.size, entry.local_path
    if manifest.manifest_file_path:  # of over a hundred thousand files
        with gzip.open(manifest.manifest_file_path) as lines:
            for _ in range(_MOST):
                line = lines.readline(_LONGEST_LINE)
                if not line:
                    break
                told = orjson.loads(line)
                digest, ref, local_path = (str(told.get(key) or "") for key in ("digest", "ref", "local_path"))
                yield str(told["path"]), digest, ref, int(told.get("size") or 0), local_path


def _place(path: str, digest: str, local_path: str, run_files: Path) -> Path | None:
    try:
        wanted = base64.b64decode(digest, validate=True)
    except ValueError:
        return None
    named = wanted.hex()
    places = [Path(local_path)] if local_path else []
    places += [run_files / path, _cache() / "artifacts" / "obj" / "md5" / named[:2] / named[2:]]
    for place in places:
        try:
            if place.is_file() and _md5(place) == wanted:
                return place
        except (OSError, ValueError):  # a name that no file can have
            continue
    return None


def _cache() -> Path:
    """Where wandb keeps what it uploaded or downloaded."""
    if given := os.environ.get("WANDB_CACHE_DIR"):
        return Path(given)
    usual = "~/Library/Caches" if sys.platform == "darwin" else os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(usual)) / "wandb"


def _md5(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
