"""The pytest plugin: tests of functions that ``@weft.eval_test`` marks. Nothing else of Weft is imported without one.

An example is a test item, or the whole evaluation where it has gates. What the items find is a run of kind ``eval`` as
any other evaluation is; items of several xdist workers are of one run, whose figures the controller writes at the end.
A rerun is no second draw: an answer that was wrong stays wrong, and only a case without an answer is asked again.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from weft.evals.as_tests import Case, EvalTest
    from weft.evals.checks import Check
    from weft.evals.evaluation import Evaluation
    from weft.recording import Recorder
    from weft.records import Example

_ATTRIBUTE = "__weft_eval__"  # weft.evals.as_tests.ATTRIBUTE, without importing it
_EXAMPLE = "weft_example"
_REPORT = "weft_eval"  # on a report: what its item found, as plain data, so that it comes back from a worker


def pytest_addoption(parser: pytest.Parser) -> None:
    """Two settings of the project."""
    parser.addini("weft_project", "the project that evaluations are recorded in", default="")
    parser.addini("weft_record", "whether evaluations are recorded", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """Be there for marked functions."""
    config.pluginmanager.register(EvalTests(config), "weft-eval-tests")


class EvalTests:
    """The evaluations of one pytest session, in this process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._worker = hasattr(config, "workerinput")
        self._session: str = getattr(config, "workerinput", {}).get("weft") or os.urandom(8).hex()
        self._began: set[str] = set()
        self._cases: dict[str, Case] = {}  # by node id
        self._wholes: dict[str, Check] = {}
        self._found: dict[str, dict[str, Any]] = {}  # evaluation -> example -> its numbers, from all processes
        self._failed: set[str] = set()  # evaluations of which a case failed
        self._lines: dict[str, list[str]] = {}
        self._started = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker the session's name, from which all derive the ids of runs."""
        node.workerinput["weft"] = self._session

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """An item an example; with gates one."""
        spec: EvalTest | None = getattr(metafunc.function, _ATTRIBUTE, None)
        if spec is None:
            return
        columns = [name for name in spec.columns(metafunc.function) if name in metafunc.fixturenames]
        metafunc.fixturenames.append(_EXAMPLE)
        examples: list[Example | None] = [None]
        if spec.dataset is not None and not spec.gates:
            examples = [*spec.dataset.examples]
        rows = [(example, *(None for _ in columns)) for example in examples]
        ids = ["gates" if example is None else example.example_id for example in examples]
        metafunc.parametrize((_EXAMPLE, *columns), rows, ids=ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Ask, score and judge in place of a plain call."""
        spec: EvalTest | None = getattr(pyfuncitem.obj, _ATTRIBUTE, None)
        if spec is None:
            return None
        from weft.errors import WeftError  # noqa: PLC0415 - an inert plugin imports nothing

        example: Any = pyfuncitem.callspec.params[_EXAMPLE]
        try:
            problems = self._whole(pyfuncitem, spec) if example is None else self._case(pyfuncitem, spec, example)
        except WeftError as error:
            problems = [str(error)]
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)
        return True

    def _case(self, item: pytest.Function, spec: EvalTest, example: Example) -> list[str]:
        from weft.evals import as_tests, case_runs  # noqa: PLC0415 - an inert plugin imports nothing

        before = self._cases.get(item.nodeid)
        if before is not None and before.answered:
            return [*before.problems, "A rerun is no second draw: the first answer counts."] if before.problems else []
        evaluation = _evaluation(item, spec)
        recorder = self._recorder()
        run_id = self._run_id(evaluation.name)
        if evaluation.name not in self._began:
            self._began.add(evaluation.name)
            case_runs.begin(evaluation, run_id, recorder)
        case = as_tests.run_case(evaluation, run_id, recorder, example, spec.at_least)
        self._cases[item.nodeid] = case
        return case.problems

    def _whole(self, item: pytest.Function, spec: EvalTest) -> list[str]:
        from weft.evals import as_tests, case_runs  # noqa: PLC0415 - an inert plugin imports nothing
        from weft.evals.gates import Outcome  # noqa: PLC0415 - likewise

        done = self._wholes.get(item.nodeid)
        if done is None or done.outcome is Outcome.ERROR:
            places = case_runs.places(item.path.parent, self._recorder())
            done = self._wholes[item.nodeid] = as_tests.run_whole(_evaluation(item, spec), spec, places)
        bad = {Outcome.FAIL, Outcome.ERROR} | ({Outcome.INCONCLUSIVE} if spec.inconclusive == "fail" else set())
        if done.outcome is Outcome.ERROR and not done.verdicts:
            return ["No sample got an answer."]
        return [str(verdict) for verdict in done.verdicts if verdict.outcome in bad]

    def _run_id(self, name: str) -> str:
        from weft import digests  # noqa: PLC0415 - an inert plugin imports nothing

        return digests.of_json([self._session, name])[:12]

    def _recorder(self) -> Recorder:
        """Where this process records; a session is started where none runs and recording is not switched off."""
        import weft  # noqa: PLC0415 - an inert plugin imports nothing
        from weft import recording  # noqa: PLC0415 - likewise
        from weft.evals.unrecorded import Unrecorded  # noqa: PLC0415 - likewise

        config = self._config
        if recording.active is None and config.getini("weft_record") and not self._started:
            self._started = True
            settings = {"quiet": True, "console": False, "system_interval_s": 0.0}
            project = config.getini("weft_project") or None
            name = f"pytest in {config.rootpath.name}"
            weft.init(project, name=name, job_type="eval", id=self._run_id(""), settings=settings)
        return recording.active or Unrecorded()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what an item found on its report."""
        report = yield
        case, whole = self._cases.get(item.nodeid), self._wholes.get(item.nodeid)
        if call.when == "call" and case is not None:
            from weft.evals import baselines  # noqa: PLC0415 - an inert plugin imports nothing

            setattr(report, _REPORT, {"case": baselines.to_data(case.measured), "failed": bool(case.problems)})
        elif call.when == "call" and whole is not None:
            lines = [f"{whole.measured.name}: {verdict}" for verdict in whole.verdicts]
            setattr(report, _REPORT, {"whole": [item.nodeid, lines]})
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what items found, those of workers too."""
        told: dict[str, Any] | None = getattr(report, _REPORT, None)
        if told is None or self._worker:
            return
        if "case" in told:
            (example,) = told["case"]["examples"]
            self._found.setdefault(told["case"]["name"], {})[example["id"]] = told["case"]
            if told["failed"]:
                self._failed.add(told["case"]["name"])
        else:
            nodeid, lines = told["whole"]
            self._lines[nodeid] = lines

    def pytest_sessionfinish(self) -> None:
        """Write the figures over all cases; wait until everything is stored."""
        if self._found:
            from weft.evals import baselines, case_runs  # noqa: PLC0415 - an inert plugin imports nothing

            recorder = self._recorder()
            for name, cases in self._found.items():
                parts = [baselines.from_data(data) for data in cases.values()]
                figures = case_runs.end(parts, recorder, passed=name not in self._failed)
                self._lines[name] = [f"{name}: {metric} is {figure}" for metric, figure in figures.items()]
                self._lines[name] += [f"{name}: {parts[0].url}"] if parts[0].url else []
        if self._started:
            import weft  # noqa: PLC0415 - an inert plugin imports nothing

            weft.finish()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The figures and the verdicts."""
        if self._lines:
            terminalreporter.section("evaluations")
            for lines in self._lines.values():
                for line in lines:
                    terminalreporter.write_line(line)


def _evaluation(item: pytest.Function, spec: EvalTest) -> Evaluation:
    """The evaluation of an item, on its function with the fixtures filled in."""
    fixtures = {name: item.funcargs[name] for name in spec.fixtures(item.obj)}
    function = functools.partial(item.obj, **fixtures) if fixtures else item.obj
    return spec.evaluation(function, item.originalname or item.name)
