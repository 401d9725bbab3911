"""What a training step as a span costs: Weft's, of which few are recorded, against a span of the OpenTelemetry SDK.

The SDK has a batch processor and a null exporter. CPU time of the calling thread in microseconds a step, less an empty
loop; the median of the rounds, which alternate.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.op_overhead import PLAIN, NullExporter
from weft import session
from weft.tracing import op

ROUNDS, STEPS = 9, 20_000
TARGET_US = 2.0


@op(kind="train_step")
def _decorated() -> None:
    pass


def _microseconds(loop: Callable[[], None]) -> float:
    started = time.thread_time()
    loop()
    return (time.thread_time() - started) / STEPS * 1e6


def main() -> dict[str, float]:
    """Print and return microseconds a step."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NullExporter(), max_queue_size=8192))
    tracer = provider.get_tracer("bare")

    def empty() -> None:
        for _ in range(STEPS):
            pass

    def bare() -> None:
        for _ in range(STEPS):
            with tracer.start_as_current_span("train_step"):
                pass

    def stepped() -> None:
        for _ in range(STEPS):
            with run.step():
                pass

    def iterated() -> None:
        for _ in run.steps(range(STEPS)):
            pass

    def decorated() -> None:
        for _ in range(STEPS):
            _decorated()

    loops = {
        "with run.step()": stepped,
        "run.steps(...)": iterated,
        "op(kind='train_step')": decorated,
        "bare SDK": bare,
    }
    taken: dict[str, list[float]] = {name: [] for name in loops}
    with tempfile.TemporaryDirectory() as directory:
        run = session.init("bench", dir=directory, settings=PLAIN)
        for _ in range(ROUNDS):
            for name, loop in loops.items():
                taken[name].append(_microseconds(loop) - _microseconds(empty))
        session.close()
    provider.shutdown()
    result = {name: statistics.median(rounds) for name, rounds in taken.items()}
    for name, one in result.items():
        print(f"{name:22} {one:6.2f} us a step ({one / result['bare SDK']:.2f} of the SDK)")
    print(f"target {TARGET_US} us a step that is not recorded")
    return result


if __name__ == "__main__":
    main()
