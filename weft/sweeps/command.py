"""The command line of a trial: W&B's macros, filled in."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from weft.errors import InputError

DEFAULT = ("${env}", "${interpreter}", "${program}", "${args}")
_MACRO = re.compile(r"\$\{([a-z_]+)\}")
_ENVIRONMENT = re.compile(r"\$\{envvar:([A-Za-z_][A-Za-z0-9_]*)\}")


def command_line(
    words: Sequence[str] | None, program: str | None, chosen: Mapping[str, Any], environ: Mapping[str, str]
) -> list[str]:
    """The words of the command that runs a trial, as they go to the system, without a shell.

    ``${env}`` is ``/usr/bin/env`` (nothing on Windows), ``${interpreter}`` this Python, ``${program}`` the program,
    ``${args}`` ``--name=value`` for each parameter, ``${args_no_hyphens}`` ``name=value``, ``${args_no_boolean_flags}``
    the first with ``--name`` for true and nothing for false, ``${args_json}`` all of them as one JSON text,
    ``${args_json_file}`` is not offered, ``${envvar:NAME}`` a variable. Raises InputError for another macro, and where
    the program is missing.
    """
    found: list[str] = []
    for word in words or DEFAULT:
        whole = _MACRO.fullmatch(word)
        if whole:
            found.extend(_macro(whole[1], program, chosen))
        else:
            inside = _ENVIRONMENT.sub(lambda match: environ.get(match[1], ""), word)
            found.append(_MACRO.sub(lambda match: " ".join(_macro(match[1], program, chosen)), inside))
    return found


def _macro(name: str, program: str | None, chosen: Mapping[str, Any]) -> list[str]:
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
        case "args":
            return [f"--{key}={_text(value)}" for key, value in chosen.items()]
        case "args_no_hyphens":
            return [f"{key}={_text(value)}" for key, value in chosen.items()]
        case "args_no_boolean_flags":
            plain = {key: value for key, value in chosen.items() if not isinstance(value, bool)}
            flags = [f"--{key}" for key, value in chosen.items() if value is True]
            return [*_macro("args", None, plain), *flags]
        case "args_json":
            return [json.dumps(dict(chosen))]
    raise InputError(
        f"There is no macro ${{{name}}}.",
        remedy="Use env, interpreter, program, args, args_no_hyphens, args_no_boolean_flags, args_json, envvar:NAME.",
        field="command",
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
