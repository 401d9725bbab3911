"""Scorers of structured output: JSON, models, and code that parses."""

from __future__ import annotations

import ast
import functools
import json
import math
import re
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from pydantic import BaseModel, Field, PrivateAttr, TypeAdapter, ValidationError, field_serializer, field_validator

from weft import digests
from weft.errors import MissingExtraError
from weft.scorers.base import Scorer, ScoreValue
from weft.tracing.source import source_of

_SHOWN = 5  # differences that an explanation lists
_MOST_PARSED = 200_000  # characters of code that is parsed
_FENCE = re.compile(r"```[ \t]*\w*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
Difference = tuple[str, Any, Any]  # path, what there should be, what there is
MISSING: Any = type("_Missing", (), {"__repr__": lambda self: "nothing"})()


class JsonValid(Scorer):
    """Whether the output is JSON text (as RFC 8259 has it: no NaN), or a value that already is an object or array."""

    quick: ClassVar[bool] = True

    def score(self, output: Any) -> ScoreValue:
        """1 where it is; the explanation says what is wrong."""
        _, problem = parsed(output)
        return ScoreValue(value=float(problem is None), explanation=problem)


class JsonSchema(Scorer):
    """Whether the output is JSON that keeps a JSON schema (draft 2020-12 unless ``$schema`` names another)."""

    quick: ClassVar[bool] = True

    definition: dict[str, Any] = Field(alias="schema")

    @field_validator("definition")
    @classmethod
    def _is_schema(cls, definition: dict[str, Any]) -> dict[str, Any]:
        try:
            validator_for(definition, Draft202012Validator).check_schema(definition)
        except SchemaError as error:
            raise ValueError(f"not a JSON schema: {error.message}") from None
        return definition

    def score(self, output: Any) -> ScoreValue:
        """1 where it does; the explanation names the place that does not."""
        value, problem = parsed(output)
        if problem is None:
            error = best_match(_validator(json.dumps(self.definition)).iter_errors(value))
            problem = None if error is None else f"{error.json_path}: {error.message}"
        return ScoreValue(value=float(problem is None), explanation=problem)


class JsonDiff(Scorer):
    """How much of ``expected`` is in the output: the share of leaves (texts, numbers, empty containers) that agree.

    1 - differences / leaves of both together, by path; a leaf that is only on one side is a difference. Output and
    ``expected`` are JSON text or values. ``ignore`` are paths to pass over, such as ``$.id`` or ``$.items[*].at``;
    ``ordered=False`` compares lists as bags; numbers agree within ``tolerance`` (relative). Output that is no JSON
    scores 0. The explanation lists the first differences.
    """

    quick: ClassVar[bool] = True

    ignore: list[str] = Field(default_factory=list)
    ordered: bool = True
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False)

    def score(self, output: Any, expected: Any) -> ScoreValue:
        """The share of leaves that agree, in [0, 1]."""
        value, problem = parsed(output)
        if problem is not None:
            return ScoreValue(0.0, explanation=problem)
        wanted, unreadable = parsed(expected)
        wanted = expected if unreadable else wanted
        skipped = [re.compile(re.escape(path).replace(r"\*", r"\d+") + r"(?:[.\[].*)?") for path in self.ignore]
        leaves = 0
        differences: list[Difference] = []
        for path, left, right in self._pairs("$", wanted, value):
            if any(pattern.fullmatch(path) for pattern in skipped):
                continue
            leaves += 1
            if not self._agree(left, right):
                differences.append((path, left, right))
        shown = [f"{path}: {_short(left)} became {_short(right)}" for path, left, right in differences[:_SHOWN]]
        if len(differences) > _SHOWN:
            shown.append(f"and {len(differences) - _SHOWN} more")
        return ScoreValue(1 - len(differences) / leaves if leaves else 1.0, explanation="; ".join(shown) or None)

    def _pairs(self, path: str, left: Any, right: Any) -> Iterator[Difference]:
        if isinstance(left, dict) and isinstance(right, dict) and (left or right):
            for key in left.keys() | right.keys():
                yield from self._pairs(f"{path}.{key}", left.get(key, MISSING), right.get(key, MISSING))
        elif isinstance(left, list) and isinstance(right, list) and (left or right):
            right = right if self.ordered else _alike_first(left, right)
            for at in range(max(len(left), len(right))):
                one = left[at] if at < len(left) else MISSING
                yield from self._pairs(f"{path}[{at}]", one, right[at] if at < len(right) else MISSING)
        elif left is MISSING or right is MISSING:
            for inner, leaf in _leaves(path, right if left is MISSING else left):
                yield (inner, MISSING, leaf) if left is MISSING else (inner, leaf, MISSING)
        else:
            yield path, left, right

    def _agree(self, left: Any, right: Any) -> bool:
        if isinstance(left, bool) or isinstance(right, bool):
            return left is right
        if isinstance(left, int | float) and isinstance(right, int | float):
            return left == right or math.isclose(left, right, rel_tol=self.tolerance)
        return type(left) is type(right) and bool(left == right)


