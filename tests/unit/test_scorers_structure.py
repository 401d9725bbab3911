"""Scorers of structure: JSON differences, models, Python and SQL."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from weft.errors import MissingExtraError
from weft.scorers import JsonDiff, JsonValid, PydanticValid, PythonValid, SqlValid


class City(BaseModel):
    name: str
    people: int = Field(ge=0)


@pytest.mark.parametrize(
    ("output", "expected", "value", "explanation"),
    [
        ('{"a": 1, "b": [1, 2]}', {"b": [1, 2], "a": 1.0}, 1.0, None),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, 0.5, "$.b: 3 became 2"),
        ({"a": 1}, {"a": 1, "b": 2}, 0.5, "$.b: 2 became nothing"),
        ({"a": 1, "b": 2}, {"a": 1}, 0.5, "$.b: nothing became 2"),
        ({"a": {"x": 1, "y": 2}}, {"a": {}}, 0.0, "$.a.x: nothing became 1; $.a.y: nothing became 2"),
        ([1, 2, 3], [1, 2], 2 / 3, "$[2]: nothing became 3"),
        ({"a": True}, {"a": 1}, 0.0, "$.a: 1 became true"),
        ({"a": "1"}, {"a": 1}, 0.0, '$.a: 1 became "1"'),
        ({"a": [1]}, {"a": 1}, 0.0, "$.a: 1 became [1]"),
        ({}, {}, 1.0, None),
        ([], {}, 0.0, "$: {} became []"),
        ("{", {}, 0.0, "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ('"Paris"', "Paris", 1.0, None),
        (City(name="Rome", people=3), {"name": "Rome", "people": 3}, 1.0, None),
    ],
)
def test_json_differences(output: Any, expected: Any, value: float, explanation: str | None) -> None:
    found = JsonDiff().score(output, expected)
    assert found.value == pytest.approx(value)
    shown = found.explanation
    assert (shown and sorted(shown.split("; "))) == (explanation and sorted(explanation.split("; ")))


def test_json_differences_may_be_passed_over() -> None:
    expected = {"id": 1, "items": [{"n": 1, "at": "x"}, {"n": 2, "at": "y"}], "price": 10.0}
    output = {"id": 2, "items": [{"n": 1, "at": "p"}, {"n": 2, "at": "q"}], "price": 10.001}
    assert JsonDiff(ignore=["$.id", "$.items[*].at"], tolerance=0.001).score(output, expected).value == 1
    assert JsonDiff(ignore=["$.items"]).score(output, expected).value == 0
    assert JsonDiff().score([3, 1, 2], [1, 2, 3]).value == 0
    assert JsonDiff(ordered=False).score([3, 1, 2], [1, 2, 3]).value == 1
    assert JsonDiff(ordered=False).score([3, 1], [1, 2, 3]).value == pytest.approx(2 / 3)
    long = JsonDiff().score(list(range(9)), list(range(1, 10))).explanation or ""
    assert long.endswith("and 4 more")
    assert "..." in (JsonDiff().score("1", "y" * 99).explanation or "")


def test_json_of_a_value_that_is_no_text() -> None:
    assert JsonValid().score(City(name="Rome", people=3)).value == 1


def test_pydantic_models() -> None:
    scorer = PydanticValid(model=City)
    assert scorer.score('{"name": "Rome", "people": 3}').value == 1
    assert scorer.score(City(name="Rome", people=3)).value == 1
    wrong = scorer.score({"name": "Rome", "people": -1})
    assert (wrong.value, wrong.explanation) == (0, "people: Input should be greater than or equal to 0")
    assert "not JSON" in (scorer.score("Rome").explanation or "")
    assert scorer.score({"name": "Rome", "people": "3"}).value == 1
    assert PydanticValid(model=City, strict=True).score({"name": "Rome", "people": "3"}).value == 0
    assert PydanticValid(model=list[int]).score("[1, 2]").value == 1
    assert PydanticValid(model=str).score("[1").value == 1
    assert PydanticValid(model=int).score({"a": 1}).explanation == "Input should be a valid integer"
    assert str(scorer.config()["model"]).endswith("City")
    assert scorer.digest() != PydanticValid(model=list[int]).digest()
    with pytest.raises(ValidationError, match="no type that Pydantic can check"):
        PydanticValid(model=object())


def test_python_that_parses() -> None:
    scorer = PythonValid()
    assert scorer.score("def f(x):\n    return x ** 2").value == 1
    assert scorer.score("Here it is:\n```python\nprint('\\d')\n```\nDone.").value == 1
    wrong = scorer.score("x = 1\nif x")
    assert (wrong.value, wrong.explanation) == (0, "line 2: expected ':'")
    assert scorer.score("x\0").value == 0
    assert scorer.score("(" * 5000).value == 0
    assert scorer.score("-" * 100_000 + "1").value == 0
    assert "longer than" in (scorer.score("x" * 300_000).explanation or "")


def test_sql_that_parses() -> None:
    assert SqlValid().score("SELECT name, count(*) FROM cities WHERE people > 3 GROUP BY name").value == 1
    assert SqlValid().score("```sql\nselect 1\n```").value == 1
    wrong = SqlValid().score("SELECT FROM WHERE (")
    assert wrong.value == 0
    assert wrong.explanation
    assert "\x1b" not in wrong.explanation
    assert SqlValid(dialect="bigquery").score("SELECT * EXCEPT (a) FROM `p.d.t`").value == 1
    assert SqlValid(kinds=["select"]).score("DROP TABLE cities").explanation == "a statement of kind drop"
    assert SqlValid(kinds=["SELECT"]).score("WITH c AS (SELECT 1) SELECT * FROM c").value == 1
    assert SqlValid().score("SELECT 1; DELETE FROM cities").explanation == "2 statements"
    assert SqlValid(one=False).score("SELECT 1; DELETE FROM cities").value == 1
    assert SqlValid().score("").explanation == "0 statements"
    assert SqlValid().score("I would rather not say.").value == 0
    assert SqlValid().score("(" * 20_000).value == 0
    assert "longer than" in (SqlValid().score("x" * 300_000).explanation or "")
    with pytest.raises(ValidationError, match="sqlglot knows no dialect 'klingon'"):
        SqlValid(dialect="klingon")


def test_sql_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'weft\[metrics\]'"):
        SqlValid().score("SELECT 1")
