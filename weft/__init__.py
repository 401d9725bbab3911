"""Weft records what an AI program did and turns the record into verdicts that hold up.

Everything public is an attribute of this package; each is imported when it is first used, so that
``import weft`` stays light.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft import scorers
    from weft.api import Api
    from weft.errors import (
        ConflictError,
        GuardrailError,
        InputError,
        MissingExtraError,
        NotFoundError,
        ServerError,
        SettingError,
        StoreError,
        WeftError,
    )
    from weft.evals import Budget, Dataset, Evaluation, Gate, Retry, compare, rescore
    from weft.evals.as_tests import eval_test
    from weft.monitors import Monitor, guard
    from weft.objects import MessagesPrompt, Prompt, Ref, StringPrompt, publish, ref
    from weft.recording import FlushReport
    from weft.records import find_media
    from weft.reviews import ReviewPolicy, send_to_review
    from weft.scorers import DatasetScorer, Scorer, dataset_scorer, scorer
    from weft.session import flush, init
    from weft.tracing import attributes, get_current_span, instrument, serving, span, tags, thread, uninstrument, user
    from weft.tracing.asgi import TraceMiddleware
    from weft.tracing.calls import Call, get_current_call, require_current_call
    from weft.tracing.executors import ContextAwareThread, ProcessPoolExecutor, ThreadPoolExecutor
    from weft.tracing.human_scores import feedback
    from weft.tracing.media import Audio, File, Image
    from weft.tracing.model import Model, Object
    from weft.tracing.op import op
    from weft.tracing.propagation import continue_trace, headers, propagate
    from weft.training import Artifact, Run, deployed, finish, log, plot
    from weft.training.media import Figure, Histogram, Html, Object3D, Table, Text, Video

    run: Run | None

__version__ = "0.1.0"

_HOMES: dict[str, str] = {
    "Api": "weft.api",
    "Artifact": "weft.training",
    "Audio": "weft.tracing.media",
    "Budget": "weft.evals",
    "Call": "weft.tracing.calls",
    "ConflictError": "weft.errors",
    "ContextAwareThread": "weft.tracing.executors",
    "Dataset": "weft.evals",
    "DatasetScorer": "weft.scorers",
    "Evaluation": "weft.evals",
    "Figure": "weft.training.media",
    "File": "weft.tracing.media",
    "FlushReport": "weft.recording",
    "Gate": "weft.evals",
    "GuardrailError": "weft.errors",
    "Histogram": "weft.training.media",
    "Html": "weft.training.media",
    "Image": "weft.tracing.media",
    "InputError": "weft.errors",
    "MessagesPrompt": "weft.objects",
    "MissingExtraError": "weft.errors",
    "Model": "weft.tracing.model",
    "Monitor": "weft.monitors",
    "NotFoundError": "weft.errors",
    "Object": "weft.tracing.model",
    "Object3D": "weft.training.media",
    "ProcessPoolExecutor": "weft.tracing.executors",
    "Prompt": "weft.objects",
    "Ref": "weft.objects",
    "Retry": "weft.evals",
    "ReviewPolicy": "weft.reviews",
    "Run": "weft.training",
    "Scorer": "weft.scorers",
    "ServerError": "weft.errors",
    "SettingError": "weft.errors",
    "StoreError": "weft.errors",
    "StringPrompt": "weft.objects",
    "Table": "weft.training.media",
    "Text": "weft.training.media",
    "ThreadPoolExecutor": "weft.tracing.executors",
    "TraceMiddleware": "weft.tracing.asgi",
    "Video": "weft.training.media",
    "WeftError": "weft.errors",
    "attributes": "weft.tracing",
    "compare": "weft.evals",
    "continue_trace": "weft.tracing.propagation",
    "dataset_scorer": "weft.scorers",
    "deployed": "weft.training",
    "eval_test": "weft.evals.as_tests",
    "feedback": "weft.tracing.human_scores",
    "find_media": "weft.records",
    "finish": "weft.training",
    "flush": "weft.session",
    "get_current_call": "weft.tracing.calls",
    "get_current_span": "weft.tracing",
    "guard": "weft.monitors",
    "headers": "weft.tracing.propagation",
    "init": "weft.session",
    "instrument": "weft.tracing",
    "log": "weft.training",
    "op": "weft.tracing.op",
    "propagate": "weft.tracing.propagation",
    "publish": "weft.objects",
    "ref": "weft.objects",
    "require_current_call": "weft.tracing.calls",
    "rescore": "weft.evals",
    "scorer": "weft.scorers",
    "send_to_review": "weft.reviews",
    "serving": "weft.tracing",
    "span": "weft.tracing",
    "tags": "weft.tracing",
    "thread": "weft.tracing",
    "uninstrument": "weft.tracing",
    "user": "weft.tracing",
}
_MODULES = {"plot": "weft.training.plot", "scorers": "weft.scorers"}

__all__ = [
    "Api",
    "Artifact",
    "Audio",
    "Budget",
    "Call",
    "ConflictError",
    "ContextAwareThread",
    "Dataset",
    "DatasetScorer",
    "Evaluation",
    "Figure",
    "File",
    "FlushReport",
    "Gate",
    "GuardrailError",
    "Histogram",
    "Html",
    "Image",
    "InputError",
    "MessagesPrompt",
    "MissingExtraError",
    "Model",
    "Monitor",
    "NotFoundError",
    "Object",
    "Object3D",
    "ProcessPoolExecutor",
    "Prompt",
    "Ref",
    "Retry",
    "ReviewPolicy",
    "Run",
    "Scorer",
    "ServerError",
    "SettingError",
    "StoreError",
    "StringPrompt",
    "Table",
    "Text",
    "ThreadPoolExecutor",
    "TraceMiddleware",
    "Video",
    "WeftError",
    "__version__",
    "attributes",
    "compare",
    "continue_trace",
    "dataset_scorer",
    "deployed",
    "eval_test",
    "feedback",
    "find_media",
    "finish",
    "flush",
    "get_current_call",
    "get_current_span",
    "guard",
    "headers",
    "init",
    "instrument",
    "log",
    "op",
    "plot",
    "propagate",
    "publish",
    "ref",
    "require_current_call",
    "rescore",
    "run",
    "scorer",
    "scorers",
    "send_to_review",
    "serving",
    "span",
    "tags",
    "thread",
    "uninstrument",
    "user",
]


def __getattr__(name: str) -> Any:
    if name == "run":  # the current one, so that it is never kept here
        module = sys.modules.get("weft.training.run")
        return None if module is None else module.current
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'weft' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
