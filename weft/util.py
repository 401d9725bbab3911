"""Small things that scripts of other trackers' users take from there."""

from __future__ import annotations

import re
import sys
from typing import Any

from weft import ids

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_told: set[str] = set()


def generate_id(length: int | None = None) -> str:
    """A new id, as ``weft.init(id=...)`` takes it; ``length`` is how many characters of it, at most."""
    return ids.new_id()[:length]


def make_artifact_name_safe(name: str) -> str:
    """The name with what cannot stand in an artifact's replaced by ``_``; the middle of a long one goes."""
    clean = _UNSAFE.sub("_", name)
    return clean if len(clean) <= 128 else f"{clean[:63]}..{clean[-63:]}"


def termlog(string: str = "", newline: bool = True, repeat: bool = True) -> None:
    """Write a line to stderr, as what Weft says itself; with ``repeat=False`` only once in a process."""
    _tell("", string, newline, repeat)


def termwarn(string: str, newline: bool = True, repeat: bool = True) -> None:
    """Write a warning to stderr."""
    _tell("warning: ", string, newline, repeat)


def termerror(string: str, newline: bool = True, repeat: bool = True) -> None:
    """Write an error to stderr."""
    _tell("error: ", string, newline, repeat)


def require(*requirements: Any, **experiments: Any) -> None:
    """Nothing has to be asked for: this is here for programs that call it."""


def ensure_configured() -> None:
    """Nothing has to be configured: this is here for programs that call it."""


def _tell(kind: str, text: str, newline: bool, repeat: bool) -> None:
    if repeat or text not in _told:
        sys.stderr.write(f"weft: {kind}{text}" + ("\n" if newline else ""))
    _told.add(text)


__all__ = [
    "ensure_configured",
    "generate_id",
    "make_artifact_name_safe",
    "require",
    "termerror",
    "termlog",
    "termwarn",
]
