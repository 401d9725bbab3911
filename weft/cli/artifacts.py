"""`weft artifact`: what there is, files in and out, what changed, what goes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from weft import session
from weft import settings as settings_module
from weft.api import Api
from weft.cli.output import console, print_json, print_table
from weft.cli.places import elsewhere
from weft.errors import InputError, NotFoundError
from weft.formatting import ago, size
from weft.records import ArtifactVersion
from weft.records.artifacts import MediaLimit
from weft.training.artifacts import Artifact, LoggedArtifact, Place
from weft.training.artifacts.cache import Cache

Project = Annotated[str | None, typer.Option("--project", "-p", help="The project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ref = Annotated[str, typer.Argument(help="name, name:alias or name:v3.")]

artifacts = typer.Typer(
    no_args_is_help=True, help="Artifacts: their versions, files in and out, what changed, what goes."
)


def _version(api: Api, ref: str, project: str | None) -> LoggedArtifact:
    try:
        version = api.store.artifacts.get_version(api.project(project), ref)
    except NotFoundError as error:
        raise (error if project else elsewhere(api, error, ref)) from None
    return LoggedArtifact(api.store, version, Place(settings_module.load()))


def _found(api: Api, name: str | None, type: str | None, project: str | None) -> list[ArtifactVersion]:
    """The newest version of each, or all of one; those of every project where none is named."""
    store = api.store.artifacts
    where = api.projects() if project is None else [api.project(project)]
    if name is not None:
        return [version for one in where for version in store.list_versions(one, name)]
    return [version for one in where for version in store.list_artifacts(one, type=type)]


@artifacts.command("ls")
def list_artifacts(
    name: Annotated[str | None, typer.Argument(help="All versions of this one; with a version, its files.")] = None,
    type: Annotated[str | None, typer.Option(help="Only this type.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List the newest version of each artifact, all versions of one, or the files of a version; of all projects
    without --project."""
    with Api() as api:
        if name is not None and ":" in name:
            _list_files(_version(api, name, project), as_json)
            return
        found = _found(api, name, type, project)
    if as_json:
        print_json(found)
        return
    print_table(
        {
            "ref": "left",
            "project": "left",
            "type": "left",
            "files": "right",
            "size": "right",
            "when": "right",
            "aliases": "left",
            "tags": "left",
        },
        [
            (
                v.ref,
                v.project,
                v.type,
                f"{v.file_count:,}",
                size(v.size_bytes),
                ago(v.created_ns),
                ", ".join(v.aliases),
                ", ".join(v.tags),
            )
            for v in found
        ],
        empty=f"There is no artifact {name!r}."
        if name is not None
        else "No artifacts yet. Log one: run.log_artifact('model.bin', name='net', type='model')",
    )


def _list_files(found: LoggedArtifact, as_json: bool) -> None:
    if as_json:
        print_json(found.files)
        return
    print_table(
        {"path": "left", "size": "right", "digest": "left"},
        [(file.path, size(file.size_bytes), file.url or file.digest[:16]) for file in found.files],
        empty=f"{found.ref} has no files.",
    )


@artifacts.command("get")
def get(
    ref: Ref,
    root: Annotated[Path | None, typer.Option("--root", help="Where to; default artifacts/NAME-vN.")] = None,
    path: Annotated[str | None, typer.Option("--path", help="Only what begins with this path.")] = None,
    checkout: Annotated[bool, typer.Option("--checkout", help="Make the folder equal: all else in it goes.")] = False,
    project: Project = None,
) -> None:
    """Download a version's files."""
    with Api() as api:
        found = _version(api, ref, project)
        if checkout and path is not None:
            raise InputError("--checkout takes the whole version.", remedy="Leave out --path.", field="path")
        folder = found.checkout(root) if checkout else found.download(root, path_prefix=path)
    console().print(f"{found.ref}: {size(found.size)} in {found.file_count:,} files, {folder}.", markup=False)


