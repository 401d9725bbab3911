"""XGBoost and LightGBM with Weft's callbacks."""

from __future__ import annotations

from typing import Any

import lightgbm
import pytest
import xgboost

import weft
from weft.integrations.lightgbm import log_summary, weft_callback
from weft.integrations.xgboost import WeftCallback


def test_xgboost_rounds_config_importance_and_model(rows: Any, read: Any) -> None:
    weft.init("frameworks", kind="train")
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=2, callbacks=[WeftCallback(log_model=True)])
    model.set_params(early_stopping_rounds=3).fit(*rows, eval_set=[rows], verbose=False)
    run = read()
    assert run.steps("validation_0-logloss") == [0, 1, 2, 3, 4]
    losses = [value for _, value in run.points("validation_0-logloss")]
    assert losses == pytest.approx(model.evals_result()["validation_0"]["logloss"])
    assert [value for _, value in run.points("epoch")] == [0, 1, 2, 3, 4]
    assert run.config["xgboost"]["learner"]["gradient_booster"]["tree_train_param"]["max_depth"] == "2"
    assert (run.summary["best_iteration"], run.summary["best_score"]) == (4, pytest.approx(losses[-1]))
    assert list(run.versions) == [f"model-{run.id}"]
    assert run.aliases == {"best", "last", "latest"}
    assert run.logged == {"feature_importance": "table"}
    (table,) = run.api.store.logged.read_logged(run.id, "feature_importance")
    assert (table.kind, table.step) == ("table", 4)


def test_xgboost_cross_validation_logs_the_mean(rows: Any, read: Any) -> None:
    weft.init("frameworks")
    data = xgboost.DMatrix(*rows)
    found = xgboost.cv(
        {"max_depth": 2}, data, num_boost_round=3, nfold=2, callbacks=[WeftCallback(log_feature_importance=False)]
    )
    assert [value for _, value in read().points("test-rmse")] == pytest.approx(list(found["test-rmse-mean"]))


def test_lightgbm_rounds_parameters_and_summary(rows: Any, read: Any) -> None:
    weft.init("frameworks", kind="train")
    data = lightgbm.Dataset(*rows)
    params = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 2, "num_leaves": 4}
    history: dict[str, Any] = {}
    callbacks = [weft_callback(), lightgbm.record_evaluation(history), lightgbm.early_stopping(5, verbose=False)]
    held = data.create_valid(*rows)
    model = lightgbm.train(params, data, 4, valid_sets=[held], valid_names=["fit"], callbacks=callbacks)
    log_summary(model, save_model_checkpoint=True)
    run = read()
    assert run.steps("fit_binary_logloss") == [0, 1, 2, 3]
    assert [value for _, value in run.points("fit_binary_logloss")] == history["fit"]["binary_logloss"]
    assert (run.config["lightgbm"]["num_leaves"], run.config["lightgbm"]["num_boost_round"]) == (4, 4)
    assert run.summary["best_iteration"] == 4
    assert run.aliases == {"best", "last", "latest"}
    assert run.logged == {"feature_importance": "table"}


def test_lightgbm_cross_validation_logs_mean_and_deviation(rows: Any, read: Any) -> None:
    weft.init("frameworks")
    params = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 2}
    found = lightgbm.cv(params, lightgbm.Dataset(*rows), 3, nfold=2, callbacks=[weft_callback()])
    run = read()
    assert [value for _, value in run.points("valid_binary_logloss")] == found["valid binary_logloss-mean"]
    assert [value for _, value in run.points("valid_binary_logloss_stdv")] == found["valid binary_logloss-stdv"]


def test_training_goes_on_where_weft_fails(rows: Any, broken: None, caplog: pytest.LogCaptureFixture) -> None:
    model = xgboost.XGBClassifier(n_estimators=3, callbacks=[WeftCallback(log_model=True)])
    model.fit(*rows, eval_set=[rows], verbose=False)
    params = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 2}
    booster = lightgbm.train(params, lightgbm.Dataset(*rows), 3, callbacks=[weft_callback()])
    log_summary(booster, save_model_checkpoint=True)
    assert (model.get_booster().num_boosted_rounds(), booster.num_trees()) == (3, 3)
    assert "the training goes on. log: OSError: the disk is on fire" in caplog.text
