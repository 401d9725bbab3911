"""Evaluations: datasets, the engine, results with intervals, comparisons and gates."""

from weft.evals.comparison import Comparison, MetricComparison, compare, compare_results
from weft.evals.dataset import Dataset
from weft.evals.evaluation import Evaluation
from weft.evals.files import run_file
from weft.evals.gates import Gate, Verdict
from weft.evals.results import EvaluationResult, load

__all__ = [
    "Comparison",
    "Dataset",
    "Evaluation",
    "EvaluationResult",
    "Gate",
    "MetricComparison",
    "Verdict",
    "compare",
    "compare_results",
    "load",
    "run_file",
]
