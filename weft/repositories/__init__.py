"""The store's contract: one repository an aggregate. SQL stores, the in-memory store and the HTTP client keep it.

Promises, tested by ``weft.testing.contract`` on every store:

- Every method may be called from any thread; records given and returned are the caller's to keep.
- ``get_`` raises NotFoundError, ``find_`` returns None, ``list_`` is paged and ordered.
- A decision (claim, label, alias, new version) is one transaction: it happens whole or raises.
- ``ingest`` is exactly once for each (writer, segment, offset), in one transaction with its progress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from weft.records import (
    AttributeIndex,
    AuditEntry,
    Batch,
    Credential,
    CredentialKind,
    Curves,
    Deletion,
    Deployment,
    Identity,
    LabelQuery,
    Page,
    Person,
    Price,
    QueueHome,
    Retention,
    ReviewClaim,
    ReviewComment,
    Reviewed,
    ReviewItem,
    ReviewLabel,
    ReviewQueue,
    Role,
    RubricVersion,
    Run,
    RunGroup,
    RunQuery,
    Sample,
    Score,
    ScoreQuery,
    Series,
    SeriesName,
    SeriesSummary,
    Span,
    SpanQuery,
    ThreadQuery,
    ThreadSummary,
    Totals,
    TraceSummary,
)
from weft.records.console import ConsolePage, ConsoleQuery
from weft.records.outline import Outline
from weft.records.reports import IngestReport, Rejected
from weft.repositories.artifacts import Artifacts, Blobs
from weft.repositories.histories import Alerts, Histories
from weft.repositories.logged import LoggedStore
from weft.repositories.registry import Registry
from weft.repositories.sweeps import Sweeps
from weft.repositories.views import Views

__all__ = [
    "Alerts",
    "Artifacts",
    "Batch",
    "Blobs",
    "Deployments",
    "Evaluations",
    "Histories",
    "IngestReport",
    "Keeping",
    "LoggedStore",
    "People",
    "Prices",
    "Registry",
    "Rejected",
    "Reviews",
    "Runs",
    "SeriesStore",
    "Spans",
    "Store",
    "Sweeps",
    "Views",
]


RETIRED = 2**62  # the progress of a segment that is stored and gone: behind every offset


class Runs(Protocol):
    """Runs of every kind."""

    def get_run(self, run_id: str) -> Run: ...
    def find_run(self, run_id: str) -> Run | None: ...
    def list_runs(self, query: RunQuery) -> Page[Run]: ...
    def count_runs(self, query: RunQuery) -> int: ...
    def group_runs(self, query: RunQuery, by: Sequence[str], metrics: Sequence[str] = ()) -> list[RunGroup]:
        """The runs that match by the values of some fields (``config.optimizer``, ``status``), the largest group first,
        10,000 at most, with figures of others (``summary.loss``); without ``by`` all are one group. Raises InputError
        for a field that runs do not have."""
        ...

    def change_run(
        self,
        run_id: str,
        *,
        name: str | None = None,
        notes: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> Run:
        """Set what is not None; config and summary merge by key. A decision: what the run told before does not undo
        it. Raises NotFoundError, and InputError for a value that cannot be stored."""
        ...

    def list_projects(self) -> list[str]: ...
    def console(self, run_id: str, *, first: int = 0, limit: int = 1000) -> list[str]: ...
    def read_console(self, query: ConsoleQuery) -> ConsolePage:
        """A page of what a run printed, in the order of its time, with source and stream of each line, searched and
        filtered. Raises InputError for a limit that is none."""
        ...

    def delete_run(self, run_id: str) -> None: ...


class SeriesStore(Protocol):
    """Metrics of runs."""

    def list_series(self, run_id: str, *, text: str | None = None) -> list[SeriesSummary]: ...
    def read_series(self, run_id: str, name: str, *, source: str | None = None) -> list[Series]: ...
    def read_curves(
        self,
        run_ids: Sequence[str],
        names: Sequence[str],
        *,
        x: str = "step",
        buckets: int = 500,
        first: float | None = None,
        last: float | None = None,
        since: str | None = None,
    ) -> Curves:
        """Series for a chart: at most ``buckets`` buckets each, of consecutive steps, exact, one a point where the
        points are no more than that.

        ``x``: ``step``, ``time`` (seconds since the epoch), ``relative`` (seconds since the run began), or a metric:
        its latest value at or before the step, of the same source or else of the source "". ``first`` and ``last``
        bound x, both inclusive. ``since``, the ``newest`` of another answer, keeps the series that got points after
        it, each whole. Raises InputError for a number of buckets outside 1 to 100,000, or a ``since`` of no answer.
        """
        ...

    def list_names(
        self,
        *,
        project: str | None = None,
        run_ids: Sequence[str] | None = None,
        text: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[SeriesName]:
        """Names of metrics of a project, or of some runs, with how many runs have each. Raises InputError where
        neither is given."""
        ...


class Spans(Protocol):
    """Spans and traces."""

    def find_span(self, trace_id: str, span_id: str) -> Span | None: ...
    def get_trace(self, trace_id: str, *, contents: bool = True) -> list[Span]:
        """All spans of a trace by start. Raises NotFoundError. Without ``contents``, which is much quicker, the input,
        output, attributes, events, links and resource of each are empty."""
        ...

    def get_outline(self, trace_id: str, *, verdicts: bool = True) -> Outline:
        """A trace as a tree: its spans in the order of a depth-first walk, figures rolled up. Without ``verdicts``
        what judges is left out, with all below it. Raises NotFoundError, also where nothing is left."""
        ...

    def list_spans(self, query: SpanQuery) -> Page[Span]: ...
    def list_traces(self, query: SpanQuery) -> Page[TraceSummary]: ...
    def count_spans(self, query: SpanQuery) -> int: ...
    def count_traces(self, query: SpanQuery) -> int: ...
    def totals(self, query: SpanQuery) -> dict[str, Any]:
        """The fields of :class:`Totals` over all spans that match, without its keys."""
        ...

    def totals_by(self, query: SpanQuery, by: Sequence[str]) -> list[Totals]:
        """Totals of the spans that match, a group for each combination of ``by``, sorted by their keys.

        ``by``: any of ``day``, ``hour`` (UTC: ``2026-11-21``, ``2026-11-21T13``), ``model``, ``name``, ``kind``,
        ``user_id``, ``run_id``, ``thread_id``, ``provider``, ``model_version``, ``status``. None of them is one
        group, also where nothing matches. Raises InputError where there is no such key.
        """
        ...

    def list_threads(self, query: ThreadQuery) -> Page[ThreadSummary]:
        """Conversations that match, the one that was last spoken in first."""
        ...

    def create_attribute_index(self, name: str) -> AttributeIndex:
        """Find spans by an attribute as quickly as by a column from now on; one that exists is returned. A decision.

        Raises InputError where the name is none, or 64 are indexed already.
        """
        ...

    def delete_attribute_index(self, name: str) -> None: ...
    def list_attribute_indexes(self) -> list[AttributeIndex]: ...


class Evaluations(Protocol):
    """Samples of evaluation runs, and scores of samples and spans."""

    def list_samples(self, run_id: str, *, limit: int = 1000, cursor: str | None = None) -> Page[Sample]: ...
    def find_sample(self, run_id: str, example_id: str, repetition: int) -> Sample | None: ...
    def list_scores(self, query: ScoreQuery) -> Page[Score]: ...
    def add_scores(self, scores: Sequence[Score]) -> None:
        """Store scores at once, such as feedback from a page; of two of one id the later stays. Raises InputError."""
        ...

    def delete_score(self, score_id: str, *, author: str | None = None) -> None:
        """Delete a piece of feedback; with ``author``, only if it is theirs.

        Raises NotFoundError, and ConflictError for another's feedback and for scores that are no feedback.
        """
        ...


class Reviews(Protocol):
    """Review queues: every method is one transaction. Claims in one queue take turns; no slot goes to two.

    Raises NotFoundError for what is not there, InputError for answers that the rubric does not allow, ConflictError
    for a claim that is another's.
    """

    def create_queue(self, queue: ReviewQueue) -> ReviewQueue:
        """Create a queue; one of the same project and name returns the one that exists, as it is."""
        ...

    def change_queue(self, queue: ReviewQueue, *, author: str | None = None) -> ReviewQueue:
        """Set what is asked, the policy and all settings; a rubric that differs becomes a new version. Labels and
        items that exist stay as they are."""
        ...

    def get_queue(self, queue_id: str) -> ReviewQueue: ...
    def find_queue(self, project: str, name: str) -> ReviewQueue | None: ...
    def list_queues(self, project: str | None = None) -> list[ReviewQueue]: ...
    def list_rubrics(self, queue_id: str) -> list[RubricVersion]: ...
    def add_items(self, items: Sequence[ReviewItem]) -> int:
        """Add items, held ones too; items that exist are left as they are. Returns how many are new."""
        ...

    def raise_p(self, queue_id: str, p: Mapping[str, float]) -> int:
        """Raise the probabilities of items (by id) for a reason not learned from labels, their numbers U staying: held
        ones below the new p are sent. A lower p is passed over. Returns how many were sent."""
        ...

    def get_item(self, item_id: str) -> ReviewItem: ...
    def list_items(
        self,
        queue_id: str,
        *,
        status: str | None = None,
        flagged: bool = False,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[ReviewItem]:
        """Items in the order in which they are served, of a status or only those with a flag."""
        ...

    def assign(
        self,
        queue_id: str,
        reviewers: Sequence[str],
        *,
        item_ids: Sequence[str] | None = None,
        share: float | None = None,
    ) -> int:
        """These items, or a share in (0, 1] of the open ones taken from those that are assigned to nobody, go to these
        reviewers only; to everyone again without reviewers. Returns how many items."""
        ...

    def claim(self, queue_id: str, reviewer: str, *, lease_s: float | None = None, ahead: int = 0) -> list[ReviewItem]:
        """The case at hand and up to ``ahead`` more reserved behind it, without verdict, labels or reason; none where
        nothing is left. One's own live claims come first (their leases begin again), then items sent by hand, then
        those in the order of u / p that this reviewer has neither labelled nor skipped."""
        ...

    def find_claim(self, item_id: str, reviewer: str) -> ReviewClaim | None:
        """The claim by which somebody holds an item, also after its lease where no other has taken the slot."""
        ...

    def renew(self, claim_id: str, reviewer: str, *, lease_s: float | None = None) -> ReviewClaim:
        """A heartbeat: the lease begins again. ConflictError where the slot has gone to another."""
        ...

    def release(self, claim_id: str, reviewer: str) -> None:
        """Give the slot back; the item may come again."""
        ...

    def skip(self, claim_id: str, reviewer: str, *, reason: str | None = None) -> None:
        """Give the slot back for good; the item goes to another reviewer."""
        ...

    def submit(
        self,
        claim_id: str,
        reviewer: str,
        answers: Mapping[str, Any],
        *,
        comment: str | None = None,
        simulated: bool = False,
    ) -> Reviewed:
        """Label what was claimed. A complete item becomes a human score a field in the same transaction. The same
        claim again is the same answer; a label whose slot has gone to another is kept, not counted."""
        ...

    def edit(self, claim_id: str, reviewer: str, answers: Mapping[str, Any], *, comment: str | None = None) -> Reviewed:
        """A new version of one's own label, against the rubric as it is now; the older versions are kept."""
        ...

    def undo(self, queue_id: str, reviewer: str) -> ReviewItem:
        """Take one's own newest label back and claim its item again; ConflictError where there is none or the dispute
        that it began is settled."""
        ...

    def requeue(self, item_id: str, author: str, *, reason: str | None = None) -> ReviewItem:
        """Ask again: labels so far are kept and count no more, skips are forgotten."""
        ...

    def list_labels(self, query: LabelQuery) -> Page[ReviewLabel]:
        """Labels, every version, by the time they were submitted."""
        ...

    def see(self, item_id: str, reviewer: str) -> Reviewed:
        """An item as this person may see it."""
        ...

    def add_comment(self, item_id: str, author: str, text: str) -> ReviewComment: ...
    def list_comments(self, item_id: str) -> list[ReviewComment]: ...
    def flag(self, item_id: str, author: str, reason: str | None) -> ReviewItem:
        """Mark an item for those who run the queue; with None the flag is lifted."""
        ...

    def home(self, reviewer: str, *, project: str | None = None, since_ns: int = 0) -> list[QueueHome]:
        """Every queue as this reviewer finds it, by project and name."""
        ...


