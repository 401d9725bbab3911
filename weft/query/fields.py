"""The table of fields: what an expression may name, of which type and unit.

The parser, the reference and completion read it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum


class FieldType(StrEnum):
    """What a field holds, and so what it may be compared with."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    TIME = "time"
    BOOL = "true or false"
    CONTENT = "content"
    LIST = "list of texts"
    MAP = "map"


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field: ``words`` are all the values that it can have, where they are few."""

    name: str
    type: FieldType
    help: str
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


_T, _N, _D = FieldType.TEXT, FieldType.NUMBER, FieldType.DURATION
_STATUSES = ("unset", "ok", "error", "running", "interrupted")

_SPAN = (
    FieldInfo("name", _T, "what was called"),
    FieldInfo("kind", _T, "op, llm, embedding, retrieval, rerank, tool, agent, chain, guardrail, judge, scorer, ..."),
    FieldInfo("status", _T, "how it ended, or that it has not", words=_STATUSES),
    FieldInfo("status_message", _T, "what went wrong"),
    FieldInfo("model", _T, "the model that answered"),
    FieldInfo("provider", _T, "whose model it is"),
    FieldInfo("model_version", _T, "the model artifact that answered, name:v3"),
    FieldInfo("thread", _T, "the conversation", ("thread_id",)),
    FieldInfo("user", _T, "the user", ("user_id",)),
    FieldInfo("run", _T, "the id of the run", ("run_id",)),
    FieldInfo("project", _T, "the project"),
    FieldInfo("trace", _T, "the id of the trace", ("trace_id",)),
    FieldInfo("span", _T, "the id of the span", ("span_id",)),
    FieldInfo("parent", _T, "the id of the span above; None for a root", ("parent_span_id", "parent_id")),
    FieldInfo("scope", _T, "the instrumentation that recorded it"),
    FieldInfo("start", FieldType.TIME, "when it began"),
    FieldInfo("end", FieldType.TIME, "when it ended; None while it runs"),
    FieldInfo("duration_s", _D, "seconds from start to end; None while it runs", ("duration", "latency_s")),
    FieldInfo("cost_usd", _N, "US dollars", ("cost",)),
    FieldInfo("input_tokens", _N, "tokens in, cached ones included"),
    FieldInfo("output_tokens", _N, "tokens out, reasoning included"),
    FieldInfo("total_tokens", _N, "tokens in and out", ("tokens",)),
    FieldInfo("cached_tokens", _N, "tokens in that were cached"),
    FieldInfo("reasoning_tokens", _N, "tokens out that were reasoning"),
    FieldInfo("input", FieldType.CONTENT, "what went in, as JSON text"),
    FieldInfo("output", FieldType.CONTENT, "what came out, as JSON text"),
    FieldInfo("text", FieldType.CONTENT, "name, input and output"),
    FieldInfo("tags", FieldType.LIST, "its tags"),
    FieldInfo("attributes", FieldType.MAP, 'its attributes, by key: attributes["user.tier"]'),
    FieldInfo("scores", FieldType.MAP, "the newest score of a name: its value for numbers, its label for texts"),
    FieldInfo("feedback", _T, "the newest thumbs of a person: up or down", words=("up", "down")),
    FieldInfo("is_root", FieldType.BOOL, "whether it has no span above it"),
)
_TRACE = (
    FieldInfo("trace.start", FieldType.TIME, "when the trace's root began"),
    FieldInfo("trace.duration_s", _D, "seconds that the root took; None while it runs", ("trace.duration",)),
    FieldInfo("trace.spans", _N, "how many spans the trace has"),
    FieldInfo("trace.errors", _N, "how many of them failed"),
    FieldInfo("trace.cost_usd", _N, "US dollars of all its spans", ("trace.cost",)),
    FieldInfo("trace.input_tokens", _N, "tokens in of all its spans"),
    FieldInfo("trace.output_tokens", _N, "tokens out of all its spans"),
    FieldInfo("trace.total_tokens", _N, "tokens in and out of all its spans", ("trace.tokens",)),
)

_RUN_STATUSES = ("running", "finished", "failed", "crashed", "preempted")
_RUN = (
    FieldInfo("name", _T, "what it is called"),
    FieldInfo("id", _T, "its id", ("run", "run_id")),
    FieldInfo("kind", _T, "app, train, eval or trial", words=("app", "train", "eval", "trial")),
    FieldInfo("status", _T, "where it stands", ("state",), _RUN_STATUSES),
    FieldInfo("group", _T, "the group it belongs to"),
    FieldInfo("job_type", _T, "which part of the group's work it does"),
    FieldInfo("notes", _T, "what people wrote about it"),
    FieldInfo("project", _T, "the project"),
    FieldInfo("parent", _T, "the id of the run that it belongs to", ("parent_run_id",)),
    FieldInfo("started_at", FieldType.TIME, "when it began", ("start", "started", "created_at")),
    FieldInfo("ended_at", FieldType.TIME, "when it ended; None while it runs", ("end", "ended")),
    FieldInfo("duration_s", _D, "seconds from start to end; None while it runs", ("duration",)),
    FieldInfo("exit_code", _N, "how the program ended"),
    FieldInfo("tags", FieldType.LIST, "its tags"),
    FieldInfo("config", FieldType.MAP, 'its config: config.lr, config.model.depth, config["batch-size"]'),
    FieldInfo("summary", FieldType.MAP, 'its summary: summary.loss, summary["val/loss"]'),
)

FIELDS: Mapping[str, FieldInfo] = {info.name: info for info in _SPAN}
TRACE_FIELDS: Mapping[str, FieldInfo] = {info.name: info for info in _TRACE}
ROOT_FIELDS: Mapping[str, FieldInfo] = {f"root.{name}": info for name, info in FIELDS.items()}
RUN_FIELDS: Mapping[str, FieldInfo] = {info.name: info for info in _RUN}
_WORDS = ("and", "or", "not", "in", "is", "None", "true", "false", "now", "any")
_ENDING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


class Fields:
    """What expressions about one sort of thing may name. Of ``maps`` the key may stand behind a dot: ``config.lr``."""

    def __init__(self, fields: Mapping[str, FieldInfo], *, maps: Collection[str] = (), example: str) -> None:
        self.maps = maps
        self.example = example
        self.shown = [name for name in fields if not name.startswith("root.")]
        self._names: dict[str, tuple[str, FieldInfo]] = {}
        for full, info in fields.items():
            prefix = "root." if full.startswith("root.") else ""
            for name in (info.name, *info.aliases):
                self._names[prefix + name] = (full, info)

    def find(self, name: str) -> tuple[str, FieldInfo, str | None] | None:
        """The full name of a field (its alias resolved), what is known of it, and the key that ``name`` tells of a
        map; None where there is none."""
        head, _, key = name.partition(".")
        if key and head in self.maps:
            return *self._names[head], key
        found = self._names.get(name)
        return None if found is None else (*found, None)

    def nearest(self, name: str) -> list[str]:
        """Names of fields that ``name`` may have meant, the likeliest first."""
        known = {full: full for full in self.shown} | {alias: full for alias, (full, _) in self._names.items()}
        lowered = name.lower()
        if lowered in known:
            return [known[lowered]]
        return list(dict.fromkeys(known[close] for close in difflib.get_close_matches(lowered, known, n=3, cutoff=0.6)))


SPANS = Fields({**FIELDS, **TRACE_FIELDS, **ROOT_FIELDS}, example='kind == "llm"')
RUNS = Fields(RUN_FIELDS, maps=("config", "summary"), example="config.lr > 0.01")


def complete(text: str) -> list[str]:
    """Words that may end ``text``, which ends in the midst of one: names of fields first, then keywords.

    >>> complete('kind == "llm" and dur')
    ['duration_s']
    """
    found = _ENDING.search(text)
    begun = found.group() if found else ""
    names = [*FIELDS, *TRACE_FIELDS] if not begun.startswith("root.") else [*ROOT_FIELDS]
    words = [*names, *_WORDS] if begun else names
    return [word for word in words if word.startswith(begun) and word != begun]
