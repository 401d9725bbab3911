"""The demo's app: nested ops that ask a model which module a description belongs to."""

from __future__ import annotations

import re
from typing import Any

import weft

INSTRUCTIONS = (
    "You are given a description taken from Python's standard library. "
    "Answer with the name of the top-level module it belongs to, and nothing else."
)


class ModuleNamer:
    """Names the module of a description with a chat model; ``client`` is an ``openai.AsyncOpenAI``."""

    def __init__(self, client: Any, model: str, modules: list[str]) -> None:
        self._client = client
        self._model = model
        self._modules = modules

    @weft.op(kind="chain")
    async def name_module(self, description: str) -> str:
        """The module that ``description`` belongs to, as the model sees it."""
        hints = self.mentioned_modules(description)
        reply = await self.ask_model(description, hints)
        return self.read_answer(reply)

    @weft.op(kind="retrieval")
    def mentioned_modules(self, description: str) -> list[str]:
        """The modules whose names stand in the description."""
        words = set(re.findall(r"[a-z_]+", description.lower()))
        return [module for module in self._modules if module.lower() in words]

    @weft.op
    async def ask_model(self, description: str, hints: list[str]) -> str:
        """Ask the model, naming the modules to choose from."""
        choices = ", ".join(self._modules)
        hint = f" It mentions: {', '.join(hints)}." if hints else ""
        reply = await self._client.chat.completions.create(
            model=self._model,
            temperature=0,
            messages=[
                {"role": "system", "content": f"{INSTRUCTIONS} The modules: {choices}.{hint}"},
                {"role": "user", "content": description},
            ],
        )
        return reply.choices[0].message.content or ""

    @weft.op
    def read_answer(self, reply: str) -> str:
        """The module in a reply, without quotes, full stops and a path behind it."""
        words = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", reply)
        known = {module.lower(): module for module in self._modules}
        return next((known[word.lower()] for word in words if word.lower() in known), reply.strip())
