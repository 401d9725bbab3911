"""Where a config comes from: a dictionary, what a parser of arguments gives, a dataclass, a model, a file."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from weft.errors import InputError, MissingExtraError

DEFAULTS_FILE = "config-defaults.yaml"  # read from the working directory, as wandb does
_ABOUT_THE_FILE = frozenset({"wandb_version", "_wandb"})


def as_config(given: Any) -> dict[str, Any]:
    """A config as a dictionary: of a mapping, an argparse Namespace, a dataclass, a pydantic model, absl flags, an
    object with ``to_dict()``, or the path of a YAML or JSON file. Raises InputError for anything else."""
    if given is None:
        return {}
    if isinstance(given, str | os.PathLike):
        return read_config(Path(given))
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, argparse.Namespace):
        return dict(vars(given))
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        return dataclasses.asdict(given)
    for name in ("model_dump", "flag_values_dict", "to_dict"):
        method = getattr(given, name, None)
        if callable(method) and not isinstance(given, type):
            found = method()
            if isinstance(found, Mapping):
                return dict(found)
    raise InputError(
        f"The config is a {type(given).__name__}, not a dictionary.",
        remedy="Use {'lr': 0.1}, a dataclass, an argparse Namespace, a pydantic model or the path of a YAML file.",
        field="config",
    )


def read_config(path: Path) -> dict[str, Any]:
    """The config in a YAML or JSON file; items written as ``{desc, value}`` are their values.

    Raises InputError where it cannot be read or is no mapping, MissingExtraError without PyYAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The config {str(path)!r} cannot be read: {error}.", field="config") from None
    found = _parsed(path, text)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(
            f"The config {str(path)!r} holds a {type(found).__name__}, not a mapping.",
            remedy="Write KEY: VALUE lines.",
            field="config",
        )
    return {str(key): _value(item) for key, item in found.items() if key not in _ABOUT_THE_FILE}


def gather(
    given: Any, *, exclude: Collection[str] | None = None, include: Collection[str] | None = None
) -> dict[str, Any]:
    """What ``init`` is given as config, over the defaults of the working directory, without what is excluded.

    Raises InputError where both ``exclude`` and ``include`` are given.
    """
    if exclude and include:
        raise InputError(
            "Both config_exclude_keys and config_include_keys are given.",
            remedy="Give one of them.",
            field="config_exclude_keys",
        )
    config = as_config(given)
    defaults = Path(DEFAULTS_FILE)
    if defaults.is_file():
        config = {**read_config(defaults), **config}
    if include:
        return {key: value for key, value in config.items() if key in include}
    return {key: value for key, value in config.items() if key not in (exclude or ())}


def _parsed(path: Path, text: str) -> Any:
    if path.suffix == ".json":
        try:
            return json.loads(text)
        except ValueError as error:
            raise InputError(f"The config {str(path)!r} is no JSON: {error}.", field="config") from None
    try:
        import yaml  # noqa: PLC0415 - needed only where a config is a file
    except ImportError:
        raise MissingExtraError("PyYAML", install="pyyaml") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"The config {str(path)!r} is no YAML: {error}.", field="config") from None


def _value(item: Any) -> Any:
    is_told = isinstance(item, dict) and "value" in item and not set(item) - {"desc", "value"}
    return item["value"] if is_told else item
