"""`weft deployments` and `weft prices`: what serves where, and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from weft.api import Api
from weft.cli.output import console, print_json, print_table
from weft.errors import InputError
from weft.formatting import MISSING, ago
from weft.records import Price

_MILLION = 1e6
Project = Annotated[str | None, typer.Option("--project", "-p", help="The project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

prices = typer.Typer(
    no_args_is_help=True,
    help="What models cost in US dollars a million tokens, where it is not what litellm's table says.",
)


def deployments(
    project: Project = None,
    environment: Annotated[str | None, typer.Option("--environment", "-e", help="Only this environment.")] = None,
    name: Annotated[str | None, typer.Option(help="Only this artifact.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that serve no more as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what serves where."""
    with Api() as api:
        found = api.deployments(project, environment=environment, name=name, current=not every)
    if as_json:
        print_json(found)
        return
    print_table(
        {"environment": "left", "version": "left", "since": "right", "until": "right", "host": "left"},
        [
            (d.environment, d.ref, ago(d.started_ns), "now" if d.ended_ns is None else ago(d.ended_ns), d.host)
            for d in found
        ],
        empty="Nothing is deployed. A service says so as it starts: weft.deployed('answerer:v3', 'production')",
    )


@prices.command("list")
def list_prices(project: Project = None, as_json: AsJson = False) -> None:
    """List the prices that were set."""
    with Api() as api:
        found = api.prices(project)
    if as_json:
        print_json(found)
        return
    print_table(
        {"model": "left", "project": "left", "input": "right", "cached": "right", "output": "right", "since": "left"},
        [
            (p.model, p.project or "all", _usd(p.input_usd), _usd(p.cached_usd), _usd(p.output_usd), _day(p))
            for p in found
        ],
        empty="No prices were set; litellm's table holds.",
    )


@prices.command("set")
def set_price(
    model: Annotated[str, typer.Argument(help="The model's name, as spans have it.")],
    input_usd: Annotated[float, typer.Option("--input", help="US dollars a million input tokens.")],
    output_usd: Annotated[float, typer.Option("--output", help="US dollars a million output tokens.")],
    cached_usd: Annotated[float | None, typer.Option("--cached", help="The same for cached input tokens.")] = None,
    project: Project = None,
    since: Annotated[str | None, typer.Option(help="From this day on, such as 2026-11-01 (UTC).")] = None,
    reprice: Annotated[bool, typer.Option("--reprice", help="Apply it to spans that are stored, too.")] = False,
) -> None:
    """Say what a model costs, in a project or in all; it replaces the cost of spans that arrive from now on."""
    with Api() as api:
        api.set_price(
            model,
            input_usd / _MILLION,
            output_usd / _MILLION,
            cached_usd=None if cached_usd is None else cached_usd / _MILLION,
            project=project,
            since=_time(since),
            reprice=reprice,
        )
    console().print(f"{model} has a price.", markup=False)


@prices.command("delete")
def delete_price(
    model: Annotated[str, typer.Argument(help="The model.")],
    project: Project = None,
    since: Annotated[str | None, typer.Option(help="The day that it was set from.")] = None,
) -> None:
    """Forget a price."""
    moment = _time(since)
    from_ns = 0 if moment is None else round(moment.timestamp() * 1e9)
    with Api() as api:
        api.store.prices.delete_price(Price(model, 0.0, 0.0, project, None, from_ns))
    console().print("It is forgotten.")


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no day.", remedy="Write it as 2026-11-01.", field="since") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(price: Price) -> str:
    if not price.from_ns:
        return "always"
    return datetime.fromtimestamp(price.from_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")


def _usd(a_token: float | None) -> str:
    return MISSING if a_token is None else f"{a_token * _MILLION:,.4g}"
