"""``Call``: one call of an op as users of Weave hold it, while it runs and as it was stored."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from weft import recording
from weft.errors import InputError, NotFoundError, WeftError
from weft.otlp import names
from weft.records import Page, Span, SpanQuery
from weft.repositories import Store
from weft.tracing.active import ActiveSpan, JoinedSpan
from weft.tracing.human_scores import Feedback, feedback
from weft.tracing.own import OwnSpan
from weft.tracing.spans import get_current_span

_FILTERS = ("op_names", "trace_roots_only", "call_ids", "trace_ids", "parent_ids", "thread_ids", "run_ids")
_MOST = 1_000  # spans a page


class Call:
    """A call: ids, inputs, output, attributes, summary and feedback. Made by ``op.call`` and ``get_current_call``."""

    def __init__(self, op_name: str, span: ActiveSpan | Span) -> None:
        self.op_name = op_name
        self.exception: str | None = None
        self._span = span
        self._inputs: dict[str, Any] | None = None
        self._output: Any = None
        self._display_name: str | None = None
        self.summary: dict[str, Any] = _Summary(self._summarise)
        if isinstance(span, Span):
            self._inputs = _named(span.input)
            self._output = span.output
            self.exception = span.status_message if span.status == "error" else None
            dict.update(self.summary, _stored_summary(span))

    @property
    def id(self) -> str | None:
        """The span's id, 16 hex digits; None where nothing is recorded."""
        return self._span.span_id

    @property
    def span_id(self) -> str | None:
        """The same as :attr:`id`."""
        return self._span.span_id

    @property
    def trace_id(self) -> str | None:
        """32 hex digits; None where nothing is recorded."""
        return self._span.trace_id

    @property
    def parent_id(self) -> str | None:
        """The id of the call that made this one; None for the first of a trace."""
        found = self._field("parent_span_id")
        return None if found is None else str(found)

    @property
    def inputs(self) -> dict[str, Any]:
        """The arguments by name; of a call that still runs, as they were recorded."""
        if self._inputs is None:
            return _named(self._field("input"))
        return self._inputs

    @property
    def output(self) -> Any:
        """What it returned; None while it runs."""
        return self._field("output") if self._output is None else self._output

    @property
    def attributes(self) -> dict[str, Any]:
        """The span's attributes."""
        return dict(self._field("attributes") or {})

    @property
    def display_name(self) -> str | None:
        """The name that :meth:`set_display_name` gave."""
        return self._display_name or self.attributes.get(names.WEFT_DISPLAY_NAME)

    @property
    def started_at(self) -> datetime.datetime | None:
        """When it began, in UTC."""
        return _time(self._field("start_ns"))

    @property
    def ended_at(self) -> datetime.datetime | None:
        """When it ended, in UTC; None while it runs."""
        return _time(self._field("end_ns"))

    @property
    def thread_id(self) -> str | None:
        """The conversation that it belongs to."""
        if isinstance(self._span, Span):
            return self._span.thread_id
        return self.attributes.get(names.WEFT_THREAD_ID)

    @property
    def feedback(self) -> Feedback:
        """Thumbs, notes and scores of it; also after it has ended."""
        return feedback(self)

    @property
    def ui_url(self) -> str:
        """The address of its page; empty where nothing is recorded."""
        recorder = recording.active
        if recorder is None or self.trace_id is None:
            return ""
        return recorder.address(f"/trace/{self.trace_id}?span={self.id}")

    def set_display_name(self, name: str) -> None:
        """Show the call under another name. Raises WeftError where it has ended: it is in the store as it was."""
        if isinstance(self._span, Span) or not (self._span.recording or self._span.span_id is None):
            raise WeftError("The call has ended.", remedy="Set its name while it runs, or with op(call_display_name=).")
        self._display_name = name
        self._span.set_attributes({names.WEFT_DISPLAY_NAME: name})

    def _field(self, name: str) -> Any:
        span = self._span
        if isinstance(span, Span):
            return getattr(span, name)
        record: Mapping[str, Any] = {}
        if isinstance(span, OwnSpan):
            record = span.record
            if name == "attributes":
                return {**record.get("attributes", {}), **(span.attributes or {})}
        elif isinstance(span, JoinedSpan) and span.opened is not None:
            record = span.opened.record
            if name == "attributes":
                return span.attributes
        value = record.get(name)
        return orjson.loads(orjson.dumps(value)) if isinstance(value, orjson.Fragment) else value

    def _summarise(self, changed: Mapping[str, Any]) -> None:
        if isinstance(self._span, ActiveSpan):
            self._span.set_attributes({f"{names.WEFT_SUMMARY}.{key}": value for key, value in changed.items()})

    def _ended(self, inputs: dict[str, Any], output: Any, error: BaseException | None = None) -> Call:
        self._inputs, self._output = inputs, output
        self.exception = None if error is None else f"{type(error).__name__}: {error}"
        return self

    def __repr__(self) -> str:
        return f"<weft call {self.op_name} {self.trace_id}:{self.id}>"


