"""One comment a pull request, renewed in place: GitHub and GitLab as a fake on loopback plays them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_forge import FakeForge

from weft.errors import InputError, ServerError
from weft.evals.comments import forge_of, post

SUMMARY = "<!-- weft eval: Evaluations -->\n## PASS\n"


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with FakeForge() as running:
        yield running


def github(forge: FakeForge, tmp_path: Path, event: Any = None) -> dict[str, str]:
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"pull_request": {"number": 7}} if event is None else event))
    return forge.github(path)


def test_a_comment_is_made_once_and_then_renewed(forge: FakeForge, tmp_path: Path) -> None:
    target = forge_of(github(forge, tmp_path))
    assert target is not None
    forge.comments += [{"id": n, "body": "talk", "user": {"type": "User"}} for n in range(130)]  # more than a page
    assert post(SUMMARY, target) == "https://forge.example/1000"
    assert post(SUMMARY.replace("PASS", "FAIL"), target) == "https://forge.example/1000"
    mine = [comment for comment in forge.comments if comment["body"].startswith("<!--")]
    assert [comment["body"] for comment in mine] == [SUMMARY.replace("PASS", "FAIL")]
    post(SUMMARY.replace("Evaluations", "Nightly"), target)
    assert len(forge.comments) == 132
    assert forge.tokens == {"Bearer secret"}


def test_a_strangers_comment_is_not_taken_over(forge: FakeForge, tmp_path: Path) -> None:
    target = forge_of(github(forge, tmp_path))
    assert target is not None
    forge.comments.append({"id": 1, "body": SUMMARY, "user": {"type": "User"}, "author_association": "NONE"})
    post(SUMMARY + "mine", target)
    assert [comment["body"] for comment in forge.comments] == [SUMMARY, SUMMARY + "mine"]


def test_a_merge_request_of_gitlab(forge: FakeForge) -> None:
    target = forge_of(forge.gitlab())
    assert target is not None
    forge.comments.append({"id": 1, "body": SUMMARY, "author": {"id": 5}})
    post(SUMMARY, target)
    post(SUMMARY + "again", target)
    assert [comment["body"] for comment in forge.comments] == [SUMMARY, SUMMARY + "again"]
    assert forge.tokens == {"secret"}


def test_where_there_is_nothing_to_comment_on(forge: FakeForge, tmp_path: Path) -> None:
    assert forge_of(github(forge, tmp_path, {"push": {}})) is None
    assert forge_of({"GITLAB_CI": "true"}) is None
    with pytest.raises(InputError, match="This is no job of GitHub Actions or GitLab CI"):
        forge_of({})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"GITHUB_TOKEN": ""}, "The variable GITHUB_TOKEN is not set. Set it in the step"),
        ({"GITHUB_REPOSITORY": "../other"}, "The repository '../other' is not owner/name"),
        ({"GITHUB_EVENT_PATH": "/none"}, "The event /none cannot be read"),
    ],
)
def test_variables_that_are_wrong(forge: FakeForge, tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        forge_of({**github(forge, tmp_path), **change})


def test_a_forge_that_refuses(forge: FakeForge, tmp_path: Path) -> None:
    target = forge_of(github(forge, tmp_path))
    assert target is not None
    forge.refuses = 403
    with pytest.raises(ServerError, match="GitHub answered 403 to GET /repos/o/r/issues/7/comments. The token may not"):
        post(SUMMARY, target)
    forge.refuses = 200
    with pytest.raises(ServerError, match="GitHub answered with no JSON"):
        post(SUMMARY, target)
    with pytest.raises(InputError, match="The summary has no marker in its first line"):
        post("## PASS", target)
    forge.__exit__(None, None, None)
    with pytest.raises(ServerError, match="GitHub cannot be reached"):
        post(SUMMARY, target)
    assert "secret" not in repr(target)
