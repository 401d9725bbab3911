"""Which of Optuna's samplers and pruners a sweep may name, with which options; checked without Optuna."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from weft.sweeps.mistakes import Mistakes, as_number, join


class Chosen(Protocol):
    """A name with its options."""

    @property
    def name(self) -> str:
        """As it was written."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """By their names."""
        ...


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high``, whole ones unless ``real``; ``or_words`` may stand instead."""

    low: float
    high: float | None = None
    real: bool = False
    or_words: tuple[str, ...] = ()

    def wrong(self, given: Any) -> str | None:
        """What is wrong with a value; None where nothing is."""
        if given in self.or_words and isinstance(given, str):
            return None
        number = as_number(given) if not isinstance(given, str) else None
        inside = number is not None and self.low <= number and (self.high is None or number <= self.high)
        if inside and number is not None and (self.real or number == int(number)):
            return None
        kind = "number" if self.real else "whole number"
        bounds = f"of at least {self.low:g}" if self.high is None else f"from {self.low:g} to {self.high:g}"
        words = "".join(f" or {word}" for word in self.or_words)
        return f"{given!r} is not a {kind} {bounds}{words}"


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def wrong(self, given: Any) -> str | None:
        """What is wrong with a value; None where nothing is."""
        return None if isinstance(given, bool) else f"{given!r} is neither true nor false"


@dataclass(frozen=True, slots=True)
class Words:
    """One of several words."""

    words: tuple[str, ...]

    def wrong(self, given: Any) -> str | None:
        """What is wrong with a value; None where nothing is."""
        return None if given in self.words else f"{given!r} is none of {', '.join(self.words)}"


Option = Range | Flag | Words


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of Optuna's: its name there, the options that it takes, those that must be given, and what may not be
    given together."""

    cls: str
    options: Mapping[str, Option]
    needed: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    several: bool = True
    apart: tuple[tuple[str, str], ...] = ()


_SHARE = Range(0, 1, real=True)
_ANY = Range(float("-inf"), real=True)
_START = {"n_startup_trials": Range(0)}
_GENES: dict[str, Option] = {
    "population_size": Range(2),
    "mutation_prob": _SHARE,
    "crossover_prob": _SHARE,
    "swapping_prob": _SHARE,
}
SAMPLERS: dict[str, Kind] = {
    "tpe": Kind(
        "TPESampler",
        {
            "n_startup_trials": Range(0),
            "n_ei_candidates": Range(1),
            "multivariate": Flag(),
            "group": Flag(),
            "constant_liar": Flag(),
        },
    ),
    "gp": Kind("GPSampler", {**_START, "deterministic_objective": Flag()}),
    "cmaes": Kind(
        "CmaEsSampler",
        {**_START, "popsize": Range(2), "use_separable_cma": Flag(), "with_margin": Flag(), "lr_adapt": Flag()},
        several=False,
        apart=(
            ("use_separable_cma", "with_margin"),
            ("lr_adapt", "use_separable_cma"),
            ("lr_adapt", "with_margin"),
        ),
    ),
    "qmc": Kind("QMCSampler", {"qmc_type": Words(("sobol", "halton")), "scramble": Flag()}),
    "nsgaii": Kind("NSGAIISampler", _GENES),
    "nsgaiii": Kind("NSGAIIISampler", {**_GENES, "dividing_parameter": Range(1)}),
    "random": Kind("RandomSampler", {}),
}
_WARM = {"n_startup_trials": Range(0), "n_warmup_steps": Range(0), "interval_steps": Range(1)}
_HALVING = {"reduction_factor": Range(2), "bootstrap_count": Range(0)}
PRUNERS: dict[str, Kind] = {
    "median": Kind("MedianPruner", {**_WARM, "n_min_trials": Range(1)}),
    "percentile": Kind(
        "PercentilePruner",
        {**_WARM, "n_min_trials": Range(1), "percentile": Range(0, 100, real=True)},
        needed=("percentile",),
    ),
    "successivehalving": Kind(
        "SuccessiveHalvingPruner",
        {**_HALVING, "min_resource": Range(1, or_words=("auto",)), "min_early_stopping_rate": Range(0)},
    ),
    "hyperband": Kind(
        "HyperbandPruner", {**_HALVING, "min_resource": Range(1), "max_resource": Range(1, or_words=("auto",))}
    ),
    "threshold": Kind(
        "ThresholdPruner",
        {"lower": _ANY, "upper": _ANY, "n_warmup_steps": Range(0), "interval_steps": Range(1)},
        one_of=("lower", "upper"),
    ),
    "patient": Kind("PatientPruner", {"patience": Range(0), "min_delta": Range(0, real=True)}, needed=("patience",)),
    "wilcoxon": Kind("WilcoxonPruner", {"p_threshold": _SHARE, "n_startup_steps": Range(0)}),
    "none": Kind("NopPruner", {}),
}
_ALSO = {"asha": "successivehalving", "nop": "none", "cma": "cmaes", "gaussianprocess": "gp", "sobol": "qmc"}
_ALSO |= {"nsga2": "nsgaii", "nsga3": "nsgaiii", "quasimontecarlo": "qmc"}


def plain(name: str) -> str:
    """The one name of ``CMA-ES``, ``CmaEsSampler`` and ``cmaes``."""
    short = re.sub(r"[^a-z0-9]", "", name.lower())
    short = re.sub(r"(?<=.)(sampler|pruner)$", "", short)
    return _ALSO.get(short, short)


def check(chosen: Chosen, known: Mapping[str, Kind], path: str, objectives: int, mistakes: Mistakes) -> None:
    """Note what is wrong with the name of a sampler or a pruner and with its options."""
    kind = known.get(plain(chosen.name))
    if kind is None:
        mistakes.add(join(path, "name"), f"there is no {path} {chosen.name!r}; {_hint(plain(chosen.name), known)}")
        return
    mistakes.unknown(path, chosen.options, kind.options)
    for name, value in chosen.options.items():
        option = kind.options.get(name)
        wrong = option and option.wrong(value)
        if wrong:
            mistakes.add(join(path, name), wrong)
    for name in kind.needed:
        if name not in chosen.options:
            mistakes.add(join(path, name), f"{chosen.name} needs it")
    if kind.one_of and not any(name in chosen.options for name in kind.one_of):
        mistakes.add(path, f"{chosen.name} needs {' or '.join(kind.one_of)}")
    for one, other in kind.apart:
        if chosen.options.get(one) is True and chosen.options.get(other) is True:
            mistakes.add(join(path, one), f"it cannot be together with {other}")
    if objectives > 1 and not kind.several:
        mistakes.add(join(path, "name"), f"{chosen.name} knows a single objective; use tpe, gp, nsgaii or nsgaiii")
    if chosen.options.get("group") is True and chosen.options.get("multivariate") is False:
        mistakes.add(join(path, "group"), "it needs multivariate")
    auto = kind.options.keys() & {"min_resource", "max_resource"}
    resource = "max_resource" if "max_resource" in auto else "min_resource"
    if auto and chosen.options.get("bootstrap_count", 0) != 0 and chosen.options.get(resource, "auto") == "auto":
        mistakes.add(join(path, "bootstrap_count"), f"it needs {resource} as a number")


def _hint(name: str, known: Collection[str]) -> str:
    if name in ("grid", "bruteforce"):
        return "use method: grid"
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
