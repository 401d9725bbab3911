"""What ``weft.init`` takes, checked and put together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weft import ids
from weft import settings as settings_module
from weft.errors import InputError
from weft.records import RunKind
from weft.settings import Settings as Values
from weft.training.config import gather
from weft.training.described import checked_tags
from weft.training.environment import rank
from weft.training.lifecycle import RunOptions, default_name
from weft.training.resuming import Start, Wish, as_resume, check

BEGUN = "_WEFT_RUN"  # tells processes that this one starts, by whatever means, which run they are a part of
REINITS = ("default", "return_previous", "finish_previous", "create_new")
# W&B's names of settings that are called otherwise here; those of _PASSED_OVER have no meaning here.
_THEIRS = {
    "silent": "quiet",
    "run_group": "group",
    "run_job_type": "job_type",
    "run_notes": "notes",
    "run_tags": "tags",
    "x_stats_sampling_interval": "system_interval_s",
}
_PASSED_OVER = {
    *(
        "entity",
        "base_url",
        "start_method",
        "init_timeout",
        "login_timeout",
        "anonymous",
        "sagemaker_disable",
        "strict",
    ),
    *(
        "show_errors",
        "show_info",
        "show_warnings",
        "summary_warnings",
        "program",
        "program_relpath",
        "host",
        "username",
    ),
    *("root_dir", "symlink", "relogin", "force", "max_end_of_run_history_metrics", "max_end_of_run_summary_metrics"),
    *("allow_media_symlink", "allow_offline_artifacts", "app_url_override", "azure_account_url_to_access_key"),
    *("capture_loggers", "code_dir", "config_paths", "console_chunk_max_bytes", "console_chunk_max_seconds"),
    *("console_multipart", "credentials_file", "disable_code", "disable_git_fork_point", "disable_job_creation"),
    *("docker", "email", "finish_timeout", "finish_timeout_raises", "git_commit", "git_remote", "git_remote_url"),
    *("git_root", "heartbeat_seconds", "http_proxy", "https_proxy", "identity_token_file", "ignore_globs"),
    *("insecure_disable_ssl", "job_name", "job_source", "label_disable", "launch", "launch_config_path"),
    *("notebook_name", "organization", "program_abspath", "resumed", "settings_system", "show_colors", "show_emoji"),
    *("stop_fn", "stop_on_fatal_error", "summary_timeout", "sweep_id", "sweep_param_path", "sync_file"),
    *("table_raise_on_max_row_limit_exceeded", "use_dot_wandb", "wandb_dir", "timeout", "log_internal"),
}
_KNOWN_X = {"x_label", "x_primary", "x_disable_stats", *_THEIRS}
_MODES = {"shared": "online", "dryrun": "offline", "run": "online"}


class Settings(dict[str, Any]):
    """Settings for ``weft.init(settings=...)`` by name, such as ``weft.Settings(console=False)``; ``init`` checks them.

    Besides those of :mod:`weft.settings` there are ``x_label``, a name for this process's points in a run that several
    share, and ``x_primary=False`` for a process that does not say when the run began and how it ended. Names of W&B's
    settings are known; those that have no meaning here are passed over.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no setting {name!r} was given") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


@dataclass(frozen=True, slots=True)
class Arguments:
    """What ``init`` was given, checked. ``given`` are settings by name."""

    given: dict[str, Any]
    kind: RunKind
    config: dict[str, Any]
    tags: tuple[str, ...]
    described: Mapping[str, Any]
    reinit: str
    label: str
    primary: bool | None
    allow_val_change: bool

    def wish(self, id: str | None, settings: Values, asked: Mapping[str, Any]) -> Wish:
        """What is asked to be gone on from: by the arguments, else by the settings. Raises InputError."""
        run_id = id or (None if asked.get("resume_from") else settings.run_id)
        if run_id is not None and not ids.is_plain(run_id):
            raise InputError(
                f"The run id {run_id!r} cannot stand in an address.",
                remedy="Use letters, digits, '.', '_' and '-', beginning with a letter or digit.",
                field="id",
            )
        moved = asked.get("fork_from") or asked.get("resume_from")
        resume = asked.get("resume")
        found = as_resume(resume if resume is not None or moved else settings.resume)
        _, primary = self.place(run_id)
        return check(Wish(run_id, found, asked.get("fork_from"), asked.get("resume_from"), primary))

    def place(self, run_id: str | None) -> tuple[str, bool]:
        """The source of this process's points, and whether it speaks for the run: not a launcher's later ranks, nor a
        process that one with this very run has started."""
        source, primary = _place(run_id)
        return self.label or source, primary if self.primary is None else self.primary

    def options(self, wish: Wish, start: Start, settings: Values) -> RunOptions:
        """The options of the run that begins; what ``init`` was not given is as the settings have it."""
        source, primary = self.place(wish.run_id)
        own = wish.run_id is None and not start.resumed  # that no other rank knows of, so that nobody else can end it
        primary = primary or (own and self.primary is None)
        stored = start.stored
        told = dict(self.described)
        name = told.pop("name") or settings.run_name
        name = name or (stored.name if stored is not None and start.resumed else None)
        for field in ("group", "job_type", "notes"):
            told[field] = getattr(settings, field) if told[field] is None else told[field]
        tags = self.tags or tuple(tag.strip() for tag in settings.tags.split(",") if tag.strip())
        if stored is not None and start.resumed:
            tags = tuple(dict.fromkeys([*stored.tags, *tags]))
            for field in ("notes", "group", "job_type"):
                told[field] = told[field] if told[field] is not None else getattr(stored, field)
        return RunOptions(
            run_id=start.run_id,
            project=settings.project if stored is None else stored.project,
            kind=stored.kind if stored is not None and self.kind is RunKind.APP else self.kind,
            name=name or default_name(start.run_id),
            config=self.config,
            tags=tags,
            source=source,
            primary=primary,
            apart=not primary and wish.run_id is not None and rank() is not None,
            allow_val_change=self.allow_val_change,
            stored=stored,
            resumed=start.resumed,
            next_step=start.next_step,
            **told,
        )


