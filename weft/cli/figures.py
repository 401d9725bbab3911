"""A queue's estimate and quality as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from weft.formatting import MISSING, interval, percent
from weft.records import ReviewQueue
from weft.reviews import JudgeQuality, QueueEstimate, QueueQuality
from weft.statistics import Aggregate

_WIDTH = 18


def of_estimate(queue: ReviewQueue, found: QueueEstimate, judge: JudgeQuality) -> Iterator[str]:
    """The three figures, what was not answered, what more labels would bring, and the judge."""
    yield f"{queue.project}/{queue.name}: {found.labels} labels, {queue.waiting} waiting"
    if found.simulated:
        yield f"  {found.simulated} of the labels are simulated: no person gave them"
    yield _row("machine alone", found.before)
    yield _row("labels alone", found.labels_alone)
    yield _row("with labels", found.after)
    if found.effective is not None:
        yield f"    as good as {found.effective:,.0f} labels alone, from {found.after.labelled:,}"
    left = found.nonresponse
    if left.unresolved:
        yield f"    {left.unresolved} of {left.served} cases served have no answer: the interval has their worst case"
        if left.as_judged is not None:
            yield _row("  as the judge says", left.as_judged)
    for plan in found.plans:
        told = plan.reason if plan.more is None else f"{plan.more:,} more labels"
        yield f"  to +-{plan.half_width:g}".ljust(_WIDTH) + f"  {told}"
    yield from of_judge(judge)


def of_judge(judge: JudgeQuality) -> Iterator[str]:
    """The judge against people, on the audit draw."""
    yield f"the judge on the audit draw: {judge.audited} cases, {judge.missing} missing"
    if not judge.audited:
        return
    yield _row("agreement", judge.agreement)
    yield _row("kappa", judge.kappa)
    yield _row("sensitivity", judge.sensitivity)
    yield _row("specificity", judge.specificity)
    trust = judge.trust
    if trust.threshold is None:
        yield f"  not to be trusted alone at a risk of {trust.risk:g}: {trust.reason}"
    else:
        yield (
            f"  may decide alone from a confidence of {trust.threshold:.3g} ({percent(trust.covered)} of cases; "
            f"wrong in at most {percent(trust.bound)})"
        )


def of_quality(queue: ReviewQueue, found: QueueQuality) -> Iterator[str]:
    """Agreement by field, reviewers, the judge over time."""
    yield f"{queue.project}/{queue.name}: {found.labels} labels"
    for one in found.fields:
        yield f"{one.name} ({one.type}): {one.reviewers} reviewers, {one.items} items"
        yield _row("Fleiss", one.fleiss)
        yield _row("Krippendorff", one.krippendorff)
        for pair in one.pairs:
            yield _row(f"{pair.first}, {pair.second}", pair.kappa)
    for worker in found.reviewers:
        took = MISSING if worker.median_s is None else f"{worker.median_s:.3g} s"
        gold = f", gold {worker.gold_right} of {worker.gold}" if worker.gold else ""
        yield f"{worker.reviewer}: {worker.labels} labels, {took} each (median){gold}"
    yield from of_judge(found.judge)
    for period in found.over_time:
        yield _row(period.day, period.agreement)


def _row(title: str, figure: Aggregate) -> str:
    told = interval(figure.value, figure.low, figure.high, figure.n)
    why = figure.reason if figure.value is None else figure.method
    return f"  {title.ljust(_WIDTH)}{told}" + (f"  ({why})" if why else "")
