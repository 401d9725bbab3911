"""The figure of a queue three ways, what more labels would bring, and the judge against people."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from weft import formatting as fmt
from weft.records import ReviewQueue
from weft.records.rubrics import Rubric
from weft.review_ui import judge_charts, ui
from weft.review_ui.boards import Board
from weft.review_ui.components import Cell, Column, Row, table
from weft.reviews import JudgeQuality, QueueEstimate
from weft.statistics import Aggregate


def figures(queue: ReviewQueue, found: Board) -> None:
    """The verdict in a sentence, the figures with their intervals, what they rest on, what more labels would bring."""
    estimate = found.estimate
    ui.show(ui.element("div", sentence(queue, estimate), class_="w-verdict"))
    left = estimate.nonresponse
    rows = [
        ("Judge alone", estimate.before, "what the machine says of every case"),
        ("Labels alone", estimate.labels_alone, "what people say of the drawn cases, weighted by their chances"),
        ("Corrected", estimate.after, "the machine of every case, corrected by people"),
    ]
    if left.as_judged is not None:
        rows.append(("As judged where unanswered", left.as_judged, "corrected, without the worst case"))
    if found.judge.corrected.value is not None:
        rows.append(("Rogan-Gladen", found.judge.corrected, "the judge's rate, by its sensitivity and specificity"))
    aggregates([(name, figure, why) for name, figure, why in rows], key="estimate", low=0.0, high=1.0)
    rests_on(estimate)
    plans(queue, estimate)


def sentence(queue: ReviewQueue, estimate: QueueEstimate) -> str:
    """What came out, in words."""
    after = estimate.after
    if after.value is None:
        return f"{queue.score_name} has no figure yet: {after.reason or 'no case was drawn'}."
    told = fmt.interval(after.value, after.low, after.high)
    return f"{queue.score_name} is {told} over {after.n:,} cases, {after.labelled:,} of them labelled by people."


def rests_on(estimate: QueueEstimate) -> None:
    """How many labels, what they are worth, and what stays unanswered."""
    left = estimate.nonresponse
    ui.facts(
        {
            "Labels": fmt.count(estimate.labels),
            "In the figure": fmt.count(estimate.after.labelled),
            "Worth, as labels alone": None if estimate.effective is None else fmt.count(round(estimate.effective)),
            "Weight of the judge": fmt.number(estimate.after.weight) if estimate.after.labelled else None,
            "By hand, not counted": fmt.count(estimate.by_hand) if estimate.by_hand else None,
            "Gold": fmt.count(estimate.gold) if estimate.gold else None,
            "Simulated": fmt.count(estimate.simulated) if estimate.simulated else None,
            "Answered": None if left.rate is None else f"{fmt.percent(left.rate)} of {left.served:,} served",
        }
    )
    if left.unresolved:
        many = f"{left.unresolved:,} of {left.served:,} served cases have no answer"
        ui.note("The interval has their worst case in it, either way.", tone="warn", bold=f"{many}.")


def plans(queue: ReviewQueue, estimate: QueueEstimate) -> None:
    """How many more labels bring the interval to some widths."""
    if not estimate.plans or not estimate.after.labelled:
        return
    cells = []
    for plan in estimate.plans:
        told = "reached" if plan.more == 0 else fmt.MISSING if plan.more is None else f"{plan.more:,} more"
        why = "beyond all cases" if plan.more is None else ""
        if plan.more and plan.more > queue.waiting:
            why = f"{queue.waiting:,} wait"
        cells.append((f"To ±{plan.half_width:g}", told, why))
    ui.section("Labels to an interval")
    ui.figures(cells)
    beyond = next((plan.reason for plan in estimate.plans if plan.more is None and plan.reason), None)
    if beyond:
        ui.note(beyond.replace("+-", "±").capitalize() + ".")


def aggregates(
    rows: list[tuple[str, Aggregate, str]], *, key: str, low: float, high: float, title: str = "Figure"
) -> None:
    """Figures with their intervals, one a row."""
    ends = [end for _, one, _ in rows for end in (one.value, one.low, one.high) if end is not None]
    domain = (min([low, *ends]), max([high, *ends]))
    columns = [
        Column(title, "210px"),
        Column("Value and interval", "160px", "r"),
        Column(f"{fmt.number(domain[0])} to {fmt.number(domain[1])}", "", domain=domain),
        Column("n", "60px", "r"),
        Column("How", "34%", low=True),
    ]
    table(columns, [_row(*row) for row in rows], key=key, keys=False)


def _row(name: str, figure: Aggregate, why: str) -> Row:
    known = figure.value is not None
    reason = figure.reason or why
    cells: list[Cell | str | None] = [
        Cell(name, hover=why or name),
        Cell(fmt.interval(figure.value, figure.low, figure.high), hover=str(figure), value=figure.value),
        Cell("", hover=str(figure), interval=(figure.value, figure.low, figure.high))
        if known and figure.value is not None
        else Cell(fmt.MISSING, hover=figure.reason),
        Cell(fmt.count(figure.n), value=figure.n),
        Cell(": ".join(part for part in (figure.method, why) if part) if known else reason),
    ]
    return Row(cells)


def judge(rubric: Rubric, found: Board) -> None:
    """Judge against people on the audit draw: how good, how well calibrated, whether it stays so, whom to trust."""
    known = found.judge
    ui.section("The judge against people")
    if not known.audited:
        ui.note("No case of the audit draw has both a verdict and a label yet.")
        return
    trust(known)
    rows = [
        ("Agreement", known.agreement, "share of equal verdicts"),
        ("Sensitivity", known.sensitivity, "of those that people call good, the share that the judge does"),
        ("Specificity", known.specificity, "of those that people call bad, the share that the judge does"),
        ("Cohen's kappa", known.kappa, "agreement beyond chance"),
    ]
    if known.weighted_kappa is not None:
        rows.append(("Weighted kappa", known.weighted_kappa, "quadratic weights"))
    aggregates(rows, key="judge", low=0.0, high=1.0, title="On the audit draw")
    left, right = st.columns(2)
    if known.calibration is not None and known.calibration.bins:
        low, high = rubric.bounds
        with left:
            draw(judge_charts.calibration(known.calibration, min(0.0, low), max(1.0, high)), "calibration")
            ui.facts(
                {"Calibration error": fmt.number(known.calibration.error), "Brier": fmt.number(known.calibration.brier)}
            )
    if found.quality.over_time:
        with right:
            draw(judge_charts.over_time(found.quality.over_time), "agreement-by-day")


def trust(known: JudgeQuality) -> None:
    """From which confidence on the judge may decide alone."""
    found = known.trust
    risk = f"at a risk of {fmt.percent(found.risk)}"
    if found.threshold is None:
        ui.note(f"{(found.reason or '').capitalize()}.", tone="warn", bold=f"The judge may not decide alone {risk}.")
        return
    told = (
        f"It is wrong in at most {fmt.percent(found.bound)} of those {fmt.percent(found.covered)} of the cases "
        f"({found.errors} of {found.n}, with a certainty of {fmt.percent(1 - found.delta)})."
    )
    ui.note(told, tone="good", bold=f"The judge may decide alone from a confidence of {found.threshold:.3g} {risk}.")


def draw(figure: go.Figure, name: str) -> None:
    """A chart with the tools that are of use; on a narrow page charts go under each other."""
    ui.show(ui.element("div", class_="w-pane"))
    st.plotly_chart(figure, key=f"chart-{name}", config=judge_charts.CONFIG)
