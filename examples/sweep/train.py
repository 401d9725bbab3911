"""Train a network that reads handwritten digits; `python train.py` alone trains it with its defaults."""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import weft

# Those of scikit-learn's MLPClassifier, which is what one begins with.
DEFAULTS = {
    "solver": "adam",
    "learning_rate": 0.001,
    "momentum": 0.9,
    "units": 100,
    "layers": 1,
    "alpha": 0.0001,
    "batch": 200,
    "epochs": 27,
    "seed": 0,
}
CLASSES = np.arange(10)


def parts() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Images (n, 64) with pixels from 0 to 1 and their digits: to train with, to choose by, and to test with."""
    pixels, digits = load_digits(return_X_y=True)
    rest, test, rest_y, test_y = train_test_split(pixels / 16, digits, test_size=450, random_state=0, stratify=digits)
    train, val, train_y, val_y = train_test_split(rest, rest_y, test_size=450, random_state=0, stratify=rest_y)
    return (moved(train), np.tile(train_y, 5)), (val, val_y), (test, test_y)


def moved(images: np.ndarray) -> np.ndarray:
    """Images (n, 64), then each of them moved by a pixel to the left, to the right, up and down: (5 n, 64)."""
    square = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    places = ((1, 1), (1, 2), (1, 0), (2, 1), (0, 1))
    return np.concatenate([square[:, y : y + 8, x : x + 8].reshape(-1, 64) for y, x in places])


def model_of(config: dict) -> MLPClassifier:
    """An untrained network."""
    return MLPClassifier(
        hidden_layer_sizes=[config["units"]] * config["layers"],
        solver=config["solver"],
        learning_rate_init=config["learning_rate"],
        momentum=config.get("momentum", 0.9),
        alpha=config["alpha"],
        batch_size=config["batch"],
        random_state=config["seed"],
    )


def main() -> None:
    """Train once, and log each epoch."""
    arguments = argparse.ArgumentParser(description=__doc__)
    for name, value in DEFAULTS.items():
        arguments.add_argument(f"--{name}", type=type(value), default=value)
    (train, train_y), (val, val_y), (test, test_y) = parts()
    with weft.init(project="digits", config=vars(arguments.parse_args())) as run:
        model = model_of(dict(run.config))
        for _ in range(run.config.epochs):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # a learning rate that is too large is one of the things to find out
                model.partial_fit(train, train_y, classes=CLASSES)
            probabilities = np.nan_to_num(model.predict_proba(val), nan=0.1)
            run.log(
                {
                    "train.loss": model.loss_,
                    "val.loss": log_loss(val_y, probabilities, labels=CLASSES),
                    "val.accuracy": float((probabilities.argmax(axis=1) == val_y).mean()),
                }
            )
            if run.should_stop():
                return
        run.summary["test.accuracy"] = float(model.score(test, test_y))


if __name__ == "__main__":
    main()
