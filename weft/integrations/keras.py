"""Keras 3, any backend: ``model.fit(..., callbacks=[WeftMetricsLogger(), WeftModelCheckpoint("model.keras")])``."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from weft.integrations.reporting import Reporter, missing, quietly
from weft.training import Run
from weft.training.media import Table

try:
    import keras
    from keras.callbacks import Callback, ModelCheckpoint
except ModuleNotFoundError as error:
    raise missing("keras", error) from None


class WeftMetricsLogger(Callback):
    """Logs ``epoch/...`` at each epoch and, with ``log_freq`` "batch" or a number of batches, ``batch/...`` at each.

    The learning rate goes with them; the optimizer, the fit's parameters and the model's size go to the config.
    ``initial_global_step`` is the number of batches that came before. Other arguments are those of :func:`weft.init`.
    """

    def __init__(
        self, log_freq: str | int = "epoch", initial_global_step: int = 0, *, run: Run | None = None, **options: Any
    ) -> None:
        super().__init__()
        self._report = Reporter(run, **options)
        self._every = 0 if log_freq == "epoch" else 1 if log_freq == "batch" else int(log_freq)
        self._batch = initial_global_step

    @quietly
    def on_train_begin(self, logs: Any = None) -> None:
        """Note what is trained, and how."""
        about: dict[str, Any] = {
            "class": type(self.model).__name__,
            "layers": [layer.name for layer in self.model.layers],
        }
        if self.model.built:
            about["parameters"] = self.model.count_params()
            about["trainable_parameters"] = sum(int(_size(weight)) for weight in self.model.trainable_weights)
        fit = {key: value for key, value in (self.params or {}).items() if key != "verbose"}
        optimizer = self.model.optimizer
        how = {} if optimizer is None else {"optimizer": optimizer.get_config()}
        self._report.config({"model": about, "backend": keras.backend.backend(), "fit": fit, **how})

    @quietly
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Log a batch, where batches are logged."""
        number, self._batch = self._batch, self._batch + 1
        if self._every and number % self._every == 0:
            if hasattr(self.model, "jax_state_sync"):  # else the variables of JAX are those of the epoch's beginning
                self.model.jax_state_sync()
            values = {f"batch/{key}": value for key, value in (logs or {}).items()}
            self._report.log({**values, "batch/batch_step": number, **self._rate("batch")}, number)

    @quietly
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log an epoch."""
        values = {f"epoch/{key}": value for key, value in (logs or {}).items()}
        self._report.log({**values, "epoch/epoch": epoch, **self._rate("epoch")}, epoch)

    def _rate(self, prefix: str) -> dict[str, float]:
        optimizer = self.model.optimizer
        if optimizer is None:
            return {}
        return {f"{prefix}/learning_rate": float(keras.ops.convert_to_numpy(optimizer.learning_rate))}


class WeftModelCheckpoint(ModelCheckpoint):
    """Keras's ModelCheckpoint; what it saves becomes a version of an artifact (default ``model-RUN``).

    Aliases: ``last`` is the newest, ``epoch-N`` its epoch, ``best`` that of the best value of ``monitor`` so far. All
    arguments of ModelCheckpoint are taken.
    """

    def __init__(
        self, filepath: Any, *args: Any, run: Run | None = None, artifact_name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(filepath, *args, **kwargs)
        self._report = Reporter(run)
        self._artifact_name = artifact_name
        self._top: float | None = None

    def _save_model(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        path = Path(self._get_file_path(epoch, batch, logs))
        before = _written(path)
        super()._save_model(epoch, batch, logs)
        if _written(path) != before:
            self._keep(path, epoch, logs)

    @quietly
    def _keep(self, path: Path, epoch: int, logs: dict[str, Any]) -> None:
        value = logs.get(self.monitor)
        aliases = ["last", f"epoch-{epoch}"]
        if value is not None and (self._top is None or self._is_improvement(value, self._top)):
            self._top = float(value)
            aliases.append("best")
        metadata = {"epoch": epoch, **{key: float(logs[key]) for key in logs}}
        self._report.files(path, name=self._artifact_name, aliases=aliases, metadata=metadata)


class WeftEvalCallback(Callback, ABC):
    """Logs a table of predictions after every epoch: derive from it and say what stands in the rows.

    ``add_ground_truth`` fills ``self.data_table`` once, ``add_model_predictions`` fills ``self.pred_table`` after each
    epoch, where the rows of the former are ``self.data_table.data``. What they raise is told and not raised.
    """

    def __init__(
        self, data_table_columns: list[str], pred_table_columns: list[str], *, run: Run | None = None, **options: Any
    ) -> None:
        super().__init__()
        self._report = Reporter(run, **options)
        self._pred_columns = list(pred_table_columns)
        self.data_table = Table(columns=list(data_table_columns), allow_mixed_types=True)
        self.pred_table = Table(columns=self._pred_columns, allow_mixed_types=True)

    @abstractmethod
    def add_ground_truth(self, logs: Any = None) -> None:
        """Add rows to ``self.data_table``."""

    @abstractmethod
    def add_model_predictions(self, epoch: int, logs: Any = None) -> None:
        """Add rows to ``self.pred_table``."""

    @quietly
    def on_train_begin(self, logs: Any = None) -> None:
        """Log what is right."""
        self.add_ground_truth(logs)
        self._report.log({"eval_data": self.data_table}, 0)

    @quietly
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log what is predicted."""
        self.pred_table = Table(columns=self._pred_columns, allow_mixed_types=True)
        self.add_model_predictions(epoch, logs)
        self._report.log({"eval_predictions": self.pred_table}, epoch)


class WandbCallback(WeftModelCheckpoint):
    """W&B's older callback: ``epoch``, ``loss``, ``val_loss``, ... under their own names after each epoch, and the
    model that is best by ``monitor`` as a version of an artifact, unless ``save_model=False``.

    Its other arguments (``labels``, ``log_weights``, ...) are accepted and change nothing: ``WeftEvalCallback`` logs
    predictions.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        verbose: int = 0,
        mode: str = "auto",
        save_weights_only: bool = False,
        save_model: bool = True,
        *,
        run: Run | None = None,
        **others: Any,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="weft-keras-")
        name = "model-best.weights.h5" if save_weights_only else "model-best.keras"
        path = Path(self._folder.name, name)
        more: dict[str, Any] = {"mode": mode, "save_weights_only": save_weights_only}
        super().__init__(path, monitor, verbose, save_best_only=True, run=run, **more)
        self._wanted = save_model

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log an epoch, and keep the model where it is the best."""
        self._report.log({**(logs or {}), "epoch": epoch}, epoch)
        if self._wanted and self.monitor in (logs or {}):
            super().on_epoch_end(epoch, logs)


def _size(weight: Any) -> int:
    count = 1
    for length in weight.shape:
        count *= length
    return count


def _written(path: Path) -> tuple[int, int] | None:
    return (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None


# As W&B's users call them.
WandbMetricsLogger = WeftMetricsLogger
WandbModelCheckpoint = WeftModelCheckpoint
WandbEvalCallback = WeftEvalCallback
