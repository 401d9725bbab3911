"""Spans of others get a cost by litellm's table, tokens from a cache priced as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from weft.otlp import prices
from weft.otlp.prices import ListPrice, cost_of, list_price

TABLE = {
    "gpt-x": {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6, "cache_read_input_token_cost": 5e-7},
    "azure/gpt-y": {"input_cost_per_token": 1e-6},
    "claude-x": {
        "input_cost_per_token": 3e-6,
        "output_cost_per_token": 1.5e-5,
        "cache_read_input_token_cost": 3e-7,
        "cache_creation_input_token_cost": 3.75e-6,
    },
    "image-x": {"output_cost_per_image": 1.0},
    "broken": "?",
}


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "model_prices_and_context_window_backup.json").write_bytes(orjson.dumps(TABLE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "litellm", raising=False)
    monkeypatch.setattr(prices, "_shipped", None)


def test_cached_and_written_tokens_are_a_part_of_the_input() -> None:
    found = {"model": "claude-x", "input_tokens": 1000, "output_tokens": 10, "cached_tokens": 600}
    cost = cost_of(found, {"gen_ai.usage.cache_creation.input_tokens": 300})
    assert cost == pytest.approx(100 * 3e-6 + 600 * 3e-7 + 300 * 3.75e-6 + 10 * 1.5e-5)


@pytest.mark.parametrize(
    ("model", "provider", "known"),
    [
        ("gpt-x", None, True),
        ("models/gpt-x", None, True),
        ("gpt-y", "azure", True),
        ("gpt-y", "Azure.chat", True),
        ("gpt-y", None, False),
        ("image-x", None, False),
        ("broken", None, False),
    ],
)
def test_models_are_found_by_the_names_that_libraries_give_them(model: str, provider: str | None, known: bool) -> None:
    assert (list_price(model, provider) is not None) == known


def test_the_model_that_was_asked_for_serves_where_the_one_that_answered_is_unknown() -> None:
    found: dict[str, Any] = {"model": "gpt-x-2099-01-01", "input_tokens": 10}
    assert cost_of(found, {"gen_ai.request.model": "gpt-x"}) == pytest.approx(2e-5)
    assert cost_of(found, {}) is None


def test_more_cached_tokens_than_input_cost_no_more_than_the_input() -> None:
    assert ListPrice(1.0, 1.0, 0.5).cost(10, None, 99) == 5.0
    assert ListPrice(1.0, None).cost(None, None, None) is None


def test_without_litellm_costs_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert list_price("gpt-x") is None


def test_a_foreign_span_gets_a_cost_where_it_names_none() -> None:
    from weft.otlp import decode_traces, encode_traces
    from weft.records import Span

    said = {"gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-x", "gen_ai.usage.output_tokens": 1000}
    span = Span("p", "ab" * 16, "cd" * 8, "chat", 1, end_ns=2, attributes=said)
    body = encode_traces([span], "json").replace(b'"weft.record"', b'"forgotten"')
    assert decode_traces(body, "json", "p").spans[0].cost_usd == pytest.approx(8e-3)
    said["llm.cost.total"] = 0.5
    body = encode_traces([span], "json").replace(b'"weft.record"', b'"forgotten"')
    assert decode_traces(body, "json", "p").spans[0].cost_usd == 0.5
