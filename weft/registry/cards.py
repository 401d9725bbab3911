"""Model cards: what is known of a registered version, written down from the record and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weft import formatting as fmt
from weft.errors import WeftError
from weft.records import ArtifactVersion, LineageGraph, NodeKind, RegistryVersion, Run, RunQuery
from weft.repositories import Store

_RUNS = 20
_METRICS = 12
_CONFIG = 40
_MISSING = "not recorded"


def model_card(store: Store, version: RegistryVersion) -> str:
    """The card of a version as Markdown: where it stands, the run that made it, its data, what evaluations found with
    intervals, and what the record does not say."""
    artifact = store.artifacts.get_version(version.project, version.artifact)
    near = store.artifacts.lineage(version.project, NodeKind.ARTIFACT, artifact.ref)
    maker = None if artifact.run_id is None else store.runs.find_run(artifact.run_id)
    evaluations = _evaluations(store, version, near)
    data = _datasets(store, version.project, near)
    parts = [
        _head(store, version, artifact),
        _training(maker),
        _data(data),
        _evaluated(store, evaluations),
        _environment(maker),
        _limits(maker, data, evaluations),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def escaped(value: Any) -> str:
    """Text of users inside Markdown: one line, nothing in it is read as markup or ends a table's cell."""
    line = " ".join(str(value).split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!~&$" else letter for letter in line)


def _head(store: Store, version: RegistryVersion, artifact: ArtifactVersion) -> list[str]:
    known = store.registry.get_registered(version.name)
    standing = [s for s in store.registry.list_standings(version.name) if s.version.version == version.version]
    lines = [f"# {escaped(version.name)} v{version.version}", ""]
    if known.description:
        lines += [escaped(known.description), ""]
    if standing:
        event = standing[0].event
        why = f" Reason: {escaped(event.reason)}" if event.reason else ""
        over = f" Passed over: {escaped(', '.join(event.overridden))}." if event.overridden else ""
        at = f"In **{escaped(version.stage)}** since {fmt.moment(event.time_ns)}, by {escaped(event.author)}."
        lines += [f"{at}{why}{over}", ""]
    else:
        lines += ["In no stage.", ""]
    size = artifact.size_bytes if hasattr(artifact, "size_bytes") else sum(f.size_bytes for f in artifact.files)
    lines += _table(
        {
            "type": artifact.type,
            "artifact": f"{version.project}/{artifact.ref}",
            "digest": artifact.digest,
            "size": fmt.size(size),
            "registered": f"{fmt.moment(version.created_ns)} by {version.created_by}",
        }
    )
    if artifact.description:
        lines += ["", escaped(artifact.description)]
    return lines


def _training(run: Run | None) -> list[str]:
    lines = ["## Training"]
    if run is None:
        return [*lines, "", f"The run that made it is {_MISSING}."]
    length = run.took_ns
    lines += [
        "",
        f"Run {escaped(run.name)} ({escaped(run.run_id)}), {run.status.value}, {fmt.moment(run.started_at_ns)}",
    ]
    lines[-1] += f", {fmt.duration(length)}." if length else "."
    metrics = {name: value for name, value in run.summary.items() if isinstance(value, int | float)}
    if metrics:
        lines += ["", "Last values that it logged (single figures, without intervals):", ""]
        lines += _table({name: fmt.number(value) for name, value in list(metrics.items())[:_METRICS]})
    if run.config:
        lines += ["", "Configuration:", ""]
        lines += _table({name: fmt.line(value, 80) for name, value in list(run.config.items())[:_CONFIG]})
    return lines


def _datasets(store: Store, project: str, graph: LineageGraph) -> list[ArtifactVersion]:
    """The versions of data that led to the model, nearest first."""
    found: dict[str, ArtifactVersion] = {}
    for edge in graph.upstream:
        if edge.source_kind is NodeKind.ARTIFACT and edge.relation == "used" and edge.source not in found:
            try:
                found[edge.source] = store.artifacts.get_version(edge.project, edge.source)
            except WeftError:  # deleted meanwhile
                continue
    return list(found.values())


def _data(data: list[ArtifactVersion]) -> list[str]:
    lines = ["## Data", ""]
    if not data:
        return [*lines, f"The data that it was trained on is {_MISSING}."]
    lines += ["| version | type | examples | digest |", "|---|---|---:|---|"]
    for one in data:
        count = fmt.count(one.examples) if one.examples else fmt.MISSING
        lines.append(f"| {escaped(one.ref)} | {escaped(one.type)} | {count} | {one.digest[:16]} |")
    return lines


def _evaluations(store: Store, version: RegistryVersion, graph: LineageGraph) -> list[Run]:
    """Finished evaluations of this very version, the newest first."""
    of_version = {(NodeKind.ARTIFACT, version.artifact), (NodeKind.REGISTRY, version.node)}
    run_ids = {
        edge.target
        for edge in graph.downstream
        if (edge.source_kind, edge.source) in of_version and edge.relation in ("evaluated", "used")
    }
    if not run_ids:
        return []
    found = store.runs.list_runs(RunQuery(kind="eval", run_ids=sorted(run_ids), limit=_RUNS))
    return [run for run in found.items if run.status == "finished"]


def _evaluated(store: Store, runs: list[Run]) -> list[str]:
    lines = ["## Evaluation"]
    if not runs:
        return [*lines, "", "No evaluation of this version is recorded."]
    for run in runs:
        dataset = run.config.get("dataset") or _MISSING
        lines += ["", f"### {escaped(run.name)} on {escaped(dataset)}", ""]
        lines += [f"Run {escaped(run.run_id)}, {fmt.moment(run.ended_at_ns)}.", ""]
        lines += ["| metric | value | interval | n | missing |", "|---|---:|---|---:|---:|"]
        lines += [_figure(name, figure) for name, figure in aggregates(run)]
        for verdict in run.summary.get("verdicts") or ():
            lines += [
                "",
                f"- {escaped(verdict.get('outcome'))} {escaped(verdict.get('gate'))}: {escaped(verdict.get('reason'))}",
            ]
    return lines


def aggregates(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """The aggregates of an evaluation's run: name, and value, low, high, n, missing, level."""
    kept = run.summary.get("aggregates")
    for name, figure in kept.items() if isinstance(kept, dict) else ():
        if isinstance(figure, dict):
            yield name, figure


def _figure(name: str, figure: dict[str, Any]) -> str:
    level = figure.get("level")
    between = fmt.MISSING
    if figure.get("low") is not None and figure.get("high") is not None:
        between = f"\\[{fmt.number(figure['low'])}, {fmt.number(figure['high'])}\\]"
        between += f" ({level:.0%})" if isinstance(level, float) else ""
    value, n, missing = (figure.get(key) for key in ("value", "n", "missing"))
    return f"| {escaped(name)} | {fmt.number(value)} | {between} | {fmt.count(n)} | {fmt.count(missing or 0)} |"


def _environment(run: Run | None) -> list[str]:
    lines = ["## Environment", ""]
    told: dict[str, Any] = {}
    if run is not None:
        told = {f"git {name}": run.git.get(name) for name in ("commit", "branch", "remote", "dirty")}
        told |= {
            name: run.environment.get(name) for name in ("python", "os", "platform", "cpu", "gpus", "cuda", "container")
        }
        told = {name: fmt.line(value, 120) for name, value in told.items() if value not in (None, "", [], {})}
    return [*lines, *(_table(told) if told else [f"The environment is {_MISSING}."])]


def _limits(run: Run | None, data: list[ArtifactVersion], evaluations: list[Run]) -> list[str]:
    """What the card cannot say, said; each line follows from the record."""
    said = []
    if run is None:
        said.append("Which program made it is not recorded, so it cannot be made again from this record.")
    elif run.git.get("dirty"):
        said.append("It was made from code with changes that were not committed.")
    elif not run.git.get("commit"):
        said.append("The commit of the code that made it is not recorded.")
    if not data:
        said.append("Its training data is not recorded: whether an evaluation's examples were among it is unknown.")
    if not evaluations:
        said.append("Nothing is known of how well it does: it was not evaluated.")
    trained_on = {one.name for one in data}
    for one in evaluations:
        dataset = str(one.config.get("dataset") or "")
        if dataset.partition(":")[0] in trained_on:
            said.append(
                f"It was evaluated on {escaped(dataset)} and trained on versions of the same data: figures may flatter."
            )
        lost = [name for name, figure in aggregates(one) if figure.get("missing")]
        if lost:
            said.append(f"In {escaped(one.run_id)} some samples have no score ({escaped(', '.join(lost))}).")
        if one.summary.get("stopped"):
            said.append(f"The evaluation {escaped(one.run_id)} was stopped early: {escaped(one.summary['stopped'])}.")
        if not one.summary.get("verdicts"):
            said.append(f"The evaluation {escaped(one.run_id)} had no gates, so no limit was set before.")
    said.append("Figures hold for data like that of the evaluations above; nothing here speaks of other data.")
    return ["## Limits", "", *(f"- {line}" for line in dict.fromkeys(said))]


def _table(pairs: dict[str, Any]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {escaped(name)} | {escaped(value)} |" for name, value in pairs.items())]
