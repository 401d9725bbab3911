"""References to http and https addresses."""

from __future__ import annotations

from pathlib import Path

import httpx

from weft.errors import InputError

_PIECE = 1024 * 1024
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_NO_HEAD = (403, 405, 501)


def describe(url: str) -> tuple[int, str]:
    """Size and ETag, or date, of what is at an address; 0 and nothing where it does not say. Raises InputError."""
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            answer = client.head(url)
            if answer.status_code in _NO_HEAD:
                with client.stream("GET", url) as answer:
                    pass
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InputError(f"There is nothing at {url!r}: {error}.", field="uri") from None
    return int(answer.headers.get("content-length") or 0), _mark(answer)


def bring(url: str, target: Path) -> str:
    """Write what is at an address into a file; its ETag, or date. Raises OSError."""
    try:
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client,
            client.stream("GET", url) as answer,
            target.open("wb") as file,
        ):
            answer.raise_for_status()
            for piece in answer.iter_bytes(_PIECE):
                file.write(piece)
            return _mark(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(str(error)) from error


def _mark(answer: httpx.Response) -> str:
    return str(answer.headers.get("etag") or answer.headers.get("last-modified") or "")
