"""fastai: ``learn.fit(3, cbs=WeftCallback())``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from weft.integrations.reporting import Reporter, missing, quietly
from weft.training import Run

try:
    from fastai.callback.core import Callback
    from fastai.learner import Recorder
    from fastai.torch_core import rank_distrib
except ModuleNotFoundError as error:
    raise missing("fastai", error) from None


class WeftCallback(Callback):
    """Logs loss, hyperparameters and speed of every training batch, and the metrics of every epoch.

    The step counts training batches over all fits of this callback. ``log`` records ``"gradients"``, ``"parameters"``
    or ``"all"``; ``log_model`` keeps the model after each fit as a version of ``model_name`` (default ``model-RUN``),
    with the alias ``best`` where a SaveModelCallback chose it; ``log_dataset`` keeps a folder of data. Other arguments
    are those of :func:`weft.init`. Only rank 0 reports.
    """

    order = Recorder.order + 1
    remove_on_fetch = True

    def __init__(
        self,
        log: str | None = None,
        log_model: bool = False,
        model_name: str | None = None,
        log_dataset: str | Path | bool = False,
        *,
        report_to: Run | None = None,
        **options: Any,
    ) -> None:
        self._report = Reporter(report_to, **options)
        self._log = log
        self._log_model = log_model
        self._model_name = model_name
        self._log_dataset = log_dataset
        self._watched = False
        self._step = self._batches_before = 0
        self._begun_s = 0.0

    @quietly
    def before_fit(self) -> None:
        """Note what is trained, and how; nothing is logged of a search for the learning rate or of predictions."""
        self.run = not hasattr(self.learn, "lr_finder") and not hasattr(self, "gather_preds") and rank_distrib() == 0
        if not self.run:
            return
        parameters = list(self.learn.model.parameters())
        self._report.config(
            {
                "model": {
                    "class": type(self.learn.model).__name__,
                    "parameters": sum(part.numel() for part in parameters),
                    "trainable_parameters": sum(part.numel() for part in parameters if part.requires_grad),
                    "layers": {name: type(layer).__name__ for name, layer in self.learn.model.named_children()},
                },
                "epochs": self.learn.n_epoch,
                "batch_size": self.learn.dls.bs,
                "batches_per_epoch": len(self.learn.dls.train),
                "device": str(self.learn.dls.device),
                "loss": getattr(self.learn.loss_func, "__name__", type(self.learn.loss_func).__name__),
                "optimizer": getattr(self.learn.opt_func, "__name__", str(self.learn.opt_func)),
                "lr": self.learn.lr,
                "callbacks": [str(callback) for callback in self.learn.cbs],
            }
        )
        if self._log is not None and not self._watched:
            self._watched = True
            self._report.watch(self.learn.model, self._log)
        self._keep_dataset()

    @quietly
    def before_batch(self) -> None:
        """Note when a batch begins."""
        self._begun_s = time.perf_counter()

    @quietly
    def after_batch(self) -> None:
        """Log a training batch."""
        if not self.training:
            return
        took_s = time.perf_counter() - self._begun_s
        hypers = {f"{key}_{group}": value for group, part in enumerate(self.opt.hypers) for key, value in part.items()}
        values = {
            "epoch": self._epoch() + (self.iter + 1) / self.n_iter,
            "train_loss": self.smooth_loss,
            "raw_loss": self.loss,
            "train_samples_per_sec": len(self.xb[0]) / took_s,
        }
        self._report.log({**values, **hypers}, self._step)
        self._step += 1

    @quietly
    def after_epoch(self) -> None:
        """Log the metrics of an epoch at the step of its last batch."""
        pairs = zip(self.recorder.metric_names, self.recorder.log, strict=False)
        values = {name: value for name, value in pairs if name not in ("epoch", "train_loss", "time")}
        self._report.log({**values, "epoch": self._epoch() + 1}, max(0, self._step - 1))

    @quietly
    def after_fit(self) -> None:
        """Keep the model, where that is wanted."""
        if self.run and self._log_model:
            chosen = getattr(self.learn, "save_model", None)
            path = getattr(chosen, "last_saved_path", None)
            aliases = ["last"] if path is None else ["last", "best"]
            path = self.learn.save(self._model_name or "model") if path is None else path
            pairs = zip(self.recorder.metric_names, self.recorder.log, strict=False)
            metadata = {name: value for name, value in pairs if name != "time"}
            self._report.files(path, name=self._model_name, aliases=aliases, metadata=metadata)
        self._batches_before = self._step
        self.run = True

    def _epoch(self) -> float:
        """Epochs completed, those of earlier fits with them."""
        before = self._batches_before / max(1, len(self.learn.dls.train))
        return float(before + self.epoch)

    def _keep_dataset(self) -> None:
        if not self._log_dataset:
            return
        folder = Path(self.learn.dls.path if self._log_dataset is True else self._log_dataset)
        parts = [part for part in sorted(folder.iterdir()) if part.name != "models"]
        self._report.files(parts, name=folder.absolute().name or "data", type="dataset")
        self._log_dataset = False


# As W&B's users call it.
WandbCallback = WeftCallback
