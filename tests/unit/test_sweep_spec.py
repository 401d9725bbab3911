"""A sweep's configuration: W&B's published forms are taken, mistakes are told with their path, all at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.errors import InputError
from weft.records.sweeps import grid_size
from weft.sweeps.command import command_line
from weft.sweeps.domains import Choice, Constant, Real, Whole
from weft.sweeps.hyperband import bands, stopped_at
from weft.sweeps.space import nested
from weft.sweeps.spec import Hyperband, Objective, SweepSpec, parse_spec, read_spec

LEAST: dict[str, Any] = {"method": "random", "parameters": {"lr": {"min": 0.1, "max": 1.0}}}

WHOLE = """
program: train.py
method: bayes
name: everything
description: one of each
run_cap: 20
metric:
  name: val_loss
  goal: minimize
  target: 0.01
command: ["${env}", "${interpreter}", "${program}", "${args}"]
early_terminate: {type: hyperband, min_iter: 3, eta: 2, strict: true}
parameters:
  constant: {value: 1e-3}
  plain: {values: [adam, sgd]}
  weighted: {values: [1, 2, 3], probabilities: [0.5, 0.25, 0.25]}
  int_uniform: {min: 1, max: 8}
  said_int: {distribution: int_uniform, min: 1, max: 8}
  uniform: {min: 0.0, max: 1}
  log_uniform: {distribution: log_uniform, min: -9.2, max: -2.3}
  log_uniform_values: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
  inv_log_uniform: {distribution: inv_log_uniform, min: 0, max: 5}
  inv_log_uniform_values: {distribution: inv_log_uniform_values, min: 0.01, max: 1}
  q_uniform: {distribution: q_uniform, min: 0, max: 100, q: 5}
  q_log_uniform: {distribution: q_log_uniform, min: 0, max: 5, q: 1}
  q_log_uniform_values: {distribution: q_log_uniform_values, min: 16, max: 256, q: 8}
  normal: {distribution: normal, mu: 10, sigma: 2}
  q_normal: {distribution: q_normal, mu: 100, sigma: 10, q: 5}
  log_normal: {distribution: log_normal, mu: 0, sigma: 1}
  q_log_normal: {distribution: q_log_normal, mu: 3, sigma: 1, q: 2}
  beta: {distribution: beta, a: 2, b: 5}
  q_beta: {distribution: q_beta, a: 2, b: 5, q: 0.05}
  optimizer:
    parameters:
      name: {values: [adam, sgd]}
      momentum: {min: 0.5, max: 0.99, when: {optimizer.name: sgd}}
