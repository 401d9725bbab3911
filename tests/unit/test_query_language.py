"""The query language: what it reads, and that every mistake is told with its column and a way out."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft import query
from weft.errors import InputError
from weft.query import Compare, Contains, Field, HasKey, IsNone, Moment, Not, OneOf
from weft.query.parser import DEPTH, ITEMS, RELATIONS

S = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("kind == 'llm'", Compare(Field("kind"), "==", "llm")),
        ('"llm" == kind', Compare(Field("kind"), "==", "llm")),
        ("2 < duration_s", Compare(Field("duration_s"), ">", Fraction(2 * S))),
        ("duration > 500ms", Compare(Field("duration_s"), ">", Fraction(S, 2))),
        ("latency_s <= 1.5min", Compare(Field("duration_s"), "<=", Fraction(90 * S))),
        ("duration_s > 0.1", Compare(Field("duration_s"), ">", Fraction(S, 10))),
        ("cost > .5", Compare(Field("cost_usd"), ">", 0.5)),
        ("cost_usd > -1_000", Compare(Field("cost_usd"), ">", -1000)),
        ("model != 'x'", Not(Compare(Field("model"), "==", "x"))),
        ("model is None", IsNone(Field("model"))),
        ("model == null", IsNone(Field("model"))),
        ("model IS NOT None", Not(IsNone(Field("model")))),
        ("None != model", Not(IsNone(Field("model")))),
        ("model in ['a', \"b\",]", OneOf(Field("model"), ("a", "b"))),
        ("model not in ('a', 'b')", Not(OneOf(Field("model"), ("a", "b")))),
        ("'x' in output", Contains(Field("output"), "x")),
        ("'x' in tags", Contains(Field("tags"), "x")),
        ("'k' in attributes", HasKey(Field("attributes"), "k")),
        ('attributes["user.tier"] == "gold"', Compare(Field("attributes", "user.tier"), "==", "gold")),
        ("attributes['ok']", Compare(Field("attributes", "ok"), "==", True)),
        ("is_root", Compare(Field("is_root"), "==", True)),
        ("is_root is false", Compare(Field("is_root"), "==", False)),
        ("root.model == 'x'", Compare(Field("model", of="root"), "==", "x")),
        ("trace.cost > 1", Compare(Field("trace.cost_usd", of="trace"), ">", 1)),
        ("input_tokens > output_tokens", Compare(Field("input_tokens"), ">", Field("output_tokens"))),
        ("attributes['a'] == name", Compare(Field("name"), "==", Field("attributes", "a"))),
        ("start > '1970-01-02'", Compare(Field("start"), ">", Moment(86_400 * S))),
        ("start > '1970-01-01T02:00+02:00'", Compare(Field("start"), ">", Moment(0))),
        ("start > '-24h'", Compare(Field("start"), ">", Moment(-86_400 * S, relative=True))),
        ("start > now - 2h", Compare(Field("start"), ">", Moment(-7200 * S, relative=True))),
        ("start < now() + 1d", Compare(Field("start"), "<", Moment(86_400 * S, relative=True))),
        ("end <= now", Compare(Field("end"), "<=", Moment(0, relative=True))),
        (r"name == 'a\n\x41\u00e9\U0001F600\'\\'", Compare(Field("name"), "==", "a\nAé😀'\\")),
    ],
)
def test_what_is_read(text: str, node: object) -> None:
    assert query.parse(text) == node
    assert query.parse(query.write(query.parse(text))) == node


def test_and_binds_closer_than_or_and_not_closer_than_both() -> None:
    found = query.parse("is_root or not is_root and kind == 'a' or kind == 'b'")
    assert isinstance(found, query.Or)
    assert [type(part) for part in found.parts] == [Compare, query.And, Compare]
    assert query.parse("1 < duration_s < 5") == query.parse("duration_s > 1 and duration_s < 5")


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "empty"),
        ('modle == "x"', 1, "Did you mean model"),
        ("DURATION_S > 1", 1, "Did you mean duration_s"),
        ("kind == llm", 9, "there is no field 'llm'"),
        ("attributes.user.tier == 1", 1, 'attributes["user.tier"]'),
        ('model = "x"', 7, "Write =="),
        ('model == "a" && is_root', 14, "Write and"),
        ("!is_root", 1, "Write not"),
        ("model <> 'x'", 7, "Write !="),
        ("model ~ 'x'", 7, "means nothing"),
        ('(model == "x"', 14, "closes the '(' of column 1"),
        ("model == 'x", 10, "does not end"),
        (r"model == '\q'", 11, "not an escape"),
        (r"model == '\uD8'", 11, "not an escape"),
        (r"model == '\U00110000'", 11, "no character"),
        ('status == "eror"', 11, "It is one of unset, ok"),
        ("model", 1, 'model == "text"'),
        ("5", 1, "a value stands"),
        ("output == 'x'", 11, '"words" in output'),
        ("tags == 'x'", 9, '"words" in tags'),
        ("model == 'a' model", 14, "not expected"),
        ("len(model) > 3", 1, "no function 'len'"),
        ("any(any(is_root))", 5, "stands inside"),
        ("start > 'soon'", 9, "is not a time"),
        ("start > '9999-01-01'", 9, "out of range"),
        ("start > now - 2", 15, "a length of time is missing"),
        ("start > now - 999999999w", 15, "too long"),
        ("attributes == 1", 1, "the key of attributes is missing"),
        ("attributes[3] == 1", 12, "the key is missing"),
        ("model['x'] == 'y'", 6, "has no keys"),
        ("duration > 5parsecs", 13, "there is no unit 'parsecs'"),
        ("cost_usd > 2s", 12, "a length of time"),
        ("duration_s > 1e999s", 14, "out of range"),
        ("cost_usd > 1e999", 12, "too large"),
        ("input_tokens > 99999999999999999999", 16, "64 bits"),
        ("cost_usd > " + "1" * 500, 12, "not a number"),
        ("name in 'abc'", 9, "looks into a single value"),
        ("model in []", 10, "the list is empty"),
        ("model in ['a', None]", 10, "None stands in a list"),
        ("model in ['a', model]", 16, "a list holds"),
        ("'a' in ['a']", 1, "a field is missing"),
        ("model == ['a']", 7, "compares with a list"),
        ("model in output", 1, "a text in quotes is missing"),
        ("'' in output", 1, "is empty"),
        ("'x' in cost_usd", 8, "is no text"),
        ("1 == 1", 3, "two values"),
        ("model < None", 7, "compares with None"),
        ("model is 'x'", 7, "for None, true and false"),
        ("is_root > true", 11, "cannot be compared"),
        ("model == start", 7, "cannot be compared"),
        ("attributes['a'] == attributes['b']", 17, "cannot be compared"),
        ("is_root == (model == 'x')", 9, "stands beside a condition"),
        ("model ==", 9, "the end stands where a field or a value is missing"),
        ("x" * (query.LENGTH + 1), query.LENGTH + 1, "At most"),
        ("not " * (DEPTH + 1) + "is_root", 4 * DEPTH + 1, "levels deep"),
        ("(" * 5000, DEPTH + 1, "levels deep"),
        (" or ".join(["cost_usd > 1"] * (RELATIONS + 1)), 16 * RELATIONS + 10, "comparisons"),
        ("cost_usd in [" + "1," * (ITEMS + 1) + "1]", 13, f"more than {ITEMS} values"),
    ],
)
def test_mistakes_have_a_column_and_a_way_out(text: str, column: int, words: str) -> None:
    with pytest.raises(InputError) as raised:
        query.parse(text)
    assert words in str(raised.value)
    assert (raised.value.column, raised.value.field) == (column, "where")
    assert raised.value.message.startswith(f"Column {column}: ")
    problem = query.problem(text)
    assert problem is not None
    assert problem.column == column


def test_only_text_is_an_expression() -> None:
    with pytest.raises(InputError, match="an expression is text, not int"):
        query.parse(5)  # type: ignore[arg-type]
    assert query.problem("is_root") is None


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="()[]<>=!&|\"'\\.,+-0123456789eE notinadrsw_kµ", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    problem = query.problem(text)
    if problem is None:
        found = query.parse(text)
        assert query.parse(query.write(found)) == found
    else:
        assert 1 <= problem.column <= len(text) + 1


def test_the_caret_stands_under_the_mistake() -> None:
    assert query.pointer('kind == "llm" and modle == "x"', 19) == 'kind == "llm" and modle == "x"\n' + " " * 18 + "^"
    long = "is_root or " * 50 + "modle"
    line, caret = query.pointer(long, 551).split("\n")
    assert line[caret.index("^") :].startswith("modle")
    assert len(line) <= 75
    assert query.pointer("a\tb\x1b", 2) == "a b \n ^"


def test_fields_are_completed() -> None:
    assert query.complete('kind == "llm" and dur') == ["duration_s"]
    assert query.complete("root.du") == ["root.duration_s"]
    assert query.complete("trace.c") == ["trace.cost_usd"]
    assert query.complete("no") == ["not", "now"]
    assert query.complete("") == [*query.FIELDS, *query.TRACE_FIELDS]
