"""What a run is called and where it is found."""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from weft.errors import InputError
from weft.training.core import RunCore


class RunDescription(RunCore):
    """The attributes of a run that say what it is; those that may be set are recorded when they are."""

    @property
    def name(self) -> str:
        """What the run is called."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = self._text("name", name)
        self._record(name=self._name)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags: ``run.tags += ("baseline",)`` adds one."""
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._tags = checked_tags(tags)
        self._record(tags=list(self._tags))

    @property
    def notes(self) -> str | None:
        """What somebody wrote of the run."""
        return self._notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._notes = self._text("notes", notes)
        self._record(notes=self._notes)

    @property
    def group(self) -> str | None:
        """The group that the run is one of."""
        return self._group

    @group.setter
    def group(self, group: str) -> None:
        self._group = self._text("group", group)
        self._record(group=self._group)

    @property
    def job_type(self) -> str | None:
        """What kind of work this is, within a group."""
        return self._job_type

    @job_type.setter
    def job_type(self, job_type: str) -> None:
        self._job_type = self._text("job_type", job_type)
        self._record(job_type=self._job_type)

    @property
    def url(self) -> str:
        """The address of the run's page."""
        return self._recorder.address(f"/run/{self.id}")

    def get_url(self) -> str:
        """The address of the run's page, as :attr:`url`."""
        return self.url

    @property
    def project_url(self) -> str:
        """The address of the project's runs."""
        return self._recorder.address(f"/runs?project={quote(self.project)}")

    @property
    def sweep_url(self) -> str | None:
        """The address of the page of the sweep that the run is a trial of; None where it is none."""
        sweep_id = self.sweep_id
        return None if sweep_id is None else self._recorder.address(f"/sweep/{sweep_id}")

    @property
    def sweep_id(self) -> str | None:
        """The sweep that the run is a trial of; None where it is none."""
        return None

    def get_project_url(self) -> str:
        """The address of the project's runs, as :attr:`project_url`."""
        return self.project_url

    def get_sweep_url(self) -> str | None:
        """The address of the sweep's page, as :attr:`sweep_url`."""
        return self.sweep_url

    def project_name(self) -> str:
        """The project's name."""
        return self.project

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """A frame that shows the run's page, for a notebook; ``hidden``: behind a button that opens it."""
        frame = f'<iframe src="{html.escape(self.url)}" style="border:none;width:100%;height:{int(height)}px"></iframe>'
        return f"<details><summary>Weft: {html.escape(self.name)}</summary>{frame}</details>" if hidden else frame

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run's page in the cell of a notebook; says whether there is one to show it in."""
        shown = sys.modules.get("IPython.display")
        if shown is None or "ipykernel" not in sys.modules:
            return False
        shown.display(shown.HTML(self.to_html(height, hidden)))
        return True

    @property
    def entity(self) -> str:
        """What ``init`` was given as the owner; it is kept nowhere, a Weft directory or server has one owner."""
        return self._options.entity or ""

    @property
    def path(self) -> str:
        """Project and id."""
        return f"{self.project}/{self.id}"

    @property
    def dir(self) -> str:
        """A folder of the run's own: what is in it when the run ends is kept with it, as :meth:`save` does."""
        folder = Path(self._recorder.directory, "files", self.id)
        if not self.disabled:
            folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    @property
    def start_time(self) -> float:
        """When the run began, in seconds since the epoch."""
        return self._started_ns / 1e9

    @property
    def starting_step(self) -> int:
        """The step that a resumed, forked or rewound run went on from, otherwise 0."""
        return self._options.next_step

    @property
    def resumed(self) -> bool:
        """Whether the run went on from an earlier one of the same id."""
        return self._options.resumed

    @property
    def offline(self) -> bool:
        """Whether what is recorded waits for ``weft sync``."""
        return self._recorder.settings.mode == "offline"

    @property
    def config_static(self) -> dict[str, Any]:
        """A plain copy of the config."""
        return self.config.as_dict()

    def _text(self, what: str, given: Any) -> str:
        if not isinstance(given, str):
            raise InputError(
                f"The run's {what} is a {type(given).__name__}, not a string.", remedy="Use a text.", field=what
            )
        return given


def checked_tags(tags: Iterable[str] | str | None) -> tuple[str, ...]:
    """Tags, each once. Raises InputError where they are not a list of strings."""
    found = () if tags is None else tuple(tags) if isinstance(tags, Iterable) and not isinstance(tags, str) else None
    if found is None or not all(isinstance(tag, str) for tag in found):
        raise InputError("The tags are not a list of strings.", remedy="Use tags=['baseline'].", field="tags")
    return tuple(dict.fromkeys(found))
