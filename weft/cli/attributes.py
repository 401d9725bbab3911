"""`weft attributes`: the attributes that a team filters by, found by an index."""

from __future__ import annotations

from typing import Annotated

import typer

from weft.api import Api
from weft.cli.output import console, print_json, print_table
from weft.formatting import ago

Name = Annotated[str, typer.Argument(help="The attribute's name, such as user.tier.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

attributes = typer.Typer(
    no_args_is_help=True, help="Attributes of spans that you filter by often: found by an index, whatever is stored."
)


@attributes.command("list")
def list_attributes(as_json: AsJson = False) -> None:
    """List the attributes that have an index."""
    with Api() as api:
        found = api.attribute_indexes()
    if as_json:
        print_json(found)
        return
    print_table(
        {"attribute": "left", "since": "right", "state": "left"},
        [(one.name, ago(one.created_ns), "ready" if one.ready else "older spans follow") for one in found],
        empty="No attribute has an index. Give one to those you filter by: weft attributes index user.tier",
    )


@attributes.command("index")
def index_attribute(name: Name) -> None:
    """Find spans by an attribute by index; spans that are stored follow in the background."""
    with Api() as api:
        made = api.index_attribute(name)
    later = "" if made.ready else " Spans that were stored before follow while Weft has time."
    console().print(f"{name} has an index.{later}", markup=False)


@attributes.command("drop")
def drop_attribute(name: Name) -> None:
    """Keep an index no more; the attribute can be filtered by as before, by looking at each span."""
    with Api() as api:
        api.drop_attribute_index(name)
    console().print(f"{name} has no index any more.", markup=False)