def arguments(
    *,
    kind: str,
    config: Any,
    tags: Sequence[str] | None,
    settings: Any,
    named: Mapping[str, Any],
    described: Mapping[str, Any],
    keys: tuple[Sequence[str] | None, Sequence[str] | None],
    reinit: bool | str | None,
    allow_val_change: bool | None,
) -> Arguments:
    """What ``init`` was given, checked. Raises InputError naming the argument that is wrong."""
    try:
        run_kind = RunKind(kind)
    except ValueError:
        raise InputError(
            f"There is no run kind {kind!r}.", remedy=f"Use one of {', '.join(RunKind)}.", field="kind"
        ) from None
    given = _given(settings)
    reinit = given.pop("reinit", None) if reinit is None else reinit
    changeable = given.pop("allow_val_change", None) if allow_val_change is None else allow_val_change
    label, primary = str(given.pop("x_label", None) or ""), given.pop("x_primary", None)
    given.update((key, value) for key, value in named.items() if value is not None)
    if given.get("mode") == "shared" and not label and rank() is None and primary is not True:
        label = f"pid-{os.getpid()}" if primary is False or _is_child() else ""
    given["mode"] = _MODES.get(given["mode"], given["mode"]) if given.get("mode") else None
    if given["mode"] is None:
        del given["mode"]
    return Arguments(
        given=given,
        kind=run_kind,
        config=gather(config, exclude=keys[0], include=keys[1]),
        tags=checked_tags(tags),
        described=described,
        reinit=_reinit(reinit),
        label=label,
        primary=None if primary is None else bool(primary),
        allow_val_change=bool(changeable),
    )


def _given(settings: Any) -> dict[str, Any]:
    if settings is None:
        return {}
    if isinstance(settings, Values):
        return settings_module.to_dict(settings)
    if isinstance(settings, Mapping):
        return _translated({name: value for name, value in settings.items() if value is not None})
    raise InputError(
        f"The settings are a {type(settings).__name__}, not a mapping.",
        remedy="Use weft.Settings(console=False).",
        field="settings",
    )


def _translated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under our names, those of W&B's that change nothing here left out."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name == "_disable_stats":
            name = "x_disable_stats"
        if name in _PASSED_OVER or name.startswith("_") or (name.startswith("x_") and name not in _KNOWN_X):
            continue
        if name == "disable_git":
            found["git"] = not value
        elif name == "x_disable_stats":
            found.update({"system_interval_s": 0.0} if value else {})
        elif name in ("run_tags", "tags"):
            found["tags"] = value if isinstance(value, str) else ",".join(value)
        else:
            found[_THEIRS.get(name, name)] = value
    return found


def _reinit(given: bool | str | None) -> str:
    if given is None or given is False:
        return "default"
    reinit = "finish_previous" if given is True else given
    if reinit not in REINITS:
        raise InputError(f"reinit is {given!r}.", remedy=f"Use {', '.join(REINITS)}.", field="reinit")
    return reinit


def _is_child() -> bool:
    return os.environ.get(BEGUN, "").rpartition(":")[2] not in ("", str(os.getpid()))


def _place(run_id: str | None) -> tuple[str, bool]:
    number = rank()
    if number is not None:
        return f"rank-{number}", number == 0
    begun, _, pid = os.environ.get(BEGUN, "").rpartition(":")
    if run_id is not None and run_id == begun and pid != str(os.getpid()):
        return f"pid-{os.getpid()}", False
    return "", True
