"""One run: what it is, how it goes, what it printed, made and used, each in a tab with an address."""

from __future__ import annotations

from collections.abc import Callable

from weft.records import Run, RunStatus
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import charts_of, logged_of
from weft.review_ui.components.run_page import console, run_code, run_files, run_head, run_overview
from weft.review_ui.views.run_calls import calls
from weft.review_ui.views.run_lineage import lineage


def charts(run: Run, *, system: bool) -> None:
    """The curves of what the run logged, or of the machine that it ran on; how to have some where there are none."""
    text = "system/" if system else None
    found = data.store().series.list_names(run_ids=[run.run_id], text=text, limit=_LOOKED_AT).items
    if run.status == RunStatus.RUNNING or any(one.name.startswith("system/") == system for one in found):
        charts_of([run.run_id], system=system)
    else:
        ui.empty(*(_NO_SAMPLES if system else _NO_METRICS))


_LOOKED_AT = 200
_NO_METRICS = (
    "This run has logged no metrics.",
    'import weft\nwith weft.init("my-project") as run:\n    for step in range(100):\n        run.log({"loss": 0.5})',
)
_NO_SAMPLES = (
    "No samples were taken of the machine: the run was too short, or WEFT_SYSTEM_INTERVAL_S was 0.",
    "WEFT_SYSTEM_INTERVAL_S=2 python train.py   # a sample every two seconds",
)
_TABS: dict[str, tuple[str, Callable[[Run], None]]] = {
    "overview": ("Overview", run_overview),
    "charts": ("Charts", lambda run: charts(run, system=False)),
    "media": ("Media and tables", lambda run: logged_of([run.run_id], run.project)),
    "system": ("System", lambda run: charts(run, system=True)),
    "console": ("Console", console),
    "files": ("Files", run_files),
    "code": ("Code", run_code),
    "artifacts": ("Artifacts", lineage),
    "calls": ("Traces and evaluations", calls),
}
_KEYS = {"1 … 9": "the tabs", "/": "find"}
_OF_TABS = {
    "console": {"g G": "first line, last line and follow", "t": "times"},
    "files": {"j k": "next, previous file"},
    "code": {"j k": "next, previous file"},
    "artifacts": {},
}
_EMPTY_CODE = "import weft\nfor run in weft.Api().runs():\n    print(run.run_id, run.name)"


def page() -> None:
    """Everything recorded of one run."""
    run_id = ui.parameter("id")
    if not run_id:
        ui.empty("No run is named in this address.", _EMPTY_CODE)
        return
    run = data.store().runs.get_run(run_id)
    data.adopt(run.project)
    ui.named(run.name, headed=True)
    tab = ui.parameter("tab", "overview")
    tab = tab if tab in _TABS else "overview"
    run_head(run, [(name, title) for name, (title, _) in _TABS.items()], tab)
    if run.kind == "eval":
        ui.links({"Its results as an evaluation": address("/evaluation", id=run.run_id)})
    _TABS[tab][1](run)
    ui.keys({**_KEYS, **_OF_TABS.get(tab, {})}, back=address("/runs", project=run.project), line=False)
    ui.python(_PYTHON.get(tab, _PYTHON["overview"]).format(id=run.run_id, project=ui.quoted(run.project)))


_PYTHON = {
    "overview": 'run = weft.Api().run("{id}")\nrun.config, run.summary, run.status',
    "charts": 'history = weft.Api().run("{id}").history()',
    "system": 'history = weft.Api().run("{id}").history(stream="system")',
    "media": 'run = weft.Api().run("{id}")\nrun.media(), run.logged("name")',
    "console": 'lines = weft.Api().run("{id}").console()',
    "files": 'for file in weft.Api().run("{id}").files():\n    print(file.name, file.size)',
    "code": 'patch = weft.Api().run("{id}").file("changes.patch").read()',
    "artifacts": 'run = weft.Api().run("{id}")\nrun.logged_artifacts(), run.used_artifacts()',
    "calls": 'traces = weft.Api().traces({project}, run_id="{id}")',
}
