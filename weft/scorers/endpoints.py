"""Models that scorers ask: any that litellm or an OpenAI-compatible endpoint reaches, for verdicts and for vectors."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, PrivateAttr, SecretStr

from weft.errors import InputError, MissingExtraError
from weft.scorers.base import Scorer


class ModelScorer(Scorer):
    """A scorer that asks a model.

    ``model`` is a litellm name (``openai/gpt-5``, ``anthropic/...``); with ``via="openai"`` it is the name of a model
    at an OpenAI-compatible endpoint, ``base_url``. The key is never recorded. ``options`` go to the client as they are.
    """

    model: str = Field(min_length=1)
    base_url: str | None = None
    api_key: SecretStr | None = Field(None, exclude=True)
    via: Literal["litellm", "openai"] = "litellm"
    timeout_s: float = Field(60.0, gt=0)
    options: dict[str, Any] = Field(default_factory=dict)

    _clients: dict[Any, Any] = PrivateAttr(default_factory=dict)

    async def chat(self, messages: Sequence[dict[str, Any]], **more: Any) -> str:
        """What the model answers to messages. Raises MissingExtraError, and what the client raises."""
        arguments: dict[str, Any] = {"model": self.model, "messages": messages, **more, **self.options}
        if self.via == "openai":
            reply = await self._client().chat.completions.create(**arguments)
        else:
            reply = await litellm().acompletion(**self._where(), **arguments)
        return str(reply.choices[0].message.content or "")

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vector of each text. Raises InputError where the endpoint sends another number of them."""
        arguments: dict[str, Any] = {"model": self.model, "input": list(texts), **self.options}
        if self.via == "openai":
            reply = await self._client().embeddings.create(**arguments)
        else:
            where = self._where()
            reply = await litellm().aembedding(api_base=where.pop("base_url"), **where, **arguments)
        rows = sorted(reply.data, key=lambda row: _of(row, "index") or 0)
        if len(rows) != len(texts):
            raise InputError(f"The endpoint sent {len(rows)} vectors for {len(texts)} texts.", field="model")
        return [list(_of(row, "embedding")) for row in rows]

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def _client(self) -> Any:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = openai().AsyncOpenAI(**self._where())
        return client

    def _where(self) -> dict[str, Any]:
        key = None if self.api_key is None else self.api_key.get_secret_value()
        return {"base_url": self.base_url, "api_key": key, "timeout": self.timeout_s}


def _of(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, dict) else getattr(row, name)


def openai() -> Any:
    """The package openai. Raises MissingExtraError."""
    try:
        import openai  # noqa: PLC0415 - optional and heavy: only a judge that runs needs it
    except ImportError:
        raise MissingExtraError("openai", "llm") from None
    return openai


def litellm() -> Any:
    """The package litellm. Raises MissingExtraError."""
    if "litellm" not in sys.modules:
        # On import it looks its prices up over the network, unless this is set; a judge needs none.
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        import litellm  # noqa: PLC0415 - takes seconds to import: only a judge that runs needs it
    except ImportError:
        raise MissingExtraError("litellm", "llm") from None
    litellm.suppress_debug_info = True  # it prints advertisements to stdout beside every error
    return litellm
