"""Scorers judge answers: one file a family, and a language model as judge."""

from weft.scorers.base import FunctionScorer, Scorer, ScoreValue, scorer
from weft.scorers.dataset import DatasetScorer, Row, dataset_scorer
from weft.scorers.judge import Judge, Verdict
from weft.scorers.numbers import NumericCloseness
from weft.scorers.structure import JsonSchema, JsonValid
from weft.scorers.text import Contains, EditDistance, Exact, Regex
from weft.scorers.trace import SampleTrace

__all__ = [
    "Contains",
    "DatasetScorer",
    "EditDistance",
    "Exact",
    "FunctionScorer",
    "JsonSchema",
    "JsonValid",
    "Judge",
    "NumericCloseness",
    "Regex",
    "Row",
    "SampleTrace",
    "ScoreValue",
    "Scorer",
    "Verdict",
    "dataset_scorer",
    "scorer",
]
