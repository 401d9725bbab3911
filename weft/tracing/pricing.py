"""What a model call cost: the user's own prices in this process, then the table that litellm ships."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from weft.errors import InputError
from weft.otlp import prices
from weft.otlp.prices import ListPrice

_own: dict[str, ListPrice] = {}


def set_price(model: str, input_usd_per_token: float, output_usd_per_token: float) -> None:
    """Say what a model of one's own costs. Raises InputError for a price that is negative or not finite."""
    for name, price in (("input_usd_per_token", input_usd_per_token), ("output_usd_per_token", output_usd_per_token)):
        if not math.isfinite(price) or price < 0:
            raise InputError(f"{name} is {price}.", remedy="Give US dollars a token, zero or more.", field=name)
    _own[model] = ListPrice(input_usd_per_token, output_usd_per_token)


def is_own(model: object) -> bool:
    """Whether :func:`set_price` was called for ``model``."""
    return model in _own


def cost_of(record: Mapping[str, Any]) -> float | None:
    """US dollars of a span (its fields as a mapping); None where tokens or prices are unknown.

    Cached input tokens are priced as such where the table has a price for them.
    """
    own = _own.get(record["model"])
    if own is not None:
        return own.cost(record.get("input_tokens"), record.get("output_tokens"), record.get("cached_tokens"))
    return prices.cost_of(record, record.get("attributes") or {})
