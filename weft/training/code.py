"""The code of a run that git does not have: untracked files, a notebook's cells; and pointers to data kept by DVC."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft.records import dumps
from weft.training.cluster import shell_of_ipython
from weft.training.git import listed_files, untracked_files

LARGEST_FILE_BYTES = 2 * 2**20
MOST_BYTES = 32 * 2**20
MOST_FILES = 1_000
_SUFFIXES = frozenset(
    {
        *(".py", ".pyi", ".pyx", ".ipynb", ".sh", ".bash", ".sql", ".r", ".jl", ".md", ".rst", ".txt"),
        *(".yaml", ".yml", ".toml", ".json", ".cfg", ".ini", ".conf", ".gin", ".jinja", ".j2", ".proto"),
        *(".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".rs", ".go", ".java", ".js", ".ts"),
    }
)
_NAMES = frozenset({"Makefile", "Dockerfile", "Pipfile", "Snakefile", "dvc.lock"})
_SECRET = re.compile(r"(?i)(^|[^a-z0-9])(env|secrets?|credentials?|token|password|id_rsa|id_ed25519)([^a-z0-9]|$)")
_LARGEST_POINTER = 2**20
_MOST_POINTERS = 500


def untracked_code(root: Path | None) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of code that git does not know: of a working tree, or else of the program and its folder.

    Code is told by its suffix; files of more than 2 MB, more than 1,000 of them or 32 MB in all, and those that are
    called as secrets are (``.env``, ``credentials.json``) are left out.
    """
    if root is None:
        program = Path(sys.argv[0]) if sys.argv and sys.argv[0] else Path()
        if not program.is_file():
            return
        root = program.resolve().parent
        paths = [program.name, *(path.name for path in sorted(root.iterdir()) if path.is_file())]
    else:
        paths = untracked_files(root)
    files = total = 0
    for path in dict.fromkeys(paths):
        file = root / path
        if not _is_code(path):
            continue
        try:
            if file.is_symlink() or not file.is_file() or file.stat().st_size > LARGEST_FILE_BYTES:
                continue
            data = file.read_bytes()
        except OSError:
            continue
        files, total = files + 1, total + len(data)
        if files > MOST_FILES or total > MOST_BYTES:
            return
        yield Path(path).as_posix(), data


def _is_code(path: str) -> bool:
    name = os.path.basename(path)
    known = os.path.splitext(name)[1].lower() in _SUFFIXES or name in _NAMES
    return known and not any(_SECRET.search(part) for part in path.split("/"))


def notebook_cells() -> bytes | None:
    """The cells run so far in this notebook or shell, as a notebook (nbformat 4.5); None where there is none."""
    shell = shell_of_ipython()
    history = getattr(shell, "history_manager", None)
    sources = [str(source) for source in getattr(history, "input_hist_raw", [])][1:]  # the first is no cell
    if not sources:
        return None
    cells = [
        {"cell_type": "code", "id": f"cell-{n}", "execution_count": n, "metadata": {}, "outputs": [], "source": source}
        for n, source in enumerate(sources, 1)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    version = ".".join(map(str, sys.version_info[:3]))
    metadata = {"kernelspec": kernel, "language_info": {"name": "python", "version": version}}
    return dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def notebook_name() -> str | None:
    """The notebook's file, where its editor says so (Visual Studio Code, Jupyter)."""
    shell = shell_of_ipython()
    named = getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(named) if named else None


def dvc_pointers(root: Path) -> dict[str, list[dict[str, Any]]]:
    """What the files of DVC in a working tree point to: by file, path with digest and size of what it tracks."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in listed_files(root, "*.dvc", "dvc.lock", "**/dvc.lock")[:_MOST_POINTERS]:
        file = root / path
        try:
            if not file.is_file() or file.stat().st_size > _LARGEST_POINTER:
                continue
            items = list(_items(file.read_text("utf-8", "replace")))
        except OSError:
            continue
        if items:
            found[path] = items
    return found


_FIELD = re.compile(r"^(?P<indent>\s*)(?P<dash>- )?(?P<key>[A-Za-z0-9_]+):\s*(?P<value>\S.*?)?\s*$")
_KEPT = frozenset({"path", "md5", "etag", "size", "nfiles", "hash", "version_id"})


def _items(text: str) -> Iterator[dict[str, Any]]:
    """The items of the lists in a file of DVC, whose YAML is a plain one: a list of mappings of words and numbers."""
    item: dict[str, Any] = {}
    indent = -1
    for line in [*text.splitlines(), "end:"]:
        field = _FIELD.match(line)
        if field is None:
            continue
        depth = len(field["indent"]) + (2 if field["dash"] else 0)
        if field["dash"] or depth != indent:
            if "path" in item and len(item) > 1:
                yield item
            item, indent = {}, depth if field["dash"] else -1
        if indent == depth and field["key"] in _KEPT and field["value"]:
            value = field["value"].strip("'\"")
            item[field["key"]] = int(value) if field["key"] in ("size", "nfiles") and value.isdecimal() else value
