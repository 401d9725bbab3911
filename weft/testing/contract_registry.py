"""The part of the contract that is about the registry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import (
    ArtifactVersion,
    CheckKind,
    Hook,
    LineageEdge,
    NodeKind,
    Person,
    Promotion,
    Registered,
    RegistryAction,
    RegistryEvent,
    Requirement,
    Role,
    RunKind,
    RunStatus,
    RunUpdate,
    Stage,
)
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T

GATED = Requirement("production", CheckKind.EVALUATION, "quality")


def _artifact(store: Store, name: str = "clf", project: str = "p", kind: str = "model") -> str:
    count = len(store.artifacts.list_versions(project, name))
    return store.artifacts.create_version(ArtifactVersion(project, name, kind, 0, f"digest{count}", T)).ref


def _linked(store: Store, versions: int = 2, checks: list[Requirement] | None = None) -> None:
    store.registry.create(Registered("classifier", checks=checks or []), author="ann")
    for _ in range(versions):
        store.registry.link("classifier", "p", _artifact(store), author="ann")


def _promote(store: Store, version: int, stage: str | None = "production", **more: Any) -> Any:
    return store.registry.promote(Promotion("classifier", version, stage, **{"author": "ann", **more}))


def _evaluated(store: Store, run_id: str, ref: str, outcome: str, **more: Any) -> None:
    """A finished evaluation run on a version, with the verdict of its one gate."""
    verdict = {"gate": "correct >= 0.8", "outcome": outcome, "reason": "correct is 0.9 [0.85, 0.95].", "n": 50}
    told = {"name": "quality", "kind": RunKind.EVAL, "status": RunStatus.FINISHED, "started_at_ns": T}
    told["summary"] = {"passed": outcome != "FAIL", "verdicts": [verdict]}
    store.ingest(batch_of(run_id, RunUpdate(run_id, "p", T, **{**told, **more})))
    store.artifacts.add_edge(LineageEdge("p", NodeKind.ARTIFACT, ref, "evaluated", NodeKind.RUN, run_id, T))


class RegistryContract:
    """Names, versions, aliases, the log."""

    def test_a_link_registers_what_is_new_and_counts_versions_across_projects(self, store: Store) -> None:
        _artifact(store)
        _artifact(store)
        _artifact(store, "other", "q")
        link = store.registry.link
        one = link("classifier", "p", "clf:v1", author="ann", aliases=["champion"], note="the first")
        two = link("classifier", "q", "other", author="bob")
        assert [(v.version, v.project, v.artifact, v.created_by) for v in (one, two)] == [
            (1, "p", "clf:v1", "ann"),
            (2, "q", "other:v1", "bob"),
        ]
        assert (one.aliases, one.stage, one.note, one.ref) == (
            ["champion"],
            None,
            "the first",
            "registry/classifier:v1",
        )
        assert link("classifier", "p", "clf:1", author="eve") == one
        [known] = store.registry.list_registered()
        assert (known.name, known.type, known.versions, known.created_by) == ("classifier", "model", 2, "ann")
        assert [stage.name for stage in known.stages] == ["staging", "production", "archived"]
        assert store.registry.get_registered("classifier") == known
        assert store.registry.list_registered(type="dataset") == []
        assert store.registry.list_versions("classifier") == [one, two]
        assert store.registry.list_links("p", "clf:v1") == [one]
        assert store.registry.list_links("p", "clf:v2") == []
        events = store.registry.list_events("classifier").items
        assert [(e.sequence, e.action, e.author, e.version, e.subject) for e in events] == [
            (4, RegistryAction.LINKED, "bob", 2, "q/other:v1"),
            (3, RegistryAction.ALIASED, "ann", 1, "champion"),
            (2, RegistryAction.LINKED, "ann", 1, "p/clf:v1"),
            (1, RegistryAction.CREATED, "ann", None, None),
        ]

    def test_a_reference_resolves_by_number_stage_alias_and_newest(self, store: Store) -> None:
        _linked(store, 3)
        _promote(store, 1)
        store.registry.set_alias("classifier", "candidate", 2, author="ann")
        moved = store.registry.set_alias("classifier", "candidate", 3, author="ann")
        assert moved.aliases == ["candidate"]
        found = {tag: store.registry.get_version(f"classifier{tag}").version for tag in ("", ":v2", ":2", ":latest")}
        assert found == {"": 3, ":v2": 2, ":2": 2, ":latest": 3}
        assert store.registry.get_version("registry/classifier:production").version == 1
        assert store.registry.get_version("classifier:candidate").version == 3
        version = store.artifacts.get_version("elsewhere", "registry/classifier:production")
        assert (version.project, version.ref) == ("p", "clf:v1")
        for number, where in ((1, "production since"), (2, "no stage")):
            with pytest.raises(ConflictError, match=f"clf:v{number} is registry/classifier:v{number}, in {where}"):
                store.artifacts.delete_version("p", "clf", number, author="ann", force=True)
        for ref, message in (
            ("classifier:staging", "No version of 'classifier' is in the registry as 'staging'"),
            ("classifier:v9", "has no version 9 in the registry"),
            ("nothing", "Nothing is registered as 'nothing'"),
        ):
            with pytest.raises(NotFoundError, match=message):
                store.registry.get_version(ref)
            with pytest.raises(NotFoundError, match=message):
                store.artifacts.get_version("p", f"registry/{ref}")
        last = store.registry.list_events("classifier", limit=1).items[0]
        assert (last.subject, last.before, last.version) == ("candidate", "v2", 3)

    def test_what_cannot_be_registered(self, store: Store) -> None:
        _linked(store, 1)
        registry = store.registry
        _artifact(store, "rows", kind="dataset")
        with pytest.raises(ConflictError, match="'classifier' is registered as a model, not a dataset"):
            registry.link("classifier", "p", "rows", author="ann")
        with pytest.raises(NotFoundError, match="no artifact 'nothing'"):
            registry.link("classifier", "p", "nothing", author="ann")
        for name, alias, message in (
            ("a/b", "x", "name 'a/b' cannot stand in an address"),
            ("classifier", "v3", "'v3' would read as a version"),
            ("classifier", "latest", "'latest' would read as a version"),
            ("classifier", "production", "'production' is a stage of 'classifier', not an alias"),
        ):
            with pytest.raises(InputError, match=message):
                registry.link(name, "p", "clf", author="ann", aliases=[alias])
        with pytest.raises(InputError, match="Nobody is named who decides"):
            registry.record_check("classifier", 1, "latency", True, author=" ")
        with pytest.raises(InputError, match="The stages are none, or one stands twice"):
            registry.create(Registered("x", stages=[Stage("a"), Stage("a")]), author="ann")
        with pytest.raises(InputError, match=r"of the stage 'live', which is not among staging, production"):
            registry.create(Registered("x", checks=[replace(GATED, stage="live")]), author="ann")
        with pytest.raises(InputError, match="Approvals are by members or admins, not 'owner'"):
            registry.create(Registered("x", checks=[Requirement("staging", CheckKind.APPROVAL, "owner")]), author="ann")
        with pytest.raises(InputError, match="0 approvals are none"):
            registry.create(
                Registered("x", checks=[Requirement("staging", CheckKind.APPROVAL, "admin", count=0)]), author="ann"
            )
        assert [known.name for known in registry.list_registered()] == ["classifier"]
        assert registry.list_events("x").items == []

    def test_stages_and_requirements_are_an_admins_to_change(self, store: Store) -> None:
        _linked(store, 1)
        known = store.registry.get_registered("classifier")
        own = replace(known, stages=[Stage("canary"), Stage("live")], checks=[replace(GATED, stage="live")])
        store.registry.change(replace(known, description="Sorts letters."), author="bob", role=Role.MEMBER)
        assert store.registry.get_registered("classifier").description == "Sorts letters."
        changed = store.registry.change(own, author="ann", reason="our own steps")
        assert (changed.stages, changed.checks) == (own.stages, own.checks)
        event = store.registry.list_events("classifier", limit=1).items[0]
        assert (event.action, event.reason) == (RegistryAction.CHANGED, "our own steps")
        assert [stage["name"] for stage in event.evidence[0]["after"]["stages"]] == ["canary", "live"]
        _promote(store, 1, "canary")
        with pytest.raises(ConflictError, match="The stage 'canary' of 'classifier' holds v1"):
            store.registry.change(replace(own, stages=[Stage("live")]), author="ann")

    def test_the_log_counts_on_in_pages(self, store: Store) -> None:
        _linked(store, 3)
        seen: list[RegistryEvent] = []
        cursor = None
        while True:
            page = store.registry.list_events(limit=2, cursor=cursor)
            seen += page.items
            cursor = page.cursor
            if cursor is None:
                break
        assert [event.sequence for event in seen] == [4, 3, 2, 1]
        assert [event.time_ns for event in seen] == sorted((event.time_ns for event in seen), reverse=True)

    def test_hooks_are_kept_without_their_secrets(self, store: Store) -> None:
        _linked(store, 1)
        secret = "s" * 32
        hook = Hook("", "https://ci.example/x", "classifier", ["promoted"], created_by="ann")
        made = store.registry.add_hook(hook, secret)
        store.registry.add_hook(Hook("", "http://other.example:8080/all", created_by="ann"), secret)
        assert [hook.url for hook in store.registry.list_hooks()] == [made.url, "http://other.example:8080/all"]
        assert secret not in repr(store.registry.list_hooks())
        store.registry.set_alias("classifier", "candidate", 1, author="ann")
        _promote(store, 1)
        waiting = store.registry.list_deliveries()
        assert {d.hook_id for d in waiting.items} == {hook.hook_id for hook in store.registry.list_hooks()}
        assert [(d.name, d.state, d.attempts) for d in store.registry.list_deliveries(made.hook_id).items] == [
            ("classifier", "pending", [])
        ]
        store.registry.delete_hook(made.hook_id)
        assert store.registry.list_deliveries(made.hook_id).items == []
        with pytest.raises(NotFoundError, match="There is no hook"):
            store.registry.delete_hook(made.hook_id)
        for hook, key, message in (
            (Hook("", "ftp://x/y", created_by="ann"), secret, "A hook cannot be sent to 'ftp://x/y'"),
            (Hook("", "https://u:p@x/y", created_by="ann"), secret, "A hook cannot be sent to"),
            (Hook("", "https://[x", created_by="ann"), secret, "A hook cannot be sent to"),
            (Hook("", "https://x", created_by="ann"), "short", "The secret of a hook has 5 characters"),
            (Hook("", "https://x", None, ["sold"], created_by="ann"), secret, "There is no action 'sold'"),
        ):
            with pytest.raises(InputError, match=message):
                store.registry.add_hook(hook, key)
        with pytest.raises(NotFoundError, match="Nothing is registered as 'nothing'"):
            store.registry.add_hook(Hook("", "https://x", "nothing", created_by="ann"), secret)


class PromotionContract:
    """Stages, requirements, rollback, two at once."""

    def test_a_promotion_displaces_what_was_there(self, store: Store) -> None:
        _linked(store)
        one = _promote(store, 1, reason="first")
        assert (one.stage, one.staged_ns is not None) == ("production", True)
        assert _promote(store, 1, reason="again") == one
        two = _promote(store, 2, author="bob", reason="better")
        assert [(v.version, v.stage) for v in store.registry.list_versions("classifier")] == [
            (1, "archived"),
            (2, "production"),
        ]
        [live, old] = store.registry.list_standings("classifier")
        assert (live.stage, live.version, live.event.author, live.event.reason) == ("production", two, "bob", "better")
        assert (live.event.before, live.event.time_ns) == ("v1", two.staged_ns)
        assert (old.stage, old.event.action, old.event.before) == ("archived", RegistryAction.DISPLACED, "production")
        assert store.registry.list_standings() == [live, old]
        out = _promote(store, 2, None, reason="it leaks")
        assert (out.stage, out.staged_ns) == (None, None)
        assert [s.stage for s in store.registry.list_standings("classifier")] == ["archived"]
        assert store.registry.list_events("classifier", limit=1).items[0].action == RegistryAction.UNSTAGED
        with pytest.raises(InputError, match=r"has no stage 'live'.*staging, production, archived"):
            _promote(store, 1, "live")
        with pytest.raises(NotFoundError, match="no version 7 in the registry"):
            _promote(store, 7)

    def test_a_rollback_goes_back_one_after_the_other(self, store: Store) -> None:
        _linked(store, 3)
        for version in (1, 2, 3):
            _promote(store, version, reason="better")
        back = store.registry.roll_back
        assert back("classifier", "production", author="eve", reason="errors").version == 2
        event = store.registry.list_standings("classifier")[0].event
        assert (event.action, event.author, event.reason, event.before) == (
            RegistryAction.ROLLED_BACK,
            "eve",
            "errors",
            "v3",
        )
        assert back("classifier", "production", author="eve", reason="errors still").version == 1
        with pytest.raises(NotFoundError, match="No other version of 'classifier' was in 'production' before"):
            back("classifier", "production", author="eve", reason="more")
        _promote(store, 3)
        assert back("classifier", "production", author="eve", reason="no").version == 1
        _promote(store, 1, None)
        assert back("classifier", "production", author="eve", reason="it must be something").version == 1
        with pytest.raises(InputError, match="A rollback has no reason"):
            back("classifier", "production", author="eve", reason=" ")
        with pytest.raises(InputError, match="The stage 'archived' holds many versions"):
            back("classifier", "archived", author="eve", reason="x")

    def test_an_evaluation_must_have_passed_on_this_very_version(self, store: Store) -> None:
        _linked(store, 2, [GATED])
        with pytest.raises(ConflictError, match=r"cannot enter production: 1 requirement is not met.*has used clf:v1"):
            _promote(store, 1)
        _evaluated(store, "other", "clf:v2", "PASS")
        _evaluated(store, "unended", "clf:v1", "PASS", status=RunStatus.RUNNING)
        with pytest.raises(ConflictError, match="No finished run of the evaluation 'quality' has used clf:v1"):
            _promote(store, 1)
        _evaluated(store, "failed", "clf:v1", "INCONCLUSIVE", started_at_ns=T + 1)
        with pytest.raises(ConflictError, match=r"newest run of 'quality', failed, says INCONCLUSIVE correct >= 0.8"):
            _promote(store, 1)
        _evaluated(store, "bare", "clf:v1", "PASS", started_at_ns=T + 2, summary={"passed": True})
        with pytest.raises(ConflictError, match="The run bare of 'quality' had no gates"):
            _promote(store, 1)
        _evaluated(store, "good", "clf:v1", "PASS", started_at_ns=T + 3)
        assert _promote(store, 1).stage == "production"
        [evidence] = store.registry.list_standings("classifier")[0].event.evidence
        assert (evidence["run_id"], evidence["passed"], evidence["verdicts"][0]["outcome"]) == ("good", True, "PASS")
        assert store.registry.list_events("classifier", limit=1).items[0].overridden == []

    def test_an_evaluation_may_have_to_be_on_a_dataset(self, store: Store) -> None:
        _linked(store, 1, [replace(GATED, dataset="letters"), replace(GATED, dataset="letters:v2", stage="staging")])
        _evaluated(store, "good", "clf:v1", "PASS")
        store.artifacts.add_edge(LineageEdge("p", NodeKind.ARTIFACT, "letters2:v1", "used", NodeKind.RUN, "good", T))
        with pytest.raises(ConflictError, match="the evaluation 'quality' on letters has used clf:v1"):
            _promote(store, 1)
        store.artifacts.add_edge(LineageEdge("p", NodeKind.ARTIFACT, "letters:v1", "used", NodeKind.RUN, "good", T))
        with pytest.raises(ConflictError, match="the evaluation 'quality' on letters:v2 has used clf:v1"):
            _promote(store, 1, "staging")
        assert _promote(store, 1).stage == "production"

    def test_checks_of_ones_own_are_recorded_and_the_newest_holds(self, store: Store) -> None:
        _linked(store, 1, [Requirement("production", CheckKind.RECORDED, "latency")])
        record = store.registry.record_check
        with pytest.raises(ConflictError, match="Nobody has recorded the check 'latency' for v1"):
            _promote(store, 1)
        record("classifier", 1, "latency", True, author="ci", run_id="load-test")
        record("classifier", 1, "latency", False, author="bob", reason="p99 is 900 ms.")
        with pytest.raises(ConflictError, match=r"'latency' failed, bob says: p99 is 900 ms\."):
            _promote(store, 1)
        event = record("classifier", 1, "latency", True, author="ci", run_id="load-test-2")
        assert (event.action, event.passed, event.run_id) == (RegistryAction.CHECKED, True, "load-test-2")
        [state] = store.registry.list_checks("classifier", 1, "production")
        assert (state.passed, state.evidence["run_id"]) == (True, "load-test-2")
        assert _promote(store, 1).stage == "production"
        with pytest.raises(NotFoundError, match="no version 2 in the registry"):
            record("classifier", 2, "latency", True, author="ci")
        with pytest.raises(InputError, match="no stage 'live'"):
            store.registry.list_checks("classifier", 1, "live")

    def test_people_approve_and_whoever_promotes_does_not_count(self, store: Store) -> None:
        _linked(store, 1, [Requirement("production", CheckKind.APPROVAL, "member", count=2)])
        approve = store.registry.approve
        for name in ("ann", "bob", "guest"):
            approve("classifier", 1, "production", author=name)
        [state] = store.registry.list_checks("classifier", 1, "production")
        assert state.passed  # nobody signs in: whoever reaches the store may approve
        for name, role in (("ann", Role.MEMBER), ("bob", Role.ADMIN), ("guest", Role.REVIEWER)):
            store.people.add_person(Person(name, role))
        with pytest.raises(ConflictError, match=r"1 of 2 members approved v1 for production \(bob\)"):
            _promote(store, 1)
        store.people.add_person(Person("eve"))
        approve("classifier", 1, "production", author="eve")
        approve("classifier", 1, "production", author="eve", approved=False)
        with pytest.raises(ConflictError, match="1 of 2 members"):
            _promote(store, 1)
        approve("classifier", 1, "production", author="eve")
        assert _promote(store, 1).stage == "production"
        [evidence] = store.registry.list_standings("classifier")[0].event.evidence
        assert [one["author"] for one in evidence["approvals"]] == ["bob", "eve"]
        with pytest.raises(InputError, match="no stage 'live'"):
            approve("classifier", 1, "live", author="ann")

    def test_requirements_are_passed_over_with_a_reason_that_the_log_keeps(self, store: Store) -> None:
        _linked(store, 1, [GATED])
        with pytest.raises(ConflictError, match="passed over by an admin, who says why"):
            _promote(store, 1, override=True)
        assert _promote(store, 1, override=True, reason="the old one is down").stage == "production"
        event = store.registry.list_standings("classifier")[0].event
        assert (event.overridden, event.reason) == (["evaluation quality"], "the old one is down")
        assert event.evidence[0]["passed"] is False

    def test_of_two_promotions_at_once_each_happens_whole(self, store: Store) -> None:
        _linked(store, 4)

        def promote(version: int) -> str:
            return str(_promote(store, version).stage)

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(promote, (1, 2, 3, 4))) == ["production"] * 4
        stages = [version.stage for version in store.registry.list_versions("classifier")]
        assert sorted(map(str, stages)) == ["archived"] * 3 + ["production"]
        events = store.registry.list_events("classifier").items
        assert [event.sequence for event in events] == list(range(len(events), 0, -1))
        came = [e for e in events if e.action is RegistryAction.PROMOTED][::-1]
        assert [e.before for e in came] == [None, *(f"v{e.version}" for e in came[:-1])]

    def test_of_two_that_expect_the_same_one_is_refused(self, store: Store) -> None:
        _linked(store, 3)
        _promote(store, 1, expected=0)

        def promote(version: int) -> str:
            try:
                return str(_promote(store, version, expected=1).version)
            except ConflictError as error:
                return error.message

        with ThreadPoolExecutor(2) as pool:
            told = sorted(pool.map(promote, (2, 3)), key=len)
        assert told[0] in ("2", "3")
        assert told[1] == f"By now v{told[0]} of 'classifier' is in 'production', not v1."
