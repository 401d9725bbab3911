"""XGBoost: ``XGBRegressor(callbacks=[WeftCallback()])`` or ``xgboost.train(..., callbacks=[WeftCallback()])``."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from weft.integrations.reporting import Reporter, missing, quietly
from weft.training import Run
from weft.training.media import Table

try:
    from xgboost.callback import TrainingCallback
except ModuleNotFoundError as error:
    raise missing("xgboost", error) from None


class WeftCallback(TrainingCallback):
    """Logs ``DATA-METRIC`` at every boosting round, the booster's configuration, and the best round and score.

    ``log_model`` keeps the trained model as a version of the artifact ``model-RUN``; the importance of the features
    (``importance_type``) becomes a table. Other arguments are those of :func:`weft.init`.
    """

    def __init__(
        self,
        log_model: bool = False,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        *,
        run: Run | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self._report = Reporter(run, **options)
        self._log_model = log_model
        self._importance_type = importance_type if log_feature_importance else None
        self._last = 0

    def before_training(self, model: Any) -> Any:
        """Note the configuration."""
        self._configured(model)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Log the evaluations of a round; never stops the training."""
        self._last = epoch
        values = {
            f"{data}-{metric}": _last(history)
            for data, metrics in evals_log.items()
            for metric, history in metrics.items()
        }
        self._report.log({**values, "epoch": epoch}, epoch)
        return False

    def after_training(self, model: Any) -> Any:
        """Note what came out."""
        self._concluded(model)
        return model

    @quietly
    def _configured(self, model: Any) -> None:
        self._report.config({"xgboost": json.loads(model.save_config())})

    @quietly
    def _concluded(self, model: Any) -> None:
        best = model.attr("best_score")
        if best is not None:
            self._report.summary({"best_score": float(best), "best_iteration": int(model.attr("best_iteration"))})
        if self._importance_type is not None:
            importance = model.get_score(importance_type=self._importance_type)
            rows = sorted(([name, _last(value)] for name, value in importance.items()), key=lambda row: -row[1])
            table = Table(columns=["feature", self._importance_type], data=rows)
            self._report.log({"feature_importance": table}, self._last)
        if self._log_model:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "model.ubj")
                model.save_model(path)
                metadata = {"best_score": None if best is None else float(best), "rounds": model.num_boosted_rounds()}
                self._report.files(path, aliases=["last", "best"] if best is not None else ["last"], metadata=metadata)


def _last(value: Any) -> float:
    """The newest of a history, of cross-validation the mean of its folds; a number as it is."""
    newest = value[-1] if isinstance(value, list) else value
    return float(newest[0] if isinstance(newest, tuple) else newest)


# As W&B's users call it.
WandbCallback = WeftCallback
