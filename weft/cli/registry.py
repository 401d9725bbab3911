"""`weft registry`: what a team agreed on: versions, stages, requirements, decisions, hooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from weft import settings as weft_settings
from weft.api import Api
from weft.cli.output import console, print_json, print_table
from weft.errors import InputError
from weft.formatting import MISSING, ago, moment
from weft.records import RegistryEvent, Standing
from weft.records.registry import Requirement
from weft.registry import Registry, Version
from weft.registry.facade import wake

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The registered name.")]
Of = Annotated[str, typer.Argument(metavar="VERSION", help="name:v3, name:stage or name:alias; a name is its newest.")]
Author = Annotated[str | None, typer.Option("--as", metavar="NAME", help="In whose name; default: who runs this.")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; the log keeps it.")]
Project = Annotated[str | None, typer.Option("--project", "-p", help="The project.")]

registry = typer.Typer(
    no_args_is_help=True, help="Registered models and datasets: versions, stages, requirements, decisions."
)
hooks = typer.Typer(help="Addresses that are told of decisions.")
registry.add_typer(hooks, name="hooks", no_args_is_help=True)


@contextmanager
def _opened(author: str | None = None) -> Iterator[tuple[Api, Registry]]:
    with Api() as api:
        yield api, Registry(api.store, author, decided=lambda: wake(weft_settings.load()))


def _say(version: Version) -> None:
    stage = f"in {version.stage}" if version.stage else "in no stage"
    console().print(f"{version.ref} ({version.project}/{version.artifact}) is {stage}.", markup=False)


@registry.command("ls")
def ls(
    name: Annotated[str | None, typer.Argument(help="All versions of this one.")] = None,
    type: Annotated[str | None, typer.Option(help="Only this type, such as model.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what is registered, or the versions of one."""
    with _opened() as (api, found):
        if name is not None:
            _list_versions(found, name, as_json)
            return
        known = api.store.registry.list_registered(type=type)
        standings = api.store.registry.list_standings()
    if as_json:
        print_json([{**asdict(one), "in_stages": _stages(standings, one.name)} for one in known])
        return
    print_table(
        {"name": "left", "type": "left", "versions": "right", "stages": "left", "since": "right"},
        [(one.name, one.type, one.versions, _told(standings, one.name), ago(one.created_ns)) for one in known],
        empty="Nothing is registered yet. Register a version: weft registry register clf:v1 classifier",
    )


def _list_versions(found: Registry, name: str, as_json: bool) -> None:
    versions = found.versions(name)
    if as_json:
        print_json([asdict(version.record) for version in versions])
        return
    print_table(
        {"version": "left", "artifact": "left", "stage": "left", "since": "right", "aliases": "left", "by": "left"},
        [
            (
                f"v{v.version}",
                f"{v.project}/{v.artifact}",
                v.stage,
                ago(v.record.staged_ns) if v.record.staged_ns else None,
                ", ".join(v.aliases),
                v.record.created_by,
            )
            for v in reversed(versions)
        ],
        empty=f"{name} has no versions yet: weft registry register clf:v1 {name}",
    )


