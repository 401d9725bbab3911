"""Tracing of other libraries, now or when they are imported: openai and litellm by Weft's own hand, outgoing requests
of httpx and requests, and any library for which OpenInference has an instrumentor."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from weft.errors import InputError
from weft.journal import fork
from weft.tracing.instrumentation import http, imports, openinference
from weft.tracing.instrumentation.calls import hearing, live, traced
from weft.tracing.instrumentation.clients import LITELLM, OPENAI, TARGETS, Target
from weft.tracing.instrumentation.streams import is_mock

OWN = (OPENAI.name, LITELLM.name)

_lock = threading.RLock()
_patched: list[tuple[str, Any, str, Any, Any]] = []  # client, owner, attribute, original, ours


def instrument(*libraries: str, hosts: Sequence[str] | None = None, **options: Any) -> None:
    """Trace libraries from now on; those that are not imported yet, from their import on. Doing it again does nothing.

    Without a name: ``openai`` and ``litellm``, what ``weft.init`` does by itself. ``httpx`` and ``requests`` send the
    current trace along to ``hosts`` (names such as ``api.internal`` or ``*.internal``, ``host:port`` where the port
    matters). Any other name is one of OpenInference's instrumentors, attached to Weft's provider with ``options``.

    Raises MissingExtraError, which says what to install, where the instrumentor is not there; InputError for a name
    that neither knows, for ``hosts`` that are missing or not wanted, and for options that nobody takes.
    """
    for library in libraries or OWN:
        if not isinstance(library, str) or not library:
            raise InputError(
                f"{library!r} names no library.", remedy="Write weft.instrument('langchain').", field="name"
            )
        name = openinference.plain(library)
        if (hosts is not None) != (name in http.LIBRARIES):
            raise InputError(
                f"hosts is {'not wanted' if hosts is not None else 'missing'} for {library!r}.",
                remedy=f"Write weft.instrument('{name if hosts is None else 'httpx'}', hosts=['api.internal']).",
                field="hosts",
            )
        if options and (name in OWN or name in http.LIBRARIES):
            raise InputError(
                f"{library} takes no option {next(iter(options))!r}.", remedy="Leave it out.", field=next(iter(options))
            )
        if name in OWN:
            _instrument_own(name)
        elif hosts is not None:
            http.instrument(name, hosts)
        else:
            openinference.instrument(name, options)


def uninstrument(*libraries: str) -> None:
    """Give libraries their own functions back; without a name, every one that is instrumented."""
    for library in libraries or (*OWN, *http.LIBRARIES, *openinference.instrumented()):
        name = openinference.plain(library)
        if name in OWN:
            _uninstrument_own(name)
        elif name in http.LIBRARIES:
            http.uninstrument(name)
        else:
            openinference.uninstrument(name)


def _instrument_own(name: str) -> None:
    with _lock:
        live.add(name)
        for module in dict.fromkeys(target.module for target in TARGETS if target.client.name == name):
            imports.when_imported(module, _patch_module)


def _uninstrument_own(name: str) -> None:
    with _lock:
        live.discard(name)
        imports.forget([target.module for target in TARGETS if target.client.name == name])
        for client, owner, attribute, original, ours in _patched:
            if client == name and getattr(owner, attribute, None) is ours:
                setattr(owner, attribute, original)
        _patched[:] = [patch for patch in _patched if patch[0] != name]


def _patch_module(module: ModuleType) -> None:
    with _lock:
        made: dict[int, tuple[Any, Any]] = {}
        for target in TARGETS:
            if target.module == module.__name__ and (patch := _patch(module, target)) is not None:
                made[id(patch[0])] = patch
        if made and module.__name__.startswith(LITELLM.name):
            _replace_everywhere(made)


def _patch(module: ModuleType, target: Target) -> tuple[Any, Any] | None:
    """Put our function in place; returns the original and ours, None where there is nothing to replace."""
    owner: Any = getattr(module, target.owner, None) if target.owner else module
    original = getattr(owner, target.function, None)
    # What a test has put there is the test's.
    if original is None or is_mock(original) or any(original is patch[4] for patch in _patched):
        return None
    api = target.api
    ours = hearing(original) if api is None else traced(target.client, api, original, target.positions)
    setattr(owner, target.function, ours)
    _patched.append((target.client.name, owner, target.function, original, ours))
    return original, ours


def _replace_everywhere(made: dict[int, tuple[Any, Any]]) -> None:
    """Reach the functions that modules have imported by name: ``from litellm import completion`` above ``init``."""
    for module in list(sys.modules.values()):
        members = getattr(module, "__dict__", None)
        if not isinstance(members, dict):
            continue
        for name, value in list(members.items()):
            original, ours = made.get(id(value), (None, None))
            if original is not None and value is original:
                members[name] = ours
                _patched.append((LITELLM.name, module, name, original, ours))


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


fork.register(_after_fork)
