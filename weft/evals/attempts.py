"""One question to an endpoint, within its limits, asked again where the rules say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from weft.evals.calls import Caller
from weft.evals.limits import Limiter, is_refusal, is_trouble, retry_after_s
from weft.evals.retrying import Retry, next_wait


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often and how long a call is tried: ``timeout_s`` limits each try."""

    caller: Caller
    retries: Sequence[Retry] = ()
    timeout_s: float | None = None

    async def ask(
        self, limiter: Limiter, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], how: str
    ) -> Any:
        """What the call returns at last. Raises what its last try raised."""
        attempt = 0
        while True:
            attempt += 1
            ticket = await limiter.acquire()
            try:
                answer = await self.caller.timed(function, args, kwargs, how, self.timeout_s)
                limiter.succeeded(ticket)
                return answer
            except Exception as error:
                _tell(limiter, ticket, error)
                wait_s = next_wait(self.retries, error, attempt)
                if wait_s is None:
                    raise
            finally:
                limiter.release()
            await asyncio.sleep(wait_s)


def _tell(limiter: Limiter, ticket: int, error: BaseException) -> None:
    if is_refusal(error):
        limiter.refused(ticket, retry_after_s(error))
    elif is_trouble(error):
        limiter.troubled()
