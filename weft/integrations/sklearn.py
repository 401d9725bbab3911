"""scikit-learn: what wandb's users know as ``wandb.sklearn``, plus :func:`log_estimator`.

Every function logs to the current run, or begins one. The names, arguments and order are those of wandb.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weft.errors import InputError
from weft.integrations.reporting import Reporter, missing, quietly
from weft.training import Run, plot
from weft.training.media import Table

try:
    import joblib  # type: ignore[import-untyped]
    from sklearn import base, calibration, cluster, metrics, model_selection
except ModuleNotFoundError as error:
    raise missing("sklearn", error) from None

_MOST_POINTS = 1_000


# The names and order that wandb's users know; an options record would break that habit.
def plot_classifier(
    model: Any,
    X_train: Any,  # noqa: N803
    X_test: Any,  # noqa: N803
    y_train: Any,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Sequence[str] | None = None,
    is_binary: bool = False,
    model_name: str = "Classifier",
    feature_names: Sequence[str] | None = None,
    log_learning_curve: bool = False,
) -> None:
    """Log all that shows how a classifier does; what does not apply to this one is passed over."""
    log_estimator(model, name=model_name, save=False)
    parts: list[Callable[[], None]] = [
        lambda: plot_feature_importances(model, feature_names),
        lambda: plot_class_proportions(y_train, y_test, labels),
        lambda: plot_summary_metrics(model, X_train, y_train, X_test, y_test),
        lambda: plot_confusion_matrix(y_test, y_pred, labels),
    ]
    if y_probas is not None:
        parts += [lambda: plot_roc(y_test, y_probas, labels), lambda: plot_precision_recall(y_test, y_probas, labels)]
    if log_learning_curve:
        parts.append(lambda: plot_learning_curve(model, X_train, y_train))
    if is_binary:
        parts.append(lambda: plot_calibration_curve(model, X_train, y_train, model_name))
    _all(parts)


def plot_regressor(
    model: Any,
    X_train: Any,  # noqa: N803
    X_test: Any,  # noqa: N803
    y_train: Any,
    y_test: Any,
    model_name: str = "Regressor",
) -> None:
    """Log all that shows how a regressor does."""
    log_estimator(model, name=model_name, save=False)
    _all(
        [
            lambda: plot_summary_metrics(model, X_train, y_train, X_test, y_test),
            lambda: plot_learning_curve(model, X_train, y_train),
            lambda: plot_outlier_candidates(model, X_train, y_train),
            lambda: plot_residuals(model, X_train, y_train),
        ]
    )


def plot_clusterer(
    model: Any,
    X_train: Any,  # noqa: N803
    cluster_labels: Any,
    labels: Sequence[str] | None = None,
    model_name: str = "Clusterer",
) -> None:
    """Log all that shows how a clustering does; the elbow only of models that have a number of clusters."""
    log_estimator(model, name=model_name, save=False)
    parts: list[Callable[[], None]] = [lambda: plot_silhouette(model, X_train, cluster_labels, labels)]
    if isinstance(model, cluster.KMeans):
        parts.append(lambda: plot_elbow_curve(model, X_train))
    _all(parts)


def log_estimator(model: Any, name: str | None = None, *, aliases: Sequence[str] = (), save: bool = True) -> None:
    """Note an estimator's class and parameters in the config and, with ``save``, keep it as a version of an artifact.

    The artifact (default ``model-RUN``) holds ``model.joblib``. Raises InputError where it is no estimator.
    """
    if not isinstance(model, base.BaseEstimator):
        raise InputError(
            f"A {type(model).__name__} is no estimator of scikit-learn.", remedy="Give a fitted model.", field="model"
        )
    report = Reporter()
    report.config({"model": {"class": type(model).__name__, "name": name, **_parameters(model)}})
    if save:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.joblib")
            joblib.dump(model, path)
            report.files(path, name=name, aliases=aliases, metadata={"class": type(model).__name__})


def plot_summary_metrics(
    model: Any = None,
    X: Any = None,  # noqa: N803
    y: Any = None,
    X_test: Any = None,  # noqa: N803
    y_test: Any = None,
) -> None:
    """Log the usual scores on the test data: of a classifier or a regressor (fitted on X and y where it is not)."""
    model = _fitted(model, X, y)
    predicted = model.predict(X_test)
    if base.is_classifier(model):
        scores = {
            "accuracy_score": metrics.accuracy_score(y_test, predicted),
            "precision": metrics.precision_score(y_test, predicted, average="weighted", zero_division=0),
            "recall": metrics.recall_score(y_test, predicted, average="weighted", zero_division=0),
            "f1_score": metrics.f1_score(y_test, predicted, average="weighted", zero_division=0),
        }
    else:
        scores = {
            "mae": metrics.mean_absolute_error(y_test, predicted),
            "mse": metrics.mean_squared_error(y_test, predicted),
            "r2_score": metrics.r2_score(y_test, predicted),
        }
    values = {f"summary_metrics/{name}": float(score) for name, score in scores.items()}
    _log(values)


def plot_confusion_matrix(
    y_true: Any = None,
    y_pred: Any = None,
    labels: Sequence[str] | None = None,
    true_labels: Sequence[Any] | None = None,
    pred_labels: Sequence[Any] | None = None,
    normalize: bool = False,
) -> None:
    """Log how often which class was taken for which; with ``normalize`` also as shares of the true class.

    ``true_labels`` and ``pred_labels`` choose the classes that are counted.
    """
    actual, predicted = np.asarray(y_true), np.asarray(y_pred)
    kept = np.ones(len(actual), bool) if true_labels is None else np.isin(actual, true_labels)
    kept &= True if pred_labels is None else np.isin(predicted, pred_labels)
    actual, predicted = actual[kept], predicted[kept]
    classes = np.unique(np.concatenate([actual, predicted]))
    names = [str(name) for name in (labels if labels is not None and len(labels) == len(classes) else classes)]
    codes = [np.searchsorted(classes, part) for part in (actual, predicted)]
    _log({"confusion_matrix": plot.confusion_matrix(y_true=codes[0], preds=codes[1], class_names=names)})
    if normalize:
        shares = metrics.confusion_matrix(*codes, normalize="true")
        rows = [
            [names[row], names[column], float(shares[row, column])]
            for row in range(len(names))
            for column in range(len(names))
        ]
        _log({"confusion_shares": Table(columns=["actual", "predicted", "share"], data=rows)})


def plot_roc(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    plot_macro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log true over false positive rate of every class."""
    _log({"roc": plot.roc_curve(np.asarray(y_true), np.asarray(y_probas), labels, classes_to_plot)})


