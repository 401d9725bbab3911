"""From what was measured to verdicts: bounds by their interval, drops by a paired non-inferiority test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from weft import recording
from weft.errors import WeftError
from weft.evals import baselines
from weft.evals.baselines import Baseline
from weft.evals.gates import Gate, Outcome, Verdict, as_gate, worst
from weft.evals.measured import MEASURES, SPENDING, LabelsFor, Measured, lower_is_better, worst_value
from weft.statistics import Aggregate, NonInferiority, holm, non_inferiority, normal_quantile

if TYPE_CHECKING:
    from weft.evals.results import EvaluationResult
    from weft.repositories import Store

_SMALLEST_P = 1e-12


@dataclass(frozen=True, slots=True)
class Finding:
    """What one condition of a gate came to; see :class:`weft.evals.gates.Verdict`."""

    outcome: Outcome
    reason: str
    settle: str = ""
    figure: Aggregate | None = None
    p_value: float | None = None
    baseline: str | None = None


def judge(result: EvaluationResult, gates: Sequence[Gate | str], store: Store | None = None) -> list[Verdict]:
    """The verdict of every gate on a result, in order. The store is asked where a gate has ``max_drop``: for the run
    that it names as its baseline, else the last finished one of the same evaluation that its gates let pass."""
    asked = [as_gate(gate) for gate in gates]
    measured = Measured.of(result)
    found: list[Baseline | None] = []
    for gate in asked:
        if gate.max_drop is None or gate.metric not in measured.known:
            found.append(None)
            continue
        if gate.baseline is not None:
            store = store or recording.require("A gate with a baseline").caught_up()
            found.append(Baseline(baselines.from_store(gate.baseline, store), gate.baseline))
            continue
        store = store or _active_store()
        found.append(
            Baseline(None, "", "nothing is recorded, so there is no earlier run")
            if store is None
            else baselines.earlier(result.name, gate.metric, store, result.project, besides=result.run_id)
        )
    return judge_measured(measured, asked, found)


def _active_store() -> Store | None:
    try:
        return None if recording.active is None else recording.active.caught_up()
    except WeftError:  # recording is switched off, or the server is away
        return None


def judge_measured(measured: Measured, gates: Sequence[Gate], baselines: Sequence[Baseline | None]) -> list[Verdict]:
    """The verdict of every gate, in order. ``baselines`` has one for every gate with ``max_drop``."""
    drops = [
        None if gate.max_drop is None else _drop(measured, gate, baseline)
        for gate, baseline in zip(gates, baselines, strict=True)
    ]
    tested = [i for i, drop in enumerate(drops) if isinstance(drop, _Tested)]
    tests = [drop for drop in drops if isinstance(drop, _Tested)]
    shown = dict(zip(tested, holm([test.p_value for test in tests]), strict=True))
    refuted = dict(zip(tested, holm([1 - test.plain.p_value for test in tests]), strict=True))
    verdicts = []
    for i, (gate, drop) in enumerate(zip(gates, drops, strict=True)):
        findings = [_bound(measured, gate)] if gate.minimum is not None or gate.maximum is not None else []
        if isinstance(drop, _Tested):
            findings.append(_drop_finding(drop, gate, shown[i], refuted[i], len(tests)))
        elif drop is not None:
            findings.append(drop)
        verdicts.append(_verdict(gate, [_if_whole(finding, measured) for finding in findings]))
    return verdicts


def _verdict(gate: Gate, findings: Sequence[Finding]) -> Verdict:
    outcome = worst(finding.outcome for finding in findings)
    telling = [finding for finding in findings if finding.outcome is outcome]
    first = telling[0]
    figure = first.figure or Aggregate(0, 0, None, level=gate.level)
    return Verdict(
        gate=str(gate),
        metric=gate.metric,
        outcome=outcome,
        reason=" ".join(dict.fromkeys(finding.reason for finding in telling)),
        settle=" ".join(dict.fromkeys(finding.settle for finding in telling if finding.settle)),
        value=figure.value,
        low=figure.low,
        high=figure.high,
        level=gate.level,
        n=figure.n,
        missing=figure.missing,
        baseline=next((finding.baseline for finding in findings if finding.baseline), None),
        p_value=next((finding.p_value for finding in findings if finding.p_value is not None), None),
    )


def _if_whole(finding: Finding, measured: Measured) -> Finding:
    """No evaluation passes that has samples which were not even begun."""
    if finding.outcome is not Outcome.PASS or not measured.unrun:
        return finding
    reason = f"{finding.reason[:-1]}, but {measured.unrun} samples were not run."
    return replace(finding, outcome=Outcome.INCONCLUSIVE, reason=reason, settle=_mending(measured))


def _mending(measured: Measured) -> str:
    why = f"It stopped early: {measured.stopped}. " if measured.unrun and measured.stopped else ""
    return f"{why}Mend what failed and run again."


def _unmeasured(measured: Measured, gate: Gate) -> Finding | None:
    """Why the metric has no figure that can be judged, if so."""
    base = measured.base(gate.metric)
    if base is None:
        have = ", ".join(measured.known)
        return Finding(Outcome.ERROR, f"There is no metric {gate.metric}; this evaluation has: {have}.")
    if base[0] in measured.wholes:
        figure = measured.wholes[base[0]]
        if figure.value is None:
            return Finding(Outcome.ERROR, f"{gate.metric} has no figure: {figure.reason}.", figure=figure)
        return None
    values = [value for column in measured.column(base[0]).values() for value in column]
    lost = sum(value is None for value in values) + measured.unrun
    if not values:
        return Finding(Outcome.ERROR, "There were no examples.")
    figure = measured.figure(gate.metric, level=gate.level)
    if figure.value is None:
        if base[0] in SPENDING and base[0] not in measured.metrics:
            return Finding(Outcome.ERROR, f"{gate.metric} was not recorded: no call of the target told it.")
        return Finding(Outcome.ERROR, f"{gate.metric} has no figure: {figure.reason}.", figure=figure)
    planned = len(values) + measured.unrun
    if lost / planned > gate.max_missing:
        reason = f"{gate.metric} is missing in {lost} of {planned} samples, more than {100 * gate.max_missing:g}%."
        return Finding(Outcome.ERROR, reason, _mending(measured), figure)
    return None


def _bound(measured: Measured, gate: Gate) -> Finding:
    problem = _unmeasured(measured, gate)
    if problem is not None:
        return problem
    base = measured.base(gate.metric)
    assert base is not None
    figure = measured.figure(gate.metric, level=gate.level)
    if base[0] in measured.wholes:
        values: list[float | None] = []
    else:
        values = [value for column in measured.column(base[0]).values() for value in column]
    scored = base[0] in measured.metrics
    sides = [(gate.minimum, False), (gate.maximum, True)]
    findings = []
    for limit, high_is_bad in sides:
        if limit is None:
            continue
        fill = worst_value(values, high_is_bad=high_is_bad, unit=scored or base[0] not in MEASURES)
        filled = measured.figure(gate.metric, level=gate.level, missing_as=fill) if None in values else figure
        proportion = bool(values) and all(value in (0.0, 1.0, None) for value in values) and base[1] is None
        finding = _against(gate, limit, high_is_bad, figure, filled, proportion)
        if base[1] is not None and finding.outcome is Outcome.INCONCLUSIVE:
            finding = replace(finding, settle=_more_for_quantile(figure, base[1], gate.alpha, high_is_bad))
        if base[0] in measured.labels_for and finding.outcome is Outcome.INCONCLUSIVE:
            finding = replace(finding, settle=_more_labels(measured.labels_for[base[0]], figure, limit))
        findings.append(finding)
    return next(f for f in findings if f.outcome is worst(f.outcome for f in findings))


def _against(
    gate: Gate, limit: float, high_is_bad: bool, figure: Aggregate, filled: Aggregate, proportion: bool
) -> Finding:
    """One limit. For a limit at the very end of a proportion's scale the interval can never be clear of it: what is
    asked there is that every example keeps to it."""
    assert figure.value is not None
    by_value = gate.bound == "value" or (proportion and limit == (0.0 if high_is_bad else 1.0))
    told = f"{gate.metric} is {_shown(figure)}"
    side = f"{'at most' if high_is_bad else 'at least'} {limit:g}"
    if gate.strict:
        side = f"{'below' if high_is_bad else 'above'} {limit:g}"
    if _keeps(gate, limit, high_is_bad, figure, by_value):
        if _keeps(gate, limit, high_is_bad, filled, by_value):
            return Finding(Outcome.PASS, f"{told}: {side}.", figure=figure)
        reason = f"{told}, but with the missing samples counted as failures it is {_shown(filled)}."
        return Finding(Outcome.INCONCLUSIVE, reason, "Run those that are missing again.", figure)
    ends = (figure.value, figure.value) if by_value else (figure.low, figure.high)
    near = ends[0] if high_is_bad else ends[1]
    beyond = near is not None and not _good(gate, limit, high_is_bad, near)
    if beyond:
        return Finding(Outcome.FAIL, f"{told}: not {side}.", figure=figure)
    if figure.low is None and figure.high is None:
        return Finding(
            Outcome.INCONCLUSIVE, f"{told}, without an interval: {figure.reason}.", "Give more examples.", figure
        )
    reason = f"{told}: the {gate.level:.0%} interval does not lie on one side of {limit:g}."
    return Finding(Outcome.INCONCLUSIVE, reason, _more_for_bound(figure, limit, gate.level, proportion), figure)


def _keeps(gate: Gate, limit: float, high_is_bad: bool, figure: Aggregate, by_value: bool) -> bool:
    far = figure.value if by_value else figure.high if high_is_bad else figure.low
    return far is not None and _good(gate, limit, high_is_bad, far)


def _good(gate: Gate, limit: float, high_is_bad: bool, value: float) -> bool:
    if gate.strict:
        return value < limit if high_is_bad else value > limit
    return value <= limit if high_is_bad else value >= limit


def _shown(figure: Aggregate) -> str:
    spread = ""
    if figure.low is not None or figure.high is not None:
        spread = " [" + ", ".join("?" if end is None else f"{end:.4g}" for end in (figure.low, figure.high)) + "]"
    value = "unknown" if figure.value is None else f"{figure.value:.4g}"
    return f"{value}{spread} (n={figure.n}, missing={figure.missing})"


def _more_for_bound(figure: Aggregate, limit: float, level: float, proportion: bool) -> str:
    """How many more examples settle a bound if the figure stays: where its interval is just clear of the limit."""
    assert figure.value is not None
    distance = abs(figure.value - limit)
    z = normal_quantile(0.5 + level / 2)
    if distance == 0:
        return "More examples settle it only if the figure moves off the limit."
    if proportion and figure.method == "wilson":
        needed = z * z * limit * (1 - limit) / distance**2  # Wilson's interval is the score test turned round
    elif figure.se:
        needed = figure.n * (z * figure.se / distance) ** 2
    else:
        return "More examples would settle it."
    return _more(figure.n, needed)


def _more_for_quantile(figure: Aggregate, q: float, tail: float, high_is_bad: bool) -> str:
    """A bound beyond a quantile needs so many values that they are all on its other side by a chance of ``tail``."""
    needed = math.ceil(math.log(tail) / math.log(q if high_is_bad else 1 - q))
    return _more(figure.n, needed) if figure.n < needed else "More examples would settle it."


def _more_labels(labels_for: LabelsFor, figure: Aggregate, limit: float) -> str:
    assert figure.value is not None
    distance = abs(figure.value - limit)
    more = labels_for(distance) if distance else None
    if more is None:
        return "No number of labels of these examples settles it: it takes more examples."
    return f"About {max(1, more):,} more label{'s' if more > 1 else ''} would settle it if the figure stays as it is."


def _more(n: int, needed: float) -> str:
    more = max(1, math.ceil(needed) - n)
    return f"About {more:,} more example{'s' if more > 1 else ''} would settle it if the figure stays as it is."


@dataclass(frozen=True, slots=True)
class _Tested:
    """A non-inferiority test: over what was measured (``plain``), and with missing samples counted as failures."""

    plain: _Test
    filled: _Test
    baseline: str
    left_out: str

    @property
    def p_value(self) -> float:
        """The larger of both: it has to pass with missing samples counted as failures."""
        return max(self.plain.p_value, self.filled.p_value)


@dataclass(frozen=True, slots=True)
class _Test:
    difference: Aggregate
    p_value: float


def _drop(measured: Measured, gate: Gate, baseline: Baseline | None) -> _Tested | Finding:
    problem = _unmeasured(measured, gate)
    if problem is not None:
        return problem
    base = measured.base(gate.metric)
    assert base is not None
    if base[1] is not None or base[0] in measured.wholes:
        return Finding(Outcome.ERROR, f"{gate.metric} is no figure of single examples, to be paired: give it a limit.")
    if baseline is None or baseline.measured is None:
        why = "there is nothing to compare with" if baseline is None else baseline.missing
        reason = f"A drop of {gate.metric} cannot be told: {why}."
        return Finding(Outcome.INCONCLUSIVE, reason, "Keep this run as the baseline of the next.")
    pairs = pair(baseline.measured, measured, gate.metric)
    if not pairs.examples:
        reason = f"{measured.name} shares no example with {baseline.name} that has {gate.metric} there{pairs.left_out}."
        return Finding(Outcome.ERROR, reason, "Update the baseline.", baseline=baseline.name)
    assert gate.max_drop is not None
    tests = []
    for after in (pairs.after, pairs.after_filled):
        sign = -1.0 if lower_is_better(gate.metric) else 1.0
        first, second = ([None if v is None else sign * v for v in side] for side in (pairs.before, after))
        found = non_inferiority(first, second, gate.max_drop, clusters=pairs.clusters, alpha=gate.alpha)
        if found.p_value is None:
            reason = f"The difference of {gate.metric} to {baseline.name} has no interval: {found.difference.reason}."
            return Finding(
                Outcome.INCONCLUSIVE, reason, "Give more examples.", found.difference, baseline=baseline.name
            )
        tests.append(_Test(_signed(found, sign), found.p_value))
    return _Tested(tests[0], tests[1], baseline.name, pairs.left_out)


def _signed(found: NonInferiority, sign: float) -> Aggregate:
    d = found.difference
    if sign > 0 or d.value is None:
        return d
    low = None if d.high is None else -d.high
    high = None if d.low is None else -d.low
    return Aggregate(d.n, d.missing, -d.value, d.se, low, high, d.level, d.method, d.reason)


def _drop_finding(tested: _Tested, gate: Gate, shown: float, refuted: float, tests: int) -> Finding:
    assert gate.max_drop is not None
    worse = "rise" if lower_is_better(gate.metric) else "drop"
    difference = tested.plain.difference
    told = f"{gate.metric} against {tested.baseline}: {_signed_text(difference)}{tested.left_out}"

    def finding(outcome: Outcome, reason: str, settle: str = "") -> Finding:
        return Finding(outcome, f"{told}; {reason}.", settle, difference, shown, tested.baseline)

    size = f"a {worse} of {gate.max_drop:g}"
    if shown <= gate.alpha:
        return finding(Outcome.PASS, f"{size} is ruled out")
    if refuted <= gate.alpha:
        return finding(Outcome.FAIL, f"it is a {worse} of more than {gate.max_drop:g}")
    if tested.plain.p_value * tests <= gate.alpha:
        reason = f"{size} is not ruled out when the missing samples count as failures"
        return finding(Outcome.INCONCLUSIVE, reason, "Run those that are missing again.")
    return finding(
        Outcome.INCONCLUSIVE, f"{size} is neither shown nor ruled out", _more_for_drop(tested.plain, gate.alpha / tests)
    )


def _signed_text(difference: Aggregate) -> str:
    spread = "" if difference.low is None else f" [{difference.low:+.4g}, {difference.high:+.4g}]"
    return f"{difference.value:+.4g}{spread} over {difference.n} shared examples"


def _more_for_drop(test: _Test, alpha: float) -> str:
    """How many more examples settle a drop if the difference stays: a test's z grows with the root of n."""
    p = min(max(test.p_value, _SMALLEST_P), 1 - _SMALLEST_P)
    z = abs(normal_quantile(1 - p))
    if z < 0.01:
        return "More examples settle it only if the difference moves off the limit."
    return _more(test.difference.n, test.difference.n * (normal_quantile(1 - alpha) / z) ** 2)


