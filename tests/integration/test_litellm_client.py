"""The real litellm client against a server on loopback: one span a model call, with all it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from weft.testing.openai_server import OpenAIServer
from weft.tracing import pricing


def respond(request: dict[str, Any]) -> Any:
    if request.get("tools"):
        return {"content": None, "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}
    if "fail" in json.dumps(request, default=str):
        return {"error": "it failed", "status": 422}
    return "a good  answer"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(respond, model_version="answerer:v3") as running:
        yield running


def run_python(code: str, server: OpenAIServer) -> Any:
    """The last line that ``code`` prints, as JSON: litellm is imported in a process of its own."""
    environment = {**os.environ, "BASE": server.base_url, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_litellm_gives_one_span_a_call(server: OpenAIServer) -> None:
    spans = run_python(
        """
        import asyncio, json, os, sys
        from weft import tracing
        from weft.testing.recorder import MemoryRecorder
        tracing.instrument()
        assert "litellm" not in sys.modules and "openai" not in sys.modules
        from litellm import acompletion, completion, embedding
        import litellm
        given = dict(model="openai/demo", api_base=os.environ["BASE"], api_key="k",
                     messages=[{"role": "user", "content": "hi"}])
        async def both():
            assert (await acompletion(**given)).choices[0].message.content == "a good  answer"
            stream = await acompletion(**given, stream=True, stream_options={"include_usage": True})
            assert "".join([c.choices[0].delta.content or "" async for c in stream]) == "a good  answer"
        with MemoryRecorder() as recorder:
            assert completion(**given).choices[0].message.content == "a good  answer"
            stream = completion(**given, stream=True, stream_options={"include_usage": True})
            assert isinstance(stream, litellm.CustomStreamWrapper)
            assert "".join(c.choices[0].delta.content or "" for c in stream) == "a good  answer"
            asyncio.run(both())
            embedding(model="openai/emb", input=["one two"], api_base=os.environ["BASE"], api_key="k")
            try:
                completion(**{**given, "messages": [{"role": "user", "content": "fail"}]})
            except litellm.exceptions.APIError as error:
                pass
            except litellm.exceptions.BadRequestError as error:
                pass
        tracing.uninstrument()
        assert completion is not litellm.completion
        print(json.dumps([[s.name, s.scope, s.kind, s.provider, s.model, s.input_tokens, s.output_tokens,
                           s.model_version, str(s.status), s.end_ns is not None, s.cost_usd] for s in recorder.spans]))
        """,
        server,
    )
    chat = ["chat demo", "weft.litellm", "llm", "openai", "demo", 1, 3, "answerer:v3", "ok", True, None]
    assert spans[:4] == [chat] * 4
    assert spans[4][:6] == ["embeddings emb", "weft.litellm", "embedding", "openai", "emb", 2]
    assert spans[5][8] == "error"
    assert len(spans) == 6


def test_prices_of_the_table() -> None:
    call = {"model": "gpt-4o", "provider": "openai", "input_tokens": 1, "output_tokens": 3}
    assert pricing.cost_of(call) == pytest.approx(1 * 2.5e-6 + 3 * 1e-5)
    assert pricing.cost_of({**call, "model": "never-heard-of"}) is None


def test_every_function_however_it_was_imported(server: OpenAIServer) -> None:
    spans = run_python(
        """
        import asyncio, json, os, warnings
        warnings.simplefilter("ignore")
        import litellm
        from litellm import completion as bound
        from litellm.main import acompletion as bound_later
        from weft import tracing
        from weft.testing.recorder import MemoryRecorder
        tracing.instrument()
        at = dict(api_base=os.environ["BASE"], api_key="k")
        chat = dict(model="openai/demo", messages=[{"role": "user", "content": "hi"}], **at)
        async def later():
            await bound_later(**chat)
            await litellm.atext_completion(prompt="hi", model="text-completion-openai/demo", **at)
            await litellm.aembedding(model="openai/emb", input=["one"], **at)
            await litellm.aimage_generation(prompt="cat", model="openai/gpt-image-1", **at)
            router = litellm.Router(model_list=[{"model_name": "group", "litellm_params": {
                "model": "openai/routed", **at}}])
            await router.acompletion(model="group", messages=chat["messages"])
        with MemoryRecorder() as recorder:
            bound(**chat)
            litellm.completion("openai/demo", chat["messages"], **at)
            litellm.text_completion(prompt="hi", model="text-completion-openai/demo", **at)
            list(litellm.text_completion(prompt="hi", model="text-completion-openai/demo", stream=True, **at))
            litellm.embedding(model="openai/emb", input=["one", "two"], **at)
            litellm.image_generation(prompt="cat", model="openai/gpt-image-1", **at)
            litellm.speech(model="openai/tts", input="hello", voice="alloy", **at)
            litellm.transcription(model="openai/stt", file=("a.wav", b"RIFF0000WAVEfmt "), **at)
            asyncio.run(later())
            stream = litellm.completion(**chat, stream=True)
            next(stream)
            del stream
            try:
                litellm.completion(**{**chat, "api_base": "http://127.0.0.1:9", "max_retries": 0})
            except litellm.exceptions.InternalServerError:
                pass
        tracing.uninstrument()
        print(json.dumps([[s.name, s.scope, s.kind, s.end_ns is not None, str(s.status)] for s in recorder.spans]))
        """,
        server,
    )
    names = [span[0] for span in spans]
    assert names == [
        "chat demo",
        "chat demo",
        "text_completion demo",
        "text_completion demo",
        "embeddings emb",
        "generate_content gpt-image-1",
        "generate_content tts",
        "generate_content stt",
        "chat demo",
        "text_completion demo",
        "embeddings emb",
        "generate_content gpt-image-1",
        "chat routed",
        "chat demo",
        "chat demo",
    ]
    assert {span[1] for span in spans} == {"weft.litellm"}
    assert all(span[3] for span in spans)
    assert [span[4] for span in spans[-3:]] == ["ok", "ok", "error"]
