"""Baselines: what an evaluation is compared with, by file, run, alias, git branch or name.

A baseline file is JSON that is made to be committed: one line an example, with its scores and the digest of its data,
and no text of either unless that is asked for.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft import clock, digests
from weft.errors import InputError, NotFoundError
from weft.evals import results
from weft.evals.measured import MEASURES, Measured, MeasuredExample
from weft.records import ArtifactVersion, Example, Run, RunKind, RunQuery, RunStatus
from weft.repositories import Store
from weft.statistics import Aggregate

FILE_NAME = "baseline.json"
FORMAT = 1
_LARGEST_BYTES = 200_000_000
_VOLATILE = ("latency_s",)  # would change every line of the file with every run
_COUNTS = ("error_rate", "missing")
_RUNS = 200
_FIRST = "there is no earlier run to compare with"
_GIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an evaluation is compared with: its numbers, and how a sentence names it. Without numbers, ``missing`` says
    why there are none."""

    measured: Measured | None
    name: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where baselines are looked for: the folder of the evaluations, and the store where there is one."""

    folder: Path
    store: Store | None = None
    project: str = ""


def find(asked: str, evaluation: str, places: Places) -> Baseline:
    """The baseline ``asked`` of an evaluation: a JSON file; else in the store a run id, an alias of the evaluation, the
    git branch or the name of a run or target, the last that passed; else the file ``baseline.json`` beside the
    evaluations as a git branch has it. Raises NotFoundError where there is nothing of that name.
    """
    path = Path(asked)
    if path.suffix == ".json" or path.is_file():
        return _in_file(read_file(path), evaluation, str(path))
    if places.store is not None:
        run = _stored(asked, evaluation, places.store, places.project)
        if run is not None:
            return Baseline(from_store(run.run_id, places.store), asked)
    text = _of_branch(asked, places.folder)
    if text is not None:
        return _in_file(read_text(text, f"{FILE_NAME} of {asked}"), evaluation, asked)
    raise NotFoundError(
        f"There is no baseline {asked!r}: no file, run, alias, git branch or name of {evaluation}.",
        remedy=f"Make one with --update-baseline, or name a file such as {places.folder / FILE_NAME}.",
        field="baseline",
    )


def usual(evaluation: str, metric: str | None, places: Places, *, besides: str = "") -> Baseline:
    """What is compared with where nothing is asked: ``baseline.json`` beside the evaluations, else the last finished
    run of the same name that its gates let pass (``besides`` is the run itself)."""
    path = places.folder / FILE_NAME
    if path.is_file():
        return _in_file(read_file(path), evaluation, str(path))
    if places.store is None:
        return Baseline(None, "", _FIRST)
    return earlier(evaluation, metric, places.store, places.project, besides=besides)


def from_store(run_id: str, store: Store) -> Measured:
    """The numbers of an evaluation run out of the store. Raises NotFoundError, InputError for another kind of run."""
    result = results.load(run_id, store)
    return Measured.of(result, _examples(result, store))


def _examples(result: results.EvaluationResult, store: Store) -> list[Example]:
    if result.dataset is None:
        return []
    found: list[Example] = []
    cursor: str | None = None
    while True:
        try:
            page = store.artifacts.list_examples(result.project, result.dataset, cursor=cursor)
        except NotFoundError:
            return []
        found += page.items
        if (cursor := page.cursor) is None:
            return found


def _in_file(kept: dict[str, Measured], evaluation: str, name: str) -> Baseline:
    found = kept.get(evaluation)
    return Baseline(found, name, "" if found is not None else f"{name} has no evaluation {evaluation} yet")


def _stored(asked: str, evaluation: str, store: Store, project: str) -> Run | None:
    try:
        return store.runs.get_run(asked)
    except NotFoundError:
        pass
    try:
        version = store.artifacts.get_version(project, f"{artifact_name(evaluation)}:{asked}")
        return store.runs.get_run(str(version.metadata["run_id"]))
    except (NotFoundError, InputError, KeyError):
        pass
    for run in _finished(evaluation, store, project):
        if asked in (run.config.get("target"), run.name, run.git.get("branch")):
            return run
        if run.parent_run_id is not None:
            try:
                parent = store.runs.get_run(run.parent_run_id)
            except NotFoundError:
                continue
            if asked in (parent.name, parent.git.get("branch")):
                return run
    return None


def _finished(evaluation: str, store: Store, project: str) -> Iterable[Run]:
    """The finished runs of an evaluation, the last first. One that a gate stopped is no baseline: small drops would
    add up unseen."""
    query = RunQuery(project=project, kind=RunKind.EVAL, status=RunStatus.FINISHED, limit=_RUNS)
    for run in store.runs.list_runs(query).items:
        if run.config.get("evaluation") == evaluation and run.summary.get("passed", True):
            yield run


def earlier(evaluation: str, metric: str | None, store: Store, project: str, *, besides: str = "") -> Baseline:
    """The last finished run of an evaluation that its gates let pass and that has the metric, ``besides`` aside."""
    for run in _finished(evaluation, store, project):
        figure = run.summary.get("aggregates", {}).get(metric) or {}
        if run.run_id != besides and (metric in (None, *MEASURES) or figure.get("value") is not None):
            return Baseline(from_store(run.run_id, store), run.run_id)
    return Baseline(None, "", _FIRST)


def artifact_name(evaluation: str) -> str:
    """The name of the artifact whose aliases name runs of an evaluation."""
    return f"evaluation.{evaluation}"


def keep_alias(measured: Measured, alias: str, store: Store, project: str) -> None:
    """Let ``alias`` name this run among the baselines of its evaluation in the store."""
    version = ArtifactVersion(
        project=project,
        name=artifact_name(measured.name),
        type="evaluation",
        version=0,
        digest=digests.of_json([measured.run_id, dump([measured])]),
        created_ns=clock.now_ns(),
        metadata={"run_id": measured.run_id, "target": measured.target},
        run_id=measured.run_id,
    )
    store.artifacts.create_version(version, aliases=[alias])


def _of_branch(branch: str, folder: Path) -> str | None:
    """``baseline.json`` of the evaluations as a branch has it, here or at the origin; None where there is none."""
    if branch.startswith("-") or ":" in branch or not folder.is_dir():
        return None
    for name in (branch, f"origin/{branch}"):
        try:
            done = subprocess.run(  # noqa: S603 - the branch cannot be an option: it does not begin with a dash
                ["git", "show", f"{name}:./{FILE_NAME}"],  # noqa: S607 - the git of the user's PATH
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_GIT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "replace")
    return None


def read_file(path: Path) -> dict[str, Measured]:
    """The evaluations of a baseline file by name. Raises NotFoundError, and InputError for what is none."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(f"{path} is larger than {_LARGEST_BYTES:,} bytes.", field="baseline")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        remedy = f"Make it with: weft eval ... --baseline {path} --update-baseline."
        raise NotFoundError(f"There is no baseline {path}.", remedy=remedy, field="baseline") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", field="baseline") from None
    return read_text(text, str(path))


