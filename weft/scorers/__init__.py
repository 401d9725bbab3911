"""Scorers judge answers: one file a family, and a language model as judge."""

from weft.scorers.agents import CostLimit, StepLimit, ToolArguments, ToolCall, ToolCalls, Trajectory
from weft.scorers.base import FunctionScorer, Scorer, ScoreValue, scorer
from weft.scorers.choices import MultipleChoice
from weft.scorers.classification import Classification
from weft.scorers.dataset import DatasetScorer, Row, dataset_scorer
from weft.scorers.judge import Judge, Verdict
from weft.scorers.numbers import InRange, NumericCloseness, NumericError
from weft.scorers.overlap import Bleu, Chrf, CorpusBleu, Rouge
from weft.scorers.pairwise import Pairwise
from weft.scorers.panel import Panel
from weft.scorers.rag import (
    AnswerRelevance,
    ContextPrecision,
    ContextRecall,
    ContextRelevance,
    Correctness,
    Faithfulness,
)
from weft.scorers.retrieval import (
    AveragePrecision,
    HitRate,
    Ndcg,
    ReciprocalRank,
    RetrievalPrecision,
    RetrievalRecall,
)
from weft.scorers.safety import NoPii, Refusal
from weft.scorers.semantics import EmbeddingSimilarity
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
    "AnswerRelevance",
    "AveragePrecision",
    "Bleu",
    "Chrf",
    "Classification",
    "Contains",
    "ContainsAll",
    "ContainsAny",
    "ContextPrecision",
    "ContextRecall",
    "ContextRelevance",
    "CorpusBleu",
    "Correctness",
    "CostLimit",
    "DatasetScorer",
    "EditDistance",
    "EmbeddingSimilarity",
    "EndsWith",
    "Exact",
    "Faithfulness",
    "FunctionScorer",
    "HitRate",
    "InRange",
    "JsonDiff",
    "JsonSchema",
    "JsonValid",
    "Judge",
    "MultipleChoice",
    "Ndcg",
    "NoPii",
    "NumericCloseness",
    "NumericError",
    "Pairwise",
    "Panel",
    "PydanticValid",
    "PythonValid",
    "ReciprocalRank",
    "Refusal",
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
    "StepLimit",
    "TokenF1",
    "ToolArguments",
    "ToolCall",
    "ToolCalls",
    "Trajectory",
    "Verdict",
    "dataset_scorer",
    "scorer",
]
