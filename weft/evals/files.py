"""Evaluations in files and folders, for ``weft eval evals/``.

A file holds module-level ``weft.Evaluation`` objects; each runs on its own ``target``, or else on the file's function
(or object) named ``target``. Of a folder, all its Python files are read but tests and those that begin with ``_``.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from importlib.machinery import SourceFileLoader
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
    found = _of_module(load_module(Path(path)), Path(path))
    if not found:
        raise InputError(
            f"{path} holds no evaluation.", remedy="Define one: evaluation = weft.Evaluation(...).", field="path"
        )
    return found


def _of_module(module: ModuleType, path: Path) -> list[tuple[Evaluation, Any]]:
    names = vars(module)
    evaluations = {id(value): value for value in names.values() if isinstance(value, Evaluation)}
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


def collect_all(paths: Sequence[Path]) -> list[tuple[Evaluation, Any]]:
    """The evaluations of files and folders with their targets. Raises InputError as :func:`run_file` does, where a
    folder has none, and where two evaluations share a name."""
    found: list[tuple[Evaluation, Any]] = []
    for path in paths:
        if not path.is_dir():
            found += collect(path)
            continue
        before = frozenset(sys.modules)
        inside = [pair for file in sorted(path.rglob("*.py")) if _holds(file, path) for pair in _inside(file, before)]
        if not inside:
            raise InputError(
                f"{path} holds no evaluation.", remedy="Define one: evaluation = weft.Evaluation(...).", field="path"
            )
        found += inside
    unique = list({id(evaluation): (evaluation, target) for evaluation, target in found}.values())
    names = [evaluation.name for evaluation, _ in unique]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"Two evaluations are named {twice!r}.", remedy="Name them: Evaluation(name='...').", field="name"
        )
    return unique


def check(path: Path) -> None:
    """Raises InputError where ``path`` is neither a Python file nor a folder."""
    if not path.is_dir() and (not path.is_file() or path.suffix != ".py"):
        raise InputError(
            f"There is no Python file {path}.", remedy="Name a file that ends in .py, or a folder.", field="path"
        )


def _holds(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    return not any(part.startswith((".", "_")) for part in parts) and not (
        file.name.startswith("test_") or file.name == "conftest.py"
    )


def _inside(file: Path, before: Collection[str]) -> list[tuple[Evaluation, Any]]:
    """The evaluations of one file of a folder; what another one has imported since ``before`` is not run again."""
    there = None if file.stem in before else sys.modules.get(file.stem)
    same = there is not None and Path(there.__file__ or "").resolve() == file.resolve()
    return _of_module(there if there is not None and same else load_module(file), file)


class _AsItStands(SourceFileLoader):
    """Reads a file's text each time. Python's cache takes an edit of equal length within the same second for the old
    text, and would leave a ``__pycache__`` beside the evaluations."""

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError("Not cached.")  # what `importlib.abc.SourceLoader` says to do


def load_module(path: Path) -> ModuleType:
    """A Python file as a module, its folder on the path while it is imported. Raises InputError naming the line."""
    check(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder.", remedy="Name a file that ends in .py.", field="path")
    spec = importlib.util.spec_from_file_location(path.stem, path, loader=_AsItStands(path.stem, str(path)))
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
