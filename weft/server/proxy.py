"""Hands what the ingest process serves on to it, so that one address suffices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from weft.server.paths import project_in_header

PATHS = {
    "/v1/traces": "Take an ExportTraceServiceRequest (OTLP/HTTP)",
    "/v1/logs": "Take an ExportLogsServiceRequest (OTLP/HTTP)",
    "/api/journal": "Take a batch of another machine's journal",
}
_PROJECT = "x-weft-project"
_PASSED_ON = ("content-type", "content-encoding", _PROJECT, "x-weft-confined")
_PASSED_BACK = ("content-type", "retry-after")


class IngestProxy:
    """The client of the ingest process at ``address``; it adds the key, for the gate in front checked the caller."""

    def __init__(self, address: str, key: str | None) -> None:
        self._address = address.rstrip("/")
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(60.0, connect=5.0), trust_env=False)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Close the connections when the application ends."""
        try:
            yield
        finally:
            await self._client.aclose()

    def router(self) -> APIRouter:
        """A route for each of :data:`PATHS`."""
        routes = APIRouter(tags=["ingest"])
        for path, summary in PATHS.items():
            routes.add_api_route(path, self._hand_on, methods=["POST"], summary=summary)
        return routes

    async def _hand_on(self, request: Request) -> Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers} | self._headers
        if (project := project_in_header(headers.get(_PROJECT))) is not None:
            headers[_PROJECT] = quote(project)
        try:
            answer = await self._client.post(
                self._address + request.url.path, content=request.stream(), headers=headers
            )
        except ClientDisconnect:
            raise HTTPException(400, "The body was cut short") from None
        except httpx.TransportError as error:
            raise HTTPException(503, f"The ingest process does not answer ({type(error).__name__})") from None
        kept = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
        return Response(answer.content, answer.status_code, kept)
