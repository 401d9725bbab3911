"""The run that the cases of an evaluation share whose examples are tested one by one, in one process or several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weft import clock
from weft.errors import WeftError
from weft.evals.baselines import Places
from weft.evals.evaluation import Evaluation
from weft.evals.measured import MEASURES, Measured, join
from weft.evals.targets import as_target
from weft.recording import Recorder
from weft.records import RunKind, RunStatus, RunUpdate
from weft.statistics import Aggregate


def places(folder: Path, recorder: Recorder) -> Places:
    """Where the baselines of evaluations in a folder are looked for."""
    try:
        return Places(folder, recorder.store, recorder.project)
    except WeftError:  # nothing is recorded, or the server is away: files and git serve as well
        return Places(folder)


def begin(evaluation: Evaluation, run_id: str, recorder: Recorder) -> None:
    """Record that the run has begun; several processes may say so."""
    now = clock.now_ns()
    config = {
        "evaluation": evaluation.name,
        "target": as_target(evaluation.target).name,
        "scorers": [
            {"name": s.name, "type": type(s).__name__, "digest": s.digest(), "config": s.config()}
            for s in evaluation.all_scorers
        ],
        "repetitions": evaluation.repetitions,
        "level": evaluation.level,
    }
    recorder.record(
        RunUpdate(
            run_id,
            recorder.project,
            now,
            kind=RunKind.EVAL,
            name=evaluation.name,
            status=RunStatus.RUNNING,
            config=config,
            parent_run_id=recorder.run_id,
            started_at_ns=now,
            writer=recorder.writer,
        )
    )


def end(cases: Sequence[Measured], recorder: Recorder, *, passed: bool, level: float = 0.95) -> dict[str, Aggregate]:
    """Record the figures over all cases and the end of the run; they are returned."""
    measured = join(cases)
    found = {name: measured.figure(name, level=level) for name in measured.known}
    figures = {name: figure for name, figure in found.items() if name not in MEASURES}
    samples = [value for column in measured.column("error_rate").values() for value in column]
    summary: dict[str, Any] = {
        **{name: figure.value for name, figure in figures.items()},
        "aggregates": {name: figure.as_dict() for name, figure in figures.items()},
        "samples": len(samples),
        "failed": sum(value == 1 for value in samples),
        "passed": passed,
    }
    now = clock.now_ns()
    config = {"examples": len(measured.examples)}
    recorder.record(
        RunUpdate(
            measured.run_id,
            recorder.project,
            now,
            status=RunStatus.FINISHED,
            config=config,
            summary=summary,
            ended_at_ns=now,
        )
    )
    return figures
