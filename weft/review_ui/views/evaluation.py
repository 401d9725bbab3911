"""One evaluation: how good is it, and where did it fail?"""

from __future__ import annotations

from weft import formatting as fmt
from weft.errors import NotFoundError
from weft.evals.comparison import compare
from weft.evals.gates import Outcome, Verdict
from weft.evals.results import EvaluationResult, load
from weft.records import Run, RunKind, RunQuery, RunStatus, Sample, SampleStatus, SpanQuery
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.estimates import outcome
from weft.review_ui.views.compare import sentence as differs
from weft.reviews import estimate
from weft.statistics import Aggregate

_ROWS = 300
_WORDS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "undecided",
    Outcome.ERROR: "could not be measured",
}
_TONES = {Outcome.PASS: "good", Outcome.FAIL: "error", Outcome.INCONCLUSIVE: "warn", Outcome.ERROR: "error"}


def page() -> None:
    """The verdict, the aggregates with their intervals, the samples with the failures first."""
    run_id = ui.parameter("id")
    if not run_id:
        ui.empty(
            "No evaluation is named in this address.",
            "import weft\nfor run in weft.Api().evaluations():\n    print(run.run_id)",
        )
        return
    result = load(run_id, data.store())
    data.adopt(result.project)
    ui.head(result.name, result.target, run_id)
    ui.show(ui.element("div", sentence(result), class_="w-verdict"))
    run = data.store().runs.get_run(run_id)
    before = baseline(run)
    if before is not None:
        against(load(before.run_id, data.store()), result)
    for verdict in result.verdicts:
        ui.note(verdict.sentence, tone=_TONES[verdict.outcome], bold=gate(verdict))
    ui.facts(spent(run))
    links = {"Run": address("/run", id=run_id), "Traces": address("/traces", run=run_id, project=result.project)}
    if before is not None:
        links["Compare with the one before"] = address("/compare", runs=f"{before.run_id},{run_id}")
    if result.dataset:
        links[result.dataset] = address("/artifact", ref=result.dataset, project=result.project)
    ui.links(links)
    if result.summary:
        figures(result.summary)
    corrected(result)
    samples(result)
    ui.keys({"j k": "move", "enter": "open the trace"}, back=address("/evaluations", project=result.project))
    ui.python(f'run = weft.Api().run("{run_id}")\nsamples, scores = run.samples(), run.scores()')


def baseline(run: Run) -> Run | None:
    """The finished evaluation of the same name that began last before ``run``."""
    query = RunQuery(project=run.project, kind=RunKind.EVAL, status=RunStatus.FINISHED, limit=200)
    for other in data.store().runs.list_runs(query).items:
        same = other.config.get("evaluation", other.name) == run.config.get("evaluation", run.name)
        if same and other.run_id != run.run_id and (other.started_at_ns or 0) < (run.started_at_ns or 0):
            return other
    return None


def against(before: EvaluationResult, result: EvaluationResult) -> None:
    """Whether the evaluation is better than the one before."""
    shared = [name for name in result.summary if name in before.summary]
    if not shared:
        return
    difference = compare(before, result).metrics[shared[0]].difference
    ui.note(differs(shared[0], difference), bold=f"Against the one before ({before.target}):")


def gate(verdict: Verdict) -> str:
    """A gate and what came of it."""
    return f"{verdict.gate}: {_WORDS[verdict.outcome]}."


def spent(run: Run) -> dict[str, str | None]:
    """When it ran, and what its calls cost, those of its scorers included."""
    total = data.store().spans.totals(SpanQuery(run_id=run.run_id))
    tokens = [total["input_tokens"], total["output_tokens"]]
    took = None if run.started_at_ns is None or run.ended_at_ns is None else run.ended_at_ns - run.started_at_ns
    return {
        "Started": ui.ago(run.started_at_ns),
        "Duration": fmt.duration(took) if took is not None else run.status.value,
        "Calls": fmt.count(total["spans"]),
        "Tokens": None if tokens == [None, None] else fmt.count(sum(part or 0 for part in tokens)),
        "Cost": None if total["cost_usd"] is None else fmt.usd(total["cost_usd"]),
    }


def sentence(result: EvaluationResult) -> str:
    """What came out, in words."""
    failed = len(result.failed)
    parts = [f"{len(result.samples):,} samples" + (f", {failed:,} of them failed" if failed else "")]
    for name, figure in list(result.summary.items())[:1]:
        if figure.value is None:
            parts.append(f"{name} has no figure: {figure.reason}")
        else:
            parts.append(f"{name} is {fmt.interval(figure.value, figure.low, figure.high, figure.n)}")
    return "; ".join(parts) + "."


