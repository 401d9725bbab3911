"""What holds for the spans below; spans by hand; models; the provider that the user has set; typing."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mypy import api

from weft import clock, recording, tracing
from weft.errors import InputError, WeftError
from weft.records import RunUpdate, SpanStatus
from weft.testing.recorder import MemoryRecorder
from weft.tracing import guard, op
from weft.tracing.model import Model


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(run_id="r") as active:
        yield active


@op
def leaf() -> int:
    return 1


def test_serving_thread_and_attributes_reach_every_span_below_and_end(recorder: MemoryRecorder) -> None:
    with tracing.serving("m:v1"), tracing.thread("t", user="u"), tracing.attributes(team="a", n=1):
        with tracing.serving("m:v2"):
            leaf()
        leaf()
    leaf()
    inner, outer, after = recorder.spans
    assert (inner.model_version, inner.thread_id, inner.user_id) == ("m:v2", "t", "u")
    assert inner.attributes["team"] == "a"
    assert (outer.model_version, outer.attributes["n"]) == ("m:v1", 1)
    assert (after.model_version, after.thread_id, after.attributes) == (None, None, {})


def test_users_tags_and_attributes_add_up_inside(recorder: MemoryRecorder) -> None:
    with tracing.tags("beta", "eu"), tracing.attributes({"env": {"name": "test", "n": 2}, "none": None}, team="a"):
        with tracing.user("ann"), tracing.tags("eu", "slow"):
            leaf()
        leaf()
    inner, outer = recorder.spans
    assert (inner.user_id, outer.user_id) == ("ann", None)
    assert inner.attributes["weft.tags"] == ["beta", "eu", "slow"]
    assert outer.attributes == {"weft.tags": ["beta", "eu"], "env.name": "test", "env.n": 2, "team": "a"}


def test_secrets_among_attributes_are_not_recorded(recorder: MemoryRecorder) -> None:
    with tracing.attributes({"client": {"api_key": "sk-1"}}):
        leaf()
    assert recorder.spans[0].attributes == {"client.api_key": "[redacted]"}


def test_a_thread_without_an_id_is_a_new_one(recorder: MemoryRecorder) -> None:
    with tracing.thread() as one, tracing.thread(user="ann") as two:
        leaf()
    assert one.thread_id != two.thread_id
    assert (recorder.spans[0].thread_id, recorder.spans[0].user_id) == (two.thread_id, "ann")


def test_an_evaluations_run_stands_before_the_current_one(recorder: MemoryRecorder) -> None:
    with tracing.attributes(**{"weft.run.id": "eval1"}):
        leaf()
    leaf()
    assert [span.run_id for span in recorder.spans] == ["eval1", "r"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tracing.serving(" "), "A model reference cannot be ' '"),
        (lambda: tracing.thread(""), "A thread's id cannot be ''"),
        (lambda: tracing.thread("t", user=""), "A user's id cannot be ''"),
        (lambda: tracing.user(""), "A user's id cannot be ''"),
        (lambda: tracing.tags("a", ""), "A tag cannot be ''"),
        (lambda: tracing.attributes("a"), "The attributes are a str, not a dictionary"),
        (lambda: tracing.set_price("m", -1.0, 0.0), r"input_usd_per_token is -1\.0"),
        (lambda: tracing.set_price("m", 0.0, float("nan")), "output_usd_per_token is nan"),
    ],
)
def test_bad_arguments_are_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_a_span_by_hand(recorder: MemoryRecorder) -> None:
    times = iter(range(1_000, 100_000, 1_000))
    clock.replace(lambda: next(times))
    with tracing.start_span("search", "retrieval", input={"q": 1}, attributes={"k": 3}) as span:
        assert tracing.current_span().is_recording()
        ids = (span.trace_id, span.span_id)
        leaf()
        span.set_output(["doc"])
        span.set_tokens(10, 5, cached=4, reasoning=1)
        span.set_model("gpt-4o", provider="openai", version="m:v1")
        span.set_cost(0.25)
    assert ids == (span.trace_id, span.span_id)
    span.set_output("too late")
    span.set_attributes({"too": "late"})
    span.set_error(ValueError("too late"))
    got = recorder.span("search")
    assert (got.trace_id, got.span_id) == ids
    assert (got.kind, got.input, got.output, got.attributes["k"]) == ("retrieval", {"q": 1}, ["doc"], 3)
    assert (got.input_tokens, got.output_tokens, got.cached_tokens, got.reasoning_tokens) == (10, 5, 4, 1)
    assert (got.model, got.provider, got.model_version, got.cost_usd) == ("gpt-4o", "openai", "m:v1", 0.25)
    assert (got.start_ns, got.end_ns, got.status) == (1_000, 4_000, SpanStatus.OK)
    assert recorder.span("leaf").parent_span_id == got.span_id


def test_a_span_by_hand_records_the_error_of_its_block(recorder: MemoryRecorder) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises(OddError), tracing.start_span("bad"):
        raise OddError
    assert (recorder.span("bad").status, recorder.span("bad").status_message) == (SpanStatus.ERROR, "OddError")


def test_a_span_that_outlives_its_session_still_ends_there() -> None:
    with MemoryRecorder() as recorder:
        span = tracing.start_span("long")
    with span:
        pass
    assert recording.active is None
    assert recorder.span("long").end_ns is not None


def test_a_span_by_hand_without_a_recorder_does_nothing() -> None:
    with tracing.start_span("x", input=1) as span:
        span.set_output(1)
        span.set_error(ValueError())
        span.set_tokens(1, 2)
    assert (span.trace_id, span.span_id, span.recording) == (None, None, False)


def test_plain_opentelemetry_spans_of_wefts_provider_are_kept(recorder: MemoryRecorder) -> None:
    tracer = tracing.get_provider().get_tracer("mine")
    with tracer.start_as_current_span("plain", attributes={"a": 1}) as span:
        span.add_event("note", {"b": 2})
        leaf()
    plain = recorder.span("plain")
    assert (plain.scope, plain.attributes, plain.kind, plain.status) == ("mine", {"a": 1}, "op", SpanStatus.UNSET)
    assert [(event["name"], event["attributes"]) for event in plain.events] == [("note", {"b": 2})]
    assert recorder.span("leaf").parent_span_id == plain.span_id


def test_spans_have_no_attribute_limits(recorder: MemoryRecorder) -> None:
    with tracing.start_span("wide", attributes={f"k{i}": "x" * 1000 for i in range(500)}):
        pass
    assert len(recorder.span("wide").attributes) == 500


def test_models_predict_as_an_op_and_name_their_artifact(recorder: MemoryRecorder) -> None:
    class Answerer(Model):
        prompt: str

        def predict(self, question: str) -> str:
            leaf()
            return f"{self.prompt} {question}"

    class Async(Model):
        @op(name="custom")
        async def predict(self, question: str) -> str:
            return question

    model = Answerer(prompt="hey", weft_ref="answerer:v3")
    assert model.predict("you") == "hey you"
    assert Answerer(prompt="a").predict("b") == "a b"
    linked, below, unlinked, _ = recorder.spans
    assert linked.name.endswith("Answerer.predict")
    assert (linked.input, linked.output, linked.model_version) == ({"question": "you"}, "hey you", "answerer:v3")
    assert (below.model_version, unlinked.model_version) == ("answerer:v3", None)
    assert model.model_dump(exclude_none=True) == {"prompt": "hey"}
    assert Async.predict.weft_op.name == "custom"  # type: ignore[attr-defined]


def test_secrets_of_the_setting_are_redacted(recorder: MemoryRecorder) -> None:
    import dataclasses

    tracing.setup(dataclasses.replace(recorder.settings, redact_keys="badge, pin"))

    @op
    def f(badge: str) -> dict[str, str]:
        return {"PIN": badge}

    try:
        f("x")
    finally:
        tracing.setup(recorder.settings)
    assert (recorder.span("f").input, recorder.span("f").output) == ({"badge": "[redacted]"}, {"PIN": "[redacted]"})


def test_failures_are_logged_once_a_place(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "weft"):
        for _ in range(3):
            guard.failed("a test's place", ValueError("x"))
    assert len(caplog.records) == 1
    assert tracing.failures()["a test's place"] == 3


def test_unknown_names_of_the_rooms() -> None:
    with pytest.raises(AttributeError, match=r"weft\.tracing.*nothing_here"):
        tracing.nothing_here  # noqa: B018
    import weft.otlp

    with pytest.raises(AttributeError, match=r"weft\.otlp.*nothing_here"):
        weft.otlp.nothing_here  # noqa: B018


def test_the_memory_recorder_as_a_recorder() -> None:
    with MemoryRecorder(project="p") as recorder:
        assert recording.active is recorder
        recorder.record(RunUpdate(run_id="r", project="p", time_ns=1))
        assert recorder.runs[0].run_id == "r"
        assert recorder.flush().complete
        assert recorder.address("/run/r") == "memory:/run/r"
        assert not recorder.directory.exists()
        with pytest.raises(WeftError, match="This recorder has no store"):
            _ = recorder.store
    assert recording.active is None


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_provider_that_the_user_set_is_joined_with_genai_spans_and_ancestors() -> None:
    out = run_python(
        """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from weft import settings, tracing
        from weft.testing.recorder import MemoryRecorder
        theirs = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(theirs))
        trace.set_tracer_provider(provider)
        tracing.setup(settings.load())
        tracer = trace.get_tracer("web")

        @tracing.op
        def answer(q):
            return q + "!"

        with MemoryRecorder() as recorder:
            with tracer.start_as_current_span("request"), tracer.start_as_current_span("handler"):
                with tracer.start_as_current_span("query db"):
                    pass
                answer("hi")
            with tracer.start_as_current_span("health check"):
                pass
            with tracer.start_as_current_span("worker"):
                with tracer.start_as_current_span("llm") as span:
                    span.set_attribute("gen_ai.operation.name", "chat")
                    span.set_attribute("gen_ai.request.model", "m")
        assert tracing.get_provider() is provider
        spans = {span.name: span for span in recorder.spans}
        assert all(span.end_ns for span in spans.values())
        assert spans["answer"].parent_span_id == spans["handler"].span_id
        assert spans["handler"].parent_span_id == spans["request"].span_id
        assert (spans["answer"].input, spans["answer"].output, spans["answer"].attributes) == ({"q": "hi"}, "hi!", {})
        assert (spans["llm"].kind, spans["llm"].model) == ("llm", "m")
        assert spans["llm"].parent_span_id == spans["worker"].span_id
        mine = [s for s in theirs.get_finished_spans() if s.name == "answer"][0]
        assert dict(mine.attributes) == {"weft.kind": "op", "weft.input": '{"q":"hi"}', "weft.output": '"hi!"'}
        print(sorted(spans))
        """
    )
    assert out == "['answer', 'handler', 'llm', 'request', 'worker']"


def test_exporters_on_wefts_provider_see_the_content_too() -> None:
    out = run_python(
        """
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from weft import tracing
        from weft.testing.recorder import MemoryRecorder
        seen = InMemorySpanExporter()

        @tracing.op
        def f(x):
            return x

        with MemoryRecorder() as recorder:
            f(1)
            tracing.get_provider().add_span_processor(SimpleSpanProcessor(seen))
            f(2)
        (span,) = seen.get_finished_spans()
        assert [s.input for s in recorder.spans] == [{"x": 1}, {"x": 2}]
        assert [s.attributes for s in recorder.spans] == [{}, {}]
        print(span.attributes["weft.input"], span.attributes["weft.output"])
        """
    )
    assert out == '{"x":2} 2'


SNIPPET = """
import asyncio
from collections.abc import AsyncIterator, Iterator