class _Summary(dict[str, Any]):
    """What is set here is recorded with the span."""

    def __init__(self, changed: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__()
        self._changed = changed

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._changed({key: value})

    def update(self, *args: Any, **more: Any) -> None:
        """Set several values."""
        for key, value in dict(*args, **more).items():
            self[key] = value


def _stored_summary(span: Span) -> dict[str, Any]:
    prefix = names.WEFT_SUMMARY + "."
    own = {key.removeprefix(prefix): value for key, value in span.attributes.items() if key.startswith(prefix)}
    facts = {"status": str(span.status), "cost_usd": span.cost_usd, "latency_ms": None}
    if span.duration_ns is not None:
        facts["latency_ms"] = span.duration_ns / 1e6
    found: dict[str, Any] = {**own, "weft": facts}
    if span.model is not None and span.input_tokens is not None:
        used = {"input_tokens": span.input_tokens, "output_tokens": span.output_tokens, "requests": 1}
        found["usage"] = {span.model: used}
    return found


def _named(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {} if given is None else {"input": given}


def _time(ns: Any) -> datetime.datetime | None:
    return None if ns is None else datetime.datetime.fromtimestamp(ns / 1e9, datetime.UTC)


def get_current_call() -> Call | None:
    """The call that runs here, with its ``feedback``, ``set_display_name`` and ``summary``; None outside of any."""
    span = get_current_span()
    if span.span_id is None:
        return None
    return Call(str(getattr(span, "name", "")), span)


def require_current_call() -> Call:
    """The call that runs here. Raises WeftError outside of any."""
    call = get_current_call()
    if call is None:
        raise WeftError("There is no current call.", remedy="Call this inside an op, after weft.init('my-project').")
    return call


def call(fn: Any, core: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call an op and return ``(result, Call)``: what ``my_op.call(...)`` does; of a coroutine function, awaited.

    What the op raises is recorded and kept as ``call.exception``; the result is then None. The items of a generator are
    its result, as a list. Of a method, the object comes first: ``model.predict.call(model, ...)``.
    """
    recorder = recording.active
    span = ActiveSpan() if recorder is None else core.begin(recorder, args, kwargs)
    made = Call(core.name, span)
    inputs = core.inputs(args, kwargs)
    if inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn):
        return _awaited(fn, core, span, made, inputs, args, kwargs)
    try:
        with span:
            output = fn(*args, **kwargs)
            if inspect.isgenerator(output):
                output = list(output)
            if core.keeps_output:
                span.set_output(output)
    except Exception as error:  # noqa: BLE001 - handed to the caller in the call
        return None, made._ended(inputs, None, error)
    return output, made._ended(inputs, output)


# The arguments of one call, as the synchronous half above has them.
async def _awaited(
    fn: Any, core: Any, span: ActiveSpan, made: Call, inputs: dict[str, Any], args: Any, kwargs: Any
) -> tuple[Any, Call]:
    try:
        with span:
            if inspect.isasyncgenfunction(fn):
                output = [item async for item in fn(*args, **kwargs)]
            else:
                output = await fn(*args, **kwargs)
            if core.keeps_output:
                span.set_output(output)
    except Exception as error:  # noqa: BLE001 - handed to the caller in the call
        return None, made._ended(inputs, None, error)
    return output, made._ended(inputs, output)


def read_calls(
    store: Store, project: str, filter: Mapping[str, Any] | None = None, *, limit: int | None = None, offset: int = 0
) -> Iterator[Call]:
    """Stored calls, the earliest first. ``filter``: ``op_names``, ``trace_roots_only``, ``call_ids``, ``trace_ids``,
    ``parent_ids``, ``thread_ids``, ``run_ids``. Raises InputError for another one."""
    wanted = dict(filter or {})
    for name in wanted:
        if name not in _FILTERS:
            raise InputError(f"There is no filter {name!r}.", remedy=f"Use {', '.join(_FILTERS)}.", field=name)
    found = 0
    for span in _spans(store, _query(project, wanted)):
        if not _matches(span, wanted):
            continue
        found += 1
        if found <= offset:
            continue
        yield Call(span.name, span)
        if limit is not None and found - offset >= limit:
            return


def read_call(store: Store, project: str, call_id: str) -> Call:
    """One stored call, by its id or ``trace:span``. Raises NotFoundError."""
    trace_id, _, span_id = call_id.rpartition(":")
    wanted = {"call_ids": [span_id], **({"trace_ids": [trace_id]} if trace_id else {})}
    found = next(read_calls(store, project, wanted, limit=1), None)
    if found is None:
        raise NotFoundError(f"There is no call {call_id!r} in project {project!r}.", field="call_id")
    return found


def _query(project: str, wanted: Mapping[str, Any]) -> SpanQuery:
    """What the store can filter by itself."""

    def only(name: str) -> str | None:
        values = wanted.get(name)
        return values[0] if isinstance(values, Sequence) and len(values) == 1 else None

    return SpanQuery(
        project=project,
        name=only("op_names"),
        trace_id=only("trace_ids"),
        thread_id=only("thread_ids"),
        run_id=only("run_ids"),
        roots_only=bool(wanted.get("trace_roots_only")),
        order="start",
        limit=_MOST,
    )


def _spans(store: Store, query: SpanQuery) -> Iterator[Span]:
    while True:
        page: Page[Span] = store.spans.list_spans(query)
        yield from page.items
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)


def _matches(span: Span, wanted: Mapping[str, Any]) -> bool:
    for name, value in (
        ("op_names", span.name),
        ("call_ids", span.span_id),
        ("trace_ids", span.trace_id),
        ("parent_ids", span.parent_span_id),
        ("thread_ids", span.thread_id),
        ("run_ids", span.run_id),
    ):
        if wanted.get(name) is not None and value not in wanted[name]:
            return False
    return True
