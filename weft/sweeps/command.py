"""The command line of a trial: W&B's macros, filled in."""

from __future__ import annotations

import difflib
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
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
_NAMES = tuple(name for name in MACROS if ":" not in name)
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
    What else stands in ``${}`` is left to the shell in the word after ``-c``. Raises InputError for it elsewhere, for
    a variable that is not set, and where the program is missing.
    """
    found: list[str] = []
    given = configured(config or {}, chosen)
    for before, word in pairwise(("", *(words or DEFAULT))):
        if _MACRO.fullmatch(word):
            found.extend(_macro(word[2:-1], program, chosen, given, folder))
            continue

        def filled(match: re.Match[str], shell: bool = before == "-c") -> str:
            if shell and match[1] not in _NAMES:
                return match[0]
            return " ".join(_macro(match[1], program, chosen, given, folder))

        inside = _ENVIRONMENT.sub(lambda match: _variable(match[1], environ), word)
        found.append(_MACRO.sub(filled, inside))
    return found


def unknown_macro(words: Sequence[str]) -> str | None:
    """What is wrong with the macros of a command; None where nothing is."""
    for before, word in pairwise(("", *words)):
        for match in _MACRO.finditer(word):
            if match[1] not in _NAMES and before != "-c":
                close = difflib.get_close_matches(match[1], _NAMES, 1)
                hint = f"did you mean ${{{close[0]}}}?" if close else f"use {', '.join(MACROS)}"
                return f"there is no macro ${{{match[1]}}}; {hint}"
    return None


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
