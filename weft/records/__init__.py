"""Frozen record types that every room shares; no input or output happens here."""

from weft.records.artifacts import ArtifactFile, ArtifactVersion, Example, LineageEdge, LineageGraph, NodeKind
from weft.records.codec import Batch, Entry, RecordType, decode, dumps, encode, loads
from weft.records.evals import Sample, SampleStatus, Score, ScoreSource
from weft.records.keeping import AuditEntry, Deletion, Retention
from weft.records.media import Media, MediaReference, find_media
from weft.records.people import Credential, CredentialKind, Identity, Person, Role
from weft.records.queries import AttributeIndex, Page, RunQuery, ScoreQuery, SpanQuery, Totals
from weft.records.reviews import (
    ItemStatus,
    LabelQuery,
    QueueHome,
    ReviewClaim,
    ReviewComment,
    Reviewed,
    ReviewItem,
    ReviewLabel,
    ReviewQueue,
    ReviewTarget,
    RubricVersion,
)
from weft.records.runs import ConsoleLines, Metrics, Run, RunKind, RunStatus, RunUpdate, Series, SeriesSummary, Writer
from weft.records.serving import Deployment, Price
from weft.records.spans import Failure, Span, SpanStatus, TraceSummary
from weft.records.threads import ThreadQuery, ThreadSummary

__all__ = [
    "ArtifactFile",
    "ArtifactVersion",
    "AttributeIndex",
    "AuditEntry",
    "Batch",
    "ConsoleLines",
    "Credential",
    "CredentialKind",
    "Deletion",
    "Deployment",
    "Entry",
    "Example",
    "Failure",
    "Identity",
    "ItemStatus",
    "LabelQuery",
    "LineageEdge",
    "LineageGraph",
    "Media",
    "MediaReference",
    "Metrics",
    "NodeKind",
    "Page",
    "Person",
    "Price",
    "QueueHome",
    "RecordType",
    "Retention",
    "ReviewClaim",
    "ReviewComment",
    "ReviewItem",
    "ReviewLabel",
    "ReviewQueue",
    "ReviewTarget",
    "Reviewed",
    "Role",
    "RubricVersion",
    "Run",
    "RunKind",
    "RunQuery",
    "RunStatus",
    "RunUpdate",
    "Sample",
    "SampleStatus",
    "Score",
    "ScoreQuery",
    "ScoreSource",
    "Series",
    "SeriesSummary",
    "Span",
    "SpanQuery",
    "SpanStatus",
    "ThreadQuery",
    "ThreadSummary",
    "Totals",
    "TraceSummary",
    "Writer",
    "decode",
    "dumps",
    "encode",
    "find_media",
    "loads",
]
