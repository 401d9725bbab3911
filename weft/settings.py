"""One table of settings: name, variable, type, default, unit, help. Code, ``--help`` and docs read it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from weft import ids
from weft.errors import SettingError
from weft.records.redaction import Patterns


@dataclass(frozen=True, slots=True)
class Also:
    """A variable of W&B's that is read where ours is unset, so that its users' job files go on working.

    ``words`` says what its words mean here; others are passed over. Without it any text is taken as it is.
    """

    variable: str
    words: Mapping[str, str] | None = None

    def read(self, environ: Mapping[str, str]) -> str | None:
        """What it sets; None where it is unset, empty or says nothing that has a meaning here."""
        text = environ.get(self.variable, "")
        return (self.words.get(text.strip().lower()) if self.words else text) or None


_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. ``type`` is str, int, float, bool or Path."""

    name: str
    type: type[Any]
    default: Any
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    secret: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    """Other words for choices, in lower case."""
    also: tuple[Also, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"WEFT_{self.name.upper()}"

    def read(self, environ: Mapping[str, str]) -> str | None:
        """What the environment says; None where it says nothing."""
        own = environ.get(self.variable)
        return own or next((text for other in self.also if (text := other.read(environ))), None)


SETTINGS: tuple[Setting, ...] = (
    Setting("dir", Path, Path("~/.weft"), "Where the journal, the embedded database and the files live."),
    Setting("db", str, None, "Database address; the default is SQLite in WEFT_DIR (postgresql+psycopg://... else)."),
    Setting("url", str, None, "Address of a Weft server; unset, everything stays in WEFT_DIR."),
    Setting("api_key", str, None, "The key that the server asks for.", secret=True),
    Setting("project", str, "default", "The project that records belong to.", also=(Also("WANDB_PROJECT"),)),
    Setting(
        "mode",
        str,
        "online",
        "online stores at once, offline keeps records until `weft sync`, disabled records nothing.",
        choices=("online", "offline", "disabled"),
        also=(
            Also("WANDB_DISABLED", dict.fromkeys(_YES, "disabled")),
            Also(
                "WANDB_MODE",
                {
                    **{word: word for word in ("online", "offline", "disabled")},
                    **{"dryrun": "offline", "run": "online", "shared": "online"},
                },
            ),
        ),
    ),
    Setting(
        "run_id", str, None, "The id of the run that `weft.init` begins or goes on with.", also=(Also("WANDB_RUN_ID"),)
    ),
    Setting("run_name", str, None, "What `weft.init` calls the run.", also=(Also("WANDB_NAME"),)),
    Setting("group", str, None, "The group that `weft.init` puts the run into.", also=(Also("WANDB_RUN_GROUP"),)),
    Setting("job_type", str, None, "What kind of work the run is, within its group.", also=(Also("WANDB_JOB_TYPE"),)),
    Setting(
        "tags", str, "", "Tags of the run, by commas; those of `weft.init` go before them.", also=(Also("WANDB_TAGS"),)
    ),
    Setting("notes", str, None, "Notes on the run.", also=(Also("WANDB_NOTES"),)),
    Setting(
        "resume",
        str,
        "",
        "Whether `weft.init` goes on with the run of its id: allow, must, never; auto is the last one that crashed.",
        choices=("", "allow", "must", "never", "auto"),
        also=(
            Also(
                "WANDB_RESUME",
                {"allow": "allow", "must": "must", "never": "never", "auto": "auto", "true": "auto"},
            ),
        ),
    ),
    Setting("trial", str, None, "The trial of a sweep that this process runs, SWEEP:NUMBER; agents set it."),
    Setting("alert_webhook", str, None, "Where who stores alerts of runs posts them, as JSON.", secret=True),
    Setting("sync", bool, False, "Make every record durable against a power cut before the call returns."),
    Setting(
        "drain",
        str,
        "process",
        "Who moves records into the store: a process of its own, a thread, or nobody until the next `weft` command.",
        choices=("process", "thread", "off"),
    ),
    Setting("instrument", bool, True, "Trace openai and litellm without being asked."),
    Setting("capture", bool, True, "Keep inputs and outputs of ops."),
    Setting("media", bool, True, "Keep the images, sounds and files in them."),
    Setting("code", bool, True, "Keep the code of ops as versions."),
    Setting("redact_keys", str, "", "More keys, separated by commas, whose values are never recorded."),
    Setting(
        "redact_patterns",
        str,
        "credentials",
        "Shapes taken out of all texts before they are stored: credentials, emails, cards, by commas; or none.",
    ),
    Setting("redact_regex", str, "", "A regular expression of your own: what it matches in a text is never stored."),
    Setting("sample_rate", float, 1.0, "The share of traces that is recorded, 0 to 1; the root decides for all below."),
    Setting("sample_keep_errors", bool, False, "Record traces that fail even where the sample rate leaves them out."),
    Setting(
        "console",
        str,
        "auto",
        "How what a run prints is kept: wrap (Python's streams), redirect (file descriptors: C libraries and child "
        "processes too), off; auto is wrap.",
        choices=("auto", "wrap", "redirect", "off"),
        words={**dict.fromkeys(_YES, "auto"), **dict.fromkeys(_NO, "off")},
        also=(
            Also(
                "WANDB_CONSOLE",
                {
                    **{word: word for word in ("auto", "wrap", "redirect", "off")},
                    **{"wrap_raw": "wrap", "wrap_emu": "wrap"},
                },
            ),
        ),
    ),
    Setting(
        "git",
        bool,
        True,
        "Keep the git commit, branch and remote of a run, and what is not committed as a patch.",
        also=(Also("WANDB_DISABLE_GIT", dict.fromkeys(_YES, "0")),),
    ),
    Setting(
        "save_code",
        bool,
        False,
        "Keep the program and the files of its folder that git does not know, too.",
        also=(Also("WANDB_DISABLE_CODE", dict.fromkeys(_YES, "0")), Also("WANDB_SAVE_CODE", dict.fromkeys(_YES, "1"))),
    ),
    Setting(
        "env_allow",
        str,
        "",
        "More environment variables that a run keeps, by commas; MYAPP_* is all of them that begin so.",
    ),
    Setting("sync_tensorboard", bool, False, "Log to the run what TensorBoard's writers write."),
    Setting("system_interval_s", float, 5.0, "Time between two system samples; 0 takes none.", "s"),
    Setting(
        "flush_timeout_s",
        float,
        10.0,
        "The longest that an exiting process waits for the store; under half a second where a drainer goes on here.",
        "s",
    ),
    Setting("journal_quota_bytes", int, 10_000_000_000, "The most that the journal may hold.", "bytes"),
    Setting("blobs", str, None, "Where large blobs lie: s3://bucket/prefix or its kin; unset, in WEFT_DIR."),
    Setting("quota_bytes", int, 0, "The most that the files of one project may hold; 0 for any amount.", "bytes"),
    Setting("media_days", float, 0.0, "Media that runs logged go after so many days; 0 keeps them.", "days"),
    Setting("media_steps", int, 0, "Media of a name in a run go but for the newest so many steps; 0 keeps all."),
    Setting("cache_bytes", int, 10_000_000_000, "The most that downloaded files are kept for the next use.", "bytes"),
    Setting(
        "quiet",
        bool,
        False,
        "Print no addresses and notes.",
        also=(Also("WANDB_SILENT", dict.fromkeys(_YES, "1")), Also("WANDB_QUIET", dict.fromkeys(_YES, "1"))),
    ),
    Setting("host", str, "127.0.0.1", "The address that `weft up` listens on; any other needs WEFT_API_KEY."),
    Setting("port", int, 4300, "The port of `weft up`."),
    Setting(
        "hosts", str, "", "More names, separated by commas, that `weft up` answers to: those of a proxy before it."
    ),
    Setting("otlp_port", int, 4318, "The port on which `weft up` also takes OTLP; 0 for none."),
    Setting(
        "hook_hosts", str, "", "Private hosts, separated by commas, that the registry's hooks may reach; * for all."
    ),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_LARGEST_PORT = 65_535
_TRUE = {*_YES}
_FALSE = {*_NO, ""}


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force; one attribute a row of :data:`SETTINGS`."""

    dir: Path
    db: str | None
    url: str | None
    api_key: str | None = field(repr=False)
    project: str
    mode: str
    run_id: str | None
    run_name: str | None
    group: str | None
    job_type: str | None
    tags: str
    notes: str | None
    resume: str
    trial: str | None
    alert_webhook: str | None = field(repr=False)
    sync: bool
    drain: str
    instrument: bool
    capture: bool
    media: bool
    code: bool
    redact_keys: str
    redact_patterns: str
    redact_regex: str
    sample_rate: float
    sample_keep_errors: bool
    console: str
    git: bool
    save_code: bool
    env_allow: str
    sync_tensorboard: bool
    system_interval_s: float
    flush_timeout_s: float
    journal_quota_bytes: int
    blobs: str | None
    quota_bytes: int
    media_days: float
    media_steps: int
    cache_bytes: int
    quiet: bool
    host: str
    port: int
    hosts: str
    otlp_port: int
    hook_hosts: str


def load(overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``overrides`` (None values are passed over), then the environment, then the defaults.

    Raises SettingError for an unknown name or variable and for a value that does not fit; an environment
    variable that is set but empty counts as unset, and then W&B's of the same meaning is read.
    """
    env = os.environ if environ is None else environ
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    for name in given:
        if name not in _BY_NAME:
            raise _unknown(name, "setting", list(_BY_NAME))
    variables = {setting.variable for setting in SETTINGS}
    for variable in env:
        if variable.startswith("WEFT_") and variable not in variables:
            raise _unknown(variable, "variable", sorted(variables))
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        raw = given.get(setting.name, setting.read(env) or setting.default)
        values[setting.name] = raw if raw is None else _convert(setting, raw)
    values["project"] = ids.as_project(values["project"])
    settings = Settings(**values)
    _check_patterns(settings)
    if not ids.is_name(settings.project):
        raise SettingError(
            f"The project name {settings.project!r} cannot stand in an address.",
            remedy=f"Use {ids.NAME_RULE}.",
            field="project",
        )
    if settings.url is not None and not _is_address(settings.url):
        raise SettingError(
            f"WEFT_URL is {settings.url!r}, which is no address of a server.",
            remedy="Write it as http://host:4300 or https://host.",
            field="url",
        )
    if settings.alert_webhook is not None and not _is_address(settings.alert_webhook):
        raise SettingError(
            "WEFT_ALERT_WEBHOOK is no address.", remedy="Write it as https://host/path.", field="alert_webhook"
        )
    return settings


def patterns_of(settings: Settings) -> Patterns:
    """The shapes that these settings take out of texts. Raises ValueError for those that there are none of."""
    return Patterns(settings.redact_patterns.split(","), settings.redact_regex)


def _check_patterns(settings: Settings) -> None:
    try:
        patterns_of(settings)
    except ValueError as error:
        field = "redact_regex" if settings.redact_regex and "expression" in str(error) else "redact_patterns"
        raise SettingError(
            f"{_BY_NAME[field].variable} is {getattr(settings, field)!r}: {error}.",
            remedy="Use names such as credentials,emails and a regular expression of Python.",
            field=field,
        ) from None


def to_environ(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which :func:`load` gives ``settings`` again; what is not Weft's stays as in ``environ``."""
    env = {name: value for name, value in (environ or os.environ).items() if not name.startswith("WEFT_")}
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        if value is not None:
            env[setting.variable] = str(int(value)) if setting.type is bool else str(value)
    return env


def to_dict(settings: Settings) -> dict[str, Any]:
    """The settings by name, as :func:`load` takes them; those that are not set are left out."""
    values = {setting.name: getattr(settings, setting.name) for setting in SETTINGS}
    return {name: value for name, value in values.items() if value is not None}


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _unknown(name: str, what: str, known: list[str]) -> SettingError:
    # Compared without the prefix that all variables share, which would make any two of them alike.
    bare = {other.removeprefix("WEFT_"): other for other in known}
    close = [bare[match] for match in difflib.get_close_matches(name.removeprefix("WEFT_"), bare, 1)]
    remedy = f"Did you mean {close[0]}?" if close else "`weft settings` lists the known ones."
    return SettingError(f"There is no {what} {name}.", remedy=remedy, field=name)


def _convert(setting: Setting, raw: Any) -> Any:
    raw = setting.words.get(str(raw).strip().lower(), raw)
    try:
        if setting.type is bool:
            value: Any = _as_bool(raw)
        elif setting.type is Path:
            value = Path(raw).expanduser().absolute()
        else:
            value = setting.type(raw)
    except (TypeError, ValueError):
        raise SettingError(
            f"{setting.variable} is {raw!r}, which is not a {setting.type.__name__}.",
            remedy=f"{setting.help} The default is {setting.default!r}.",
            field=setting.name,
        ) from None
    if setting.type is Path and "://" in str(raw):
        raise SettingError(
            f"{setting.variable} is {raw!r}, which is an address, not a folder.",
            remedy="Give a server's as url=... or WEFT_URL, a database's as db=... or WEFT_DB.",
            field=setting.name,
        )
    if setting.choices and value not in setting.choices:
        raise SettingError(
            f"{setting.variable} is {value!r}.", remedy=f"Use one of {', '.join(setting.choices)}.", field=setting.name
        )
    if isinstance(value, int | float) and value < 0:
        raise SettingError(f"{setting.variable} is {value}.", remedy="Use zero or more.", field=setting.name)
    if setting.name == "sample_rate" and not 0 <= value <= 1:  # not-a-number is no share either
        raise SettingError(
            f"{setting.variable} is {value}, which is no share.", remedy="Use a number from 0 to 1.", field=setting.name
        )
    if setting.name in {"port", "otlp_port"} and value > _LARGEST_PORT:
        raise SettingError(
            f"{setting.variable} is {value}, which is no port.", remedy=f"Use 0 to {_LARGEST_PORT}.", field=setting.name
        )
    return value


def _as_bool(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    text = str(raw).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(text)
