"""Names and import paths that W&B's users know, for ``import weft as wandb``.

``HOMES`` are names of the package that only their habits ask for; ``ABSENT`` says of those that Weft has not what to do
instead. A finder makes their import paths work: ``from wandb.plot import line`` is ``from weft.plot import line``.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

HOMES = {
    "ArtifactTTL": "weft.training.artifacts:ArtifactTTL",
    "CommError": "weft.errors:CommError",
    "Classes": "weft.training.media.joined:Classes",
    "Error": "weft.errors:Error",
    "JoinedTable": "weft.training.media.joined:JoinedTable",
    "Molecule": "weft.training.media.molecule:Molecule",
    "PartitionedTable": "weft.training.media.joined:PartitionedTable",
    "Plotly": "weft.training.media:Figure",
    "UsageError": "weft.errors:UsageError",
    "box3d": "weft.training.media.object3d:box3d",
    "ensure_configured": "weft.util:ensure_configured",
    "generate_id": "weft.util:generate_id",
    "join": "weft.training:finish",
    "plot_table": "weft.training.plot:plot_table",
    "require": "weft.util:require",
    "termerror": "weft.util:termerror",
    "termlog": "weft.util:termlog",
    "termwarn": "weft.util:termwarn",
    "visualize": "weft.training.plot:visualize",
}

_TRACED = "weft.init() traces openai and litellm by itself; other libraries send OpenTelemetry spans to Weft"
_BOARD = "log to TensorBoard's writer under weft.init(sync_tensorboard=True)"
_LAUNCH = "start the program yourself, or `weft agent` with an executor"
_REPORTS = "save a view of the pages; read what a report needs with weft.Api()"
_PAGE = "`weft up` shows the pages"
_HOOKS = "run.alert, and hooks of the registry"
_TEAMS = "`weft user` and `weft key`"
ABSENT = {
    **{f"Api.{name}": _HOOKS for name in ("automation", "automations", "create_automation", "delete_automation")},
    **{f"Api.{name}": _TEAMS for name in ("create_team", "create_user", "organization", "team", "user", "users")},
    **{f"Api.{name}": "weft.registry" for name in ("create_registry", "registries")},
    **{f"Api.{name}": _LAUNCH for name in ("create_run_queue", "job", "list_jobs", "queued_run", "run_queue")},
    "Api.create_custom_chart": "charts of the pages, or weft.plot",
    "Api.create_run": "weft.init(project=..., id=...)",
    "Api.reports": _REPORTS,
    "Api.sync_tensorboard": "`weft import tensorboard PATH`",
    "run.pin_config_keys": "the columns are chosen on the page of runs",
    "run.finish_artifact": "run.log_artifact, once all parts are there",
    "run.stop": "`weft.Api().sweep(id).stop()` for the trials of a sweep",
    "run.update_state": "the run itself, with run.finish(exit_code=...)",
    "run.upload_file": "weft.init(id=..., resume='must'), then run.save(path)",
    "run.upsert_artifact": "run.log_artifact, once all parts are there",
    "run.write_logs": "print: what a program prints is recorded",
    "artifact.unlink": "`weft registry promote NAME:vN archived`, as a registry forgets nothing",
    "file.delete": "weft.Api().run(id).delete(), for the whole run",
    "EvalTable": "weft.Table and weft.Evaluation",
    "Graph": "run.watch(model), or log the drawing as weft.Image",
    "agents": "weft.agent(sweep_id, function)",
    "apis.reports": _REPORTS,
    "attach": "processes that pass the same id= to weft.init share the run",
    "automations": "run.alert, and hooks of the registry",
    "beta": "run.log_model, run.use_model and run.link_model",
    "catboost": "CatBoost's own callbacks, with run.log",
    "controller": "none is needed: agents compute suggestions",
    "docker": "the container's image is recorded by itself",
    "env": "os.environ",
    "gym": "run.log({'video': weft.Video(frames)})",
    "integration.catboost": "CatBoost's own callbacks, with run.log",
    "integration.cohere": _TRACED,
    "integration.diffusers": "run.log({'image': weft.Image(image)})",
    "integration.gym": "run.log({'video': weft.Video(frames)})",
    "integration.huggingface": "@weft.op on the function that calls the pipeline",
    "integration.langchain": _TRACED,
    "integration.metaflow": "weft.init in the step",
    "integration.openai": _TRACED,
    "integration.prodigy": "weft.Dataset",
    "integration.sagemaker": "the job's id is recorded by itself",
    "integration.sb3": _BOARD,
    "integration.ultralytics": _BOARD,
    "integration.yolov8": _BOARD,
    "jupyter": "run.display(), and " + _PAGE,
    "launch": _LAUNCH,
    "old": "weft.Run",
    "pin_config_keys": "the columns are chosen on the page of runs",
    "profiler": "run.save('trace.json')",
    "proto": "`weft import wandb PATH` reads W&B's logs",
    "sacred": "weft.init and run.log in the main function",
    "sagemaker_auth": "environment variables: WEFT_URL and WEFT_API_KEY",
    "sdk.launch": _LAUNCH,
    "set_trace": "breakpoint()",
    "termsetup": "the logger 'weft' of Python's logging",
    "wandb_agent": "weft.agent",
    "wandb_sdk": "the names of the package weft",
    "workflows": "run.log_model, run.use_model and run.link_model",
}

# Import paths: of modules that stand elsewhere here, and of those whose names are the package's own.
_ELSEWHERE = {"plot": "weft.training.plot", "integration": "weft.integrations"}
_FRAMEWORKS = [
    "fastai",
    "jax",
    "keras",
    "lightgbm",
    "lightning",
    "sklearn",
    "tensorboard",
    "torch",
    "transformers",
    "xgboost",
]
_ELSEWHERE.update({name: f"weft.integrations.{name}" for name in _FRAMEWORKS})
_ELSEWHERE.update({f"integration.{name}": f"weft.integrations.{name}" for name in _FRAMEWORKS})
_OF_THE_SDK = ("sdk.artifacts", "sdk.artifacts.artifact", "sdk.data_types", "sdk.lib")
_OURS = ("apis", "apis.internal", "data_types", "sdk")
_PUBLIC = {
    "Api": "weft.api:Api",
    "Artifacts": "weft.api:Records",
    "ArtifactCollection": "weft.api.collections:Collection",
    "ArtifactType": "weft.api.collections:ArtifactType",
    "File": "weft.api.logged:RunFile",
    "Files": "weft.api:Records",
    "Project": "weft.api.collections:Project",
    "Projects": "weft.api:Records",
    "Run": "weft.api:StoredRun",
    "Runs": "weft.api:Runs",
    "Sweep": "weft.api:StoredSweep",
}
_MORE = {"PublicApi": "weft.api:Api", "InternalApi": "weft.api:Api", "RunDisabled": "weft.training:Run"}


def home(name: str) -> Any:
    """What ``weft.NAME`` is for W&B's habits. Raises AttributeError, which says what to do instead."""
    if name in HOMES:
        return _found(HOMES[name])
    if (path := f"weft.{name}") in sys.modules or _spec_name(name) is not None:
        return importlib.import_module(path)
    raise AttributeError(_told(name) or f"module 'weft' has no attribute {name!r}")


