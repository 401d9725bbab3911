"""The callbacks of Keras 3 against the real package, with its JAX and its torch backend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import weft


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_epochs_batches_rates_config_and_checkpoints(backend: str, read: Any) -> None:
    if backend == os.environ["KERAS_BACKEND"]:
        from keras_program import train

        train()
    else:
        program = Path(__file__).with_name("keras_program.py")
        environ = {**os.environ, "KERAS_BACKEND": backend}
        done = subprocess.run([sys.executable, program], env=environ, capture_output=True, text=True)
        assert done.stdout == f"{backend}\n", done.stderr
    run = read()
    assert run.steps("epoch/loss") == run.steps("epoch/val_accuracy") == [0, 1, 2]
    assert [value for _, value in run.points("epoch/learning_rate")] == pytest.approx([0.05, 0.025, 0.0125])
    assert run.steps("batch/loss") == [0, 2, 4, 6, 8, 10]
    rates = [value for _, value in run.points("batch/learning_rate")]
    assert rates == pytest.approx([0.1 * 0.5 ** (batch / 4) for batch in (1, 3, 5, 7, 9, 11)])
    assert run.config["backend"] == backend
    assert run.config["model"]["parameters"] == run.config["model"]["trainable_parameters"] == 10
    assert run.config["optimizer"]["name"] == "sgd"
    assert run.config["fit"]["epochs"] == 3
    (versions,) = run.versions.values()
    assert {"best", "last", "latest", "epoch-0", "epoch-2"} <= run.aliases
    assert len(versions) == 3
    assert versions[-1].metadata["val_loss"] > 0


def test_training_goes_on_where_weft_fails(broken: None, caplog: pytest.LogCaptureFixture) -> None:
    from keras_program import train

    assert train().optimizer.iterations == 12
    assert "the training goes on. log: OSError: the disk is on fire" in caplog.text
    assert weft.run is not None


def test_names_and_the_older_callback_of_wandbs_users(read: Any) -> None:
    from keras_program import train
    from weft.integration import keras as theirs

    assert theirs.WandbMetricsLogger is weft.keras.WeftMetricsLogger
    train(theirs.WandbCallback(monitor="val_accuracy", labels=["no", "yes"]))
    run = read()
    assert run.steps("loss") == run.steps("val_accuracy") == run.steps("epoch") == [0, 1, 2]
    assert {"best", "last"} <= run.aliases


def test_a_table_of_predictions_after_each_epoch(read: Any, rows: Any) -> None:
    from keras_program import train

    from weft.integrations.keras import WeftEvalCallback

    class Predictions(WeftEvalCallback):
        def add_ground_truth(self, logs: Any = None) -> None:
            for number, label in enumerate(rows[1][:3]):
                self.data_table.add_data(number, int(label))

        def add_model_predictions(self, epoch: int, logs: Any = None) -> None:
            found = self.model.predict(rows[0][:3], verbose=0).argmax(axis=1)
            for row, guess in zip(self.data_table.data, found, strict=True):
                self.pred_table.add_data(epoch, *row, int(guess))

    train(Predictions(["id", "label"], ["epoch", "id", "label", "guess"]))
    run = read()
    assert run.logged == {"eval_data": "table", "eval_predictions": "table"}
    assert [one.step for one in run.api.store.logged.read_logged(run.id, "eval_predictions")] == [0, 1, 2]


def test_only_the_best_is_kept_where_only_the_best_is_saved(read: Any) -> None:
    from keras_program import train

    train(mode="max", save_best_only=True, artifact_name="m")
    run = read()
    assert [version.version for version in run.versions["m"]] == [1]
    assert run.aliases == {"best", "last", "epoch-0", "latest"}
