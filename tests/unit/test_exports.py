"""The package's face: every public name imports, and importing the package itself imports nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import weft
from weft import scorers

HEAVY = {"litellm", "openai", "streamlit", "fastapi", "pandas", "scipy", "alembic", "sqlalchemy", "numpy"}


@pytest.mark.parametrize("name", weft.__all__)
def test_every_public_name_imports(name: str) -> None:
    assert hasattr(weft, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'weft' has no attribute 'initialise'"):
        _ = weft.initialise  # type: ignore[attr-defined]


OF_THE_RUN = {"run", "config", "summary"}


def test_type_checkers_see_the_same_names_in_the_same_homes() -> None:
    assert weft.__file__ is not None
    tree = ast.parse(Path(weft.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen: dict[str, str] = {}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            seen.update((alias.name, node.module or "") for alias in node.names)
        elif isinstance(node, ast.AnnAssign):
            assert ast.unparse(node.target) in OF_THE_RUN
    modules = {name: f"{home}.{name}" for name, home in seen.items() if f"{home}.{name}" in weft._MODULES.values()}
    assert modules == weft._MODULES
    assert {name: home for name, home in seen.items() if name not in modules} == weft._HOMES
    assert set(weft.__all__) == {*weft._HOMES, *modules, *OF_THE_RUN, "__version__"}
    assert dir(weft) == sorted(weft.__all__)


def test_type_checkers_see_the_same_scorers_in_the_same_homes() -> None:
    assert scorers.__file__ is not None
    block = next(node for node in ast.parse(Path(scorers.__file__).read_text()).body if isinstance(node, ast.If))
    seen = {a.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert seen == {name: f"weft.scorers.{home}" for name, home in scorers._MODULES.items()}
    assert set(scorers.__all__) == set(seen)
    assert dir(scorers) == sorted(seen)
    assert all(getattr(scorers, name).__module__ == home for name, home in seen.items() if name != "ScoreValue")
    with pytest.raises(AttributeError, match=r"module 'weft.scorers' has no attribute 'Taste'"):
        _ = scorers.Taste  # type: ignore[attr-defined]


def imported_by(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}


def test_import_weft_is_light() -> None:
    assert imported_by("import weft") & HEAVY == set()


def test_an_op_without_a_session_is_light() -> None:
    code = "import weft\n@weft.op\ndef f(): return 1\nf()"
    assert imported_by(code) & (HEAVY - {"numpy"}) == set()


def test_the_commands_version_and_help_are_light() -> None:
    for option in ("--version", "--help"):
        code = f"import sys; sys.argv = ['weft', '{option}']; import weft.cli; weft.cli.main()"
        assert imported_by(code) & (HEAVY | {"opentelemetry", "pydantic", "orjson"}) == set()


def test_frameworks_are_names_of_the_package_and_not_exported() -> None:
    assert all(find_spec(f"weft.integrations.{name}") for name in weft._FRAMEWORKS)
    assert weft.sklearn.__name__ == "weft.integrations.sklearn"
    assert not weft._FRAMEWORKS & set(weft.__all__)