class Deployments(Protocol):
    """What serves where."""

    def start(self, deployment: Deployment) -> Deployment:
        """Record that a version serves in an environment from now on; the one of the same artifact there ends.

        ``ref`` may be any reference and becomes ``name:v3``. What serves there already is returned as it is. Raises
        NotFoundError for an unknown reference.
        """
        ...

    def end(self, deployment_id: str) -> Deployment:
        """Record that it serves no more. Raises NotFoundError."""
        ...

    def list_deployments(
        self, project: str, *, environment: str | None = None, name: str | None = None, current: bool = True
    ) -> list[Deployment]:
        """Deployments of an environment, an artifact, or all, newest first: those that serve now, or every one."""
        ...


class Prices(Protocol):
    """Prices of one's own."""

    def set_price(self, price: Price) -> Price:
        """Store a price; one of the same project, model and time is replaced."""
        ...

    def delete_price(self, price: Price) -> None:
        """Forget a price. Raises NotFoundError."""
        ...

    def reprice(self, model: str, *, project: str | None = None) -> int:
        """Apply the prices that are set to the spans of a model that are stored already; returns how many changed."""
        ...

    def list_prices(self, project: str | None = None) -> list[Price]:
        """Every price, or those that a project sees, by model and time."""
        ...


class Keeping(Protocol):
    """How long what is kept, and who deleted what."""

    def delete_spans(self, wanted: SpanQuery, *, author: str, force: bool = False) -> Deletion:
        """Delete the spans that a query finds, with their scores and what only they needed; the audit tells of it.

        Those of traces that have a review item, a person's score or lineage are kept unless forced. What was deleted
        stays away, also when it is sent again within 30 days. Raises InputError for a query without any filter.
        """
        ...

    def set_retention(self, policy: Retention, *, author: str) -> Retention: ...
    def clear_retention(self, project: str, where: str | None = None, *, author: str) -> None:
        """Forget a policy. Raises NotFoundError."""
        ...

    def list_retentions(self, project: str | None = None) -> list[Retention]: ...
    def apply_retentions(self, *, author: str, limit_s: float | None = None) -> Deletion:
        """Delete what is older than the policies say, in small pieces, for at most ``limit_s``."""
        ...

    def list_audit(
        self, project: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[AuditEntry]:
        """Who deleted what, the newest first."""
        ...


class People(Protocol):
    """Who may sign in, and what proves who somebody is. Tokens never reach the store, only their digests."""

    def add_person(self, person: Person) -> Person:
        """Raises ConflictError where there is somebody of that name, InputError for a name that cannot be one."""
        ...

    def set_role(self, name: str, role: Role) -> Person:
        """Raises NotFoundError."""
        ...

    def remove_person(self, name: str) -> None:
        """Forget somebody with all their links, sessions and keys; what they wrote stays. Raises NotFoundError."""
        ...

    def list_people(self) -> list[Person]:
        """Everybody, by name."""
        ...

    def add_credential(self, credential: Credential) -> Credential:
        """Keep what proves who somebody is. Raises NotFoundError for an unknown person."""
        ...

    def list_credentials(self, kind: CredentialKind, *, person: str | None = None) -> list[Credential]:
        """Those that have not expired, the newest first."""
        ...

    def identify(self, kind: CredentialKind, digest: str) -> Identity | None:
        """Whose token it is; None where there is none, or it has expired."""
        ...

    def redeem(self, link: str, session: Credential) -> Person:
        """Exchange a link (its digest) for a session, once. Raises NotFoundError where it was used or has expired."""
        ...

    def delete_credential(self, digest: str) -> None:
        """End a session, revoke a key, take a link back; by its digest or its id. Raises NotFoundError."""
        ...


class Store(Protocol):
    """The one run and trace database."""

    @property
    def runs(self) -> Runs: ...
    @property
    def series(self) -> SeriesStore: ...
    @property
    def logged(self) -> LoggedStore: ...
    @property
    def spans(self) -> Spans: ...
    @property
    def evaluations(self) -> Evaluations: ...
    @property
    def artifacts(self) -> Artifacts: ...
    @property
    def reviews(self) -> Reviews: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def deployments(self) -> Deployments: ...
    @property
    def prices(self) -> Prices: ...
    @property
    def keeping(self) -> Keeping: ...
    @property
    def people(self) -> People: ...
    @property
    def histories(self) -> Histories: ...
    @property
    def alerts(self) -> Alerts: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def views(self) -> Views: ...
    @property
    def sweeps(self) -> Sweeps: ...

    def ingest(self, batch: Batch) -> IngestReport:
        """Store a batch and its progress in one transaction; what is already stored is skipped."""
        ...

    def progress(self, writer: str, segment: int) -> int:
        """The offset up to which a segment is stored; 0 where nothing is, :data:`RETIRED` where it is gone."""
        ...

    def integrity(self) -> list[str]:
        """What is wrong with the database, a line each; empty where it is sound."""
        ...

    def close(self) -> None: ...
