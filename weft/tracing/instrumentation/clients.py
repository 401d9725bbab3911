"""The openai and litellm libraries: which functions are traced and what is theirs alone. Neither is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from weft.otlp import names
from weft.tracing import pricing
from weft.tracing.instrumentation.apis import Api, Chat, Embeddings, Responses
from weft.tracing.instrumentation.calls import MODEL_HEADER, Client
from weft.tracing.instrumentation.messages import get

_RAW = "X-Stainless-Raw-Response"  # what ``with_raw_response`` sends; the answer then comes with its headers


@dataclass(frozen=True, slots=True)
class Target:
    """A function to trace: ``owner`` is a class of the module, or empty for the module itself."""

    module: str
    owner: str
    function: str
    client: Client
    api: Api


def _openai_describe(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    client = getattr(args[0], "_client", None) if args else None
    base = getattr(client, "base_url", None)
    found: dict[str, Any] = {names.PROVIDER: "azure.ai.openai" if "Azure" in type(client).__name__ else "openai"}
    return kwargs, found | _address(str(base) if base is not None else None)


def _address(url: str | None) -> dict[str, Any]:
    parts = urlsplit(url or "")
    if not parts.hostname:
        return {}
    return {
        names.SERVER_ADDRESS: parts.hostname,
        names.SERVER_PORT: parts.port or (443 if parts.scheme == "https" else 80),
    }


def _asked_raw(kwargs: Mapping[str, Any]) -> str | None:
    """What the user's own ``with_raw_response`` or ``with_streaming_response`` asks for."""
    headers = kwargs.get("extra_headers")
    if not isinstance(headers, Mapping):
        return None
    return next((str(value) for key, value in headers.items() if str(key).lower() == _RAW.lower()), None)


def _openai_prepare(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Ask for the raw answer where it comes whole; a stream has its response anyway."""
    if kwargs.get("stream") is True or _asked_raw(kwargs) is not None:
        return kwargs
    headers = kwargs.get("extra_headers")
    return {**kwargs, "extra_headers": {**(headers if isinstance(headers, Mapping) else {}), _RAW: "true"}}


def _openai_unwrap(raw: Any, asked: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    own = _asked_raw(asked)
    if own is None:
        if asked.get("stream") is True:
            return raw, raw, getattr(getattr(raw, "response", None), "headers", None)
        if not hasattr(raw, "http_response"):  # a client that was replaced by something simpler
            return raw, raw, None
        parsed = raw.parse()
        return parsed, parsed, raw.headers
    # The user gets the raw response; a whole one may be parsed here (it is cached), a stream is left alone.
    readable = own == "true" and asked.get("stream") is not True
    return raw, raw.parse() if readable else None, getattr(raw, "headers", None)


def _no_extras(result: Any) -> dict[str, Any]:
    return {}


_LITELLM_POSITIONS = ("model", "messages")


def _litellm_describe(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    options = {**dict(zip(_LITELLM_POSITIONS, args, strict=False)), **kwargs}
    found: dict[str, Any] = {}
    model = options.get("model")
    provider = options.get("custom_llm_provider")
    if isinstance(model, str) and "/" in model:
        prefix, _, rest = model.partition("/")
        if provider in (None, prefix):
            provider, options["model"] = prefix, rest
    if isinstance(provider, str):
        found[names.PROVIDER] = provider
    url = options.get("api_base") or options.get("base_url")
    return options, found | _address(url if isinstance(url, str) else None)


def _litellm_extras(result: Any) -> dict[str, Any]:
    hidden = get(result, "_hidden_params")
    headers = get(hidden, "additional_headers") or {}
    found: dict[str, Any] = {
        names.WEFT_MODEL_VERSION: get(headers, f"llm_provider-{MODEL_HEADER}") or get(headers, MODEL_HEADER),
        names.PROVIDER: get(hidden, "custom_llm_provider"),
    }
    cost = get(hidden, "response_cost")
    if isinstance(cost, float) and cost > 0 and not pricing.is_own(get(result, "model")):
        found[names.WEFT_COST_USD] = cost
    return found


_OPENAI = Client("weft.openai", _openai_describe, _openai_prepare, _openai_unwrap, _no_extras)
_LITELLM = Client(
    "weft.litellm", _litellm_describe, lambda kwargs: kwargs, lambda raw, _: (raw, raw, None), _litellm_extras
)
_CHAT_MODULE = "openai.resources.chat.completions.completions"
_RESPONSES_MODULE = "openai.resources.responses.responses"

TARGETS = (
    *(
        Target(_CHAT_MODULE, owner, function, _OPENAI, Chat())
        for owner in ("Completions", "AsyncCompletions")
        for function in ("create", "parse")
    ),
    *(
        Target(_RESPONSES_MODULE, owner, function, _OPENAI, Responses())
        for owner in ("Responses", "AsyncResponses")
        for function in ("create", "parse")
    ),
    *(
        Target("openai.resources.embeddings", owner, "create", _OPENAI, Embeddings())
        for owner in ("Embeddings", "AsyncEmbeddings")
    ),
    *(Target("litellm", "", function, _LITELLM, Chat()) for function in ("completion", "acompletion")),
    *(Target("litellm", "", function, _LITELLM, Embeddings()) for function in ("embedding", "aembedding")),
)
