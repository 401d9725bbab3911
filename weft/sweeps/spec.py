"""A sweep's configuration: W&B's keys, and beyond them conditions, several objectives, samplers and pruners by name."""

from __future__ import annotations

import difflib
import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from weft import ids
from weft.errors import InputError
from weft.records.sweeps import Sweep
from weft.sweeps.command import unknown_macro
from weft.sweeps.domains import MOST_CELLS
from weft.sweeps.mistakes import Mistakes, join, mapping
from weft.sweeps.options import PRUNERS, SAMPLERS, check
from weft.sweeps.space import Space, parse_space

METHODS = ("grid", "random", "bayes")
_KEYS = {
    *("program", "command", "method", "metric", "metrics", "parameters", "early_terminate", "run_cap", "name"),
    *("description", "project", "entity", "sampler", "pruner", "seed", "retries", "retry_failed"),
    *("controller", "kind", "apiVersion"),  # accepted and without effect
}
_LAUNCH = "jobs of W&B Launch are not run; give program or command"
_ELSEWHERE = {
    **dict.fromkeys(("job", "image_uri"), _LAUNCH),
    "scheduler": "W&B's schedulers are not run; method: bayes with sampler: names any of Optuna's",
}
_MERGE = "tag:yaml.org,2002:merge"
_MOST_NODES = 200_000
_GOALS = ("minimize", "maximize")
_TERMINATE = {"type", "min_iter", "max_iter", "s", "eta", "strict"}


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML comes without types
    """Reads ``1e-3`` and ``1.5e3`` as the numbers that their writer means; YAML 1.1 wants a point and a sign. A key
    that is there twice is a mistake, where PyYAML forgets the first."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if (key.tag, key.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is there twice", problem_mark=key.start_mark)
            seen.add((key.tag, key.value))
        return node


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric of a trial's run, whether it is to be small or large, and at which value the sweep has what it wants."""

    name: str
    goal: str = "minimize"
    target: float | None = None

    def better(self, one: float, other: float) -> bool:
        """Whether ``one`` is better than ``other``."""
        return one < other if self.goal == "minimize" else one > other


@dataclass(frozen=True, slots=True)
class Hyperband:
    """When a trial is stopped early: at ``min_iter * eta**k`` (up to ``max_iter`` where both are given), or at
    ``max_iter / eta**i`` for i from 1 to ``s``."""

    eta: float = 3.0
    min_iter: int | None = None
    max_iter: int | None = None
    s: int | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A sampler or a pruner of Optuna by its name, with its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """A whole sweep as it was asked for; ``given`` is the configuration itself, which is what is stored."""

    method: str
    space: Space
    objectives: tuple[Objective, ...] = ()
    program: str | None = None
    command: tuple[str, ...] | None = None
    early_terminate: Hyperband | None = None
    sampler: Named | None = None
    pruner: Named | None = None
    run_cap: int | None = None
    name: str | None = None
    description: str | None = None
    project: str | None = None
    seed: int = 0
    retries: int = 1
    retry_failed: int = 0
    given: Mapping[str, Any] = field(default_factory=dict)


def read_spec(source: Mapping[str, Any] | str | Path) -> SweepSpec:
    """The sweep of a configuration, or of a YAML or JSON file. Raises InputError naming the path of each mistake."""
    if isinstance(source, Mapping):
        return parse_spec(source)
    path = Path(source)
    language = "JSON" if path.suffix == ".json" else "YAML"
    try:
        text = path.read_text("utf-8")
        given = json.loads(text) if language == "JSON" else _loaded(text)
    except OSError as error:
        raise InputError(f"The file {str(source)!r} cannot be read: {error.strerror}.", field="config") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"The file {str(source)!r} is not {language}: {error}.", field="config") from error
    if not isinstance(given, Mapping):
        raise InputError(
            f"The file {str(source)!r} holds no mapping.", remedy="Begin with method: and parameters:.", field="config"
        )
    strange = _strange(given)
    if strange is not None:
        raise InputError(f"The file {str(source)!r} is no configuration: {': '.join(strange)}.", field=strange[0])
    return parse_spec(given)


def mistakes_in(text: str) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    """The configuration that a YAML text holds, and each mistake in it with its path; None where it holds none."""
    try:
        given = _loaded(text)
    except (yaml.YAMLError, ValueError) as error:
        return None, [("", f"this is not YAML: {error}")]
    except RecursionError:
        return None, [("", "it is nested too deeply")]
    if not isinstance(given, Mapping):
        return None, [("", "there is no mapping; begin with method: and parameters:")]
    strange = _strange(given)
    if strange is not None:
        return None, [strange]
    mistakes = Mistakes()
    _parsed(given, mistakes)
    return dict(given), mistakes.found()


