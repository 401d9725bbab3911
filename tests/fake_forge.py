"""A forge on loopback: as much of the comment APIs of GitHub and GitLab as a summary needs."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

LIST = re.compile(r"/repos/o/r/issues/7/comments|/api/v4/projects/3/merge_requests/7/notes")
ONE = re.compile(r"(?:/repos/o/r/issues/comments|/api/v4/projects/3/merge_requests/7/notes)/(\d+)")


class FakeForge:
    """``comments`` are those of pull request 7 of o/r, and of merge request 7 of project 3; with ``refuses`` every
    answer has that status. ``tokens`` are those that were shown."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.refuses: int | None = None
        self._lock = threading.Lock()

    def github(self, event: Path) -> dict[str, str]:
        """The variables of a job of GitHub Actions."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.address,
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_TOKEN": "secret",
        }

    def gitlab(self) -> dict[str, str]:
        """The variables of a job of GitLab CI."""
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{self.address}/api/v4",
            "CI_PROJECT_ID": "3",
            "CI_MERGE_REQUEST_IID": "7",
            "EVAL_GITLAB_TOKEN": "secret",
        }

    def __enter__(self) -> FakeForge:
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Quiet."""

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                forge.tokens.add(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or "")
                with forge._lock:
                    status, data = forge.asked(self.command, self.path, json.loads(body) if body else None)
                text = b"no" if forge.refuses else json.dumps(data).encode()
                self.send_response(forge.refuses or status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - the names that http.server calls

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def asked(self, method: str, address: str, body: Any) -> tuple[int, Any]:
        """The status and the data of an answer."""
        parts = urlsplit(address)
        if parts.path == "/api/v4/user":
            return 200, {"id": 9}
        if LIST.fullmatch(parts.path) and method == "GET":
            query = parse_qs(parts.query)
            first = (int(query["page"][0]) - 1) * int(query["per_page"][0])
            return 200, self.comments[first : first + int(query["per_page"][0])]
        if LIST.fullmatch(parts.path) and method == "POST":
            number = 1000 + sum(comment["id"] >= 1000 for comment in self.comments)
            made = {
                "id": number,
                "body": body["body"],
                "html_url": f"https://forge.example/{number}",
                "user": {"type": "Bot"},
                "author": {"id": 9},
            }
            self.comments.append(made)
            return 201, made
        one = ONE.fullmatch(parts.path)
        found = [comment for comment in self.comments if one and comment["id"] == int(one[1])]
        if found and method == ("PUT" if parts.path.startswith("/api/v4") else "PATCH"):
            found[0]["body"] = body["body"]
            return 200, found[0]
        return 404, {"message": "Not Found"}
