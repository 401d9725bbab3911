"""The registry: what is in production, since when, by whom, on which evidence?"""

from __future__ import annotations

from collections.abc import Sequence

from weft import formatting as fmt
from weft.records import Deployment, Registered, Standing
from weft.registry import Registry
from weft.review_ui import data, people, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.views import registry_entry

_PRODUCTION = "production"
_CODE = """import weft
with weft.init("my-project", kind="train") as run:
    model = run.log_artifact(weft.Artifact("weights", "model"))
    run.link_artifact(model, "registry/classifier")
weft.registry.promote("classifier", "production", reason="first one")"""
_COLUMNS = [
    Column("Name"),
    Column("Type", "84px", low=True),
    Column("In production", "112px"),
    Column("Since", "112px", low=True),
    Column("By", "9%", low=True),
    Column("Why", "18%", low=True),
    Column("Other stages", "140px"),
    Column("Deployed", "13%", low=True),
    Column("Versions", "72px", "r"),
]


def page() -> None:
    """One registered name where the address names it, else all of them."""
    name = ui.parameter("name")
    if name:
        registry_entry.show(decider(), name)
        return
    ui.head("Registry", "all projects")
    store = data.store()
    every = store.registry.list_registered()
    if not every:
        ui.empty("Nothing is registered yet.", _CODE)
        return
    with ui.filters():
        words = ui.filter_text("Search", "q", "Search names", width=320)
        kind = ui.filter_choice("Type", "type", sorted({known.type for known in every}))
    wanted = words.lower().split()
    found = [
        known
        for known in every
        if (not kind or known.type == kind)
        and all(word in f"{known.name} {known.description or ''}".lower() for word in wanted)
    ]
    standings = store.registry.list_standings()
    live = {standing.version.name: standing for standing in standings if standing.stage == _last(every, standing)}
    ui.facts({"Registered": fmt.count(len(found)), "In production": fmt.count(sum(one.name in live for one in found))})
    deployments = deployed({standing.version.project for standing in live.values()})
    table(
        _COLUMNS,
        [_row(known, live.get(known.name), standings, deployments) for known in found],
        key="registered",
    )
    ui.keys({"j k": "move", "enter": "open"})
    ui.python(
        "registry = weft.Api().registry\n"
        "for known in registry.store.registry.list_registered():\n"
        "    print(known.name, registry.production(known.name))"
    )


def decider() -> Registry:
    """The registry in the name of whoever looks at the page."""
    role = people.role()
    assert role is not None
    return Registry(data.store(), people.signed_in(), role=role)


def deployed(projects: set[str]) -> dict[tuple[str, str], list[Deployment]]:
    """What serves now, by project and name of the artifact."""
    found: dict[tuple[str, str], list[Deployment]] = {}
    for project in projects:
        for one in data.store().deployments.list_deployments(project):
            found.setdefault((project, one.name), []).append(one)
    return found


def _last(every: Sequence[Registered], standing: Standing) -> str:
    """The stage that stands for production: the one called so, else the last that holds one version."""
    known = next(known for known in every if known.name == standing.version.name)
    return live_stage(known)


def live_stage(known: Registered) -> str:
    """The stage that stands for production: the one called so, else the last that holds one version."""
    names = [stage.name for stage in known.stages if not stage.many]
    return _PRODUCTION if _PRODUCTION in names or not names else names[-1]


def _row(
    known: Registered,
    live: Standing | None,
    standings: Sequence[Standing],
    deployments: dict[tuple[str, str], list[Deployment]],
) -> Row:
    href = address("/registry", name=known.name, project=data.project())
    others = [s for s in standings if s.version.name == known.name and s is not live and s.stage != "archived"]
    told = ", ".join(f"{one.stage} v{one.version.version}" for one in others) or None
    if live is None:
        cells: list[Cell | str | None] = [None, None, None, None]
        serves = None
    else:
        version, event = live.version, live.event
        since = Cell(ui.ago(event.time_ns), hover=ui.moment(event.time_ns), value=float(event.time_ns))
        cells = [f"v{version.version}  {version.artifact}", since, event.author, event.reason]
        where = deployments.get((version.project, version.artifact.rpartition(":")[0]), [])
        serves = ", ".join(f"{one.environment} {one.ref.rpartition(':')[2]}" for one in where)
    count = Cell(fmt.count(known.versions), value=known.versions)
    return Row(
        [Cell(known.name, href=href, hover=known.description), known.type, *cells, told, serves, count], href=href
    )
