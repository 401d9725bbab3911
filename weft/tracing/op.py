"""``@weft.op``: every call of a function as a span, from one core for every shape of function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar, Unpack, overload

from weft import recording
from weft.errors import InputError
from weft.otlp import names
from weft.tracing import calls, guard, op_versions, steps
from weft.tracing.active import NOTHING, ActiveSpan
from weft.tracing.capture import bounded, capture
from weft.tracing.redact import Redaction, Redactor
from weft.tracing.sampling import Sampling
from weft.tracing.spans import begin_own

F = TypeVar("F", bound="Callable[..., Any] | classmethod[Any, Any, Any]")

MOST_YIELDED = 1_000  # items of a generator that are kept


@dataclass(frozen=True, slots=True)
class OpOptions:
    """What was asked of an op; found as ``weft_op`` on the decorated function."""

    name: str
    kind: str = "op"
    capture_input: bool = True
    capture_output: bool = True
    redact: Redaction = None
    sample_rate: float | None = None
    keep_errors: bool | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    habits: Habits = field(default_factory=lambda: Habits())


class Habits(TypedDict, total=False):
    """Further options, as users of Weave know them.

    ``call_display_name`` (a text, or a function of the :class:`weft.Call`) is shown in place of the name;
    ``postprocess_inputs`` (of the dict of inputs) and ``postprocess_output`` return what is recorded;
    ``tracing_sample_rate`` is ``sample_rate``; ``enable_code_capture=False`` keeps no version of the code; ``color``
    has no meaning here.
    """

    call_display_name: str | Callable[[Any], str] | None
    postprocess_inputs: Callable[[dict[str, Any]], Any] | None
    postprocess_output: Callable[[Any], Any] | None
    tracing_sample_rate: float | None
    enable_code_capture: bool
    color: str | None


@overload
def op(fn: F, /) -> F: ...
@overload
def op(
    *,
    name: str | None = None,
    kind: str = "op",
    capture_input: bool = True,
    capture_output: bool = True,
    redact: Redaction = None,
    sample_rate: float | None = None,
    keep_errors: bool | None = None,
    attributes: Mapping[str, Any] | None = None,
    **habits: Unpack[Habits],
) -> Callable[[F], F]: ...
def op(
    fn: Any = None,
    /,
    *,
    name: str | None = None,
    kind: str = "op",
    capture_input: bool = True,
    capture_output: bool = True,
    redact: Redaction = None,
    sample_rate: float | None = None,
    keep_errors: bool | None = None,
    attributes: Mapping[str, Any] | None = None,
    **habits: Unpack[Habits],
) -> Any:
    """Record every call of a function as a span: its inputs by name, its output, how long it took, what it raised.

    It works on functions, methods, coroutines, generators and async generators, and keeps their signature. Without
    ``weft.init`` the call goes straight through.

    ``redact`` is either keys whose values are never recorded, or a function that is given the inputs (a dict) and the
    output, attributes, exceptions and events and returns what may be recorded. Where the op is the root of a trace,
    ``sample_rate`` in [0, 1] is the share of traces that is recorded, and ``keep_errors`` records those that fail
    besides; the settings of these names hold where they are not given. ``habits`` are further options, see
    :class:`Habits`. ``fn.call(...)`` calls it and returns ``(result, Call)``. Raises InputError for options that do not
    fit.
    """
    sample_rate = habits.get("tracing_sample_rate") if sample_rate is None else sample_rate
    Sampling.of(sample_rate, keep_errors)
    for unknown in habits.keys() - Habits.__annotations__.keys():
        raise InputError(f"op has no option {unknown!r}.", remedy="See `help(weft.op)`.", field=unknown)

    def decorate(target: Any) -> Any:
        if isinstance(target, staticmethod | classmethod):
            return type(target)(decorate(target.__func__))
        if not callable(target) or isinstance(target, type):  # a wrapped class would be one no more
            raise InputError(f"op cannot decorate {target!r}.", remedy="Put it on a function or method.", field="fn")
        options = OpOptions(
            name=name or _name(target),
            kind=kind,
            capture_input=capture_input,
            capture_output=capture_output,
            redact=redact,
            sample_rate=sample_rate,
            keep_errors=keep_errors,
            attributes=dict(attributes or {}),
            habits=habits,
        )
        return _wrap(target, options)

    return decorate if fn is None else decorate(fn)


def _name(fn: Any) -> str:
    name = getattr(fn, "__qualname__", None) or type(fn).__name__
    return str(name).rpartition("<locals>.")[2]


class _Inputs:
    """The arguments of a call by parameter name, without binding the signature at each call."""

    __slots__ = ("_defaults", "_names", "_rest", "skip_first")

    def __init__(self, fn: Any) -> None:
        try:
            parameters = list(inspect.signature(fn).parameters.values())
        except (TypeError, ValueError):  # some builtins have none
            parameters = [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.skip_first = bool(positional) and positional[0].name in ("self", "cls") and "." in _name(fn)
        self._names = tuple(p.name for p in positional)
        self._rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
        self._defaults = {p.name: p.default for p in parameters if p.default is not p.empty}

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        named = dict(zip(self._names, args, strict=False))
        if self.skip_first:
            named.pop(self._names[0], None)
        if len(args) > len(self._names):
            named[self._rest] = list(args[len(self._names) :])
        if kwargs:
            named.update(kwargs)
        for name, default in self._defaults.items():
            if name not in named:
                named[name] = default
        return named


class _Core:
    """What a call does around the function; the adapters below only differ in how they run it."""

    __slots__ = (
        "_arguments",
        "_fn",
        "_is_plain",
        "_loop",
        "_noted",
        "_options",
        "_redactor",
        "_sampling",
        "_stamp",
        "keeps_output",
    )

    def __init__(self, fn: Any, options: OpOptions) -> None:
        self._fn = fn
        self._options = options
        self._arguments = _Inputs(fn)
        self._noted: recording.Recorder | None = None  # the session that knows this op's code
        self._stamp: Mapping[str, Any] | None = None
        self._loop: steps.StepLoop | None = None
        habits = options.habits
        self._is_plain = not (habits.get("postprocess_output") or callable(habits.get("call_display_name")))
        self._redactor = Redactor(options.redact)
        self._sampling = Sampling.of(options.sample_rate, options.keep_errors)
        self.keeps_output = options.capture_output

    def begin(self, recorder: recording.Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ActiveSpan:
        """The span of this call, not yet current; NOTHING where the call goes straight through."""
        options = self._options
        if self._noted is not recorder:
            self._noted = recorder
            self._stamp = op_versions.stamp(self._fn, options, recorder)
        version = _version(args[0]) if self._arguments.skip_first and args else None
        span = begin_own(recorder, options.name, options.kind, self._redactor, self._sampling, version)
        if self._stamp is not None:
            span.stamp(self._stamp)
        if options.attributes:
            span.set_attributes(options.attributes)
        size = 0
        if options.capture_input and span.recording:
            try:
                size = span.keep("input", names.WEFT_INPUT, self.inputs(args, kwargs))
            except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
                guard.failed("capture", error)
        if not self._is_plain:
            self._show(span)
        span.announce(size)
        return span

    def step(self, recorder: recording.Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]) -> steps.TrainStep:
        """The training step of this call: inputs are kept of the first ones only, which costs the most."""
        if self._loop is None or self._noted is not recorder:
            self._noted = recorder
            self._stamp = op_versions.stamp(self._fn, self._options, recorder)
            self._loop = steps.StepLoop(lambda: self._begin_step(recorder))
        step = steps.TrainStep(self._loop)
        if self._options.capture_input and self._loop.count < steps.FIRST:
            step.keep = lambda span: span.set_input(self.inputs(args, kwargs))
        return step

    def _begin_step(self, recorder: recording.Recorder) -> ActiveSpan:
        options = self._options
        span = begin_own(recorder, options.name, options.kind, self._redactor, self._sampling)
        if self._stamp is not None:
            span.stamp(self._stamp)
        if options.attributes:
            span.set_attributes(options.attributes)
        return span

    @property
    def name(self) -> str:
        """The op's name."""
        return self._options.name

    def inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What is recorded of the arguments."""
        named = self._arguments(args, kwargs)
        shown = self._options.habits.get("postprocess_inputs")
        return named if shown is None else shown(named)

    def _show(self, span: ActiveSpan) -> None:
        span.shown = self._options.habits.get("postprocess_output")
        named = self._options.habits.get("call_display_name")
        if callable(named) and span.recording:
            try:
                span.set_attributes({names.WEFT_DISPLAY_NAME: str(named(calls.Call(self.name, span)))})
            except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
                guard.failed("call_display_name", error)


def _version(model: Any) -> str | None:
    """The artifact that a ``weft.Model`` is linked to."""
    try:
        ref = getattr(model, "weft_ref", None)
    except Exception:  # noqa: BLE001 - the user's __getattr__ may raise anything
        return None
    return ref if isinstance(ref, str) else None


class _Stream:
    """A generator's call: the span is current while the generator runs, not while its consumer does."""

    __slots__ = ("_items", "_keep", "_span", "_total")

    def __init__(self, span: ActiveSpan, keep: bool) -> None:
        self._span = span
        self._keep = keep
        self._items: list[Any] = []
        self._total = 0

    def __enter__(self) -> None:
        self._span.enter()

    def __exit__(self, kind: Any, error: BaseException | None, stack: Any) -> None:
        self._span.leave()
        if error is not None and not isinstance(error, StopIteration | StopAsyncIteration):
            self._span.set_error(error)
            self.end()

    def add(self, item: Any) -> None:
        """Keep an item as it is now; the consumer may change it."""
        self._total += 1
        if self._keep and self._total <= MOST_YIELDED:
            self._items.append(capture(item))

    def end(self, returned: Any = None) -> None:
        """End the span with what was yielded so far."""
        if self._keep:
            items = bounded(self._items, MOST_YIELDED, self._total)
            self._span.set_output(items if returned is None else {"yielded": items, "returned": returned})
        self._span.set_attributes({names.WEFT_YIELDED: self._total})
        self._span.end()