def install() -> None:
    """Have Python ask for import paths below ``weft`` here, once nothing else knows them."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def _found(home_: str) -> Any:
    module, _, name = home_.partition(":")
    return getattr(importlib.import_module(module), name)


def _told(name: str) -> str | None:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        instead = ABSENT.get(".".join(parts[:count]))
        if instead is not None:
            return f"Weft has no {name!r} of W&B's. Instead: {instead}."
    return None


def _spec_name(name: str) -> str | None:
    """The import path, if it is one that stands elsewhere here."""
    known = name in _ELSEWHERE or name in _OURS or name == "apis.public" or name.startswith("sdk.")
    return name if known and _told(name) is None else None


class _Names(ModuleType):
    """A module whose names are the package's, or those of a table."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self.__name__.partition('.')[2]}.{name}"
        if path == "apis.public" or re.fullmatch(r"sdk\.wandb_\w+", path) or path in _OF_THE_SDK:
            return importlib.import_module(f"weft.{path}")  # asked for without an import of its own
        table = _PUBLIC if self.__name__ == "weft.apis.public" else _MORE
        return _found(table[name]) if name in table else getattr(sys.modules["weft"], name)


class _Finder:
    """Finds them, as Python asks finders and loaders; a path that Weft has nothing for is told what to do instead."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, _, name = fullname.partition(".")
        if root != "weft" or not name:
            return None
        if (told := _told(name)) is not None:
            raise ImportError(told, name=fullname)  # a ModuleNotFoundError of a name is swallowed
        if _spec_name(name) is None:
            return None
        loader: Any = self  # no subclass of importlib.abc's: `import weft` stays light
        return ModuleSpec(fullname, loader, is_package=name in ("apis", "integration") or name.startswith("sdk"))

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return _Names(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        elsewhere = _ELSEWHERE.get(module.__name__.partition(".")[2])
        if elsewhere is not None:  # the module itself, under a second name
            sys.modules[module.__name__] = importlib.import_module(elsewhere)
