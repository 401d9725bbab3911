"""One registered name: its stages side by side, what a promotion needs, versions, the log, the card."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from weft import formatting as fmt
from weft.errors import WeftError
from weft.records import (
    CheckState,
    Deployment,
    Registered,
    RegistryAction,
    RegistryEvent,
    RegistryVersion,
    Role,
    Standing,
)
from weft.registry import Registry, model_card
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.markup import Markup

_SHOWN = 5  # versions of a stage that holds many
_LOG = 100


_CODE = """import weft
with weft.init("my-project"):
    weft.registry.register("weights:v1", {name})"""


def show(registry: Registry, name: str) -> None:
    """The page of a name."""
    store = registry.store
    known = store.registry.get_registered(name)
    versions = store.registry.list_versions(name)
    standings = store.registry.list_standings(name)
    ui.head(known.name, known.type)
    ui.told()
    if known.description:
        ui.note(known.description)
    if not versions:
        ui.empty("No version is registered under this name yet.", _CODE.format(name=ui.quoted(name)))
        return
    deployments = [
        one
        for project, artifact in sorted({(v.project, v.artifact.rpartition(":")[0]) for v in versions})
        for one in store.deployments.list_deployments(project, name=artifact)
    ]
    ui.show(_columns(known, standings, deployments))
    _serving(versions, deployments)
    _decide(registry, known, versions, standings)
    ui.section(f"Versions ({fmt.count(len(versions))})")
    _versions(versions)
    ui.section("Decisions")
    _log(registry.history(name, limit=_LOG))
    _card(registry, known, versions)
    ui.keys({"j k": "move in the versions", "enter": "open"}, back=address("/registry", project=data.project()))
    stage = ui.quoted(known.stages[0].name)
    ui.python(f"model = weft.Api().registry.get({ui.quoted(name)}, stage={stage})\nprint(model.download())")


def _columns(known: Registered, standings: Sequence[Standing], deployments: Sequence[Deployment]) -> Markup:
    """The stages as columns, each version in them a card."""
    columns = []
    for stage in known.stages:
        here = [one for one in standings if one.stage == stage.name]
        cards = [_standing(one, deployments) for one in here[:_SHOWN]]
        if len(here) > _SHOWN:
            cards.append(ui.element("div", f"and {len(here) - _SHOWN} more", class_="w-soft"))
        needs = [check for check in known.checks if check.stage == stage.name]
        told = f"requires {fmt.count(len(needs))}" if needs else ""
        head = ui.element(
            "div", ui.element("b", stage.name), ui.element("span", told, class_="w-soft"), class_="w-stage-head"
        )
        body = cards or [ui.element("div", "No version.", class_="w-soft")]
        columns.append(ui.element("section", head, *body, class_="w-stage"))
    return ui.element("div", *columns, class_="w-stages")


def _standing(standing: Standing, deployments: Sequence[Deployment]) -> Markup:
    version, event = standing.version, standing.event
    href = address("/artifact", ref=version.artifact, project=version.project)
    lines = [
        ui.element(
            "div",
            ui.element("b", f"v{version.version}"),
            " ",
            ui.element("a", version.artifact, href=href, target="_self"),
            class_="w-stage-version",
        ),
        ui.element(
            "div", f"{event.action.value} {ui.ago(event.time_ns)} by {event.author}", title=ui.moment(event.time_ns)
        ),
    ]
    if event.reason:
        lines.append(ui.element("div", event.reason, class_="w-soft", title=event.reason))
    for one in event.evidence:
        if "check" in one:
            mark, tone = ("●", "w-good") if one.get("passed") else ("▲", "w-bad")
            lines.append(_evidence(mark, tone, one, version.project))
    if event.overridden:
        lines.append(ui.element("div", f"▲ passed over: {', '.join(event.overridden)}", class_="w-bad"))
    for deployment in deployments:
        if deployment.ref == version.artifact and deployment.project == version.project:
            since = f"serves in {deployment.environment}, begun {ui.ago(deployment.started_ns)}"
            lines.append(ui.element("div", ui.element("span", "● ", class_="w-good"), since))
    return ui.element("div", *lines, class_="w-stage-card")


def _evidence(mark: str, tone: str, one: dict[str, object], project: str) -> Markup:
    run_id = one.get("run_id")
    words: Markup | str = str(one.get("check"))
    if isinstance(run_id, str):
        page = "/evaluation" if str(one.get("check")).startswith("evaluation") else "/run"
        words = ui.element("a", str(words), href=address(page, id=run_id, project=project), target="_self")
    return ui.element("div", ui.element("span", f"{mark} ", class_=tone), words, title=str(one.get("reason") or ""))


def _serving(versions: Sequence[RegistryVersion], deployments: Sequence[Deployment]) -> None:
    """What serves and is no version of the registry that is in a stage."""
    staged = {(v.project, v.artifact) for v in versions if v.stage is not None and v.stage != "archived"}
    for one in deployments:
        if (one.project, one.ref) not in staged:
            ui.note(
                f"{one.ref} serves in {one.environment}, begun {ui.ago(one.started_ns)}, in none of the stages above.",
                tone="warn",
                bold="Elsewhere:",
            )


def _decide(
    registry: Registry, known: Registered, versions: Sequence[RegistryVersion], standings: Sequence[Standing]
) -> None:
    """Promote and roll back, with what is required in sight."""
    ui.section("Promote")
    newest_first = sorted(versions, key=lambda version: -version.version)
    refs = [f"v{version.version}" for version in newest_first]
    stages = [stage.name for stage in known.stages]
    default_stage = "production" if "production" in stages else stages[-1]
    with ui.filters():
        ref = ui.filter_choice("Version", "version", refs, refs[0], width=170)
        stage = ui.filter_choice("Into", "stage", stages, default_stage, width=220)
    version = next(one for one in versions if f"v{one.version}" == ref)
    there = next(
        (one.version for one in standings if one.stage == stage and one.version.version == version.version), None
    )
    states = registry.store.registry.list_checks(known.name, version.version, stage, promoter=registry.author)
    _checks(states, stage)
    missing = [state for state in states if not state.passed]
    expected = _expected(known, standings, stage)
    # Its name says what the page shows: a click on a page that is out of date draws it anew and decides nothing.
    form = f"{known.name}-{ref}-{stage}-{expected}"
    with st.form(f"decide-{form}", border=False):
        reason = st.text_input("Reason", placeholder="Why? The log keeps it.", key=f"reason-{form}")
        over = False
        if missing and registry.role is Role.ADMIN:
            over = st.checkbox("Pass over what is not met (an admin, with a reason)", key=f"over-{form}")
        with st.container(horizontal=True):
            promote = st.form_submit_button(f"Promote {ref} to {stage}", disabled=there is not None)
            back = st.form_submit_button(f"Roll {stage} back") if _can_go_back(known, stage) else False
            approve = st.form_submit_button(f"Approve {ref} for {stage}") if _asks_approval(known, stage) else False
    if there is not None:
        ui.note(f"v{version.version} is in {stage} already.")
    try:
        if promote:
            registry.promote(f"{known.name}:{ref}", stage, reason=reason, override=over, expected=expected)
            ui.tell(f"{known.name} {ref} is in {stage} now.")
        if back:
            now = registry.roll_back(known.name, stage, reason=reason)
            ui.tell(f"{known.name} v{now.version} is in {stage} again.")
        if approve:
            registry.approve(f"{known.name}:{ref}", stage, reason=reason or None)
            ui.tell(f"{known.name} {ref} is approved for {stage}.")
    except WeftError as error:
        ui.note(error.remedy, tone="error", bold=error.message)


def _expected(known: Registered, standings: Sequence[Standing], stage: str) -> int | None:
    """The version that this page shows in a stage, so that a decision made on it meets no surprise."""
    if any(one.name == stage and one.many for one in known.stages):
        return None
    return next((one.version.version for one in standings if one.stage == stage), 0)


def _can_go_back(known: Registered, stage: str) -> bool:
    return any(one.name == stage and not one.many for one in known.stages)


def _asks_approval(known: Registered, stage: str) -> bool:
    return any(check.stage == stage and check.kind.value == "approval" for check in known.checks)


def _checks(states: Sequence[CheckState], stage: str) -> None:
    if not states:
        ui.show(ui.element("div", f"{stage} requires nothing.", class_="w-soft"))
        return
    rows = []
    for state in states:
        run_id = state.evidence.get("run_id")
        href = address("/evaluation", id=run_id, project=data.project()) if run_id else None
        rows.append(
            Row(
                [
                    Cell("met" if state.passed else "not met", status="ok" if state.passed else "error"),
                    state.requirement.text,
                    Cell(state.reason, href=href, hover=state.reason),
                ]
            )
        )
    table(
        [Column("", "96px"), Column("Requirement", "26%"), Column("Why")],
        rows,
        key=f"checks-{stage}",
        keys=False,
        csv=False,
    )


def _versions(versions: Sequence[RegistryVersion]) -> None:
    rows = []
    for one in sorted(versions, key=lambda version: -version.version):
        href = address("/artifact", ref=one.artifact, project=one.project)
        since = Cell(ui.ago(one.staged_ns), hover=ui.moment(one.staged_ns), value=float(one.staged_ns or 0))
        created = Cell(ui.ago(one.created_ns), hover=ui.moment(one.created_ns), value=float(one.created_ns))
        rows.append(
            Row(
                [
                    Cell(f"v{one.version}", value=one.version),
                    Cell(one.artifact, href=href),
                    one.project,
                    one.stage,
                    since if one.staged_ns else None,
                    ", ".join(one.aliases) or None,
                    created,
                    one.created_by,
                    one.note,
                ],
                href=href,
            )
        )
    columns = [
        Column("Version", "70px"),
        Column("Artifact"),
        Column("Project", "12%", low=True),
        Column("Stage", "100px"),
        Column("Since", "118px"),
        Column("Aliases", "12%", low=True),
        Column("Registered", "118px", low=True),
        Column("By", "9%", low=True),
        Column("Note", "16%", low=True),
    ]
    table(columns, rows, key="registry-versions")


def _log(events: Sequence[RegistryEvent]) -> None:
    rows = [
        Row(
            [
                Cell(ui.ago(event.time_ns), hover=ui.moment(event.time_ns), value=float(event.time_ns)),
                event.author,
                Cell(event.action.value, value=event.action.value),
                None if event.version is None else f"v{event.version}",
                _why(event),
                _subject(event),
            ]
        )
        for event in events
    ]
    columns = [
        Column("When", "124px"),
        Column("Who", "12%"),
        Column("What", "100px"),
        Column("Version", "76px"),
        Column("Why"),
        Column("Of", "22%"),
    ]
    table(columns, rows, key="registry-log", keys=False)


def _subject(event: RegistryEvent) -> str | None:
    word = ""
    if event.action is RegistryAction.CHECKED:
        word = " passed" if event.passed else " failed"
    if event.action is RegistryAction.APPROVED and not event.passed:
        word = " taken back"
    before = f", before {event.before}" if event.before else ""
    return f"{event.subject or ''}{word}{before}".strip(", ") or None


def _why(event: RegistryEvent) -> str | None:
    met = [str(one.get("reason")) for one in event.evidence if one.get("passed")]
    over = [f"passed over {', '.join(event.overridden)}"] if event.overridden else []
    return "; ".join([*([event.reason] if event.reason else []), *over, *met]) or None


def _card(registry: Registry, known: Registered, versions: Sequence[RegistryVersion]) -> None:
    ref = ui.parameter("version") or f"v{versions[-1].version}"
    version = next((one for one in versions if f"v{one.version}" == ref), versions[-1])
    with st.expander(f"Model card of v{version.version}"):
        text = model_card(registry.store, version)
        st.markdown(text)
        st.download_button(
            "Download as Markdown", text, f"{known.name}-v{version.version}.md", "text/markdown", on_click="ignore"
        )
