"""Every form of sweep configuration that W&B's documentation and schema (package `sweeps`, 0.3.0) publish is taken."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.errors import InputError
from weft.records.sweeps import configured, grid_size
from weft.sweeps.command import command_line
from weft.sweeps.domains import Choice, Constant, Domain, Real, Whole
from weft.sweeps.hyperband import stopped_at
from weft.sweeps.spec import Hyperband, Objective, SweepSpec, parse_spec, read_spec


def read(tmp_path: Path, text: str, name: str = "sweep.yaml") -> SweepSpec:
    (tmp_path / name).write_text(text)
    return read_spec(tmp_path / name)


def domain(given: dict[str, Any]) -> Domain:
    [parameter] = parse_spec({"method": "random", "parameters": {"x": given}}).space.parameters
    return parameter.domain


DOMAINS: list[tuple[dict[str, Any], Domain]] = [
    ({"value": 7}, Constant(7)),
    ({"value": None}, Constant(None)),
    ({"distribution": "constant", "value": "adam"}, Constant("adam")),
    ({"values": ["adam", "sgd"]}, Choice.of(["adam", "sgd"])),
    ({"values": [32, None, [1, 2], {"a": 1}, True]}, Choice.of([32, None, [1, 2], {"a": 1}, True])),
    ({"distribution": "categorical", "values": [1, 2]}, Choice.of([1, 2])),
    ({"values": [1, 2], "probabilities": [0.25, 0.75]}, Choice.of([1, 2], [0.25, 0.75])),
    (
        {"distribution": "categorical_w_probabilities", "values": ["a", "b"], "probabilities": [0, 1]},
        Choice.of(["a", "b"], [0.0, 1.0]),
    ),
    ({"min": 1, "max": 8}, Whole(1, 8)),
    ({"distribution": "int_uniform", "min": 1, "max": 8}, Whole(1, 8)),
    ({"distribution": "int_uniform", "min": 1.0, "max": 8}, Whole(1, 8)),
    ({"min": 1, "max": 8.0}, Real("uniform", 1, 8)),
    ({"min": 0.0001, "max": 1}, Real("uniform", 0.0001, 1)),
    ({"distribution": "uniform", "min": 0, "max": 1}, Real("uniform", 0, 1)),
    ({"min": "1e-5", "max": "1e-1"}, Real("uniform", 1e-5, 1e-1)),  # a YAML 1.1 reader's text
    ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}, Real("uniform", 0, 1, 0.25)),
    ({"distribution": "q_uniform", "min": 0, "max": 9}, Real("uniform", 0, 9, 1)),
    ({"distribution": "log_uniform", "min": -9, "max": -2}, Real("log_uniform", -9, -2)),
    ({"distribution": "q_log_uniform", "min": 0, "max": 5, "q": 2}, Real("log_uniform", 0, 5, 2)),
    ({"distribution": "log_uniform_values", "min": 1, "max": 10}, Real("log_uniform", 0, math.log(10))),
    ({"distribution": "q_log_uniform_values", "min": 1, "max": 10, "q": 8}, Real("log_uniform", 0, math.log(10), 8)),
    ({"distribution": "inv_log_uniform", "min": 0, "max": 5}, Real("inv_log_uniform", 0, 5)),
    ({"distribution": "inv_log_uniform_values", "min": 1, "max": 10}, Real("inv_log_uniform", -math.log(10), 0)),
    ({"distribution": "normal"}, Real("normal", 0, 1)),
    ({"distribution": "normal", "mu": 5, "sigma": 2}, Real("normal", 5, 2)),
    ({"distribution": "q_normal", "mu": 5, "q": 0.5}, Real("normal", 5, 1, 0.5)),
    ({"distribution": "log_normal", "sigma": 2}, Real("log_normal", 0, 2)),
    ({"distribution": "q_log_normal"}, Real("log_normal", 0, 1, 1)),
    ({"distribution": "beta"}, Real("beta", 1, 1)),
    ({"distribution": "beta", "a": 2, "b": 5}, Real("beta", 2, 5)),
    ({"distribution": "q_beta", "a": 2, "q": 0.1}, Real("beta", 2, 1, 0.1)),
]


@pytest.mark.parametrize(("given", "expected"), DOMAINS, ids=lambda one: str(one)[:60])
def test_every_distribution(given: dict[str, Any], expected: Domain) -> None:
    assert domain(given) == expected


FILE = """
apiVersion: v1
kind: sweep
program: src/train.py
project: cifar
entity: my-team
name: the search
description: what it is for
method: bayes
controller:
  type: cloud
metric:
  goal: maximize
  name: val/acc
  target: 0.95
  impute: worst
  impute_while_running: latest
run_cap: 50
early_terminate:
  type: hyperband
  max_iter: 27
  s: 2
  eta: 3
  strict: true
