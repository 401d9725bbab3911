"""Weft records what an AI program did and turns the record into verdicts that hold up.

Everything public is an attribute of this package; each is imported when it is first used, so that
``import weft`` stays light.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from weft import wandb_names

if TYPE_CHECKING:
    from weft import errors, registry, scorers, util
    from weft.api import Api
    from weft.api.restoring import restore
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
    from weft.records import AlertLevel, find_media
    from weft.reviews import ReviewPolicy, send_to_review
    from weft.scorers import DatasetScorer, Scorer, dataset_scorer, scorer
    from weft.session import flush, init, login, setup, teardown
    from weft.sweeps.evaluations import sweep_evaluation
    from weft.sweeps.facade import agent, sweep
    from weft.sweeps.ray_trials import RayCluster
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
    from weft.training.arguments import Settings
    from weft.training.fields import Config, Summary
    from weft.training.media import Figure, Histogram, Html, Object3D, Table, Text, Video
    from weft.training.module_level import (
        alert,
        define_metric,
        link_artifact,
        link_model,
        log_artifact,
        log_code,
        log_model,
        mark_preempting,
        save,
        unwatch,
        use_artifact,
        use_model,
        watch,
    )

    run: Run | None
    config: Config
    summary: Summary

__version__ = "0.1.0"

_HOMES: dict[str, str] = {
    "AlertLevel": "weft.records",
    "Api": "weft.api",
    "Artifact": "weft.training",
    "Audio": "weft.tracing.media",
    "Budget": "weft.evals",
    "Call": "weft.tracing.calls",
    "Config": "weft.training.fields",
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
    "RayCluster": "weft.sweeps.ray_trials",
    "Ref": "weft.objects",
    "Retry": "weft.evals",
    "ReviewPolicy": "weft.reviews",
    "Run": "weft.training",
    "Scorer": "weft.scorers",
    "ServerError": "weft.errors",
    "SettingError": "weft.errors",
    "Settings": "weft.training.arguments",
    "StoreError": "weft.errors",
    "StringPrompt": "weft.objects",
    "Summary": "weft.training.fields",
    "Table": "weft.training.media",
    "Text": "weft.training.media",
    "ThreadPoolExecutor": "weft.tracing.executors",
    "TraceMiddleware": "weft.tracing.asgi",
    "Video": "weft.training.media",
    "WeftError": "weft.errors",
    "agent": "weft.sweeps.facade",
    "alert": "weft.training.module_level",
    "attributes": "weft.tracing",
    "compare": "weft.evals",
    "continue_trace": "weft.tracing.propagation",
    "dataset_scorer": "weft.scorers",
    "define_metric": "weft.training.module_level",
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
    "link_artifact": "weft.training.module_level",
    "link_model": "weft.training.module_level",
    "log": "weft.training",
    "log_artifact": "weft.training.module_level",
    "log_code": "weft.training.module_level",
    "log_model": "weft.training.module_level",
    "login": "weft.session",
    "mark_preempting": "weft.training.module_level",
    "op": "weft.tracing.op",
    "propagate": "weft.tracing.propagation",
    "publish": "weft.objects",
    "ref": "weft.objects",
    "require_current_call": "weft.tracing.calls",
    "rescore": "weft.evals",
    "restore": "weft.api.restoring",
    "save": "weft.training.module_level",
    "scorer": "weft.scorers",
    "send_to_review": "weft.reviews",
    "serving": "weft.tracing",
    "setup": "weft.session",
    "span": "weft.tracing",
    "sweep": "weft.sweeps.facade",
    "sweep_evaluation": "weft.sweeps.evaluations",
    "tags": "weft.tracing",
    "teardown": "weft.session",
    "thread": "weft.tracing",
    "uninstrument": "weft.tracing",
    "unwatch": "weft.training.module_level",
    "use_artifact": "weft.training.module_level",
    "use_model": "weft.training.module_level",
    "user": "weft.tracing",
    "watch": "weft.training.module_level",
}
_MODULES = {
    "errors": "weft.errors",
    "plot": "weft.training.plot",
    "registry": "weft.registry",
    "scorers": "weft.scorers",
    "util": "weft.util",
}
# Frameworks' helpers under the frameworks' names, as in ``weft.sklearn.plot_roc``. They are not exported: a star would
# put them in the place of the frameworks themselves.
_FRAMEWORKS = {
    *("fastai", "jax", "keras", "lightgbm", "lightning", "sklearn", "tensorboard", "torch", "transformers", "xgboost"),
}

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "Audio",
    "Budget",
    "Call",
    "Config",
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
    "RayCluster",
    "Ref",
    "Retry",
    "ReviewPolicy",
    "Run",
    "Scorer",
    "ServerError",
    "SettingError",
    "Settings",
    "StoreError",
    "StringPrompt",
    "Summary",
    "Table",
    "Text",
    "ThreadPoolExecutor",
    "TraceMiddleware",
    "Video",
    "WeftError",
    "__version__",
    "agent",
    "alert",
    "attributes",
    "compare",
    "config",
    "continue_trace",
    "dataset_scorer",
    "define_metric",
    "deployed",
    "errors",
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
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "op",
    "plot",
    "propagate",
    "publish",
    "ref",
    "registry",
    "require_current_call",
    "rescore",
    "restore",
    "run",
    "save",
    "scorer",
    "scorers",
    "send_to_review",
    "serving",
    "setup",
    "span",
    "summary",
    "sweep",
    "sweep_evaluation",
    "tags",
    "teardown",
    "thread",
    "uninstrument",
    "unwatch",
    "use_artifact",
    "use_model",
    "user",
    "util",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name == "run":  # the current one, so that it is never kept here
        module = sys.modules.get("weft.training.run")
        return None if module is None else module.at_hand()
    if name in ("config", "summary"):
        return importlib.import_module("weft.training.module_level").fields(name)
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _FRAMEWORKS:
        return importlib.import_module(f"weft.integrations.{name}")
    home = _HOMES.get(name)
    if home is None:
        return wandb_names.home(name)
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


wandb_names.install()

# transformers that is imported already knows `report_to="weft"` from here on; one imported later, from `weft.init` on.
if "transformers.integrations.integration_utils" in sys.modules:
    importlib.import_module("weft.training.frameworks").register()
