"""``weft.guard``: a scorer inline, which lets an answer pass, replaces it, marks it or stops it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from weft import recording, tracing
from weft.errors import GuardrailError, InputError
from weft.monitors.scoring import asked, check, record_of, run_here, values_of
from weft.scorers.base import Scorer, ScoreValue, as_scorer
from weft.tracing import guard as boundary

F = TypeVar("F", bound=Callable[..., Any])
HIT = "guardrail"  # the key of a score's metadata: hit or passed


@dataclass(frozen=True, slots=True)
class Guard:
    """A guardrail; made by :func:`guard`. As a decorator it guards a function; :meth:`check` guards one answer."""

    scorer: Scorer
    on_fail: Literal["raise", "replace", "flag"] = "raise"
    at_least: float | None = 0.5
    at_most: float | None = None
    replacement: Any = None
    on: Literal["output", "input"] = "output"
    on_error: Literal["pass", "fail"] = "pass"

    def __call__(self, function: F) -> F:
        """Guard a function or coroutine. Raises InputError for a generator, whose answer is out before it is whole."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InputError(
                "A guardrail cannot guard a generator.",
                remedy="Guard the function that has the whole answer, or use guard(...).check(answer).",
                field="function",
            )
        parameters = inspect.signature(function)

        def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
            bound = parameters.bind(*args, **kwargs)
            bound.apply_defaults()
            found = dict(bound.arguments)
            return {key: value for key, value in found.items() if key not in ("self", "cls")}

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def guarded_async(*args: Any, **kwargs: Any) -> Any:
                inputs = given(args, kwargs)
                if self.on == "input":
                    stopped, instead = await self._checked(_only(inputs), inputs)
                    return instead if stopped else await function(*args, **kwargs)
                output = await function(*args, **kwargs)
                return (await self._checked(output, inputs))[1]

            return guarded_async  # type: ignore[return-value]

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            inputs = given(args, kwargs)
            if self.on == "input":
                stopped, instead = self._now(_only(inputs), inputs)
                return instead if stopped else function(*args, **kwargs)
            output = function(*args, **kwargs)
            return self._now(output, inputs)[1]

        return guarded  # type: ignore[return-value]

    def check(self, output: Any, input: Any = None) -> Any:
        """The output if it passes, else what ``on_fail`` says. Raises GuardrailError."""
        return self._now(output, input)[1]

    async def acheck(self, output: Any, input: Any = None) -> Any:
        """The same for a coroutine."""
        return (await self._checked(output, input))[1]

    def _now(self, output: Any, given: Any) -> tuple[bool, Any]:
        return run_here(lambda: self._closing(output, given), quick=self.scorer.quick)

    async def _closing(self, output: Any, given: Any) -> tuple[bool, Any]:
        try:
            return await self._checked(output, given)
        finally:
            await self.scorer.aclose()

    async def _checked(self, output: Any, given: Any) -> tuple[bool, Any]:
        """Whether the answer is replaced, and the answer that goes on."""
        above = tracing.get_current_span()
        with tracing.start_span(self.scorer.name, "guardrail") as span:
            said: dict[str, ScoreValue | BaseException] = {}
            try:
                said.update(await asked(self.scorer, values_of(given, output)))
            except Exception as error:  # noqa: BLE001 - the scorer's failure is a record; on_error says what follows
                said[self.scorer.name] = error
            hits = {name: value for name, value in said.items() if self._fails(value)}
            span.set_output({name: _shown(value) for name, value in said.items()})
            self._record(said, hits, (above.trace_id, above.span_id), (span.trace_id, span.span_id))
            if not hits:
                return False, output
            hit = _error(self.scorer.name, hits)
            span.set_error(hit)
        if self.on_fail == "raise":
            raise hit
        if self.on_fail == "flag":
            return False, output
        return True, self.replacement(output) if callable(self.replacement) else self.replacement

    def _fails(self, value: ScoreValue | BaseException) -> bool:
        if not isinstance(value, ScoreValue):
            return self.on_error == "fail"
        if value.value is None:
            return False
        too_low = self.at_least is not None and value.value < self.at_least
        return too_low or (self.at_most is not None and value.value > self.at_most)

    def _record(self, said: dict[str, Any], hits: dict[str, Any], above: tuple[Any, Any], own: tuple[Any, Any]) -> None:
        """Scores of the guarded span; of the guardrail's own where nothing is recorded above it."""
        recorder = recording.active
        span = own if above[1] is None else above
        if recorder is None or span[1] is None:
            return
        try:
            for name, value in said.items():
                told = {HIT: "hit" if name in hits else "passed"} | ({"action": self.on_fail} if name in hits else {})
                recorder.record(record_of(self.scorer, name, value, project=recorder.project, span=span, metadata=told))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            boundary.failed("guardrail", error)


# What a guardrail is, in one signature; each is a word of its own for whoever reads the call.
def guard(
    scorer: Any,
    *,
    on_fail: Literal["raise", "replace", "flag"] = "raise",
    at_least: float | None = None,
    at_most: float | None = None,
    replacement: Any = None,
    on: Literal["output", "input"] = "output",
    on_error: Literal["pass", "fail"] = "pass",
) -> Guard:
    """A guardrail of a scorer: ``@weft.op`` above ``@weft.guard(NoPii(), on_fail="replace", replacement="...")``.

    An answer fails where its value is below ``at_least`` (0.5 where neither limit is given) or above ``at_most``.
    ``on_fail``: ``raise`` a GuardrailError; ``replace`` the answer by ``replacement``, a value or a function of the
    answer; ``flag`` lets it pass. ``on="input"`` judges the arguments before the call (the only one, or all as a dict);
    replaced, the call does not happen. A scorer that fails lets the answer pass, or with ``on_error="fail"`` does not.
    Every check is a score of the guarded span (``metadata["guardrail"]``: hit or passed) and a span of kind guardrail
    with the status error for a hit, which review rules find. Raises InputError for what is no such scorer.
    """
    if on_fail not in ("raise", "replace", "flag"):
        raise InputError(f"on_fail is {on_fail!r}.", remedy="Use raise, replace or flag.", field="on_fail")
    if on_error not in ("pass", "fail"):
        raise InputError(f"on_error is {on_error!r}.", remedy="Use pass or fail.", field="on_error")
    if on not in ("output", "input"):
        raise InputError(f"on is {on!r}.", remedy="Use output or input.", field="on")
    least = 0.5 if at_least is None and at_most is None else at_least
    return Guard(check(as_scorer(scorer)), on_fail, least, at_most, replacement, on, on_error)


def _only(inputs: dict[str, Any]) -> Any:
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs


def _shown(value: ScoreValue | BaseException) -> Any:
    if not isinstance(value, ScoreValue):
        return f"{type(value).__name__}: {value}"
    return {"value": value.value, "label": value.label, "explanation": value.explanation}


def _error(name: str, hits: dict[str, Any]) -> GuardrailError:
    told = [f"{score} is {_reason(value)}" for score, value in hits.items()]
    return GuardrailError(f"The guardrail {name} stopped the answer: {'; '.join(told)}.", field=name)


def _reason(value: ScoreValue | BaseException) -> str:
    if not isinstance(value, ScoreValue):
        return f"not known ({type(value).__name__})"
    label = "" if value.label is None else f" ({value.label})"
    return f"{value.value:g}{label}"
