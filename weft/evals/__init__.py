"""Evaluations: datasets, the engine, results with intervals, comparisons and gates."""

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
