"""The command's root: which commands there are, and how errors leave it.

What a user can fix ends with one message and exit code 2; only bugs show a traceback.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from weft.cli import (
    artifacts,
    attributes,
    browse,
    compare,
    deletion,
    demo,
    doctor,
    evaluate,
    exchange,
    keeping,
    lineage,
    monitor,
    people,
    registry,
    reproduce,
    review,
    serve,
    serving,
    sweeps,
    sync,
    totals,
    versions,
)
from weft.cli.output import fail
from weft.errors import WeftError

app = typer.Typer(
    name="weft",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(serve.up)
app.command("demo")(demo.demo)
app.add_typer(evaluate.app, name="eval")
app.command("compare")(compare.compare_runs)
app.command("monitor")(monitor.monitor)
app.command("runs")(browse.runs)
app.command("traces")(browse.traces)
app.command("reproduce")(reproduce.reproduce_run)
app.command("totals")(totals.totals)
app.add_typer(attributes.attributes, name="attributes", no_args_is_help=True)
app.add_typer(review.review, name="review")
app.add_typer(sweeps.sweeps, name="sweep")
app.command("agent")(sweeps.run_agent)
app.command("sync")(sync.sync)
app.command("export")(exchange.export)
app.command("import")(exchange.load)
app.command("backup")(keeping.backup)
app.command("restore")(keeping.restore)
app.command("copy")(keeping.copy)
app.command("delete")(deletion.delete)
app.add_typer(deletion.retention, name="retention", no_args_is_help=True)
app.command("audit")(deletion.audit)
app.command("deployments")(serving.deployments)
app.add_typer(registry.registry, name="registry", no_args_is_help=True)
app.command("lineage")(lineage.lineage)
app.add_typer(artifacts.artifacts, name="artifact", no_args_is_help=True)
app.add_typer(versions.prompts, name="prompts", no_args_is_help=True)
app.add_typer(versions.ops, name="ops", no_args_is_help=True)
app.add_typer(serving.prices, name="prices", no_args_is_help=True)
app.add_typer(people.users, name="user", no_args_is_help=True)
app.add_typer(people.keys, name="key", no_args_is_help=True)
app.command("doctor")(doctor.doctor)
app.command("settings")(doctor.settings_table)


@app.command("version")
def version() -> None:
    """Print Weft's version."""
    from weft import __version__  # noqa: PLC0415 - read when asked

    typer.echo(__version__)


def _print_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def weft(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print Weft's version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """LLM traces, evaluations, human review and training runs in one database."""


def main() -> None:
    """Run the command line; never returns."""
    try:
        app()
    except WeftError as error:
        fail(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
