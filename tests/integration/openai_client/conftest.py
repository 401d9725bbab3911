"""A server on loopback, a client of it, and what was recorded.

Run by `make test` with openai 2 and, in an environment of its own, with openai 3.
"""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from openai_calls import respond

from weft import tracing
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(respond, model_version="answerer:v3") as running:
        yield running


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    tracing.instrument()
    with MemoryRecorder() as active:
        yield active
    tracing.uninstrument()


@pytest.fixture
def client(server: OpenAIServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0) as made:
        yield made
