"""A service says what it serves; prices of one's own hold for the spans that come after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import weft
from weft.errors import InputError, NotFoundError, WeftError
from weft.tracing import start_span


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "weft.cli", *arguments],
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_serves_where_is_recorded_and_leads_back_to_the_training_run(tmp_path: Path) -> None:
    with pytest.raises(WeftError, match="weft.deployed needs a running session"):
        weft.deployed("answerer")
    with weft.init("shop", kind="train", settings={"quiet": True}) as training:
        weights = weft.Artifact("answerer", "model")
        weights.add_bytes(b"weights", "model.bin")
        training.log_artifact(weights)
    with weft.init("shop", settings={"quiet": True}) as service:
        first = weft.deployed("answerer:latest", "production", metadata={"replicas": 2})
        assert weft.deployed("answerer:v1", "production") == first
        with pytest.raises(NotFoundError, match="no artifact 'answerer:v9'"):
            weft.deployed("answerer:v9", "production")
        with pytest.raises(InputError, match="A model reference cannot be ''"):
            weft.deployed("")
    assert (first.ref, first.environment, first.run_id, first.metadata) == (
        "answerer:v1",
        "production",
        service.id,
        {"replicas": 2},
    )
    with weft.Api() as api:
        assert list(api.deployments("shop")) == [first]
        upstream = api.lineage("production/answerer:v1", "shop", kind="deployment").upstream
        assert [(edge.source, edge.relation) for edge in upstream] == [
            ("answerer:v1", "serves"),
            (training.id, "produced"),
        ]
        api.store.deployments.end(first.deployment_id)
        assert list(api.deployments("shop")) == []
        assert len(api.deployments("shop", current=False)) == 1
    listed = run("deployments", "--project", "shop", "--all")
    assert listed.returncode == 0, listed.stderr
    assert "answerer:v1" in listed.stdout
    assert json.loads(run("deployments", "-p", "shop", "--json").stdout) == []
    assert "Nothing is deployed" in run("deployments", "-p", "elsewhere").stdout


def test_a_price_of_ones_own_replaces_the_cost_of_spans_that_follow() -> None:
    assert run("prices", "set", "gpt-4o-mini", "--input", "1", "--output", "3", "-p", "shop").returncode == 0
    refused = run("prices", "set", "gpt-4o-mini", "--input", "-1", "--output", "3")
    assert (refused.returncode, "zero or more" in refused.stderr) == (2, True)
    bad_day = run("prices", "set", "m", "--input", "1", "--output", "3", "--since", "soon")
    assert (bad_day.returncode, "'soon' is no day" in bad_day.stderr) == (2, True)
    for project in ("shop", "elsewhere"):
        with weft.init(project, settings={"quiet": True}), start_span("chat", kind="llm") as span:
            span.set_attributes(
                {
                    "gen_ai.response.model": "gpt-4o-mini",
                    "gen_ai.usage.input_tokens": 1_000_000,
                    "gen_ai.usage.output_tokens": 1_000_000,
                }
            )
    with weft.Api() as api:
        [own] = api.spans("shop")
        [other] = api.spans("elsewhere")
        assert own.cost_usd == pytest.approx(4.0)
        assert other.cost_usd == pytest.approx(0.75)
        with pytest.raises(InputError, match="names no time zone"):
            api.set_price("m", 1.0, 1.0, since=datetime(2026, 1, 1))
        api.set_price("m", 1e-6, 2e-6, cached_usd=5e-7, since=datetime(2026, 1, 1, tzinfo=UTC))
    assert "2026-01-01" in run("prices", "list").stdout
    assert run("prices", "delete", "m", "--since", "2026-01-01").returncode == 0
    assert len(json.loads(run("prices", "list", "--json").stdout)) == 1
    gone = run("prices", "delete", "m")
    assert (gone.returncode, "no such price" in gone.stderr) == (2, True)


def test_cost_by_model_day_and_user() -> None:
    for user, tokens in (("ada", 1_000_000), ("bob", 2_000_000)):
        with (
            weft.init("shop", settings={"quiet": True}),
            weft.thread("t", user=user),
            start_span("chat", kind="llm") as span,
        ):
            span.set_attributes({"gen_ai.response.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": tokens})
    with weft.Api() as api:
        [all_] = api.totals("shop")
        assert (all_.spans, all_.input_tokens, all_.cost_usd) == (2, 3_000_000, pytest.approx(0.45))
        found = api.totals("shop", by=["model", "user_id"])
        assert {row.keys["user_id"]: row.cost_usd for row in found} == pytest.approx({"ada": 0.15, "bob": 0.3})
        [one] = api.totals("shop", by="model", where='user == "bob"')
        assert one.cost_usd == pytest.approx(0.3)
    listed = run("totals", "--by", "day,user_id", "--days", "2", "-p", "shop")
    assert listed.returncode == 0, listed.stderr
    assert "$0.30" in listed.stdout
    assert json.loads(run("totals", "--by", "model", "--json").stdout)[0]["input_tokens"] == 3_000_000
    unknown = run("totals", "--by", "colour")
    assert (unknown.returncode, "colour" in unknown.stderr) == (2, True)
