"""A version of an artifact that was logged: read, compared, changed, deleted."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weft import clock, recording, wandb_names
from weft.errors import InputError, NotFoundError, ServerError, StoreError, WeftError
from weft.records import ArtifactFile, ArtifactVersion, NodeKind, RegistryVersion, Run
from weft.records.artifacts import VersionChange
from weft.repositories import Store
from weft.tracing import redact
from weft.training.artifacts import references, values, writing
from weft.training.artifacts.contents import Contents, not_kept
from weft.training.artifacts.diffs import ArtifactDiff, difference
from weft.training.artifacts.draft import Artifact
from weft.training.artifacts.entries import Downloaded, Files, LoggedFile, Manifest, Named
from weft.training.artifacts.paths import checked_name
from weft.training.linking import registered

if TYPE_CHECKING:
    from weft.training.artifacts.places import Place

LATEST = "latest"
PENDING, COMMITTED, DELETED, DISABLED = "pending", "committed", "deleted", "disabled"
_NS = 1_000_000_000
_STEP_S = 0.05
_LONGEST_S = 60.0


class ArtifactTTL(Enum):
    """``artifact.ttl = weft.ArtifactTTL.INHERIT`` is None: a version without a time of its own stays."""

    INHERIT = 0


class LoggedArtifact:
    """A version of an artifact, in the store or on its way there.

    ``description``, ``metadata``, ``tags``, ``aliases`` and ``ttl`` may be set; :meth:`save` stores that. ``place`` is
    where else its content may lie, and how it gets to the store; without a store nothing was kept.
    """

    def __init__(
        self, store: Store | None, version: ArtifactVersion, place: Place | None = None, *, state: str = COMMITTED
    ) -> None:
        self._store = store
        self._place = place
        self._run_of: Callable[[Run], Any] = lambda run: run
        self._state = DISABLED if store is None and place is None else state
        self._set(version)

    def _set(self, version: ArtifactVersion) -> None:
        self._stored = version
        self.name = version.name
        self.type = version.type
        self.project = version.project
        self.digest = version.digest
        self.description = version.description
        self.metadata = dict(version.metadata)
        self.aliases = list(version.aliases)
        self.tags = list(version.tags)
        self.files = Files(self, version.files)

    def __repr__(self) -> str:
        ref = self.name if self._state == PENDING else self._stored.ref
        waits = ", waits for its upload" if self._state == PENDING else ""
        return f"<weft artifact {ref} ({self.type}, {len(self.files)} files{waits})>"

    @property
    def state(self) -> str:
        """``pending`` until its content is stored, then ``committed``; ``deleted``, or ``disabled`` with Weft."""
        return self._state

    @property
    def version(self) -> str:
        """Which version it is, as references have it: ``v3``; waits for it where it is pending. Raises as
        :meth:`wait`."""
        return f"v{self.number}"

    @property
    def number(self) -> int:
        """The version's number, from 1; waits for it as :attr:`version` does."""
        return self._known().version

    @property
    def ref(self) -> str:
        """The stable reference, ``name:v3``; waits for it as :attr:`version` does."""
        return self._known().ref

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def file_count(self) -> int:
        """How many files there are."""
        return len(self.files)

    @property
    def created_at(self) -> datetime:
        """When it was logged, in UTC."""
        return datetime.fromtimestamp(self._stored.created_ns / _NS, UTC)

    updated_at = created_at  # the content of a version never changes

    @property
    def id(self) -> str:
        """``project/name:v3``; waits for the version as :attr:`version` does."""
        return f"{self.project}/{self.ref}"

    qualified_name = id

    source_name = ref

    source_version = version

    @property
    def collection(self) -> Named:
        """What its versions have in common: ``collection.name``."""
        return Named(self.name, self.type, self.project)

    source_collection = collection

    @property
    def source_artifact(self) -> LoggedArtifact:
        """Itself: a name in the registry leads to the version that was logged, and is no copy."""
        return self

    @property
    def source_project(self) -> str:
        """The project that it was logged in."""
        return self.project

    source_qualified_name = id

    is_link = False

    @property
    def linked_artifacts(self) -> list[RegistryVersion]:
        """The versions in the registry that are this one."""
        return self._asked().registry.list_links(self.project, self.ref)

    @property
    def commit_hash(self) -> str | None:
        """The git commit of the run that made it; None where there is none."""
        run_id = self._known().run_id
        run = None if run_id is None else self._run(run_id)
        return None if run is None else run.git.get("commit")

    def __getattr__(self, name: str) -> Any:
        if hasattr(Artifact, name):
            raise AttributeError(
                f"A version of an artifact is not changed by {name!r}. Instead: new_draft(), then run.log_artifact."
            )
        if (told := wandb_names.ABSENT.get(f"artifact.{name}")) is not None:
            raise AttributeError(f"An artifact has no {name!r}. Instead: {told}.")
        raise AttributeError(f"an artifact has no {name!r}")

    @property
    def entity(self) -> str:
        """Nobody: a Weft directory or server has one owner."""
        return ""

    source_entity = entity

    @property
    def url(self) -> str:
        """The address of its page."""
        path = f"/artifact/{quote(self.ref, safe=':')}"
        return path if recording.active is None else recording.active.address(path)

    @property
    def manifest(self) -> Manifest:
        """Its files by path: ``manifest.entries``."""
        return Manifest(self.files())

    def is_draft(self) -> bool:
        """Whether it is not logged yet: never."""
        return False

    @property
    def ttl(self) -> timedelta | None:
        """How long after it was logged it goes; None is never."""
        expires_ns = self._stored.expires_ns
        return None if expires_ns is None else timedelta(microseconds=(expires_ns - self._stored.created_ns) // 1000)

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        self._stored = replace(self._stored, expires_ns=expiry(ttl, self._stored.created_ns))

    def wait(self, timeout: float | None = None) -> LoggedArtifact:
        """Wait until the version is stored, at most for ``timeout`` seconds; returns itself.

        Raises WeftError where nobody uploads it now (offline, or WEFT_DRAIN=off), ServerError where it was not stored
        in time: it stays in the directory and is stored later.
        """
        if self._state != PENDING:
            return self
        assert self._place is not None
        assert self._place.recorder is not None
        recorder = self._place.recorder
        if recorder.settings.mode == "offline" or recorder.settings.drain == "off":
            raise WeftError(
                f"{self.name!r} waits in {recorder.directory} for its upload.",
                remedy="`weft sync` stores it; then it has a version.",
                field="mode",
            )
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LONGEST_S if deadline is None else max(deadline - time.monotonic(), 0.0)
            if recorder.flush(min(left, _LONGEST_S)).complete:
                try:
                    found = recorder.store.artifacts.get_version(self.project, f"{self.name}:{self.digest}")
                except (NotFoundError, StoreError, ServerError):  # a server stores what it has taken a little later
                    time.sleep(_STEP_S)
                else:
                    self._store, self._state = recorder.store, COMMITTED
                    self._set(found)
                    return self
            if deadline is not None and time.monotonic() >= deadline:
                raise ServerError(
                    f"{self.name!r} was not stored in {timeout:g} s.",
                    remedy=f"It stays in {recorder.directory} and is stored as soon as it can be.",
                    field="timeout",
                )

    def file(self, path: str | None = None) -> Any:
        """The bytes of one file; without a path, of an artifact of one file, the path that it was downloaded to.

        Raises NotFoundError where there is none, InputError where it has several, StoreError where it is damaged.
        """
        if path is not None:
            return self._read(self.get_path(path).record)
        if len(self.files) != 1:
            raise InputError(
                f"{self._stored.ref} has {len(self.files)} files.",
                remedy="Name one, or use download().",
                field="path",
            )
        return LoggedFile(self, self.files[0]).download()

    def get_path(self, name: str) -> LoggedFile:
        """One file, ready for ``download()``. Raises NotFoundError."""
        for entry in self.files:
            if entry.path == name:
                return LoggedFile(self, entry)
        raise NotFoundError(
            f"{self._stored.ref} has no file {name!r}.",
            remedy=f"It has {[e.path for e in self.files][:10]}.",
            field="name",
        )

    get_entry = get_path

    def get(self, name: str) -> Any:
        """The table, image or other value that was added under ``name``. Raises NotFoundError."""
        return values.value_of([file.path for file in self.files], name, self.file)

    __getitem__ = get

    def download(
        self,
        root: str | Path | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: str | None = None,
        multipart: bool | None = None,
        *,
        link: bool = False,
    ) -> Downloaded:
        """Write all files, or those whose path begins with ``path_prefix``, below ``root`` (default
        ``artifacts/NAME-vN``); returns that folder.

        What is there under the same paths is replaced where it differs. ``skip_cache``: neither read nor fill the
        cache. ``link``: as read-only links into the cache, which take no room. ``allow_missing_references`` leaves out
        references whose content is gone or has changed; ``multipart`` changes nothing. Raises InputError where the
        folder cannot be written, StoreError where a stored path leads out of ``root``, a file's bytes are damaged or a
        reference has changed.
        """
        chosen = [file for file in self.files if path_prefix is None or file.path.startswith(path_prefix)]
        if path_prefix is not None and not chosen:
            raise NotFoundError(f"{self._stored.ref} has nothing below {path_prefix!r}.", field="path_prefix")
        if allow_missing_references:
            chosen = [file for file in chosen if file.url is None or references.state_of(file) is None]
        return self._fetched(chosen, root, skip_cache=bool(skip_cache), link=link)

    def checkout(self, root: str | Path | None = None) -> Downloaded:
        """Make the folder ``root`` equal to the version: as :meth:`download`, and whatever else is there is removed.

        Raises InputError for the working folder, the home and what holds them or the Weft directory.
        """
        folder = self._folder(root)
        directory = None if self._place is None else self._place.directory
        writing.refuse_precious(folder, directory)
        contents = self._contents()
        if folder.is_dir():
            writing.remove_others(self.files, folder)
        writing.write_files(contents, self.files, folder)
        return folder

    def verify(self, root: str | Path | None = None) -> None:
        """Raises StoreError where a folder differs from the version: a file is missing, has changed or is not part of
        it. Without ``root``, every content in the store is read, and every reference is asked."""
        problems = writing.differences(self.files, Path(root)) if root is not None else self._contents().problems()
        if problems:
            more = f", and {len(problems) - 5} more" if len(problems) > 5 else ""
            raise StoreError(
                f"{self._stored.ref} is not as it was logged: {'; '.join(problems[:5]).rstrip('.')}{more}.",
                remedy="Check it out again." if root is not None else "Restore it from a backup.",
                field="root",
            )

    def diff(self, other: LoggedArtifact | str) -> ArtifactDiff:
        """What differs from this version to another one, or to the one that ``name:alias`` names."""
        if isinstance(other, str):
            return difference(self._known(), self._asked().artifacts.get_version(self.project, other))
        return difference(self._known(), other._known())

    def new_draft(self) -> Artifact:
        """An artifact with all that this version has, to be changed and logged as the next one."""
        draft = Artifact._from(self.name, self.type, self.files)
        draft.description, draft.metadata = self.description, dict(self.metadata)
        return draft

    def save(self) -> LoggedArtifact:
        """Store what was set: description, metadata, tags, aliases, ttl. Raises InputError for a bad value."""
        self.wait()
        store, stored = self._asked(), self._stored
        for alias in self.aliases:
            checked_name(alias, "alias")
        now = store.artifacts.get_version(self.project, stored.ref)
        change = VersionChange(
            description=None if self.description == now.description else redact.clean_text(self.description or ""),
            metadata=None if self.metadata == now.metadata else redact.clean_json(dict(self.metadata)),
            tags=None if self.tags == now.tags else list(self.tags),
            aliases=None if _own(self.aliases) == _own(now.aliases) else _own(self.aliases),
            expires_ns=None if stored.expires_ns == now.expires_ns else stored.expires_ns or 0,
        )
        self._set(store.artifacts.change_version(self.project, self.name, stored.version, change))
        return self

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version; its content goes with the next collection. Raises ConflictError where an alias beside
        ``latest`` names it (unless ``delete_aliases``), where it serves, or where the registry has it."""
        self.wait()
        self._asked().artifacts.delete_version(
            self.project, self.name, self._stored.version, author=_user(), force=delete_aliases
        )
        self._state = DELETED

    def link(self, target_path: str, aliases: Sequence[str] | None = None) -> RegistryVersion:
        """Make it a version of a name in the registry, ``registry/NAME``. Raises ConflictError where the name is
        another type's."""
        return registered(self._asked(), self.project, self.ref, target_path, aliases=aliases or ())

    def logged_by(self) -> Any:
        """The run that made it, a :class:`weft.records.Run`, or of :meth:`weft.Api.artifact` one with its data; None
        where none did, or it is gone."""
        run_id = self._known().run_id
        found = None if run_id is None else self._run(run_id)
        return None if found is None else self._run_of(found)

    def used_by(self) -> list[Any]:
        """The runs that used it, those that are left."""
        ref = self._known().ref
        graph = self._asked().artifacts.lineage(self.project, NodeKind.ARTIFACT, ref)
        named = [e.target for e in graph.downstream if e.source == ref and e.target_kind is NodeKind.RUN]
        found = [self._run(run_id) for run_id in dict.fromkeys(named)]
        return [self._run_of(run) for run in found if run is not None]

    def _run(self, run_id: str) -> Run | None:
        """A run; what this process recorded is stored first where it is not known yet."""
        found, here = self._asked().runs.find_run(run_id), recording.active
        if found is None and here is not None and self._place is not None and here.directory == self._place.directory:
            found = here.caught_up().runs.find_run(run_id)
        return found

    def _read(self, file: ArtifactFile) -> bytes:
        return b"".join(self._contents().pieces(file))

    def _fetched(
        self, files: Sequence[ArtifactFile], root: str | Path | None, *, skip_cache: bool = False, link: bool = False
    ) -> Downloaded:
        folder = self._folder(root)
        writing.write_files(self._contents(skip_cache=skip_cache, cache_always=link), files, folder, link=link)
        return folder

    def _folder(self, root: str | Path | None) -> Downloaded:
        return Downloaded("artifacts", f"{self.name}-{self.version}") if root is None else Downloaded(root)

    def _known(self) -> ArtifactVersion:
        self.wait()
        return self._stored

    def _asked(self) -> Store:
        if self._store is None:
            raise not_kept(self._stored)
        return self._store

    def _contents(self, *, skip_cache: bool = False, cache_always: bool = False) -> Contents:
        if self._state == DISABLED:
            raise not_kept(self._stored)
        blobs = None if self._store is None else self._store.blobs
        place = self._place
        if place is None:
            return Contents(self._stored, blobs)
        cache = None if skip_cache else place.cache(always=cache_always or blobs is None)
        return Contents(self._stored, blobs, cache, place.waiting)


def expiry(ttl: timedelta | ArtifactTTL | None, created_ns: int) -> int | None:
    """When a version ends. Raises InputError for a time that is none."""
    if ttl is None or ttl is ArtifactTTL.INHERIT:
        return None
    if not isinstance(ttl, timedelta) or ttl <= timedelta(0):
        raise InputError(f"The ttl is {ttl!r}.", remedy="Use timedelta(days=30), or None for ever.", field="ttl")
    return (created_ns or clock.now_ns()) + int(ttl.total_seconds() * _NS)


def _own(aliases: list[str]) -> list[str]:
    return sorted(set(aliases) - {LATEST})


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user
        return str(os.getuid())
