"""A judge measured on the audit draw, and the labels of a queue held against each other."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from weft.records import ItemStatus, ReviewItem, ReviewLabel, ReviewQueue
from weft.reviews import judge_quality
from weft.reviews.estimate import estimate_items
from weft.reviews.judge_quality import audit_draw
from weft.reviews.quality import quality_of
from weft.statistics import cohen_kappa, probabilities
from weft.statistics import estimate as active

RUBRIC = {"question": "Good?", "choices": [{"label": "yes", "value": 1.0}, {"label": "no", "value": 0.0}]}
QUEUE = ReviewQueue("q", "p", "answers", "correct", rubric=RUBRIC)
DAY = 86_400 * 10**9


def routed(count: int, seed: int, served: float = 1.0) -> tuple[list[ReviewItem], float]:
    """A queue whose judge is right where it is sure; returns its items and Cohen's kappa on all cases."""
    rng = random.Random(seed)
    f = [rng.betavariate(0.7, 0.7) for _ in range(count)]
    y = [float(rng.random() < value) for value in f]
    p = probabilities(f, 0.3, mix=0.2, floor=0.1).p
    items = []
    for place in range(count):
        u = rng.random()
        items.append(
            ReviewItem(
                f"i{place}", "q", "p", "", ItemStatus.WAITING if u < p[place] else ItemStatus.HELD,
                u=u, p=float(p[place]), machine={"value": f[place]}, value=y[place], labelled_ns=(place % 3) * DAY + 1,
            )
        )  # fmt: skip
    sent = sorted((i for i in items if i.status == ItemStatus.WAITING), key=lambda item: item.u / item.p)
    done = {item.item_id for item in sent[: int(served * len(sent))]}
    told = [
        replace(item, status=ItemStatus.LABELLED) if item.item_id in done else replace(item, value=None)
        for item in items
    ]
    whole = cohen_kappa([value >= 0.5 for value in f], [value >= 0.5 for value in y]).value
    assert whole is not None
    return told, whole


def test_the_judge_is_measured_on_the_audit_draw_and_not_on_what_was_routed() -> None:
    audit, naive, truth = [], [], []
    for seed in range(12):
        items, whole = routed(1500, seed, served=0.7)
        found = judge_quality(QUEUE, items)
        drawn = audit_draw(items)
        assert all(item.status == ItemStatus.LABELLED for item in drawn)
        assert found.audited == len(drawn)
        labelled = [item for item in items if item.status == ItemStatus.LABELLED]
        assert len(drawn) < len(labelled) / 2
        routed_kappa = cohen_kappa([i.machine["value"] >= 0.5 for i in labelled], [i.value >= 0.5 for i in labelled])
        audit.append(found.kappa.value or 0.0)
        naive.append(routed_kappa.value or 0.0)
        truth.append(whole)
    mean = sum(truth) / 12
    assert abs(sum(audit) / 12 - mean) < 0.06
    assert sum(naive) / 12 < mean - 0.15


def test_what_is_said_of_a_judge() -> None:
    items, _ = routed(3000, 3)
    found = judge_quality(QUEUE, items)
    assert found.sensitivity.n + found.specificity.n == found.audited > 200
    assert found.calibration is not None
    assert found.calibration.error is not None
    assert found.calibration.error < 0.12
    assert found.trust.threshold is not None
    assert found.corrected.value == pytest.approx(0.5, abs=0.1)
    assert found.weighted_kappa is None
    assert found.missing == 0
    empty = judge_quality(QUEUE, [])
    assert (empty.audited, empty.trust.threshold, empty.corrected.value) == (0, None, None)


def test_graded_labels_have_a_weighted_kappa_too() -> None:
    rubric = {"choices": [{"label": str(value), "value": value} for value in (0.0, 0.5, 1.0)]}
    items = [
        ReviewItem(
            f"i{n}", "q", "p", "", ItemStatus.LABELLED, u=0.01 * n, p=0.5, value=(n % 3) / 2,
            machine={"value": min(1.0, (n % 3) / 2 + 0.1), "confidence": 0.9},
        )
        for n in range(30)
    ]  # fmt: skip
    found = judge_quality(replace(QUEUE, rubric=rubric), items)
    assert found.weighted_kappa is not None
    assert found.weighted_kappa.value == pytest.approx(1.0)
    assert found.trust.n == 30


def test_nonresponse_stands_beside_the_worst_case() -> None:
    items, _ = routed(600, 5)
    served = [item for item in items if item.status == ItemStatus.LABELLED]
    gone = {item.item_id for item in served[::12]}
    holes = [
        replace(item, status=ItemStatus.WAITING, value=None, skipped_by=["a"]) if item.item_id in gone else item
        for item in items
    ]
    disputed = replace(next(i for i in served if i.item_id not in gone), status=ItemStatus.DISPUTED, value=None)
    holes = [disputed if item.item_id == disputed.item_id else item for item in holes]
    found = estimate_items(QUEUE, holes, level=0.9, half_widths=(0.05, 0.001))
    left = found.nonresponse
    assert left.unresolved == len(gone) + 1
    assert left.rate == pytest.approx(1 - left.unresolved / left.served)
    assert left.as_judged is not None
    assert left.as_judged.low is not None
    assert left.as_judged.high is not None
    assert found.after.low is not None
    assert found.after.high is not None
    assert found.after.low < left.as_judged.low < left.as_judged.high < found.after.high
    assert found.after.method.endswith("worst case")
    assert found.plans[1].more is None
    whole = estimate_items(QUEUE, items, half_widths=(0.05,))
    assert whole.nonresponse.as_judged is None
    assert whole.effective is not None
    assert whole.effective > whole.after.labelled
    assert whole.plans[0].more is not None


