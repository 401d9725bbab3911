"""Optuna's samplers, made so that any number of agents continue each other's search.

A sampler is made anew for each suggestion from the seed and the number of the trial, and what it must remember of a
trial (its generation) is JSON in :attr:`~weft.records.sweeps.Trial.attrs`. Two samplers of Optuna's keep their state
elsewhere: CMA-ES pickles its optimizer into the storage, and unpickling what a database holds would run whatever was
put there; quasi-Monte-Carlo counts in the study. Here the one recomputes its optimizer from the trials, and the other
takes the trial's number.
"""

from __future__ import annotations

import copy
import importlib.util
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from weft.errors import MissingExtraError
from weft.sweeps.options import SAMPLERS, plain

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from weft.sweeps.spec import Named, SweepSpec

_NEEDS = {"cmaes": "cmaes", "qmc": "scipy", "gp": "torch", "wilcoxon": "scipy"}  # what Optuna imports late
_SPACES = ("_search_space", "_group_decomposed_search_space")
_REMEMBERED = (":generation", "x_for_tell")


def load_optuna() -> ModuleType:
    """The package, quiet. Raises MissingExtraError."""
    try:
        import optuna  # noqa: PLC0415 - optional and heavy
    except ImportError:
        raise MissingExtraError("optuna", "sweeps") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def sampler_maker(
    named: Named | None, *, seed: int, objectives: int, conditional: bool
) -> Callable[[int], BaseSampler]:
    """A function that makes the sampler for the trial of a number.

    ``named`` was checked by :func:`weft.sweeps.options.check`; None is TPE. Raises MissingExtraError where a package is
    missing.
    """
    optuna = load_optuna()
    name = "tpe" if named is None else plain(named.name)
    options = {} if named is None else dict(named.options)
    if name == "tpe":
        options = _tpe_options(options, objectives, conditional)
    require(name)
    cls = getattr(optuna.samplers, SAMPLERS[name].cls)
    if name in ("cmaes", "qmc", "gp"):
        options["warn_independent_sampling"] = False  # parameters without an order are drawn at random, as documented
    replay = _Replay()
    spaces: dict[str, Any] = {}

    def make(number: int) -> BaseSampler:
        made = fresh(number)
        for attribute in _SPACES:  # which parameters trials share: looked up in all of them but once
            if getattr(made, attribute, None) is not None:
                setattr(made, attribute, spaces.setdefault(attribute, getattr(made, attribute)))
        return made

    def fresh(number: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is experimental; it was asked for by name
            if name == "cmaes":
                replayed: BaseSampler = _without_pickle(cls, replay, number)(seed=seed_of(seed, number), **options)
                return replayed
            if name == "qmc":  # one sequence, so one seed
                drawn = optuna.samplers.RandomSampler(seed=seed_of(seed, number))
                numbered: BaseSampler = _numbered(cls, number)(seed=seed, independent_sampler=drawn, **options)
                return numbered
            made: BaseSampler = cls(seed=seed_of(seed, number), **options)
            return made

    return make


def seed_of(seed: int, number: int, attempt: int = 0) -> int:
    """A seed of 32 bits for a trial; neighbours' seeds are far apart."""
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + attempt * 0x94D049BB133111EB) % 2**64
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % 2**64
    return (mixed ^ (mixed >> 31)) % 2**32


def remembered(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """What of a trial's attributes a sampler needs again: counts and points, nothing that is run."""
    return {key: value for key, value in attrs.items() if key.endswith(_REMEMBERED) and _plain_numbers(value)}


def _plain_numbers(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


def _tpe_options(options: dict[str, Any], objectives: int, conditional: bool) -> dict[str, Any]:
    # Parameters that influence each other are searched together; those of a condition in groups of their own.
    options.setdefault("multivariate", objectives == 1 or options.get("group") is True)
    options.setdefault("constant_liar", True)
    if conditional and options["multivariate"]:
        options.setdefault("group", True)
    return options


def check_packages(spec: SweepSpec) -> None:
    """Raise MissingExtraError where a package is missing that the sweep's sampler or pruner needs; imports none."""
    if spec.method == "bayes" or spec.pruner is not None:
        _installed("optuna")
    for named in (spec.sampler, spec.pruner):
        if named is not None:
            require(plain(named.name))


def require(name: str) -> None:
    """Raise MissingExtraError where the package is missing that a sampler or a pruner needs beside Optuna."""
    if name in _NEEDS:
        _installed(_NEEDS[name])


def _installed(package: str) -> None:
    if importlib.util.find_spec(package) is not None:
        return
    if package == "torch":
        raise MissingExtraError("torch", install="torch")
    raise MissingExtraError(package, "sweeps")


class _Replay:
    """An optimizer of CMA-ES that has been told of whole generations; the next sampler goes on from it."""

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.names: tuple[str, ...] = ()


def _without_pickle(cls: Any, replay: _Replay, number: int) -> Any:
    """CMA-ES whose optimizer is computed from the trials of each generation, in the order of their numbers."""

    class Replayed(cls):  # type: ignore[misc] # a class that is only known where Optuna is installed
        def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
            self._asked = (study, search_space)
            if tuple(search_space) != replay.names:
                replay.optimizer, replay.names = None, tuple(search_space)
            trial = copy.copy(trial)
            trial.number = number  # it goes into the seed; numbers in memory count what was asked in vain, too
            found: dict[str, Any] = super().sample_relative(study, trial, search_space)
            return found

        def _restore_optimizer(self, completed_trials: list[FrozenTrial]) -> Any:
            from optuna._transform import _SearchSpaceTransform  # noqa: PLC0415 - optional and heavy

            study, space = self._asked
            transform = _SearchSpaceTransform(space, transform_step=not self._with_margin, transform_0_1=True)
            begun = self._init_optimizer(transform, study.direction)  # always: it draws a number, too
            optimizer = replay.optimizer or begun
            sign = 1.0 if study.direction.name == "MINIMIZE" else -1.0
            while True:
                told = self._get_solution_trials(completed_trials, optimizer.generation)
                told = [trial for trial in told if space.keys() <= trial.params.keys()][: optimizer.population_size]
                if len(told) < optimizer.population_size:
                    replay.optimizer = optimizer
                    return optimizer
                points = [trial.system_attrs.get("x_for_tell") for trial in told] if self._with_margin else []
                optimizer.tell(
                    [
                        (self._point(transform, trial, points[n] if points else None), sign * trial.value)
                        for n, trial in enumerate(told)
                    ]
                )

        @staticmethod
        def _point(transform: Any, trial: FrozenTrial, told: list[float] | None) -> Any:
            import numpy as np  # noqa: PLC0415 - only where a sweep runs

            at = transform.transform(trial.params)
            return np.array(told, float) if told is not None and len(told) == len(at) else at

        def _split_optimizer_str(self, optimizer_str: str) -> dict[str, str]:
            return {}

    return Replayed


def _numbered(cls: Any, number: int) -> Any:
    """Quasi-Monte-Carlo whose point is that of the trial's number, whichever agent asks."""

    class Numbered(cls):  # type: ignore[misc] # a class that is only known where Optuna is installed
        def _find_sample_id(self, study: Study, search_space: dict[str, Any]) -> int:
            return number

    return Numbered
