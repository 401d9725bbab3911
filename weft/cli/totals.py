"""`weft totals`: what it cost, how much failed, how long it took, by model, op, user, run, day."""

from __future__ import annotations

from typing import Annotated

import typer

from weft import clock
from weft.api import Api
from weft.cli.output import print_json, print_table
from weft.formatting import MISSING, count, duration, percent, usd

_DAY_NS = 86_400 * 10**9


def totals(
    by: Annotated[str, typer.Option("--by", "-b", help="day, hour, model, name, kind, user_id, run_id, ...")] = "model",
    project: Annotated[str | None, typer.Option("--project", "-p", help="Only this project.")] = None,
    where: Annotated[str | None, typer.Option("--where", "-w", help="Only spans for which this holds.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Only the last so many days.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Sum tokens, cost, errors and latency, by one or more keys separated by commas."""
    keys = [key.strip() for key in by.split(",") if key.strip()]
    after = None if days is None else clock.now_ns() - days * _DAY_NS
    with Api() as api:
        found = api.totals(project, by=keys, where=where, start_after_ns=after)
    if as_json:
        print_json(found)
        return
    figures = ("spans", "errors", "tokens in", "tokens out", "cost", "p50", "p95")
    print_table(
        {**dict.fromkeys(keys, "left"), **dict.fromkeys(figures, "right")},
        [
            (
                *(row.keys.get(key) or MISSING for key in keys),
                count(row.spans),
                percent(row.errors / row.spans if row.spans else None),
                count(row.input_tokens),
                count(row.output_tokens),
                usd(row.cost_usd),
                duration(row.latency_p50_ns),
                duration(row.latency_p95_ns),
            )
            for row in sorted(found, key=lambda row: tuple(row.keys.get(key) or "" for key in keys))
        ],
        empty="No spans.",
    )
