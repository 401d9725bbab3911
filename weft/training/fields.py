"""Config and summary of a run: a dictionary with attributes that records what is set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from weft.errors import InputError
from weft.tracing.capture import capture
from weft.training.config import as_config

_log = logging.getLogger("weft")


class Nested(dict[str, Any]):
    """A dictionary within another: what is set in it is heard as a change of the whole item at the top."""

    def __init__(self, values: Mapping[Any, Any], heard: Callable[[], None]) -> None:
        super().__init__()
        object.__setattr__(self, "_heard", heard)
        super().update({str(key): nested(value, heard) for key, value in values.items()})

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(str(key), nested(value, self._heard))
        self._heard()

    def __missing__(self, key: Any) -> Any:
        return _as_text(self, key)

    def update(self, *values: Any, **more: Any) -> None:
        """Set several items at once."""
        super().update({str(key): nested(value, self._heard) for key, value in dict(*values, **more).items()})
        self._heard()

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The item, set to ``default`` first where there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, values: Any) -> Nested:  # type: ignore[override,misc] # dict promises Self
        self.update(values)
        return self

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._heard()

    def pop(self, *given: Any) -> Any:
        """Take an item out."""
        value = super().pop(*given)
        self._heard()
        return value

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"there is no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __reduce__(self) -> tuple[Any, ...]:  # copies are plain and heard by nobody
        return dict, (plain(self),)


def nested(value: Any, heard: Callable[[], None]) -> Any:
    """A mapping as one whose changes are heard; anything else as it is."""
    return Nested(value, heard) if isinstance(value, Mapping) else value


def _as_text(values: Mapping[str, Any], key: Any) -> Any:
    """The item of a key that is no text, such as a number, as it is stored. Raises KeyError."""
    if isinstance(key, str) or (text := str(key)) not in values:
        raise KeyError(key)
    return values[text]


def plain(value: Any) -> Any:
    """The same without what hears."""
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


class Fields(dict[str, Any]):
    """A dictionary whose keys are attributes too; ``changed`` hears of every item that is set, as JSON
    values, with what stands under secret keys redacted. Keys are texts: ``1`` is ``"1"``. A change within a mapping is
    heard as one of the item that it lies in; one within a list is not: assign the item anew.
    """

    def __init__(self, name: str, changed: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_changed", changed)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.update({key: value})

    def __missing__(self, key: Any) -> Any:
        return _as_text(self, key)

    def update(self, *values: Any, **more: Any) -> None:
        """Set several items at once."""
        if kept := self.keep(dict(*values, **more)):
            self._changed(kept)

    def keep(self, given: Mapping[Any, Any]) -> dict[str, Any]:
        """Set items without being heard; returns them as JSON values."""
        given = {str(key): value for key, value in given.items()}
        super().update(
            {k: nested(value, self._hearer(k)) if isinstance(value, Mapping) else value for k, value in given.items()}
        )
        kept: dict[str, Any] = capture(given)
        return kept

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The item, set to ``default`` first where there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def setdefaults(self, values: Mapping[str, Any]) -> None:
        """Set the items that there are not yet."""
        self.update({key: value for key, value in values.items() if key not in self})

    def as_dict(self) -> dict[str, Any]:
        """A plain copy."""
        found: dict[str, Any] = plain(self)
        return found

    def _hearer(self, key: str) -> Callable[[], None]:
        return lambda: self._changed(capture({key: plain(self[key])}))

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

    def __reduce__(self) -> tuple[Any, ...]:  # copies are plain and heard by nobody
        return dict, (plain(self),)


class Config(Fields):
    """The config of a run. Items are added at any time; one that is there keeps its value unless that is allowed."""

    def __init__(self, changed: Callable[[dict[str, Any]], None], *, allow_val_change: bool = False) -> None:
        super().__init__("config", changed)
        object.__setattr__(self, "_allowed", allow_val_change)
        object.__setattr__(self, "_locked", {})

    def lock(self, keys: Iterable[str], owner: str) -> None:
        """Keep these items as they are now, whoever sets them and however: that is passed over with a warning."""
        self._locked.update((key, (owner, plain(self[key]))) for key in keys)

    def update(self, *values: Any, allow_val_change: bool | None = None, **more: Any) -> None:
        """Set several items at once, from what :func:`weft.training.config.as_config` takes.

        Those that are locked, as the parameters of a sweep's trial are, stay as they are. Raises InputError where
        another item has another value already, unless ``allow_val_change`` or that of ``init``.
        """
        given = {str(key): value for part in values for key, value in as_config(part).items()} | more
        given = {key: value for key, value in given.items() if not self._keeps(key, value)}
        if not (self._allowed if allow_val_change is None else allow_val_change):
            self._check(given)
        super().update(given)

    def _keeps(self, key: str, value: Any) -> bool:
        """Whether an item is locked; says so where it would have another value."""
        if key not in self._locked:
            return False
        owner, kept = self._locked[key]
        if isinstance(kept, Mapping) and isinstance(value, Mapping):  # a part of it, as ``init`` is given again
            value = {**kept, **value}
        if capture({key: kept}) != capture({key: value}):
            _log.warning("Weft: Config item %r was locked by %r (ignored update).", key, owner)
        return True

    def _hearer(self, key: str) -> Callable[[], None]:
        def heard() -> None:
            if not self._keeps(key, plain(self[key])):
                told()
            else:
                self.keep({key: self._locked[key][1]})

        told = super()._hearer(key)
        return heard

    def _check(self, given: Mapping[str, Any]) -> None:
        for key, value in given.items():
            if key in self and capture({key: plain(self[key])}) != capture({key: value}):
                raise InputError(
                    f"The config has {key} = {plain(self[key])!r} already; it is not changed to {value!r}.",
                    remedy="If that is meant: run.config.update({...}, allow_val_change=True), or "
                    "weft.init(allow_val_change=True).",
                    field=f"config.{key}",
                )


class Summary(Fields):
    """The summary of a run. ``summary["loss"]`` is also all that begins with ``loss.``, where there is nothing of that
    very name: ``summary["loss"]["min"]`` is ``summary["loss.min"]``."""

    def __missing__(self, key: Any) -> Any:
        found = {name[len(str(key)) + 1 :]: value for name, value in self.items() if name.startswith(f"{key}.")}
        if not found:
            return super().__missing__(key)
        below = Summary(f"{self._name}.{key}", lambda changed: self.update(_under(key, changed.items())))
        below.keep(found)
        return below

    def get(self, key: Any, default: Any = None) -> Any:
        """The item, as ``summary[key]`` finds it; ``default`` where there is none."""
        try:
            return self[key]
        except KeyError:
            return default


def _under(key: str, items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {f"{key}.{name}": value for name, value in items}
