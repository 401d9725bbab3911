"""Charts of one's own as values of a run: ``run.log({"pr": weft.plot.pr_curve(labels, scores)})``.

Each keeps its numbers as a table, which can be read again; the pages draw it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from weft.errors import InputError
from weft.records import tables
from weft.tracing.media import Reference, Value
from weft.training.media.curves import array_of, confusion, pr_points, roc_points, thinned
from weft.training.media.table import Table

__all__ = [
    *("bar", "confusion_matrix", "histogram", "line", "line_series", "plot_table", "pr_curve", "roc_curve"),
    *("scatter", "visualize"),
]

_log = logging.getLogger("weft")

_MOST_POINTS = 1_000  # of one curve
_MOST_CLASSES = 500


class Plot(Value):
    """A chart: what is drawn (``line``, ``confusion_matrix``, ...), of which columns of which table."""

    __slots__ = ("fields", "plot", "table", "title")

    kind = "plot"

    def __init__(self, plot: str, table: Table, fields: dict[str, str], title: str | None = None) -> None:
        self.plot = plot
        self.table = table
        self.fields = fields
        self.title = title

    def reference(self) -> Reference:
        """The reference to its table, and how it is drawn."""
        found = self.table.reference()
        found.update(plot=self.plot, fields=self.fields)
        if self.title is not None:
            found["title"] = str(self.title)
        return found

    def __repr__(self) -> str:
        return f"weft.plot.{self.plot}({len(self.table)} rows: {', '.join(self.table.columns)})"


def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str | None = None, split_table: bool = False
) -> Plot:
    """A line of column ``y`` over ``x``; a line for each value of ``stroke``. ``split_table`` changes nothing, here and
    in the others: a chart's table is a panel of its own wherever one wants it."""
    return _of_table("line", table, title, x=x, y=y, stroke=stroke)


def scatter(table: Table, x: str, y: str, title: str | None = None, split_table: bool = False) -> Plot:
    """A point for each row."""
    return _of_table("scatter", table, title, x=x, y=y)


def bar(table: Table, label: str, value: str, title: str | None = None, split_table: bool = False) -> Plot:
    """A bar for each row, as long as its ``value``."""
    return _of_table("bar", table, title, label=label, value=value)


def histogram(table: Table, value: str, title: str | None = None, split_table: bool = False) -> Plot:
    """How often which values of a column occur."""
    return _of_table("histogram", table, title, value=value)


def line_series(
    xs: Any,
    ys: Sequence[Any],
    keys: Sequence[str] | None = None,
    title: str | None = None,
    xname: str = "x",
    split_table: bool = False,
) -> Plot:
    """Several lines, ``ys`` a list of them, over one ``xs`` or a list of as many. Raises InputError."""
    listed = [np.asarray(y, np.float64).reshape(-1) for y in ys]
    shared = len(xs) > 0 and np.ndim(xs[0]) == 0
    over = [np.asarray(xs if shared else one, np.float64).reshape(-1) for one in (listed if shared else xs)]
    names = [str(key) for key in keys] if keys is not None else [f"line_{number}" for number in range(len(listed))]
    if not len(listed) == len(over) == len(names) or any(len(x) < len(y) for x, y in zip(over, listed, strict=True)):
        raise InputError(
            f"{len(listed)} lines, {len(over)} xs and {len(names)} keys do not fit.",
            remedy="Give as many keys as lines, and an x for each point.",
            field="xs",
        )
    rows = [
        (x, key, y) for xs_, key, ys_ in zip(over, names, listed, strict=True) for x, y in zip(xs_, ys_, strict=False)
    ]
    table = _table(
        {xname: [float(x) for x, _, _ in rows], "line": [k for _, k, _ in rows], "y": [float(y) for *_, y in rows]}
    )
    return Plot("line", table, {"x": xname, "y": "y", "stroke": "line"}, title)


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> Plot:
    """How often which class was taken for which: ``y_true`` against ``preds``, or the likeliest of ``probs``
    (n, classes).

    Classes are numbers from 0, or values of any kind: then ``class_names`` says their order. Raises InputError.
    """
    if (probs is None) == (preds is None):
        raise InputError("A confusion matrix needs probs or preds.", remedy="Give one of the two.", field="preds")
    actual = array_of(y_true, "y_true").reshape(-1)
    guessed = array_of(preds if probs is None else np.argmax(array_of(probs, "probs"), axis=1), "preds").reshape(-1)
    if len(actual) != len(guessed):
        raise InputError(
            f"y_true has {len(actual)} values, the predictions {len(guessed)}.",
            remedy="Give one of each an example.",
            field="y_true",
        )
    names, rows, columns = _numbered(actual, guessed, class_names)
    if len(names) > _MOST_CLASSES:
        raise InputError(
            f"A confusion matrix of {len(names)} classes is too large.",
            remedy=f"Draw up to {_MOST_CLASSES}; group the others.",
            field="class_names",
        )
    counts = confusion(rows, columns, len(names))
    count = len(names)
    table = _table(
        {
            "actual": [name for name in names for _ in range(count)],
            "predicted": names * count,
            "count": counts.reshape(-1).tolist(),
        }
    )
    return Plot("confusion_matrix", table, {"actual": "actual", "predicted": "predicted", "count": "count"}, title)


