"""What every test shares: an empty home, no Weft variables, no clock, ids or main module left behind."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from weft import clock, ids

# The contract of stores is a class of tests that ships with Weft.
pytest.register_assert_rewrite(
    "weft.testing.contract_observations", "weft.testing.contract_decisions", "weft.testing.contract_runs"
)

with suppress(ModuleNotFoundError):  # the environments of clients and frameworks have none
    from hypothesis import HealthCheck, settings

    # How long an example takes says how busy the machine is.
    settings.register_profile("weft", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("weft")


FAILED = pytest.StashKey[bool]()
# Sockets, programs and threads that a failed test left open end in the midst of its next try, of its neighbours or of
# pytest's own end: from the first failure on they are warnings of this process, not errors.
LEFT_BEHIND = (
    ResourceWarning,
    pytest.PytestUnraisableExceptionWarning,
    pytest.PytestUnhandledThreadExceptionWarning,
)


@pytest.fixture(autouse=True)
def fresh_home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Point WEFT_DIR at an empty folder, drop every other WEFT_ variable, restore clock and ids afterwards."""
    for variable in list(os.environ):
        if variable.startswith(("WEFT_", "WANDB_")) or variable in {"OPENAI_API_KEY", "OPENAI_BASE_URL"}:
            monkeypatch.delenv(variable)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # Streamlit's AppTest leaves its script there
    home = tmp_path / "weft-home"
    monkeypatch.setenv("WEFT_DIR", str(home))
    yield home
    if request.node.stash.get(FAILED, False) and "weft.session" in sys.modules:
        sys.modules["weft.session"].close()  # a run that goes on would take the next try into its own folder
    clock.replace(None)
    ids.replace(None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep whether the test has failed, for its teardown."""
    report = yield
    item.stash[FAILED] = report.failed
    if report.failed:
        item.config.stash[FAILED] = True
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """After a failure take everything down, servers that several tests share included: what the test left in them
    would fail its second try, or its neighbours."""
    if item.stash.get(FAILED, False):
        only_told(LEFT_BEHIND)
        item.session._setupstate.teardown_exact(None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """End a child that a test has forked and that comes out of the test, as by an exception: it would go on with all
    other tests beside its parent, and report them twice."""
    process = os.getpid()
    try:
        return (yield)
    finally:
        if os.getpid() != process:
            os._exit(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tell what an earlier failure left behind."""
    if item.config.stash.get(FAILED, False):
        only_told(LEFT_BEHIND)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Likewise what is found when pytest ends."""
    if config.stash.get(FAILED, False):
        only_told(LEFT_BEHIND)


def only_told(kinds: tuple[type[Warning], ...]) -> None:
    """Show warnings of these kinds, whatever the settings make of them."""
    for kind in kinds:
        warnings.simplefilter("default", kind)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what failed in `make test` and was tried again, whether it passed then or not."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"failed at first: {report.nodeid}")
        terminalreporter.line(str(report.longrepr))
