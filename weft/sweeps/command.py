"""The command line of a trial: W&B's macros, filled in."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.errors import InputError
from weft.records.sweeps import configured

DEFAULT = ("${env}", "${interpreter}", "${program}", "${args}")
_PREFIXES = {"args": "--", "args_no_hyphens": "", "args_append_hydra": "+", "args_override_hydra": "++"}
MACROS = (
    *("env", "interpreter", "program", *_PREFIXES, "args_no_equals", "args_no_boolean_flags", "args_json"),
    *("args_json_file", "envvar:NAME"),
)
_MACRO = re.compile(r"\$\{([a-z_]+)\}")
_ENVIRONMENT = re.compile(r"\$\{envvar:([A-Za-z_][A-Za-z0-9_]*)\}")


def command_line(
    words: Sequence[str] | None,
    program: str | None,
    chosen: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    config: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> list[str]:
    """The words of the command that runs a trial, as they go to the system, without a shell.

    ``${env}`` is ``/usr/bin/env`` (nothing on Windows), ``${interpreter}`` this Python, ``${program}`` the program,
    ``${envvar:NAME}`` a variable. ``${args}`` is ``--name=value`` for each parameter, ``${args_no_hyphens}``
    ``name=value``, ``${args_no_equals}`` ``--name value``, ``${args_append_hydra}`` ``+name=value``,
    ``${args_override_hydra}`` ``++name=value``, ``${args_no_boolean_flags}`` the first with ``--name`` for true and
    nothing for false; values are written as Python does (``True``, ``None``). ``${args_json}`` is all of them as one
    JSON text, nested as the sweep's ``config`` has them, ``${args_json_file}`` a new file in ``folder`` with that.
    Raises InputError for another macro, a variable that is not set, and where the program is missing.
    """
    found: list[str] = []
    given = configured(config or {}, chosen)
    for word in words or DEFAULT:
        whole = _MACRO.fullmatch(word)
        if whole:
            found.extend(_macro(whole[1], program, chosen, given, folder))
        else:
            inside = _ENVIRONMENT.sub(lambda match: _variable(match[1], environ), word)
            found.append(_MACRO.sub(lambda match: " ".join(_macro(match[1], program, chosen, given, folder)), inside))
    return found


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise InputError(
            f"The variable {name} of the command is not set here.", remedy="Set it for the agent.", field="command"
        )
    return environ[name]


def _macro(
    name: str, program: str | None, chosen: Mapping[str, Any], given: Mapping[str, Any], folder: Path | None
) -> list[str]:
    match name:
        case "env":
            return [] if sys.platform == "win32" else ["/usr/bin/env"]
        case "interpreter":
            return [sys.executable]
        case "program":
            if program is None:
                raise InputError(
                    "The sweep has no program.", remedy="Give program: train.py, or a command.", field="program"
                )
            return [program]
        case "args_no_equals":
            return [word for key, value in chosen.items() for word in (f"--{key}", str(value))]
        case "args_no_boolean_flags":
            told = {key: value for key, value in chosen.items() if value is not False}
            return [f"--{key}" if value is True else f"--{key}={value}" for key, value in told.items()]
        case "args_json":
            return [json.dumps(given)]
        case "args_json_file":
            return [_file(given, folder)]
    if name in _PREFIXES:
        return [f"{_PREFIXES[name]}{key}={value}" for key, value in chosen.items()]
    raise InputError(f"There is no macro ${{{name}}}.", remedy=f"Use {', '.join(MACROS)}.", field="command")


def _file(given: Mapping[str, Any], folder: Path | None) -> str:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="trial-", dir=folder, delete=False) as file:
        json.dump(given, file)
    return file.name
