"""The config of a run: where it comes from, and that what is in it keeps its value."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pydantic
import pytest

from weft.errors import InputError, MissingExtraError
from weft.training.config import as_config, gather
from weft.training.fields import Config, Summary


@dataclasses.dataclass
class Optimizer:
    lr: float = 0.1


@dataclasses.dataclass
class Options:
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)
    depth: int = 3


class Model(pydantic.BaseModel):
    depth: int = 4


class Flags:
    def flag_values_dict(self) -> dict[str, Any]:
        return {"lr": 1}


class Pretrained:
    def to_dict(self) -> dict[str, Any]:
        return {"layers": 2}


@pytest.mark.parametrize(
    ("given", "config"),
    [
        (None, {}),
        ({"a": 1}, {"a": 1}),
        (argparse.Namespace(lr=0.5), {"lr": 0.5}),
        (Options(), {"optimizer": {"lr": 0.1}, "depth": 3}),
        (Model(), {"depth": 4}),
        (Flags(), {"lr": 1}),
        (Pretrained(), {"layers": 2}),
    ],
)
def test_a_config_comes_from_what_programs_have(given: Any, config: dict[str, Any]) -> None:
    assert as_config(given) == config


@pytest.mark.parametrize("given", [3, [1], Options, ("a", 1)])
def test_what_is_no_config_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match=r"The config is a .*, not a dictionary") as caught:
        as_config(given)
    assert caught.value.field == "config"


def test_a_file_of_yaml_or_json_is_a_config(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("wandb_version: 1\nlr: {desc: how fast, value: 0.1}\nmodel:\n  depth: 3\nempty:\n  value: null\n")
    assert as_config(path) == as_config(str(path)) == {"lr": 0.1, "model": {"depth": 3}, "empty": None}
    (tmp_path / "c.json").write_text(json.dumps({"a": [1, 2]}))
    assert as_config(tmp_path / "c.json") == {"a": [1, 2]}
    (tmp_path / "none.yaml").write_text("")
    assert as_config(tmp_path / "none.yaml") == {}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "- 1\n", "holds a list, not a mapping"),
        ("a.yaml", "a: [", "is no YAML"),
        ("a.yaml", "a: !!python/object/apply:os.system [ls]", "is no YAML"),
        ("a.json", "{", "is no JSON"),
        ("a.yaml", None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_config_says_why(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        as_config(tmp_path / name)


def test_a_file_without_pyyaml_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("a: 1")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match="PyYAML"):
        as_config(tmp_path / "a.yaml")


def test_defaults_of_the_folder_come_first_and_keys_are_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config-defaults.yaml").write_text("lr:\n  value: 1\nseed: 7\n")
    assert gather({"lr": 0.1}) == {"lr": 0.1, "seed": 7}
    assert gather({"lr": 0.1, "token": 1}, exclude=["token", "seed"]) == {"lr": 0.1}
    assert gather({"lr": 0.1, "token": 1}, include=["lr"]) == {"lr": 0.1}
    with pytest.raises(InputError, match="Both config_exclude_keys and config_include_keys"):
        gather({}, exclude=["a"], include=["b"])


def test_a_value_that_is_there_stays_unless_that_is_allowed() -> None:
    heard: list[dict[str, Any]] = []
    config = Config(heard.append)
    config.keep({"lr": 0.1, "nested": {"a": [1]}})
    config.lr = 0.1
    config["new"] = 1
    config.update({"nested": {"a": [1]}})
    for change in (
        lambda: setattr(config, "lr", 0.2),
        lambda: config.__setitem__("lr", 0.2),
        lambda: config.update(lr=0.2),
        lambda: config.update({"nested": {"a": [2]}}),
    ):
        with pytest.raises(InputError, match=r"The config has .* already; it is not changed .*allow_val_change=True"):
            change()
    assert (config.lr, config.nested.a) == (0.1, [1])
    config.setdefaults({"lr": 5, "more": 2})
    config.update({"lr": 0.3}, allow_val_change=True)
    assert config.as_dict() == {"lr": 0.3, "nested": {"a": [1]}, "new": 1, "more": 2}
    assert heard[-2:] == [{"more": 2}, {"lr": 0.3}]
    free = Config(heard.append, allow_val_change=True)
    free.a = 1
    free.a = 2
    assert free.a == 2


def test_a_change_within_is_heard_as_one_of_the_whole_item() -> None:
    heard: list[dict[str, Any]] = []
    config = Config(heard.append)
    config.model = {"layers": {"depth": 1}, "api_key": "sk-1"}
    config.model.layers.depth = 2
    config["model"]["layers"].update(width=3)
    config.model |= {"x": 1}
    assert config.model.setdefault("x", 5) == 1
    assert config.model.setdefault("y", 5) == 5
    del config.model["x"]
    assert config.model.pop("y") == 5
    assert heard[-1] == {"model": {"layers": {"depth": 2, "width": 3}, "api_key": "[redacted]"}}
    assert len(heard) == 8
    with pytest.raises(AttributeError, match="there is no 'z'"):
        _ = config.model.z


def test_copies_are_plain_and_heard_by_nobody() -> None:
    heard: list[dict[str, Any]] = []
    config = Config(heard.append)
    config.model = {"layers": {"depth": 1}}
    for found in (copy.deepcopy(config), copy.copy(config)):
        assert type(found) is dict
        found["model"]["layers"]["depth"] = 9
    assert config.model.layers.depth == 1
    assert len(heard) == 1
    assert json.loads(json.dumps(config)) == {"model": {"layers": {"depth": 1}}}


def test_a_summary_knows_what_lies_below_a_name() -> None:
    heard: list[dict[str, Any]] = []
    summary = Summary("summary", heard.append)
    summary.keep({"loss.min": 0.1, "loss.max": 2.0, "acc": 1})
    assert summary["loss"] == {"min": 0.1, "max": 2.0}
    summary["loss"]["mean"] = 0.5
    assert heard == [{"loss.mean": 0.5}]
    assert summary["loss.mean"] == 0.5
    assert summary.loss.mean == 0.5
    with pytest.raises(KeyError):
        _ = summary["nope"]
