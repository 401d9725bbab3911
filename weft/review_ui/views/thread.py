"""One thread: what was said, turn by turn?"""

from __future__ import annotations

from weft import formatting as fmt
from weft.errors import NotFoundError
from weft.records import SpanQuery
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import conversation


def page() -> None:
    """The turns of a conversation in order."""
    thread = ui.parameter("id")
    if not thread:
        ui.empty(
            "No thread is named in this address.",
            'import weft\nfor trace in weft.Api().traces("my-project"):\n    print(trace.root.thread_id)',
        )
        return
    (total,) = data.store().spans.totals_by(SpanQuery(project=data.project(), thread_id=thread), ())
    if not total.spans:
        raise NotFoundError(f"There is no thread {thread!r} in project {data.project()}.", field="thread_id")
    ui.head("Thread", "", thread)
    ui.facts(
        {
            "Spans": fmt.count(total.spans),
            "Errors": fmt.count(total.errors),
            "Tokens": None
            if total.input_tokens is None
            else f"{fmt.count(total.input_tokens)} in, {fmt.count(total.output_tokens)} out",
            "Cost": None if total.cost_usd is None else fmt.usd(total.cost_usd),
        }
    )
    conversation(data.project(), thread)
    ui.keys({}, back=address("/traces", project=data.project()), line=False)