def pr_curve(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> Plot:
    """Precision over recall, a curve a class: ``y_probas`` (n, classes), or (n,) for the second of two classes.

    With ``interp_size`` precision is told at so many recalls from 0 to 1, otherwise at each that there is. Raises
    InputError.
    """
    columns: dict[str, list[Any]] = {"class": [], "recall": [], "precision": []}
    for name, positive, scores in _classes(y_true, y_probas, labels, classes_to_plot):
        precision, recall = pr_points(positive, scores)
        if interp_size is not None:
            at = np.linspace(0.0, 1.0, interp_size)
            precision, recall = np.interp(at, recall[::-1], precision[::-1]), at
        recall, precision = thinned((recall, precision), _MOST_POINTS)
        columns["class"] += [name] * len(recall)
        columns["recall"] += recall.tolist()
        columns["precision"] += precision.tolist()
    return Plot("pr_curve", _table(columns), {"x": "recall", "y": "precision", "stroke": "class"}, title)


def roc_curve(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> Plot:
    """True over false positive rate, a curve a class; arguments as of :func:`pr_curve`. Raises InputError."""
    columns: dict[str, list[Any]] = {"class": [], "fpr": [], "tpr": []}
    for name, positive, scores in _classes(y_true, y_probas, labels, classes_to_plot):
        fpr, tpr = thinned(roc_points(positive, scores), _MOST_POINTS)
        columns["class"] += [name] * len(fpr)
        columns["fpr"] += fpr.tolist()
        columns["tpr"] += tpr.tolist()
    return Plot("roc_curve", _table(columns), {"x": "fpr", "y": "tpr", "stroke": "class"}, title)


_SPECS = {  # W&B's own charts: which of ours each is, and our names of their fields
    "wandb/line/v0": ("line", {"x": "x", "y": "y", "stroke": "stroke"}),
    "wandb/lineseries/v0": ("line", {"step": "x", "lineVal": "y", "lineKey": "stroke"}),
    "wandb/area-under-curve/v0": ("line", {"x": "x", "y": "y", "class": "stroke"}),
    "wandb/scatter/v0": ("scatter", {"x": "x", "y": "y"}),
    "wandb/bar/v0": ("bar", {"label": "label", "value": "value"}),
    "wandb/histogram/v0": ("histogram", {"value": "value"}),
}
_told: set[str] = set()


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> Plot | Table:
    """The chart of a table that W&B knows by this name (``wandb/line/v0``, ``wandb/scatter/v0``, ``wandb/bar/v0``,
    ``wandb/histogram/v0``, ``wandb/lineseries/v0``, ``wandb/area-under-curve/v0``); for a Vega chart of one's own its
    table, which the pages can chart, with a warning. Raises InputError for what is no table.
    """
    known = _SPECS.get(vega_spec_name)
    if known is None or not isinstance(data_table, Table):
        if isinstance(data_table, Table) and vega_spec_name not in _told:
            _told.add(vega_spec_name)
            _log.warning("Weft: the chart %r is not known; its table is logged.", vega_spec_name)
        return data_table if isinstance(data_table, Table) else _of_table("line", data_table, None)
    plot, names = known
    chosen = {names[field]: column for field, column in fields.items() if field in names}
    return _of_table(plot, data_table, (string_fields or {}).get("title"), **chosen)


def visualize(id: str, value: Table) -> Plot | Table:
    """The chart of W&B's that is called ``id``, of a table whose columns are called as its fields."""
    return plot_table(id, value, {name: name for name in value.columns} if isinstance(value, Table) else {})


def _of_table(plot: str, table: Any, title: str | None, **fields: str | None) -> Plot:
    if not isinstance(table, Table):
        raise InputError(
            f"A {type(table).__name__} is no table.",
            remedy="Give a weft.Table and names of its columns.",
            field="table",
        )
    chosen = {key: str(name) for key, name in fields.items() if name is not None}
    frame, _ = table.frame()
    columns = [frame.column(name) for name in dict.fromkeys(chosen.values())]
    return Plot(plot, Table.of_frame(tables.Frame(frame.rows, columns)), chosen, title)


def _table(columns: dict[str, list[Any]]) -> Table:
    kinds = {str: "text", int: "integer"}
    made = [
        tables.column_of(name, kinds.get(type(cells[0]) if cells else str, "number"), cells)
        for name, cells in columns.items()
    ]
    return Table.of_frame(tables.Frame(len(next(iter(columns.values()))), made))


def _numbered(actual: Any, guessed: Any, class_names: Sequence[str] | None) -> tuple[list[str], Any, Any]:
    """Names of the classes, and both arrays as their numbers."""
    if actual.dtype.kind in "iub" and guessed.dtype.kind in "iub":
        low, high = min(actual.min(), guessed.min()), max(actual.max(), guessed.max())
        names = [str(name) for name in class_names] if class_names is not None else []
        if class_names is None and low >= 0 and high < 10_000:
            names = [str(number) for number in range(int(high) + 1)]
        if not 0 <= low <= high < len(names):
            raise InputError(
                f"There are classes from {low} to {high} and {len(names)} names.",
                remedy="Number the classes from 0 and name each of them.",
                field="class_names",
            )
        return names, actual, guessed
    values = [str(one) for one in actual.tolist()], [str(one) for one in guessed.tolist()]
    names = [str(name) for name in class_names] if class_names is not None else sorted({*values[0], *values[1]})
    place = {name: number for number, name in enumerate(names)}
    unknown = sorted({*values[0], *values[1]} - place.keys())
    if unknown:
        raise InputError(
            f"The class {unknown[0]!r} is none of class_names.", remedy="Name every class.", field="class_names"
        )
    return names, [place[one] for one in values[0]], [place[one] for one in values[1]]


def _classes(y_true: Any, y_probas: Any, labels: Sequence[str] | None, chosen: Sequence[Any] | None) -> list[Any]:
    """Of each class its name, which examples are of it, and how sure the model was."""
    actual, scores = array_of(y_true, "y_true").reshape(-1), array_of(y_probas, "y_probas")
    if scores.ndim == 1:
        scores = np.stack([1 - scores, scores], axis=1)
    if scores.ndim != 2 or len(scores) != len(actual):
        raise InputError(
            f"y_true has {len(actual)} values, y_probas the shape {scores.shape}.",
            remedy="Give y_probas of shape (examples, classes), or (examples,) for two classes.",
            field="y_probas",
        )
    if not np.isfinite(np.asarray(scores, np.float64)).all():
        raise InputError("y_probas holds what is no number.", remedy="Leave those examples out.", field="y_probas")
    classes = np.unique(actual).tolist()
    if actual.dtype.kind in "iub" and int(actual.min()) >= 0 and int(actual.max()) < scores.shape[1]:
        classes = list(range(scores.shape[1]))
    if len(classes) != scores.shape[1]:
        raise InputError(
            f"y_true has {len(classes)} classes, y_probas {scores.shape[1]} columns.",
            remedy="Give a column for each class, in their order.",
            field="y_probas",
        )
    found = []
    for number, value in enumerate(classes):
        positive = actual == value
        if (chosen is None and positive.any()) or (chosen is not None and value in list(chosen)):
            name = str(labels[number]) if labels is not None and number < len(labels) else str(value)
            found.append((name, positive, scores[:, number].astype(np.float64)))
    return found
