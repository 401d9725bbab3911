"""Scorers of structured output."""

from __future__ import annotations

import functools
import json
from typing import Any, ClassVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from pydantic import Field, field_validator

from weft.scorers.base import Scorer, ScoreValue


class JsonValid(Scorer):
    """Whether the output is JSON text (as RFC 8259 has it: no NaN), or a value that already is an object or array."""

    quick: ClassVar[bool] = True

    def score(self, output: Any) -> ScoreValue:
        """1 where it is; the explanation says what is wrong."""
        _, problem = _parsed(output)
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
        value, problem = _parsed(output)
        if problem is None:
            error = best_match(_validator(json.dumps(self.definition)).iter_errors(value))
            problem = None if error is None else f"{error.json_path}: {error.message}"
        return ScoreValue(value=float(problem is None), explanation=problem)


@functools.lru_cache(maxsize=64)
def _validator(text: str) -> Validator:
    definition = json.loads(text)
    return validator_for(definition, Draft202012Validator)(definition)


def _parsed(output: Any) -> tuple[Any, str | None]:
    if not isinstance(output, str | bytes):
        return output, None
    try:
        return json.loads(output, parse_constant=_no_constant), None
    except ValueError as error:
        return None, f"not JSON: {error}"
    except RecursionError:
        return None, "not JSON that a parser takes: nested too deeply"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
