"""Whether review's intervals hold: simulated queues that stop, reviewers who skip and disagree, policies that change.

Nominal 90 %. Each scenario is repeated 5,000 times (or so often as the variable WEFT_REPETITIONS says) through the very
function that makes a queue's figure, ``weft.reviews.estimate.corrected``; printed beside the control that is known
to fail, serving the most ambiguous first and correcting as if nothing had happened. The last part is what the labels
save: a judge of correlation .85, at most one label for ten cases.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft import statistics as st
from weft.records import ItemStatus, ReviewItem, ReviewQueue
from weft.reviews.estimate import corrected

Floats = NDArray[np.float64]
REPETITIONS = int(os.environ.get("WEFT_REPETITIONS", "5000"))
LEVEL = 0.9
N = 400
GRADES = [{"label": "yes", "value": 1.0}, {"label": "half", "value": 0.5}, {"label": "no", "value": 0.0}]
QUEUE = ReviewQueue("q", "p", "coverage", "correct", rubric={"question": "Good?", "choices": GRADES})
MERIT = 1.6 / 2.7  # the mean of y over the population: E[Beta(1.6, 1.1)]


@dataclass(frozen=True)
class World:
    """What people would say of each case (y), and what the judge says (f)."""

    f: Floats
    y: Floats


def world(rng: np.random.Generator, n: int = N, *, bias: float = 0.12, noise: float = 0.15) -> World:
    """A judge that is informative, overconfident and too kind."""
    merit = rng.beta(1.6, 1.1, n)
    y = (rng.random(n) < merit).astype(float)
    return World(np.clip(merit + bias + rng.normal(0, noise, n), 0.01, 0.99), y)


def hard(rng: np.random.Generator, n: int = N) -> World:
    """A judge that says 0 or 1, is sure of it, and is wrong on every third case."""
    y = (rng.random(n) < MERIT).astype(float)
    return World(np.where(rng.random(n) < 0.33, 1 - y, y), y)


def items_of(
    f: Floats, p: Floats, u: Floats, labels: list[float | None], skipped: NDArray[np.bool_] | None = None, **more: Any
) -> list[ReviewItem]:
    """The items of a queue as the store would give them."""
    left = np.zeros(f.size, dtype=bool) if skipped is None else skipped
    examples = more.pop("examples", [f"e{i}" for i in range(f.size)])
    return [
        ReviewItem(
            f"{more.get('wave', 0)}-{i}", "q", "p", "",
            ItemStatus.HELD if u[i] >= p[i] else ItemStatus.WAITING if label is None else ItemStatus.LABELLED,
            u=float(u[i]), p=float(p[i]), machine={"value": float(f[i])}, value=label, run_id="r",
            example_id=examples[i], skipped_by=["a", "b"] if left[i] else [], **more,
        )
        for i, label in enumerate(labels)
    ]  # fmt: skip


def served(rng: np.random.Generator, p: Floats, share: float) -> tuple[Floats, NDArray[np.bool_]]:
    """The numbers U, and which cases a queue that stopped after ``share`` of those sent had served."""
    u = rng.random(p.size)
    order = np.argsort(u / p)
    sent = order[: int((u < p).sum())]
    done = np.zeros(p.size, dtype=bool)
    done[sent[: math.ceil(share * sent.size)]] = True
    return u, done


def answers(y: Floats, done: NDArray[np.bool_]) -> list[float | None]:
    return [float(value) if has else None for value, has in zip(y, done, strict=True)]


def figure(items: list[ReviewItem], **more: Any) -> st.Estimate:
    return corrected(QUEUE, items, level=LEVEL, **more)


Result = tuple[st.Estimate, float]
Scenario = Callable[[np.random.Generator], Result]


def queue(rng: np.random.Generator, made: World, share: float, budget: float = 0.4, **more: Any) -> st.Estimate:
    p = st.probabilities(made.f.tolist(), budget, floor=0.1).p
    u, done = served(rng, p, share)
    return figure(items_of(made.f, p, u, answers(made.y, done)), **more)


def whole(rng: np.random.Generator) -> Result:
    return queue(rng, world(rng), 1.0), MERIT


def stopped(rng: np.random.Generator) -> Result:
    return queue(rng, world(rng), 0.6), MERIT


def stopped_plain(rng: np.random.Generator) -> Result:
    return queue(rng, world(rng), 0.6, tune=False), MERIT


def stopped_early(rng: np.random.Generator) -> Result:
    return queue(rng, world(rng), 0.25), MERIT


def uniform(rng: np.random.Generator) -> Result:
    """Every case with the same chance: PPI++."""
    made = world(rng)
    u, done = served(rng, np.full(N, 0.3), 0.6)
    return figure(items_of(made.f, np.full(N, 0.3), u, answers(made.y, done))), MERIT


def hard_judge(rng: np.random.Generator) -> Result:
    """All f in {0, 1}: the chances are uniform."""
    return queue(rng, hard(rng), 0.7), MERIT


def useless_judge(rng: np.random.Generator) -> Result:
    made = world(rng)
    return queue(rng, World(rng.random(N), made.y), 0.7), MERIT


def failing_judge(rng: np.random.Generator) -> Result:
    """The judge fails on a tenth of the cases: they have its mean, and p = 1."""
    made = world(rng)
    lost = rng.random(N) < 0.1
    routing = st.probabilities(
        [None if gone else float(f) for f, gone in zip(made.f, lost, strict=True)], 0.3, floor=0.1
    )
    u, done = served(rng, routing.p, 0.7)
    return figure(items_of(routing.f, routing.p, u, answers(made.y, done))), MERIT


def disagreeing(rng: np.random.Generator) -> Result:
    """A label is one reviewer's, right with a chance of .85: the target is the mean of what reviewers would say."""
    made = world(rng)
    said = np.where(rng.random(N) < 0.85, made.y, 1 - made.y)
    return queue(rng, World(made.f, said), 0.6), 0.85 * MERIT + 0.15 * (1 - MERIT)


