"""Prompts from end to end: the model call that gets one says which, and a server that is away stops nobody."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

import weft
from weft import session
from weft.objects import cache
from weft.testing.openai_server import OpenAIServer


@weft.op
def ask(client: openai.OpenAI, prompt: weft.Prompt, question: str) -> str | None:
    reply = client.chat.completions.create(model="demo", messages=prompt.messages(question=question))  # type: ignore[arg-type]
    return reply.choices[0].message.content


def test_the_model_call_names_its_prompt_and_lineage_leads_to_it(fresh_home: Path) -> None:
    cache._kept.clear()
    with weft.init("shop", settings={"drain": "thread"}) as run:
        prompt = weft.Prompt("answer", "Reply to {question}")
        prompt.publish(aliases=["production"])
        with (
            OpenAIServer(lambda request: "yes") as server,
            openai.OpenAI(base_url=server.base_url, api_key="x") as client,
        ):
            ask(client, weft.Prompt.get("answer:production"), "tea?")
    call = weft.Api().spans(project="shop", kind="llm")[0]
    assert call.attributes["gen_ai.prompt.name"] == "answer"
    assert call.attributes["weft.prompt"] == "answer:v1"
    assert "Reply to tea?" in json.dumps(call.input)
    api = weft.Api()
    assert [span.span_id for span in api.spans(attributes={"weft.prompt": "answer:v1"})] == [call.span_id]
    edges = {(edge.source, edge.relation) for edge in api.run(run.id).lineage().upstream}
    assert ("answer:v1", "used") in edges
    upstream = api.lineage(f"{call.trace_id}:{call.span_id}", "shop", kind="span").upstream
    assert [(edge.source, edge.relation) for edge in upstream if edge.target_kind == "span"] == [
        ("answer:v1", "prompted")
    ]


SERVER = """
import sys
from weft.server.lifeline import listen
import uvicorn
from weft import settings
from weft.journal import Journal
from weft.server import create_app
from weft.store import open_store
given = settings.load()
app = create_app(open_store(given), given, journal=Journal.open(given.dir, sync=True))
listener = listen("127.0.0.1", 0, "WEFT_PORT")
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on")).run(sockets=[listener])
"""


@pytest.fixture
def closed() -> Iterator[None]:
    cache._kept.clear()
    yield
    session.close()
    cache._kept.clear()


@pytest.mark.usefixtures("closed")
def test_a_prompt_is_there_when_the_server_is_killed(
    fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("weft.client.wire._WAITS_S", ())
    cache._kept.clear()
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env={**os.environ, "WEFT_DIR": str(tmp_path / "server")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        weft.init("shop", url=url, settings={"drain": "off", "flush_timeout_s": 0.0})
        weft.Prompt("answer", "Reply to {question}").publish(aliases=["production"])
        assert weft.Prompt.get("answer:production", ttl_s=0).version == 1
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()
    with caplog.at_level(logging.WARNING, "weft"):
        for _ in range(2):
            assert weft.Prompt.get("answer:production", ttl_s=0).format(question="x") == "Reply to x"
        cache._kept.clear()
        assert weft.Prompt.get("answer:production", ttl_s=0).ref == "answer:v1"
    said = [record.getMessage() for record in caplog.records if "cannot be fetched" in record.getMessage()]
    assert len(said) == 2  # once for what was in memory, once for the copy on disk
