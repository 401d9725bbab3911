"""`weft prompts` and `weft ops`: what there is, one of them, what changed between two versions."""

from __future__ import annotations

from typing import Annotated

import typer

from weft.api import Api
from weft.cli.output import console, preview, print_json, print_table
from weft.errors import InputError, NotFoundError
from weft.formatting import ago
from weft.objects import text_of
from weft.records import ArtifactVersion
from weft.tracing.op_versions import PREFIX, artifact_name

Project = Annotated[str | None, typer.Option("--project", "-p", help="The project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The name.")]
Old = Annotated[str, typer.Argument(help="The older version: 1, or an alias.")]
New = Annotated[str, typer.Argument(help="The newer version: 2, or an alias.")]

prompts = typer.Typer(no_args_is_help=True, help="Prompts: their versions, aliases and what changed.")
ops = typer.Typer(no_args_is_help=True, help="The code of ops: its versions and what changed.")


def _table(found: list[ArtifactVersion], empty: str) -> None:
    print_table(
        {"name": "left", "version": "right", "aliases": "left", "when": "right", "begins": "left"},
        [
            (
                v.name.removeprefix(PREFIX) if v.type == "op" else v.name,
                v.version,
                ", ".join(v.aliases),
                ago(v.created_ns),
                preview(text_of(v), 60),
            )
            for v in found
        ],
        empty=empty,
    )


@prompts.command("list")
def list_prompts(
    name: Annotated[str | None, typer.Argument(help="All versions of this one.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List the newest version of each prompt, or all versions of one."""
    with Api() as api:
        found = api.prompts(project) if name is None else api.versions(name, project)
    if as_json:
        print_json(found)
        return
    _table(found, "No prompts yet. Publish one: weft.Prompt('answer', 'Reply to {question}').publish()")


@prompts.command("show")
def show_prompt(
    ref: Annotated[str, typer.Argument(help="name, name:alias or name:v3.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Print a prompt's template."""
    with Api() as api:
        version = api.store.artifacts.get_version(api.project(project), ref)
    _show(version, as_json)


@prompts.command("diff")
def diff_prompts(name: Name, old: Old, new: New, project: Project = None) -> None:
    """Print what changed between two versions of a prompt."""
    _diff(name, old, new, project)


@prompts.command("alias")
def alias_prompt(
    ref: Annotated[str, typer.Argument(help="The version: name:v3, or name:alias.")],
    alias: Annotated[str, typer.Argument(help="The alias that moves to it, such as production.")],
    project: Project = None,
) -> None:
    """Move an alias to a version."""
    with Api() as api:
        where = api.project(project)
        version = api.store.artifacts.get_version(where, ref)
        if version.type != "prompt":
            raise InputError(f"The artifact {version.ref} is a {version.type}, not a prompt.", field="ref")
        api.store.artifacts.set_alias(where, version.name, alias, version.version)
    console().print(f"{version.name}:{alias} is {version.ref} now.", markup=False)


@ops.command("list")
def list_ops(
    name: Annotated[str | None, typer.Argument(help="All versions of this one.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List the newest version of each op's code, or all versions of one."""
    with Api() as api:
        found = api.ops(project) if name is None else api.op_versions(name, project)
    if as_json:
        print_json(found)
        return
    _table(found, "No code yet. Decorate a function with @weft.op and call it after weft.init('my-project').")


@ops.command("show")
def show_op(
    ref: Annotated[str, typer.Argument(help="name or name:v3.")], project: Project = None, as_json: AsJson = False
) -> None:
    """Print an op's code and what it depends on."""
    name, _, tag = ref.partition(":")
    with Api() as api:
        known = artifact_name(name)
        version = api.store.artifacts.get_version(api.project(project), f"{known}:{tag}" if tag else known)
    _show(version, as_json)


@ops.command("diff")
def diff_ops(name: Name, old: Old, new: New, project: Project = None) -> None:
    """Print what changed between two versions of an op's code."""
    _diff(artifact_name(name), old, new, project)


def _show(version: ArtifactVersion, as_json: bool) -> None:
    if as_json:
        print_json(version)
        return
    console().print(text_of(version), markup=False)


def _diff(name: str, old: str, new: str, project: str | None) -> None:
    with Api() as api:
        if not api.versions(name, project):
            raise NotFoundError(f"There is no artifact {name!r} in project {api.project(project)!r}.", field="name")
        changed = api.diff(name, old, new, project)
    console().print(changed or "Nothing changed.", markup=False)
