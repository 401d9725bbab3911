"""Names by which frameworks find Weft: ``TrainingArguments(report_to="weft")``."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from weft.tracing.instrumentation.imports import when_imported

_HOME = "transformers.integrations.integration_utils"
_CALLBACK = "weft.integrations.transformers"


class _TrainerCallback:
    """Stands for the callback in transformers' table; the callback itself is imported when it is made."""

    def __new__(cls) -> Any:
        return importlib.import_module(_CALLBACK).WeftCallback()


def register() -> None:
    """Put ``weft`` beside the other names that ``report_to`` takes, now or once transformers is imported."""
    when_imported(_HOME, _add)


def _add(module: ModuleType) -> None:
    module.INTEGRATION_TO_CALLBACK.setdefault("weft", _TrainerCallback)
