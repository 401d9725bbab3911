"""What people say of a span: thumbs, notes and scores, as human scores through the journal."""

from __future__ import annotations

import getpass
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from weft import clock, digests, ids, recording
from weft.errors import InputError
from weft.otlp import names
from weft.records import Score, ScoreQuery, ScoreSource
from weft.repositories import Store
from weft.tracing import context

MARK = "feedback"  # the key of a score's metadata that tells feedback from the labels of a review queue
THUMBS, NOTE, REACTION = "thumbs", "note", "reaction"


class HasIds(Protocol):
    """A span, a call, a sample or a score: whatever knows its trace and span."""

    @property
    def trace_id(self) -> str | None:
        """32 hex digits; None where nothing is recorded."""
        ...

    @property
    def span_id(self) -> str | None:
        """16 hex digits; None where nothing is recorded."""
        ...


class Place(Protocol):
    """Where feedback is kept."""

    def add(self, score: Score) -> None:
        """Keep a score."""
        ...

    @property
    def store(self) -> Store:
        """The store with all that was kept so far."""
        ...


class Feedback:
    """Feedback on one span; what its methods return is what was recorded.

    Of a span that is not recorded (no session, sampled out) nothing is, and the methods return None.
    """

    def __init__(self, ids: tuple[str, str] | None, project: str, place: Place | None, author: str) -> None:
        self._ids = ids
        self._project = project
        self._place = place
        self.author = author

    def thumbs_up(self, note: str | None = None) -> Score | None:
        """It was good; ``note`` says why."""
        return self._add(THUMBS, value=1.0, label="up", explanation=note)

    def thumbs_down(self, note: str | None = None) -> Score | None:
        """It was not good; ``note`` says why."""
        return self._add(THUMBS, value=0.0, label="down", explanation=note)

    def note(self, text: str) -> Score | None:
        """A remark. Raises InputError where it is empty."""
        return self._add(NOTE, explanation=_text(text, "note"))

    def reaction(self, emoji: str) -> Score | None:
        """One sign, such as an emoji. Raises InputError where it is empty."""
        return self._add(REACTION, label=_text(emoji, "reaction"))

    def score(
        self,
        name: str,
        value: float | None = None,
        *,
        label: str | None = None,
        note: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Score | None:
        """A score of one's own: a finite ``value``, a ``label``, or both. Raises InputError for anything else."""
        if value is None and label is None:
            raise InputError(f"The score {name!r} has neither value nor label.", remedy="Give one.", field="value")
        return self._add(name, value=value, label=label, explanation=note, metadata=metadata)

    # The names that users of Weave know.
    add_note = note
    add_reaction = reaction

    def add(self, feedback_type: str, payload: Mapping[str, Any] | None = None, **more: Any) -> Score | None:
        """Structured feedback: its first number becomes the score's value, its first text the label, all of it the
        metadata."""
        told = {**(payload or {}), **more}
        number = next((float(v) for v in told.values() if isinstance(v, bool | int | float)), None)
        text = next((v for v in told.values() if isinstance(v, str)), None)
        return self._add(feedback_type, value=number, label=text, metadata=told)

    def list(self) -> list[Score]:
        """All feedback on the span, the earliest first, whoever gave it."""
        if self._ids is None or self._place is None:
            return []
        return listed(self._place.store, *self._ids)

    def delete(self, score: Score | str) -> None:
        """Take back a piece of feedback that :attr:`author` gave. Raises NotFoundError, ConflictError for another's."""
        if self._ids is not None and self._place is not None:
            score_id = score if isinstance(score, str) else score.score_id
            self._place.store.evaluations.delete_score(score_id, author=self.author)

    purge = delete

    def __iter__(self) -> Iterator[Score]:
        return iter(self.list())

    def _add(
        self,
        name: str,
        *,
        value: float | None = None,
        label: str | None = None,
        explanation: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Score | None:
        score = make(self._ids, self._project, self.author, name, value, label, explanation, metadata)
        if score is not None and self._place is not None:
            self._place.add(score)
        return score


# One row of the table of scores; a record of options would be the Score itself.
def make(
    ids_of: tuple[str, str] | None,
    project: str,
    author: str,
    name: str,
    value: float | None = None,
    label: str | None = None,
    explanation: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Score | None:
    """A piece of feedback as a score; None without ids.

    A person has one value of a score on a span, the last one; notes and reactions add up. Raises InputError naming the
    field that is wrong.
    """
    if not isinstance(name, str) or not 0 < len(name) <= 256:
        raise InputError(f"Feedback cannot be named {name!r}.", remedy="Use 1 to 256 characters.", field="name")
    if value is not None and not _is_finite(value):
        raise InputError(f"The value of {name!r} is {value!r}, not a finite number.", field="value")
    if ids_of is None:
        return None
    adds_up = name in (NOTE, REACTION) or (value is None and label is None)
    return Score(
        score_id=ids.new_id() if adds_up else digests.of_json([*ids_of, name, author])[:32],
        project=project,
        name=name,
        time_ns=clock.now_ns(),
        source=ScoreSource.HUMAN,
        value=None if value is None else float(value),
        label=label,
        explanation=explanation,
        author=author,
        trace_id=ids_of[0],
        span_id=ids_of[1],
        metadata={**(metadata or {}), MARK: True},
    )


def listed(store: Store, trace_id: str, span_id: str) -> list[Score]:
    """All feedback on a span, the earliest first."""
    query = ScoreQuery(trace_id=trace_id, span_id=span_id, source=ScoreSource.HUMAN.value)
    return [score for score in store.evaluations.list_scores(query).items if score.metadata.get(MARK)]


def feedback(
    span: HasIds | tuple[str, str] | str, span_id: str | None = None, *, author: str | None = None
) -> Feedback:
    """Feedback on a span: ``weft.feedback(weft.get_current_span()).thumbs_up()``, also after it has ended.

    ``span`` is a span, a call, a sample or a span from ``weft.Api``; or its ids, which another process may have sent:
    ``feedback(trace_id, span_id)`` or ``feedback("trace:span")``. ``author`` is who says it: by default the user of
    :func:`weft.user` or :func:`weft.thread`, else the login name. What was given survives the death of the process.
    Raises WeftError without ``weft.init`` where ids are given, InputError for what is no span.
    """
    where = ids_of(span, span_id)
    recorder = recording.active if where is None else recording.require("weft.feedback")
    who = author or (context.around() or {}).get(names.WEFT_USER_ID) or login()
    if recorder is None:
        return Feedback(None, "", None, str(who))
    return Feedback(where, recorder.project, _Recorded(recorder), str(who))


def ids_of(span: Any, span_id: str | None = None) -> tuple[str, str] | None:
    """Trace and span id of what :func:`feedback` was given; None for a span that is not recorded."""
    given: Any = span
    if isinstance(span, str):
        given = (span, span_id) if span_id is not None else tuple(span.split(":"))
    if isinstance(given, tuple) and len(given) == 2:
        trace_id, found = given
    elif hasattr(given, "trace_id") and hasattr(given, "span_id"):
        trace_id, found = given.trace_id, given.span_id
        if trace_id is None or found is None:
            return None
    else:
        raise InputError(f"{span!r} is no span.", remedy="Give a span, a call, or trace_id and span_id.", field="span")
    if not (isinstance(trace_id, str) and ids.is_trace_id(trace_id)):
        raise InputError(f"The trace id {trace_id!r} is not 32 lowercase hex digits.", field="trace_id")
    if not (isinstance(found, str) and ids.is_span_id(found)):
        raise InputError(f"The span id {found!r} is not 16 lowercase hex digits.", field="span_id")
    return trace_id, found


def login() -> str:
    """The name of who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in the system's table, as in a container
        return "anonymous"


class _Recorded:
    """Feedback of this process goes through its journal."""

    def __init__(self, recorder: recording.Recorder) -> None:
        self._recorder = recorder
        self.add: Callable[[Score], None] = recorder.record

    @property
    def store(self) -> Store:
        """The store, once what was recorded is in it."""
        return self._recorder.caught_up()


class Stored:
    """Feedback of a reader goes to the store at once."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, score: Score) -> None:
        """Store a score."""
        self.store.evaluations.add_scores([score])


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _text(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"The {what} is {text!r}; it needs words.", field=what)
    return text