class PydanticValid(Scorer):
    """Whether the output is, or is JSON text of, what a Pydantic model (or any type that Pydantic checks) describes."""

    model: Any
    strict: bool = False

    _adapter: TypeAdapter[Any] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Read the type once."""
        self._adapter = TypeAdapter(self.model)

    @field_validator("model")
    @classmethod
    def _is_type(cls, model: Any) -> Any:
        try:
            TypeAdapter(model)
        except Exception as error:  # noqa: BLE001 - Pydantic raises many kinds for what is no type
            raise ValueError(f"no type that Pydantic can check: {error}") from None
        return model

    @field_serializer("model")
    def _name(self, model: Any) -> str:
        return f"{model.__module__}.{model.__qualname__}" if isinstance(model, type) else repr(model)

    def digest(self) -> str:
        """As any scorer's, and that of the model's schema: a model that changed judges differently."""
        return digests.of_json({"scorer": super().digest(), "schema": source_of(self.model)})

    def score(self, output: Any) -> ScoreValue:
        """1 where it is; the explanation names the first field that is not."""
        if isinstance(output, str | bytes) and self.model is not str:
            output, problem = parsed(output)
            if problem is not None:
                return ScoreValue(0.0, explanation=problem)
        try:
            self._adapter.validate_python(output, strict=self.strict or None)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            return ScoreValue(0.0, explanation=f"{place}: {first['msg']}" if place else str(first["msg"]))
        return ScoreValue(1.0)


class PythonValid(Scorer):
    """Whether the output parses as Python of the running version; it is not run. The code may stand in a fence."""

    def score(self, output: Any) -> ScoreValue:
        """1 where it does; the explanation names the line that does not."""
        code = fenced(str(output))
        if len(code) > _MOST_PARSED:
            return ScoreValue(0.0, explanation=f"longer than {_MOST_PARSED} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an invalid escape is a warning of the parser, not our user's
                ast.parse(code)
        except SyntaxError as error:
            return ScoreValue(0.0, explanation=f"line {error.lineno}: {error.msg}")
        except (ValueError, RecursionError, MemoryError) as error:
            return ScoreValue(0.0, explanation=f"not Python that a parser takes: {error or type(error).__name__}")
        return ScoreValue(1.0)


class SqlValid(Scorer):
    """Whether the output parses as SQL of ``dialect`` (sqlglot's names: postgres, sqlite, bigquery, ...; "" is all).

    It is not run. ``kinds`` are the statements that are allowed, such as ``["select"]``; ``one`` asks for exactly one
    statement. The SQL may stand in a fence. Needs ``weft[metrics]``.
    """

    dialect: str = ""
    kinds: list[str] | None = None
    one: bool = True

    @field_validator("dialect")
    @classmethod
    def _known(cls, dialect: str) -> str:
        if dialect:
            try:
                _sqlglot().Dialect.get_or_raise(dialect)
            except ValueError as error:
                raise ValueError(f"sqlglot knows no dialect {dialect!r}") from error
        return dialect

    def score(self, output: Any) -> ScoreValue:
        """1 where it does; the explanation says where and why it does not."""
        sqlglot = _sqlglot()
        text = fenced(str(output))
        if len(text) > _MOST_PARSED:
            return ScoreValue(0.0, explanation=f"longer than {_MOST_PARSED} characters")
        try:
            statements = [found for found in sqlglot.parse(text, read=self.dialect or None) if found is not None]
        except sqlglot.errors.SqlglotError as error:
            return ScoreValue(0.0, explanation=re.sub(r"\x1b\[\d+m", "", str(error)))
        except RecursionError:
            return ScoreValue(0.0, explanation="not SQL that a parser takes: nested too deeply")
        problem = None
        unknown = [found for found in statements if isinstance(found, sqlglot.exp.Command)]
        if not statements or (self.one and len(statements) > 1):
            problem = f"{len(statements)} statements"
        elif unknown:
            problem = f"no statement that is known: {unknown[0].sql()[:80]}"
        elif self.kinds is not None:
            allowed = {kind.lower() for kind in self.kinds}
            problem = next((f"a statement of kind {f.key}" for f in statements if f.key not in allowed), None)
        return ScoreValue(float(problem is None), explanation=problem)


@functools.lru_cache(maxsize=64)
def _validator(text: str) -> Validator:
    definition = json.loads(text)
    return validator_for(definition, Draft202012Validator)(definition)


def parsed(output: Any) -> tuple[Any, str | None]:
    """The value of JSON text (anything else is its own value), and what is wrong with the text."""
    if isinstance(output, BaseModel):
        return output.model_dump(mode="json"), None
    if not isinstance(output, str | bytes):
        return output, None
    try:
        return json.loads(output, parse_constant=_no_constant), None
    except ValueError as error:
        return None, f"not JSON: {error}"
    except RecursionError:
        return None, "not JSON that a parser takes: nested too deeply"


def fenced(text: str) -> str:
    """The code in the first fence of a text; the text where it has none."""
    found = _FENCE.search(text)
    return found[1] if found else text


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}", item)
    elif isinstance(value, list) and value:
        for at, item in enumerate(value):
            yield from _leaves(f"{path}[{at}]", item)
    else:
        yield path, value


def _alike_first(left: list[Any], right: list[Any]) -> list[Any]:
    """``right`` in an order in which items that ``left`` has stand at the same place."""
    rest = list(right)
    placed: list[Any] = []
    for item in left:
        at = next((n for n, other in enumerate(rest) if type(other) is type(item) and other == item), None)
        placed.append(MISSING if at is None else rest.pop(at))
    for at, item in enumerate(placed):
        if item is MISSING and rest:
            placed[at] = rest.pop(0)
    return [*placed, *rest]


def _short(value: Any) -> str:
    text = repr(value) if value is MISSING else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _sqlglot() -> Any:
    try:
        import sqlglot  # noqa: PLC0415 - optional: only a scorer of SQL needs it
    except ImportError:
        raise MissingExtraError("sqlglot", "metrics") from None
    return sqlglot
