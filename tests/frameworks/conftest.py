"""What the tests of frameworks share: a quiet session, and the run as it is stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import weft
from weft import session
from weft.integrations import reporting

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["KERAS_BACKEND"] = "jax"
os.environ["OMP_NUM_THREADS"] = "2"

Read = Callable[..., Any]


@pytest.fixture(autouse=True)
def quiet_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    off = dict.fromkeys(("system_interval_s", "git", "console", "instrument"), "0")
    settings = {**off, "drain": "thread", "quiet": "1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"WEFT_{name.upper()}", value)
    monkeypatch.setenv("WEFT_PROJECT", "frameworks")
    monkeypatch.setattr(reporting, "_told", set())
    monkeypatch.chdir(tmp_path)
    yield
    session.close()


@pytest.fixture
def read() -> Read:
    """Finish the run and give what is stored of it: fields, ``points(name)`` and ``models``."""

    def read_back(project: str = "frameworks") -> Any:
        weft.finish()
        with weft.Api() as api:
            (run,) = api.runs(project=project)
            stored = api.store.series
            series = {one.name: stored.read_series(run.id, one.name)[0] for one in stored.list_series(run.id)}
            names = [version.name for version in api.store.artifacts.list_artifacts(project)]
            versions = {name: api.store.artifacts.list_versions(project, name) for name in names}
            logged = api.store.logged.list_logged(run.id)
            return SimpleNamespace(
                id=run.id,
                name=run.name,
                kind=run.kind,
                config=dict(run.config),
                summary=dict(run.summary),
                names=set(series),
                points=lambda name: list(zip(series[name].steps.tolist(), series[name].values.tolist(), strict=True)),
                steps=lambda name: series[name].steps.tolist(),
                versions=versions,
                logged={one.name: one.kind for one in logged if not one.name.startswith("files/")},
                aliases={alias for group in versions.values() for one in group for alias in one.aliases},
                api=api,
            )

    return read_back


@pytest.fixture
def rows() -> tuple[Any, Any]:
    """Forty rows of four features, float32, and whether their sum is positive, int64."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 4)).astype(np.float32)
    return features, (features.sum(axis=1) > 0).astype(np.int64)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Weft in which nothing works any more."""

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("the disk is on fire")

    for name in ("log", "log_artifact"):
        monkeypatch.setattr(f"weft.training.run.Run.{name}", fail)
    monkeypatch.setattr("weft.training.fields.Fields.update", fail)
