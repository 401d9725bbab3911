"""Where an import of runs writes: observations to the journal, as a run does, and artifacts to the store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from weft import digests, ids, session
from weft.errors import InputError, StoreError
from weft.journal import Journal
from weft.recording import FlushReport
from weft.records import (
    ArtifactFile,
    ArtifactVersion,
    ConsoleLines,
    Logged,
    Metrics,
    RecordType,
    RunUpdate,
    encode,
)
from weft.records.codec import Observation
from weft.records.logged import LONGEST_NAME as LONGEST_LOGGED
from weft.repositories import Store
from weft.settings import Settings
from weft.training.media import File, kind_of, taken
from weft.training.values import LONGEST_NAME, split

_PACE = 20_000  # records between two times that the journal is emptied


class Target:
    """A journal that is emptied into the store now and then. Also a recorder, as far as media need one."""

    def __init__(self, settings: Settings, project: str | None, progress: Callable[[int], None]) -> None:
        self.settings = replace(settings, media=True, mode="online")
        self.named = project
        self.project = settings.project if project is None else project
        self.runs = self.points = self.artifacts = self.rejected = 0
        self.missing: list[str] = []  # artifacts, and files of them, that are only on the tracker's server
        self._progress = progress
        self._count = 0
        self._journal = Journal.open(settings.dir, quota_bytes=settings.journal_quota_bytes)
        self._store: Store | None = None

    @property
    def run_id(self) -> str | None:
        """No run is current."""
        return None

    @property
    def writer(self) -> str:
        """The journal's."""
        return self._journal.writer

    @property
    def directory(self) -> Path:
        """The journal's folder."""
        return self.settings.dir

    @property
    def store(self) -> Store:
        """The store, with everything in it that was recorded so far."""
        if self._store is None:
            self._store = session.open_store(self.settings)
        return self._store

    def caught_up(self) -> Store:
        """The store, with what was read so far in it."""
        self._settle(last=False)
        return self.store

    def passport(self) -> None:
        """Nobody joins an import."""

    def address(self, path: str) -> str:
        """Imports have no page."""
        return path

    def flush(self, timeout_s: float = 30.0) -> FlushReport:
        """Store what is journaled."""
        self._settle(last=False)
        return FlushReport(complete=True)

    def record(self, observation: Observation) -> None:
        """Keep an observation."""
        self.append(*encode(observation))

    def append(self, record_type: RecordType, payload: bytes, checksum: int | None = None) -> None:
        """Keep an encoded observation."""
        self._journal.append(record_type, payload, checksum)
        self._count += 1
        if self._count % _PACE == 0:
            self._settle(last=False)
            self._progress(self._count)

    def close(self) -> None:
        """Store the rest. Raises StoreError where not all could be kept or stored."""
        lost = self._journal.lost()
        self._journal.close()
        try:
            self._settle(last=True)
        finally:
            if self._store is not None:
                self._store.close()
        if lost:
            reasons = ", ".join(f"{count:,} ({reason})" for reason, count in lost.items())
            raise StoreError(
                f"Records could not be kept: {reasons}.", remedy="Make room and import again.", field="dir"
            )
        self._progress(self._count)

    def _settle(self, *, last: bool) -> None:
        report = session.sync(self.settings)
        if report.error is not None or (last and not report.complete):
            raise StoreError(
                f"Not everything is stored: {report.error or 'it took too long'}.",
                remedy="What was read waits in the journal; run `weft sync`, then import again.",
                field="dir",
            )
        self.rejected += report.rejected


