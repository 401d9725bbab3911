"""Query strings become the filter records of ``weft.records``: same names, same defaults, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar, get_args, get_type_hints
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from weft.errors import InputError
from weft.records import loads

T = TypeVar("T")


def pairs(request: Request) -> list[tuple[str, str]]:
    """Names and values of the query string; lone surrogates survive. Raises InputError where it is not UTF-8."""
    text = request.scope["query_string"].decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="surrogatepass", max_num_fields=20_000)
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError(
            f"The query string cannot be read ({error}).", remedy="Percent-encode it as UTF-8.", field="query"
        ) from None


def one(request: Request, name: str) -> str | None:
    """The value of one query parameter, exactly as it was sent; None where it is missing."""
    return next((value for given, value in pairs(request) if given == name), None)


def required(request: Request, name: str) -> str:
    """The value of one query parameter. Raises InputError where it is missing."""
    value = one(request, name)
    if value is None:
        raise InputError(f"{name}: Field required.", remedy=f"Add ?{name}=... to the address.", field=name)
    return value


def filters(cls: type[T], *beside: str) -> Callable[[Request], T]:
    """A dependency that reads the query string as a ``cls``; unknown names and values that do not fit are refused.

    ``beside`` are names that the route reads by itself.
    """
    hints = get_type_hints(cls)
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    adapter = TypeAdapter(cls)

    def read(request: Request) -> T:
        values: dict[str, Any] = {}
        for name, text in pairs(request):
            if name in beside:
                continue
            if name not in known:
                raise InputError(f"There is no filter {name}.", remedy=f"Use {', '.join(known)}.", field=name)
            if list[str] in (hints[name], *get_args(hints[name])):
                values.setdefault(name, []).append(text)
            elif any(_is_mapping(arg) for arg in get_args(hints[name])):
                values[name] = _object(name, text)
            else:
                values[name] = text
        try:
            record = adapter.validate_python(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = str(first["loc"][0])
            raise InputError(f"{where}: {first['msg']}.", remedy="Correct this filter.", field=where) from None
        return record

    return read


def described(cls: type[Any]) -> dict[str, Any]:
    """What OpenAPI says about the query string of :func:`filters`."""
    properties = TypeAdapter(cls).json_schema()["properties"]
    return {"parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]}


def parameters(**described_as: str) -> dict[str, Any]:
    """What OpenAPI says about text parameters read by :func:`one` and :func:`required`."""
    return {
        "parameters": [
            {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
            for name, text in described_as.items()
        ]
    }


def _is_mapping(hint: Any) -> bool:
    return getattr(hint, "__origin__", None) is dict


def _object(name: str, text: str) -> Any:
    try:
        return loads(text)
    except (ValueError, RecursionError):
        raise InputError(
            f"{name}: not a JSON object.", remedy='Write it as JSON: {"key": "value"}.', field=name
        ) from None
