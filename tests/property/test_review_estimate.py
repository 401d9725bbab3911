"""Simulated queues: the figure is unbiased and its interval covers, however the labelling went."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from weft.records import ItemStatus, ReviewItem, ReviewQueue, Sample, SampleStatus, Score, ScoreSource
from weft.reviews import ReviewPolicy
from weft.reviews.estimate import corrected

N = 250
REPETITIONS = 150
POLICY = ReviewPolicy("q", budget=0.3, audit_floor=0.05)


def world(rng: random.Random, run_id: str) -> tuple[list[Sample], list[Score], dict[str, float]]:
    """Samples, an overconfident judge that is too kind, and what people would say."""
    samples, scores, truth = [], [], {}
    for number in range(N):
        judged = min(0.99, max(0.01, rng.betavariate(2.0, 0.9)))
        example = f"e{number}"
        truth[example] = float(rng.random() < judged**1.6)
        samples.append(Sample(run_id, "p", example, 0, SampleStatus.OK, 0, 1, input=example, output="a"))
        scores.append(
            Score(
                f"{run_id}-{number}",
                "p",
                "judge",
                0,
                ScoreSource.LLM,
                judged,
                run_id=run_id,
                example_id=example,
                repetition=0,
            )
        )
    return samples, scores, truth


def worked(
    items: list[ReviewItem], truth: dict[str, float], share: float, skips: random.Random | None
) -> list[ReviewItem]:
    """The queue served in its order up to a share of it; some cases skipped by everyone."""
    sent = sorted((item for item in items if item.status == ItemStatus.WAITING), key=lambda item: item.u / item.p)
    done = {}
    for item in sent[: math.ceil(share * len(sent))]:
        if skips is not None and skips.random() < 0.05:
            done[item.item_id] = replace(item, status=ItemStatus.SKIPPED, skipped_by=["a", "b"])
            continue
        value = truth[item.example_id or ""]
        done[item.item_id] = replace(item, status=ItemStatus.LABELLED, label="x", value=value)
    return [done.get(item.item_id, item) for item in items]


@pytest.mark.parametrize(
    ("share", "skipping", "tune"),
    [(1.0, False, True), (1.0, False, False), (0.6, False, False), (0.6, False, True), (0.6, True, True)],
)
def test_the_estimate_is_unbiased_and_its_interval_covers(share: float, skipping: bool, tune: bool) -> None:
    rng = random.Random(11)
    queue = ReviewQueue("id", "p", "q", "correct", rubric=POLICY.rubric())
    errors, before, covered = [], [], 0
    for repetition in range(REPETITIONS):
        samples, scores, truth = world(rng, f"run{repetition}")
        items = worked(POLICY.draw(queue, samples, scores), truth, share, rng if skipping else None)
        found = corrected(queue, items, tune=tune, level=0.9)
        goal = sum(truth.values()) / N
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        errors.append(found.value - goal)
        before.append(sum(item.machine["value"] for item in items) / len(items) - goal)
        covered += found.low <= goal <= found.high
    mean = sum(errors) / REPETITIONS
    spread = math.sqrt(sum((error - mean) ** 2 for error in errors) / REPETITIONS)
    assert sum(before) / REPETITIONS > 0.05  # the judge alone is wrong, so there is something to correct
    tolerance = 3.5 * spread / math.sqrt(REPETITIONS) + (0.01 if skipping or tune else 0.0)
    assert abs(mean) < tolerance
    assert covered / REPETITIONS > 0.9 - 3.5 * math.sqrt(0.9 * 0.1 / REPETITIONS)
