"""A small training with Keras and Weft's callbacks: a program of its own for each backend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import weft
from weft.integrations.keras import WeftMetricsLogger, WeftModelCheckpoint


def train(*more: Any, **checkpoint: Any) -> Any:
    keras.utils.set_random_seed(0)
    features = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    labels = (features.sum(axis=1) > 0).astype("int64")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.5)
    model.compile(keras.optimizers.SGD(schedule), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    weft.init("frameworks", kind="train")
    saving = WeftModelCheckpoint("models/{epoch}.keras", monitor="val_loss", **checkpoint)
    model.fit(
        features,
        labels,
        epochs=3,
        batch_size=10,
        validation_data=(features, labels),
        verbose=0,
        callbacks=[WeftMetricsLogger(log_freq=2), saving, *more],
    )
    return model


if __name__ == "__main__":
    train()
    print(keras.backend.backend())