def _wrap(fn: Any, options: OpOptions) -> Any:
    core = _Core(fn, options)
    if inspect.isasyncgenfunction(fn):
        wrapper = _async_generator(fn, core)
    elif inspect.isgeneratorfunction(fn):
        wrapper = _generator(fn, core)
    elif inspect.iscoroutinefunction(fn):
        wrapper = _coroutine(fn, core)
    elif options.kind == steps.KIND:
        wrapper = _step(fn, core)
    else:
        wrapper = _function(fn, core)
    wrapper.weft_op = options
    wrapper.call = functools.partial(calls.call, fn, core)
    return wrapper


def _function(fn: Any, core: _Core) -> Any:
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder = recording.active
        if recorder is None or (span := core.begin(recorder, args, kwargs)) is NOTHING:
            return fn(*args, **kwargs)
        with span:
            output = fn(*args, **kwargs)
            if core.keeps_output:
                span.set_output(output)
        return output

    return wrapper


def _step(fn: Any, core: _Core) -> Any:
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder = recording.active
        if recorder is None:
            return fn(*args, **kwargs)
        with core.step(recorder, args, kwargs) as step:
            output = fn(*args, **kwargs)
            if core.keeps_output:
                step.output = output
        return output

    return wrapper


def _coroutine(fn: Any, core: _Core) -> Any:
    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder = recording.active
        if recorder is None or (span := core.begin(recorder, args, kwargs)) is NOTHING:
            return await fn(*args, **kwargs)
        with span:
            output = await fn(*args, **kwargs)
            if core.keeps_output:
                span.set_output(output)
        return output

    return wrapper