def two_reviewers(rng: np.random.Generator) -> Result:
    """The target is the mean of two reviewers: an item counts when both have answered."""
    made = world(rng)
    said = (np.where(rng.random((2, N)) < 0.85, made.y, 1 - made.y)).mean(axis=0)
    return queue(rng, World(made.f, said), 0.6), 0.85 * MERIT + 0.15 * (1 - MERIT)


def changing(rng: np.random.Generator) -> Result:
    """The labels of the first wave choose the budget of the second, which is estimated apart."""
    items: list[ReviewItem] = []
    budget = 0.3
    for wave in range(2):
        made = world(rng, N // 2)
        p = st.probabilities(made.f.tolist(), budget, floor=0.1).p
        u, done = served(rng, p, 0.7)
        items += items_of(made.f, p, u, answers(made.y, done), wave=wave)
        budget = 0.6 if np.abs(made.f - made.y)[done].mean() > 0.35 else 0.3
    return figure(items), MERIT


def raised(rng: np.random.Generator) -> Result:
    """Chances are raised midway, with the same U, for a reason not learned from labels; the queue goes on and stops."""
    made = world(rng)
    p = st.probabilities(made.f.tolist(), 0.3, floor=0.1).p
    u, done = served(rng, p, 0.5)
    p = st.strongest(p, np.where(made.f > 0.8, 0.6, 0.0))
    order = [i for i in np.argsort(u / p) if u[i] < p[i] and not done[i]]
    done[order[: len(order) // 2]] = True
    return figure(items_of(made.f, p, u, answers(made.y, done))), MERIT


def out_of_order(rng: np.random.Generator) -> Result:
    """Three reviewers at once: some labels come from ahead of the queue and wait."""
    made = world(rng)
    p = st.probabilities(made.f.tolist(), 0.4, floor=0.1).p
    u, done = served(rng, p, 0.6)
    last = np.argsort(np.where(done, u / p, -1.0))[-30:]
    done[rng.choice(last, 3, replace=False)] = False  # in the hands of reviewers when it stopped
    return figure(items_of(made.f, p, u, answers(made.y, done))), MERIT


def repeated(rng: np.random.Generator) -> Result:
    """Three repetitions of each example, judged and labelled alike: clusters."""
    made = world(rng, 150)
    f = np.clip(np.repeat(made.f, 3) + rng.normal(0, 0.05, 450), 0.01, 0.99)
    p = st.probabilities(f.tolist(), 0.4, floor=0.1).p
    u, done = served(rng, p, 0.7)
    examples = [f"e{i // 3}" for i in range(450)]
    return figure(items_of(f, p, u, answers(np.repeat(made.y, 3), done), examples=examples)), MERIT


def small(rng: np.random.Generator) -> Result:
    """About 24 labels of 60 cases."""
    return queue(rng, world(rng, 60), 1.0), MERIT


def small_uniform(rng: np.random.Generator) -> Result:
    """About 20 labels of 100 cases, each with the same chance."""
    made = world(rng, 100)
    p = np.full(100, 0.2)
    u, done = served(rng, p, 1.0)
    return figure(items_of(made.f, p, u, answers(made.y, done))), MERIT


def skipping(rng: np.random.Generator) -> Result:
    """Reviewers skip what is hard, more often where the answer is wrong; nobody resolves it."""
    made = world(rng)
    p = st.probabilities(made.f.tolist(), 0.4, floor=0.1).p
    u, reached = served(rng, p, 0.7)
    skipped = reached & (rng.random(N) < np.where(made.y == 1, 0.02, 0.15))
    return figure(items_of(made.f, p, u, answers(made.y, reached & ~skipped), skipped)), MERIT


def skips_as_unsent(rng: np.random.Generator) -> Result:
    """What must not be done: skipped cases taken as if they had never been sent."""
    made = world(rng)
    p = st.probabilities(made.f.tolist(), 0.4, floor=0.1).p
    _, reached = served(rng, p, 1.0)
    skipped = reached & (rng.random(N) < np.where(made.y == 1, 0.02, 0.3))
    return st.estimate(made.f, p, reached & ~skipped, made.y, level=LEVEL), MERIT


def most_ambiguous_first(rng: np.random.Generator) -> Result:
    """What must not be done: serve by ambiguity, stop early, and correct by p as if nothing had happened."""
    made = world(rng)
    p = st.probabilities(made.f.tolist(), 0.4, floor=0.1).p
    sent = np.flatnonzero(rng.random(N) < p)
    first = sent[np.argsort(np.abs(made.f[sent] - 0.5))][: round(0.6 * sent.size)]
    x = np.zeros(N)
    x[first] = 1
    return st.estimate(made.f, p, x, made.y, level=LEVEL), MERIT


EXACT: dict[str, Scenario] = {
    "queue served to its end": whole,
    "stopped at 60 %": stopped,
    "stopped at 60 %, plain correction": stopped_plain,
    "stopped at 25 %": stopped_early,
    "uniform draw (PPI++), stopped": uniform,
    "hard judge, all f in {0, 1}": hard_judge,
    "judge that knows nothing": useless_judge,
    "judge that fails on a tenth": failing_judge,
    "one reviewer, who errs in 15 %": disagreeing,
    "mean of two who err in 15 %": two_reviewers,
    "policy changed by labels: waves": changing,
    "chances raised midway": raised,
    "labels ahead of the queue": out_of_order,
    "repetitions, clustered": repeated,
    "small: 24 labels of 60 cases": small,
    "small: 20 uniform of 100": small_uniform,
}
AT_LEAST: dict[str, Scenario] = {"hard cases skipped, worst case": skipping}
CONTROLS: dict[str, Scenario] = {
    "skips taken as not sent": skips_as_unsent,
    "most ambiguous first, stopped": most_ambiguous_first,
}


def coverage(scenario: Scenario, repetitions: int, seed: int = 20261121) -> tuple[float, float]:
    """The share of repetitions whose interval holds the truth (none at all does not), and the mean of its width."""
    rng = np.random.default_rng(seed)
    covered, widths = 0, []
    for _ in range(repetitions):
        found, truth = scenario(rng)
        if found.low is not None and found.high is not None:
            covered += found.low <= truth <= found.high
            widths.append(found.high - found.low)
    return covered / repetitions, float(np.mean(widths)) if widths else math.nan


def labels_saved(rng: np.random.Generator, *, n: int = 2_000, budget: float = 0.1, uncertain: bool) -> float:
    """With a judge of correlation .85: labels taken, as a share of those that labels alone need for equal width."""
    merit = rng.normal(0, 1, n)
    f = 0.5 + 0.14 * merit
    y = 0.5 + 0.14 * (0.85 * merit + math.sqrt(1 - 0.85**2) * rng.normal(0, 1, n))
    p = st.probabilities(np.clip(f, 0, 1).tolist(), budget).p if uncertain else np.full(n, budget)
    u = rng.random(n)
    found = st.estimate_queue(f, u, p, answers(y, u < p), tune=True, level=LEVEL, bounds=(-1.0, 2.0))
    assert found.low is not None
    assert found.high is not None
    half = (found.high - found.low) / 2
    spread, alone = float(y.std(ddof=1)), 2
    low, high = 2, 10 * n
    while low < high:  # the fewest labels of a uniform draw whose t interval is as short
        alone = (low + high) // 2
        wide = st.t_quantile(0.5 + LEVEL / 2, alone - 1) * spread / math.sqrt(alone) > half
        low, high = (alone + 1, high) if wide else (low, alone)
    return found.labelled / low


def main() -> dict[str, float]:
    """Print and return the coverage of each scenario, and the labels needed against labels alone."""
    result: dict[str, float] = {}
    print(f"{REPETITIONS:,} repetitions each, nominal {LEVEL:.0%}")
    for heading, scenarios in (("88 to 92 %", EXACT), ("at least 88 %", AT_LEAST), ("control: must fail", CONTROLS)):
        for name, scenario in scenarios.items():
            covered, width = coverage(scenario, REPETITIONS)
            result[name] = covered
            print(f"{name:36} covers {covered:6.1%}  mean width {width:.3f}  ({heading})", flush=True)
    rng = np.random.default_rng(1)
    for words, uncertain in (("uniform draw, PPI++", False), ("routed by doubt", True)):
        shares = [labels_saved(rng, uncertain=uncertain) for _ in range(max(1, REPETITIONS // 10))]
        result[f"labels, {words}"] = float(np.mean(shares))
        told = f"judge of correlation .85, n/N = .1, {words}"
        print(f"{told}: {np.mean(shares):.3f} of the labels that labels alone need (at most 0.40)")
    return result


if __name__ == "__main__":
    main()
