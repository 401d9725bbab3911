"""Scorers judge answers: one file a family, and a language model as judge."""

from weft.scorers.base import FunctionScorer, Scorer, ScoreValue, scorer
from weft.scorers.choices import MultipleChoice
from weft.scorers.dataset import DatasetScorer, Row, dataset_scorer
from weft.scorers.judge import Judge, Verdict
from weft.scorers.numbers import InRange, NumericCloseness, NumericError
from weft.scorers.structure import JsonDiff, JsonSchema, JsonValid, PydanticValid, PythonValid, SqlValid
from weft.scorers.text import (
    Contains,
    ContainsAll,
    ContainsAny,
    EditDistance,
    EndsWith,
    Exact,
    Regex,
    StartsWith,
    TokenF1,
)
from weft.scorers.trace import SampleTrace

__all__ = [
    "Contains",
    "ContainsAll",
    "ContainsAny",
    "DatasetScorer",
    "EditDistance",
    "EndsWith",
    "Exact",
    "FunctionScorer",
    "InRange",
    "JsonDiff",
    "JsonSchema",
    "JsonValid",
    "Judge",
    "MultipleChoice",
    "NumericCloseness",
    "NumericError",
    "PydanticValid",
    "PythonValid",
    "Regex",
    "Row",
    "SampleTrace",
    "ScoreValue",
    "Scorer",
    "SqlValid",
    "StartsWith",
    "TokenF1",
    "Verdict",
    "dataset_scorer",
    "scorer",
]