def figures(summary: dict[str, Aggregate]) -> None:
    """Each aggregate with its interval as a dot and whisker."""
    values = [v for f in summary.values() for v in (f.value, f.low, f.high) if v is not None]
    domain = (min([0.0, *values]), max([1.0, *values]))
    rows = [
        Row(
            [
                name,
                Cell(fmt.interval(figure.value, figure.low, figure.high), hover=str(figure), value=figure.value),
                Cell("", hover=str(figure), interval=(figure.value, figure.low, figure.high))
                if figure.value is not None
                else Cell(fmt.MISSING, hover=figure.reason),
                Cell(fmt.count(figure.n), value=figure.n),
                Cell(fmt.count(figure.missing), value=figure.missing),
                figure.reason or f"{figure.method}, {figure.level:.0%}",
            ]
        )
        for name, figure in summary.items()
    ]
    whisker = f"{fmt.number(domain[0])} to {fmt.number(domain[1])}"
    columns = [
        Column("Metric", "22%"),
        Column("Value and interval", "170px", "r"),
        Column(whisker, "", domain=domain),
        Column("n", "70px", "r"),
        Column("Missing", "76px", "r"),
        Column("Method", "20%", low=True),
    ]
    table(columns, rows, key="figures", keys=False)


def corrected(result: EvaluationResult) -> None:
    """What people's labels make of the machine's figure, for each queue that has cases of this run."""
    for queue in data.store().reviews.list_queues(result.project):
        try:
            found = estimate(data.store(), queue, run_id=result.run_id)
        except NotFoundError:
            continue
        ui.section(f"Reviewed by people: {queue.name}")
        ui.figures(outcome(found))
        ui.link("Go to the queue", address("/review", queue=queue.name, project=queue.project))


def samples(result: EvaluationResult) -> None:
    """The samples: failures first, then the worst by the chosen metric."""
    ui.section("Samples")
    names = list(result.summary)
    with ui.filters():
        metric = ui.filter_choice("Worst by", "metric", names, default=names[0]) if names else ""
        only = ui.filter_choice("Show", "show", ["failed calls", "below 1"])
    scored = {(score.example_id, score.repetition, score.name): score for score in result.scores}

    def value(sample: Sample) -> float | None:
        score = scored.get((sample.example_id, sample.repetition, metric))
        return None if score is None else score.value

    kept = [
        sample
        for sample in result.samples
        if not only
        or (only == "failed calls" and sample.status != SampleStatus.OK)
        or (only == "below 1" and (value(sample) is None or (value(sample) or 0.0) < 1))
    ]
    kept.sort(key=lambda s: (s.status == SampleStatus.OK, 2.0 if value(s) is None else value(s), s.example_id))
    shown = [name for name in names if any(key[2] == name for key in scored)][:4]
    rows = []
    for sample in kept[:_ROWS]:
        href = address("/trace", id=sample.trace_id, span=sample.span_id) if sample.trace_id else None
        cells: list[Cell | str | None] = [
            Cell(sample.status.value, status=sample.status.value),
            Cell(fmt.line(sample.input), href=href),
            fmt.line(f"{sample.failure.type}: {sample.failure.message}" if sample.failure else sample.output),
            fmt.line(sample.expected),
            Cell(fmt.duration(sample.ended_ns - sample.started_ns), value=sample.ended_ns - sample.started_ns),
        ]
        for name in shown:
            score = scored.get((sample.example_id, sample.repetition, name))
            text = None if score is None else score.label if score.value is None else fmt.number(score.value)
            why = None if score is None else score.failure.message if score.failure else score.explanation
            cells.append(Cell(text, hover=why, value=None if score is None else score.value))
        rows.append(Row(cells, href=href))
    columns = [
        Column("Status", "90px"),
        Column("Input"),
        Column("Output or failure"),
        Column("Expected", "16%", low=True),
        Column("Latency", "80px", "r", low=True),
        *(Column(name, "96px", "r") for name in shown),
    ]
    if not rows:
        ui.note("No sample fits.")
        return
    table(columns, rows, key="samples")
    if len(kept) > _ROWS:
        ui.note(f"The first {_ROWS} of {len(kept):,}.")
