"""Tracing of the openai and litellm libraries, now or when they are imported."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

from weft.journal import fork
from weft.tracing.instrumentation import imports
from weft.tracing.instrumentation.calls import traced
from weft.tracing.instrumentation.clients import TARGETS, Target

_lock = threading.RLock()
_patched: list[tuple[Any, str, Any, Any]] = []  # owner, attribute, original, ours


def instrument() -> None:
    """Trace openai (chat completions, responses, embeddings) and litellm (completion, embedding), streams and all.

    A library that is not imported yet is traced from its import on. Calling it again does nothing.
    """
    with _lock:
        for name in dict.fromkeys(target.module for target in TARGETS):
            imports.when_imported(name, _patch_module)


def uninstrument() -> None:
    """Give the libraries their own functions back."""
    with _lock:
        imports.forget()
        for owner, name, original, ours in _patched:
            if getattr(owner, name, None) is ours:
                setattr(owner, name, original)
        _patched.clear()


def _patch_module(module: ModuleType) -> None:
    with _lock:
        for target in TARGETS:
            if target.module == module.__name__:
                _patch(module, target)


def _patch(module: ModuleType, target: Target) -> None:
    owner: Any = getattr(module, target.owner, None) if target.owner else module
    original = getattr(owner, target.function, None)
    if original is None or any(ours is original for _, _, _, ours in _patched):
        return
    ours = traced(target.client, target.api, original)
    setattr(owner, target.function, ours)
    _patched.append((owner, target.function, original, ours))


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


fork.register(_after_fork)
