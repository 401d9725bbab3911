"""`weft review`: the queues, and the estimate of one."""

from __future__ import annotations

from typing import Annotated

import typer

from weft.api import Api
from weft.cli.output import console, print_json, print_table
from weft.errors import NotFoundError
from weft.formatting import interval
from weft.records import ReviewQueue
from weft.reviews import QueueEstimate, estimate


def review(
    queue: Annotated[str | None, typer.Argument(help="Show the estimate of this queue.")] = None,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Only this project.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List review queues with their progress, or show the estimate of one."""
    with Api() as api:
        queues = api.store.reviews.list_queues(project)
        if queue is not None:
            record = _named(queues, queue)
            figures = estimate(api.store, record)
            if as_json:
                print_json({"queue": record, "estimate": figures})
            else:
                _print_estimate(record, figures)
            return
    if as_json:
        print_json(queues)
        return
    print_table(
        {
            "queue": "left",
            "project": "left",
            "waiting": "right",
            "claimed": "right",
            "labelled": "right",
            "held": "right",
        },
        [(q.name, q.project, q.waiting, q.claimed, q.labelled, q.held) for q in queues],
        empty="No review queues yet. Give an evaluation review=weft.ReviewPolicy('my-queue').",
    )


def _named(queues: list[ReviewQueue], name: str) -> ReviewQueue:
    found = [record for record in queues if name in (record.name, record.queue_id)]
    if len(found) != 1:
        known = ", ".join(f"{record.project}/{record.name}" for record in queues) or "none"
        what = "There is no queue" if not found else "Several projects have a queue"
        raise NotFoundError(
            f"{what} {name!r}.", remedy=f"Name its project with --project; queues: {known}.", field="queue"
        )
    return found[0]


def _print_estimate(queue: ReviewQueue, figures: QueueEstimate) -> None:
    out = console()
    before, after = figures.before, figures.after
    out.print(f"{queue.project}/{queue.name}: {figures.labels} labels, {queue.waiting} waiting", markup=False)
    if figures.simulated:
        out.print(f"  {figures.simulated} of the labels are simulated: no person gave them", markup=False)
    out.print(f"  machine alone   {interval(before.value, before.low, before.high, before.n)}", markup=False)
    reason = "" if after.value is not None else f"  ({after.reason})"
    out.print(f"  with labels     {interval(after.value, after.low, after.high, after.n)}{reason}", markup=False)
    out.print(f"  {after.method}", markup=False, style="dim")
