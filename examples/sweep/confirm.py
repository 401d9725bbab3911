"""Whether the winner of a sweep is better than the defaults, on images that neither the training nor the sweep saw.

    python confirm.py SWEEP [--seeds N]

Both are trained anew with seeds that the sweep did not use. The interval of the difference is over the test images,
each with the share of the seeds that read it rightly: it says what to expect of other images of this kind.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from train import CLASSES, DEFAULTS, model_of, parts

import weft
from weft.statistics.paired import paired_difference


def right(config: dict, seed: int) -> np.ndarray:
    """Which test images (450,) are read rightly: 1.0 or 0.0."""
    (train, train_y), _, (test, test_y) = parts()
    model = model_of({**config, "seed": seed})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(config["epochs"]):
            model.partial_fit(train, train_y, classes=CLASSES)
    return (model.predict(test) == test_y).astype(float)


def main() -> None:
    """Print both scores and their difference."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("sweep")
    arguments.add_argument("--seeds", type=int, default=10)
    given = arguments.parse_args()
    store = weft.Api().store.sweeps
    best = store.get_trial(given.sweep, store.get_sweep(given.sweep).best)
    scores = {}
    for name, config in (("default", DEFAULTS), ("best", {**DEFAULTS, **best.params})):
        each = np.array([right(config, seed) for seed in range(1, given.seeds + 1)])  # (seeds, images)
        of_seeds, scores[name] = each.mean(axis=1), each.mean(axis=0)
        spread = f"from {of_seeds.min():.4f} to {of_seeds.max():.4f} over {given.seeds} seeds"
        print(f"{name}: {each.mean():.4f} of {each.shape[1]} test images, {spread}")
    found = paired_difference(scores["default"], scores["best"])
    print(f"difference: {found.value:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f} ({found.method})")


if __name__ == "__main__":
    main()
