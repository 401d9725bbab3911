"""Evaluations in a file, for ``weft eval FILE.py``.

The file holds module-level ``weft.Evaluation`` objects; each runs on its own ``target``, or else on the file's
function (or object) named ``target``.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from weft.errors import InputError, WeftError
from weft.evals.evaluation import Evaluation
from weft.evals.results import EvaluationResult


def run_file(path: str | Path) -> list[EvaluationResult]:
    """Run all evaluations of a Python file, in the order of their names there.

    Raises InputError where the file cannot be imported (naming the line), holds no evaluation, or one of them has no
    target.
    """
    found = collect(path)
    return [evaluation.evaluate_sync(target) for evaluation, target in found]


def collect(path: str | Path) -> list[tuple[Evaluation, Any]]:
    """The evaluations of a file with their targets; see :func:`run_file`."""
    module = _load(Path(path))
    names = vars(module)
    evaluations = {id(value): value for value in names.values() if isinstance(value, Evaluation)}
    if not evaluations:
        raise InputError(
            f"{path} holds no evaluation.", remedy="Define one: evaluation = weft.Evaluation(...).", field="path"
        )
    found: list[tuple[Evaluation, Any]] = []
    for evaluation in evaluations.values():
        target = evaluation.target if evaluation.target is not None else names.get("target")
        if target is None:
            raise InputError(
                f"The evaluation {evaluation.name!r} in {path} has no target.",
                remedy="Give it one, weft.Evaluation(..., target=function), or define a function named target.",
                field="target",
            )
        found.append((evaluation, target))
    return found


def exit_code(results: Iterable[EvaluationResult]) -> int:
    """0 where every result passed, 1 where a gate failed or no sample of one got an answer."""
    return 0 if all(result.passed for result in results) else 1


def check(path: Path) -> None:
    """Raises InputError where ``path`` is no Python file."""
    if not path.is_file() or path.suffix != ".py":
        raise InputError(f"There is no Python file {path}.", remedy="Name a file that ends in .py.", field="path")


def _load(path: Path) -> ModuleType:
    check(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(path.absolute().parent)
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except WeftError:
        raise
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == spec.origin]
        place = f"{path}, line {frames[-1].lineno}" if frames else str(path)
        raise InputError(f"{place}: {type(error).__name__}: {error}", field="path") from error
    finally:
        sys.path.remove(folder)
        if before is not None:
            sys.modules[path.stem] = before
    return module
