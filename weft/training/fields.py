"""Config and summary of a run: a dictionary with attributes that records what is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.errors import InputError
from weft.tracing.capture import capture


class Fields(dict[str, Any]):
    """A dictionary whose keys are attributes too; ``changed`` hears of every item that is set, as JSON
    values, with what stands under secret keys redacted.

    Only what is set on the dictionary itself is heard: assign a nested value anew to record its change.
    """

    def __init__(self, name: str, changed: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_changed", changed)

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(self, *values: Any, **more: Any) -> None:
        """Set several items at once. Raises InputError where a key is not a string."""
        self._changed(self.keep(dict(*values, **more)))

    def keep(self, given: Mapping[Any, Any]) -> dict[str, Any]:
        """Set items without being heard; returns them as JSON values."""
        for key in given:
            if not isinstance(key, str):
                raise InputError(
                    f"The {self._name} key {key!r} is a {type(key).__name__}, not a string.", field=self._name
                )
        super().update(given)
        kept: dict[str, Any] = capture(dict(given))
        return kept

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The item, set to ``default`` first where there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, values: Any) -> Fields:  # type: ignore[override,misc] # dict promises Self
        self.update(values)
        return self

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the {self._name} has no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value
