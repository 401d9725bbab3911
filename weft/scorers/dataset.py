"""Scorers of a whole dataset: figures that no single answer has, such as recall or a rank correlation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import PrivateAttr

from weft import digests
from weft.errors import InputError
from weft.records import Failure
from weft.scorers.base import Configured, ScoreValue
from weft.statistics import Aggregate
from weft.tracing.source import source_of

NO_INTERVAL = "of the whole dataset, without an interval"


@dataclass(frozen=True, slots=True)
class Row:
    """One sample as a dataset-level scorer sees it: the example, what the target returned, what scorers said of it.

    Of a sample that failed, ``failure`` is set and ``output`` None. ``scores`` are the values by score name; a score
    that failed is not in it.
    """

    example: Mapping[str, Any]
    output: Any = None
    input: Any = None
    scores: Mapping[str, ScoreValue] = field(default_factory=dict)
    example_id: str = ""
    repetition: int = 0
    cluster: str | None = None
    failure: Failure | None = None

    @property
    def expected(self) -> Any:
        """The column ``expected``. Raises InputError where there is none."""
        return self.column("expected")

    def column(self, name: str) -> Any:
        """A column of the example. Raises InputError where there is none of that name."""
        if name not in self.example:
            raise InputError(
                f"The example {self.example_id} has no column {name!r}.",
                remedy=f"It has: {', '.join(sorted(map(str, self.example))) or 'nothing'}.",
                field=name,
            )
        return self.example[name]


class DatasetScorer(Configured):
    """Judges all samples of an evaluation together. Subclass it, declare the settings as fields, write ``score_all``.

    ``keep`` is called for every sample as it is done, failed ones too, and says what ``score_all`` needs of it: by
    default the whole :class:`Row`. A scorer that keeps less lets an evaluation of any length run in little memory.
    ``score_all`` gets what was kept, in the order of the dataset, and returns figures by name: numbers or
    :class:`weft.statistics.Aggregate` (with interval and missing count), or None where there is nothing to say; each
    is a metric ``name/key`` (``name`` where the key is ""). Dicts and lists are kept beside the figures. ``level`` is
    that of the evaluation's intervals.
    """

    def keep(self, row: Row) -> Any:
        """What ``score_all`` needs of a sample."""
        return row

    def score_all(self, kept: Sequence[Any], *, level: float = 0.95) -> Mapping[str, Any]:
        """The figures of the whole dataset."""
        raise InputError(f"The scorer {type(self).__name__} has no method 'score_all'.", field=self.name)


class FunctionDatasetScorer(DatasetScorer):
    """A function of the rows as a dataset-level scorer; made by :func:`dataset_scorer`."""

    _function: Callable[[Sequence[Row]], Any] = PrivateAttr()

    def __init__(self, function: Callable[[Sequence[Row]], Any], name: str | None = None) -> None:
        super().__init__(name=name or str(getattr(function, "__name__", type(function).__name__)))
        self._function = function

    def score_all(self, kept: Sequence[Row], *, level: float = 0.95) -> Mapping[str, Any]:
        """Call the function; a number or an Aggregate that it returns is the figure named like the scorer."""
        found = self._function(kept)
        return found if isinstance(found, Mapping) else {"": found}

    def digest(self) -> str:
        """The digest of the function's source and name."""
        return digests.of_json({"code": source_of(self._function), "config": self.config()})


def dataset_scorer(function: Callable[[Sequence[Row]], Any]) -> FunctionDatasetScorer:
    """Make a dataset-level scorer of a function of all rows: ``@weft.dataset_scorer``.

    It returns a number, a :class:`weft.statistics.Aggregate`, or a mapping of those.
    """
    return FunctionDatasetScorer(function)


def as_figures(
    scorer: DatasetScorer, outcome: Any, *, n: int, missing: int
) -> tuple[dict[str, Aggregate], dict[str, Any]]:
    """What ``score_all`` returned: metrics by their full names, and the rest, which stands beside them.

    ``n`` samples are behind a plain number, ``missing`` ones failed. Raises InputError for what is neither a figure nor
    JSON.
    """
    if not isinstance(outcome, Mapping):
        raise InputError(
            f"The scorer {scorer.name} returned a {type(outcome).__name__}.",
            remedy="Let score_all return a dict of figures by name.",
            field=scorer.name,
        )
    figures: dict[str, Aggregate] = {}
    rest: dict[str, Any] = {}
    for key, value in outcome.items():
        full = f"{scorer.name}/{key}" if key else scorer.name
        value = value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
        if isinstance(value, Aggregate):
            figures[full] = value
        elif value is None:
            figures[full] = Aggregate(n, missing, None, reason="it is not defined for these samples")
        elif isinstance(value, bool | int | float):
            if not math.isfinite(value):
                raise InputError(f"The figure {full} is {value}; it must be finite.", field=full)
            figures[full] = Aggregate(n, missing, float(value), method=NO_INTERVAL)
        elif isinstance(value, Mapping | list | tuple | str):
            rest[str(key)] = value
        else:
            raise InputError(f"The figure {full} is a {type(value).__name__}, not a number.", field=full)
    return figures, rest
