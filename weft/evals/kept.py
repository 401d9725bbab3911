"""Results that pages ask about again and again, read from the store once while nothing of them changes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from weft.evals.comparison import Comparison, compare_results
from weft.evals.results import EvaluationResult, load
from weft.evals.sheet import Sheet
from weft.records import Run, RunStatus
from weft.repositories import Store

_MOST_SAMPLES = 300_000
_MOST_COMPARISONS = 8
_MOST_FOUND = 8
_FRESH_S = 3.0  # how long a result that still grows is shown as it was


@dataclass(slots=True)
class KeptResult:
    """A result with its columns; ``find`` remembers the last questions, so that a reader may page through answers."""

    run: Run
    result: EvaluationResult
    sheet: Sheet
    read_at: float
    _found: OrderedDict[tuple[str, str, str], list[int]] = field(default_factory=OrderedDict)

    def find(self, where: str, text: str, order: str) -> list[int]:
        """The places of samples; see :meth:`weft.evals.sheet.Sheet.find`."""
        key = where, text, order
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self.sheet.find(*key)
            while len(self._found) > _MOST_FOUND:
                self._found.popitem(last=False)
        return found


class Kept:
    """The results of one store that were asked for last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._reading: dict[str, threading.Lock] = {}
        self._results: OrderedDict[str, KeptResult] = OrderedDict()
        self._comparisons: OrderedDict[tuple[str, ...], tuple[list[Run], Comparison[EvaluationResult]]] = OrderedDict()

    def get(self, run_id: str) -> KeptResult:
        """The result of a run. Raises NotFoundError, InputError where the run is no evaluation."""
        run = self._store.runs.get_run(run_id)
        with self._lock:
            one_at_a_time = self._reading.setdefault(run_id, threading.Lock())
        with one_at_a_time:
            known = self._results.get(run_id)
            fresh = run.status != RunStatus.RUNNING or (known and time.monotonic() < known.read_at + _FRESH_S)
            if known is not None and known.run == run and fresh:
                return known
            result = load(run_id, self._store)
            kept = KeptResult(run, result, Sheet(result, list(run.summary.get("aggregates") or ())), time.monotonic())
        with self._lock:
            self._reading.pop(run_id, None)
            self._results.pop(run_id, None)
            self._results[run_id] = kept
            while len(self._results) > 1 and sum(len(one.sheet) for one in self._results.values()) > _MOST_SAMPLES:
                self._results.popitem(last=False)
        return kept

    def compare(self, run_ids: Sequence[str], metric: str | None = None) -> Comparison[EvaluationResult]:
        """The first run against each of the others. Raises as :meth:`get`, InputError where they share no metric."""
        kept = [self.get(run_id) for run_id in run_ids]
        runs = [one.run for one in kept]
        key = (*run_ids, metric or "")
        with self._lock:
            known = self._comparisons.get(key)
        if known is not None and known[0] == runs:
            return known[1]
        found = compare_results([one.result for one in kept], metrics=[metric] if metric else None)
        with self._lock:
            self._comparisons[key] = runs, found
            while len(self._comparisons) > _MOST_COMPARISONS:
                self._comparisons.popitem(last=False)
        return found
