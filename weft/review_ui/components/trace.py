"""The components of traces: a tree with its chosen span, a conversation. They read from the API by themselves."""

from __future__ import annotations

from weft.review_ui.components.assets import renderer

SHARED = ("values", "media", "chat", "diff", "actions", "span")


def viewer(trace_id: str, *, blind: bool) -> None:
    """Show a trace; ``blind`` leaves out what judges, scores and whatever would change the trace's standing.

    Nothing here depends on which span is chosen: that stands in the address, which the component reads and writes.
    """
    renderer("trace", *SHARED, "outline")(key=f"trace-{trace_id}", data={"trace": trace_id, "blind": blind})


def conversation(project: str, thread_id: str) -> None:
    """Show the turns of a thread in order, each as chat."""
    renderer("thread", *SHARED)(key=f"thread-{thread_id}", data={"project": project, "thread": thread_id})
