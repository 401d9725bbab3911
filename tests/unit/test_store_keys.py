"""Names of attributes as they are written in ``facets``, and back."""

from __future__ import annotations

import json

import pytest

from weft.otlp import names
from weft.store import keys


@pytest.mark.parametrize("name", ["gen_ai.request.model", "user.tier", "", "~", "~m", "~~m", "~zz", "m"])
def test_each_name_has_a_key_of_its_own(name: str) -> None:
    assert keys.named(keys.coded(name)) == name


def test_no_two_names_share_a_key() -> None:
    known = list(keys._CODES)
    every = [*known, *keys._CODES.values(), "user.tier", "~~m"]
    assert len({keys.coded(name) for name in every}) == len(every)
    assert all(keys.named(keys.coded(name)) == name for name in every)
    assert all(code.startswith("~") and 2 <= len(code) <= 3 and code[1] != "~" for code in keys._CODES.values())
    assert keys.coded(names.WEFT_PROMPT) == "~wp"


def test_a_code_of_a_newer_version_reads_as_it_stands() -> None:
    assert keys.named("~zz") == "~zz"


def test_the_keys_of_a_text_are_written_otherwise() -> None:
    text = '{"gen_ai.system": "s", "~y": [1], "n": 1}'
    recoded = keys.recoded(text, keys.coded)
    assert recoded is not None
    assert json.loads(recoded) == {"~y": "s", "~~y": [1], "n": 1}
    assert json.loads(keys.recoded(recoded, keys.named) or "") == json.loads(text)
    for same in (None, "", "[1]", '{"n": 1e2}'):
        assert keys.recoded(same, keys.coded) == same
