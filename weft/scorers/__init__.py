"""Scorers judge answers: one file a family, and a language model as judge.

Each is imported when it is first used, with what its family needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "agents": "CostLimit StepLimit ToolArguments ToolCall ToolCalls Trajectory",
    "base": "FunctionScorer Scorer ScoreValue scorer",
    "choices": "MultipleChoice",
    "classification": "Classification",
    "dataset": "DatasetScorer Row dataset_scorer",
    "judge": "Judge Verdict",
    "numbers": "InRange NumericCloseness NumericError",
    "overlap": "Bleu Chrf CorpusBleu Rouge",
    "pairwise": "Pairwise",
    "panel": "Panel",
    "rag": "AnswerRelevance ContextPrecision ContextRecall ContextRelevance Correctness Faithfulness",
    "retrieval": "AveragePrecision HitRate Ndcg ReciprocalRank RetrievalPrecision RetrievalRecall",
    "safety": "NoPii Refusal",
    "semantics": "EmbeddingSimilarity",
    "structure": "JsonDiff JsonSchema JsonValid PydanticValid PythonValid SqlValid",
    "text": "Contains ContainsAll ContainsAny EditDistance EndsWith Exact Regex StartsWith TokenF1",
    "trace": "SampleTrace",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}

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


if not TYPE_CHECKING:  # type checkers are to find what is not there

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'weft.scorers' has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"weft.scorers.{_MODULES[name]}"), name)
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
