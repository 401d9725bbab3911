"""A conversation as a target: several turns with one example, answered one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from weft.errors import InputError
from weft.evals.calls import is_async
from weft.evals.workers import whole
from weft.scorers.binding import Binder

Message = dict[str, Any]
_MOST_TURNS = 50


class Dialogue:
    """Asks ``reply`` once a turn, with all messages so far; the output is the whole conversation.

    What the user says comes from the column ``turns`` of the example, a list of texts, or from ``user``: a function of
    ``messages`` (and columns) that plays the user and returns its next text, or None to end. ``reply`` asks for
    ``messages``, a list of ``{"role": ..., "content": ...}``, and for columns by name; it returns a text, a message, or
    a list of messages, as an agent that calls tools does. After ``most`` turns the conversation ends. Raises InputError
    for an example without turns where nobody plays the user.
    """

    def __init__(
        self,
        reply: Callable[..., Any],
        *,
        turns: str = "turns",
        user: Callable[..., Any] | None = None,
        most: int = _MOST_TURNS,
    ) -> None:
        self.reply = reply
        self.user = user
        self.turns = turns
        self.most = most
        self._reply = Binder(reply, what="The reply of a dialogue")
        self._user = None if user is None else Binder(user, what="The user of a dialogue")

    async def predict(self, example: dict[str, Any]) -> list[Message]:
        """The conversation over one example."""
        messages: list[Message] = [dict(message) for message in example.get("messages") or ()]
        for turn in range(self.most):
            said = await self._said(turn, messages, example)
            if said is None:
                break
            messages.append({"role": "user", "content": said})
            answer = await _called(self.reply, self._reply, messages, example)
            messages += _messages(answer)
        return messages

    async def _said(self, turn: int, messages: list[Message], example: dict[str, Any]) -> Any:
        if self.user is not None and self._user is not None:
            return await _called(self.user, self._user, messages, example)
        turns = example.get(self.turns)
        if not isinstance(turns, list):
            raise InputError(
                f"The example has no list of turns in the column {self.turns!r}.",
                remedy="Name the column, turns='...', or give a function that plays the user, user=....",
                field=self.turns,
            )
        return turns[turn] if turn < len(turns) else None


async def _called(
    function: Callable[..., Any], binder: Binder, messages: list[Message], example: dict[str, Any]
) -> Any:
    # A copy: what one turn does to its messages is not seen by the next.
    bound = binder({**example, "example": example, "messages": [dict(message) for message in messages]})
    if is_async(function):
        return await function(*bound.args, **bound.kwargs)
    return await asyncio.to_thread(lambda: whole(function(*bound.args, **bound.kwargs)))


def _messages(answer: Any) -> list[Message]:
    if isinstance(answer, list) and all(isinstance(message, dict) for message in answer):
        return list(answer)
    return [answer] if isinstance(answer, dict) and "role" in answer else [{"role": "assistant", "content": answer}]