def _stages(standings: list[Standing], name: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in standings:
        if one.version.name == name:
            found.setdefault(one.stage, []).append(one.version.version)
    return found


def _told(standings: list[Standing], name: str) -> str:
    found = _stages(standings, name)
    return ", ".join(f"{stage} {' '.join(f'v{n}' for n in numbers[:3])}" for stage, numbers in found.items())


@registry.command("create")
def create(
    name: Name,
    type: Annotated[str, typer.Option(help="What it is: model, dataset, prompt, ...")] = "model",
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    stages: Annotated[str | None, typer.Option(help="Stages of its own, by commas, in their order.")] = None,
    require: Annotated[
        list[str] | None,
        typer.Option("--require", metavar="STAGE=WHAT", help="'production=evaluation quality', 'live=check load'."),
    ] = None,
    author: Author = None,
) -> None:
    """Register a name, with its stages and what each requires; of one that exists, change what is given."""
    own = None if stages is None else [stage.strip() for stage in stages.split(",") if stage.strip()]
    with _opened(author) as (_, found):
        known = found.create(name, type, description=description, stages=own, requires=_requires(require))
        if description is not None or own is not None or require is not None:
            requires = None if require is None else _requires(require)
            known = found.change(name, description=description, stages=own, requires=requires)
    told = "; ".join(f"{check.stage} requires {check.text}" for check in known.checks)
    console().print(
        f"{known.name} ({known.type}): {', '.join(stage.name for stage in known.stages)}. {told}".strip(), markup=False
    )


def _requires(given: list[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given or ():
        stage, sign, what = text.partition("=")
        if not sign:
            raise InputError(
                f"{text!r} names no stage.", remedy="Write --require 'production=evaluation quality'.", field="require"
            )
        found.setdefault(stage.strip(), []).append(what.strip())
    return found


@registry.command("register")
def register(
    ref: Annotated[str, typer.Argument(help="The artifact's version: clf:v3, or clf:alias.")],
    name: Name,
    alias: Annotated[list[str] | None, typer.Option(help="An alias in the registry that moves to it.")] = None,
    note: Annotated[str | None, typer.Option("--note", "-m", help="What there is to say about it.")] = None,
    project: Project = None,
    author: Author = None,
) -> None:
    """Make an artifact's version one of a registered name."""
    with _opened(author) as (api, found):
        _say(found.link(name, api.project(project), ref, aliases=alias or [], note=note))


@registry.command("promote")
def promote(
    version: Of,
    stage: Annotated[str, typer.Argument(help="The stage that it enters; 'none' takes it out of its own.")],
    reason: Reason = "",
    override: Annotated[bool, typer.Option("--override", help="Pass over what is not met; say why.")] = False,
    author: Author = None,
) -> None:
    """Put a version into a stage; what the stage requires must be met."""
    with _opened(author) as (_, found):
        _say(found.promote(version, None if stage == "none" else stage, reason=reason, override=override))


@registry.command("rollback")
def rollback(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; the log keeps it.")],
    stage: Annotated[str, typer.Option(help="The stage.")] = "production",
    author: Author = None,
) -> None:
    """Put the version that was in a stage before back there."""
    with _opened(author) as (_, found):
        _say(found.roll_back(name, stage, reason=reason))


@registry.command("alias")
def alias(version: Of, alias: Annotated[str, typer.Argument(help="The alias.")], author: Author = None) -> None:
    """Move an alias of the registry to a version."""
    with _opened(author) as (_, found):
        moved = found.alias(version, alias)
    console().print(f"registry/{moved.name}:{alias} is v{moved.version} now.", markup=False)


@registry.command("check")
def check(
    version: Of,
    check: Annotated[str, typer.Argument(help="The name of the check.")],
    passed: Annotated[bool, typer.Option("--passed/--failed", help="What came of it.")],
    reason: Reason = "",
    run: Annotated[str | None, typer.Option(help="The run that shows it.")] = None,
    author: Author = None,
) -> None:
    """Write down that a check of one's own passed or failed for a version."""
    with _opened(author) as (_, found):
        event = found.record_check(version, check, passed, reason=reason or None, run_id=run)
    word = "passed" if passed else "failed"
    console().print(f"{event.name}:v{event.version}: {check} {word}, by {event.author}.", markup=False)


@registry.command("approve")
def approve(
    version: Of,
    stage: Annotated[str, typer.Argument(help="The stage.")] = "production",
    reason: Reason = "",
    author: Author = None,
) -> None:
    """Approve a version for a stage."""
    with _opened(author) as (_, found):
        event = found.approve(version, stage, reason=reason or None)
    console().print(f"{event.name}:v{event.version} is approved for {stage} by {event.author}.", markup=False)


@registry.command("checks")
def checks(
    version: Of,
    stage: Annotated[str, typer.Argument(help="The stage.")] = "production",
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Say how the requirements of a stage stand for a version; exit code 1 where one is not met."""
    with _opened(author) as (_, found):
        states = found.checks(version, stage)
    if as_json:
        print_json([asdict(state) for state in states])
    else:
        print_table(
            {"": "left", "requirement": "left", "why": "left"},
            [("met" if s.passed else "NOT MET", s.requirement.text, s.reason) for s in states],
            empty=f"{stage} requires nothing.",
        )
    if not all(state.passed for state in states):
        raise typer.Exit(1)


@registry.command("production")
def production(
    name: Name, stage: Annotated[str, typer.Option(help="Another stage.")] = "production", as_json: AsJson = False
) -> None:
    """Say what is in production: since when, by whom, why, on which evidence, and where it is deployed."""
    with _opened() as (api, found):
        standing = found.production(name, stage)
        if standing is not None:
            artifact, _, _ = standing.version.artifact.partition(":")
            deployments = api.store.deployments.list_deployments(standing.version.project, name=artifact)
    if standing is None:
        console().print(f"Nothing of {name} is in {stage}.", markup=False)
        raise typer.Exit(1)
    if as_json:
        print_json({**asdict(standing), "deployments": [asdict(one) for one in deployments]})
        return
    version, event = standing.version, standing.event
    rows = [
        ("version", f"{version.ref} = {version.project}/{version.artifact}"),
        ("since", f"{moment(event.time_ns)} ({ago(event.time_ns)})"),
        ("by", f"{event.author} ({event.action})"),
        ("before", event.before),
        ("why", event.reason),
        *(
            ("evidence", one.get("reason") or f"it was here before, by decision {one.get('promoted')}")
            for one in event.evidence
        ),
        *(("passed over", text) for text in event.overridden),
        *(
            (
                "deployed",
                f"{one.ref} in {one.environment} since {ago(one.started_ns)}" + _other(one.ref, version.artifact),
            )
            for one in deployments
        ),
    ]
    print_table({"": "left", name: "left"}, [row for row in rows if row[1]], empty="")


def _other(ref: str, artifact: str) -> str:
    return "" if ref == artifact else "  (another version than the registry's)"


@registry.command("history")
def history(
    name: Annotated[str | None, typer.Argument(help="The registered name; without one, of all.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List decisions, the newest first."""
    with _opened() as (_, found):
        events = found.history(name, limit=limit)
    if as_json:
        print_json([asdict(event) for event in events])
        return
    print_table(
        {"#": "right", "when": "right", "who": "left", "what": "left", "version": "left", "of": "left", "why": "left"},
        [(e.sequence, ago(e.time_ns), e.author, e.action, _version(e), _subject(e), _why(e)) for e in events],
        empty="No decisions yet.",
    )


def _version(event: RegistryEvent) -> str:
    return event.name + ("" if event.version is None else f":v{event.version}")


def _subject(event: RegistryEvent) -> str:
    before = f" (before: {event.before})" if event.before else ""
    word = "" if event.passed is None else " passed" if event.passed else " failed"
    if event.action == "changed":
        return "; ".join(told for one in event.evidence for told in _changes(one["before"], one["after"])) or MISSING
    return f"{event.subject or MISSING}{word if event.action == 'checked' else ''}{before}"


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    if before["description"] != after["description"]:
        yield "the description"
    if before["stages"] != after["stages"]:
        yield f"stages {', '.join(stage['name'] for stage in after['stages'])}"
    if before["checks"] != after["checks"]:
        told = [f"{one['stage']}: {Requirement(**one).text}" for one in after["checks"]]
        yield f"requires {', '.join(told) or 'nothing'}"


def _why(event: RegistryEvent) -> str:
    over = f"passed over: {', '.join(event.overridden)}" if event.overridden else ""
    return "; ".join(part for part in (event.reason or "", over) if part)


@registry.command("card")
def card(
    version: Of,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write it into this file.")] = None,
) -> None:
    """Print the model card of a version, Markdown, made from its run, its data and its evaluations."""
    with _opened() as (_, found):
        text = found.card(version)
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, "utf-8")
    console().print(f"Written to {out}.", markup=False)


@hooks.command("ls")
def list_hooks(as_json: AsJson = False) -> None:
    """List the hooks; their secrets are not shown."""
    with _opened() as (api, _):
        found = api.store.registry.list_hooks()
    if as_json:
        print_json([asdict(hook) for hook in found])
        return
    print_table(
        {"hook": "left", "url": "left", "of": "left", "actions": "left", "by": "left"},
        [(h.hook_id, h.url, h.name or "all", ", ".join(h.actions) or "all", h.created_by) for h in found],
        empty="No hooks yet. Add one: weft registry hooks add https://ci.example.com/hook",
    )


@hooks.command("add")
def add_hook(
    url: Annotated[str, typer.Argument(help="An http or https address.")],
    secret: Annotated[
        str | None, typer.Option(envvar="HOOK_SECRET", help="What signs, 16 characters or more; else it is asked for.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only decisions about this registered name.")] = None,
    action: Annotated[list[str] | None, typer.Option(help="Only this action, such as promoted.")] = None,
    author: Author = None,
) -> None:
    """Tell an address of decisions, signed with HMAC-SHA256 of a secret; it is read from a pipe, too."""
    if secret is None:
        secret = typer.prompt("Secret", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    with _opened(author) as (_, found):
        made = found.add_hook(url, secret, name=name, actions=action or [])
    console().print(f"{made.hook_id} tells {made.url}.", markup=False)


@hooks.command("remove")
def remove_hook(hook: Annotated[str, typer.Argument(help="The hook's id.")]) -> None:
    """Tell an address no more."""
    with _opened() as (api, _):
        api.store.registry.delete_hook(hook)
    console().print(f"{hook} is gone.", markup=False)


@hooks.command("log")
def log(
    hook: Annotated[str | None, typer.Argument(help="Only this hook.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what became of telling hooks, the newest first."""
    with _opened() as (api, _):
        found = api.store.registry.list_deliveries(hook, limit=limit).items
    if as_json:
        print_json([asdict(delivery) for delivery in found])
        return
    print_table(
        {"hook": "left", "event": "left", "state": "left", "tries": "right", "last": "left"},
        [
            (
                d.hook_id,
                f"{d.name} #{d.sequence}",
                d.state,
                len(d.attempts),
                "" if not d.attempts else str(d.attempts[-1].get("status") or d.attempts[-1].get("error")),
            )
            for d in found
        ],
        empty="No hook was told of anything yet.",
    )
