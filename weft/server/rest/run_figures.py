"""What the page of runs asks for: rows of chosen fields, which fields there are, and which of them matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.responses import Response

from weft.errors import InputError
from weft.records import Run, RunQuery
from weft.records.folding import SUMMARIES, chosen_of, with_chosen
from weft.repositories import Store
from weft.server.replies import reply
from weft.statistics import importance

_PAGE = 1000
_MOST_ROWS = 10_000
_LOOKED_THROUGH = 500  # runs, the first of the order asked for, in which fields are looked for
_MOST_VALUES = 12  # distinct values told of a field of words


def router(store: Store) -> APIRouter:
    """The routes of tables and figures over runs; they stand before those of single runs, whose ids they look like."""
    routes = APIRouter(prefix="/api/runs", tags=["runs"])
    _add_rows(routes, store)
    _add_figures(routes, store)
    return routes


def _add_rows(routes: APIRouter, store: Store) -> None:
    @routes.post("/rows", summary="Fields of the runs that a filter finds, a row each")
    def rows(query: Annotated[RunQuery, Body()], fields: Annotated[list[str], Body()]) -> Response:
        if query.limit <= _PAGE:
            page = store.runs.list_runs(query)
            found, cursor = page.items, page.cursor
        else:
            found, cursor = list(_all(store, query, min(query.limit, _MOST_ROWS))), None
        values = [[field_of(run, name) for name in fields] for run in found]
        return reply({"runs": [run.run_id for run in found], "rows": values, "cursor": cursor})

    @routes.post("/fields", summary="Which fields of config and summary the runs that a filter finds have")
    def fields(query: Annotated[RunQuery, Body(embed=True)]) -> Response:
        found: dict[str, _Field] = {}
        hidden: set[str] = set()  # globs of fields that define_metric hides
        members: set[str] = set()  # for which the name of their metric stands
        looked = list(_all(store, query, _LOOKED_THROUGH))
        for run in looked:
            summary = with_chosen(run.definitions, run.summary)
            members |= {f"summary.{name}.{kind}" for name in summary.keys() - run.summary.keys() for kind in SUMMARIES}
            for place, values in (("config", run.config), ("summary", summary)):
                for name, value in flat(values, place):
                    found.setdefault(name, _Field(name)).see(value)
            for glob in [glob for glob, given in run.definitions.items() if given.get("hidden")]:
                hidden |= {f"summary.{glob}", f"summary.{glob}.*"}
        for field in found.values():
            field.hidden = field.name in members or any(fnmatchcase(field.name, glob) for glob in hidden)
        return reply({"runs": len(looked), "fields": [field.told() for field in found.values()]})


def _add_figures(routes: APIRouter, store: Store) -> None:
    @routes.post("/importance", summary="How much each field of config has to do with a result")
    def of_fields(query: Annotated[RunQuery, Body()], target: Annotated[str, Body()]) -> Response:
        place = target.partition(".")[0]
        if place not in {"summary", "config"}:
            raise InputError(
                f"Importance is of a field of the summary or the config, not of {target!r}.",
                remedy="Give target as summary.NAME or config.NAME.",
                field="target",
            )
        runs = list(_all(store, query, _MOST_ROWS))
        results = [field_of(run, target) for run in runs]
        names = dict.fromkeys(name for run in runs for name, _ in flat(run.config, "config") if name != target)
        columns = {name: [field_of(run, name) for run in runs] for name in names}
        return reply(importance.of_columns(columns, results))


def _all(store: Store, query: RunQuery, most: int) -> Iterator[Run]:
    """The runs that a query finds, ``most`` at most, in its order."""
    page = store.runs.list_runs(replace(query, limit=min(_PAGE, most), cursor=None))
    left = most
    while True:
        yield from page.items[:left]
        left -= len(page.items)
        if page.cursor is None or left <= 0:
            return
        page = store.runs.list_runs(replace(query, limit=min(_PAGE, left), cursor=page.cursor))


def flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """The members of nested objects by dotted names; lists stay whole. What begins with ``_`` is bookkeeping, and what
    stands for media, tables and histograms is no figure."""
    for name, value in values.items():
        if name.startswith("_") or is_logged(value):
            continue
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", value


def is_logged(value: Any) -> bool:
    """Whether a value of a summary tells of media, a table or a histogram that was logged under its name."""
    if not isinstance(value, dict):
        return False
    items = value.get("items")
    several = isinstance(items, list) and bool(items) and all(is_logged(item) for item in items)
    return several or "_weft" in value or (isinstance(value.get("kind"), str) and "counts" in value)


def field_of(run: Run, name: str) -> Any:
    """A field of a run by name: ``name``, ``duration`` (ns), ``config.optimizer.lr``, ``summary.loss``, ``git.commit``;
    None where there is none. Of a metric that is kept as its maximum, its plain name is that."""
    if name == "duration":
        return run.took_ns
    if name in _PLAIN:
        return getattr(run, _PLAIN[name], None)
    place, _, key = name.partition(".")
    if place not in {"config", "summary", "environment", "git"}:
        return None
    value = member(getattr(run, place), key)
    return chosen_of(run.definitions, run.summary, key) if value is None and place == "summary" else value


_SAME = (
    "name",
    "kind",
    "status",
    "tags",
    "notes",
    "group",
    "job_type",
    "exit_code",
    "failure",
    "parent_run_id",
    "definitions",
)
_PLAIN = dict(zip(_SAME, _SAME, strict=True)) | {"started": "started_at_ns", "ended": "ended_at_ns"}


def member(values: Any, key: str) -> Any:
    """A member of nested objects by its dotted name; a name that has dots itself is found as well."""
    if not isinstance(values, dict):
        return None
    if key in values:
        return values[key]
    at = key.find(".")
    while at >= 0:
        if key[:at] in values:
            return member(values[key[:at]], key[at + 1 :])
        at = key.find(".", at + 1)
    return None


class _Field:
    """What is known of a field from the runs that were looked at."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.runs = 0
        self.numbers = 0
        self.low = self.high = 0.0
        self.values: dict[str, int] = {}
        self.hidden = False

    def see(self, value: Any) -> None:
        """Count a value."""
        self.runs += 1
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.low = value if self.numbers == 0 else min(self.low, value)
            self.high = value if self.numbers == 0 else max(self.high, value)
            self.numbers += 1
        if len(self.values) < _MOST_VALUES:
            text = value if isinstance(value, str) else repr(value)
            self.values[text] = self.values.get(text, 0) + 1

    def told(self) -> dict[str, Any]:
        """The field as the page reads it."""
        return {"name": self.name, "runs": self.runs, "numbers": self.numbers, "distinct": len(self.values),
                "hidden": self.hidden, "low": self.low if self.numbers else None,
                "high": self.high if self.numbers else None}  # fmt: skip
