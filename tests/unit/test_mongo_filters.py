"""Filters as documents of operators become expressions of the query language."""

from __future__ import annotations

import pytest

from weft.api.mongo import order_of, where_of
from weft.errors import InputError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"config.lr": 0.1}, "config.lr == 0.1"),
        ({"config.model.depth.value": 3}, "config.model.depth == 3"),
        ({"config.a b": True}, 'config["a b"] == true'),
        ({"summary_metrics.loss": {"$lt": 1, "$gte": 0.5}}, "summary.loss < 1 and summary.loss >= 0.5"),
        ({"state": "finished", "group": "g"}, 'status == "finished" and group == "g"'),
        ({"$or": [{"tags": "a"}, {"display_name": {"$ne": "x"}}]}, '"a" in tags or name != "x"'),
        ({"group": "g", "$or": [{"tags": "a"}, {"tags": "b"}]}, 'group == "g" and ("a" in tags or "b" in tags)'),
        ({"$and": [{"$or": [{"a": 1}, {"b": 2}]}, {"c": 3}]}, "(a == 1 or b == 2) and c == 3"),
        ({"$nor": [{"state": "failed"}]}, 'not (status == "failed")'),
        ({"$not": {"state": "failed"}}, 'not (status == "failed")'),
        ({"tags": {"$in": ["a", "b"]}}, '"a" in tags or "b" in tags'),
        ({"tags": {"$nin": ["a"]}}, 'not ("a" in tags)'),
        ({"config.seed": {"$in": [1, 2]}}, "config.seed in [1, 2]"),
        ({"config.seed": {"$nin": [1]}}, "config.seed not in [1]"),
        ({"config.seed": {"$exists": True}}, "config.seed is not None"),
        ({"notes": None}, "notes is None"),
        ({"name": {"$regex": ".*base.*"}}, '"base" in name'),
        ({"config.lr": {"$not": {"$gt": 1}}}, "not (config.lr > 1)"),
        ({}, ""),
    ],
)
def test_what_is_said(given: dict[str, object], said: str) -> None:
    assert where_of(given) == said


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"$where": "x"}, r"The filter '\$where' with 'x' cannot be understood. Use \$and"),
        ({"$or": {"a": 1}}, r"Give \$or a list of filters"),
        ({"config.lr": {"$near": 1}}, r"The filter 'config.lr: \$near' with 1 cannot be understood. Use one of \$eq"),
        ({"name": {"$regex": "^a+"}}, "Only a text to be found inside can be asked for"),
        ({"user.name": "me"}, "Use config.KEY, summary_metrics.KEY"),
        ({"config.lr": [1]}, "Compare with a number, a text or true and false"),
    ],
)
def test_what_cannot_be_said(given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        where_of(given)


def test_orders() -> None:
    asked = ["-created_at", "+created_at", "heartbeat_at", "-summary_metrics.loss", "config.lr.value", "name"]
    assert [order_of(one) for one in asked] == [
        "-started_at",
        "started_at",
        "ended_at",
        "-summary.loss",
        "config.lr",
        "name",
    ]
