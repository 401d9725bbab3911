"""Scoring without a dataset: what a scorer may ask of a live call, and the record of what it said."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import traceback
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from weft import clock, digests, ids
from weft.errors import InputError
from weft.records import Failure, Score, ScoreSource
from weft.scorers.base import Scorer, ScoreValue, as_values
from weft.scorers.binding import bind, signature

T = TypeVar("T")
_ABSENT = ("expected",)


def check(scorer: Scorer) -> Scorer:
    """The scorer, if it can judge a live call. Raises InputError where it needs what only a dataset has."""
    for parameter in signature(scorer.function).parameters.values():
        if parameter.name in _ABSENT and parameter.default is parameter.empty:
            raise InputError(
                f"The scorer {scorer.name} asks for '{parameter.name}', which a live call does not have.",
                remedy="Use one that judges the output alone, or a judge without a reference.",
                field="scorers",
            )
    return scorer


def values_of(given: Any, output: Any) -> dict[str, Any]:
    """What a scorer may ask for by name: the arguments, ``input``, ``output`` and ``example`` (all arguments)."""
    columns = dict(given) if isinstance(given, Mapping) else {"input": given}
    return {"input": given, **columns, "output": output, "model_output": output, "example": columns}


async def asked(scorer: Scorer, values: Mapping[str, Any]) -> dict[str, ScoreValue]:
    """What a scorer says, by score name. Raises what the scorer raises."""
    known = {**values, **{name: values[column] for name, column in scorer.columns().items() if column in values}}
    function = scorer.function
    bound = bind(function, known, what=f"The scorer {scorer.name}")
    if scorer.quick or inspect.iscoroutinefunction(function):
        said = function(*bound.args, **bound.kwargs)
    else:
        said = await asyncio.to_thread(function, *bound.args, **bound.kwargs)
    return as_values(scorer.name, await said if inspect.isawaitable(said) else said)


def run_here(make: Callable[[], Coroutine[Any, Any, T]], *, quick: bool = False) -> T:
    """Run a coroutine to its end from a function, also where an event loop runs in this thread already.

    A ``quick`` one never waits, and so needs no loop.
    """
    if quick:
        try:
            make().send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        raise InputError("A scorer that says that it is quick has waited.", field="quick")
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(make())
    found: list[T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            found.append(asyncio.run(make()))
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            failure.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), name="weft-guard")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return found[0]


def record_of(
    scorer: Scorer,
    name: str,
    said: ScoreValue | BaseException,
    *,
    project: str,
    span: tuple[str | None, str | None],
    key: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Score:
    """The score of a span. ``key`` makes its id: the same key and span is the same score. A failure has no value."""
    trace_id, span_id = span
    told = {**(metadata or {}), **(said.metadata if isinstance(said, ScoreValue) else {})}
    is_judge = scorer.source is ScoreSource.LLM
    return Score(
        score_id=ids.new_id() if key is None else digests.of_json([key, trace_id, span_id, name])[:24],
        project=project,
        name=name,
        time_ns=clock.now_ns(),
        source=scorer.source,
        value=said.value if isinstance(said, ScoreValue) else None,
        label=said.label if isinstance(said, ScoreValue) else None,
        explanation=said.explanation if isinstance(said, ScoreValue) else None,
        confidence=said.confidence if isinstance(said, ScoreValue) else None,
        author=getattr(scorer, "model", None) if is_judge else type(scorer).__name__,
        trace_id=trace_id,
        span_id=span_id,
        failure=None if isinstance(said, ScoreValue) else _failure(said),
        metadata=told,
    )


def _failure(error: BaseException) -> Failure:
    return Failure(type(error).__name__, str(error), "".join(traceback.format_exception(error)))
