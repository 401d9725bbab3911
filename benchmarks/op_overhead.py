"""What a traced call costs: two nested ops against two bare OpenTelemetry SDK spans, in one run.

The bare SDK has a batch processor and a null exporter. Weft records in a real session: every record is in the journal,
safe from ``kill -9``, when the call returns, and values under credential keys are taken out; once with keys of one's
own (``redact_keys``) besides. 300 B in, 1 kB out, every text unique; functions and coroutines. Rounds of all alternate;
the median of the rounds is compared. *Caller* is CPU time of the calling thread, *process* of all threads.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from weft import session
from weft.tracing import op

ROUNDS, CALLS = 15, 1_000
PLAIN = {"drain": "off", "console": False, "git": False, "system_interval_s": 0, "quiet": True, "instrument": False}

Call = Callable[[str, str], str]
AsyncCall = Callable[[str, str], Awaitable[str]]


class NullExporter(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def _texts(round_number: int) -> list[tuple[str, str]]:
    unique = (f"{round_number}-{i} " for i in range(CALLS))
    return [((head + "question " * 40)[:300], (head + "an answer " * 120)[:1000]) for head in unique]


class _Cpu:
    """CPU time a call in microseconds: of the calling thread, and of the process."""

    def __init__(self) -> None:
        self.caller: list[float] = []
        self.process: list[float] = []

    @contextmanager
    def round(self) -> Iterator[None]:
        process, thread = time.process_time(), time.thread_time()
        yield
        self.caller.append((time.thread_time() - thread) / CALLS * 1e6)
        self.process.append((time.process_time() - process) / CALLS * 1e6)


def _bare(provider: TracerProvider) -> tuple[Call, AsyncCall]:
    tracer = provider.get_tracer("bare")

    def inner(given: str, answer: str) -> str:
        with tracer.start_as_current_span("inner") as span:
            span.set_attribute("input", given)
            span.set_attribute("output", answer)
            return answer

    def outer(given: str, answer: str) -> str:
        with tracer.start_as_current_span("outer") as span:
            span.set_attribute("input", given)
            result = inner(given, answer)
            span.set_attribute("output", result)
            return result

    async def inner_async(given: str, answer: str) -> str:
        with tracer.start_as_current_span("inner") as span:
            span.set_attribute("input", given)
            span.set_attribute("output", answer)
            return answer

    async def outer_async(given: str, answer: str) -> str:
        with tracer.start_as_current_span("outer") as span:
            span.set_attribute("input", given)
            result = await inner_async(given, answer)
            span.set_attribute("output", result)
            return result

    return outer, outer_async


class _Answers:
    """What an op calls: its answer goes out, not in."""

    answer = ""


@op(name="inner")
def _inner(given: str) -> str:
    return _Answers.answer


@op(name="outer")
def _outer(given: str) -> str:
    return _inner(given)


@op(name="inner")
async def _inner_async(given: str) -> str:
    return _Answers.answer


@op(name="outer")
async def _outer_async(given: str) -> str:
    return await _inner_async(given)


def _weft(given: str, answer: str) -> str:
    _Answers.answer = answer
    return _outer(given)


async def _weft_async(given: str, answer: str) -> str:
    _Answers.answer = answer
    return await _outer_async(given)


def _sync_round(cpu: _Cpu, call: Call, texts: list[tuple[str, str]]) -> None:
    with cpu.round():
        for given, answer in texts:
            call(given, answer)


def _async_round(cpu: _Cpu, call: AsyncCall, texts: list[tuple[str, str]]) -> None:
    async def calls() -> None:
        with cpu.round():
            for given, answer in texts:
                await call(given, answer)

    asyncio.run(calls())


@contextmanager
def _session(**settings: object) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        session.init("bench", dir=directory, settings={**PLAIN, **settings})
        try:
            yield
        finally:
            session.close()


def main() -> dict[str, float]:
    """Print and return the costs in microseconds and their ratios to the bare SDK."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NullExporter(), max_queue_size=8192))
    bare, bare_async = _bare(provider)
    cpu: dict[str, _Cpu] = defaultdict(_Cpu)
    off = _Cpu()
    for number in range(ROUNDS):
        texts = _texts(number)
        _sync_round(cpu["bare SDK"], bare, texts)
        _async_round(cpu["bare SDK, async"], bare_async, texts)
        _sync_round(off, _weft, texts)
        for words, settings in (("weft", {}), ("weft, redact_keys", {"redact_keys": "ssn,card_number"})):
            with _session(**settings):
                _sync_round(cpu[words], _weft, texts)
                _async_round(cpu[f"{words}, async"], _weft_async, texts)
    provider.shutdown()
    result: dict[str, float] = {}
    for name, measured in cpu.items():
        one, whole = statistics.median(measured.caller), statistics.median(measured.process)
        base = cpu["bare SDK, async" if name.endswith("async") else "bare SDK"]
        result[f"{name}, caller us"] = one
        ratio = result[f"{name}, ratio"] = one / statistics.median(base.caller)
        print(f"two nested spans, {name:26} {one:6.1f} us of the caller ({ratio:.2f}), {whole:6.1f} of the process")
    result["without weft.init, us an op"] = statistics.median(off.caller) / 2
    print(f"an op without weft.init: {result['without weft.init, us an op']:.2f} us")
    return result


if __name__ == "__main__":
    main()
