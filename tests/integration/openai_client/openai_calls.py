"""What the tests of the openai client share."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import textwrap
from typing import Any

from weft.records import Span
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12


def respond(request: dict[str, Any]) -> Any:
    if request.get("tools"):
        return {"content": None, "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}
    if "fail" in json.dumps(request):
        return {"error": "it failed", "status": 422}
    return "a good  answer"


def only(recorder: MemoryRecorder) -> Span:
    assert len(recorder.spans) == 1, [span.name for span in recorder.spans]
    return recorder.spans[0]


def texts(messages: Any) -> list[str]:
    return [part["content"] for message in messages for part in message["parts"]]


def messages(text: str = "hi") -> Any:
    return [{"role": "user", "content": text}]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def run_python(code: str, server: OpenAIServer) -> Any:
    """The last line that ``code`` prints, as JSON."""
    environment = {**os.environ, "BASE": server.base_url, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
