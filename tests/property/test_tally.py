"""The tally of an evaluation, whatever order its samples come in, and wherever they lie."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.evals import collected as collecting
from weft.evals.collected import Collected
from weft.evals.tally import Tally
from weft.records import Failure, Sample, SampleStatus, Score, ScoreSource
from weft.records.codec import encode

texts = st.text(max_size=8)
outcomes = st.one_of(st.none(), st.sampled_from(["good", "bad"]), st.floats(allow_nan=False, allow_infinity=False))
samples = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), outcomes, texts), max_size=30, unique_by=lambda one: one[:2]
)


def made(example: int, repetition: int, outcome: Any, text: str) -> tuple[Sample, list[Score]]:
    sample = Sample("r", "p", f"e{example}", repetition, SampleStatus.OK, 0, 1, output=text, tags=[text])
    told = {"value": outcome} if isinstance(outcome, float) else {"label": outcome}
    failure = Failure("Error", text) if outcome is None else None
    score = Score(f"{example}.{repetition}", "p", "s", 0, ScoreSource.CODE, run_id="r", failure=failure, **told)
    return sample, [score]


@given(samples, st.randoms(use_true_random=False), st.integers(0, 10))
@settings(max_examples=60, deadline=None)
def test_any_order_gives_the_same(rows: list[Any], random: Any, most: int) -> None:
    ordered = [made(*row) for row in rows]
    shuffled = list(enumerate(ordered))
    random.shuffle(shuffled)
    before, collecting.MOST_KEPT = collecting.MOST_KEPT, most
    try:
        found = Collected()
        for place, (sample, scores) in shuffled:
            found.add(place, sample, encode(sample)[1], scores)
    finally:
        collecting.MOST_KEPT = before
    assert list(found.samples()) == [sample for sample, _ in ordered]
    assert list(found.scores()) == [score for _, scores in ordered for score in scores]
    for name, score, label in found.tally.metrics():
        column = found.tally.column(score, label)
        expected: dict[str, list[float | None]] = {}
        for sample, scores in ordered:
            one = scores[0]
            value = one.value if label is None else float(one.label == label)
            expected.setdefault(sample.example_id, []).append(None if one.failure is not None else value)
        assert column == expected, name
    assert found.tally.examples == list(dict.fromkeys(sample.example_id for sample, _ in ordered))


def test_scores_of_other_samples_do_not_count() -> None:
    sample, scores = made(1, 0, 1.0, "")
    _, others = made(2, 0, 0.0, "")
    assert Tally.of([sample], [Score(**{**_fields(s), "example_id": "e1", "repetition": 0}) for s in scores]).column(
        "s"
    ) == {"e1": [1.0]}
    assert Tally.of([sample], others).column("s") == {"e1": [None]}


def _fields(score: Score) -> dict[str, Any]:
    return {name: getattr(score, name) for name in Score.__dataclass_fields__}
