"""`weft export` and `weft import`: spans and scores as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from weft import exchange
from weft import settings as settings_module
from weft.api import Api
from weft.cli.output import console
from weft.records import SpanQuery

_EVERY = 10_000


def export(
    path: Annotated[Path, typer.Argument(help="The file to write.")],
    format: Annotated[str, typer.Option("--format", "-f", help="jsonl, parquet or otlp.")] = "jsonl",
    project: Annotated[str | None, typer.Option("--project", "-p", help="Only this project.")] = None,
    where: Annotated[str | None, typer.Option("--where", "-w", help="Only spans for which this holds.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write spans and their scores to a file: JSON lines and Parquet are exact, OTLP is for other backends."""
    with Api() as api:
        query = SpanQuery(project=project, where=where)
        report = exchange.export(
            api.store, path, query, format=format, overwrite=overwrite, progress=_Meter("exported", "spans")
        )
    names = " and ".join(str(written) for written in report.paths)
    console().print(f"Wrote {report.spans:,} spans and {report.scores:,} scores to {names}.", markup=False)


def load(
    source: Annotated[
        str, typer.Argument(help="jsonl, parquet, otlp, langfuse, phoenix, wandb, mlflow or tensorboard.")
    ],
    paths: Annotated[
        list[Path], typer.Argument(help="The files, those of one export together; of a tracker its folders.")
    ],
    project: Annotated[str | None, typer.Option("--project", "-p", help="Put all into this project.")] = None,
) -> None:
    """Read files that `weft export`, Langfuse or Phoenix wrote, or runs of wandb, MLflow or TensorBoard, from their
    own folders; may be repeated, nothing is stored twice."""
    settings = settings_module.load()
    if source in exchange.TRACKERS:
        try:
            told = exchange.load_runs(settings, source, paths, project=project, progress=_Meter("read", "records"))
        except KeyboardInterrupt:
            console().print("Stopped. What was read is stored; the same command again goes on.")
            raise
        refused = f"; {told.rejected:,} records were refused, see `weft doctor`" if told.rejected else ""
        counts = f"{told.runs:,} runs, {told.points:,} points of metrics and {told.artifacts:,} artifact versions"
        console().print(f"Read {counts}{refused}.")
        for missing in told.missing:
            console().print(f"Not on this machine: {missing}", markup=False)
        return
    report = exchange.load(settings, source, paths, project=project, progress=_Meter("read", "records"))
    refused = f"; {report.rejected:,} were refused, see `weft doctor`" if report.rejected else ""
    console().print(f"Stored {report.spans:,} spans and {report.scores:,} scores{refused}.")


class _Meter:
    """Says how far it is: a line that changes on a terminal, one now and then in a log."""

    def __init__(self, done: str, what: str) -> None:
        self._done = done
        self._what = what
        self._said = 0
        self._console = Console(stderr=True, highlight=False)

    def __call__(self, count: int) -> None:
        if count - self._said >= _EVERY:
            self._said = count
            end = "\r" if self._console.is_terminal else "\n"
            self._console.print(f"{self._done} {count:,} {self._what} ...", end=end)
