"""The command's root: which commands there are, and how errors leave it.

What a user can fix ends with one message and exit code 2; only bugs show a traceback.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from weft.cli.lazy import Later, LaterGroup
from weft.errors import WeftError


class Commands(LaterGroup):
    """The commands, in the order of the help; ``version`` comes last."""

    later = (
        Later("up", "serve:up", "Start pages, API and OTLP receiver behind one address."),
        Later(
            "demo",
            "demo:demo",
            "Train a small model, serve it, trace an app that calls it, evaluate it, review it, and show the pages.",
        ),
        Later(
            "compare",
            "compare:compare_runs",
            "Compare evaluations, paired on the examples that they share: differences, flips, tests and power.",
        ),
        Later(
            "monitor",
            "monitor:monitor",
            "Score a share of live spans with the monitors of a file, until interrupted.",
        ),
        Later("runs", "browse:runs", "List runs, or show one."),
        Later("traces", "browse:traces", "List traces, or show the tree of one."),
        Later(
            "reproduce",
            "reproduce:reproduce_run",
            "Write what is needed to run a run again: code, patch, packages, environment, inputs, and a script.",
        ),
        Later(
            "totals",
            "totals:totals",
            "Sum tokens, cost, errors and latency, by one or more keys separated by commas.",
        ),
        Later(
            "agent",
            "sweeps:run_agent",
            "Run trials of a sweep: its program or command, a process each, in this folder.",
        ),
        Later(
            "sync",
            "sync:sync",
            "Store what was recorded offline or left behind; may be run again at will, nothing is stored twice.",
        ),
        Later(
            "export",
            "exchange:export",
            "Write spans and their scores to a file: JSON lines and Parquet are exact, OTLP is for other backends.",
        ),
        Later(
            "import",
            "exchange:load",
            "Read files that `weft export`, Langfuse or Phoenix wrote, or runs of wandb, MLflow or TensorBoard, from "
            "their own folders; may be repeated, nothing is stored twice.",
        ),
        Later(
            "backup",
            "keeping:backup",
            "Write all that is stored into a new folder: database, large blobs, digests; programs may go on recording.",
        ),
        Later(
            "restore",
            "keeping:restore",
            "Bring a backup back; every file is checked against its digest, nothing that exists is replaced.",
        ),
        Later(
            "copy",
            "keeping:copy",
            "Copy the whole database into another one, as it is at one moment; programs may go on recording.",
        ),
        Later(
            "delete",
            "deletion:delete",
            "Delete the spans that an expression finds, with their scores, contents and copies.",
        ),
        Later("audit", "deletion:audit", "List who deleted what."),
        Later("deployments", "serving:deployments", "List what serves where."),
        Later(
            "lineage",
            "lineage:lineage",
            "Print what led to an artifact, run, span or deployment, and what it led to.",
        ),
        Later(
            "doctor",
            "doctor:doctor",
            "Say what is wrong with an installation and how to mend it; exit code 1 if something is broken.",
        ),
        Later(
            "settings",
            "doctor:settings_table",
            "Print every setting with its variable, the value in force and its meaning.",
        ),
        Later("eval", "evaluate:app", "Run evaluations and judge them by gates, for CI."),
        Later(
            "attributes",
            "attributes:attributes",
            "Attributes of spans that you filter by often: found by an index, whatever is stored.",
        ),
        Later(
            "review",
            "review:review",
            "Review queues: list them, send to them, read the estimate and the quality of one.",
        ),
        Later("sweep", "sweeps:sweeps", "Search for good parameters: W&B's sweeps."),
        Later("retention", "deletion:retention", "How long spans are kept, by project and age."),
        Later(
            "registry",
            "registry:registry",
            "Registered models and datasets: versions, stages, requirements, decisions.",
        ),
        Later(
            "artifact",
            "artifacts:artifacts",
            "Artifacts: their versions, files in and out, what changed, what goes.",
        ),
        Later("prompts", "versions:prompts", "Prompts: their versions, aliases and what changed."),
        Later("ops", "versions:ops", "The code of ops: its versions and what changed."),
        Later(
            "prices",
            "serving:prices",
            "What models cost in US dollars a million tokens, where it is not what litellm's table says.",
        ),
        Later(
            "user",
            "people:users",
            "People who sign in: with the first of them, a server asks everybody who they are.",
        ),
        Later(
            "key",
            "people:keys",
            "Keys that programs show to a server (WEFT_API_KEY): a person's, or a project's to send to it.",
        ),
    )


app = typer.Typer(
    name="weft",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
        from weft.cli.output import fail  # noqa: PLC0415 - brings what prints tables

        fail(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