@dataclass(frozen=True, slots=True)
class PairedValues:
    """The values of one metric on the examples that both sides have, averaged over repetitions. ``after_filled``
    counts missing samples as failures; ``left_out`` says which examples could not be paired."""

    examples: list[str]
    before: list[float | None]
    after: list[float | None]
    after_filled: list[float | None]
    clusters: list[str] | None
    left_out: str


def pair(before: Measured, after: Measured, metric: str) -> PairedValues:
    """The values of a metric side by side. An example whose data changed in between is no pair."""
    first, second = before.column(metric), after.column(metric)
    fill = worst_value(
        [v for values in (*first.values(), *second.values()) for v in values],
        high_is_bad=lower_is_better(metric),
        unit=metric in after.metrics,
    )
    shared, changed, new = [], 0, 0
    for example_id, example in after.examples.items():
        other = before.examples.get(example_id)
        if other is None:
            new += 1
        elif other.digest and example.digest and other.digest != example.digest:
            changed += 1
        elif mean(first[example_id]) is not None:
            shared.append(example_id)
    clusters = [after.examples[example_id].cluster for example_id in shared]
    notes = [f"{new} new" if new else "", f"{changed} changed" if changed else ""]
    left_out = ", ".join(note for note in notes if note)
    return PairedValues(
        shared,
        [mean(first[e]) for e in shared],
        [mean(second[e]) for e in shared],
        [mean([fill if v is None else v for v in second[e]]) for e in shared],
        [cluster or f"alone:{e}" for e, cluster in zip(shared, clusters, strict=True)] if any(clusters) else None,
        f" (left out: {left_out})" if left_out else "",
    )


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of those that are there."""
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None
