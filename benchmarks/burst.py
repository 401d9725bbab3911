"""A burst: 200,000 spans as fast as a loop goes, in a real session with its drainer, then a flush: is any lost?

300 B in, 1 kB out, every text unique. Beside it the OpenTelemetry SDK with its batch processor and its OTLP exporter
to a sink on loopback that only counts. Each runs in a process of its own. Memory is the resident set of the caller, its
peak during the burst over what it was before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from weft import recording, session
from weft.records import SpanQuery
from weft.tracing import op

SPANS = 200_000
FLUSH_S = 600.0
SETTINGS = {"console": False, "git": False, "system_interval_s": 0, "quiet": True, "instrument": False}


def _resident_mb(what: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def _burst(call: Callable[[str, str], object], number_of_spans: int) -> dict[str, float]:
    """Spans a second and the rise of memory in MB while ``call(given, answer)`` makes one span each time."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before = _resident_mb("VmRSS")
    started, worked = time.perf_counter(), time.thread_time()
    for number in range(number_of_spans):
        call(f"{number} {'question ' * 33}", f"{number} {'an answer ' * 99}")
    return {
        "spans/s": number_of_spans / (time.perf_counter() - started),
        "caller CPU, us a span": (time.thread_time() - worked) / number_of_spans * 1e6,
        "rise of memory, MB": _resident_mb("VmHWM") - before,
    }


class _Answers:
    """What the op calls: its answer goes out, not in."""

    answer = ""


@op(name="burst")
def _op(given: str) -> str:
    return _Answers.answer


def _call(given: str, answer: str) -> str:
    _Answers.answer = answer
    return _op(given)


def weft(number_of_spans: int) -> dict[str, float]:
    """The burst in a session; waits until all is stored and counts it there."""
    with tempfile.TemporaryDirectory() as directory:
        session.init("burst", dir=directory, settings=SETTINGS)
        result = _burst(_call, number_of_spans)
        started = time.perf_counter()
        report = session.flush(FLUSH_S)
        result["until all is stored, s"] = time.perf_counter() - started
        recorder = recording.require("the benchmark")
        stored = int(recorder.store.spans.totals(SpanQuery(project="burst"))["spans"])
        session.close()
    result["lost"] = number_of_spans - stored
    result["of these counted in the report"] = sum(report.lost.values()) + report.rejected
    return result


class _Sink(BaseHTTPRequestHandler):
    """Counts the spans that it is sent."""

    spans = 0

    def do_POST(self) -> None:
        request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in request.resource_spans:
            _Sink.spans += sum(len(scope.spans) for scope in resource.scope_spans)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        body = str(_Sink.spans).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def sink() -> None:
    """Print the port, then count until standard input ends the process."""
    server = HTTPServer(("127.0.0.1", 0), _Sink)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def sdk(number_of_spans: int) -> dict[str, float]:
    """The burst through the SDK's own batch processor and OTLP exporter."""
    command = [sys.executable, "-m", "benchmarks.burst", "sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        address = f"http://127.0.0.1:{int(child.stdout.readline())}/v1/traces"
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
        tracer = provider.get_tracer("burst")

        def call(given: str, answer: str) -> None:
            with tracer.start_as_current_span("burst") as span:
                span.set_attribute("input", given)
                span.set_attribute("output", answer)

        result = _burst(call, number_of_spans)
        provider.shutdown()
        with urllib.request.urlopen(address) as answer:
            result["lost"] = number_of_spans - int(answer.read())
        child.terminate()
    return result


_PARTS: dict[str, Callable[[int], dict[str, float]]] = {"weft": weft, "sdk": sdk}


def main() -> dict[str, float]:
    """Print and return what both did with the burst."""
    result: dict[str, float] = {}
    for part in _PARTS:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.burst", part, str(SPANS)], capture_output=True, text=True, check=True
        )
        result.update((f"{part}, {name}", value) for name, value in json.loads(done.stdout.splitlines()[-1]).items())
    for name, value in result.items():
        print(f"{name:40} {value:12,.1f}")
    return result


if __name__ == "__main__":
    if sys.argv[1:2] == ["sink"]:
        sink()
    elif len(sys.argv) == 3:
        print(json.dumps(_PARTS[sys.argv[1]](int(sys.argv[2]))))
    else:
        main()
