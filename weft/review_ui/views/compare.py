"""Two evaluations: is the second better than the first, and on which examples did they differ?"""

from __future__ import annotations

from weft import formatting as fmt
from weft.errors import InputError
from weft.evals.comparison import Comparison, MetricComparison, compare, paired
from weft.evals.results import EvaluationResult, load
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.statistics import Aggregate

_FLIPS = 200


def page() -> None:
    """The paired differences, then the examples that flipped, losses first."""
    names = [name for name in ui.parameter("runs").split(",") if name]
    if len(names) != 2:
        raise InputError(
            f"This address names {len(names)} evaluations.", remedy="Choose two on the page Evaluations.", field="runs"
        )
    before, after = (load(name, data.store()) for name in names)
    data.adopt(after.project)
    ui.head(f"{after.name} against {before.name}")
    ui.facts({"Candidate": f"{after.target} ({after.run_id})", "Baseline": f"{before.target} ({before.run_id})"})
    found = compare(before, after)
    names = list(found.metrics)
    flips_of = (name for name in names if found.metrics[name].difference.method == "tango")
    first = next(flips_of, names[0])  # flips are crossings
    metric = ui.parameter("metric") if ui.parameter("metric") in names else first
    ui.show(ui.element("div", sentence(metric, found.metrics[metric].difference), class_="w-verdict"))
    differences(found)
    ui.links(
        {"Baseline": address("/evaluation", id=before.run_id), "Candidate": address("/evaluation", id=after.run_id)}
    )
    with ui.filters():
        metric = ui.filter_choice("Metric", "metric", names, default=first)
    flips(found, found.metrics[metric])
    ui.keys({"j k": "move", "enter": "open the trace"}, back=address("/evaluations", project=after.project))
    ui.python(
        f"from weft.evals import compare, load\nstore = weft.Api().store\n"
        f'print(compare(load("{before.run_id}", store), load("{after.run_id}", store)))'
    )


def sentence(metric: str, figure: Aggregate) -> str:
    """The verdict on a metric in words."""
    if figure.value is None or figure.low is None or figure.high is None:
        return f"{metric} cannot be compared: {figure.reason or 'there is no interval'}."
    spread = f"{figure.value:+.3f} [{figure.low:+.3f}, {figure.high:+.3f}], n={figure.n:,} shared examples"
    if figure.low > 0:
        return f"{metric} is higher in the candidate: {spread}."
    if figure.high < 0:
        return f"{metric} is lower in the candidate: {spread}."
    return f"No difference in {metric} can be told from chance: {spread}."


def differences(found: Comparison[EvaluationResult]) -> None:
    """Every shared metric: both figures and their paired difference."""
    figures = [row.difference for row in found.metrics.values()]
    reach = max([abs(v) for f in figures for v in (f.low, f.high, f.value) if v is not None] or [1.0]) or 1.0
    rows = []
    for metric, row in found.metrics.items():
        sides, figure = (row.before, row.after), row.difference
        text = fmt.MISSING if figure.value is None else f"{figure.value:+.3f}"
        if figure.low is not None and figure.high is not None:
            text += f" [{figure.low:+.3f}, {figure.high:+.3f}]"
        drawn = (figure.value, figure.low, figure.high) if figure.value is not None else None
        rows.append(
            Row(
                [
                    metric,
                    *(Cell(fmt.interval(side.value, side.low, side.high), hover=str(side)) for side in sides),
                    Cell(text, hover=figure.reason or figure.method, value=figure.value),
                    Cell("", interval=drawn),
                    Cell(
                        None if row.p_value is None else f"{row.p_value:.3g}", hover="McNemar, exact", value=row.p_value
                    ),
                    Cell(fmt.count(figure.n), value=figure.n),
                    Cell(fmt.count(figure.missing), value=figure.missing),
                ]
            )
        )
    columns = [
        Column("Metric", "20%"),
        Column("Baseline", "150px", "r", low=True),
        Column("Candidate", "150px", "r", low=True),
        Column("Difference", "190px", "r"),
        Column(f"−{fmt.number(reach)} to {fmt.number(reach)}", "", domain=(-reach, reach)),
        Column("p", "70px", "r", low=True),
        Column("n", "60px", "r"),
        Column("Missing", "72px", "r", low=True),
    ]
    table(columns, rows, key="differences", keys=False)


def flips(found: Comparison[EvaluationResult], row: MetricComparison) -> None:
    """The examples whose value changed, the greatest loss first."""
    sides = paired(found.before, found.after, row.metric)
    old = {sample.example_id: sample for sample in found.before.samples}
    new = {sample.example_id: sample for sample in found.after.samples}
    changed = [
        (second - first, example)
        for example, first, second in zip(sides.examples, sides.before, sides.after, strict=True)
        if first is not None and second is not None and first != second
    ]
    changed.sort()
    lost = sum(change < 0 for change, _ in changed)
    ui.note(f"{lost:,} got worse, {len(changed) - lost:,} got better.", bold=f"Flips in {row.metric}:")
    if not changed:
        return
    rows = []
    for change, example in changed[:_FLIPS]:
        sample = new[example]
        href = address("/trace", id=sample.trace_id, span=sample.span_id) if sample.trace_id else None
        rows.append(
            Row(
                [
                    Cell(f"{change:+.3g}", status="error" if change < 0 else "ok", value=change),
                    Cell(fmt.line(sample.input), href=href),
                    fmt.line(old[example].output),
                    fmt.line(sample.output),
                    fmt.line(sample.expected),
                ],
                href=href,
            )
        )
    columns = [
        Column("Change", "84px"),
        Column("Input"),
        Column("Baseline said"),
        Column("Candidate said"),
        Column("Expected", "14%", low=True),
    ]
    table(columns, rows, key="flips")