def plot_precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log precision over recall of every class."""
    _log({"precision_recall": plot.pr_curve(np.asarray(y_true), np.asarray(y_probas), labels, classes_to_plot)})


def plot_feature_importances(
    model: Any = None,
    feature_names: Sequence[str] | None = None,
    title: str = "Feature Importance",
    max_num_features: int = 50,
) -> None:
    """Log the importance of features: ``feature_importances_``, or the mean size of ``coef_``.

    Raises InputError for a model with neither.
    """
    importance = getattr(model, "feature_importances_", None)
    if importance is None and (weights := getattr(model, "coef_", None)) is not None:
        importance = np.abs(np.atleast_2d(np.asarray(weights))).mean(axis=0)
    if importance is None:
        raise InputError(
            f"A {type(model).__name__} has neither feature_importances_ nor coef_.",
            remedy="Give a fitted tree or linear model.",
            field="model",
        )
    names = feature_names if feature_names is not None else getattr(model, "feature_names_in_", None)
    names = [f"feature {number}" for number in range(len(importance))] if names is None else names
    pairs = sorted(zip(map(str, names), map(float, importance), strict=True), key=lambda pair: -pair[1])
    table = Table(columns=["feature", "importance"], data=[list(pair) for pair in pairs[:max_num_features]])
    _log({"feature_importances": plot.bar(table, "feature", "importance", title=title)})


def plot_class_proportions(y_train: Any = None, y_test: Any = None, labels: Sequence[str] | None = None) -> None:
    """Log how many of each class are in the training and the test data."""
    classes = np.unique(np.concatenate([np.asarray(y_train), np.asarray(y_test)]))
    names = [str(name) for name in (labels if labels is not None and len(labels) == len(classes) else classes)]
    rows = [
        [name, part, int((np.asarray(data) == value).sum())]
        for part, data in (("train", y_train), ("test", y_test))
        for name, value in zip(names, classes, strict=True)
    ]
    _log({"class_proportions": Table(columns=["class", "data", "count"], data=rows)})


def plot_calibration_curve(
    clf: Any = None,
    X: Any = None,  # noqa: N803
    y: Any = None,
    clf_name: str = "Classifier",
) -> None:
    """Log how often what a classifier of two classes calls probable is the case."""
    probable = _fitted(clf, X, y).predict_proba(X)[:, 1]
    actual = (np.asarray(y) == np.unique(y)[-1]).astype(int)
    share, meant = calibration.calibration_curve(actual, probable, n_bins=10)
    _log({"calibration_curve": plot.line_series(meant, [share, meant], [clf_name, "perfect"], xname="probability")})


def plot_learning_curve(
    model: Any = None,
    X: Any = None,  # noqa: N803
    y: Any = None,
    cv: Any = None,
    shuffle: bool = False,
    random_state: Any = None,
    train_sizes: Any = None,
    n_jobs: int = 1,
    scoring: Any = None,
) -> None:
    """Log the score on training and held-out data by the number of training rows; fits copies of the model."""
    sizes, train, test = model_selection.learning_curve(
        base.clone(model),
        X,
        y,
        cv=cv,
        n_jobs=n_jobs,
        train_sizes=np.linspace(0.1, 1.0, 5) if train_sizes is None else train_sizes,
        scoring=scoring,
        shuffle=shuffle,
        random_state=random_state,
    )[:3]
    lines = [train.mean(axis=1), test.mean(axis=1)]
    _log({"learning_curve": plot.line_series(sizes, lines, ["train", "test"], xname="training rows")})


def plot_residuals(regressor: Any = None, X: Any = None, y: Any = None) -> None:  # noqa: N803
    """Log residuals over predictions, of training and held-out rows (a fifth)."""
    parts = model_selection.train_test_split(np.asarray(X), np.asarray(y), test_size=0.2, random_state=0)
    x_train, x_test, y_train, y_test = parts
    model = base.clone(regressor).fit(x_train, y_train)
    rows = []
    for name, features, actual in (("train", x_train, y_train), ("test", x_test, y_test)):
        predicted = model.predict(features)[:_MOST_POINTS]
        rows += [[name, float(p), float(a - p)] for p, a in zip(predicted, actual[:_MOST_POINTS], strict=True)]
    table = Table(columns=["data", "prediction", "residual"], data=rows)
    _log({"residuals": plot.scatter(table, "prediction", "residual", title="Residuals")})


def plot_outlier_candidates(regressor: Any = None, X: Any = None, y: Any = None) -> None:  # noqa: N803
    """Log how much each row sways a linear fit: Cook's distance, and the share of rows beyond 4 / n.

    Source: Cook, "Detection of Influential Observation in Linear Regression", Technometrics, 1977.
    """
    features, actual = np.asarray(X, float), np.asarray(y, float)
    residuals = actual - np.asarray(_fitted(regressor, X, y).predict(X), float)
    wide = np.column_stack([np.ones(len(features)), features])
    leverage = np.clip(np.einsum("ij,ji->i", wide, np.linalg.pinv(wide)), 0.0, 1.0 - 1e-9)
    free = max(1, len(wide) - wide.shape[1])
    spread = float(residuals @ residuals) / free or 1.0
    distance = residuals**2 / (wide.shape[1] * spread) * leverage / (1 - leverage) ** 2
    rows = [[number, float(value)] for number, value in enumerate(distance[:_MOST_POINTS])]
    table = Table(columns=["row", "distance"], data=rows)
    share = float((distance > 4 / len(distance)).mean())
    _log({"outlier_candidates": plot.bar(table, "row", "distance"), "outlier_candidates/share": share})


def plot_elbow_curve(
    clusterer: Any = None,
    X: Any = None,  # noqa: N803
    cluster_ranges: Sequence[int] | None = None,
    n_jobs: int = 1,
    show_cluster_time: bool = True,
) -> None:
    """Log the score of a clustering, and how long it takes in seconds, by the number of clusters."""
    counts = [*range(1, 10, 2)] if cluster_ranges is None else sorted(cluster_ranges)
    counts = [count for count in counts if count <= len(X)]
    errors, took_s = [], []
    for count in counts:
        began_s = time.perf_counter()
        errors.append(-float(base.clone(clusterer).set_params(n_clusters=count).fit(X).score(X)))
        took_s.append(time.perf_counter() - began_s)
    names = ["error", "seconds"] if show_cluster_time else ["error"]
    _log({"elbow_curve": plot.line_series(counts, [errors, took_s][: len(names)], names, xname="clusters")})


def plot_silhouette(
    clusterer: Any = None,
    X: Any = None,  # noqa: N803
    cluster_labels: Any = None,
    labels: Sequence[str] | None = None,
    metric: str = "euclidean",
    kmeans: bool = True,
) -> None:
    """Log how well each row fits its cluster: silhouette coefficients, and their mean."""
    found = np.asarray(clusterer.fit_predict(X) if cluster_labels is None else cluster_labels)
    fits = metrics.silhouette_samples(X, found, metric=metric)
    names = {value: str(labels[at] if labels is not None else value) for at, value in enumerate(np.unique(found))}
    rows = [[names[value], float(fit)] for value, fit in zip(found[:_MOST_POINTS], fits[:_MOST_POINTS], strict=True)]
    _log({"silhouette": Table(columns=["cluster", "coefficient"], data=rows), "silhouette/mean": float(fits.mean())})


def _log(values: dict[str, Any], run: Run | None = None) -> None:
    Reporter(run).log(values)


def _all(parts: Sequence[Callable[[], None]]) -> None:
    for part in parts:
        quietly(part)()


def _fitted(model: Any, features: Any, target: Any) -> Any:
    try:
        model.predict(np.asarray(features)[:1])
    except Exception:  # noqa: BLE001 - what an estimator raises that is not fitted is its own
        return base.clone(model).fit(features, target)
    return model


def _parameters(model: Any) -> dict[str, Any]:
    return {"parameters": dict(model.get_params())}
