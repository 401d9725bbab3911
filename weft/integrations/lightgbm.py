"""LightGBM: ``lightgbm.train(..., callbacks=[weft_callback()])``, and :func:`log_summary` of what came out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weft.integrations.reporting import Reporter, missing, quietly
from weft.training import Run
from weft.training.media import Table

try:
    import lightgbm
except ModuleNotFoundError as error:
    raise missing("lightgbm", error) from None


def weft_callback(log_params: bool = True, *, run: Run | None = None, **options: Any) -> Callable[[Any], None]:
    """A callback that logs ``DATA_METRIC`` at every boosting round, and the parameters as config.

    Of cross-validation it logs the mean and, as ``..._stdv``, the standard deviation of the folds. Other arguments are
    those of :func:`weft.init`.
    """
    report = Reporter(run, **options)
    told = not log_params

    @quietly
    def callback(env: Any) -> None:
        nonlocal told
        if not told:
            told = True
            report.config({"lightgbm": {**env.params, "num_boost_round": env.end_iteration - env.begin_iteration}})
        values: dict[str, float] = {}
        for data, metric, value, _, *spread in env.evaluation_result_list or ():
            name = metric.replace(" ", "_") if data == "cv_agg" else f"{data}_{metric}"
            values[name] = value
            values.update({f"{name}_stdv": part for part in spread})
        report.log({**values, "iteration": env.iteration}, env.iteration)

    callback.order = 20  # type: ignore[attr-defined] # LightGBM runs callbacks by it; early stopping has 30
    return callback


@quietly
def log_summary(
    model: Any,
    feature_importance: bool = True,
    save_model_checkpoint: bool = False,
    *,
    importance_type: str = "gain",
    run: Run | None = None,
) -> None:
    """Note the best round and score of a booster, the importance of its features, and keep the model where wanted.

    ``model`` is a ``lightgbm.Booster`` or a fitted estimator of LightGBM. The model becomes a version of ``model-RUN``.
    """
    report = Reporter(run)
    booster = model if isinstance(model, lightgbm.Booster) else model.booster_
    best = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
    report.summary({"best_iteration": best, "best_score": booster.best_score})
    if feature_importance:
        pairs = zip(booster.feature_name(), booster.feature_importance(importance_type), strict=True)
        rows = sorted(([name, float(value)] for name, value in pairs), key=lambda row: -row[1])
        report.log({"feature_importance": Table(columns=["feature", importance_type], data=rows)})
    if save_model_checkpoint:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.txt")
            booster.save_model(path, num_iteration=best)
            report.files(path, aliases=["best", "last"], metadata={"best_iteration": best})


# As W&B's users call it.
wandb_callback = weft_callback
