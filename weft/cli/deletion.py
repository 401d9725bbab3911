"""`weft delete`, `weft retention` and `weft audit`: what goes, when, and who said so."""

from __future__ import annotations

from typing import Annotated

import typer

from weft.api import Api
from weft.cli.output import console, pointing, print_json, print_table
from weft.formatting import MISSING, ago, count
from weft.records import Deletion, SpanQuery

Project = Annotated[str | None, typer.Option("--project", "-p", help="Only this project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Expression = Annotated[str | None, typer.Option("--where", "-w", help="Only spans that this expression finds.")]
TheProject = Annotated[str, typer.Argument(help="The project.")]

retention = typer.Typer(no_args_is_help=True, help="How long spans are kept, by project and age.")


def delete(
    where: Annotated[str, typer.Option("--where", "-w", help='Which spans: start < now - 30d and user == "u1"')],
    project: Project = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also those of traces with review items, people's scores or lineage.")
    ] = False,
) -> None:
    """Delete the spans that an expression finds, with their scores, contents and copies."""
    wanted = SpanQuery(project=project, where=where)
    with Api() as api, pointing(where):
        found = api.store.spans.count_spans(wanted)
        console().print(f"{count(found)} spans match.", markup=False)
        if dry_run or not found:
            return
        if not yes and not typer.confirm("Delete them for good?"):
            raise typer.Exit(1)
        _tell(api.delete_spans(project, where=where, force=force))


@retention.command("set")
def set_retention(
    project: TheProject,
    days: Annotated[float, typer.Option("--days", help="Spans that started so many days ago go.")],
    where: Expression = None,
) -> None:
    """Delete spans of a project some days after they started."""
    with Api() as api, pointing(where):
        api.set_retention(project, days, where=where)
    console().print(f"Spans of {project} are kept {days:g} days.", markup=False)


@retention.command("list")
def list_retention(project: Project = None, as_json: AsJson = False) -> None:
    """List how long spans are kept."""
    with Api() as api:
        found = api.retentions(project)
    if as_json:
        print_json(found)
        return
    print_table(
        {"project": "left", "days": "right", "set": "right", "where": "left"},
        [(p.project, f"{p.days:g}", ago(p.created_ns), p.where or MISSING) for p in found],
        empty="Everything is kept. Change it with: weft retention set PROJECT --days 30",
    )


@retention.command("clear")
def clear_retention(project: TheProject, where: Expression = None) -> None:
    """Keep spans of a project for ever."""
    with Api() as api:
        api.clear_retention(project, where=where)
    console().print(f"Spans of {project} are kept.", markup=False)


@retention.command("run")
def run_retention() -> None:
    """Delete now what is too old; the drainer does it by itself every hour."""
    with Api() as api:
        _tell(api.apply_retentions())


def audit(
    project: Project = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many rows.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List who deleted what."""
    with Api() as api:
        found = api.audit(project, limit=limit)
    if as_json:
        print_json(found)
        return
    columns = {"when": "right", "who": "left", "action": "left", "project": "left", "spans": "right", "kept": "right"}
    print_table(
        {**columns, "expression": "left"},
        [
            (ago(e.time_ns), e.author, e.action, e.project or MISSING, count(e.spans), count(e.kept), e.expression)
            for e in found
        ],
        empty="Nothing was deleted.",
    )


def _tell(done: Deletion) -> None:
    kept = f" {count(done.kept)} are kept: people or lineage need their traces." if done.kept else ""
    console().print(f"{count(done.spans)} spans and {count(done.scores)} scores are deleted.{kept}", markup=False)