@artifacts.command("put")
def put(
    path: Annotated[Path, typer.Argument(help="A file or a folder.")],
    name: Annotated[str | None, typer.Option("--name", "-n", help="The artifact; default the file's name.")] = None,
    type: Annotated[str, typer.Option(help="The type, such as model or dataset.")] = "files",
    alias: Annotated[
        list[str] | None, typer.Option("--alias", help="An alias that moves to it; may be repeated.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="A description.")] = None,
    ttl_days: Annotated[float | None, typer.Option(help="Delete it after so many days.")] = None,
    project: Project = None,
) -> None:
    """Log a file or folder as a version, made by a run of its own."""
    artifact = Artifact.of(path, name, type)
    artifact.description = description
    artifact.ttl = None if ttl_days is None else timedelta(days=ttl_days)
    quiet = {"console": False, "git": False, "system_interval_s": 0.0, "quiet": True}
    run = session.init(project, name=f"put {artifact.name}", job_type="upload", settings=quiet)
    logged = run.log_artifact(artifact, aliases=alias)
    run.finish()
    if logged.state == "pending" and run.settings.mode == "online" and run.settings.drain != "off":
        logged.wait()
    known = logged.name if logged.state == "pending" else logged.ref
    session.close()
    console().print(f"{known}: {size(logged.size)} in {logged.file_count:,} files.", markup=False)


@artifacts.command("verify")
def verify(
    ref: Ref,
    root: Annotated[Path | None, typer.Option("--root", help="A folder; without one, what the store holds.")] = None,
    project: Project = None,
) -> None:
    """Check that a folder, or what the store holds, is what was logged."""
    with Api() as api:
        found = _version(api, ref, project)
        found.verify(root)
    console().print(f"{found.ref} is as it was logged: {found.file_count:,} files, {size(found.size)}.", markup=False)


@artifacts.command("diff")
def diff(
    old: Annotated[str, typer.Argument(help="name:v1")],
    new: Annotated[str, typer.Argument(help="name:v2")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Print which files and metadata differ between two versions."""
    with Api() as api:
        found = _version(api, old, project).diff(new)
    if as_json:
        print_json(found)
        return
    console().print(str(found) if found else "Nothing changed.", markup=False)


@artifacts.command("alias")
def alias(
    ref: Ref,
    alias: Annotated[str, typer.Argument(help="The alias, such as best.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take it away instead.")] = False,
    project: Project = None,
) -> None:
    """Move an alias to a version, or take it away."""
    with Api() as api:
        found = _version(api, ref, project)
        if remove:
            api.store.artifacts.remove_alias(found.project, found.name, alias)
        else:
            api.store.artifacts.set_alias(found.project, found.name, alias, found.number)
    now = "is gone" if remove else f"is {found.ref} now"
    console().print(f"{found.name}:{alias} {now}.", markup=False)


@artifacts.command("rm")
def remove(
    refs: Annotated[list[str], typer.Argument(help="name:v3, as many as you like.")],
    force: Annotated[bool, typer.Option("--force", help="Also where an alias other than latest names it.")] = False,
    project: Project = None,
) -> None:
    """Delete versions; `weft artifact collect` then gives their room back."""
    with Api() as api:
        for ref in refs:
            if ":" not in ref:
                raise InputError(f"{ref!r} names no version.", remedy=f"Write {ref}:v1, or {ref}:latest.", field="refs")
            found = _version(api, ref, project)
            found.delete(delete_aliases=force)
            console().print(f"{found.ref} is deleted.", markup=False)


@artifacts.command("collect")
def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    media_days: Annotated[float | None, typer.Option(help="Also media that runs logged longer ago than that.")] = None,
    media_steps: Annotated[int | None, typer.Option(help="Also all but the newest so many of a name in a run.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Delete versions that outlived their time, and all content that nothing refers to."""
    limit = None if media_days is None and media_steps is None else MediaLimit(media_days, media_steps)
    with Api() as api:
        done = api.store.artifacts.collect(project, dry_run=dry_run, author="weft artifact collect", media=limit)
    if as_json:
        print_json(done)
        return
    for ref in done.versions:
        console().print(f"  {ref}", markup=False)
    verb = "would go" if dry_run else "are gone"
    logged = f"{done.media:,} logged media and " if limit or done.media else "and "
    console().print(
        f"{len(done.versions):,} versions {logged}{done.blobs:,} contents of {size(done.size_bytes)} {verb}.",
        markup=False,
    )


@artifacts.command("cache")
def cache(
    clean: Annotated[bool, typer.Option("--clean", help="Empty it, but for what --keep says.")] = False,
    keep: Annotated[int, typer.Option(help="With --clean: so many bytes of the newest stay.")] = 0,
) -> None:
    """Show how much the cache of downloaded files holds, or empty it."""
    settings = settings_module.load()
    held = Cache(settings.dir, settings.cache_bytes)
    if clean:
        console().print(f"{size(held.clean(keep))} are gone from {held.root}.", markup=False)
        return
    console().print(f"{size(held.size_bytes())} of {size(settings.cache_bytes)} in {held.root}.", markup=False)
