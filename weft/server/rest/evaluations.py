"""Results of evaluations as pages read them: figures, samples found and sorted, a selection sent to people."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from weft.errors import InputError
from weft.evals.kept import Kept, KeptResult
from weft.records import ReviewQueue, Sample, Score, ScoreQuery
from weft.repositories import Store
from weft.reviews import Queue, ReviewPolicy
from weft.reviews.by_hand import send_samples
from weft.server.arguments import one, parameters
from weft.server.replies import reply

_MOST_ROWS = 500
_MOST_SENT = 10_000
_MOST_GROUPS = 500
_FILTER = "such as `judge < 0.5 and not failed`"


def router(store: Store, kept: Kept) -> APIRouter:
    """The routes of single results."""
    routes = APIRouter(prefix="/api", tags=["evaluations"])

    @routes.get(
        "/evaluations/{run_id:text}/figures",
        summary="What an evaluation found: aggregates, distributions, failures by kind, what it cost",
    )
    def get_figures(run_id: str) -> Response:
        return reply(_figures(kept.get(run_id)))

    @routes.get(
        "/evaluations/{run_id:text}/breakdown",
        summary="A metric of an evaluation by tag or cluster",
        openapi_extra=parameters(metric="the metric"),
    )
    def get_breakdown(run_id: str, request: Request, by: Literal["tags", "cluster"] = "tags") -> Response:
        result = kept.get(run_id).result
        found = result.breakdown(one(request, "metric") or next(iter(result.summary), ""), by)
        return reply([{"group": name, **figure.as_dict()} for name, figure in list(found.items())[:_MOST_GROUPS]])

    @routes.get(
        "/evaluations/{run_id:text}/samples",
        summary="Samples of an evaluation with their scores: filtered, searched, sorted, a window of them",
        openapi_extra=parameters(
            where=_FILTER, text="words of the input, output or expected answer", order="a metric; `-judge` from the top"
        ),
    )
    def list_samples(run_id: str, request: Request, first: int = 0, count: int = 50) -> Response:
        if not 0 <= count <= _MOST_ROWS:
            raise InputError(f"count is {count}.", remedy=f"Ask for 0 to {_MOST_ROWS} rows.", field="count")
        known = kept.get(run_id)
        found = known.find(*(one(request, name) or "" for name in ("where", "text", "order")))
        first = max(0, first)
        rows = [_row(store, known.result.samples[place]) for place in found[first : first + count]]
        return reply({"samples": len(known.sheet), "found": len(found), "first": first, "rows": rows})

    @routes.post(
        "/evaluations/{run_id:text}/review",
        summary="Send samples of an evaluation to people; they are served first and not counted",
    )
    def send(
        run_id: str,
        queue: Annotated[str, Body(description="The name of the queue; one that is new is made.")],
        samples: Annotated[list[tuple[str, int]] | None, Body(description="Example and repetition each.")] = None,
        where: Annotated[str, Body(description="Without samples: those that this filter finds.")] = "",
        text: Annotated[str, Body()] = "",
        question: Annotated[str | None, Body(description="What a new queue asks.")] = None,
        reason: Annotated[str, Body()] = "",
    ) -> Response:
        known = kept.get(run_id)
        chosen = _chosen(store, known, samples, where, text)
        record = _queue(store, known.run.project, queue, question)
        return reply({"queue": record, "chosen": len(chosen), "added": send_samples(store, record, chosen, reason)})

    return routes


def _chosen(
    store: Store, known: KeptResult, samples: list[tuple[str, int]] | None, where: str, text: str
) -> list[Sample]:
    run_id, most = known.run.run_id, f"Send {_MOST_SENT:,} at most; a review policy draws from more."
    if samples is None:
        places = known.find(where, text, "")
        if len(places) > _MOST_SENT:
            raise InputError(f"The filter finds {len(places):,} samples.", remedy=most, field="where")
        return [known.result.samples[place] for place in places]
    if len(samples) > _MOST_SENT:
        raise InputError(f"There are {len(samples):,} samples.", remedy=most, field="samples")
    found = [store.evaluations.find_sample(run_id, example, repetition) for example, repetition in samples]
    for (example, repetition), sample in zip(samples, found, strict=True):
        if sample is None:
            raise InputError(f"The run {run_id} has no sample {example!r}, {repetition}.", field="samples")
    return [sample for sample in found if sample is not None]


def _queue(store: Store, project: str, name: str, question: str | None) -> ReviewQueue:
    known = store.reviews.find_queue(project, name)
    if known is not None:
        return known
    policy = ReviewPolicy(name, question=question) if question else ReviewPolicy(name)
    return Queue.create(store, project, name, score_name=policy.score_name, rubric=policy.rubric()).record


def _figures(known: KeptResult) -> dict[str, Any]:
    result, sheet, run = known.result, known.sheet, known.run
    seconds = sheet.quantile("latency_s", 0.5), sheet.quantile("latency_s", 0.95)
    return {
        **result.as_data(),
        "status": run.status,
        "metrics": sheet.metrics,
        "distributions": {
            name: sheet.distribution(name) for name in [*sheet.metrics, "latency_s", "cost_usd", "tokens"]
        },
        "failures": sheet.failures(),
        "missing": {name: figure.missing for name, figure in result.summary.items()},
        "tags": sheet.groups("tags"),
        "clusters": sheet.groups("cluster"),
        "latency_s": {"p50": seconds[0].as_dict(), "p95": seconds[1].as_dict()},
        "cost_usd": sheet.cost_usd,
        "input_tokens": sheet.input_tokens or None,
        "output_tokens": sheet.output_tokens or None,
        "repetitions": run.config.get("repetitions", 1),
    }


def _row(store: Store, sample: Sample) -> dict[str, Any]:
    return {"sample": sample, "scores": scores_of(store, sample)}


def scores_of(store: Store, sample: Sample) -> list[Score]:
    """All scores of a sample, people's among them; of two of one name and source the later."""
    asked = ScoreQuery(run_id=sample.run_id, example_id=sample.example_id)
    latest = {
        (score.name, score.source, score.author if score.source == "human" else None): score
        for score in store.evaluations.list_scores(asked).items
        if score.repetition == sample.repetition
    }
    return list(latest.values())
