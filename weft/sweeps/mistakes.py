"""What is wrong with a configuration, all of it at once, each with the path where it stands."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from weft.errors import InputError


class Mistakes:
    """Collects mistakes; :meth:`check` raises them together."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    def add(self, path: str, what: str) -> None:
        """Note a mistake at ``path``, such as ``parameters.lr.min``."""
        self._found.append((path, what))

    def unknown(self, path: str, given: Iterable[Any], known: Collection[str]) -> None:
        """Note every key that is not known."""
        for key in given:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, 1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
                self.add(join(path, str(key)), f"there is no such key; {hint}")

    def number(self, path: str, given: Any, *, above: float | None = None) -> float | None:
        """The number that ``given`` is, also one written as text such as ``1e-4``; None, noted, where it is none."""
        value = as_number(given)
        if value is None:
            self.add(path, f"{given!r} is not a number")
        elif above is not None and not value > above:
            self.add(path, f"{value} must be greater than {above:g}")
            return None
        return value

    def found(self) -> list[tuple[str, str]]:
        """Each mistake with its path."""
        return list(self._found)

    def check(self, what: str) -> None:
        """Raise InputError where there is any mistake, naming each with its path."""
        if not self._found:
            return
        lines = "".join(f"\n  {path}: {mistake}" for path, mistake in self._found)
        count = "a mistake" if len(self._found) == 1 else f"{len(self._found)} mistakes"
        raise InputError(f"The {what} has {count}:{lines}", remedy="Mend them and try again.", field=self._found[0][0])


def join(path: str, key: str) -> str:
    """The path of a key below a path."""
    return f"{path}.{key}" if path else key


def as_number(given: Any) -> float | int | None:
    """A finite number; YAML reads ``1e-4``, which has no point, as text."""
    if isinstance(given, str):
        try:
            given = float(given)
        except ValueError:
            return None
    if isinstance(given, bool) or not isinstance(given, int | float) or given != given or abs(given) == float("inf"):
        return None
    return given


def mapping(mistakes: Mistakes, path: str, given: Any) -> Mapping[str, Any]:
    """``given`` where it is a mapping; else empty, noted."""
    if isinstance(given, Mapping):
        return given
    mistakes.add(path, f"{given!r} is not a mapping")
    return {}
