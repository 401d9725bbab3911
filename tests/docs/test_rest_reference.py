"""docs/reference/rest.md names exactly the paths that the server has."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.testclient import TestClient

from weft import settings
from weft.server import create_app
from weft.testing.memory import memory_store

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "rest.md"


def test_the_table_holds_the_routes() -> None:
    store = memory_store()
    app = create_app(store, settings.load(), ingest_address="http://127.0.0.1:1")
    with TestClient(app, base_url="http://127.0.0.1:4300") as client:
        paths = client.get("/api/openapi.json").json()["paths"]
    store.close()
    served = {
        f"{method.upper()} {path}": operation["summary"]
        for path, of in paths.items()
        for method, operation in of.items()
    }
    table = dict(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (.*?) \|", PAGE.read_text(), re.MULTILINE))
    assert table == served
