"""``weft.Prompt``: a template with versions and aliases, known to the spans that used it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from weft import clock, digests, ids, recording
from weft.errors import InputError
from weft.objects import cache, templates
from weft.objects.diffs import lines_between, listing
from weft.records import ArtifactVersion, LineageEdge, NodeKind
from weft.tracing import context, prompted
from weft.tracing.capture import capture
from weft.tracing.prompted import PromptMessages, PromptText

TYPE = "prompt"
TTL_S = 60.0


class Prompt:
    """A text with ``{name}`` placeholders, or the messages of a chat with them.

    ``Prompt("answer", "Reply to {question}")`` or ``Prompt("answer", [{"role": "user", "content": "{question}"}])``. A
    placeholder is a name, nothing more: no attributes, no code; ``{{`` and ``}}`` are braces that stay. ``version`` and
    ``ref`` are set once it is published. Raises InputError for a bad name or template.
    """

    def __init__(
        self,
        name: str,
        template: str | Sequence[Mapping[str, Any]],
        *,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if name and not ids.is_name(name):
            raise InputError(
                f"The prompt name {name!r} cannot stand in an address.",
                remedy=f"Use {ids.NAME_RULE}.",
                field="name",
            )
        self.name = name
        self.template: templates.Template = templates.checked(template)
        self.variables = templates.variables_of(self.template)
        self.description = description
        self.metadata = dict(metadata or {})
        self.version: int | None = None
        self.aliases: list[str] = []
        self._used_in: str | None = None

    @property
    def ref(self) -> str | None:
        """The published version, ``name:v3``; None before."""
        return None if self.version is None else f"{self.name}:v{self.version}"

    @property
    def digest(self) -> str:
        """The digest of the template and the metadata."""
        return digests.of_json({"type": TYPE, "metadata": self._content(), "files": []})

    def format(self, **values: Any) -> Any:
        """The text (a ``str``) or the messages (a list of dicts) with every placeholder filled.

        The model call that gets them carries the prompt's name and version. Values that no placeholder asks for are
        passed over. Raises InputError naming the variables that are missing.
        """
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise InputError(
                f"The prompt {self.name or 'without a name'} misses {', '.join(missing)}.",
                remedy=f"It asks for: {', '.join(self.variables)}.",
                field=missing[0],
            )
        told = self._told()
        filled = templates.fill(self.template, values)
        return PromptText(filled, told) if isinstance(filled, str) else PromptMessages(filled, told)

    def messages(self, **values: Any) -> PromptMessages:
        """The messages of a chat; a text becomes the one message of the user."""
        filled = self.format(**values)
        if isinstance(filled, PromptMessages):
            return filled
        return PromptMessages([{"role": "user", "content": str(filled)}], self._told())

    def use(self) -> contextlib.AbstractContextManager[None]:
        """Name the prompt on every span inside, for clients that Weft does not trace: ``with prompt.use(): ...``."""
        return context.holding(self._told())

    def publish(self, aliases: Sequence[str] = (), *, name: str | None = None) -> ArtifactVersion:
        """Store the template as a version; equal content gives the version that exists. ``aliases`` move to it.

        Raises InputError without a name, StoreError or ServerError where it cannot be stored.
        """
        self.name = name or self.name
        if not self.name:
            raise InputError("The prompt has no name.", remedy="Use publish(name='answer').", field="name")
        recorder = recording.require("Prompt.publish")
        stored = recorder.store.artifacts.create_version(
            ArtifactVersion(
                project=recorder.project,
                name=self.name,
                type=TYPE,
                version=0,
                digest=self.digest,
                created_ns=clock.now_ns(),
                description=self.description,
                metadata=self._content(),
                run_id=recorder.run_id,
            ),
            aliases=aliases,
        )
        self.version, self.aliases = stored.version, list(stored.aliases)
        cache.forget(recorder, self.name)
        return stored

    save = publish

    @classmethod
    def get(cls, ref: str, *, ttl_s: float = TTL_S) -> Prompt:
        """The published prompt ``name``, ``name:alias`` or ``name:v3``.

        It is kept for ``ttl_s`` seconds, a numbered version for ever, and on disk: while the store or server is away,
        the last one known is used and a warning says so once. Raises NotFoundError, and what the store raises where
        the prompt was never fetched.
        """
        recorder = recording.require("Prompt.get")
        return cls.of(cache.fetch(recorder, ref, ttl_s=ttl_s))

    @classmethod
    def of(cls, version: ArtifactVersion) -> Prompt:
        """The prompt of a stored version. Raises InputError where the artifact is no prompt."""
        if version.type != TYPE:
            raise InputError(f"The artifact {version.ref} is a {version.type}, not a prompt.", field="ref")
        content = version.metadata
        prompt = Prompt(
            version.name, content["template"], description=version.description, metadata=content.get("metadata")
        )
        prompt.version, prompt.aliases = version.version, list(version.aliases)
        return prompt

    def diff(self, other: Prompt) -> str:
        """What changed from ``other`` to this one, as a unified diff."""
        return lines_between(
            listing(other.template), listing(self.template), other.ref or other.name, self.ref or self.name
        )

    def _content(self) -> dict[str, Any]:
        content = {"template": self.template, "variables": self.variables}
        return {**content, "metadata": capture(self.metadata)} if self.metadata else content

    def _told(self) -> dict[str, str]:
        self._note_use()
        return prompted.told(self.name, self.digest, self.ref)

    def _note_use(self) -> None:
        """An edge from the version to the run that uses it, once a run."""
        recorder = recording.active
        if recorder is None or recorder.run_id is None or self.ref is None or self._used_in == recorder.run_id:
            return
        self._used_in = recorder.run_id
        ends = (NodeKind.ARTIFACT, self.ref, "used", NodeKind.RUN, recorder.run_id)
        recorder.record(LineageEdge(recorder.project, *ends, clock.now_ns()))

    def __repr__(self) -> str:
        return f"Prompt({self.ref or self.name!r}, variables={self.variables})"


class StringPrompt(Prompt):
    """A text prompt as users of Weave write it: ``StringPrompt("Reply to {question}")``, named when it is published."""

    def __init__(self, content: str, name: str = "") -> None:
        super().__init__(name, content)

    @property
    def content(self) -> templates.Template:
        """The template."""
        return self.template


class MessagesPrompt(Prompt):
    """A chat prompt as users of Weave write it: ``MessagesPrompt([{"role": "user", "content": "{question}"}])``."""

    def __init__(self, messages: Sequence[Mapping[str, Any]], name: str = "") -> None:
        super().__init__(name, messages)
