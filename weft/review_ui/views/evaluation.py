"""One evaluation: is it better than the baseline, how good is it, and where did it fail?"""

from __future__ import annotations

from typing import Any

from weft import formatting as fmt
from weft.errors import InputError, NotFoundError
from weft.evals.gates import Outcome, Verdict
from weft.records import Run, RunKind, RunQuery, RunStatus, SpanQuery
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, against, results, table
from weft.review_ui.estimates import outcome
from weft.review_ui.views.evaluations import aggregates
from weft.reviews import estimate

_TONES = {Outcome.PASS: "good", Outcome.FAIL: "error", Outcome.INCONCLUSIVE: "warn", Outcome.ERROR: "error"}
_SIGNS = {Outcome.PASS: "●", Outcome.FAIL: "▲", Outcome.INCONCLUSIVE: "◐", Outcome.ERROR: "✕"}


def page() -> None:
    """The verdict, the aggregates with their intervals; what needs the samples comes through the API."""
    run_id = ui.parameter("id")
    if not run_id:
        ui.empty(
            "No evaluation is named in this address.",
            "import weft\nfor run in weft.Api().evaluations():\n    print(run.run_id)",
        )
        return
    run = data.store().runs.get_run(run_id)
    if run.kind != RunKind.EVAL:
        raise InputError(f"The run {run_id} is of kind {run.kind}, not an evaluation.", field="id")
    data.adopt(run.project)
    ui.head(str(run.config.get("evaluation", run.name)), str(run.config.get("target", "")), run_id)
    ui.show(ui.element("div", sentence(run), class_="w-verdict"))
    for verdict in verdicts(run):
        ui.note(verdict.sentence, tone=_TONES[verdict.outcome], bold=gate(verdict))
    before = baseline(run)
    if before is not None:
        against(before.run_id, run_id)
    ui.facts(spent(run))
    links = {"Run": address("/run", id=run_id), "Traces": address("/traces", run=run_id, project=run.project)}
    if before is not None:
        links["Compare with the one before"] = address("/compare", runs=f"{before.run_id},{run_id}")
    dataset = run.config.get("dataset")
    if dataset:
        links[str(dataset)] = address("/artifact", ref=dataset, project=run.project)
        links["Leaderboard"] = address("/evaluations", view="leaderboard", dataset=dataset, project=run.project)
    if run.config.get("sweep"):
        sweep, trial = run.config["sweep"], run.config.get("trial")
        links[f"Trial {trial} of its sweep"] = address("/sweep", id=sweep, project=run.project, trial=trial)
    ui.links(links)
    if aggregates(run):
        figures(aggregates(run))
    corrected(run)
    results(run_id, run.project)
    ui.keys(
        {"j k": "move", "enter": "open the sample", "o": "open its trace", "x": "tick", "r": "send to review"},
        back=address("/evaluations", project=run.project),
    )
    ui.python(f'run = weft.Api().run("{run_id}")\nsamples, scores = run.samples(), run.scores()')


def verdicts(run: Run) -> list[Verdict]:
    """What the gates found."""
    return [Verdict.from_data(one) for one in run.summary.get("verdicts") or [] if "outcome" in one]


def baseline(run: Run) -> Run | None:
    """The finished evaluation of the same name that began last before ``run``."""
    query = RunQuery(project=run.project, kind=RunKind.EVAL, status=RunStatus.FINISHED, limit=200)
    for other in data.store().runs.list_runs(query).items:
        same = other.config.get("evaluation", other.name) == run.config.get("evaluation", run.name)
        if same and other.run_id != run.run_id and (other.started_at_ns or 0) < (run.started_at_ns or 0):
            return other
    return None


def gate(verdict: Verdict) -> str:
    """A gate and what came of it."""
    return f"{_SIGNS[verdict.outcome]} {verdict.outcome} {verdict.gate}:"


def spent(run: Run) -> dict[str, str | None]:
    """When it ran, and what its calls cost, those of its scorers included."""
    total = data.store().spans.totals(SpanQuery(run_id=run.run_id))
    tokens = [total["input_tokens"], total["output_tokens"]]
    took = run.took_ns
    repetitions = run.config.get("repetitions", 1)
    return {
        "Started": ui.ago(run.started_at_ns),
        "Duration": fmt.duration(took) if took is not None else run.status.value,
        "Dataset": str(run.config["dataset"]) if run.config.get("dataset") else None,
        "Repetitions": fmt.count(repetitions) if repetitions != 1 else None,
        "Calls": fmt.count(total["spans"]),
        "Tokens": None if tokens == [None, None] else fmt.count(sum(part or 0 for part in tokens)),
        "Cost": None if total["cost_usd"] is None else fmt.usd(total["cost_usd"]),
        "Commit": str(run.git.get("commit", ""))[:10] or None,
    }


def sentence(run: Run) -> str:
    """What came out, in words."""
    samples, failed = run.summary.get("samples"), run.summary.get("failed")
    if samples is None:
        return f"This evaluation is {run.status.value}; its figures come when it ends."
    parts = [f"{samples:,} samples" + (f", {failed:,} of them failed" if failed else "")]
    for name, figure in list(aggregates(run).items())[:1]:
        if figure.get("value") is None:
            parts.append(f"{name} has no figure: {figure.get('reason')}")
        else:
            parts.append(f"{name} is {fmt.interval(figure['value'], figure['low'], figure['high'], figure['n'])}")
    if run.summary.get("stopped"):
        parts.append(f"it was stopped by {run.summary['stopped']}")
    return "; ".join(parts) + "."


def figures(summary: dict[str, dict[str, Any]]) -> None:
    """Each aggregate with its interval as a dot and whisker."""
    values = [v for f in summary.values() for v in (f.get("value"), f.get("low"), f.get("high")) if v is not None]
    domain = (min([0.0, *values]), max([1.0, *values]))
    rows = []
    for name, figure in summary.items():
        value, low, high, n, missing = (figure.get(key) for key in ("value", "low", "high", "n", "missing"))
        words = f"{fmt.interval(value, low, high)}, n={n}, {missing} missing"
        rows.append(
            Row(
                [
                    name,
                    Cell(fmt.interval(value, low, high), hover=words, value=value),
                    Cell("", hover=words, interval=(value, low, high))
                    if value is not None
                    else Cell(fmt.MISSING, hover=figure.get("reason")),
                    Cell(fmt.count(n), value=n),
                    Cell(fmt.count(missing), value=missing),
                    figure.get("reason") or f"{figure.get('method')}, {figure.get('level', 0.95):.0%}",
                ]
            )
        )
    columns = [
        Column("Metric", "22%"),
        Column("Value and interval", "160px", "r"),
        Column(f"{fmt.number(domain[0])} to {fmt.number(domain[1])}", "", domain=domain),
        Column("n", "56px", "r"),
        Column("Missing", "70px", "r"),
        Column("Method", "20%", low=True),
    ]
    table(columns, rows, key="figures", keys=False)


def corrected(run: Run) -> None:
    """What people's labels make of the machine's figure, for each queue that has cases of this run."""
    for queue in data.store().reviews.list_queues(run.project):
        try:
            found = estimate(data.store(), queue, run_id=run.run_id)
        except NotFoundError:
            continue
        ui.section(f"Reviewed by people: {queue.name}")
        ui.figures(outcome(found))
        ui.link("Go to the queue", address("/review", queue=queue.name, project=queue.project))