def _strange(given: Any) -> tuple[str, str] | None:
    """What JSON does not have in a YAML document, with its path; one whose aliases unfold to very much is not read."""
    sizes: dict[int, float] = {}

    def size(value: Any, path: str) -> float:
        if not isinstance(value, dict | list):
            if value is not None and not isinstance(value, str | int | float):
                raise InputError(f"a {type(value).__name__} is no value here; quote it", field=path)
            return 1.0
        if id(value) not in sizes:
            sizes[id(value)] = math.inf  # until it is known: what holds itself has no end
            items = value.items() if isinstance(value, dict) else enumerate(value)
            sizes[id(value)] = 1 + sum(size(item, join(path, str(key))) for key, item in items)
        return sizes[id(value)]

    try:
        return None if size(given, "") <= _MOST_NODES else ("", "its aliases unfold to too much")
    except InputError as error:
        return error.field or "", error.message
    except RecursionError:
        return "", "it is nested too deeply"


def _loaded(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader with one more number


def new_sweep(spec: SweepSpec, project: str, author: str | None, name: str | None = None) -> Sweep:
    """A sweep to be stored. Without a name it is called after its program, or by its method and the beginning of its
    id."""
    sweep_id = ids.new_id()
    stem = Path(spec.program).stem if spec.program else f"{spec.method}-{sweep_id[:4]}"
    return Sweep(project, name or spec.name or stem, dict(spec.given), sweep_id, author=author)


def parse_spec(given: Mapping[str, Any]) -> SweepSpec:
    """The sweep of a configuration, checked whole. Raises InputError naming the path of each mistake."""
    mistakes = Mistakes()
    spec = _parsed(given, mistakes)
    mistakes.check("sweep's configuration")
    return spec


def _parsed(given: Mapping[str, Any], mistakes: Mistakes) -> SweepSpec:
    for key in sorted(_ELSEWHERE.keys() & set(given)):
        mistakes.add(key, _ELSEWHERE[key])
    mistakes.unknown("", [key for key in given if key not in _ELSEWHERE], _KEYS)
    method = _method(given, mistakes)
    space = parse_space(given.get("parameters", {}), "parameters", mistakes)
    objectives = _objectives(given, mistakes)
    spec = SweepSpec(
        method=method,
        space=space,
        objectives=objectives,
        program=_text(given, "program", mistakes),
        command=_command(given.get("command"), mistakes),
        early_terminate=_hyperband(given.get("early_terminate"), mistakes),
        sampler=_named(given.get("sampler"), "sampler", mistakes),
        pruner=_named(given.get("pruner"), "pruner", mistakes),
        run_cap=_count(given, "run_cap", 1, mistakes),
        name=_text(given, "name", mistakes),
        description=_text(given, "description", mistakes),
        project=_text(given, "project", mistakes),
        seed=_count(given, "seed", 0, mistakes) or 0,
        retry_failed=_count(given, "retry_failed", 0, mistakes) or 0,
        retries=1 if given.get("retries") is None else _count(given, "retries", 0, mistakes) or 0,
        given=dict(given),
    )
    _check_together(spec, mistakes)
    return spec


def _check_together(spec: SweepSpec, mistakes: Mistakes) -> None:
    if spec.method == "grid":
        for path in spec.space.uncountable():
            mistakes.add(
                join("parameters", path), f"a grid needs values, a whole range, or q_uniform, at most {MOST_CELLS:,}"
            )
    wrong = unknown_macro(spec.command or ())
    if wrong:
        mistakes.add("command", wrong)
    if spec.program is None and any("${program}" in word for word in spec.command or ()):
        mistakes.add("program", "the command has ${program}: say which")
    names = [objective.name for objective in spec.objectives]
    for name in sorted({name for name in names if names.count(name) > 1}):
        mistakes.add("metrics", f"{name} is there twice")
    if spec.method == "bayes" and not spec.objectives:
        mistakes.add("metric", "bayes needs a metric with name and goal")
    if spec.early_terminate and spec.pruner:
        mistakes.add("pruner", "give early_terminate or pruner, not both")
    if (spec.early_terminate or spec.pruner) and not spec.objectives:
        mistakes.add("metric", "stopping early needs a metric with name and goal")
    if (spec.early_terminate or spec.pruner) and len(spec.objectives) > 1:
        mistakes.add("metrics", "stopping early needs a single objective")
    if spec.sampler and spec.method != "bayes":
        mistakes.add("sampler", f"a sampler needs method: bayes, not {spec.method}")
    if spec.sampler:
        check(spec.sampler, SAMPLERS, "sampler", len(spec.objectives), mistakes)
    if spec.pruner:
        check(spec.pruner, PRUNERS, "pruner", len(spec.objectives), mistakes)


def _method(given: Mapping[str, Any], mistakes: Mistakes) -> str:
    method = given.get("method")
    if method not in METHODS:
        close = difflib.get_close_matches(str(method).lower(), METHODS, 1)
        wrong = "it is missing; give one of" if method is None else f"{method!r} is none of"
        mistakes.add("method", f"{wrong} {', '.join(METHODS)}{f'; did you mean {close[0]}?' if close else ''}")
        return "random"
    return str(method)


def _objectives(given: Mapping[str, Any], mistakes: Mistakes) -> tuple[Objective, ...]:
    one, several = given.get("metric"), given.get("metrics")
    if one is not None and several is not None:
        mistakes.add("metrics", "give metric for one objective or metrics for several, not both")
    if several is None:
        return () if one is None else tuple(filter(None, [_objective(one, "metric", mistakes)]))
    if not isinstance(several, list | tuple) or not several:
        mistakes.add("metrics", f"{several!r} is not a list of objectives")
        return ()
    return tuple(filter(None, (_objective(item, f"metrics[{n}]", mistakes) for n, item in enumerate(several))))


def _objective(given: Any, path: str, mistakes: Mistakes) -> Objective | None:
    if isinstance(given, str):
        mistakes.add(path, f"{given!r} is not a mapping; write {{name: {given}, goal: minimize}}")
        return None
    entry = mapping(mistakes, path, given)
    mistakes.unknown(path, entry, {"name", "goal", "target", "impute", "impute_while_running"})
    name, goal, target = entry.get("name"), entry.get("goal", "minimize"), entry.get("target")
    if not isinstance(name, str) or not name:
        mistakes.add(join(path, "name"), "the name of the metric is missing")
        return None
    if goal not in _GOALS:
        mistakes.add(join(path, "goal"), f"{goal!r} is none of {', '.join(_GOALS)}")
        return None
    number = None if target is None else mistakes.number(join(path, "target"), target)
    return Objective(name, goal, None if number is None else float(number))


def _hyperband(given: Any, mistakes: Mistakes) -> Hyperband | None:
    if given is None:
        return None
    path = "early_terminate"
    if not isinstance(given, Mapping):
        mistakes.add(path, f"{given!r} is not a mapping; write {{type: hyperband, min_iter: 3}}")
        return None
    entry = mapping(mistakes, path, given)
    mistakes.unknown(path, entry, _TERMINATE)
    if entry.get("type", "hyperband") != "hyperband":
        mistakes.add(join(path, "type"), f"{entry['type']!r} is not hyperband; others are named under pruner")
        return None
    low, high, s = (_count(entry, key, 1, mistakes, path) for key in ("min_iter", "max_iter", "s"))
    if high is not None and s is not None:
        low = None  # W&B's own order, where all of them are given
    eta = mistakes.number(join(path, "eta"), entry.get("eta", 3), above=1)
    if low is None and high is None:
        mistakes.add(path, "give min_iter, or max_iter with s")
    elif low is None and s is None:
        mistakes.add(join(path, "s"), "max_iter needs s, the number of bands")
    if not isinstance(entry.get("strict", False), bool):
        mistakes.add(join(path, "strict"), f"{entry['strict']!r} is neither true nor false")
    return Hyperband(float(eta or 3), low, high, s, entry.get("strict") is True)


def _named(given: Any, path: str, mistakes: Mistakes) -> Named | None:
    if given is None or isinstance(given, str):
        return None if given is None else Named(given)
    entry = mapping(mistakes, path, given)
    name = entry.get("name")
    if not isinstance(name, str):
        mistakes.add(join(path, "name"), "the name is missing")
        return None
    return Named(name, {key: value for key, value in entry.items() if key != "name"})


def _command(given: Any, mistakes: Mistakes) -> tuple[str, ...] | None:
    if given is None:
        return None
    try:
        parts = shlex.split(given) if isinstance(given, str) else given
    except ValueError as error:
        mistakes.add("command", f"{given!r} cannot be split into words: {error}")
        return None
    if not isinstance(parts, Sequence) or not parts:
        mistakes.add("command", f"{given!r} is not a list of words")
        return None
    return tuple(str(part) for part in parts)


def _text(given: Mapping[str, Any], key: str, mistakes: Mistakes) -> str | None:
    value = given.get(key)
    if value is None or isinstance(value, str):
        return value
    mistakes.add(key, f"{value!r} is not a text")
    return None


def _count(given: Mapping[str, Any], key: str, least: int, mistakes: Mistakes, path: str = "") -> int | None:
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        mistakes.add(join(path, key), f"{value!r} is not a whole number of at least {least}")
        return None
    return value