parameters:
  learning_rate:
    distribution: log_uniform_values
    min: 1e-5
    max: 1E-1
  decay: {values: [1e-4, 1.5e3, .5e1, -2e+2, 0]}
  names: {values: [3e4f9a, e5, 1e, 2e5-model]}
  nested:
    parameters:
      deeper:
        parameters:
          depth: {min: 1, max: 3}
  model.width: {values: [16, 32]}
command:
  - ${env}
  - python3
  - -u
  - ${program}
  - --gpus
  - 1
  - ${args}
"""


def test_a_whole_file(tmp_path: Path) -> None:
    spec = read(tmp_path, FILE)
    assert (spec.program, spec.project, spec.name, spec.run_cap) == ("src/train.py", "cifar", "the search", 50)
    assert spec.objectives == (Objective("val/acc", "maximize", 0.95),)
    assert spec.early_terminate == Hyperband(eta=3, max_iter=27, s=2, strict=True)
    found = {parameter.path: parameter.domain for parameter in spec.space.parameters}
    assert found["learning_rate"] == Real("log_uniform", math.log(1e-5), math.log(1e-1))
    assert found["decay"] == Choice.of([1e-4, 1500.0, 5.0, -200.0, 0])
    assert found["names"] == Choice.of(["3e4f9a", "e5", "1e", "2e5-model"])
    assert found["nested.deeper.depth"] == Whole(1, 3)
    assert spec.command is not None
    assert spec.command[1:6] == ("python3", "-u", "${program}", "--gpus", "1")
    # Nested parameters nest in the run's config, dotted names stay as they are.
    chosen = {"nested.deeper.depth": 2, "model.width": 16, "gone.since": 1}
    config = {"nested": {"deeper": {"depth": 2}}, "model.width": 16, "gone": {"since": 1}}
    assert configured(spec.given, chosen) == config
    as_json = json.dumps(dict(spec.given))
    assert read(tmp_path, as_json, "sweep.json").space == spec.space
    assert read(tmp_path, as_json).space == spec.space  # YAML is a superset, nearly


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"min_iter": 3}, Hyperband(3.0, min_iter=3)),
        ({"min_iter": 3, "eta": 2.5, "strict": False}, Hyperband(2.5, min_iter=3)),
        ({"max_iter": 27, "s": 2.0}, Hyperband(3.0, max_iter=27, s=2)),
        ({"min_iter": 3, "max_iter": 27, "s": 2}, Hyperband(3.0, max_iter=27, s=2)),
        ({"min_iter": 3, "max_iter": 27}, Hyperband(3.0, min_iter=3, max_iter=27)),
    ],
)
def test_early_terminate(given: dict[str, Any], expected: Hyperband) -> None:
    config = {"method": "random", "metric": {"name": "loss"}, "parameters": {"x": {"value": 1}}}
    assert parse_spec({**config, "early_terminate": {"type": "hyperband", **given}}).early_terminate == expected


def test_a_grid_is_counted() -> None:
    parameters = {
        "a": {"values": [1, 2, 2]},
        "b": {"parameters": {"c": {"min": 1, "max": 3}, "d": {"value": 1}}},
        "e": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25},
    }
    config = {"method": "grid", "parameters": parameters}
    distinct = {json.dumps(cell) for cell in parse_spec(config).space.cells()}
    assert grid_size(config) == len(distinct) == 2 * 3 * 5
    for given in ({"min": 0.0, "max": 1}, {"distribution": "normal"}):
        assert grid_size({"parameters": {"a": {"value": 1}, "x": given}}) is None


def test_a_grid_with_conditions_is_counted() -> None:
    parameters = {
        "momentum": {"values": [0.8, 0.9], "when": {"model.optimizer": ["sgd", "lion"], "depth": [2, 3, 99]}},
        "model": {"parameters": {"optimizer": {"values": ["sgd", "adam", "lion"]}}},
        "depth": {"min": 1, "max": 5},
        "nesterov": {"values": [True, False], "when": {"momentum": 0.9}},
        "width": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.5, "when": {"depth": 1}},
    }
    config = {"method": "grid", "parameters": parameters}
    cells = list(parse_spec(config).space.cells())
    assert grid_size(config) == len(cells) == len({json.dumps(cell) for cell in cells}) == 29
    wide = {f"a{n}": {"min": 1, "max": 100_000, "when": {"a0": [1, 2]} if n else None} for n in range(9)}
    assert grid_size({"parameters": wide}) == 2 * 100_000**8 + 100_000 - 2


CHOSEN = {"lr": 1e-5, "name": "a b", "fast": True, "slow": False, "none": None, "model.depth": 3}


@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("${args}", ["--lr=1e-05", "--name=a b", "--fast=True", "--slow=False", "--none=None", "--model.depth=3"]),
        ("${args_no_hyphens}", ["lr=1e-05", "name=a b", "fast=True", "slow=False", "none=None", "model.depth=3"]),
        ("${args_no_boolean_flags}", ["--lr=1e-05", "--name=a b", "--fast", "--none=None", "--model.depth=3"]),
        (
            "${args_no_equals}",
            [
                *["--lr", "1e-05", "--name"],
                "a b",
                *["--fast", "True", "--slow", "False", "--none", "None", "--model.depth", "3"],
            ],
        ),
        (
            "${args_append_hydra}",
            ["+lr=1e-05", "+name=a b", "+fast=True", "+slow=False", "+none=None", "+model.depth=3"],
        ),
        (
            "${args_override_hydra}",
            ["++lr=1e-05", "++name=a b", "++fast=True", "++slow=False", "++none=None", "++model.depth=3"],
        ),
        ("${interpreter}", [sys.executable]),
        ("${program}", ["src/train.py"]),
        ("${envvar:HOST}", ["here"]),
        ("--on=${envvar:HOST}-${envvar:HOST}", ["--on=here-here"]),
        ("--x=${lr}", None),
    ],
)
def test_every_macro(macro: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(InputError, match=r"There is no macro \$\{lr\}\. Use env, interpreter"):
            command_line([macro], "src/train.py", CHOSEN, {})
        return
    assert command_line([macro], "src/train.py", CHOSEN, {"HOST": "here"}) == expected


def test_parameters_as_json(tmp_path: Path) -> None:
    config: dict[str, Any] = {"parameters": {"lr": {}, "model": {"parameters": {"depth": {}}}}}
    chosen = {"lr": 1e-5, "model.depth": 3}
    [text] = command_line(["${args_json}"], None, chosen, {}, config=config)
    assert json.loads(text) == {"lr": 1e-5, "model": {"depth": 3}}
    [path] = command_line(["${args_json_file}"], None, chosen, {}, config=config, folder=tmp_path / "new")
    assert json.loads(Path(path).read_text()) == {"lr": 1e-5, "model": {"depth": 3}}
    with pytest.raises(InputError, match=r"The variable NOWHERE of the command is not set here"):
        command_line(["${envvar:NOWHERE}"], None, chosen, {})


HISTORIES = {"a": [10, 9], "b": [10, 10], "c": [10, 8, 8], "d": [10, 7, 7], "e": [10, 6, 6]}


def test_hyperband_decides_as_the_example_of_its_source() -> None:
    # max_iter 5, eta 2, s 2: bands 2 and 1. At 2 there are 6 7 8 9 10, of which int(5 / 2) = 2 is the rank: 8.
    rule, loss = Hyperband(eta=2, max_iter=5, s=2), Objective("loss")

    def decided(name: str, **how: Any) -> tuple[int, float, float] | None:
        others = [np.array(values, float) for other, values in HISTORIES.items() if other != name]
        return stopped_at(rule, how.get("objective", loss), np.array(how.get("values", HISTORIES[name]), float), others)

    assert decided("b") == (2, 10.0, 8.0)
    assert decided("c") is decided("d") is decided("e") is None
    assert decided("a") == (2, 9.0, 8.0)


def test_hyperband_by_hand() -> None:
    loss, most = Objective("loss"), Objective("accuracy", "maximize")
    others = [np.array(values) for values in ([5.0, 4, 3, 2], [5.0, 3, 2, 1], [5.0, 5, 5])]
    # min_iter 2, eta 2: bands 2, 4, 8. Three have come to the fourth value: 2, 1 and its own; int(3 / 2) = 1: 2.
    lenient, strict = Hyperband(eta=2, min_iter=2), Hyperband(eta=2, min_iter=2, strict=True)
    late = np.array([1.5, 9.0, 9.0, 3.0])
    assert stopped_at(lenient, loss, late, others) is None  # its best so far is 1.5
    assert stopped_at(strict, loss, late, others) == (4, 3.0, 2.0)
    assert stopped_at(lenient, loss, np.array([9.0, 8.0, 7.0, 6.0]), others) == (4, 6.0, 2.0)
    # Only the last band counts: the third value is compared with the second ones 4 3 5 and 9, int(4 / 2) = 2: 5.
    assert stopped_at(lenient, loss, np.array([9.0, 9.0, 5.5]), others) == (2, 5.5, 5.0)
    assert stopped_at(lenient, loss, np.array([9.0]), others) is None
    # A large value wanted: 4 3 5 and 2.5 in order are 5 4 3 2.5; int(4 / 2) = 2: 3.
    assert stopped_at(lenient, most, np.array([1.0, 2.5, 2.5]), others) == (2, 2.5, 3.0)
    assert stopped_at(lenient, most, np.array([1.0, 9.0, 1.0]), others) is None
    # max_iter 9, s 2, eta 3: bands 3 and 1; none is compared at 9 itself.
    assert stopped_at(Hyperband(eta=3, max_iter=9, s=2), loss, np.array([6.0] * 9), others) == (3, 6.0, 3.0)


def test_an_old_band_is_not_looked_at_again() -> None:
    rule, loss = Hyperband(eta=2, min_iter=1), Objective("loss")
    slow = np.array([9.0, 5.0, 3.0, 1.0])
    quick = [np.array([1.0]), np.array([1.0, 6.0]), np.array([1.0, 6.0])]
    assert stopped_at(rule, loss, slow, quick) is None
