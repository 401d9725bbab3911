"""The demo's models behind real OpenAI-compatible endpoints on loopback."""

from __future__ import annotations

import re
from typing import Any

from weft.demo.classifier import Classifier
from weft.demo.judge import AnswerJudge
from weft.records import dumps
from weft.testing.openai_server import OpenAIServer

NAMER = "module-namer"
JUDGE = "answer-judge"


def serve_namer(model: Classifier, version: str) -> OpenAIServer:
    """Serve the trained classifier; ``version`` is the reference of its artifact, told in ``X-Weft-Model``."""

    def respond(request: dict[str, Any]) -> str:
        answer, _ = model.predict(_last_user_text(request))
        return answer

    return OpenAIServer(respond, model_version=version)


def serve_judge(judge: AnswerJudge, version: str) -> OpenAIServer:
    """Serve the judge: it reads question and answer out of the prompt and replies with a verdict as JSON."""

    def respond(request: dict[str, Any]) -> str:
        prompt = _last_user_text(request)
        confidence = judge.confidence(_between(prompt, "input"), _between(prompt, "output"))
        return dumps(
            {
                "value": round(confidence, 4),
                "confidence": round(max(confidence, 1 - confidence), 4),
                "explanation": f"P(correct) = {confidence:.2f}, by a second classifier's view of the description",
            }
        ).decode()

    return OpenAIServer(respond, model_version=version)


def _last_user_text(request: dict[str, Any]) -> str:
    content = next((m["content"] for m in reversed(request["messages"]) if m["role"] == "user"), "")
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _between(prompt: str, tag: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>", prompt, re.DOTALL)
    return found[1].strip() if found else ""
