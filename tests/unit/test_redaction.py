"""What must not be recorded is not, wherever it comes in: inputs, outputs, attributes, events, exceptions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

import weft
from weft import session, tracing
from weft.errors import InputError
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op, provider
from weft.tracing.spans import begin

SECRET = "hunter2"


@pytest.fixture(params=["weft's own spans", "spans of the SDK"])
def recorder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryRecorder]:
    monkeypatch.setattr(provider.source(), "mirror", request.param == "spans of the SDK")
    with MemoryRecorder() as active:
        yield active
    tracing.redact_with(())


def everything(recorder: MemoryRecorder) -> str:
    return b"\n".join(payload for _, payload in recorder.payloads).decode()


def hide(value: Any) -> Any:
    """What a user writes: takes the secret out of any text."""
    return json.loads(json.dumps(value).replace(SECRET, "***"))


def use(span: tracing.ActiveSpan, key: str) -> None:
    span.set_attributes({key: SECRET, f"app.{key}": SECRET, "fine": 1})
    span.add_event("login", {key: SECRET, "user": "ann"})
    trace.get_current_span().set_attribute(f"raw.{key}", SECRET)
    trace.get_current_span().add_event("raw", {key: SECRET})


def test_by_key_in_attributes_and_events(recorder: MemoryRecorder) -> None:
    tracing.redact_with(["ssn"])
    with tracing.span("s", input={"Password": SECRET}, attributes={"password": SECRET}) as span:
        use(span, "password")
        use(span, "ssn")
        span.set_output([{"ssn": SECRET}])
    assert SECRET not in everything(recorder)
    got = recorder.span("s")
    assert got.attributes["app.password"] == got.attributes["raw.ssn"] == "[redacted]"
    assert got.attributes["fine"] == 1
    assert got.events[0]["attributes"] == {"password": "[redacted]", "user": "ann"}


def test_by_key_of_an_op(recorder: MemoryRecorder) -> None:
    @op(redact=["ssn"])
    def f(ssn: str) -> dict[str, str]:
        use(tracing.get_current_span(), "ssn")
        return {"ssn": ssn}

    f(SECRET)
    assert SECRET not in everything(recorder)


@pytest.mark.parametrize("everywhere", [True, False])
def test_by_function(recorder: MemoryRecorder, everywhere: bool) -> None:
    tracing.redact_with(hide if everywhere else ())

    @op(redact=None if everywhere else hide)
    def f(text: str) -> str:
        use(tracing.get_current_span(), "note")
        raise ValueError(text)

    with pytest.raises(ValueError, match=SECRET):
        f(f"my {SECRET}")
    got = recorder.span("f")
    assert got.input == {"text": "my ***"}
    assert got.status_message == "ValueError: my ***"
    assert [event["attributes"].get("note") for event in got.events[:2]] == ["***", "***"]
    assert got.events[-1]["attributes"]["exception.message"] == "my ***"
    assert "my ***" in got.events[-1]["attributes"]["exception.stacktrace"]
    assert got.attributes["note"] == "***"
    assert SECRET not in everything(recorder)


def test_the_function_of_an_op_comes_before_that_of_all(recorder: MemoryRecorder) -> None:
    seen: list[Any] = []

    def watch(value: Any) -> Any:
        seen.append(value)
        return hide(value)

    tracing.redact_with(watch)

    @op(redact=lambda value: "short" if isinstance(value, str) else value)
    def f() -> str:
        return f"{SECRET} {SECRET}"

    f()
    assert recorder.span("f").output == "short"
    assert "short" in seen


def test_opentelemetrys_own_ways_to_fail_are_redacted(recorder: MemoryRecorder) -> None:
    tracing.redact_with(hide)
    with tracing.span("s"):
        current = trace.get_current_span()
        current.record_exception(ValueError(SECRET), {"note": SECRET})
        current.set_status(StatusCode.ERROR, f"no {SECRET}")
    assert SECRET not in everything(recorder)
    assert recorder.span("s").status_message == "no ***"


def test_spans_of_instrumentations_and_other_tracers(recorder: MemoryRecorder) -> None:
    tracing.redact_with(hide)
    begin("chat", {"gen_ai.prompt": SECRET}, scope="weft.openai", span_kind=trace.SpanKind.CLIENT).end()
    tracer = tracing.get_provider().get_tracer("theirs")
    with tracer.start_as_current_span("plain", attributes={"note": SECRET}) as span:
        span.add_event("e", {"note": SECRET})
        span.set_attribute("late", SECRET)
    assert SECRET not in everything(recorder)
    assert recorder.span("plain").attributes == {"note": "***", "late": "***"}


@pytest.mark.parametrize("broken", [lambda value: 1 / 0, lambda value: None])
def test_a_function_that_fails_lets_nothing_through(recorder: MemoryRecorder, broken: Any) -> None:
    tracing.redact_with(broken)
    with tracing.span("s", input=SECRET) as span:
        use(span, "note")
        span.set_error(ValueError(SECRET))
    assert SECRET not in everything(recorder)
    assert recorder.span("s").end_ns is not None


@pytest.mark.parametrize("given", ["ssn", [1], 3])
def test_what_is_neither_keys_nor_a_function_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match="redact is"):
        tracing.redact_with(given)


def test_init_takes_keys_or_a_function_and_shapes_are_taken_out_before_the_store(fresh_home: Path) -> None:
    assert fresh_home
    shapes = {"redact_patterns": "credentials,emails", "redact_regex": "case-[0-9]+"}
    settings = {"drain": "thread", "redact_keys": "pin", **shapes}
    weft.init("shop", redact=["ssn"], instrument=False, settings=settings)

    @weft.op
    def f(**given: str) -> str:
        return "write to ann@example.org about case-77, key sk-proj-abcdefghijklmnop1234"

    f(ssn=SECRET, pin=SECRET, token=SECRET)
    weft.init("shop", redact=hide)
    f(text=SECRET)
    spans = weft.Api().spans(project="shop", order="start")
    session.close()
    assert [span.input for span in spans] == [
        {"ssn": "[redacted]", "pin": "[redacted]", "token": "[redacted]"},
        {"text": "***"},
    ]
    assert spans[0].output == "write to [redacted] about [redacted], key [redacted]"
