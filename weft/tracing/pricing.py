"""What a model call cost: the user's own prices, then the table that litellm ships (read without importing it)."""

from __future__ import annotations

import importlib.util
import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from weft.errors import InputError
from weft.journal import fork

_lock = threading.Lock()
_own: dict[str, dict[str, Any]] = {}
_shipped: dict[str, dict[str, Any]] | None = None


def set_price(model: str, input_usd_per_token: float, output_usd_per_token: float) -> None:
    """Say what a model of one's own costs. Raises InputError for a price that is negative or not finite."""
    for name, price in (("input_usd_per_token", input_usd_per_token), ("output_usd_per_token", output_usd_per_token)):
        if not math.isfinite(price) or price < 0:
            raise InputError(f"{name} is {price}.", remedy="Give US dollars a token, zero or more.", field=name)
    _own[model] = {"input_cost_per_token": input_usd_per_token, "output_cost_per_token": output_usd_per_token}


def is_own(model: object) -> bool:
    """Whether :func:`set_price` was called for ``model``."""
    return model in _own


def cost_of(record: Mapping[str, Any]) -> float | None:
    """US dollars of a span (its fields as a mapping); None where tokens or prices are unknown.

    Cached input tokens are priced as such where the table has a price for them.
    """
    tokens_in, tokens_out = record.get("input_tokens"), record.get("output_tokens")
    if tokens_in is None and tokens_out is None:
        return None
    attributes = record.get("attributes") or {}
    prices = _prices(record["model"], record.get("provider")) or _prices(
        str(attributes.get("gen_ai.request.model", "")), record.get("provider")
    )
    if prices is None:
        return None
    price_in, price_out = prices.get("input_cost_per_token"), prices.get("output_cost_per_token")
    if price_in is None and price_out is None:
        return None
    cached = min(record.get("cached_tokens") or 0, tokens_in or 0)
    price_cached = prices.get("cache_read_input_token_cost", price_in)
    return float(
        ((tokens_in or 0) - cached) * (price_in or 0.0)
        + cached * (price_cached or 0.0)
        + (tokens_out or 0) * (price_out or 0.0)
    )


def _prices(model: str, provider: str | None) -> dict[str, Any] | None:
    if model in _own:
        return _own[model]
    table = _table()
    return table.get(model) or table.get(f"{provider}/{model}")


def _table() -> dict[str, dict[str, Any]]:
    global _shipped
    if _shipped is None:
        with _lock:
            if _shipped is None:
                _shipped = _read()
    return _shipped


def _read() -> dict[str, dict[str, Any]]:
    try:
        spec = importlib.util.find_spec("litellm")
        if spec is None or spec.origin is None:
            return {}
        file = Path(spec.origin).parent / "model_prices_and_context_window_backup.json"
        table = orjson.loads(file.read_bytes())
    except (OSError, ValueError, ImportError):
        return {}  # without a table a cost is unknown, never zero
    return table if isinstance(table, dict) else {}


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


fork.register(_after_fork)
