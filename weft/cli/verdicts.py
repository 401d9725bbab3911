"""What `weft eval` and `weft eval merge` have in common: the options of judging, and how the outcome is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from weft.cli.output import console
from weft.errors import InputError
from weft.evals import baselines, reports
from weft.evals.baselines import Places
from weft.evals.checks import Check, ExitCode, exit_code
from weft.evals.gates import Outcome, worst
from weft.records import dumps

_STYLES = {
    Outcome.PASS: "bold green",
    Outcome.FAIL: "bold red",
    Outcome.INCONCLUSIVE: "bold yellow",
    Outcome.ERROR: "bold magenta",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """The options that say what must hold, and where it is told."""

    gate: Annotated[
        list[str] | None, typer.Option("--gate", "-g", help='What must hold: "correct >= 0.8". Repeatable.')
    ] = None
    max_drop: Annotated[
        list[str] | None,
        typer.Option("--max-drop", help="The most a metric may lose against the baseline: correct=0.02. Repeatable."),
    ] = None
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", "-b", help="What to compare with: a JSON file, run, alias, git branch or name."),
    ] = None
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Keep this run as the baseline, unless a gate failed.")
    ] = False
    texts: Annotated[bool, typer.Option("--texts", help="Keep inputs and outputs in baseline and reports, too.")] = (
        False
    )
    level: Annotated[float, typer.Option("--level", help="Level of the intervals.")] = 0.9
    inconclusive: Annotated[
        str, typer.Option("--inconclusive", help="What an undecided gate is: pass, warn (exit 0) or fail (exit 3).")
    ] = "warn"
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML to this file.")] = None
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write a summary in Markdown to this file.")] = (
        None
    )
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all that was found to this file; - is standard output.")
    ] = None
    title: Annotated[str, typer.Option("--title", help="Heading of the summary.")] = "Evaluations"

    def __post_init__(self) -> None:
        if self.inconclusive not in ("pass", "warn", "fail"):
            raise InputError(
                f"--inconclusive is {self.inconclusive!r}.", remedy="Use pass, warn or fail.", field="inconclusive"
            )


def deliver(checks: Sequence[Check], options: Judging, places: Places) -> ExitCode:
    """Print and write the outcome, update the baseline where that is asked, and say what to exit with."""
    code = exit_code([check.outcome for check in checks], options.inconclusive)  # type: ignore[arg-type]
    data = dumps(reports.as_json(checks, code, level=options.level)).decode()
    if options.json_file == Path("-"):
        sys.stdout.write(data + "\n")
    else:
        _print(checks, options.level)
        if options.json_file is not None:
            _write(options.json_file, data + "\n")
    if options.junit is not None:
        _write(options.junit, reports.as_junit(checks, fail_inconclusive=options.inconclusive == "fail"))
    markdown = reports.as_markdown(checks, level=options.level, title=options.title)
    if options.markdown is not None:
        _write(options.markdown, markdown)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown)
    if options.inconclusive == "warn":
        _warn(checks)
    if options.update_baseline:
        _keep(checks, options.baseline, places)
    return code


def _print(checks: Sequence[Check], level: float) -> None:
    out = console()
    for check in checks:
        measured = check.measured
        against = f" against {check.baseline.name}" if check.baseline and check.baseline.measured else ""
        out.print(Text(f"{measured.name}: {measured.target}, {len(measured.examples)} examples{against}", style="bold"))
        table = Table(box=None, pad_edge=True, header_style="dim")
        for heading in ("metric", "value", f"{level:.0%} interval", "n", "missing"):
            table.add_column(heading, justify="left" if heading == "metric" else "right")
        for name, figure in reports.figures(check, level).items():
            value, interval = reports.figure_cells(figure)
            table.add_row(Text(name), value, interval, str(figure.n), str(figure.missing))
        out.print(table)
        for flip in check.flips:
            out.print(Text(f" {flip.metric}: {len(flip.lost)} lost, {len(flip.gained)} gained"))
        for verdict in check.verdicts:
            out.print(Text.assemble(" ", (str(verdict.outcome), _STYLES[verdict.outcome]), f"  {verdict.gate}"))
            out.print(Text(f"   {verdict.sentence}", style="dim"))
        if measured.url:
            out.print(Text(f" {measured.url}", style="dim"))
    found = worst(check.outcome for check in checks)
    out.print(Text(str(found), style=_STYLES[found]))


def _warn(checks: Sequence[Check]) -> None:
    """Undecided gates as annotations of the pull request, where it is GitHub that runs this."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    for check in checks:
        for verdict in check.verdicts:
            if verdict.outcome is Outcome.INCONCLUSIVE:
                text = f"{check.measured.name}: {verdict}"
                sys.stderr.write("::warning::" + text.replace("%", "%25").replace("\r", " ").replace("\n", " ") + "\n")


def _keep(checks: Sequence[Check], asked: str | None, places: Places) -> None:
    stopped = [check.measured.name for check in checks if check.outcome in (Outcome.FAIL, Outcome.ERROR)]
    if stopped:
        typer.echo(f"The baseline stays as it is: a gate of {', '.join(stopped)} did not pass.", err=True)
        return
    measured = [check.measured for check in checks]
    if any(one.shard for one in measured):
        raise InputError("A shard is no baseline.", remedy="Update it with: weft eval merge.", field="update_baseline")
    path = places.folder / baselines.FILE_NAME if asked is None else Path(asked)
    if asked is not None and path.suffix != ".json":
        if places.store is None:
            raise InputError(
                f"The alias {asked!r} needs a store.", remedy="Name a file that ends in .json.", field="baseline"
            )
        for one in measured:
            baselines.keep_alias(one, asked, places.store, places.project)
        typer.echo(f"The alias {asked} names these runs.", err=True)
        return
    baselines.write_file(path, measured)
    typer.echo(f"The baseline is in {path}.", err=True)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", field="path") from None
