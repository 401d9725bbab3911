"""What a traced call costs: two nested ops against two bare OpenTelemetry SDK spans, in one run.

The bare SDK has a batch processor and a null exporter. Thread CPU time of the caller; 300 B in, 1 kB out, every text
unique. Rounds of both alternate; the median of each is compared.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from weft import recording
from weft.journal import Journal
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op

ROUNDS, CALLS = 15, 1_000


class NullExporter(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def _texts(round_number: int) -> list[tuple[str, str]]:
    unique = (f"{round_number}-{i} " for i in range(CALLS))
    return [((head + "question " * 40)[:300], (head + "an answer " * 120)[:1000]) for head in unique]


def _cpu_us(call: Callable[[str, str], str], texts: list[tuple[str, str]]) -> float:
    started = time.thread_time()
    for given, answer in texts:
        call(given, answer)
    return (time.thread_time() - started) / len(texts) * 1e6


def _bare(provider: TracerProvider) -> Callable[[str, str], str]:
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

    return outer


class _Answers:
    """What an op calls: its answer goes out, not in."""

    answer = ""


@op(name="inner")
def _inner(given: str) -> str:
    return _Answers.answer


@op(name="outer")
def _outer(given: str) -> str:
    return _inner(given)


def _weft(given: str, answer: str) -> str:
    _Answers.answer = answer
    return _outer(given)


class _JournalRecorder(MemoryRecorder):
    """A session's hot path: the record goes into the journal and nowhere else."""

    def __init__(self, directory: Path) -> None:
        super().__init__(project="bench", run_id="bench")
        self.journal = Journal.open(directory)
        self.append = self.journal.append  # type: ignore[method-assign]
        self.writer = self.journal.writer


@contextmanager
def _recording() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        recorder = _JournalRecorder(Path(directory))
        recording.activate(recorder)
        try:
            yield
        finally:
            recording.activate(None)
            recorder.journal.close()


def main() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NullExporter(), max_queue_size=8192))
    bare = _bare(provider)
    bare_us, weft_us = [], []
    with _recording():
        for number in range(ROUNDS):
            texts = _texts(number)
            bare_us.append(_cpu_us(bare, texts))
            weft_us.append(_cpu_us(_weft, texts))
    off_us = [_cpu_us(_weft, _texts(number)) for number in range(5)]
    provider.shutdown()
    one, other = statistics.median(bare_us), statistics.median(weft_us)
    print(f"two nested spans, bare SDK with a batch processor: {one:6.1f} us of caller CPU")
    print(f"two nested @weft.op calls, journaled:              {other:6.1f} us ({other / one:.2f} of the bare SDK)")
    print(f"two nested @weft.op calls without weft.init:       {statistics.median(off_us):6.2f} us")


if __name__ == "__main__":
    main()
