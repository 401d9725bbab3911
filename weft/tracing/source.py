"""The code of a function, as text without secrets, and what it depends on."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import os
import re
import sys
import sysconfig
import textwrap
import threading
import types
from collections.abc import Iterator
from typing import Any

from weft.records import RecordType, redaction
from weft.tracing.capture import REDACTED, capture, is_secret

MOST_DEPENDENCIES = 200
LONGEST_CONSTANT = 4_000  # characters of JSON text
_SECRET_VALUE = re.compile(
    r"""(?x)
    (?P<name> [A-Za-z_][A-Za-z0-9_-]* )
    (?P<between> ["']? \s* (?: : \s* [A-Za-z_][\w.\[\]|\s]* = | [:=] ) \s* )
    (?P<quote> \"\"\"|\'\'\'|["'] ) (?P<value> (?:\\.|(?!(?P=quote)).)+ ) (?P=quote)
    """,
    re.DOTALL,
)


# The source of a class is found by parsing its file, which several threads of CPython 3.11 cannot do at once: they
# raise SystemError (AST constructor recursion depth mismatch). A signal handler may come in the middle and read, too:
# it has the lock already, and what it interrupted is read again.
_READING = threading.RLock()
_TRIES = 3
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_READING.acquire, after_in_parent=_READING.release, after_in_child=_READING.release)


def source_of(thing: Any) -> str:
    """The source text of a class or function; of a lambda, or where there is no text, what it is compiled to."""
    thing = inspect.unwrap(thing)
    code = getattr(thing, "__code__", None)
    compiled = ""
    if code is not None:
        plain = [value for value in code.co_consts if value is None or isinstance(value, str | bytes | int | float)]
        compiled = repr((code.co_code, code.co_names, code.co_varnames, plain))
    if code is not None and code.co_name == "<lambda>":
        return compiled  # its source line may hold another one
    for _ in range(_TRIES):
        try:
            with _READING:
                return textwrap.dedent(inspect.getsource(thing))
        except SystemError:
            continue
        except (OSError, TypeError):
            break
    return compiled or str(getattr(thing, "__qualname__", type(thing).__qualname__))


def without_secrets(text: str) -> str:
    """``text`` without literals that have the shape of a secret or stand under the name of one."""
    named = _SECRET_VALUE.sub(_shown, text)
    clean = redaction.scrub(RecordType.CONSOLE, named.encode("utf-8", "surrogatepass"))
    return clean.decode("utf-8", "surrogatepass")


def _shown(found: re.Match[str]) -> str:
    value = REDACTED if is_secret(found["name"]) else _SECRET_VALUE.sub(_shown, found["value"])
    return f"{found['name']}{found['between']}{found['quote']}{value}{found['quote']}"


def dependencies_of(fn: Any) -> dict[str, Any]:
    """What a function refers to by global or enclosing name, each with what it is.

    Ops by name and code, functions and classes of the user's own modules by their code, constants by their value,
    modules and what they define by name and version. Anything else by its type.
    """
    found: dict[str, Any] = {}
    waiting = [inspect.unwrap(fn)]
    seen = {id(waiting[0])}
    while waiting and len(found) < MOST_DEPENDENCIES:
        for name, value in _referred(waiting.pop()):
            if name in found:
                continue
            found[name] = _described(name, value)
            inner = inspect.unwrap(value) if callable(value) else value
            if isinstance(inner, types.FunctionType) and _is_users(inner.__module__) and id(inner) not in seen:
                seen.add(id(inner))
                waiting.append(inner)
    return dict(sorted(found.items()))


def _referred(fn: Any) -> Iterator[tuple[str, Any]]:
    """The global and enclosing names that a function's code uses, with their values."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return
    for name, cell in zip(code.co_freevars, getattr(fn, "__closure__", None) or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not yet set
            continue
    spaces = getattr(fn, "__globals__", {})
    for name in _names(code):
        if name in spaces:
            yield name, spaces[name]


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _described(name: str, value: Any) -> Any:
    if isinstance(value, types.ModuleType):
        return {"module": value.__name__, "version": version_of(value.__name__)}
    options = getattr(value, "weft_op", None)
    if options is not None and callable(value):
        return {"op": str(options.name), "source": without_secrets(source_of(value))}
    if isinstance(value, types.FunctionType | type):
        if _is_users(value.__module__):
            return {"source": without_secrets(source_of(value))}
        return {"module": value.__module__, "version": version_of(value.__module__), "name": value.__qualname__}
    if callable(value) and isinstance(module := getattr(value, "__module__", None), str):
        return {"module": module, "version": version_of(module), "name": str(getattr(value, "__qualname__", name))}
    return _constant(name, value)


def _constant(name: str, value: Any) -> Any:
    if is_secret(name):
        return {"value": REDACTED}
    if _is_plain(value):
        shown = capture(value)
        if len(repr(shown)) <= LONGEST_CONSTANT:
            return {"value": without_secrets(shown) if isinstance(shown, str) else shown}
    return {"type": f"{type(value).__module__}.{type(value).__qualname__}"}


def _is_plain(value: Any, depth: int = 0) -> bool:
    if value is None or isinstance(value, str | int | float | bool):
        return True
    if depth > 4 or not isinstance(value, dict | list | tuple | set | frozenset) or len(value) > 200:
        return False
    items = value.items() if isinstance(value, dict) else value
    return all(_is_plain(item, depth + 1) for item in items)


def _is_users(module: str | None) -> bool:
    """Whether a module is the user's own: not of the standard library, not installed, not Weft's."""
    return module is not None and _is_users_own(module)


@functools.lru_cache(maxsize=2048)
def _is_users_own(module: str) -> bool:
    top = module.partition(".")[0]
    if module == "__main__":
        return True
    if top in sys.stdlib_module_names or top == "weft":
        return False
    path = getattr(sys.modules.get(module), "__file__", None) or ""
    return not path.startswith(_installed())


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})


@functools.lru_cache(maxsize=512)
def version_of(module: str) -> str | None:
    """The version of the package that a module belongs to; None where it has none, such as the standard library."""
    top = module.partition(".")[0]
    version = getattr(sys.modules.get(top), "__version__", None)
    if isinstance(version, str):
        return version
    if top in sys.stdlib_module_names or top == "__main__":
        return None
    try:
        return importlib.metadata.version(top)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
