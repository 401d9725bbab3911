"""How much a setting has to do with a result: what is planted is found."""

from __future__ import annotations

import numpy as np
import pytest

from weft.statistics import importance

RNG = np.random.default_rng(5)


def columns(n: int = 120) -> dict[str, list[object]]:
    return {
        "lr": RNG.uniform(-4, -1, n).tolist(),
        "optimizer": RNG.choice(["adam", "sgd", "lion"], n).tolist(),
        "seed": RNG.integers(0, 5, n).tolist(),
        "same": [3] * n,
        "note": [f"text {i}" for i in range(n)],
    }


def test_what_is_not_monotonic_is_found_though_nothing_correlates() -> None:
    given = columns()
    results = [(float(lr) + 2.5) ** 2 + 0.01 * RNG.normal() for lr in given["lr"]]  # type: ignore[arg-type]
    told = importance.of_columns(given, results)
    assert told["runs"] == 120
    first, *rest = told["fields"]
    assert first["name"] == "lr"
    assert first["importance"] > 0.8
    assert abs(first["correlation"]) < 0.3
    assert {field["name"] for field in rest} == {"optimizer", "seed"}  # not what is the same, or differs everywhere
    assert sum(field["importance"] for field in told["fields"]) <= 1.0
    assert first["low"] < first["importance"] <= min(first["high"], first["together"])
    assert told["quality"] > 0.9


def test_words_count_by_value_and_have_no_correlation() -> None:
    given = columns()
    results = [{"adam": 0.1, "lion": 0.9, "sgd": 0.2}[str(word)] for word in given["optimizer"]]
    first = importance.of_columns(given, results)["fields"][0]
    assert (first["name"], first["correlation"]) == ("optimizer", None)
    assert first["importance"] > 0.8


def test_few_results_or_equal_ones_say_nothing() -> None:
    given = {"lr": [1.0, 2.0] * 10}
    assert importance.of_columns(given, [1.0] * 7 + [None] * 13)["fields"] == []
    assert importance.of_columns(given, [1.0] * 20)["fields"] == []
    assert importance.of_columns({"lr": [1.0] * 20}, list(range(20)))["fields"] == []
    assert importance.of_columns(given, [float("nan")] * 20)["runs"] == 0


def test_missing_settings_are_a_value_of_their_own() -> None:
    settings = [None] * 30 + [0.5, 0.6] * 15
    results = [0.0] * 30 + [1.0] * 30
    (field,) = importance.of_columns({"warmup": settings}, results)["fields"]
    assert field["importance"] > 0.99
    assert field["correlation"] is None  # all that have it have the same result


def test_ranks_share_ties() -> None:
    assert importance.spearman(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1.0, 5.0, 5.0, 9.0])) == pytest.approx(1.0)
    assert importance.spearman(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1.0)
    assert importance.spearman(np.array([1.0, 1.0]), np.array([1.0, 2.0])) is None


def test_the_same_runs_give_the_same_figures() -> None:
    given = {"a": RNG.normal(size=50).tolist(), "b": RNG.normal(size=50).tolist()}
    results = RNG.normal(size=50).tolist()
    assert importance.of_columns(given, results) == importance.of_columns(given, results)


def test_a_result_far_out_is_not_all_the_variance() -> None:
    given = columns()
    results = [(float(lr) + 2.5) ** 2 for lr in given["lr"]]  # type: ignore[arg-type]
    results[17] = 1e12
    told = importance.of_columns(given, results)
    assert told["clipped"] == 1
    assert told["fields"][0]["name"] == "lr"
    assert told["quality"] > 0.3
