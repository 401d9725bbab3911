"""The summary of an evaluation as one comment on a pull request of GitHub or GitLab, renewed in place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from weft.errors import InputError, ServerError

_MARKER = re.compile(r"<!-- weft eval: [^\n]*? -->")
_LONGEST = 60_000  # characters; GitHub takes 65,536
_PAGES = 20
_TIMEOUT_S = 20.0
_MEMBERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_REFUSED = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True)
class Forge:
    """Where comments go: ``comments`` is the address of their list, ``edit`` that of the one to renew, with ``{id}``,
    by the HTTP method ``method``; ``user`` that of who asks, where the forge tells."""

    name: str
    comments: str
    edit: str
    method: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    user: str = ""


def forge_of(environment: Mapping[str, str]) -> Forge | None:
    """The pull request that this job of GitHub Actions or GitLab CI is for; None where it is for none. Raises
    InputError where a variable that it takes is missing."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return _github(environment)
    if environment.get("GITLAB_CI") == "true":
        return _gitlab(environment)
    raise InputError(
        "This is no job of GitHub Actions or GitLab CI.",
        remedy="Comments are made in CI; --markdown writes the summary to a file.",
        field="GITHUB_ACTIONS",
    )


def post(markdown: str, forge: Forge) -> str:
    """Renew the comment that begins with the same marker, or make it; the address of the comment, or an empty text
    where the forge tells none. Raises InputError for a text without a marker, ServerError where the forge refuses.
    """
    found = _MARKER.match(markdown)
    if found is None:
        raise InputError(
            "The summary has no marker in its first line.", remedy="Write it with --markdown.", field="summary"
        )
    body = markdown if len(markdown) <= _LONGEST else markdown[:_LONGEST] + "\n\n…\n"
    with httpx.Client(headers=forge.headers, timeout=_TIMEOUT_S, follow_redirects=False) as client:
        there = _earlier(client, forge, found[0])
        if there is None:
            answer = _asked(client, "POST", forge.comments, forge, json={"body": body})
        else:
            answer = _asked(client, forge.method, forge.edit.format(id=there), forge, json={"body": body})
    return str(answer.get("html_url", "")) if isinstance(answer, dict) else ""


def _earlier(client: httpx.Client, forge: Forge, marker: str) -> int | None:
    """The id of the comment that begins with the marker; those that anybody may have written are passed over, or a
    stranger could make the summary his own."""
    me = _asked(client, "GET", forge.user, forge).get("id") if forge.user else None
    for page in range(1, _PAGES + 1):
        comments = _asked(client, "GET", forge.comments, forge, params={"per_page": 100, "page": page})
        if not isinstance(comments, list):
            return None
        for comment in comments:
            if str(comment.get("body", "")).startswith(marker) and _trusted(comment, me):
                return int(comment["id"])
        if len(comments) < 100:
            return None
    return None


def _trusted(comment: dict[str, Any], me: object) -> bool:
    if me is not None:
        return bool(comment.get("author", {}).get("id") == me)
    return comment.get("user", {}).get("type") == "Bot" or comment.get("author_association") in _MEMBERS


def _asked(client: httpx.Client, method: str, url: str, forge: Forge, **given: Any) -> Any:
    try:
        answer = client.request(method, url, **given)
    except httpx.HTTPError as error:
        raise ServerError(f"{forge.name} cannot be reached: {error}.", field="forge") from None
    if answer.is_success:
        try:
            return answer.json()
        except ValueError:
            raise ServerError(f"{forge.name} answered with no JSON.", field="forge") from None
    remedy = ""
    if answer.status_code in _REFUSED:
        remedy = (
            "The token may not comment: that of a fork's pull request never may, others need the permission to write."
        )
    raise ServerError(
        f"{forge.name} answered {answer.status_code} to {method} {urlsplit(url).path}.",
        remedy=remedy,
        field="forge",
        status=answer.status_code,
    )


def _github(environment: Mapping[str, str]) -> Forge | None:
    number = _pull_request(environment)
    if number is None:
        return None
    base = f"{_need(environment, 'GITHUB_API_URL')}/repos/{_repository(environment)}/issues"
    headers = {
        "Authorization": f"Bearer {_need(environment, 'GITHUB_TOKEN')}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    return Forge("GitHub", f"{base}/{number}/comments", f"{base}/comments/{{id}}", "PATCH", headers)


def _pull_request(environment: Mapping[str, str]) -> int | None:
    path = environment.get("GITHUB_EVENT_PATH", "")
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        raise InputError(f"The event {path} cannot be read.", field="GITHUB_EVENT_PATH") from None
    number = event.get("pull_request", {}).get("number") if isinstance(event, dict) else None
    return number if isinstance(number, int) else None


def _repository(environment: Mapping[str, str]) -> str:
    name = _need(environment, "GITHUB_REPOSITORY")
    if not re.fullmatch(r"[\w-][\w.-]*/(?!\.{1,2}$)[\w.-]+", name):
        raise InputError(f"The repository {name!r} is not owner/name.", field="GITHUB_REPOSITORY")
    return name


def _gitlab(environment: Mapping[str, str]) -> Forge | None:
    number = environment.get("CI_MERGE_REQUEST_IID")
    if not number:
        return None
    project = quote(_need(environment, "CI_PROJECT_ID"), safe="")
    api = _need(environment, "CI_API_V4_URL")
    base = f"{api}/projects/{project}/merge_requests/{quote(number, safe='')}/notes"
    headers = {"PRIVATE-TOKEN": _need(environment, "EVAL_GITLAB_TOKEN")}
    return Forge("GitLab", base, f"{base}/{{id}}", "PUT", headers, f"{api}/user")


def _need(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        remedy = {
            "GITHUB_TOKEN": "Set it in the step: env: {GITHUB_TOKEN: ${{ github.token }}}.",
            "EVAL_GITLAB_TOKEN": "Make a project access token with the scope api, and a CI variable of it.",
        }.get(name, "")
        raise InputError(f"The variable {name} is not set.", remedy=remedy, field=name)
    return value.rstrip("/")
