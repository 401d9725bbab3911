"""Which configuration is tried next: a pure function of the sweep's configuration, its trials and the next number.

Any agent computes it from the trials that the store holds, so there is no controller and no second database. Agents
that ask at once for the same number race on claiming it; the losers read again and ask for the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from weft.records.sweeps import Trial, TrialStatus
from weft.sweeps.domains import Choice, Constant, Whole
from weft.sweeps.samplers import load_optuna, remembered, sampler_maker, seed_of
from weft.sweeps.space import Parameter, Space
from weft.sweeps.spec import SweepSpec

Suggestion = tuple[dict[str, Any], dict[str, Any]]
_AT_WORK = (TrialStatus.RUNNING, TrialStatus.CRASHED)  # a crashed one will be taken over with the same parameters
_TRIES = 20


class Suggester:
    """Suggests the parameters of the next trial. Not for several threads at once.

    ``next`` of a grid is the first cell that no trial has; of random, what the seed and the number give; of bayes, what
    the sampler makes of the results so far, those at work counted as bad ones (constant liar) so that agents spread.
    Raises MissingExtraError for bayes where Optuna is not installed.
    """

    def __init__(self, spec: SweepSpec) -> None:
        self._way: _Grid | _Random | _Bayes
        if spec.method == "grid":
            self._way = _Grid(spec.space)
        elif spec.method == "random":
            self._way = _Random(spec.space, spec.seed)
        else:
            self._way = _Bayes(spec)

    def next(self, trials: Sequence[Trial], number: int) -> Suggestion | None:
        """The parameters by path and the sampler's own state for the trial ``number``, given all trials so far.

        None where a grid has no cell left.
        """
        return self._way.next(trials, number)


class _Grid:
    def __init__(self, space: Space) -> None:
        self._cells: Iterator[dict[str, Any]] = space.cells()
        self._head: dict[str, Any] | None = next(self._cells, None)
        self._taken: dict[int, str] = {}
        self._seen: set[str] = set()

    def next(self, trials: Sequence[Trial], number: int) -> Suggestion | None:
        """The first cell in the grid's order that no trial has."""
        for trial in trials:
            if trial.number not in self._taken:
                self._taken[trial.number] = _key(trial.params)
                self._seen.add(self._taken[trial.number])
        while self._head is not None and _key(self._head) in self._seen:
            self._head = next(self._cells, None)
        return None if self._head is None else (dict(self._head), {})


class _Random:
    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed

    def next(self, trials: Sequence[Trial], number: int) -> Suggestion:
        """What the seed and the number give, whoever asks and whatever the others found."""
        return drawn(self._space, np.random.default_rng([self._seed, number])), {}


def drawn(space: Space, rng: np.random.Generator) -> dict[str, Any]:
    """A choice at random. Each parameter has a number of its own, so that a condition shifts none of the others."""
    chosen: dict[str, Any] = {}
    for parameter, u in zip(space.parameters, rng.random(len(space.parameters)).tolist(), strict=True):
        if parameter.active(chosen):
            chosen[parameter.path] = parameter.domain.at(u)
    return chosen


