"""Names and paths of artifacts, checked, and files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from weft import ids
from weft.errors import InputError
from weft.records.artifacts import is_inside


def checked_path(inside: str) -> str:
    """A path inside an artifact: relative, posix, without ``..``, links or drives. Raises InputError."""
    if not is_inside(inside):
        raise InputError(
            f"The path {inside!r} cannot stand in an artifact.",
            remedy="Use a relative path with '/' and without '..'.",
            field="name",
        )
    return inside


def places_of(ref: str, home: str) -> list[tuple[str, str]]:
    """Project and reference that a reference may mean, the likeliest first: of ``name:alias`` that in ``home``; a
    project, and an owner, may come before it, as in ``acme/shop/name:alias``. What other trackers call their registry
    is ours: ``wandb-registry-model/name:alias`` is ``registry/name:alias``."""
    *before, name = ref.strip("/").split("/")
    if not before or before == ["registry"]:
        return [(home, ref)]
    if before[-1] == "model-registry" or before[-1].startswith("wandb-registry-"):
        return [(home, f"registry/{name}")]
    projects = list(dict.fromkeys([".".join(before), before[-1]]))
    return [(home, name)] if home in projects else [(project, name) for project in projects]


def checked_name(text: str, what: str) -> str:
    """A name that can stand in an address. Raises InputError."""
    text = ids.composed(text) if isinstance(text, str) else text
    if not isinstance(text, str) or not ids.is_name(text):
        raise InputError(
            f"The artifact's {what} {text!r} cannot stand in an address.",
            remedy=f"Use {ids.NAME_RULE}.",
            field=what,
        )
    return text


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in order; links to folders are not followed."""
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(root, name)
            if path.is_file():  # not a socket, a pipe or a broken link
                yield path
