from __future__ import annotations

from typing import Any

import pytest

from weft.errors import InputError
from weft.records.rubrics import FieldType, Rubric

ALL: dict[str, Any] = {
    "question": "How is it?",
    "instructions": "Read both.",
    "counting": "good",
    "fields": [
        {"name": "good", "type": "binary"},
        {"name": "kind", "type": "categories", "choices": ["a", "b"], "required": False},
        {"name": "faults", "type": "multi", "choices": ["tone", "facts"]},
        {"name": "style", "type": "scale", "required": False},
        {"name": "seconds", "type": "number", "min": 0, "required": False},
        {"name": "note", "type": "text"},
        {"name": "better", "type": "pairwise", "required": False},
        {"name": "fixed", "type": "corrected"},
    ],
}


def counting(**field: Any) -> Rubric:
    return Rubric.parse({"fields": [{"name": "x", **field}]})


def test_every_type_of_field_keeps_its_answers() -> None:
    rubric = Rubric.parse(ALL)
    assert [one.type for one in rubric.fields] == list(FieldType)
    assert (rubric.question, rubric.instructions, rubric.counting) == ("How is it?", "Read both.", "good")
    given = {
        "good": True,
        "kind": "b",
        "faults": ["facts", "tone", "tone"],
        "style": 4,
        "seconds": 2.5,
        "note": "ok",
        "better": "tie",
        "fixed": "42",
    }
    assert rubric.check(given) == {**given, "good": "yes", "faults": ["tone", "facts"]}
    assert rubric.counts_as(rubric.check(given)) == ("yes", 1.0)
    assert rubric.check({"good": "no", "note": None}) == {"good": "no"}
    assert rubric.check({"note": "x"}, whole=False) == {"note": "x"}


@pytest.mark.parametrize(
    ("field", "answer", "counted", "bounds"),
    [
        ({"type": "binary"}, False, ("no", 0.0), (0.0, 1.0)),
        ({"type": "scale", "min": 1, "max": 7}, 4, ("4", 0.5), (0.0, 1.0)),
        ({"type": "number", "min": -10, "max": 10}, 2.5, ("2.5", 2.5), (-10.0, 10.0)),
        ({"type": "pairwise"}, "b", ("b", 0.0), (0.0, 1.0)),
        (
            {"choices": [{"label": "meh", "value": 0.25}, {"label": "ok", "value": 0.75}]},
            "ok",
            ("ok", 0.75),
            (0.25, 0.75),
        ),
    ],
)
def test_what_an_answer_counts_as(
    field: dict[str, Any], answer: Any, counted: tuple[str, float], bounds: tuple[float, float]
) -> None:
    rubric = counting(**field)
    assert rubric.counts_as(rubric.check({"x": answer})) == counted
    assert rubric.bounds == bounds


def test_the_short_form_and_none_at_all() -> None:
    short = Rubric.parse({"question": "?", "choices": [{"label": "good", "value": 1}, {"label": "bad", "value": 0}]})
    assert [choice.key for choice in short.fields[0].choices] == ["1", "2"]
    assert (short.counting, short.check({"answer": "bad"})) == ("answer", {"answer": "bad"})
    assert [choice.label for choice in Rubric.parse({}).fields[0].choices] == ["correct", "incorrect"]
    assert Rubric.parse(ALL).field("note").counts_as("x") == (None, None)
    assert Rubric.parse(ALL).field("faults").counts_as(["tone", "facts"]) == ("tone, facts", None)


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ({"type": "binary"}, "maybe"),
        ({"type": "scale"}, 6),
        ({"type": "scale"}, 2.5),
        ({"type": "scale"}, True),
        ({"type": "scale"}, "3"),
        ({"type": "number", "min": 0, "max": 1}, float("nan")),
        ({"type": "number", "min": 0, "max": 1}, 1.5),
        ({"type": "pairwise"}, 1),
    ],
)
def test_answers_that_are_none(field: dict[str, Any], answer: Any) -> None:
    with pytest.raises(InputError, match="is no answer to the field 'x'") as caught:
        counting(**field).check({"x": answer})
    assert caught.value.field == "answers.x"


def test_answers_that_do_not_fit_the_rubric() -> None:
    rubric = Rubric.parse(ALL)
    with pytest.raises(InputError, match=r"no field 'nice'.*Its fields: good, kind"):
        rubric.check({"good": True, "nice": 1})
    with pytest.raises(InputError, match="The field 'good' has no answer"):
        rubric.check({"note": "x"})
    with pytest.raises(InputError, match="The answers are no JSON object"):
        rubric.check(["yes"])  # type: ignore[arg-type]
    for name, answer in (("faults", "tone"), ("faults", ["speed"]), ("note", 5), ("note", "x" * 1_000_001)):
        with pytest.raises(InputError, match=f"is no answer to the field '{name}'"):
            rubric.check({"good": True, name: answer})


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({"fields": []}, "1 to 100 fields"),
        ({"fields": [{"type": "text"}]}, "has no name"),
        ({"fields": [{"name": "a/b"}]}, "has no name"),
        ({"fields": [{"name": "x", "type": "stars"}]}, "of no known type.*Use one of binary"),
        ({"fields": [{"name": "x", "type": "scale"}, {"name": "x", "type": "text"}]}, "same name"),
        ({"fields": [{"name": "x", "choices": ["a", "a"]}]}, "1 to 100 choices with different labels"),
        ({"fields": [{"name": "x", "choices": []}]}, "1 to 100 choices"),
        ({"fields": [{"name": "x", "choices": [""]}]}, "no label of 1 to 256"),
        (
            {"fields": [{"name": "x", "choices": [{"label": "a", "value": "1"}]}]},
            "'value' of the field 'x' is no finite",
        ),
        ({"fields": [{"name": "x", "choices": [{"label": "a", "key": 1}]}]}, "A key of the field 'x' is no text"),
        ({"fields": [{"name": "x", "type": "binary", "choices": ["a"]}]}, "needs two choices"),
        ({"fields": [{"name": "x", "type": "scale", "min": 5, "max": 1}]}, "min below max and a step above 0"),
        ({"fields": [{"name": "x", "type": "scale", "step": 0}]}, "min below max and a step above 0"),
        ({"fields": [{"name": "x", "type": "text"}]}, "No field of the rubric can be the counting one"),
        ({"fields": [{"name": "x", "type": "scale"}], "counting": "y"}, "'y' cannot be the counting one"),
        ({"fields": [{"name": "x", "type": "scale", "required": False}]}, "must be required"),
        ({"question": 5}, "'question' in the rubric is no text"),
    ],
)
def test_rubrics_that_are_none(data: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Rubric.parse(data)
