"""A sweep as stored, with the attributes that other trackers' users know."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weft import settings
from weft.api.mongo import order_of
from weft.api.records import Records, all_of
from weft.errors import NotFoundError
from weft.records import Run, RunQuery
from weft.records.sweeps import Sweep, SweepStatus, Trial, first_goal, grid_size, objective_names

if TYPE_CHECKING:
    from weft.api.runs import StoredRun
    from weft.repositories import Store
    from weft.settings import Settings

_log = logging.getLogger("weft")
_AT_ONCE = 200
"""How many runs are asked for by id at once; they are a part of the address."""


class StoredSweep:
    """A sweep as stored: every field of :class:`weft.records.sweeps.Sweep` is an attribute, its trials and runs are a
    call away. ``run_of`` makes what reading gives of a run's record."""

    def __init__(
        self, store: Store, record: Sweep, run_of: Callable[[Run], StoredRun], place: Settings | None = None
    ) -> None:
        self._store, self._run_of, self._place = store, run_of, place
        self.record = record

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "record":  # not yet set, as while copying
            raise AttributeError(name)
        return getattr(self.record, name)

    def __repr__(self) -> str:
        sweep = self.record
        return f"<stored sweep {sweep.name!r} ({sweep.sweep_id}) of {sweep.project!r}: {sweep.status}>"

    @property
    def id(self) -> str:
        """The sweep's id."""
        return self.record.sweep_id

    @property
    def entity(self) -> str:
        """Nobody: a Weft directory or server has one owner."""
        return ""

    @property
    def state(self) -> str:
        """The status in capitals: RUNNING, PAUSED, STOPPED, FINISHED or CANCELED."""
        return self.record.status.value.upper()

    @property
    def order(self) -> str | None:
        """How its runs are sorted so that the best is the first: ``+summary_metrics.loss``, ``-`` for a metric that is
        to be large; None where it has no metric."""
        names = objective_names(self.record.config)
        sign = "-" if first_goal(self.record.config) == "maximize" else "+"
        return f"{sign}summary_metrics.{names[0]}" if names else None

    @property
    def expected_run_count(self) -> int | None:
        """How many runs it will have: ``run_cap``, the cells of a grid, the lower of the two; None for no limit."""
        config = self.record.config
        limits = [config.get("run_cap"), grid_size(config) if config.get("method") == "grid" else None]
        return min((limit for limit in limits if isinstance(limit, int)), default=None)

    @property
    def best_loss(self) -> float | None:
        """The first value of the best complete trial; None where there is none."""
        best = None if self.record.best is None else self._store.sweeps.get_trial(self.id, self.record.best)
        return None if best is None or not best.values else best.values[0]

    @property
    def path(self) -> list[str]:
        """Project and id."""
        return [self.record.project, self.id]

    @property
    def url(self) -> str:
        """The address of its page."""
        place = self._place or settings.load()
        base = place.url or f"http://127.0.0.1:{place.port}"
        return f"{base.rstrip('/')}/sweep/{quote(self.id, safe='')}"

    @property
    def trials(self) -> Records[Trial]:
        """Its trials by number, as they are now."""
        return Records(self._store.sweeps.list_trials(self.id))

    @property
    def runs(self) -> Records[StoredRun]:
        """The runs of its trials, in the order of their numbers: of each the one of its last attempt."""
        return self._runs({trial.run_id: None for trial in self.trials if trial.run_id})

    def best_run(self, order: str | None = None) -> StoredRun | None:
        """The run of the best complete trial, or of all its runs the first one by ``order``, such as
        ``-summary_metrics.accuracy``; None where there is none. Of a sweep without a metric it is the latest."""
        if order is None and self.order is not None:
            trials = [] if self.record.best is None else [self._store.sweeps.get_trial(self.id, self.record.best)]
            return next(iter(self._runs({trial.run_id: None for trial in trials if trial.run_id})), None)
        if order is None:
            _log.warning("Weft: the sweep %s has no metric: its latest run is taken for the best.", self.id)
        wanted = {trial.run_id for trial in self.trials}
        query = RunQuery(order=order_of(order or "-created_at"), limit=500, kind="trial", project=self.record.project)
        found = all_of(self._store.runs.list_runs, query)
        return next((self._run_of(run) for run in found if run.run_id in wanted), None)

    def load(self, force: bool = True) -> StoredSweep:
        """Read it again: a sweep that goes on has changed."""
        self.record = self._store.sweeps.get_sweep(self.id)
        return self

    def pause(self) -> StoredSweep:
        """Begin no more trials until it is resumed; those at work go on."""
        return self._become(SweepStatus.PAUSED)

    def resume(self) -> StoredSweep:
        """Go on with it. Raises ConflictError where it was canceled."""
        return self._become(SweepStatus.RUNNING)

    def stop(self) -> StoredSweep:
        """Begin no more trials; those at work go on, agents end."""
        return self._become(SweepStatus.STOPPED)

    def cancel(self) -> StoredSweep:
        """End it for good, those of its trials that are at work, too."""
        return self._become(SweepStatus.CANCELED)

    def _become(self, status: SweepStatus) -> StoredSweep:
        self.record = self._store.sweeps.change_sweep(self.id, status=status)
        return self

    def _runs(self, run_ids: Mapping[str, None]) -> Records[StoredRun]:
        names = list(run_ids)
        found: dict[str, Run] = {}
        for start in range(0, len(names), _AT_ONCE):
            query = RunQuery(run_ids=names[start : start + _AT_ONCE], limit=_AT_ONCE)
            found.update((run.run_id, run) for run in self._store.runs.list_runs(query).items)
        return Records(self._run_of(found[name]) for name in names if name in found)


def sweep_of(store: Store, run: Run) -> Sweep | None:
    """The sweep that a run is a trial of; None where it is none, or the sweep is gone."""
    told = run.environment.get("sweep")
    sweep_id = told.get("sweep_id") if isinstance(told, Mapping) else run.group if run.kind == "trial" else None
    if not isinstance(sweep_id, str):
        return None
    try:
        return store.sweeps.get_sweep(sweep_id)
    except NotFoundError:
        return None
