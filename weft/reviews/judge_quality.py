"""How good a queue's judge is, from its audit draw: the cases with U below the least probability of any.

Every case had that chance at least, so those are a uniform draw, and the judge is measured as it is on all cases and
not on the doubtful ones that routing prefers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weft.records import ItemStatus, ReviewItem, ReviewQueue
from weft.records.rubrics import Rubric
from weft.reviews.estimate import Drawn, machine_value, waves_of
from weft.statistics import (
    Aggregate,
    Calibration,
    Share,
    Trust,
    aggregate,
    calibration_curve,
    cohen_kappa,
    detection,
    rogan_gladen,
    stopped_queue,
    trust_threshold,
)


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """A judge against people, over the ``audited`` cases of the audit draw that both judged; ``missing`` of it have no
    answer or no verdict.

    A value is good from the middle of the labels' range on. ``sensitivity`` is the share of people's good that the
    judge calls good, ``specificity`` that of the bad; ``agreement`` the share of equal verdicts, ``kappa`` Cohen's;
    ``weighted_kappa`` (quadratic) is given where labels have more than two values. ``calibration`` is None where the
    judge's values leave [0, 1]. ``corrected`` is the Rogan-Gladen rate over all cases. ``trust`` is the confidence
    above which the judge may decide alone at its risk.
    """

    audited: int
    missing: int
    sensitivity: Aggregate
    specificity: Aggregate
    agreement: Aggregate
    kappa: Aggregate
    weighted_kappa: Aggregate | None
    calibration: Calibration | None
    corrected: Aggregate
    trust: Trust


def audit_draw(items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """The items of the audit draw that the queue has come to: each had the same chance to be here.

    With r the part of the queue that was served, all items with U < r p_min were sent and served.
    """
    found: list[ReviewItem] = []
    for group in waves_of(items):
        part = Drawn.of(group, (0.0, 1.0))
        state = stopped_queue(part.u, part.p, [label is not None for label in part.labels], part.unresolved)
        reach = state.r * min(part.p)
        found += [item for item in group if item.u is not None and item.u < reach]
    return found


def judge_quality(
    queue: ReviewQueue, items: Sequence[ReviewItem], *, risk: float = 0.1, delta: float = 0.1, level: float = 0.95
) -> JudgeQuality:
    """The judge of a queue against the people who labelled it; pure."""
    low, high = Rubric.parse(queue.rubric).bounds
    middle = (low + high) / 2
    drawn = audit_draw(items)
    both = [
        (value, item.value, _confidence(item, value, (low, high)))
        for item in drawn
        if (value := machine_value(item)) is not None and item.status == ItemStatus.LABELLED and item.value is not None
    ]
    judged, labels = [f for f, _, _ in both], [y for _, y, _ in both]
    verdicts, truths = [f >= middle for f in judged], [y >= middle for y in labels]
    equal = [verdict == truth for verdict, truth in zip(verdicts, truths, strict=True)]
    sensitivity, specificity = detection(verdicts, truths, level=level)
    known = [value for group in waves_of(items) for item in group if (value := machine_value(item)) is not None]
    unit = all(0 <= value <= 1 for value in judged)
    return JudgeQuality(
        audited=len(both),
        missing=len(drawn) - len(both),
        sensitivity=sensitivity,
        specificity=specificity,
        agreement=aggregate([float(same) for same in equal], level=level),
        kappa=cohen_kappa(verdicts, truths, level=level),
        weighted_kappa=_weighted(queue, judged, labels, level),
        calibration=calibration_curve(judged, labels, level=level) if unit else None,
        corrected=_corrected([value >= middle for value in known], sensitivity, specificity, level),
        trust=trust_threshold([c for _, _, c in both], [not same for same in equal], risk=risk, delta=delta),
    )


def _confidence(item: ReviewItem, value: float, bounds: tuple[float, float]) -> float:
    """How sure the judge was: as it said, else by how far its value is from the middle, from 0.5 to 1."""
    said = item.machine.get("confidence")
    if said is not None:
        return float(said)
    low, high = bounds
    return 0.5 + abs(value - (low + high) / 2) / (high - low or 1.0)


def _weighted(queue: ReviewQueue, judged: Sequence[float], labels: Sequence[float], level: float) -> Aggregate | None:
    rubric = Rubric.parse(queue.rubric)
    values = sorted({choice.value for choice in rubric.field(rubric.counting).choices if choice.value is not None})
    if len(values) < 3:
        return None
    nearest, told = ([_nearest(values, one) for one in side] for side in (judged, labels))
    return cohen_kappa(nearest, told, weights="quadratic", labels=values, level=level)


def _nearest(values: Sequence[float], one: float) -> float:
    return min(values, key=lambda value: abs(value - one))


def _corrected(verdicts: Sequence[bool], sensitivity: Aggregate, specificity: Aggregate, level: float) -> Aggregate:
    if not (verdicts and sensitivity.n and specificity.n):
        reason = "the audit draw has no case that people call good, or none that they call bad"
        return Aggregate(len(verdicts), 0, None, level=level, method="rogan-gladen", reason=reason)
    right = [Share(round((part.value or 0.0) * part.n), part.n) for part in (specificity, sensitivity)]
    return rogan_gladen(Share(sum(verdicts), len(verdicts)), *right, level=level)
