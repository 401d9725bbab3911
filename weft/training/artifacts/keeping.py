"""Logging an artifact and using one: straight into the store where it is at hand, else through the outbox."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from weft import clock, digests
from weft.drainer import outbox
from weft.drainer.outbox import Content
from weft.errors import InputError, NotFoundError, ServerError, StoreError, WeftError
from weft.recording import Recorder
from weft.records import ArtifactFile, ArtifactVersion, LineageEdge, NodeKind, Run
from weft.records.artifacts import PendingVersion
from weft.repositories import Store
from weft.tracing import redact
from weft.tracing.capture import capture
from weft.training.artifacts.draft import Artifact
from weft.training.artifacts.logged import LATEST, PENDING, LoggedArtifact, expiry
from weft.training.artifacts.paths import checked_name, places_of
from weft.training.artifacts.places import Place
from weft.training.artifacts.uploading import await_uploads

_waiting: dict[tuple[str, str], LoggedArtifact] = {}  # the last of each name that this process sent on its way
_folders: dict[str, set[str]] = {}  # of the outbox, by run


def log_artifact(
    recorder: Recorder, run_id: str, artifact: Artifact, aliases: Sequence[str], tags: Sequence[str] = ()
) -> LoggedArtifact:
    """Keep ``artifact`` as made by the run. When this returns, its content is safe and may change or go.

    Into a database at hand it is a version at once: the content first, then the version and its edge in one
    transaction. With a server, offline, or where the database cannot be used, content and version wait in the
    directory; the drainer sends them in order.
    """
    _check_words(aliases, tags)
    settings = recorder.settings
    base = _base(recorder, artifact)
    if settings.mode == "disabled":
        files = [*base, *_named(artifact, [_seen(path, content) for path, content in _own(artifact)])]
        logged = LoggedArtifact(None, _version(recorder.project, run_id, artifact, files, aliases, tags))
    elif settings.mode == "online" and settings.url is None and (store := _at_hand(recorder)) is not None:
        kept = _kept(store, recorder.project, run_id, artifact, base, aliases, tags)
        logged = LoggedArtifact(store, kept, Place(settings))
    else:
        logged = _sent(recorder, run_id, artifact, base, aliases, tags)
    artifact._logged = logged
    return logged


def use_artifact(recorder: Recorder, run_id: str, ref: str | LoggedArtifact, type: str | None = None) -> LoggedArtifact:
    """The version that ``ref`` names, with an edge to the run that uses it. Raises NotFoundError, and InputError where
    it is not of ``type``. Where the store cannot be asked, it is what ``ref`` named the last time, from the cache."""
    if isinstance(ref, LoggedArtifact):
        ref = f"{ref.project}/{ref.ref}"
    settings = recorder.settings
    if settings.mode == "disabled":
        raise WeftError(f"The artifact {ref!r} cannot be read: Weft is disabled.", remedy="Set WEFT_MODE=online.")
    *others, (project, name) = places_of(ref, recorder.project)
    for before in others:  # with the owner in the project's name, else without
        try:
            store, version = _used(recorder, run_id, *before)
            break
        except NotFoundError:
            continue
    else:
        store, version = _used(recorder, run_id, project, name)
    if type is not None and version.type != type:
        raise InputError(f"{version.ref} is a {version.type}, not a {type}.", field="type")
    if store is None:
        ends = (NodeKind.ARTIFACT, version.ref, "used", NodeKind.RUN, run_id)
        recorder.record(LineageEdge(version.project, *ends, clock.now_ns()))
    return LoggedArtifact(store, version, Place(settings))


def _used(recorder: Recorder, run_id: str, project: str, ref: str) -> tuple[Store | None, ArtifactVersion]:
    """The version that a reference names in a project, and the store that was asked."""
    settings = recorder.settings
    remembered = Place(settings).cache(always=True)
    assert remembered is not None
    if settings.mode != "online":
        return None, remembered.recall(project, ref) or _away(ref, None)
    sent = _waiting.get((project, ref.partition(":")[0]))
    if sent is not None and sent.state == PENDING and settings.drain != "off":
        sent.wait(settings.flush_timeout_s)
    try:
        store = recorder.store
        version = store.artifacts.use_version(project, ref, run_id)
    except ServerError as error:
        return None, remembered.recall(project, ref) or _away(ref, error)
    remembered.remember(project, ref, version)
    return store, version


def _away(ref: str, error: ServerError | None) -> ArtifactVersion:
    if error is not None:
        raise error
    raise NotFoundError(
        f"The artifact {ref!r} is not in this machine's cache, and offline the store is not asked.",
        remedy="Use it once with WEFT_MODE=online, or run `weft artifact get`.",
        field="mode",
    )


def _sent(
    recorder: Recorder,
    run_id: str,
    artifact: Artifact,
    base: list[ArtifactFile],
    aliases: Sequence[str],
    tags: Sequence[str],
) -> LoggedArtifact:
    own = _own(artifact)
    try:
        folder, found = outbox.stage(recorder.directory, [one for _, one in own], durable=recorder.settings.sync)
    except OSError as error:
        raise _unreadable(error) from error
    stored = [(path, *seen) for (path, _), seen in zip(own, found, strict=True)]
    version = _version(recorder.project, run_id, artifact, [*base, *_named(artifact, stored)], aliases, tags)
    recorder.record(PendingVersion(version, folder, [alias for alias in aliases if alias != LATEST]))
    logged = LoggedArtifact(None, version, Place(recorder.settings, recorder, folder), state=PENDING)
    _waiting[recorder.project, artifact.name] = logged
    _folders.setdefault(run_id, set()).add(folder)
    return logged


def finish_uploads(recorder: Recorder, run_id: str) -> None:
    """At the end of a run: wait for what it logged, see :func:`weft.training.artifacts.uploading.await_uploads`."""
    await_uploads(recorder, _folders.pop(run_id, set()))


def _at_hand(recorder: Recorder) -> Store | None:
    try:
        return recorder.store
    except StoreError:  # on a disk where no database may be, or one that is away: the journal's folder keeps it
        return None


def _base(recorder: Recorder, artifact: Artifact) -> list[ArtifactFile]:
    """What an incremental artifact begins with."""
    if not artifact.incremental or recorder.settings.mode == "disabled":
        return []
    if recorder.settings.mode == "offline":
        raise InputError(
            f"The artifact {artifact.name!r} is incremental, and offline its newest version is not known.",
            remedy="Log it whole, or use new_draft() of a version.",
            field="incremental",
        )
    return _newest(recorder.store, recorder.project, artifact)


def _newest(store: Store, project: str, artifact: Artifact) -> list[ArtifactFile]:
    try:
        return artifact._merged(store.artifacts.get_version(project, artifact.name).files)
    except NotFoundError:
        return []


def keep_for(
    store: Store, run: Run, artifact: Artifact, aliases: Sequence[str] = (), tags: Sequence[str] = ()
) -> ArtifactVersion:
    """Keep ``artifact`` as made by a run that is stored already. Raises InputError for a bad alias or tag."""
    _check_words(aliases, tags)
    base = _newest(store, run.project, artifact) if artifact.incremental else []
    return _kept(store, run.project, run.run_id, artifact, base, aliases, tags)


def _kept(
    store: Store,
    project: str,
    run_id: str,
    artifact: Artifact,
    base: list[ArtifactFile],
    aliases: Sequence[str],
    tags: Sequence[str],
) -> ArtifactVersion:
    files = [*base, *_named(artifact, _stored(store, project, artifact))]
    version = _version(project, run_id, artifact, files, aliases, tags)
    return store.artifacts.create_version(version, aliases=[alias for alias in aliases if alias != LATEST])


def _own(artifact: Artifact) -> list[tuple[str, Content]]:
    return [(path, entry) for path, entry in artifact.contents() if isinstance(entry, Content)]


def _named(artifact: Artifact, stored: Sequence[tuple[str, str, int]]) -> list[ArtifactFile]:
    """Entries of what was stored (path, digest, size), and those that the artifact had already."""
    kept = [entry for _, entry in artifact.contents() if isinstance(entry, ArtifactFile)]
    return [ArtifactFile(*one) for one in stored] + kept


def _stored(store: Store, project: str, artifact: Artifact) -> list[tuple[str, str, int]]:
    own = _own(artifact)
    paths = [(path, one.source) for path, one in own if isinstance(one.source, Path)]
    data = [(path, one.source) for path, one in own if isinstance(one.source, bytes)]
    try:
        of_paths = store.blobs.put_files(project, [source for _, source in paths])
    except OSError as error:
        raise _unreadable(error) from error
    of_data = store.blobs.put_all(project, [source for _, source in data])
    found = [(path, *seen) for (path, _), seen in zip(paths, of_paths, strict=True)]
    return found + [(path, digest, len(source)) for (path, source), digest in zip(data, of_data, strict=True)]


def _seen(path: str, content: Content) -> tuple[str, str, int]:
    source = content.source
    if isinstance(source, bytes):
        return path, digests.of_bytes(source), len(source)
    try:
        return path, digests.of_file(source), source.stat().st_size
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> InputError:
    what = "content" if error.filename is None else f"file {os.fspath(error.filename)!r}"
    return InputError(f"The {what} cannot be read: {error.strerror or error}.", field="path")


def _version(
    project: str,
    run_id: str,
    artifact: Artifact,
    files: list[ArtifactFile],
    aliases: Sequence[str],
    tags: Sequence[str],
) -> ArtifactVersion:
    files = sorted(files, key=lambda file: file.path)
    metadata = redact.clean_json(capture(artifact.metadata))
    told = [[f.path, f.digest] if f.url is None else [f.path, f.digest, f.url] for f in files]
    now = clock.now_ns()
    return ArtifactVersion(
        project=project,
        name=artifact.name,
        type=artifact.type,
        version=0,
        digest=digests.of_json({"type": artifact.type, "metadata": metadata, "files": told}),
        created_ns=now,
        description=None if artifact.description is None else redact.clean_text(artifact.description),
        metadata=metadata,
        files=files,
        aliases=list(aliases),
        run_id=run_id,
        tags=list(dict.fromkeys([*artifact.tags, *tags])),
        expires_ns=expiry(artifact.ttl, now),
        file_count=len(files),
        size_bytes=sum(file.size_bytes for file in files),
    )


def _check_words(aliases: Sequence[str], tags: Sequence[str]) -> None:
    for words, what in ((aliases, "aliases"), (tags, "tags")):
        if isinstance(words, str):  # a text is a sequence of letters too
            raise InputError(
                f"The {what} are the text {words!r}, not a list.", remedy=f"Use {what}=[{words!r}].", field=what
            )
    for alias in aliases:
        checked_name(alias, "alias")
