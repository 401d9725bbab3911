"""Short codes for the names of attributes that most spans have: their names are half of what ``facets`` would take.

A code is ``~`` and one or two characters. It stands for its name in every database: another one takes a migration that
writes it into the spans which are there. A name that begins with ``~`` itself is written with one more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from weft.records import dumps, loads

_MARK = "~"
_CODES = {
    "gen_ai.operation.name": "~o",
    "gen_ai.provider.name": "~p",
    "gen_ai.system": "~y",
    "gen_ai.conversation.id": "~c",
    "gen_ai.output.type": "~ot",
    "gen_ai.agent.name": "~an",
    "gen_ai.agent.id": "~ai",
    "gen_ai.tool.name": "~tn",
    "gen_ai.tool.type": "~tt",
    "gen_ai.tool.call.id": "~ti",
    "gen_ai.request.model": "~m",
    "gen_ai.request.temperature": "~t",
    "gen_ai.request.max_tokens": "~x",
    "gen_ai.request.top_p": "~rp",
    "gen_ai.request.top_k": "~rk",
    "gen_ai.request.seed": "~rs",
    "gen_ai.request.stream": "~rt",
    "gen_ai.request.choice.count": "~rc",
    "gen_ai.request.stop_sequences": "~re",
    "gen_ai.request.frequency_penalty": "~rf",
    "gen_ai.request.presence_penalty": "~rr",
    "gen_ai.request.encoding_formats": "~rn",
    "gen_ai.response.id": "~i",
    "gen_ai.response.model": "~n",
    "gen_ai.response.finish_reasons": "~f",
    "gen_ai.response.time_to_first_chunk": "~fc",
    "gen_ai.usage.input_tokens": "~a",
    "gen_ai.usage.output_tokens": "~b",
    "gen_ai.usage.prompt_tokens": "~up",
    "gen_ai.usage.completion_tokens": "~uc",
    "gen_ai.usage.cache_read.input_tokens": "~d",
    "gen_ai.usage.cache_creation.input_tokens": "~e",
    "gen_ai.usage.reasoning.output_tokens": "~r",
    "openinference.span.kind": "~k",
    "llm.model_name": "~lm",
    "llm.provider": "~lp",
    "llm.system": "~ls",
    "llm.invocation_parameters": "~li",
    "llm.request.type": "~lr",
    "llm.token_count.prompt": "~lt",
    "llm.token_count.completion": "~lc",
    "llm.token_count.total": "~la",
    "llm.token_count.prompt_details.cache_read": "~ld",
    "llm.token_count.completion_details.reasoning": "~le",
    "llm.usage.total_tokens": "~lu",
    "traceloop.span.kind": "~ts",
    "traceloop.entity.name": "~te",
    "traceloop.workflow.name": "~tw",
    "input.value": "~iv",
    "input.mime_type": "~im",
    "output.value": "~ov",
    "output.mime_type": "~om",
    "session.id": "~s",
    "user.id": "~u",
    "server.address": "~sa",
    "server.port": "~sp",
    "error.type": "~et",
    "http.request.method": "~hm",
    "http.response.status_code": "~hs",
    "http.route": "~hr",
    "url.full": "~hu",
    "weft.cost_usd": "~w",
    "weft.run.id": "~wr",
    "weft.kind": "~wk",
    "weft.op.digest": "~wo",
    "weft.tags": "~wt",
    "weft.prompt": "~wp",
    "weft.model.version": "~wm",
    "weft.thread.id": "~wi",
    "weft.user.id": "~wu",
    "weft.display_name": "~wd",
}
_NAMES = {code: name for name, code in _CODES.items()}


@lru_cache(maxsize=4096)
def coded(name: str) -> str:
    """What an attribute is called in ``facets``."""
    return _MARK + name if name.startswith(_MARK) else _CODES.get(name, name)


def named(key: str) -> str:
    """The attribute that :func:`coded` was given."""
    if not key.startswith(_MARK):
        return key
    return key[1:] if key.startswith(_MARK, 1) else _NAMES.get(key, key)


def recoded(text: str | None, name: Callable[[str], str]) -> str | None:
    """The JSON of an object with ``name`` of each of its keys; the text itself where that changes none."""
    found = loads(text) if text else None
    if not isinstance(found, dict):
        return text
    renamed = {name(key): member for key, member in found.items()}
    return text if renamed.keys() == found.keys() else dumps(renamed).decode("utf-8")
