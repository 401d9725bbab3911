"""The store's contract: one repository an aggregate. SQL stores, the in-memory store and the HTTP client keep it.

Promises, tested by ``weft.testing.contract`` on every store:

- Every method may be called from any thread; records given and returned are the caller's to keep.
- ``get_`` raises NotFoundError, ``find_`` returns None, ``list_`` is paged and ordered.
- A decision (claim, label, alias, new version) is one transaction: it happens whole or raises.
- ``ingest`` is exactly once for each (writer, segment, offset), in one transaction with its progress.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from weft.records import (
    AttributeIndex,
    AuditEntry,
    Batch,
    Credential,
    CredentialKind,
    Deletion,
    Deployment,
    Identity,
    Page,
    Person,
    Price,
    Retention,
    Role,
    Sample,
    Score,
    ScoreQuery,
    Span,
    SpanQuery,
    ThreadQuery,
    ThreadSummary,
    Totals,
    TraceSummary,
)
from weft.records.outline import Outline
from weft.records.reports import IngestReport, Rejected
from weft.repositories.artifacts import Artifacts, Blobs
from weft.repositories.histories import Alerts, Histories
from weft.repositories.logged import LoggedStore
from weft.repositories.registry import Registry
from weft.repositories.reviews import Reviews
from weft.repositories.runs import Runs, SeriesStore
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
