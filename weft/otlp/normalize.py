"""One span's attributes, in whatever dialect they speak, as the columns of :class:`weft.records.Span`.

The originals stay in the attributes. Where several dialects speak at once, the one that stands first in
:data:`weft.otlp.dialects.DIALECTS` wins, and in it the field that stands first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weft.otlp import names
from weft.otlp.dialects import DIALECTS
from weft.otlp.messages import event_messages
from weft.otlp.readers import Attributes, Reader

# Tokens and cost count where a model was called. Agents, chains and outer wrappers repeat the sums of their
# children, which would be counted twice in a trace's totals; their numbers stay in the attributes.
_CALLS_A_MODEL = frozenset({"llm", "embedding", "rerank", "judge"})
_COLUMNS = (
    *("kind", "provider", "model", "model_version", "thread_id", "user_id", "input", "output"),
    *("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_usd", "tags", "prompt"),
)
_USAGE = frozenset({"input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_usd"})
# Not columns but attributes of Weft's own names, which filters and pages know.
_LABELS = {"tags": names.WEFT_TAGS, "prompt": names.WEFT_PROMPT}

# How a field stands in line: its column, then its dialect and place there; what it says; where; how it is read.
_Slot = tuple[int, str, str, Reader]
_EXACT: dict[str, list[_Slot]] = {}
_STARTS: list[tuple[str, list[_Slot]]] = []
# For the names of a span's attributes, what to ask in which order: an exporter's spans look alike.
_plans: dict[tuple[str, ...], list[_Slot]] = {}
_MOST_PLANS = 1000
_MOST_NAMES = 100


def _line_up() -> None:
    starts: dict[str, list[_Slot]] = {}
    for place, field in enumerate(field for fields in DIALECTS.values() for field in fields):
        slot = (_COLUMNS.index(field.column) * 1000 + place, field.column, field.key, field.read)
        (starts if field.key.endswith(".") else _EXACT).setdefault(field.key, []).append(slot)
    _STARTS.extend(starts.items())


_line_up()


def columns(attributes: Attributes, events: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The columns that the attributes speak of: kind, model, provider, tokens, cost, thread, user, input, output.

    Only those that are known are in the answer, but ``kind`` always is. ``events`` are the span's own
    ({"name", "time_ns", "attributes"}): the GenAI ones carry messages where the attributes do not.
    """
    found = normalized(attributes, events)
    for label in _LABELS:
        found.pop(label, None)
    return found


def labels(found: dict[str, Any]) -> dict[str, Any]:
    """Take what is no column out of :func:`normalized`'s answer: attributes ``weft.tags`` and ``weft.prompt``."""
    return {key: found.pop(label) for label, key in _LABELS.items() if label in found}


def normalized(attributes: Attributes, events: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """As :func:`columns`, with ``tags`` (a list of words) and ``prompt`` (a prompt's reference) beside them."""
    a = _with_event_details(attributes, events) if events else attributes
    spoken = tuple(a)
    found: dict[str, Any] = {}
    counted: bool | None = None
    plan = _plans.get(spoken)
    for _, column, key, read in _plan(spoken) if plan is None else plan:  # kinds stand first
        if column in found:
            continue
        if column in _USAGE:
            if counted is None:
                counted = names.WEFT_KIND in a or (found.get("kind") or _unsaid_kind(a)) in _CALLS_A_MODEL
            if not counted:
                continue
        value = read(a, key)
        if value is not None:
            found[column] = value
    if "kind" not in found:
        found["kind"] = _unsaid_kind(a)
    if events and not ("input" in found and "output" in found):
        for side, messages in event_messages(events).items():
            found.setdefault(side, messages)
    _include(found, "input_tokens", "cached_tokens")
    _include(found, "output_tokens", "reasoning_tokens")
    return found


def _include(found: dict[str, Any], whole: str, part: str) -> None:
    """A part that is larger than its whole was counted apart from it."""
    if part in found and found[part] > found.get(whole, found[part]):
        found[whole] += found[part]


def _with_event_details(attributes: Attributes, events: Iterable[Mapping[str, Any]]) -> Attributes:
    for event in events:
        if event.get("name") == names.EVENT_DETAILS:
            return {**event.get("attributes", {}), **attributes}
    return attributes


def kind_of(a: Attributes) -> str:
    """The kind of a span, ``op`` where no dialect says."""
    kind: str = normalized(a)["kind"]
    return kind


def _plan(spoken: tuple[str, ...]) -> list[_Slot]:
    slots: dict[int, _Slot] = {}
    for name in spoken:
        for slot in _EXACT.get(name, ()):
            slots[slot[0]] = slot
        for start, those in _STARTS:
            if name.startswith(start):
                slots.update((slot[0], slot) for slot in those)
    plan = [slots[rank] for rank in sorted(slots)]
    if len(spoken) <= _MOST_NAMES and sum(map(len, spoken)) <= _MOST_NAMES * _MOST_NAMES:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[spoken] = plan
    return plan


def _unsaid_kind(a: Attributes) -> str:
    if names.OPERATION not in a and ("gen_ai.request.model" in a or "llm.model_name" in a):
        return "llm"
    return "op"
