"""What an agent says to whoever started it: what it works on, how each trial ended, and what came of all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus
from weft.settings import Settings
from weft.sweeps.pareto import best_trials
from weft.sweeps.spec import Objective, SweepSpec

_GO_ON = {
    SweepStatus.STOPPED: "`weft sweep resume {0}` goes on with it",
    SweepStatus.CANCELED: "it does not go on; begin another one, whose prior_runs may be the runs of this one",
}


def page_of(settings: Settings, sweep_id: str) -> str:
    """The address of a sweep's page."""
    base = settings.url or f"http://127.0.0.1:{settings.port}"
    return f"{base.rstrip('/')}/sweep/{sweep_id}"


def _to_stderr(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()


class Teller:
    """Says a line at a time, by several agents at once; nothing where it is ``quiet``."""

    def __init__(self, quiet: bool = True, write: Callable[[str], object] = _to_stderr) -> None:
        self._write = None if quiet else write

    def say(self, text: str) -> None:
        """One line."""
        if self._write is not None:
            self._write(f"weft: {text}\n")

    def begins(self, sweep: Sweep, where: str, at_once: str) -> None:
        """The agents of a call begin."""
        self.say(f"sweep {sweep.name}, {where}: {at_once}; Ctrl-C gives back what has not ended")

    def waits(self, sweep: Sweep) -> None:
        """A sweep is paused."""
        self.say(f"sweep {sweep.name} is paused; no trial begins until `weft sweep resume {sweep.sweep_id}`")

    def leaves(self) -> None:
        """Ctrl-C came, or SIGTERM."""
        self.say("trials at work are ended and given back, which may take 15 s; Ctrl-C again leaves at once")

    def given_back(self, trial: Trial) -> None:
        """A trial is for another agent."""
        self.say(f"trial {trial.number} is given back: the next agent begins it again")

    def ended(self, spec: SweepSpec, trial: Trial, before: Sequence[Trial]) -> None:
        """A trial has ended; ``before`` are the trials as they were when it began, or since."""
        if self._write is not None:
            self.say(_ending(spec.objectives, trial, before))

    def comes_to(self, sweep: Sweep, spec: SweepSpec, trials: Sequence[Trial]) -> None:
        """No more trials are run here: how the sweep stands."""
        if self._write is None:
            return
        counts = ", ".join(f"{count} {status}" for status, count in sorted(sweep.counts.items())) or "no trials"
        said = [f"sweep {sweep.name} is {sweep.status}: {counts}"]
        best = best_trials(trials, spec.objectives) if spec.objectives else []
        if best and len(spec.objectives) == 1:
            said.append(f"the best is trial {best[0].number} with {_values(spec.objectives, best[0])}")
        elif best:
            said.append(f"{len(best)} on the Pareto front")
        why = _GO_ON.get(sweep.status) or (_limit(spec, trials) if sweep.status is SweepStatus.FINISHED else None)
        said.extend([why.format(sweep.sweep_id)] if why else [])
        self.say("; ".join(said))


def _ending(objectives: Sequence[Objective], trial: Trial, before: Sequence[Trial]) -> str:
    why = f": {trial.reason}" if trial.reason else ""
    match trial.status:
        case TrialStatus.COMPLETE if trial.values:
            first = objectives[0]
            others = [one.values[0] for one in before if one.status is TrialStatus.COMPLETE and one.values]
            best = len(objectives) == 1 and all(first.better(trial.values[0], other) for other in others)
            return f"trial {trial.number}: {_values(objectives, trial)}{', the best so far' if best else ''}"
        case TrialStatus.COMPLETE:
            return f"trial {trial.number} has no value{why}" if objectives else f"trial {trial.number} is complete"
        case TrialStatus.PRUNED:
            return f"trial {trial.number} is stopped early{why}"
        case TrialStatus.FAILED:
            return f"trial {trial.number} failed{why}"
        case TrialStatus.CANCELED:
            return f"trial {trial.number} is canceled{why}"
        case _:  # what failed may be tried again
            return f"trial {trial.number} failed and is tried again{why}"


def _values(objectives: Sequence[Objective], trial: Trial) -> str:
    return ", ".join(f"{one.name} {value:.6g}" for one, value in zip(objectives, trial.values or [], strict=False))


def _limit(spec: SweepSpec, trials: Sequence[Trial]) -> str | None:
    """Why a sweep is finished, and what begins more of its trials."""
    if spec.run_cap is not None and sum(not trial.known for trial in trials) >= spec.run_cap:
        return f"its run_cap of {spec.run_cap} is reached: `weft sweep edit {{0}} --run-cap N` allows more"
    if spec.method == "grid":
        return "every cell of its grid was tried: `weft sweep edit {0} FILE` adds values"
    return "it has reached its target: `weft sweep resume {0}` goes on with it"
