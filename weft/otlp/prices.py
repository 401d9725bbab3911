"""What models cost by the table that litellm ships, read without importing litellm and without a network call."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from weft.otlp import names

_FILE = "model_prices_and_context_window_backup.json"
_shipped: dict[str, ListPrice] | None = None


@dataclass(frozen=True, slots=True)
class ListPrice:
    """US dollars a token; None where the table has no price of the kind."""

    input_usd: float | None
    output_usd: float | None
    cached_usd: float | None = None
    written_usd: float | None = None

    def cost(
        self, input_tokens: int | None, output_tokens: int | None, cached_tokens: int | None, written: int = 0
    ) -> float | None:
        """What these tokens cost; None where no tokens are known. Cached and written ones are a part of the input.

        Tokens read from a provider's cache and those written to it are priced as such where there are prices for them.
        """
        if input_tokens is None and output_tokens is None:
            return None
        total = input_tokens or 0
        cached = min(cached_tokens or 0, total)
        written = min(written, total - cached)
        full = self.input_usd or 0.0
        return (
            (total - cached - written) * full
            + cached * (full if self.cached_usd is None else self.cached_usd)
            + written * (full if self.written_usd is None else self.written_usd)
            + (output_tokens or 0) * (self.output_usd or 0.0)
        )


def list_price(model: str, provider: str | None = None) -> ListPrice | None:
    """The price of a model as its provider, or the library that called it, names it; None where the table has none."""
    table = _table()
    for name in _names(model, provider):
        if name in table:
            return table[name]
    return None


def cost_of(found: Mapping[str, Any], attributes: Mapping[str, Any]) -> float | None:
    """US dollars of a span with these columns and attributes; None where its model, tokens or prices are unknown."""
    provider = found.get("provider")
    asked = attributes.get(names.REQUEST_MODEL)
    for model in (found.get("model"), asked):
        if isinstance(model, str) and (price := list_price(model, provider)) is not None:
            written = attributes.get(names.WRITTEN_TOKENS)
            counts = (found.get("input_tokens"), found.get("output_tokens"), found.get("cached_tokens"))
            return price.cost(*counts, written if type(written) is int and written > 0 else 0)
    return None


def _names(model: str, provider: str | None) -> Iterator[str]:
    plain = model.removeprefix("models/")
    yield model
    yield plain
    if provider:
        yield f"{provider}/{plain}"
        vendor = provider.lower().partition(".")[0]  # the AI SDK of Vercel says openai.chat
        yield f"{vendor}/{plain}"


def _table() -> dict[str, ListPrice]:
    global _shipped
    if _shipped is None:
        _shipped = _read()  # twice at the same time does no harm
    return _shipped


def _read() -> dict[str, ListPrice]:
    try:
        spec = importlib.util.find_spec("litellm")
        if spec is None or spec.origin is None:
            return {}
        table = orjson.loads((Path(spec.origin).parent / _FILE).read_bytes())
    except (OSError, ValueError, ImportError):
        return {}  # without a table a cost is unknown, never zero
    rows = table.items() if isinstance(table, dict) else ()
    return {name: price for name, row in rows if isinstance(row, dict) and (price := _price(row)) is not None}


def _price(row: Mapping[str, Any]) -> ListPrice | None:
    def usd(kind: str) -> float | None:
        value = row.get(kind)
        return float(value) if isinstance(value, int | float) else None

    given, answered = usd("input_cost_per_token"), usd("output_cost_per_token")
    if given is None and answered is None:
        return None
    cached, written = usd("cache_read_input_token_cost"), usd("cache_creation_input_token_cost")
    return ListPrice(given, answered, cached, written)
