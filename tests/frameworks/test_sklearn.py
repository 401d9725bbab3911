"""The plots of scikit-learn against the real package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import weft
from weft.errors import InputError
from weft.integrations import sklearn as plots


def test_a_classifier(rows: Any, read: Any) -> None:
    weft.init("frameworks", kind="train")
    features, labels = rows
    model = RandomForestClassifier(n_estimators=3, max_depth=2, random_state=0).fit(features, labels)
    predicted, probable = model.predict(features), model.predict_proba(features)
    plots.plot_classifier(
        *(model, features, features, labels, labels, predicted, probable, ["no", "yes"]),
        is_binary=True,
        model_name="forest",
        feature_names=["a", "b", "c", "d"],
        log_learning_curve=True,
    )
    plots.log_estimator(model, "forest", aliases=["best"])
    run = read()
    assert run.logged == {
        "feature_importances": "plot",
        "class_proportions": "table",
        "confusion_matrix": "plot",
        "roc": "plot",
        "precision_recall": "plot",
        "learning_curve": "plot",
        "calibration_curve": "plot",
    }
    assert run.points("summary_metrics/accuracy_score")[0][1] == pytest.approx((predicted == labels).mean())
    assert run.config["model"]["parameters"]["max_depth"] == 2
    assert run.config["model"]["class"] == "RandomForestClassifier"
    assert list(run.versions) == ["forest"]
    assert run.aliases == {"best", "latest"}


def test_a_regressor(rows: Any, read: Any) -> None:
    weft.init("frameworks")
    features, _ = rows
    target = features @ np.array([1.0, 2.0, 3.0, 4.0]) + np.random.default_rng(1).normal(size=40)
    target[7] += 50
    model = LinearRegression().fit(features, target)
    plots.plot_regressor(model, features, features, target, target)
    run = read()
    assert run.logged == {"learning_curve": "plot", "outlier_candidates": "plot", "residuals": "plot"}
    assert 0 < run.points("outlier_candidates/share")[0][1] < 0.2
    assert run.points("summary_metrics/r2_score")[0][1] == pytest.approx(model.score(features, target))


def test_a_clustering(rows: Any, read: Any) -> None:
    weft.init("frameworks")
    model = KMeans(n_clusters=2, n_init=1, random_state=0)
    plots.plot_clusterer(model, rows[0], model.fit_predict(rows[0]), ["x", "y"])
    run = read()
    assert run.logged == {"silhouette": "table", "elbow_curve": "plot"}
    assert -1 < run.points("silhouette/mean")[0][1] < 1


def test_single_plots_of_linear_models_and_texts(rows: Any, read: Any) -> None:
    weft.init("frameworks")
    model = LogisticRegression().fit(*rows)
    plots.plot_feature_importances(model)
    words = np.where(rows[1] == 1, "yes", "no")
    plots.plot_confusion_matrix(words, words[::-1], normalize=True)
    run = read()
    assert run.logged == {"feature_importances": "plot", "confusion_matrix": "plot", "confusion_shares": "table"}


def test_what_is_no_estimator_or_has_no_importances(rows: Any) -> None:
    with pytest.raises(InputError, match="A dict is no estimator of scikit-learn"):
        plots.log_estimator({})
    with pytest.raises(InputError, match="has neither feature_importances_ nor coef_"):
        plots.plot_feature_importances(KNeighborsClassifier().fit(*rows))


def test_what_does_not_apply_is_passed_over(rows: Any, read: Any, caplog: pytest.LogCaptureFixture) -> None:
    weft.init("frameworks")
    model = KNeighborsClassifier().fit(*rows)
    plots.plot_classifier(model, rows[0], rows[0], rows[1], rows[1], model.predict(rows[0]), None)
    assert set(read().logged) == {"class_proportions", "confusion_matrix"}
    assert "has neither feature_importances_ nor coef_" in caplog.text
