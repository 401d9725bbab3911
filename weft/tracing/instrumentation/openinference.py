"""Other libraries, traced by the instrumentors of OpenInference where they are installed."""

from __future__ import annotations

import difflib
import importlib.metadata
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from weft.errors import InputError, MissingExtraError
from weft.journal import fork
from weft.tracing.provider import get_provider

_GROUPS = ("openinference_instrumentor", "opentelemetry_instrumentor")
_PACKAGE = "openinference-instrumentation-"

# Published under this package name; any other works as well once it is installed.
KNOWN = (
    *("agno", "anthropic", "autogen", "autogen-agentchat", "bedrock", "beeai", "crewai", "dspy", "google-adk"),
    *("google-genai", "groq", "guardrails", "haystack", "instructor", "langchain", "llama-index", "mcp", "mistralai"),
    *("openai-agents", "portkey", "pydantic-ai", "smolagents", "vertexai"),
)

# Whose spans of a model call are not current while the call is made: known by who calls.
_CALLERS = {"langchain": ("langchain_openai", "langchain_litellm", "langchain_community")}
_CALLER_DEPTH = 12  # frames of the client and of wrappers between

_lock = threading.RLock()
_instrumented: dict[str, Any] = {}


def plain(library: str) -> str:
    """A library's name as packages spell it."""
    return library.strip().lower().replace("_", "-")


def instrumented() -> list[str]:
    """The libraries that are instrumented by now."""
    return list(_instrumented)


def tells_of_this_call() -> bool:
    """Whether the client that is called here is called by a library whose instrumentor tells of the same call."""
    packages = [package for name in _instrumented for package in _CALLERS.get(name, ())]
    if not packages:
        return False
    frame = sys._getframe(1)
    for _ in range(_CALLER_DEPTH):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in packages:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def instrument(name: str, options: Mapping[str, Any]) -> None:
    """Attach a library's instrumentor to Weft's provider. Raises MissingExtraError or InputError where it has none."""
    with _lock:
        if name in _instrumented:
            return
        instrumentor = _load(name)()
        instrumentor.instrument(tracer_provider=get_provider(), **options)
        _instrumented[name] = instrumentor


def uninstrument(name: str) -> None:
    """Take a library's instrumentor off again; one that is not on is passed over."""
    with _lock:
        instrumentor = _instrumented.pop(name, None)
        if instrumentor is not None:
            instrumentor.uninstrument()


def _load(name: str) -> Any:
    for point in _points():
        if plain(point.name) == name and point.value.startswith("openinference."):
            try:
                return point.load()
            except ImportError as error:
                raise MissingExtraError(error.name or name, install=name) from error
    if name in KNOWN:
        raise MissingExtraError(f"{_PACKAGE}{name}", install=f"{_PACKAGE}{name}")
    close = difflib.get_close_matches(name, (*KNOWN, "openai", "litellm", "httpx", "requests"), 1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Known are {', '.join(KNOWN)}."
    raise InputError(
        f"There is no instrumentor for {name!r}.",
        remedy=f"{hint} Any package named {_PACKAGE}... works once it is installed.",
        field="name",
    )


def _points() -> Iterator[importlib.metadata.EntryPoint]:
    for group in _GROUPS:
        yield from importlib.metadata.entry_points(group=group)


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


fork.register(_after_fork)
