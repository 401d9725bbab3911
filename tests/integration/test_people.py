"""A real workbench with people: keys on both addresses, a project's key that stays in its project, a program's key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from weft import Api, settings, workbench
from weft.cli.main import app
from weft.errors import ServerError
from weft.testing.ports import kept_port
from weft.testing.waiting import wait_for

SPAN: dict[str, Any] = {"traceId": "5b8efff798038103d269b633813fc60c", "name": "ask", "startTimeUnixNano": "5"}


def weft(*arguments: str) -> str:
    told = CliRunner().invoke(app, list(arguments))
    assert told.exit_code == 0, told.output
    return told.stdout.strip()


def body(span_id: str, project: str) -> bytes:
    resource = {"attributes": [{"key": "weft.project", "value": {"stringValue": project}}]}
    block = {"resource": resource, "scopeSpans": [{"spans": [{**SPAN, "spanId": span_id}]}]}
    return json.dumps({"resourceSpans": [block]}).encode()


def send(address: str, content: bytes, key: str | None) -> int:
    headers = {"Content-Type": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
    return httpx.post(f"{address}/v1/traces", content=content, headers=headers).status_code


def test_people_and_keys_on_a_running_server(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    otlp = kept_port()
    with workbench.start_background(settings.load({"port": 0, "otlp_port": otlp, "quiet": True})) as background:
        addresses = (background.url, f"http://127.0.0.1:{otlp}")
        assert [send(address, body("00000000000000a1", "open"), None) for address in addresses] == [200, 200]
        weft("user", "add", "ada", "--role", "admin")
        admin = weft("key", "add", "--person", "ada", "--label", "laptop").split()[-1]
        of_shop = weft("key", "add", "--project", "shop").split()[-1]
        assert "laptop" in weft("key", "list")
        assert "ada" in weft("user", "list")
        wait_for(lambda: [send(a, body("00000000000000a1", "open"), None) for a in addresses] == [401, 401])
        for number, address in enumerate(addresses):
            assert send(address, body(f"00000000000000b{number}", "bank"), of_shop) == 200
            assert send(address, body(f"00000000000000c{number}", "bank"), admin) == 200
            assert send(address, body("00000000000000d1", "bank"), "weft_key_unknown") == 401
        with pytest.raises(ServerError, match="asks for a key"), Api(url=background.url) as api:
            api.projects()
        program = "import weft\nweft.init(project='own')\n@weft.op\ndef f(): return 1\nf()\nprint(weft.flush())\n"
        environ = {"WEFT_URL": background.url, "WEFT_API_KEY": admin, "WEFT_DIR": str(fresh_home / "far")}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        with Api() as api:

            def found() -> set[tuple[str, str]]:
                return {(span.project, span.span_id) for span in api.spans(project=None) if span.project != "own"}

            wanted = {("open", "00000000000000a1")}
            wanted |= {("shop", "00000000000000b0"), ("shop", "00000000000000b1")}
            wanted |= {("bank", "00000000000000c0"), ("bank", "00000000000000c1")}
            wait_for(lambda: found() == wanted)
            wait_for(lambda: [span.name for span in api.spans(project="own")] == ["f"])
            [key] = [k for k in api.store.people.list_credentials("key") if k.label == "laptop"]  # type: ignore[arg-type]
        assert weft("key", "revoke", key.credential_id) == "The key is ended."