def _generator(fn: Any, core: _Core) -> Any:
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        recorder = recording.active
        if recorder is None or (span := core.begin(recorder, args, kwargs)) is NOTHING:
            return (yield from fn(*args, **kwargs))
        stream = _Stream(span, core.keeps_output and span.recording)
        generator = fn(*args, **kwargs)
        step, value = generator.send, None
        try:
            while True:
                with stream:
                    item = step(value)
                stream.add(item)
                try:
                    step, value = generator.send, (yield item)
                except GeneratorExit:
                    with stream:
                        generator.close()
                    stream.end()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - whatever the consumer throws goes on into the generator
                    step, value = generator.throw, thrown
        except StopIteration as stop:
            stream.end(stop.value)
            return stop.value

    return wrapper


def _async_generator(fn: Any, core: _Core) -> Any:
    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        recorder = recording.active
        span = NOTHING if recorder is None else core.begin(recorder, args, kwargs)
        stream = _Stream(span, core.keeps_output and span.recording)
        generator = fn(*args, **kwargs)
        step, value = generator.asend, None
        try:
            while True:
                with stream:
                    item = await step(value)
                stream.add(item)
                try:
                    step, value = generator.asend, (yield item)
                except GeneratorExit:
                    with stream:
                        await generator.aclose()
                    stream.end()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - whatever the consumer throws goes on into the generator
                    step, value = generator.athrow, thrown
        except StopAsyncIteration:
            stream.end()

    return wrapper
