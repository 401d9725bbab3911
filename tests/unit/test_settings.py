import unicodedata

import pytest

from weft import ids, settings
from weft.errors import SettingError


def test_overrides_beat_the_environment_and_none_is_passed_over() -> None:
    env = {"WEFT_PROJECT": "from-env", "WEFT_SYNC": "1"}
    assert settings.load({"project": "mine"}, env).project == "mine"
    assert settings.load({"project": None}, env).project == "from-env"
    assert settings.load({}, env).sync is True


def test_an_unknown_variable_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(SettingError, match="no variable WEFT_PROJCT.*Did you mean WEFT_PROJECT"):
        settings.load({}, {"WEFT_PROJCT": "x"})


def test_the_prefix_that_all_share_makes_no_two_alike() -> None:
    with pytest.raises(SettingError, match="no variable WEFT_FOO. `weft settings` lists the known ones"):
        settings.load({}, {"WEFT_FOO": "x"})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(SettingError, match="no setting zzz"):
        settings.load({"zzz": 1}, {})


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("mode", "sometimes", "Use one of online, offline, disabled"),
        ("port", "many", "not a int"),
        ("port", -1, "zero or more"),
        ("port", 99_999, "WEFT_PORT is 99999, which is no port. Use 0 to 65535"),
        ("otlp_port", 65_536, "WEFT_OTLP_PORT is 65536, which is no port"),
        ("url", "localhost:4300", "WEFT_URL is 'localhost:4300', which is no address of a server. Write it as http://"),
        ("url", "ftp://host", "no address of a server"),
        ("url", "http://", "no address of a server"),
        ("url", "http://[host", "no address of a server"),
        (
            "dir",
            "http://host:4300",
            "WEFT_DIR is .http://host:4300., which is an address, not a folder. Give a server.s as url=",
        ),
        ("sync", "perhaps", "not a bool"),
        ("project", "../etc", "cannot stand in an address"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: object, text: str) -> None:
    with pytest.raises(SettingError, match=text):
        settings.load({name: value}, {})


def test_the_table_and_the_record_have_the_same_names() -> None:
    assert [s.name for s in settings.SETTINGS] == list(settings.Settings.__dataclass_fields__)


def test_the_key_is_not_shown() -> None:
    assert "hush" not in repr(settings.load({"api_key": "hush"}, {}))


def test_an_owner_before_the_projects_name_becomes_a_part_of_it() -> None:
    assert settings.load({"project": "acme/shop"}, {}).project == "acme.shop"
    assert settings.load({}, {"WEFT_PROJECT": "/acme/shop/"}).project == "acme.shop"
    with pytest.raises(SettingError, match=r"The project name '\.\.\.\.' cannot stand in an address"):
        settings.load({"project": "../."}, {})


def test_names_of_any_script_are_kept_composed_and_nothing_unseen_or_leading_elsewhere() -> None:
    for name in ("Проект", "größe", "my project", "实验 🚀", "RL+LLM (v2), a&b=c", "_test", "é" * 100):
        assert settings.load({"project": unicodedata.normalize("NFD", name)}, {}).project == name
    for name in (
        "a\\b",
        ".x",
        "a:b",
        "a\u202eb",
        "a\u200bb",
        "a\nb",
        "a?b",
        "a#b",
        "a%b",
        "a'b",
        'a"b',
        "-x",
        "é" * 101,
    ):
        assert not ids.is_name(name), name
    assert not ids.is_name("e\u0301")  # only as one sign
    assert not ids.is_plain("größe")  # ids of runs, which stand in variables and headers


def test_variables_of_wandb_are_read_where_ours_are_unset() -> None:
    theirs = {
        "WANDB_PROJECT": "team/fruit",
        "WANDB_NAME": "n",
        "WANDB_RUN_ID": "r1",
        "WANDB_RUN_GROUP": "g",
        "WANDB_JOB_TYPE": "train",
        "WANDB_TAGS": "a,b",
        "WANDB_NOTES": "why",
        "WANDB_RESUME": "true",
        "WANDB_MODE": "dryrun",
        "WANDB_CONSOLE": "wrap_raw",
        "WANDB_DISABLE_GIT": "true",
        "WANDB_SAVE_CODE": "true",
        "WANDB_SILENT": "true",
    }
    found = settings.load(environ=theirs)
    assert (found.project, found.run_name, found.run_id, found.group) == ("team.fruit", "n", "r1", "g")
    assert (found.job_type, found.tags, found.notes, found.resume) == ("train", "a,b", "why", "auto")
    assert (found.mode, found.console, found.git, found.save_code, found.quiet) == (
        "offline",
        "wrap",
        False,
        True,
        True,
    )
    both = settings.load(environ={**theirs, "WEFT_PROJECT": "ours", "WEFT_MODE": "online"})
    assert (both.project, both.mode) == ("ours", "online")
    assert settings.load({"project": "given"}, environ=theirs).project == "given"
    assert settings.load(environ={"WANDB_DISABLED": "true", "WANDB_MODE": "online"}).mode == "disabled"
    # What has no meaning here is passed over, as W&B's own settings are not ours to judge.
    assert settings.load(environ={"WANDB_MODE": "moon", "WANDB_CONSOLE": "?", "WANDB_SILENT": "false"}).mode == "online"
    assert settings.load(environ={"WANDB_API_KEY": "k", "WANDB_BASE_URL": "http://h"}).url is None


@pytest.mark.parametrize(("given", "meant"), [(True, "auto"), (False, "off"), ("0", "off"), ("redirect", "redirect")])
def test_the_console_may_still_be_turned_on_and_off(given: object, meant: str) -> None:
    assert settings.load({"console": given}).console == meant
    with pytest.raises(SettingError, match="WEFT_CONSOLE is 'loud'"):
        settings.load({"console": "loud"})