class _Bayes:
    """A study of Optuna's in memory, kept in step with the trials."""

    def __init__(self, spec: SweepSpec) -> None:
        self._optuna = load_optuna()
        self._space, self._seed = spec.space, spec.seed
        conditional = any(parameter.when for parameter in spec.space.parameters)
        count = len(spec.objectives)
        self._make = sampler_maker(spec.sampler, seed=spec.seed, objectives=count, conditional=conditional)
        goals = [objective.goal for objective in spec.objectives]
        self._study = self._optuna.create_study(directions=goals, sampler=self._make(0))
        self._storage = self._study._storage
        self._count = count
        self._placed: dict[int, tuple[int, TrialStatus]] = {}  # of a trial's number: its id here, its status
        self._at_work: dict[int, str] = {}
        self._states = self._optuna.trial.TrialState

    def next(self, trials: Sequence[Trial], number: int) -> Suggestion:
        """What the sampler makes of the trials; none that is at work is suggested again where the space has others."""
        self._follow(trials)
        self._study.sampler = self._make(number)
        asked = self._study.ask()
        chosen: dict[str, Any] = {}
        for parameter in self._space.parameters:
            if parameter.active(chosen):
                chosen[parameter.path] = _ask(asked, parameter)
        attrs = remembered(self._storage.get_trial(asked._trial_id).system_attrs)
        # It is here for good only when a claim of it is seen among the trials.
        self._study.tell(asked, state=self._states.FAIL)
        running = set(self._at_work.values())
        for attempt in range(_TRIES):
            if _key(chosen) not in running:
                break
            chosen, attrs = drawn(self._space, np.random.default_rng(seed_of(self._seed, number, attempt + 1))), {}
        return chosen, attrs

    def _follow(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            placed = self._placed.get(trial.number)
            if placed is None or (placed[1] is not trial.status and self._told_nothing(placed[0])):
                self._placed[trial.number] = (self._add(trial), trial.status)
            elif placed[1] is not trial.status:
                self._change(placed[0], trial)
            else:
                continue
            if trial.status in _AT_WORK:
                self._at_work[trial.number] = _key(trial.params)
            else:
                self._at_work.pop(trial.number, None)

    def _told_nothing(self, known: int) -> bool:
        """Whether a trial is not in the study, or as one that failed: it may be tried again."""
        return known < 0 or self._storage.get_trial(known).state is self._states.FAIL

    def _add(self, trial: Trial) -> int:
        """The id of a trial that was put into the study; -1 where it tells the sampler nothing."""
        params = self._inside(trial.params)
        state, values = self._outcome(trial)
        if params is None or state is self._states.FAIL:
            return -1
        distributions = {p.path: _distribution(self._optuna, p) for p in self._space.parameters if p.path in params}
        pruned = state is self._states.PRUNED
        template = self._optuna.trial.create_trial(
            state=state,
            values=None if pruned else values,
            params=params,
            distributions=distributions,
            intermediate_values={1: values[0]} if pruned and values else None,
            system_attrs=remembered(trial.attrs),
        )
        return int(self._storage.create_new_trial(self._study._study_id, template_trial=template))

    def _change(self, known: int, trial: Trial) -> None:
        state, values = self._outcome(trial)
        if state is not self._states.RUNNING and self._storage.get_trial(known).state is self._states.RUNNING:
            if state is self._states.PRUNED and values:
                self._storage.set_trial_intermediate_value(known, 1, values[0])
            self._storage.set_trial_state_values(known, state, values if state is self._states.COMPLETE else None)
        self._placed[trial.number] = (known, trial.status)

    def _outcome(self, trial: Trial) -> tuple[Any, list[float] | None]:
        """How Optuna calls what became of a trial, and its values.

        A value that is no number is worse than any: the trial counts as one that was stopped without a value, which
        keeps the sampler away from there.
        """
        if trial.status in _AT_WORK:
            return self._states.RUNNING, None
        values = trial.values or []
        sound = len(values) == self._count and not any(value != value for value in values)
        if trial.status is TrialStatus.COMPLETE and sound:
            return self._states.COMPLETE, values
        single = self._count == 1
        if single and (trial.status is TrialStatus.PRUNED or (trial.status is TrialStatus.COMPLETE and values)):
            return self._states.PRUNED, values if sound else None
        return self._states.FAIL, None

    def _inside(self, chosen: Mapping[str, Any]) -> dict[str, Any] | None:
        """A choice as the study has it; None where it is none of this space, as after the space was narrowed."""
        places = self._space.places(chosen)
        if places is None:
            return None
        inside: dict[str, Any] = {}
        for parameter in self._space.parameters:
            domain = parameter.domain
            if parameter.path not in places or isinstance(domain, Constant):
                continue
            value = chosen[parameter.path]
            if isinstance(domain, Choice):
                inside[parameter.path] = domain.index(value)
            else:
                inside[parameter.path] = int(value) if isinstance(domain, Whole) else places[parameter.path]
        return inside


def _ask(trial: Any, parameter: Parameter) -> Any:
    domain = parameter.domain
    if isinstance(domain, Constant):
        return domain.value
    if isinstance(domain, Choice):
        return domain.values[trial.suggest_categorical(parameter.path, _possible(domain))]
    if isinstance(domain, Whole):
        return trial.suggest_int(parameter.path, domain.low, domain.high)
    return domain.at(trial.suggest_float(parameter.path, 0.0, 1.0))


def _distribution(optuna: Any, parameter: Parameter) -> Any:
    domain = parameter.domain
    if isinstance(domain, Choice):
        return optuna.distributions.CategoricalDistribution(_possible(domain))
    if isinstance(domain, Whole):
        return optuna.distributions.IntDistribution(domain.low, domain.high)
    return optuna.distributions.FloatDistribution(0.0, 1.0)


def _possible(domain: Choice) -> list[int]:
    """The places of the values that can come at all; values themselves may be of any JSON."""
    return [n for n, probability in enumerate(domain.probabilities) if probability > 0]


def _key(chosen: Mapping[str, Any]) -> str:
    return json.dumps({path: _plain(value) for path, value in chosen.items()}, sort_keys=True)


def _plain(value: Any) -> Any:
    """With 1.0 as 1: a run that was added by hand may have the one where the configuration has the other."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
