"""The openai and litellm libraries: which functions are traced and what is theirs alone. Neither is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from weft.otlp import names
from weft.tracing import pricing
from weft.tracing.instrumentation.api import Api
from weft.tracing.instrumentation.calls import MODEL_HEADER, Client
from weft.tracing.instrumentation.chat import Chat, Completions
from weft.tracing.instrumentation.messages import get
from weft.tracing.instrumentation.other_apis import Embeddings, Images, Moderations, Speech, Transcriptions
from weft.tracing.instrumentation.responses import Responses

_RAW = "x-stainless-raw-response"  # what ``with_raw_response`` and ``with_streaming_response`` send

# GenAI's names of providers whose API has OpenAI's shape, by the end of their host.
_PROVIDERS = {
    "openai.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "deepseek.com": "deepseek",
    "groq.com": "groq",
    "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity",
    "x.ai": "x_ai",
    "anthropic.com": "anthropic",
    "googleapis.com": "gcp.gemini",
    "openrouter.ai": "openrouter",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A function to trace: ``owner`` is a class of the module, or empty for the module itself.

    Without an ``api`` it is not a call but the client's handler of responses. ``positions`` names first parameters.
    """

    module: str
    owner: str
    function: str
    client: Client
    api: Api | None
    positions: tuple[str, ...] = ()


def _openai_describe(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    client = getattr(args[0], "_client", None) if args else None
    base = getattr(client, "base_url", None)
    place = _address(str(base) if base is not None else None)
    host = f".{place.get(names.SERVER_ADDRESS, '')}"
    provider = next((name for end, name in _PROVIDERS.items() if host.endswith(f".{end}")), "openai")
    if "Azure" in type(client).__name__:
        provider = "azure.ai.openai"
    return options, {names.PROVIDER: provider, **place}


def _address(url: str | None) -> dict[str, Any]:
    parts = urlsplit(url or "")
    if not parts.hostname:
        return {}
    return {
        names.SERVER_ADDRESS: parts.hostname,
        names.SERVER_PORT: parts.port or (443 if parts.scheme == "https" else 80),
    }


def _openai_raw(result: Any, kwargs: Mapping[str, Any]) -> Any:
    headers = kwargs.get("extra_headers")
    if isinstance(headers, Mapping) and any(str(key).lower() == _RAW for key in headers):
        return getattr(result, "http_response", None)
    return None


def _litellm_describe(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
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
    provider = get(hidden, "custom_llm_provider")
    found: dict[str, Any] = {
        names.WEFT_MODEL_VERSION: get(headers, f"llm_provider-{MODEL_HEADER}") or get(headers, MODEL_HEADER),
        names.PROVIDER: provider if isinstance(provider, str) else None,
    }
    cost = get(hidden, "response_cost")
    if isinstance(cost, float) and cost > 0 and not pricing.is_own(get(result, "model")):
        found[names.WEFT_COST_USD] = cost
    return found


OPENAI = Client("openai", _openai_describe, _openai_raw, lambda result: {})
LITELLM = Client("litellm", _litellm_describe, lambda result, kwargs: None, _litellm_extras)


def _openai(module: str, owner: str, api: Api, *functions: str) -> tuple[Target, ...]:
    return tuple(
        Target(f"openai.resources.{module}", f"{prefix}{owner}", function, OPENAI, api)
        for prefix in ("", "Async")
        for function in functions
    )


def _litellm(api: Api, *functions: str, positions: tuple[str, ...]) -> tuple[Target, ...]:
    # Its root may hold functions of its own around those of its main module, and programs import either.
    return tuple(
        Target(module, "", f"{prefix}{function}", LITELLM, api, positions)
        for module in ("litellm.main", "litellm")
        for function in functions
        for prefix in ("", "a")
    )


TARGETS = (
    *_openai("chat.completions.completions", "Completions", Chat(), "create", "parse"),
    *_openai("responses.responses", "Responses", Responses(), "create", "parse"),
    *_openai("completions", "Completions", Completions(), "create"),
    *_openai("embeddings", "Embeddings", Embeddings(), "create"),
    *_openai("images", "Images", Images(), "generate", "edit", "create_variation"),
    *_openai("audio.speech", "Speech", Speech(), "create"),
    *_openai("audio.transcriptions", "Transcriptions", Transcriptions(), "create"),
    *_openai("audio.translations", "Translations", Transcriptions(), "create"),
    *_openai("moderations", "Moderations", Moderations(), "create"),
    *(
        Target("openai._base_client", f"{prefix}APIClient", "_process_response", OPENAI, None)
        for prefix in ("Sync", "Async")
    ),
    *_litellm(Chat(), "completion", positions=("model", "messages")),
    *_litellm(Completions(), "text_completion", positions=("prompt", "model")),
    *_litellm(Embeddings(), "embedding", positions=("model", "input")),
    *_litellm(Responses(), "responses", positions=("input", "model")),
    *_litellm(Images(), "image_generation", positions=("prompt", "model")),
    *_litellm(Speech(), "speech", positions=("model", "input", "voice")),
    *_litellm(Transcriptions(), "transcription", positions=("model", "file")),
    *_litellm(Moderations(), "moderation", positions=("input", "model")),
)
