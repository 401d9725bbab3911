"""Reading: runs, spans, series, evaluations, scores and reviews of a directory, a database or a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from weft import drainer, ids, wandb_names
from weft.api.collections import sweep_of, sweeps_of
from weft.api.mongo import order_of, parted, where_of
from weft.api.opened import user_here
from weft.api.records import Records, all_of, pages_of
from weft.api.runs import Runs, StoredRun
from weft.api.sweeps import StoredSweep
from weft.api.versions import ArtifactReading
from weft.errors import InputError
from weft.records import (
    ArtifactVersion,
    AttributeIndex,
    AuditEntry,
    Deletion,
    Deployment,
    LineageGraph,
    MediaReference,
    NodeKind,
    Price,
    Retention,
    ReviewItem,
    ReviewQueue,
    RunQuery,
    Score,
    ScoreQuery,
    Span,
    SpanQuery,
    ThreadQuery,
    ThreadSummary,
    Totals,
    TraceSummary,
)
from weft.registry.facade import Registry, wake
from weft.tracing.human_scores import Feedback, Stored, ids_of, login
from weft.tracing.op_versions import artifact_name

if TYPE_CHECKING:
    from weft.objects import Prompt
    from weft.reviews import QueueEstimate, QueueQuality, ReviewPolicy, RoutingReport

# Arguments that other trackers know and that change nothing here: pages are fetched as they are needed.
_WITHOUT_EFFECT = {"per_page", "include_sweeps", "lazy"}

Q = TypeVar("Q", RunQuery, SpanQuery, ScoreQuery, ThreadQuery)


class Api(ArtifactReading):
    """Reads what was recorded, in a directory (``dir``, default WEFT_DIR), a database (``db``) or a server (``url``).

    Of ``overrides`` only ``project`` means something here, the default project; ``timeout`` changes nothing.
    What this machine has recorded by the time of a call and not yet stored is stored first, so that a reader
    sees what was acknowledged. Raises StoreError or ServerError where the place cannot be reached.
    """

    def __getattr__(self, name: str) -> Any:
        told = wandb_names.ABSENT.get(f"Api.{name}")
        raise AttributeError(f"weft.Api has no {name!r}." + (f" Instead: {told}." if told else ""))

    @property
    def registry(self) -> Registry:
        """The registry, to read and to decide without a run: ``Api().registry.promote("clf:v3", "production")``."""
        return Registry(self.store, decided=lambda: wake(self._settings))

    def runs(
        self,
        project: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        **more: Any,
    ) -> Runs:
        """All runs that match; further arguments are the fields of :class:`weft.records.RunQuery`.

        ``where`` is an expression of the query language; ``filters`` says the same in a document of operators, such as
        ``{"config.lr": {"$gte": 0.01}, "state": "finished"}``. ``order``: ``-started_at`` (the default),
        ``summary.loss``, ``-config.lr``. ``limit`` is the most that are returned; without it, all. ``path`` is another
        name of ``project``.
        """
        given = {name: value for name, value in more.items() if name not in _WITHOUT_EFFECT}
        project = project or given.pop("path", None)
        filters, patterns = parted(filters or {})
        if filters:
            both = [f"({part})" for part in (where_of(filters), given.get("where")) if part]
            given["where"] = " and ".join(both)
        if order is not None:
            given["order"] = order_of(order)
        query = _query(RunQuery, project and self.project(project), given, default_limit=500)
        store, most = self.store, given.get("limit")
        found = all_of(store.runs.list_runs, query, most=None if patterns else most)
        kept = (run for run in found if all(wanted(run) for wanted in patterns))
        return Runs(StoredRun(store, run, self._settings) for run in islice(kept, most))

    def run(self, path: str | Sequence[str]) -> StoredRun:
        """One run by its id, which may have a project before it: ``project/id``. Raises NotFoundError."""
        store, last = self.store, path if isinstance(path, str) else path[-1]
        return StoredRun(store, store.runs.get_run(last.rstrip("/").rpartition("/")[2]), self._settings)

    def from_path(self, path: str) -> Any:
        """What stands at ``project``, ``project/RUN``, ``project/runs/RUN``, ``project/sweeps/ID`` or
        ``project/name:alias``: a project, a run, a sweep or an artifact. Raises NotFoundError."""
        parts = path.strip("/").split("/")
        if ":" in parts[-1]:
            return self.artifact(path)
        if len(parts) > 1 and parts[-2] in ("sweep", "sweeps"):
            return self.sweep(path)
        known = self.project(path)
        return self.project(path) if len(parts) == 1 or known in self.projects() else self.run(path)

    def sweep(self, path: str) -> StoredSweep:
        """One sweep by its id, which may have an owner and a project before it: ``entity/project/id``. Raises
        NotFoundError."""
        return sweep_of(self, self.store.sweeps.get_sweep(path.rpartition("/")[2]))

    def sweeps(self, project: str | None = None) -> Records[StoredSweep]:
        """The sweeps of a project (default: all), the newest first."""
        return sweeps_of(self, project and self.project(project))

    def media(self, project: str, medium: MediaReference | str) -> bytes:
        """The bytes of an image, a sound or a file that a span of ``project`` refers to, by reference or digest.

        Raises NotFoundError where they are not there.
        """
        return self.store.blobs.get(project, medium if isinstance(medium, str) else medium.digest)

    def spans(self, project: str | None = None, **filters: Any) -> Records[Span]:
        """All spans that match; ``filters`` are the fields of :class:`weft.records.SpanQuery`.

        ``where`` is an expression of the query language, such as ``'kind == "llm" and duration_s > 2'``; where it is
        wrong, the InputError has the ``column``. ``limit`` is the most that are returned; without it, all.
        """
        query = _query(SpanQuery, project, filters, default_limit=1000)
        return Records(all_of(self.store.spans.list_spans, query, most=filters.get("limit")))

    def traces(self, project: str | None = None, **filters: Any) -> Records[TraceSummary]:
        """All traces that match, as their root and totals; ``filters`` as in :meth:`spans`.

        Times, duration, cost and order are the trace's; the other filters and ``where`` hold for one of its spans.
        """
        query = _query(SpanQuery, project, filters, default_limit=500)
        return Records(all_of(self.store.spans.list_traces, query, most=filters.get("limit")))

    def threads(self, project: str | None = None, **filters: Any) -> Records[ThreadSummary]:
        """All conversations, the one that was last spoken in first; ``filters`` are the fields of
        :class:`weft.records.ThreadQuery`."""
        query = _query(ThreadQuery, project, filters, default_limit=500)
        return Records(all_of(self.store.spans.list_threads, query, most=filters.get("limit")))

    def turns(self, thread_id: str, project: str | None = None) -> Records[Span]:
        """The turns of a conversation in order: its spans whose parent is not in it."""
        spans = self.spans(project, thread_id=thread_id, order="start")
        inside = {(span.trace_id, span.span_id) for span in spans}
        return Records(span for span in spans if (span.trace_id, span.parent_span_id) not in inside)

    def totals(self, project: str | None = None, *, by: Sequence[str] = (), **filters: Any) -> Records[Totals]:
        """Spans, errors, tokens, cost and latencies by group, of the spans that ``filters`` find (as in :meth:`spans`).

        ``by`` is any of day, hour, model, name, kind, user_id, run_id, thread_id, provider, model_version, status;
        without it there is one row over all. ``keys`` of a row says which group it is. Costs are in US dollars,
        latencies in nanoseconds.
        """
        query = _query(SpanQuery, project, filters, 1000)
        return Records(self.store.spans.totals_by(query, [by] if isinstance(by, str) else list(by)))

    def count_spans(self, project: str | None = None, **filters: Any) -> int:
        """How many spans match; ``filters`` as in :meth:`spans`."""
        return self.store.spans.count_spans(_query(SpanQuery, project, filters, default_limit=1))

    def count_traces(self, project: str | None = None, **filters: Any) -> int:
        """How many traces match; ``filters`` as in :meth:`traces`."""
        return self.store.spans.count_traces(_query(SpanQuery, project, filters, default_limit=1))

    def attribute_indexes(self) -> Records[AttributeIndex]:
        """The attributes that spans are found by an index for, by name."""
        return Records(self.store.spans.list_attribute_indexes())

    def index_attribute(self, name: str) -> AttributeIndex:
        """Find spans by an attribute by index, in milliseconds among millions; spans that are stored follow.

        Returns the index that exists where it does. Raises InputError where the name is none, or too many exist.
        """
        return self.store.spans.create_attribute_index(name)

    def drop_attribute_index(self, name: str) -> None:
        """Keep the index of an attribute no more. Raises NotFoundError."""
        self.store.spans.delete_attribute_index(name)

    def delete_spans(
        self, project: str | None = None, *, author: str | None = None, force: bool = False, **filters: Any
    ) -> Deletion:
        """Delete the spans that ``filters`` find (as in :meth:`spans`; ``where="..."``), for good.

        Traces that have a review item, a person's score or lineage are kept unless forced. The audit has ``author``,
        by default this system's user. Raises InputError where nothing but a project is given.
        """
        query = _query(SpanQuery, project, filters, default_limit=1000)
        return self._forgotten(self.store.keeping.delete_spans(query, author=author or user_here(), force=force))

    def _forgotten(self, done: Deletion) -> Deletion:
        """Have nothing of what was deleted stay in this folder's journal."""
        if done.spans:
            drainer.forget(self._settings, done.trace_ids)
        return done

    def set_retention(
        self, project: str, days: float, *, where: str | None = None, author: str | None = None
    ) -> Retention:
        """Delete spans of a project ``days`` after they started, or only those that an expression finds."""
        return self.store.keeping.set_retention(Retention(project, days, where), author=author or user_here())

    def clear_retention(self, project: str, *, where: str | None = None, author: str | None = None) -> None:
        """Keep them for ever. Raises NotFoundError where there is no such policy."""
        self.store.keeping.clear_retention(project, where, author=author or user_here())

    def retentions(self, project: str | None = None) -> Records[Retention]:
        """How long which spans are kept."""
        return Records(self.store.keeping.list_retentions(project))

    def apply_retentions(self, *, author: str | None = None) -> Deletion:
        """Delete now what is older than the policies say; the drainer does it by itself."""
        return self._forgotten(self.store.keeping.apply_retentions(author=author or user_here()))

    def audit(self, project: str | None = None, *, limit: int | None = None) -> Records[AuditEntry]:
        """Who deleted what, the newest first."""
        list_ = self.store.keeping.list_audit
        return Records(islice(pages_of(lambda cursor: list_(project, cursor=cursor)), limit))

    def trace(self, trace_id: str) -> Records[Span]:
        """The spans of one trace. Raises NotFoundError."""
        return Records(self.store.spans.get_trace(trace_id))

    def evaluations(self, project: str | None = None, **filters: Any) -> Records[StoredRun]:
        """All evaluations that match: runs of kind ``eval``."""
        return self.runs(project, **{**filters, "kind": "eval"})

    def scores(self, project: str | None = None, **filters: Any) -> Records[Score]:
        """All scores that match; ``filters`` are the fields of :class:`weft.records.ScoreQuery`."""
        query = _query(ScoreQuery, project, filters, default_limit=1000)
        return Records(all_of(self.store.evaluations.list_scores, query, most=filters.get("limit")))

    def feedback(self, span: Span | tuple[str, str] | str, span_id: str | None = None, author: str = "") -> Feedback:
        """Feedback on a span, given by its record or its ids: to be listed, added to (at once) and taken back.

        ``author`` is who gives it, by default the login name.
        """
        where = ids_of(span, span_id)
        store = self.store
        known = span if isinstance(span, Span) else store.spans.find_span(*where) if where else None
        project = self._settings.project if known is None else known.project
        return Feedback(where, project, Stored(store), author or login())

    def review_queues(self, project: str | None = None) -> Records[ReviewQueue]:
        """The review queues with their counts."""
        return Records(self.store.reviews.list_queues(project))

    def review_items(self, queue: str | ReviewQueue, *, status: str | None = None) -> Records[ReviewItem]:
        """The items of a queue, given by its record or id. Raises NotFoundError."""
        store = self.store
        queue_id = queue.queue_id if isinstance(queue, ReviewQueue) else store.reviews.get_queue(queue).queue_id
        return Records(pages_of(lambda cursor: store.reviews.list_items(queue_id, status=status, cursor=cursor)))

    def review_estimate(
        self, queue: str | ReviewQueue, *, run_id: str | None = None, level: float = 0.95
    ) -> QueueEstimate:
        """The figure of a queue, given by its record or id: by the machine, by people, and corrected. Raises
        NotFoundError."""
        from weft import reviews  # noqa: PLC0415 - brings numpy, which few readers need

        return reviews.estimate(self.store, queue, run_id=run_id, level=level)

    def review_quality(self, queue: str | ReviewQueue, *, level: float = 0.95) -> QueueQuality:
        """Agreement by field, reviewers' time, the judge against people. Raises NotFoundError."""
        from weft import reviews  # noqa: PLC0415 - brings numpy, which few readers need

        return reviews.quality(self.store, queue, level=level)

    def send_to_review(
        self,
        query: str,
        queue: str | ReviewPolicy,
        *,
        project: str | None = None,
        budget: float = 1.0,
        judge: str | None = None,
        limit: int = 10_000,
    ) -> RoutingReport:
        """Send the spans that an expression finds to people, as :func:`weft.send_to_review`, of a project here."""
        from weft import reviews  # noqa: PLC0415 - brings numpy, which few readers need

        policy = reviews.policy_of(queue, budget=budget, judge=judge)
        asked = SpanQuery(project=self.project(project), where=query)
        return reviews.send_spans(self.store, asked, policy, limit)

    def deployments(
        self,
        project: str | None = None,
        *,
        environment: str | None = None,
        name: str | None = None,
        current: bool = True,
    ) -> Records[Deployment]:
        """What serves where in a project (default WEFT_PROJECT), newest first; with ``current=False`` all that did."""
        list_ = self.store.deployments.list_deployments
        home = project or self._settings.project
        return Records(list_(home, environment=environment, name=name, current=current))

    def set_price(
        self,
        model: str,
        input_usd: float,
        output_usd: float,
        *,
        cached_usd: float | None = None,
        project: str | None = None,
        since: datetime | None = None,
        reprice: bool = False,
    ) -> Price:
        """Say what a model costs, in US dollars a token, in a project or in all, always or from a time on.

        It replaces the cost of spans that arrive from now on and began at ``since`` or later; with ``reprice`` also of
        those that are stored. Raises InputError for a price that is negative or not finite, or a ``since`` without a
        time zone.
        """
        if since is not None and since.tzinfo is None:
            raise InputError(f"{since} names no time zone.", remedy="Use datetime(..., tzinfo=UTC).", field="since")
        from_ns = 0 if since is None else round(since.timestamp() * 1e9)
        price = self.store.prices.set_price(Price(model, input_usd, output_usd, project, cached_usd, from_ns))
        if reprice:
            self.store.prices.reprice(model, project=project)
        return price

    def prices(self, project: str | None = None) -> Records[Price]:
        """Prices of one's own: every one, or those that a project sees."""
        return Records(self.store.prices.list_prices(project))

    def prompts(self, project: str | None = None) -> Records[ArtifactVersion]:
        """The newest version of each prompt of a project (default WEFT_PROJECT)."""
        return self.artifacts(project, type="prompt")

    def prompt(self, ref: str, project: str | None = None) -> Prompt:
        """The prompt ``name``, ``name:alias`` or ``name:v3``. Raises NotFoundError."""
        from weft.objects import Prompt  # noqa: PLC0415 - brings pydantic, which few readers need

        return Prompt.of(self.store.artifacts.get_version(self.project(project), ref))

    def ops(self, project: str | None = None) -> Records[ArtifactVersion]:
        """The newest version of each op's code."""
        return self.artifacts(project, type="op")

    def versions(self, name: str, project: str | None = None) -> Records[ArtifactVersion]:
        """All versions of an artifact, the first one first; empty where there is none."""
        return Records(self.store.artifacts.list_versions(self.project(project), name))

    def op_versions(self, name: str, project: str | None = None) -> Records[ArtifactVersion]:
        """All versions of an op's code; ``metadata`` holds ``source`` and ``dependencies``."""
        return self.versions(artifact_name(name), project)

    def diff(self, name: str, old: int | str, new: int | str, project: str | None = None) -> str:
        """What changed between two versions or aliases of a prompt, an op or another artifact, as a unified diff.

        Raises NotFoundError.
        """
        store, where = self.store.artifacts, self.project(project)
        if not store.list_versions(where, name) and store.list_versions(where, artifact_name(name)):
            name = artifact_name(name)
        from weft.objects import unified  # noqa: PLC0415 - brings pydantic, which few readers need

        return unified(store.get_version(where, f"{name}:{old}"), store.get_version(where, f"{name}:{new}"))

    def lineage(self, name: str, project: str | None = None, kind: str = "artifact") -> LineageGraph:
        """All that leads to and from an artifact version (``name:v3``), a run, a span or another kind of node."""
        try:
            node = NodeKind(kind)
        except ValueError:
            known = ", ".join(NodeKind)
            raise InputError(f"There is no node kind {kind!r}.", remedy=f"Use one of {known}.", field="kind") from None
        return self.store.artifacts.lineage(self.project(project), node, name)


def _query(cls: type[Q], project: str | None, filters: dict[str, Any], default_limit: int) -> Q:
    known = {item.name for item in fields(cls)} - {"cursor"}
    for name in filters:
        if name not in known:
            raise InputError(f"There is no filter {name!r}.", remedy=f"Use {', '.join(sorted(known))}.", field=name)
    most = filters.get("limit")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise InputError(f"The limit is {most!r}.", remedy="Use a positive number.", field="limit")
    if (wanted := filters.get("attributes")) is not None and not isinstance(wanted, Mapping):
        raise InputError(
            f"The filter attributes is {wanted!r}, not a dict.",
            remedy="Use attributes={'team': 'a'}.",
            field="attributes",
        )
    limit = default_limit if most is None else min(most, default_limit)
    return cls(**{**filters, "project": project and ids.as_project(project), "limit": limit})