"""


def test_one_of_each_kind_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(WHOLE)
    spec = read_spec(file)
    domains = {p.path: p.domain for p in spec.space.parameters}
    assert (spec.method, spec.name, spec.program, spec.run_cap) == ("bayes", "everything", "train.py", 20)
    assert spec.objectives == (Objective("val_loss", "minimize", 0.01),)
    assert spec.early_terminate == Hyperband(eta=2, min_iter=3, strict=True)
    assert domains["constant"] == Constant(1e-3)
    assert domains["plain"] == Choice(("adam", "sgd"), (0.5, 0.5))
    assert domains["int_uniform"] == domains["said_int"] == Whole(1, 8)
    assert domains["uniform"] == Real("uniform", 0.0, 1.0)
    assert domains["log_uniform_values"] == Real("log_uniform", np.log(1e-4), np.log(1e-1))
    assert domains["q_uniform"].cells() == list(range(0, 101, 5))
    assert [p.path for p in spec.space.parameters][-1] == "optimizer.momentum"


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("log_uniform", np.exp(-9.2), np.exp(-2.3)),
        ("log_uniform_values", 1e-4, 1e-1),
        ("inv_log_uniform", np.exp(-5), 1.0),
        ("inv_log_uniform_values", 0.01, 1.0),
        ("q_log_uniform_values", 16, 256),
        ("q_beta", 0, 1),
        ("int_uniform", 1, 8),
    ],
)
def test_values_lie_where_the_configuration_says(tmp_path: Path, name: str, low: float, high: float) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(WHOLE)
    domain = next(p.domain for p in read_spec(file).space.parameters if p.path == name)
    drawn = [domain.at(u) for u in np.random.default_rng(0).random(500)]
    assert low * (1 - 1e-9) <= min(drawn)
    assert max(drawn) <= high * (1 + 1e-9)
    for value in drawn[:50]:
        place = domain.place(value)
        assert place is not None
        assert domain.at(place) == pytest.approx(value, rel=1e-6, abs=1e-9)


def test_shares_follow_the_probabilities() -> None:
    choice = Choice.of(["a", "b", "c"], [0.5, 0.0, 0.5])
    drawn = [choice.at(u) for u in np.linspace(0, 1, 1001)]
    assert drawn.count("b") == 0
    assert 490 < drawn.count("a") < 510
    assert choice.at(1.0) == "c"
    assert Choice.of([1, True, "1"]).place(True) == pytest.approx(0.5)
    assert Whole(1, 2).place(True) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": "annealing"}, "method: 'annealing' is none of grid, random, bayes"),
        ({"method": "bayesian"}, "is none of grid, random, bayes; did you mean bayes?"),
        ({"method": None}, "method: it is missing; give one of grid, random, bayes"),
        ({"metric": "loss"}, "metric: 'loss' is not a mapping; write {name: loss, goal: minimize}"),
        ({"early_terminate": "hyperband"}, "early_terminate: 'hyperband' is not a mapping; write {type: hyperband"),
        ({"metrics": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}, "metrics: a is there twice"),
        ({"command": ["${interpreter}", "${programm}"]}, "command: there is no macro ${programm}; did you mean ${prog"),
        ({"command": ["x", "--lr=${lr}"]}, "command: there is no macro ${lr}; use env, interpreter"),
        ({"command": ["${program}"]}, "program: the command has ${program}: say which"),
        ({"parameters": {"lr": {"vals": [1]}}}, "parameters.lr.vals: there is no such key; did you mean values?"),
        ({"parameters": {"lr": [1, 2]}}, "parameters.lr: [1, 2] is not a mapping; write {values: [1, 2]} for a choice"),
        (
            {"parameters": {"lr": {"distribution": "loguniform_values", "min": 1, "max": 2}}},
            "there is no distribution 'loguniform_values'; did you mean log_uniform_values?",
        ),
        (
            {"parameters": {"o": {"values": ["adam", "sgd"]}, "m": {"value": 1, "when": {"o": "sdg"}}}},
            "parameters.m.when: o is never 'sdg', so that this parameter never comes",
        ),
        ({"paramters": {}}, "paramters: there is no such key; did you mean parameters?"),
        ({"parameters": None}, "parameters: None is not a mapping"),
        ({"parameters": {}}, "parameters: there are no parameters"),
        ({"parameters": {"lr": {"min": 1.0}}}, "parameters.lr: give value, values, or min and max"),
        ({"parameters": {"lr": {"min": 2.0, "max": 1.0}}}, "parameters.lr: min 2 is not less than max 1"),
        ({"parameters": {"n": {"min": 2, "max": 1}}}, "parameters.n: min 2 is greater than max 1"),
        (
            {"parameters": {"n": {"distribution": "int_uniform", "min": 1.5, "max": 2}}},
            "parameters.n.min: 1.5 is not",
        ),
        ({"parameters": {"lr": {"distribution": "lognormal"}}}, "parameters.lr.distribution: there is no distribution"),
        ({"parameters": {"lr": {"min": "a", "max": 1.0}}}, "parameters.lr.min: 'a' is not a number"),
        ({"parameters": {"lr": {"distribution": "uniform", "min": 1}}}, "parameters.lr: max is missing"),
        ({"parameters": {"a": {"values": []}}}, "parameters.a.values: [] is not a list with at least one value"),
        (
            {"parameters": {"a": {"values": [1, 2], "probabilities": [1]}}},
            "parameters.a.probabilities: give one",
        ),
        (
            {"parameters": {"a": {"values": [1, 2], "probabilities": [0.5, 0.6]}}},
            "parameters.a.probabilities: they sum to 1.1, not to 1",
        ),
        ({"parameters": {"a": {"distribution": "constant"}}}, "parameters.a: a constant needs value"),
        ({"parameters": {3: {"value": 1}}}, "parameters.3: a parameter's name is a text"),
        (
            {"parameters": {"a.b": {"value": 1}, "a": {"parameters": {"b": {"value": 2}}}}},
            "parameters.a.parameters.b: there are two parameters a.b",
        ),
        ({"parameters": {"a": 3}}, "parameters.a: 3 is not a mapping; write {value: 3} for a constant"),
        ({"parameters": {"s": {"mu": 0, "sigma": 0}}}, "parameters.s: sigma 0 must be greater than 0"),
        ({"job": "a/b/c:v1"}, "job: jobs of W&B Launch are not run; give program or command"),
        ({"scheduler": {"engine": "optuna"}}, "scheduler: W&B's schedulers are not run; method: bayes with sampler"),
        ({"command": "a 'b"}, 'command: "a \'b" cannot be split into words: No closing quotation'),
        (
            {"method": "grid", "parameters": {"n": {"min": 1, "max": 10**12}}},
            "parameters.n: a grid needs values, a whole range, or q_uniform, at most 1,000,000",
        ),
        (
            {"method": "grid", "parameters": {"n": {"distribution": "q_uniform", "min": 1, "max": 2, "q": 1e-9}}},
            "parameters.n: a grid needs values",
        ),
        ({"parameters": {"s": {"a": 0, "b": 1}}}, "parameters.s: a and b must be greater than 0"),
        (
            {"parameters": {"s": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}}},
            "parameters.s.q: 0 must be greater than 0",
        ),
        (
            {"parameters": {"s": {"distribution": "log_uniform_values", "min": 0, "max": 1}}},
            "parameters.s: min 0 must be greater than 0, since its logarithm is taken",
        ),
        (
            {"parameters": {"s": {"distribution": "log_uniform", "min": 1, "max": 1000}}},
            "parameters.s: min and max are exponents of e here; use log_uniform_values",
        ),
        ({"parameters": {"a": {"value": 1, "when": {"b": 1}}}}, "parameters.a.when: there is no parameter 'b'"),
        ({"parameters": {"a": {"value": 1, "when": {"a": 1}}}}, "parameters.a.when: it depends on itself in a circle"),
        ({"method": "grid"}, "parameters.lr: a grid needs values, a whole range, or q_uniform"),
        ({"method": "bayes"}, "metric: bayes needs a metric with name and goal"),
        ({"metric": {"goal": "minimize"}}, "metric.name: the name of the metric is missing"),
        ({"metric": {"name": "a", "goal": "min"}}, "metric.goal: 'min' is none of minimize, maximize"),
        ({"metric": {"name": "a"}, "metrics": []}, "metrics: give metric for one objective or metrics for several"),
        ({"metrics": "a"}, "metrics: 'a' is not a list of objectives"),
        ({"early_terminate": {"type": "median"}}, "early_terminate.type: 'median' is not hyperband"),
        ({"early_terminate": {"type": "hyperband"}}, "early_terminate: give min_iter, or max_iter with s"),
        ({"early_terminate": {"max_iter": 9}}, "early_terminate.s: max_iter needs s, the number of bands"),
        ({"early_terminate": {"min_iter": 0}}, "early_terminate.min_iter: 0 is not a whole number of at least 1"),
        ({"early_terminate": {"min_iter": 1, "eta": 1}}, "early_terminate.eta: 1 must be greater than 1"),
        (
            {"early_terminate": {"min_iter": 1, "strict": "no"}},
            "early_terminate.strict: 'no' is neither true",
        ),
        ({"early_terminate": {"min_iter": 1}}, "metric: stopping early needs a metric with name and goal"),
        (
            {"early_terminate": {"min_iter": 1}, "pruner": "median", "metric": {"name": "a"}},
            "pruner: give early_terminate or pruner, not both",
        ),
        (
            {"pruner": "median", "metrics": [{"name": "a"}, {"name": "b"}]},
            "metrics: stopping early needs a single objective",
        ),
        ({"sampler": "tpe"}, "sampler: a sampler needs method: bayes, not random"),
        ({"sampler": {"seed": 1}}, "sampler.name: the name is missing"),
        ({"run_cap": True}, "run_cap: True is not a whole number of at least 1"),
        ({"command": 3}, "command: 3 is not a list of words"),
        ({"program": 3}, "program: 3 is not a text"),
    ],
)
def test_mistakes_have_their_path(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_spec({**LEAST, **change})
    assert said in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InputError, match=r"has 3 mistakes:\n  run_cp.*\n  method.*\n  parameters.lr.min") as caught:
        parse_spec({"run_cp": 1, "method": "x", "parameters": {"lr": {"min": "a", "max": 1.0}}})
    assert caught.value.field == "run_cp"


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"The file .*none.yaml' cannot be read: No such file"):
        read_spec(tmp_path / "none.yaml")
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"a.yaml' is not YAML"):
        read_spec(tmp_path / "a.yaml")
    (tmp_path / "a.json").write_text("method: random")
    with pytest.raises(InputError, match=r"a.json' is not JSON: Expecting value"):
        read_spec(tmp_path / "a.json")
    (tmp_path / "c.yaml").write_text("method: random\nparameters: {day: {value: 2026-11-21}}")
    with pytest.raises(InputError, match=r"is no configuration: parameters.day.value: a date is no value here"):
        read_spec(tmp_path / "c.yaml")
    (tmp_path / "b.yaml").write_text("- 1")
    with pytest.raises(InputError, match=r"b.yaml' holds no mapping. Begin with method"):
        read_spec(tmp_path / "b.yaml")


def test_a_grid_goes_through_each_cell_once_and_conditions_leave_out() -> None:
    parameters = {
        "kind": {"values": ["a", "b"]},
        "depth": {"min": 1, "max": 3, "when": {"kind": "a"}},
        "seed": {"values": [0, 1]},
    }
    cells = list(parse_spec({"method": "grid", "parameters": parameters}).space.cells())
    assert len(cells) == 3 * 2 + 2
    assert cells[0] == {"kind": "a", "depth": 1, "seed": 0}
    assert {tuple(sorted(cell)) for cell in cells} == {("depth", "kind", "seed"), ("kind", "seed")}
    assert nested({"model.depth": 3, "lr": 1}) == {"model": {"depth": 3}, "lr": 1}


def test_places_of_a_choice_from_elsewhere() -> None:
    space = parse_spec({**LEAST, "parameters": {"lr": {"min": 0.0, "max": 2.0}, "n": {"values": [1, 2]}}}).space
    assert space.places({"lr": 1.0, "n": 2}) == {"lr": 0.5, "n": 0.75}
    assert space.places({"lr": 3.0, "n": 2}) is None
    assert space.places({"lr": 1.0}) is None


@pytest.mark.parametrize(
    ("rule", "last", "expected"),
    [
        (Hyperband(eta=3, min_iter=3), 100, [3, 9, 27, 81]),
        (Hyperband(eta=2, min_iter=1), 8, [1, 2, 4, 8]),
        (Hyperband(eta=3, min_iter=3), 2, []),
        (Hyperband(eta=3, max_iter=27, s=2), 27, [3, 9]),
        (Hyperband(eta=3, max_iter=27, s=2), 8, [3]),
    ],
)
def test_bands(rule: Hyperband, last: int, expected: list[int]) -> None:
    assert bands(rule, last) == expected


def test_who_is_worse_at_a_band_is_stopped() -> None:
    rule, loss = Hyperband(eta=2, min_iter=2), Objective("loss")
    others = [np.array([1.0, value]) for value in (0.1, 0.2, 0.3)]
    assert stopped_at(rule, loss, np.array([1.0, 0.05]), others) is None
    assert stopped_at(rule, loss, np.array([1.0, 0.9]), others) == (2, 0.9, 0.3)
    assert stopped_at(rule, loss, np.array([1.0]), others) is None
    assert stopped_at(rule, loss, np.array([1.0, 0.9]), []) is None
    best_before = np.array([0.01, 0.9])
    assert stopped_at(rule, loss, best_before, others) is None
    assert stopped_at(Hyperband(eta=2, min_iter=2, strict=True), loss, best_before, others) is not None
    assert stopped_at(rule, loss, np.array([np.nan, np.nan]), others) is not None
    up = Objective("accuracy", "maximize")
    assert stopped_at(rule, up, np.array([0.0, 0.05]), others) == (2, 0.05, 0.1)


def test_commands() -> None:
    chosen = {"lr": 0.1, "name": "a b", "fast": True, "slow": False}
    env = [] if sys.platform == "win32" else ["/usr/bin/env"]
    arguments = ["--lr=0.1", "--name=a b", "--fast=True", "--slow=False"]
    assert command_line(None, "train.py", chosen, {}) == [*env, sys.executable, "train.py", *arguments]
    assert command_line(["${args_no_hyphens}"], None, {"lr": 0.1}, {}) == ["lr=0.1"]
    assert command_line(["${args_no_boolean_flags}"], None, chosen, {}) == ["--lr=0.1", "--name=a b", "--fast"]
    [whole] = command_line(["${args_json}"], None, chosen, {})
    assert json.loads(whole) == chosen
    assert command_line(["x=${envvar:HOST}", "--config=${args_json}"], None, {"a": 1}, {"HOST": "h"}) == [
        "x=h",
        '--config={"a": 1}',
    ]
    with pytest.raises(InputError, match=r"There is no macro \$\{args_yaml\}\. Use env, interpreter"):
        command_line(["${args_yaml}"], None, {}, {})
    with pytest.raises(InputError, match=r"The sweep has no program\. Give program: train.py"):
        command_line(None, None, {}, {})


def test_what_goes_beyond() -> None:
    spec: SweepSpec = parse_spec(
        {
            "method": "bayes",
            "metrics": [{"name": "loss"}, {"name": "accuracy", "goal": "maximize"}],
            "sampler": {"name": "nsgaii", "population_size": 10},
            "parameters": {"lr": {"min": 0.1, "max": 1.0}},
            "seed": 3,
            "retries": 0,
        }
    )
    assert [o.goal for o in spec.objectives] == ["minimize", "maximize"]
    assert spec.sampler is not None
    assert dict(spec.sampler.options) == {"population_size": 10}
    assert (spec.seed, spec.retries) == (3, 0)
    assert spec.objectives[1].better(0.9, 0.8)
    assert spec.objectives[0].better(0.1, 0.8)


def test_a_key_that_is_there_twice_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("method: random\nparameters:\n  lr: {value: 1}\n  lr: {value: 2}\n")
    with pytest.raises(InputError, match=r"the key 'lr' is there twice"):
        read_spec(file)
    file.write_text("a: &a {min: 1, max: 4}\nmethod: random\nparameters:\n  lr: {<<: *a, max: 2}\n")
    with pytest.raises(InputError, match=r"a: there is no such key") as caught:  # what is merged may be overridden
        read_spec(file)
    assert "twice" not in str(caught.value)


def test_a_group_has_a_condition() -> None:
    momentum = {
        "momentum": {"values": [0.8, 0.9]},
        "nesterov": {"values": [True, False], "when": {"sgd.momentum": 0.9}},
    }
    parameters = {"name": {"values": ["adam", "sgd"]}, "sgd": {"parameters": momentum, "when": {"name": "sgd"}}}
    config = {"method": "grid", "parameters": parameters}
    cells = list(parse_spec(config).space.cells())
    assert len(cells) == grid_size(config) == 4
    assert cells[0] == {"name": "adam"}
    assert cells[1] == {"name": "sgd", "sgd.momentum": 0.8}


def test_one_is_one_whole_or_not() -> None:
    assert Choice.of([1, True, "1"]).index(1.0) == 0
    assert Choice.of([0.5, 1.0]).index(1) == 1
    assert Choice.of([1.0, 1]).index(1) == 1
    assert Choice.of([0.5, 1.0]).place(True) is None
    assert Whole(1, 4).place(2.0) == Whole(1, 4).place(2)
    assert Whole(1, 4).place(2.5) is None


def test_a_shell_keeps_its_variables() -> None:
    words = ["bash", "-c", "for x in ${args_no_hyphens}; do echo ${x}; done"]
    assert parse_spec({**LEAST, "command": words}).command == tuple(words)
    assert command_line(words, None, {"lr": 1}, {})[2] == "for x in lr=1; do echo ${x}; done"
