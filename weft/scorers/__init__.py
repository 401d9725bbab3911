"""Scorers judge answers: one file a family, and a language model as judge."""

from weft.scorers.base import FunctionScorer, Scorer, ScoreValue, scorer
from weft.scorers.choices import MultipleChoice
from weft.scorers.classification import Classification
from weft.scorers.dataset import DatasetScorer, Row, dataset_scorer
from weft.scorers.judge import Judge, Verdict
from weft.scorers.numbers import InRange, NumericCloseness, NumericError
from weft.scorers.overlap import Bleu, Chrf, CorpusBleu, Rouge
from weft.scorers.retrieval import (
    AveragePrecision,
    HitRate,
    Ndcg,
    ReciprocalRank,
    RetrievalPrecision,
    RetrievalRecall,
)
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
    "AveragePrecision",
    "Bleu",
    "Chrf",
    "Classification",
    "Contains",
    "ContainsAll",
    "ContainsAny",
    "CorpusBleu",
    "DatasetScorer",
    "EditDistance",
    "EndsWith",
    "Exact",
    "FunctionScorer",
    "HitRate",
    "InRange",
    "JsonDiff",
    "JsonSchema",
    "JsonValid",
    "Judge",
    "MultipleChoice",
    "Ndcg",
    "NumericCloseness",
    "NumericError",
    "PydanticValid",
    "PythonValid",
    "ReciprocalRank",
    "Regex",
    "RetrievalPrecision",
    "RetrievalRecall",
    "Rouge",
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
