"""Evaluations: datasets, the engine, results with intervals, comparisons, gates; each imported when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.evals.budgets import Budget
    from weft.evals.comparison import Comparison, MetricComparison, compare, compare_results
    from weft.evals.dataset import Dataset
    from weft.evals.dataset_diff import DatasetDiff
    from weft.evals.dialogue import Dialogue
    from weft.evals.evaluation import Evaluation, rescore
    from weft.evals.files import run_file
    from weft.evals.gates import Gate, Verdict
    from weft.evals.results import EvaluationResult, load
    from weft.evals.retrying import Retry

_HOMES = {
    "Budget": "weft.evals.budgets",
    "Comparison": "weft.evals.comparison",
    "Dataset": "weft.evals.dataset",
    "DatasetDiff": "weft.evals.dataset_diff",
    "Dialogue": "weft.evals.dialogue",
    "Evaluation": "weft.evals.evaluation",
    "EvaluationResult": "weft.evals.results",
    "Gate": "weft.evals.gates",
    "MetricComparison": "weft.evals.comparison",
    "Retry": "weft.evals.retrying",
    "Verdict": "weft.evals.gates",
    "compare": "weft.evals.comparison",
    "compare_results": "weft.evals.comparison",
    "load": "weft.evals.results",
    "rescore": "weft.evals.evaluation",
    "run_file": "weft.evals.files",
}
__all__ = [
    "Budget",
    "Comparison",
    "Dataset",
    "DatasetDiff",
    "Dialogue",
    "Evaluation",
    "EvaluationResult",
    "Gate",
    "MetricComparison",
    "Retry",
    "Verdict",
    "compare",
    "compare_results",
    "load",
    "rescore",
    "run_file",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
