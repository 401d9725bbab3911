"""`weft compare`: evaluations against the first of them."""

from __future__ import annotations

from typing import Annotated

import typer

from weft.api import Api
from weft.cli.output import console, print_json
from weft.evals import Comparison, EvaluationResult, MetricComparison, compare
from weft.formatting import MISSING


def compare_runs(
    runs: Annotated[list[str], typer.Argument(help="Ids of two evaluations or more; the first is the baseline.")],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", help="Only this metric; may be given often.")
    ] = None,
    level: Annotated[float, typer.Option("--level", min=0.5, max=0.999, help="Of the intervals.")] = 0.95,
    effect: Annotated[
        float | None, typer.Option("--effect", help="Tell the chance of showing this difference.")
    ] = None,
    flips: Annotated[int, typer.Option("--flips", min=0, help="List so many examples each way.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare evaluations, paired on the examples that they share: differences, flips, tests and power."""
    with Api() as api:
        found = compare(runs[0], *_others(runs), metrics=metric, level=level, store=api.store)
    if as_json:
        print_json(found.as_data())
        return
    out = console()
    out.print(found)
    for line in _lines(found, flips, effect):
        out.print(line, markup=False)


def _others(runs: list[str]) -> tuple[str, *tuple[str, ...]]:
    if len(runs) < 2:
        raise typer.BadParameter("Name two evaluations or more.")
    return (runs[1], *runs[2:])


def _lines(found: Comparison[EvaluationResult], most: int, effect: float | None) -> list[str]:
    lines = []
    for pair in found.pairs:
        for row in pair.metrics.values():
            lines += [f"{pair.after.run_id} {row.metric}: {text}" for text in _told(row, most, effect)]
    return lines


def _told(row: MetricComparison, most: int, effect: float | None) -> list[str]:
    told = [
        f"{word} in {len(examples)} examples: {', '.join(examples[:most])}{', …' if len(examples) > most else ''}"
        for word, examples in (("fell", row.lost), ("rose", row.gained))
        if examples and most
    ]
    if effect is not None:
        chance, needed = row.power(effect), row.examples_needed(effect)
        shown = MISSING if chance is None else f"{chance:.0%}"
        told.append(
            f"a true difference of {effect:g} is shown with a chance of {shown}; with 80 % by "
            f"{MISSING if needed is None else f'{needed:,}'} examples"
        )
    return told
