"""`weft review`: the queues, what goes into them, and what comes out: estimate and quality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weft.api import Api
from weft.cli import figures
from weft.cli.output import console, pointing, print_json, print_table
from weft.errors import InputError, NotFoundError
from weft.exchange import golden_set, write_labels
from weft.records import ReviewQueue, SpanQuery
from weft.reviews import ReviewPolicy, estimate, judge_quality, policy_of, quality, send_by_hand, send_spans
from weft.reviews.estimate import HALF_WIDTHS, items_of
from weft.reviews.sending import MOST

review = typer.Typer(help="Review queues: list them, send to them, read the estimate and the quality of one.")

_Queue = Annotated[str, typer.Argument(help="Name or id of a queue.")]
_Project = Annotated[str | None, typer.Option("--project", "-p", help="Only this project.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Level = Annotated[float, typer.Option("--level", min=0.5, max=0.999, help="Of the intervals.")]


@review.callback(invoke_without_command=True)
def queues(context: typer.Context, project: _Project = None, as_json: _Json = False) -> None:
    """List review queues with their progress."""
    if context.invoked_subcommand is not None:
        return
    with Api() as api:
        found = api.review_queues(project)
    if as_json:
        print_json(list(found))
        return
    counts = ("waiting", "claimed", "disputed", "labelled", "held")
    print_table(
        {"queue": "left", "project": "left", **dict.fromkeys(counts, "right")},
        [(q.name, q.project, *(getattr(q, count) for count in counts)) for q in found],
        empty="No review queues yet. Give an evaluation review=weft.ReviewPolicy('my-queue'), or `weft review send`.",
    )


@review.command("estimate")
def show_estimate(
    queue: _Queue,
    project: _Project = None,
    run: Annotated[str | None, typer.Option("--run", help="Of this evaluation only.")] = None,
    level: _Level = 0.95,
    half_width: Annotated[
        float | None, typer.Option("--half-width", min=0, help="Tell how many more labels bring it to +- this.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """The figure of a queue: by the machine, by people, and corrected; how many more labels; how good the judge is."""
    with Api() as api:
        record = named(api, queue, project)
        items = items_of(api.store, record, run)
        widths = HALF_WIDTHS if half_width is None else (half_width,)
        found = estimate(api.store, record, run_id=run, level=level, half_widths=widths)
    judge = judge_quality(record, items, level=level)
    if as_json:
        print_json({"queue": record, "estimate": found, "judge": judge})
        return
    for line in figures.of_estimate(record, found, judge):
        console().print(line, markup=False)


@review.command("quality")
def show_quality(queue: _Queue, project: _Project = None, level: _Level = 0.95, as_json: _Json = False) -> None:
    """How good a queue's labels are: agreement by field, reviewers' time, the judge against people."""
    with Api() as api:
        record = named(api, queue, project)
        found = quality(api.store, record, level=level)
    if as_json:
        print_json({"queue": record, "quality": found})
        return
    for line in figures.of_quality(record, found):
        console().print(line, markup=False)


@review.command("send")
def send(
    query: Annotated[str, typer.Option("--query", "-q", help='Which spans: kind == "llm" and "refund" in output')],
    queue: Annotated[str, typer.Option("--queue", help="Their queue; created where there is none of that name.")],
    project: Annotated[str | None, typer.Option("--project", "-p", help="Whose spans; default WEFT_PROJECT.")] = None,
    budget: Annotated[float, typer.Option("--budget", help="The share to be sent, drawn at random.")] = 1.0,
    judge: Annotated[str | None, typer.Option("--judge", help="A score: the ambiguous ones are sent first.")] = None,
    question: Annotated[str | None, typer.Option("--question", help="What a new queue asks.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many spans, the newest.")] = MOST,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Serve them first, without a draw: they are never counted.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Send the spans that a query finds to people."""
    with Api() as api, pointing(query):
        asked = SpanQuery(project=api.project(project), where=query)
        if by_hand:
            new = send_by_hand(api.store, asked, queue, limit)
            told = {"queue": queue, "sent": new}
        else:
            policy = policy_of(queue, budget=budget, judge=judge)
            if question is not None:
                policy = ReviewPolicy(
                    queue, judge=judge, budget=budget, audit_floor=policy.audit_floor, question=question
                )
            report = send_spans(api.store, asked, policy, limit)
            told = {"queue": report.queue.name, "sent": report.sent, "held": report.held, "new": report.new}
    if as_json:
        print_json(told)
    else:
        console().print(", ".join(f"{name}: {value}" for name, value in told.items()), markup=False)


@review.command("export")
def export(
    queue: _Queue,
    project: _Project = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write lines of JSON to this file.")] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Publish the complete items as a version of this dataset.")
    ] = None,
    complete: Annotated[bool, typer.Option("--complete", help="Only complete items into the file.")] = False,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Labels that no person gave into the dataset as well.")
    ] = False,
) -> None:
    """Take the labels of a queue out: to a file, to a dataset version (a golden set), or both."""
    if out is None and dataset is None:
        raise InputError("Where to?", remedy="Give --out FILE, --dataset NAME, or both.", field="out")
    with Api() as api:
        record = named(api, queue, project)
        if out is not None:
            count = write_labels(api.store, record, out, complete=complete)
            console().print(f"{count} labelled items in {out}", markup=False)
        if dataset is not None:
            made = golden_set(api.store, record, dataset, simulated=simulated)
            console().print(f"{made.examples} examples in {made.ref}", markup=False)


def named(api: Api, name: str, project: str | None) -> ReviewQueue:
    """The queue of this name or id. Raises NotFoundError where none or several are."""
    known = api.review_queues(project)
    found = [record for record in known if name in (record.name, record.queue_id)]
    if len(found) != 1:
        names = ", ".join(f"{record.project}/{record.name}" for record in known) or "none"
        what = "There is no queue" if not found else "Several projects have a queue"
        raise NotFoundError(
            f"{what} {name!r}.", remedy=f"Name its project with --project; queues: {names}.", field="queue"
        )
    return found[0]
