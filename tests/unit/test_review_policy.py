from __future__ import annotations

from typing import Any

import pytest

from weft.errors import InputError
from weft.records import ItemStatus, ReviewQueue, Sample, SampleStatus, Score, ScoreSource
from weft.reviews import Choice, ReviewPolicy
from weft.reviews.policy import permanent_uniform
from weft.reviews.queue import blind

QUEUE = ReviewQueue("q1", "p", "answers", "correct")


def sample(number: int, status: SampleStatus = SampleStatus.OK) -> Sample:
    return Sample("r1", "p", f"e{number}", 0, status, 0, 1, input=f"question {number}", expected="x", output="y")


def verdict(number: int, value: float | None) -> Score:
    return Score(
        f"s{number}", "p", "judge", 0, ScoreSource.LLM, value, explanation="because",
        run_id="r1", example_id=f"e{number}", repetition=0,
    )  # fmt: skip


def test_the_draw_is_permanent_and_uniform() -> None:
    first = permanent_uniform("p", "q", "r", "e", 0)
    assert first == permanent_uniform("p", "q", "r", "e", 0)
    assert first != permanent_uniform("p", "q", "r", "e", 1)
    assert first != permanent_uniform("p", "q", "r", "e", 0, seed=1)
    many = [permanent_uniform("p", "q", "r", str(i), 0) for i in range(2000)]
    assert all(0 <= u < 1 for u in many)
    assert abs(sum(many) / 2000 - 0.5) < 0.03


def test_every_answered_sample_has_an_item_and_the_ambiguous_a_higher_chance() -> None:
    samples = [sample(i) for i in range(100)] + [sample(100, SampleStatus.ERROR)]
    scores = [verdict(i, 0.5 if i < 10 else 0.98) for i in range(100)]
    items = ReviewPolicy("answers", budget=0.2).draw(QUEUE, samples, scores)
    assert len(items) == 100
    chances = [item.p or 0.0 for item in items]
    assert sum(chances) == pytest.approx(20)
    assert min(chances[:10]) > max(chances[10:]) >= 0.05
    for item in items:
        assert item.u is not None
        assert item.p is not None
        assert (item.status == ItemStatus.WAITING) == (item.u < item.p)
        assert item.shown == {"input": f"question {item.example_id[1:]}", "output": "y"} if item.example_id else False
        assert item.machine["explanation"] == "because"
    assert [i.item_id for i in items] == [i.item_id for i in ReviewPolicy("answers").draw(QUEUE, samples, scores)]


def test_a_failed_judge_sends_the_case() -> None:
    items = ReviewPolicy("answers").draw(QUEUE, [sample(0), sample(1), sample(2)], [verdict(0, 0.9), verdict(1, None)])
    assert [item.p for item in items[1:]] == [1.0, 1.0]
    assert {item.reason for item in items[1:]} == {"the judge failed"}


def test_the_reviewer_is_blind_until_the_label_is_in() -> None:
    item = ReviewPolicy("answers", show_expected=True).draw(QUEUE, [sample(0)], [verdict(0, 0.5)])[0]
    hidden = blind(item)
    assert (hidden.machine, hidden.reason, hidden.u, hidden.p) == ({}, "", None, None)
    assert hidden.shown["expected"] == "x"


def test_the_rubric_as_data() -> None:
    assert ReviewPolicy("q").rubric()["choices"] == [
        {"label": "correct", "value": 1.0, "key": "y"},
        {"label": "incorrect", "value": 0.0, "key": "n"},
    ]
    rubric = ReviewPolicy("q", question="Good?", choices={"yes": 1, "partly": 0.5, "no": 0}).rubric()
    assert [(c["value"], c["key"]) for c in rubric["choices"]] == [(1.0, "1"), (0.5, "2"), (0.0, "3")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"queue": "a/b"}, r"queue name 'a/b' cannot stand in an address"),
        ({"audit_floor": 0}, r"audit_floor is 0 and budget 0\.2.*without a floor no valid estimate"),
        ({"budget": 1.5}, r"audit_floor is 0\.05 and budget 1\.5"),
        ({"mix": 2}, r"mix is 2"),
        ({"lease_s": 0}, r"lease_s is 0"),
        ({"target": "all"}, r"target is 'all'.*one, mean, adjudicated"),
        ({"choices": {"yes": 1}}, r"two or more choices with different labels"),
        ({"choices": [Choice("a", 1), Choice("a", 0)]}, r"two or more choices with different labels"),
        ({"choices": {"good": 5, "bad": 1}}, r"The choice 'good' counts 5.*Scale the values"),
    ],
)
def test_bad_policies_say_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ReviewPolicy(**{"queue": "q", **arguments})
