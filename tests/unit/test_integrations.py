"""Callbacks where their framework is not installed, and what they share."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import types
from pathlib import Path

import pytest

import weft
from weft import session
from weft.errors import InputError, MissingExtraError, NotFoundError, WeftError
from weft.integrations import reporting
from weft.integrations.loops import Loop
from weft.training import frameworks

NAMES = ("fastai", "jax", "keras", "lightgbm", "lightning", "torch", "transformers", "xgboost")


@pytest.mark.parametrize("name", NAMES)
def test_a_framework_that_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in list(sys.modules):
        if module.partition(".")[0] == name or module == f"weft.integrations.{name}":
            monkeypatch.delitem(sys.modules, module)

    class Nowhere:
        def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
            if fullname.partition(".")[0] == name:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Nowhere(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match=rf"needs the package '{name}'.*pip install {name}"):
        importlib.import_module(f"weft.integrations.{name}")


def test_what_a_framework_itself_lacks_is_its_own_error() -> None:
    error = ModuleNotFoundError("No module named 'triton'", name="triton")
    assert reporting.missing("torch", error) is error


def test_transformers_finds_weft_in_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    table = types.ModuleType("transformers.integrations.integration_utils")
    table.__spec__ = importlib.util.spec_from_loader(table.__name__, None)
    table.INTEGRATION_TO_CALLBACK = {"wandb": object}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, table.__name__, table)
    frameworks.register()
    assert set(table.INTEGRATION_TO_CALLBACK) == {"wandb", "weft"}


def test_transformers_imported_before_finds_weft_without_a_run() -> None:
    code = (
        "import importlib.util, sys, types\n"
        "table = types.ModuleType('transformers.integrations.integration_utils')\n"
        "table.__spec__ = importlib.util.spec_from_loader(table.__name__, None)\n"
        "table.INTEGRATION_TO_CALLBACK = {}\n"
        "sys.modules[table.__name__] = table\n"
        "import weft\n"
        "print(*table.INTEGRATION_TO_CALLBACK)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "weft\n", done.stderr


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, fresh_home: Path) -> object:
    for name in ("GIT", "CONSOLE", "INSTRUMENT", "SYSTEM_INTERVAL_S"):
        monkeypatch.setenv(f"WEFT_{name}", "0")
    monkeypatch.setenv("WEFT_DRAIN", "thread")
    monkeypatch.setattr(reporting, "_told", set())
    yield
    session.close()


def test_a_reporter_takes_the_current_run_and_the_next(quiet: object) -> None:
    reporter = reporting.Reporter(project="p", name="mine")
    first = reporter.run
    assert first is weft.run
    assert first is not None
    assert (first.name, first.kind) == ("mine", "train")
    first.finish()
    second = weft.init("q")
    assert reporter.run is second


def test_a_reporter_says_a_failure_once(quiet: object, caplog: pytest.LogCaptureFixture) -> None:
    reporter = reporting.Reporter(project="../bad")
    for step in range(3):
        reporter.log({"loss": 1.0}, step)
    assert reporter.run is None
    assert [record.message.count("The project name") for record in caplog.records] == [1]


def test_later_ranks_report_nothing(quiet: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    reporter = reporting.Reporter(project="p")
    reporter.log({"loss": 1.0})
    assert (reporter.run, weft.run) == (None, None)


def test_a_loop_needs_no_framework(quiet: object, tmp_path: Path) -> None:
    weft.init("p")
    loop = Loop(log_every=2)
    seen = [batch for _ in loop.epochs(2) for batch in loop.batches("abc")]
    assert (seen, loop.step, loop.epoch) == (["a", "b", "c"] * 2, 6, 2)
    with pytest.raises(InputError, match="There is no mode 'most'"):
        loop.checkpoint(tmp_path, 1.0, mode="most")
    with pytest.raises(InputError, match="log_every is 0"):
        Loop(log_every=0)


def test_syncing_event_files_needs_a_run_and_files(quiet: object, tmp_path: Path) -> None:
    from weft.integrations import tensorboard

    with pytest.raises(WeftError, match="Syncing TensorBoard needs a run"):
        tensorboard.patch()
    weft.init("p")
    with pytest.raises(NotFoundError, match="There are no event files below"):
        tensorboard.sync(tmp_path)
