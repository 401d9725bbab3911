"""Names and import paths of W&B's users: each is there, or says what to do instead."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft import util, wandb_names
from weft.api import StoredRun
from weft.api.logged import RunFile
from weft.records import ArtifactVersion, Run, RunKind, RunStatus
from weft.training.artifacts import LoggedArtifact

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "from-wandb.md"
VERSION = ArtifactVersion("p", "net", "model", 3, "d" * 64, 1)
RECORD = Run("abc", "p", RunKind.TRAIN, "a run", RunStatus.FINISHED)
_IMPORTS = """
from weft import Plotly, Molecule, Classes, JoinedTable, ArtifactTTL, CommError, UsageError, Error, box3d
from weft.plot import line, confusion_matrix
from weft.errors import CommError, UsageError, Error
from weft.data_types import Table, Image, PartitionedTable
from weft.apis.public import Api, Run, Runs, Sweep, File, Files, Project
from weft.apis import PublicApi, CommError
from weft.sdk.wandb_run import Run
from weft.sdk.wandb_config import Config
from weft.sdk.wandb_settings import Settings
from weft.sdk.lib.runid import generate_id
from weft.sdk.lib import RunDisabled
from weft.sdk.artifacts.artifact import Artifact
from weft.sdk.data_types.image import Image
from weft.integration.sklearn import plot_classifier
from weft.sklearn import plot_roc
from weft.util import generate_id, make_artifact_name_safe
import weft.plot as plots
import weft.data_types, weft.apis.public, weft.integration.sklearn, weft.sklearn
assert plots is weft.plot and weft.integration.sklearn is weft.sklearn
assert weft.sdk.wandb_run.Run is weft.Run and weft.apis.public.Run is not weft.Run
assert weft.data_types.Table is weft.Table and weft.apis.public.Api is weft.Api
"""


def test_import_paths_of_theirs_are_found() -> None:
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True, env=None)


@pytest.mark.parametrize("name", sorted(wandb_names.HOMES))
def test_a_name_of_theirs_is_there(name: str) -> None:
    assert getattr(weft, name) is not None


@pytest.mark.parametrize("name", sorted(wandb_names.ABSENT))
def test_an_absent_name_says_what_to_do_and_stands_on_the_page(name: str) -> None:
    told = wandb_names.ABSENT[name]
    assert f"`{name.replace('Api.', 'Api().')}`" in PAGE.read_text()
    assert told in PAGE.read_text()
    owner, _, attribute = name.rpartition(".")
    if owner in ("artifact", "file"):
        of = LoggedArtifact(None, VERSION) if owner == "artifact" else RunFile("a", 1, "d", "text/plain", None, "p")
        with pytest.raises(AttributeError, match="has no .* Instead: "):
            getattr(of, attribute)
        return
    if owner in ("Api", "run"):
        with weft.Api() as api, pytest.raises(AttributeError, match="Instead: "):
            getattr(api if owner == "Api" else StoredRun(api.store, RECORD), attribute)
        return
    with pytest.raises(ImportError, match="Weft has no .* of W&B's. Instead: "):
        importlib.import_module(f"weft.{name}")
    if "." not in name:
        with pytest.raises(AttributeError, match="Instead: ") as caught:
            getattr(weft, name)
        assert told in str(caught.value)
        with pytest.raises(ImportError, match="Instead: "):
            exec(f"from weft import {name}")


@pytest.mark.parametrize("name", ["finish_artifact", "upsert_artifact", "write_logs", "pin_config_keys"])
def test_a_run_that_goes_on_says_so_too(name: str) -> None:
    with weft.init(mode="disabled") as run, pytest.raises(AttributeError, match=f"no attribute '{name}'. Instead: "):
        getattr(run, name)


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(AttributeError, match="module 'weft' has no attribute 'nothing_of_the_kind'"):
        _ = weft.nothing_of_the_kind
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("weft.nothing_of_the_kind")
    with pytest.raises(AttributeError, match="weft.Api has no 'nothing'.$"):
        _ = weft.Api().nothing
    assert not hasattr(importlib.import_module("weft.data_types"), "__wrapped__")


def test_lines_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        weft.termlog("a line", repeat=False)
    weft.termwarn("careful")
    weft.termerror("wrong", newline=False)
    assert capsys.readouterr().err == "weft: a line\nweft: warning: careful\nweft: error: wrong"
    assert weft.require("core") is None
    assert weft.ensure_configured() is None


def test_ids_and_names() -> None:
    assert len(util.generate_id(8)) == 8
    assert util.make_artifact_name_safe("a model/of mine") == "a_model_of_mine"
    assert len(util.make_artifact_name_safe("x" * 500)) == 128
