"""The fake OpenAI server as a real HTTP server: routes, errors, keep-alive, many clients, a clean close."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from weft.testing.openai_server import OpenAIServer, count_tokens

HI: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi there"}]}


def test_models_chat_and_keep_alive_on_one_connection() -> None:
    with (
        OpenAIServer(model="mine", model_version="mine:v1") as server,
        httpx.Client(base_url=server.base_url) as client,
    ):
        assert client.get("/models").json()["data"][0]["id"] == "mine"
        for _ in range(3):
            answer = client.post("/chat/completions", json=HI)
            assert answer.headers["x-weft-model"] == "mine:v1"
            body = answer.json()
            assert body["choices"][0]["message"]["content"] == "hi there"
            assert body["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("path", "content", "status", "message"),
    [
        ("/chat/completions", b"{", 400, "not JSON"),
        ("/chat/completions", b"[]", 400, "not a JSON object"),
        ("/chat/completions", b"{}", 400, "messages must be"),
        ("/responses", b"{}", 400, "input must be"),
        ("/embeddings", b'{"input": [1]}', 400, "input must be"),
        ("/nowhere", b"{}", 404, "nothing at"),
    ],
)
def test_bad_requests_get_openais_error_shape(path: str, content: bytes, status: int, message: str) -> None:
    with OpenAIServer() as server:
        answer = httpx.post(server.base_url + path, content=content)
        assert httpx.get(server.base_url + "/nowhere").status_code == 404
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


def test_a_body_without_a_length_is_refused() -> None:
    with OpenAIServer() as server:
        answer = httpx.post(server.base_url + "/chat/completions", content=iter([b"{}"]))
    assert answer.status_code == 411


def test_what_the_responder_raises_is_a_500() -> None:
    def broken(request: dict[str, Any]) -> str:
        raise KeyError("gone")

    with OpenAIServer(broken) as server:
        answer = httpx.post(server.base_url + "/chat/completions", json=HI)
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, "KeyError: 'gone'")


def test_streams_join_to_the_whole_answer() -> None:
    with (
        OpenAIServer(lambda request: "  spaced \n out  ") as server,
        httpx.stream("POST", server.base_url + "/chat/completions", json={**HI, "stream": True}) as answer,
    ):
        lines = [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    pieces = [json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines[:-1]]
    assert "".join(pieces) == "  spaced \n out  "


def test_many_clients_at_once() -> None:
    together = threading.Barrier(8)

    def respond(request: dict[str, Any]) -> str:
        together.wait(60)
        return str(request["messages"][0]["content"])

    with OpenAIServer(respond) as server, ThreadPoolExecutor(8) as pool:

        def ask(n: int) -> str:
            body = {**HI, "messages": [{"role": "user", "content": str(n)}]}
            answer = httpx.post(server.base_url + "/chat/completions", json=body, timeout=60)
            return str(answer.json()["choices"][0]["message"]["content"])

        assert list(pool.map(ask, range(16))) == [str(n) for n in range(16)]


def test_close_is_clean_while_a_connection_is_kept_alive() -> None:
    server = OpenAIServer().start()
    with httpx.Client() as client:
        client.get(server.base_url + "/models")
        server.close()
        with pytest.raises(httpx.TransportError):
            client.get(server.base_url + "/models")


def test_tokens_are_words_and_marks() -> None:
    assert count_tokens("Hello, world! It's 3.5") == 10