from weft.tracing import op


@op
def plain(a: int, b: str = "x") -> str:
    return b * a


@op(name="n", kind="tool", redact=["b"], sample_rate=0.5)
async def later(a: int) -> float:
    return a / 2


@op
def numbers(n: int) -> Iterator[int]:
    yield from range(n)


class Bot:
    @op
    def answer(self, q: str) -> bool:
        return bool(q)

    @op
    @staticmethod
    def still(q: str) -> bytes:
        return q.encode()

    @op
    @classmethod
    def make(cls, q: str) -> "Bot":
        return cls()


async def main() -> None:
    reveal_type(plain(1))
    reveal_type(await later(2))
    reveal_type(numbers(3))
    reveal_type(Bot().answer("x"))
    reveal_type(Bot.still("x"))
    reveal_type(Bot.make("x"))
    plain("wrong")
    Bot().answer(3)
"""


def test_decorated_functions_keep_their_types(tmp_path: Path) -> None:
    file = tmp_path / "snippet.py"
    file.write_text(SNIPPET)
    cache = (
        Path(__file__).parents[2] / ".mypy_cache"
    )  # what is found out about Weft here is not asked again by the checks
    out, err, _ = api.run(["--strict", "--cache-dir", str(cache), str(file)])
    revealed = [line.split('"')[1] for line in out.splitlines() if "Revealed type" in line]
    plain = [name.replace("builtins.", "").replace("collections.abc.", "typing.") for name in revealed]
    assert plain == ["str", "float", "typing.Iterator[int]", "bool", "bytes", "snippet.Bot"], out + err
    errors = [line for line in out.splitlines() if "error:" in line]
    assert len(errors) == 2, out
    assert all("arg-type" in line for line in errors)