class ImportedRun:
    """One run that is being imported: times are those of the file, so that a second import changes nothing."""

    def __init__(self, target: Target, run_id: str, project: str | None = None) -> None:
        self.id = run_id
        self.project = ids.as_project(target.named or project or target.project)
        if not ids.is_name(self.project):
            self.project = target.project
        self._target = target
        target.runs += 1

    def update(self, time_ns: int, **fields: Any) -> None:
        """Set fields of the run, of :class:`weft.records.RunUpdate`."""
        self._target.record(RunUpdate(run_id=self.id, project=self.project, time_ns=time_ns, **fields))

    def log(self, step: int, time_ns: int, values: Mapping[str, Any], source: str = "") -> dict[str, Any]:
        """Points and media of one step; returns what is neither."""
        metrics, others = values, dict[str, Any]()
        # Finite floats under names, which most are, are ready to be written.
        if not all(type(name) is str and name and _is_plain(value) for name, value in values.items()):
            metrics, others = split({name: value for name, value in values.items() if isinstance(name, str) and name})
        if metrics:
            short = {shortened(name, LONGEST_NAME): value for name, value in metrics.items()}
            self._target.record(Metrics(self.id, self.project, step, time_ns, short, source))
            self._target.points += len(metrics)
        if not others:
            return others
        for name, data in taken(self._target, self.project, others).items():
            self.logged(name, step, time_ns, data)
        return others

    def logged(self, name: str, step: int, time_ns: int, data: dict[str, Any]) -> None:
        """A value that is no number, its bytes kept already."""
        name = shortened(name, LONGEST_LOGGED)
        self._target.record(Logged(self.id, self.project, name, step, time_ns, kind_of(data), data))

    def file(self, inside: str, path: Path, time_ns: int) -> None:
        """A file of the run, under ``files/INSIDE``."""
        values = {f"files/{inside}": File(path, name=inside)}
        for name, data in taken(self._target, self.project, dict(values)).items():
            self.logged(name, 0, time_ns, {**data, "path": inside})

    def console(self, first: int, stream: str, lines: Sequence[str], time_ns: int) -> None:
        """Lines that the program printed; ``first`` is the number of the first of them."""
        self._target.record(ConsoleLines(self.id, self.project, time_ns, first, stream, list(lines)))

    def artifact(
        self,
        name: str,
        type: str,
        files: Mapping[str, Path],
        *,
        time_ns: int,
        references: Mapping[str, tuple[str, str, int]] | None = None,
        aliases: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> ArtifactVersion:
        """A version with these files by path, made by this run; one of equal content is the one that exists.

        ``references`` are (address, etag or empty, bytes) by path, whose content is not kept.
        """
        self._target.flush()
        store = self._target.store
        entries = [
            ArtifactFile(inside, store.blobs.put_file(self.project, path), path.stat().st_size)
            for inside, path in sorted(files.items())
        ]
        entries += [
            ArtifactFile(inside, digests.of_json([url, etag]), size, url, etag)
            for inside, (url, etag, size) in sorted((references or {}).items())
        ]
        content = {"type": type, "metadata": dict(metadata or {}), "files": [[e.path, e.digest] for e in entries]}
        version = ArtifactVersion(
            project=self.project,
            name=as_name(name),
            type=as_name(type),
            version=0,
            digest=digests.of_json(content),
            created_ns=time_ns,
            description=description,
            metadata=dict(metadata or {}),
            files=entries,
            run_id=self.id,
        )
        self._target.artifacts += 1
        usable = [alias for alias in map(as_name, aliases) if alias != "latest"]
        return store.artifacts.create_version(version, aliases=usable)


def _is_plain(value: Any) -> bool:
    return type(value) is float and isfinite(value)


def as_name(text: str) -> str:
    """``text`` as it can stand in an address: other signs become '-'."""
    text = ids.composed(text)
    if ids.is_name(text):
        return text
    kept = "".join(sign if (sign.isalnum() and sign.isascii()) or sign in "._- " else "-" for sign in text)
    return f"x{kept}"[:128] if not kept[:1].isalnum() else kept[:128]


def run_id_of(*parts: str) -> str:
    """An id for a run of a tool that has none of its own, always the same."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def shortened(name: str, longest: int) -> str:
    """A name no longer than this, still telling apart what differs."""
    return name if len(name) <= longest else f"{name[: longest - 17]}~{run_id_of(name)}"


def folder_of(path: Path, what: str) -> Path:
    """``path`` where it is there. Raises InputError where it is not."""
    if not path.exists():
        raise InputError(f"There is no file or folder {str(path)!r}.", remedy=f"Name {what}.", field="path")
    return path
