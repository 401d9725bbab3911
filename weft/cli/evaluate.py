"""`weft eval`: run the evaluations of files and folders, judge them by gates, and tell CI."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from weft import clock, recording
from weft.api import Api
from weft.cli.options import taking
from weft.cli.output import pointing
from weft.cli.verdicts import Judging, deliver
from weft.errors import InputError, NotFoundError, ServerError, WeftError
from weft.evals import baselines, comments, expressions, files, foresight, shards
from weft.evals.baselines import Baseline, Places
from weft.evals.checks import Check, check, gates_for, parse_drop
from weft.evals.dataset import Dataset
from weft.evals.evaluation import Evaluation
from weft.evals.gates import Gate, Outcome, as_gate
from weft.evals.measured import Measured
from weft.evals.selection import Selection, parse_shard
from weft.records import ReviewQueue, RunUpdate
from weft.repositories import Store
from weft.reviews import estimate
from weft.training.git import git_state


class RunByDefault(TyperGroup):
    """``weft eval evals/`` is ``weft eval run evals/``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` before arguments that begin with no command's name."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=RunByDefault, no_args_is_help=True, help="Run evaluations and judge them by gates, for CI.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(Judging):
    """What is run, and how much of it."""

    paths: Annotated[list[Path], typer.Argument(help="Python files with evaluations, and folders of them.")]
    project: Annotated[str | None, typer.Option("--project", "-p", help="Record in this project.")] = None
    limit: Annotated[int | None, typer.Option("--limit", help="Only the first so many examples of each.")] = None
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only examples with this tag. Repeatable.")] = None
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Keep answers and scores in this folder, and take them from it.")
    ] = None
    shard: Annotated[
        str | None, typer.Option("--shard", help="Only part i of n, 1/4; `weft eval merge` joins and judges them.")
    ] = None


@app.command("run")
@taking(Running)
def run(options: Running) -> None:
    """Run the evaluations of files and folders. Exit code 0: every gate passed; 1: one failed; 2: usage; 3: undecided,
    with --inconclusive fail; 4: could not be measured."""
    import weft  # noqa: PLC0415 - the lazy root; a module-level import would be a cycle in type checkers' eyes

    asked = asked_gates(options)
    selection = Selection(
        options.limit, tuple(options.tag or ()), None if options.shard is None else parse_shard(options.shard)
    )
    for path in options.paths:
        files.check(path)
    weft.init(options.project, kind="app", name=options.paths[0].stem, job_type="eval")
    found = [(*selection.of(evaluation), target) for evaluation, target in files.collect_all(options.paths)]
    places = _places(options.paths[0])
    known = {evaluation.name: _baseline(options, evaluation.name, places) for evaluation, _, _ in found}
    measured: list[Measured] = []
    gates: list[list[Gate]] = []
    warnings: list[list[str]] = []
    for evaluation, _, _ in found:
        own = [as_gate(gate) for gate in evaluation.gates]
        warnings.append(_foreseen([*own, *asked], known[evaluation.name], evaluation))
        gates.append(own)
    for (evaluation, total, target), own, told in zip(found, gates, warnings, strict=True):
        for warning in told:
            typer.echo(f"warning: {evaluation.name}: {warning}", err=True)
        if options.cache is not None:
            evaluation.cache = options.cache
        one = _measure(evaluation, target, texts=options.texts, level=options.level)
        one.gates, one.total, one.shard = [asdict(gate) for gate in own], total, selection.part
        measured.append(one)
    if selection.shard is not None:
        checks = [Check(one, [], warnings=told) for one, told in zip(measured, warnings, strict=True)]
        typer.echo(f"shard {selection.part}: the gates are judged by `weft eval merge`.", err=True)
    else:
        checks = [
            check(one, gates_for(one, own, asked, measured), known[one.name])
            for one, own in zip(measured, gates, strict=True)
        ]
        for done, told in zip(checks, warnings, strict=True):
            done.warnings += told
            _record(done)
    code = deliver(checks, options, places)
    weft.finish()
    raise typer.Exit(int(code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging(Judging):
    """Which shards are joined."""

    parts: Annotated[list[Path], typer.Argument(help="The files that --json wrote for the shards.")]


@app.command("merge")
@taking(Merging)
def merge(options: Merging) -> None:
    """Join the shards of evaluations and judge them as one; exit codes as those of `weft eval`."""
    asked = asked_gates(options)
    joined = [shards.join(parts) for parts in shards.by_evaluation(options.parts)]
    places = _places(options.parts[0])
    measured = [one for one, _, _ in joined]
    checks = []
    for one, own, missing in joined:
        found = check(one, gates_for(one, own, asked, measured), _baseline(options, one.name, places))
        found.verdicts = [*missing, *found.verdicts]
        checks.append(found)
    raise typer.Exit(int(deliver(checks, options, places)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Judging):
    """Which run is judged."""

    run: Annotated[str, typer.Argument(help="The id of an evaluation's run.")]


@app.command("judge")
@taking(Recorded)
def judge(options: Recorded) -> None:
    """Judge a recorded run, with what people said of it: reviewed/QUEUE is the figure that their labels correct. Exit
    codes as those of `weft eval`."""
    asked = asked_gates(options)
    with Api() as api:
        run = api.store.runs.get_run(options.run)
        measured = baselines.from_store(options.run, api.store)
        for queue in api.store.reviews.list_queues(run.project):
            with suppress(NotFoundError):  # no case of this run is in that queue
                _add_labels(measured, queue, api.store, options.level)
        places = Places(Path(), api.store, run.project)
        baseline = None if options.baseline is None else _baseline(options, measured.name, places)
        code = deliver([check(measured, asked, baseline)], options, places)
    raise typer.Exit(int(code))


def _add_labels(measured: Measured, queue: ReviewQueue, store: Store, level: float) -> None:
    name = f"reviewed/{queue.name}"
    measured.wholes[name] = estimate(store, queue, run_id=measured.run_id, level=level).after

    def labels_for(half_width: float) -> int | None:
        found = estimate(store, queue, run_id=measured.run_id, level=level, half_widths=[half_width])
        return found.plans[0].more if found.plans else None

    measured.labels_for[name] = labels_for


@app.command("comment")
def comment(
    summary: Annotated[Path, typer.Argument(help="The file that --markdown wrote.")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 2 where the forge refuses.")] = False,
) -> None:
    """Put a summary on the pull request of this CI job (GitHub Actions, GitLab CI), in place of the one before. A forge
    that refuses, as it does for pull requests of forks, is a warning."""
    try:
        text = summary.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{summary} cannot be read: {error}.", field="summary") from None
    forge = comments.forge_of(os.environ)
    if forge is None:
        typer.echo("This job is for no pull request: nothing to comment on.", err=True)
        return
    try:
        address = comments.post(text, forge)
    except ServerError as error:
        if strict:
            raise
        typer.echo(f"warning: {error}", err=True)
        return
    typer.echo(address or "The comment is up to date.")


def asked_gates(options: Judging) -> list[Gate]:
    """The gates of the command line. Raises InputError, after showing where an expression is wrong."""
    gates = []
    for text in options.gate or ():
        with pointing(text):
            expressions.parse(text)
            gates.append(replace(Gate(text), level=options.level))
    return gates + [parse_drop(text, options.level) for text in options.max_drop or ()]


def _places(path: Path) -> Places:
    folder = path if path.is_dir() else path.parent
    recorder = recording.active
    if recorder is None:
        return Places(folder)
    try:
        return Places(folder, recorder.caught_up(), recorder.project)
    except WeftError:  # recording is off, or the server is away: files and git serve as well
        return Places(folder)


def _baseline(options: Judging, evaluation: str, places: Places) -> Baseline:
    if options.baseline is None:
        return baselines.usual(evaluation, None, places)
    try:
        return baselines.find(options.baseline, evaluation, places)
    except NotFoundError:
        if options.update_baseline:
            return Baseline(None, "", f"{options.baseline} is made by this run")
        raise


def _foreseen(gates: Sequence[Gate], baseline: Baseline, evaluation: Evaluation) -> list[str]:
    """Warnings up front: what this dataset cannot settle."""
    before, dataset = baseline.measured, evaluation.dataset
    assert isinstance(dataset, Dataset)
    if before is None:
        return []
    ids = [example.example_id for example in dataset.examples]
    drops = [gate for gate in gates if gate.max_drop is not None and before.base(gate.metric) is not None]
    told = [foresight.warning(gate, before, ids, len(drops), evaluation.repetitions) for gate in drops]
    return [warning for warning in told if warning]


def _measure(evaluation: Evaluation, target: Any, *, texts: bool, level: float) -> Measured:
    """Run an evaluation without its gates, which are judged with all others when every number is there."""
    evaluation.gates, evaluation.level = (), level
    result = evaluation.evaluate_sync(target)
    for trouble in result.troubles():
        typer.echo(f"warning: {evaluation.name}: {trouble}", err=True)
    dataset = evaluation.dataset
    assert isinstance(dataset, Dataset)
    measured = Measured.of(result, dataset.examples, texts=texts)
    measured.git = git_state()
    return measured


def _record(done: Check) -> None:
    """Add the verdicts to the run."""
    recorder = recording.active
    if recorder is None or not done.measured.run_id or not done.verdicts:
        return
    summary = {
        "passed": done.outcome not in (Outcome.FAIL, Outcome.ERROR),
        "outcome": str(done.outcome),
        "verdicts": [verdict.as_data() for verdict in done.verdicts],
    }
    recorder.record(RunUpdate(done.measured.run_id, recorder.project, clock.now_ns(), summary=summary))
