"""Users' own tests of their programs: mocks of the openai client go on working, with sensible spans or none.

Run by `make test` with openai 2 and, in an environment of its own, with openai 3.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import openai
import pytest
from openai.resources.chat.completions import AsyncCompletions, Completions

from weft import tracing
from weft.testing.recorder import MemoryRecorder
from weft.tracing import guard

# openai 2 stands on httpx, openai 3 on httpx2, which has the same names.
http: Any = importlib.import_module("httpx2" if openai.__version__.startswith("3") else "httpx")

HI: dict[str, Any] = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 0,
    "model": "demo",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "mocked"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    tracing.instrument()
    before = guard.failures()
    with MemoryRecorder() as active:
        yield active
    tracing.uninstrument()
    assert guard.failures() == before


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=0) as made:
        yield made


def test_a_mock_of_the_bound_method_is_called_as_the_user_called_it(
    recorder: MemoryRecorder, client: openai.OpenAI
) -> None:
    with mock.patch.object(client.chat.completions, "create", return_value="mocked") as create:
        assert client.chat.completions.create(**HI) == "mocked"
    create.assert_called_once_with(**HI)
    assert recorder.spans == []


def test_a_mock_of_the_class_before_and_while_it_is_traced() -> None:
    original = Completions.create
    with mock.patch.object(Completions, "create", return_value="mocked") as create:
        tracing.instrument()
        with MemoryRecorder() as recorder:
            assert openai.OpenAI(api_key="k").chat.completions.create(**HI) == "mocked"
        assert recorder.spans == []
    create.assert_called_once_with(**HI)
    assert Completions.create is original
    tracing.uninstrument()
    tracing.instrument()
    ours = Completions.create
    with mock.patch("openai.resources.chat.completions.Completions.create", autospec=True, return_value="x") as spec:
        tracing.uninstrument()
        assert openai.OpenAI(api_key="k").chat.completions.create(**HI) == "x"
    assert spec.call_count == 1
    assert Completions.create is ours  # the mock has put it back; it does nothing any more
    with MemoryRecorder() as recorder, pytest.raises(openai.APIConnectionError):
        openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=0).chat.completions.create(**HI)
    assert recorder.spans == []
    Completions.create = original  # type: ignore[method-assign]


def test_an_asynchronous_mock(recorder: MemoryRecorder) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k") as client:
            with mock.patch.object(AsyncCompletions, "create", new_callable=mock.AsyncMock) as create:
                create.return_value = "mocked"
                assert await client.chat.completions.create(**HI) == "mocked"
            create.assert_awaited_once_with(**HI)

    asyncio.run(main())
    assert recorder.spans == []


def test_clients_that_are_mocks_through_and_through(recorder: MemoryRecorder) -> None:
    client = mock.MagicMock(spec=openai.OpenAI)
    client.chat.completions.create.return_value.choices[0].message.content = "mocked"
    assert client.chat.completions.create(**HI).choices[0].message.content == "mocked"
    assert recorder.spans == []


def test_a_mock_below_the_traced_method(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    """Whatever it answers with, the call goes well; what makes no sense is not recorded."""
    for answer in (mock.MagicMock(), None, "text", 3, {"choices": 1}, object(), openai.types.chat.ChatCompletion):
        with mock.patch.object(client.chat.completions, "_post", return_value=answer):
            assert client.chat.completions.create(**HI) is answer
    assert [span.end_ns is not None for span in recorder.spans] == [True] * 7
    assert {span.output_tokens for span in recorder.spans} == {None}
    parsed = openai.types.chat.ChatCompletion.model_validate(ANSWER)
    with mock.patch.object(client.chat.completions, "_post", return_value=parsed):
        client.chat.completions.create(**HI)
    assert recorder.spans[-1].output_tokens == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_mock_of_the_transport(recorder: MemoryRecorder, stream: bool) -> None:
    seen: list[Any] = []

    def answer(request: Any) -> Any:
        seen.append(request)
        if stream:
            delta = {"index": 0, "delta": {"role": "assistant", "content": "mocked"}, "finish_reason": "stop"}
            chunk = {**ANSWER, "object": "chat.completion.chunk", "choices": [delta]}
            text = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
            return http.Response(200, text=text, headers={"content-type": "text/event-stream"})
        return http.Response(200, json=ANSWER)

    transport = http.Client(transport=http.MockTransport(answer))
    with openai.OpenAI(api_key="k", http_client=transport) as client:
        done: Any = client.chat.completions.create(**HI, stream=stream)
        text = "".join(c.choices[0].delta.content for c in done) if stream else done.choices[0].message.content
    assert text == "mocked"
    assert not any(name.lower() == "x-stainless-raw-response" for name in seen[0].headers)
    (span,) = recorder.spans
    assert (span.output_tokens, span.output[0]["parts"]) == (2, [{"type": "text", "content": "mocked"}])


def test_monkeypatches_and_subclasses(
    recorder: MemoryRecorder, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mine(Completions):
        def create(self, **given: Any) -> Any:
            return ("mine", super().create(**given))

    mine = Mine(client)
    with mock.patch.object(mine, "_post", return_value=openai.types.chat.ChatCompletion.model_validate(ANSWER)):
        assert mine.create(**HI)[0] == "mine"
    assert [span.output_tokens for span in recorder.spans] == [2]
    monkeypatch.setattr(Completions, "create", lambda self, **given: "patched")
    assert client.chat.completions.create(**HI) == "patched"
    monkeypatch.undo()
    assert len(recorder.spans) == 1


def test_a_stream_of_the_users_own(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    chunks = [mock.MagicMock(), {"choices": None}, "text"]
    with mock.patch.object(client.chat.completions, "_post", return_value=iter(chunks)):
        assert list(client.chat.completions.create(**HI, stream=True)) == chunks
    with mock.patch.object(client.chat.completions, "_post", return_value=[1, 2]):
        assert client.chat.completions.create(**HI, stream=True) == [1, 2]
    assert all(span.end_ns is not None for span in recorder.spans)
