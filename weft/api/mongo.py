"""Filters as documents of operators, the habit of other trackers' users, as expressions of the query language.

``{"config.lr": {"$gte": 0.01}, "$or": [{"state": "finished"}, {"tags": "kept"}]}`` is
``config.lr >= 0.01 and (status == "finished" or "kept" in tags)``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft.errors import InputError
from weft.records import Run

_NAMES = {
    "state": "status",
    "display_name": "name",
    "displayName": "name",
    "jobType": "job_type",
    "createdAt": "started_at",
    "created_at": "started_at",
    "description": "notes",
    "sweep": "group",
    "heartbeat_at": "ended_at",
    "heartbeatAt": "ended_at",
}
_PLACES = {"config": "config", "summary": "summary", "summary_metrics": "summary", "summaryMetrics": "summary"}
_COMPARE = {"$eq": "==", "$ne": "!=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_META = re.compile(r"[\\^$.|?*+(){}\[\]]")


def where_of(filters: Mapping[str, Any]) -> str:
    """The expression of a document of filters; empty where it has none. Raises InputError for what it cannot say."""
    return _all([_part(key, value) for key, value in filters.items()])


def parted(filters: Mapping[str, Any]) -> tuple[dict[str, Any], list[Callable[[Run], bool]]]:
    """Filters that the store can answer, and for each pattern that it has no words for a question to a run.

    Only patterns that have to fit, alone or within ``$and``, can be asked so; who began a run is nobody's to choose.
    """
    rest: dict[str, Any] = {}
    questions: list[Callable[[Run], bool]] = []
    for key, value in filters.items():
        if key == "$and" and isinstance(value, list | tuple):
            inside = [parted(one) for one in value]
            questions += [question for _, more in inside for question in more]
            kept = [part for part, _ in inside if part]
            rest.update({"$and": kept} if kept else {})
        elif isinstance(value, Mapping) and _META.search(_inside(value.get("$regex", ""))):
            questions.append(_pattern(key, value["$regex"]))
            left = {name: wanted for name, wanted in value.items() if name not in ("$regex", "$options")}
            rest.update({key: left} if left else {})
        else:
            rest[key] = value
    return rest, questions


def _pattern(key: str, given: Any) -> Callable[[Run], bool]:
    try:
        pattern = re.compile(str(given))
    except re.error as error:
        raise _bad(f"{key}: $regex", given, f"It is no regular expression: {error}.") from None
    place, *inside = _field(key).replace("[", ".").replace("]", "").replace('"', "").split(".")

    def fits(run: Run) -> bool:
        found: Any = getattr(run, place, None)
        for name in inside:
            found = found.get(name) if isinstance(found, Mapping) else None
        texts = found if isinstance(found, list) else [found]
        return any(pattern.search(str(text)) for text in texts if text is not None)

    return fits


def order_of(order: str) -> str:
    """The order of runs, such as ``-started_at`` or ``summary.loss``, of one such as ``+summary_metrics.loss``."""
    sign, name = ("-", order[1:]) if order.startswith("-") else ("", order.removeprefix("+"))
    place, _, key = name.partition(".")
    if key and place in _PLACES:
        return f"{sign}{_PLACES[place]}.{key.removesuffix('.value')}"
    return sign + {"created_at": "started_at", "createdAt": "started_at", "heartbeat_at": "ended_at"}.get(name, name)


def _part(key: str, value: Any) -> str:
    if key in ("$and", "$or", "$nor"):
        if not isinstance(value, list | tuple):
            raise _bad(key, value, f"Give {key} a list of filters.")
        inside = [_grouped(where_of(one)) for one in value]
        joined = (" and " if key == "$and" else " or ").join(inside)
        return f"not ({joined})" if key == "$nor" else joined
    if key == "$not":
        return f"not ({where_of(value)})"
    if key.startswith("$"):
        raise _bad(key, value, "Use $and, $or, $nor and $not between filters.")
    if isinstance(value, Mapping):
        return _all([_operator(key, name, wanted) for name, wanted in value.items()])
    return _operator(key, "$eq", value)


def _operator(key: str, name: str, wanted: Any) -> str:
    field = _field(key)
    if field == "tags" and name in ("$eq", "$ne", "$in", "$nin"):
        tags = wanted if isinstance(wanted, list | tuple) else [wanted]
        found = " or ".join(f"{_value(tag)} in tags" for tag in tags)
        return f"not ({found})" if name in ("$ne", "$nin") else found
    if name == "$exists":
        return f"{field} is not None" if wanted else f"{field} is None"
    if name in ("$eq", "$ne") and wanted is None:
        return f"{field} is None" if name == "$eq" else f"{field} is not None"
    if name in _COMPARE:
        return f"{field} {_COMPARE[name]} {_value(wanted)}"
    if name in ("$in", "$nin"):
        return f"{field} {'in' if name == '$in' else 'not in'} [{', '.join(_value(one) for one in wanted)}]"
    if name == "$regex":
        return _regex(field, wanted)
    if name == "$not" and isinstance(wanted, Mapping):
        return f"not ({_part(key, wanted)})"
    raise _bad(f"{key}: {name}", wanted, f"Use one of {', '.join([*_COMPARE, '$in', '$nin', '$exists', '$not'])}.")


def _regex(field: str, pattern: Any) -> str:
    """A pattern that only looks for a text inside; others the language has no words for."""
    inside = _inside(pattern)
    if _META.search(inside):
        raise _bad("$regex", pattern, "Only a text to be found inside can be asked for; filter the rest in Python.")
    return f"{_value(inside)} in {field}"


def _inside(pattern: Any) -> str:
    return str(pattern).removeprefix(".*").removesuffix(".*")


def _field(key: str) -> str:
    place, _, inside = key.partition(".")
    if not inside:
        return _NAMES.get(key, key)
    if place not in _PLACES:
        raise _bad(key, None, "Use config.KEY, summary_metrics.KEY, or a field of runs such as state or tags.")
    inside = inside.removesuffix(".value")
    plain = all(_PLAIN.fullmatch(part) for part in inside.split("."))
    return f"{_PLACES[place]}.{inside}" if plain else f"{_PLACES[place]}[{_value(inside)}]"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return json.dumps(value)
    raise _bad("value", value, "Compare with a number, a text or true and false.")


def _all(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else " and ".join(_grouped(part) for part in parts)


def _grouped(text: str) -> str:
    return f"({text})" if " or " in text or " and " in text else text


def _bad(key: str, value: Any, remedy: str) -> InputError:
    shown = "" if value is None else f" with {value!r}"
    return InputError(f"The filter {key!r}{shown} cannot be understood.", remedy=remedy, field="filters")