def read_text(text: str, name: str) -> dict[str, Measured]:
    """The evaluations of a baseline's text by name. Raises InputError, naming the place, for what is none."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not JSON: {error}.", field="baseline") from None
    if not isinstance(data, dict) or not isinstance(data.get("evaluations"), list):
        raise InputError(f"{name} holds no evaluations.", remedy="Make it with --update-baseline.", field="baseline")
    if data.get("format") != FORMAT:
        raise InputError(
            f"{name} has the format {data.get('format')!r}; this Weft reads {FORMAT}.",
            remedy="Make it anew with --update-baseline.",
            field="baseline",
        )
    found: dict[str, Measured] = {}
    for number, entry in enumerate(data["evaluations"], start=1):
        try:
            measured = from_data(entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{name}, evaluation {number}: {error!r} is wrong.", field="baseline") from None
        if measured.name in found:
            raise InputError(f"{name} has the evaluation {measured.name} twice.", field="baseline")
        found[measured.name] = measured
    return found


def dump(evaluations: Sequence[Measured], *, volatile: bool = False) -> str:
    """The text of a baseline file: one line an example, so that two versions differ where an example does."""
    blocks = []
    for measured in evaluations:
        data = to_data(measured, volatile=volatile)
        examples = ",\n    ".join(_line(example) for example in data.pop("examples"))
        head = ",\n   ".join(f"{json.dumps(key)}: {_line(value)}" for key, value in data.items())
        blocks.append(f'  {{{head},\n   "examples": [\n    {examples}\n   ]}}')
    body = ",\n".join(blocks)
    return f'{{"weft": "baseline", "format": {FORMAT}, "evaluations": [\n{body}\n]}}\n'


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def to_data(measured: Measured, *, volatile: bool = True) -> dict[str, Any]:
    """The numbers as JSON. A measure that no example has is left out, and unless ``volatile`` so are latencies."""
    dropped = set() if volatile else set(_VOLATILE) - set(measured.metrics)
    names = [name for name in measured.known if name not in dropped and _any(measured, name)]
    unrun = {"unrun": measured.unrun, "stopped": measured.stopped} if measured.unrun else {}
    passing = {"url": measured.url, "total": measured.total, "shard": measured.shard, "gates": measured.gates}
    return {
        "name": measured.name,
        "target": measured.target,
        "run_id": measured.run_id,
        "dataset": measured.dataset,
        "git": measured.git,
        **(passing if volatile else {}),
        **unrun,
        **({"wholes": {n: f.as_dict() for n, f in measured.wholes.items()}} if measured.wholes else {}),
        "metrics": measured.metrics,
        "examples": [_example_data(example, names) for example in measured.examples.values()],
    }


def _any(measured: Measured, name: str) -> bool:
    """Whether a file has to hold it: a measure that nothing has, and a count of nothing, are known without."""
    nothing = (0.0, None) if name in _COUNTS else (None,)
    return name in measured.metrics or any(
        value not in nothing for example in measured.examples.values() for value in example.values.get(name, [])
    )


def _example_data(example: MeasuredExample, names: Sequence[str]) -> dict[str, Any]:
    data: dict[str, Any] = {"id": example.example_id, "digest": example.digest, "position": example.position}
    if example.cluster is not None:
        data["cluster"] = example.cluster
    if example.tags:
        data["tags"] = list(example.tags)
    if example.texts is not None:
        data["texts"] = example.texts
    data["scores"] = {name: [_short(v) for v in example.values[name]] for name in names if name in example.values}
    return data


def _short(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() and abs(value) < 1e15 else value


def from_data(data: dict[str, Any]) -> Measured:
    """The numbers out of JSON. Raises KeyError, TypeError or ValueError for what is not of that form."""
    examples: dict[str, MeasuredExample] = {}
    for place, item in enumerate(data["examples"]):
        example = MeasuredExample(
            str(item["id"]),
            _with_counts({str(name): [_number(v) for v in values] for name, values in item["scores"].items()}),
            str(item.get("digest", "")),
            None if item.get("cluster") is None else str(item["cluster"]),
            tuple(str(tag) for tag in item.get("tags", ())),
            int(item.get("position", place)),
            item.get("texts"),
        )
        examples[example.example_id] = example
    return Measured(
        name=str(data["name"]),
        target=str(data.get("target", "")),
        run_id=str(data.get("run_id", "")),
        metrics=[str(name) for name in data["metrics"]],
        examples=examples,
        dataset=None if data.get("dataset") is None else str(data["dataset"]),
        url=str(data.get("url", "")),
        total=int(data.get("total", len(examples))),
        shard=str(data.get("shard", "")),
        git=dict(data.get("git") or {}),
        gates=list(data.get("gates") or []),
        unrun=int(data.get("unrun", 0)),
        stopped=str(data.get("stopped", "")),
        wholes={str(name): Aggregate(**figure) for name, figure in (data.get("wholes") or {}).items()},
    )


def _with_counts(values: dict[str, list[float | None]]) -> dict[str, list[float | None]]:
    """The counts that a file left out since they were nothing."""
    times = max((len(column) for column in values.values()), default=1)
    return {**{name: [0.0] * times for name in _COUNTS}, **values}


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"the score {value!r}")
    return float(value)


def write_file(path: Path, evaluations: Sequence[Measured]) -> None:
    """Write a baseline file with these evaluations; others of the file are kept. Raises InputError where it cannot be
    written."""
    kept = read_file(path) if path.is_file() else {}
    merged = kept | {measured.name: measured for measured in evaluations}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump([merged[name] for name in sorted(merged)]), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", field="baseline") from None
