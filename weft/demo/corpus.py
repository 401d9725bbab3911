"""The demo's data: docstrings of the standard library, read from its sources without importing them."""

from __future__ import annotations

import ast
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from weft import digests

_SMALLEST_CLASS = 25
_LARGEST_CLASS = 150
_SHORTEST, _LONGEST = 30, 600
_PUBLIC_NAMES = {"_pydecimal": "decimal", "_pyio": "io", "_collections_abc": "collections", "_strptime": "time"}


def examples() -> list[dict[str, str]]:
    """Rows ``{"id", "description", "module", "split"}``, in a fixed order; the split is drawn from the text's digest.

    A description is a docstring's first paragraph; the module is where it stands. Modules with few are left out.
    """
    found: dict[str, str] = {}
    twice: set[str] = set()
    for module, text in _docstrings():
        if text in found and found[text] != module:
            twice.add(text)
        found[text] = module
    rows = sorted((text, module) for text, module in found.items() if text not in twice)
    by_module: Counter[str] = Counter()
    kept: list[tuple[str, str, str]] = []
    for digest, text, module in sorted((digests.of_bytes(text.encode()), text, module) for text, module in rows):
        by_module[module] += 1
        if by_module[module] <= _LARGEST_CLASS:
            kept.append((digest, text, module))
    return [
        {"id": digest[:16], "description": text, "module": module, "split": _split(digest)}
        for digest, text, module in kept
        if by_module[module] >= _SMALLEST_CLASS
    ]


def _split(digest: str) -> str:
    draw = int(digest[:8], 16) / 2**32
    return "train" if draw < 0.62 else "judge" if draw < 0.86 else "test"


def _docstrings() -> Iterator[tuple[str, str]]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        module = path.relative_to(root).parts[0].removesuffix(".py")
        module = _PUBLIC_NAMES.get(module, module)
        if (
            module.startswith("_")
            or module not in sys.stdlib_module_names
            or {"test", "tests", "idlelib", "lib2to3"} & set(path.parts)
        ):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue  # a file that this Python cannot read teaches the demo nothing
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                text = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                if _SHORTEST <= len(text) <= _LONGEST:
                    yield module, text