def test_a_uniform_draw_is_estimated_by_ppi_and_repetitions_are_clustered() -> None:
    rng = random.Random(9)
    items = []
    for n in range(300):
        f = rng.random()
        u = rng.random()
        done = u < 0.2
        items.append(
            ReviewItem(
                f"i{n}", "q", "p", "", ItemStatus.LABELLED if done else ItemStatus.HELD, u=u, p=0.2,
                machine={"value": f}, value=float(rng.random() < f) if done else None, run_id="r", example_id=f"e{n}",
                repetition=0,
            )
        )  # fmt: skip
    single = estimate_items(QUEUE, items)
    assert single.after.method == "PPI++"
    assert single.labels_alone.method == "wilson"
    assert single.before.n == 300
    thrice = [
        replace(item, item_id=f"{item.item_id}-{k}", repetition=k, u=min(0.999, (item.u or 0) + 1e-9 * k))
        for item in items
        for k in range(3)
    ]
    repeated = estimate_items(QUEUE, thrice)
    assert repeated.after.method == "active inference, clustered"
    assert repeated.before.n == 300
    x = [item.status == ItemStatus.LABELLED for item in items]
    y = [item.value or 0.0 for item in items]
    once = active([item.machine["value"] for item in items], [0.2] * 300, x, y, tune=True)
    assert repeated.after.se == pytest.approx(once.se, rel=0.05)  # three copies of a case are no three cases


def test_gold_and_by_hand_items_are_not_counted() -> None:
    items, _ = routed(400, 2)
    more = [
        *items,
        ReviewItem("hand", "q", "p", "", ItemStatus.LABELLED, value=0.0),
        ReviewItem("gold", "q", "p", "", ItemStatus.GOLD, gold={"answer": "yes"}),
    ]
    plain, found = estimate_items(QUEUE, items), estimate_items(QUEUE, more)
    assert (found.by_hand, found.gold) == (1, 1)
    assert found.after == plain.after


def label(item: str, reviewer: str, answer: object, number: int = 0, **more: object) -> ReviewLabel:
    fields = {
        "claim_id": f"{item}-{reviewer}-{number}", "version": 1, "item_id": item, "queue_id": "q", "project": "p",
        "reviewer": reviewer, "slot": 0, "stage": 1, "rubric_version": 1, "answers": answer, "label": None,
        "value": None, "comment": None, "claimed_ns": 1, "started_ns": 10**9, "submitted_ns": 11 * 10**9, **more,
    }  # fmt: skip
    return ReviewLabel(**fields)  # type: ignore[arg-type]


def test_agreement_by_field() -> None:
    rubric = {
        "fields": [
            {"name": "good", "type": "binary"},
            {"name": "stars", "type": "scale"},
            {"name": "why", "type": "text"},
            {"name": "tags", "type": "multi", "choices": ["a", "b"]},
        ]
    }
    labels = []
    for n in range(20):
        for reviewer, good, stars in (("ann", n % 2 == 0, 1 + n % 5), ("bob", n % 2 == 0 or n == 1, 1 + (n + 1) % 5)):
            answers = {
                "good": "yes" if good else "no",
                "stars": stars,
                "why": "so",
                "tags": ["a"] if n % 3 else ["a", "b"],
            }
            labels.append(label(f"i{n}", reviewer, answers))
    labels.append(label("i0", "cy", {"good": "no", "stars": 1}, stage=2))
    labels.append(label("g", "ann", {"good": "yes", "stars": 1}, stage=0, counted=False, gold_right=True))
    found = quality_of(replace(QUEUE, rubric=rubric), [], labels)
    assert [one.name for one in found.fields] == ["good", "stars", "tags"]
    good, stars, tags = found.fields
    assert (good.reviewers, good.items) == (2, 20)
    assert good.pairs[0].counts == {"yes": {"yes": 10}, "no": {"yes": 1, "no": 9}}
    assert good.pairs[0].kappa.value == pytest.approx(0.9)
    assert good.krippendorff.value == pytest.approx(0.9025, abs=1e-3)
    assert good.fleiss.low is not None
    assert stars.krippendorff.method.startswith("krippendorff, ordinal")
    assert stars.pairs[0].kappa.method == "cohen, quadratic weights"
    assert tags.fleiss.value == pytest.approx(1.0)
    assert good.consensus["i3"] == ("no", pytest.approx(1.0, abs=0.05))
    ann = found.reviewers[0]
    assert (ann.reviewer, ann.labels, ann.median_s, ann.gold, ann.gold_right) == ("ann", 20, 10.0, 1, 1)
    assert found.labels == 40


def test_the_judge_over_time() -> None:
    items, _ = routed(900, 7)
    found = quality_of(QUEUE, items, [])
    assert [period.day for period in found.over_time] == ["1970-01-01", "1970-01-02", "1970-01-03"]
    assert sum(period.agreement.n for period in found.over_time) == found.judge.audited
