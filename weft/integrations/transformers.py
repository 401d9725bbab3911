"""transformers: ``TrainingArguments(report_to="weft")``, or ``Trainer(callbacks=[WeftCallback()])``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from weft.integrations.reporting import Reporter, missing, quietly
from weft.training import Run

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    raise missing("transformers", error) from None

_ONCE = frozenset(
    {"train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss", "total_flos"}
)  # what the end of a training tells: summary, not a series
_NEVER, _END, _CHECKPOINT = "false", "end", "checkpoint"


class WeftCallback(TrainerCallback):
    """Reports a Trainer to ``run``, the current run, or one that begins with the training.

    Metrics are named ``train/loss``, ``eval/loss``, ... at the trainer's global step. ``log_model`` keeps the model
    ``"end"`` or every ``"checkpoint"`` as versions of the artifact ``model-RUN``; ``watch`` records ``"gradients"``,
    ``"parameters"`` or ``"all"``. Where they are not given, the variables ``WANDB_LOG_MODEL`` and ``WANDB_WATCH``
    are read, as scripts have them set. Other arguments are those of :func:`weft.init`. Only the world's process zero
    reports.
    """

    def __init__(
        self, run: Run | None = None, *, log_model: str | bool | None = None, watch: str | None = None, **options: Any
    ) -> None:
        super().__init__()
        self._given = run
        self._options = options
        self._report: Reporter | None = None
        wanted = os.environ.get("WANDB_LOG_MODEL", _NEVER) if log_model is None else log_model
        self._log_model = {"true": _END, "1": _END}.get(str(wanted).lower(), str(wanted).lower())
        self._watch = watch or os.environ.get("WANDB_WATCH", _NEVER)

    @quietly
    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
        """Begin the run, with the arguments and the model's configuration as its config."""
        if state.is_hyper_param_search and self._report is not None:
            if self._given is None and self._report.run is not None:
                self._report.run.finish()  # each trial is a run of its own
            self._report = None
        self._reporter(args, state, model)

    @quietly
    def on_log(self, args: Any, state: Any, control: Any, model: Any = None, logs: Any = None, **more: Any) -> None:
        """Log what the trainer tells: loss, learning rate, gradient norm, epoch, results of evaluations."""
        report = self._reporter(args, state, model)
        if report is None or not logs:
            return
        report.summary({f"train/{key.removeprefix('train_')}": logs[key] for key in logs if key in _ONCE})
        values = {_named(key): value for key, value in logs.items() if key not in _ONCE}
        if set(values) - {"train/epoch"}:
            report.log(values, state.global_step)

    @quietly
    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any, **more: Any) -> None:
        """Log the results of a prediction."""
        report = self._reporter(args, state, more.get("model"))
        if report is not None:
            report.log({_named(key): value for key, value in metrics.items()}, state.global_step)

    @quietly
    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Keep a checkpoint, where every one is wanted; ``last`` is the newest, ``best`` that of the best metric."""
        report = self._reporter(args, state, more.get("model"))
        if report is None or self._log_model != _CHECKPOINT:
            return
        folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
        aliases = ["last", f"step-{state.global_step}"]
        if state.best_model_checkpoint and Path(state.best_model_checkpoint).name == folder.name:
            aliases.append("best")
        report.files(folder, aliases=aliases, metadata=_standing(state))

    @quietly
    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
        """Keep the model as it is at the end, where that is wanted; the run goes on until ``weft.finish()``."""
        report = self._reporter(args, state, model)
        if report is None or self._log_model not in (_END, _CHECKPOINT) or model is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            for part in (more.get("processing_class"), more.get("tokenizer")):
                if part is not None:
                    part.save_pretrained(folder)
                    break
            aliases = ["final", *(["best"] if args.load_best_model_at_end else ["last"])]
            report.files(folder, aliases=aliases, metadata=_standing(state))

    def _reporter(self, args: Any, state: Any, model: Any) -> Reporter | None:
        if not state.is_world_process_zero:
            return None
        if self._report is None:
            named = {"name": args.run_name if args.run_name != args.output_dir else None}
            if state.trial_name is not None:
                named = {"name": state.trial_name, "group": args.run_name or args.output_dir}
            self._report = Reporter(self._given, **{**named, **self._options})
            self._report.config({**args.to_dict(), **_about(model)})
            if self._watch in ("gradients", "parameters", "all") and model is not None:
                self._report.watch(model, self._watch, max(100, int(args.logging_steps)))
        return self._report


def _about(model: Any) -> dict[str, Any]:
    if model is None:
        return {}
    about: dict[str, Any] = {"class": type(model).__name__}
    if callable(count := getattr(model, "num_parameters", None)):
        about.update(parameters=count(), trainable_parameters=count(only_trainable=True))
    config = getattr(model, "config", None)
    if config is not None:
        about["config"] = config if isinstance(config, dict) else config.to_dict()
    adapters = getattr(model, "peft_config", None)
    return {"model": about} if adapters is None else {"model": about, "peft_config": adapters}


def _standing(state: Any) -> dict[str, Any]:
    return {"step": state.global_step, "epoch": state.epoch, "best_metric": state.best_metric}


def _named(key: str) -> str:
    for prefix in ("eval", "test"):
        if key.startswith(f"{prefix}_"):
            return f"{prefix}/{key.removeprefix(f'{prefix}_')}"
    return f"train/{key}"


# As W&B's users call it.
WandbCallback = WeftCallback
