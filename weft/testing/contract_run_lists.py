"""The part of the contract that is about many runs: expressions, orders, groups, and changes by people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from weft.errors import InputError, NotFoundError
from weft.records import ArtifactVersion, NodeKind, RunKind, RunQuery, RunStatus, RunUpdate, Writer
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T

_SECOND = 1_000_000_000
_EXPRESSIONS = [  # and the runs of `fill` that they are true of
    ("config.lr > 0.01", "ab"),
    ("config.lr >= 0.01", "abc"),
    ("not config.lr > 0.01", "c"),
    ("config.lr == 0.1", "a"),
    ("config.model.depth == 3", "a"),
    ('config["model.depth"] == 3', "a"),
    ('config.opt == "adam"', "ac"),
    ('config.opt != "adam"', "b"),
    ("config.opt > 1", ""),
    ('config.opt in ["sgd", "none"]', "b"),
    ('config.opt not in ["sgd", "none"]', "ac"),
    ('"DA" in config.opt', "ac"),
    ("config.fast", "a"),
    ("not config.fast", "b"),
    ("config.fast == true", "a"),
    ("config.lr is None", "d"),
    ("config.lr is not None", "abc"),
    ("config.none == 1 or summary.none < 3", ""),
    ('"lr" in config', "abc"),
    ('"model" in config and "width" not in config', "a"),
    ('summary["val/loss"] < 1', "b"),
    ("summary.loss < config.lr", "c"),
    ('"baseline" in tags', "ab"),
    ('"base" in tags', ""),
    ('"baseline" not in tags', "cd"),
    ('status == "finished"', "ab"),
    ('status != "finished"', "cd"),
    ('status == "crashed"', "c"),
    ('status in ["crashed", "running"]', "cd"),
    ('kind == "train" and duration_s > 5s', "b"),
    ("duration_s is None", "cd"),
    ("ended_at > now - 1h", ""),
    ('started_at >= "2023-11-14T22:13:22Z"', "cd"),
    ('name == "Alpha" or id == "d"', "ad"),
    ('"RANGE" in notes', "b"),
    ("notes is None", "acd"),
    ('group == "g"', "cd"),
    ("group == name", ""),
    ('parent == "a"', "d"),
    ("exit_code == 0", "ab"),
    ("exit_code is None", "cd"),
    ('project == "p"', "abc"),
]


class RunListContract:
    """Lists of runs."""

    def test_expressions(self, store: Store) -> None:
        fill(store)
        for where, wanted in _EXPRESSIONS:
            query = RunQuery(where=where, order="started_at")
            assert "".join(run.run_id for run in store.runs.list_runs(query).items) == wanted, where
            assert store.runs.count_runs(query) == len(wanted)
            inside = "".join(name for name in wanted if name != "d")
            query = replace(query, project="p", order="-started_at")
            assert "".join(run.run_id for run in store.runs.list_runs(query).items) == inside[::-1], where
        assert [run.run_id for run in store.runs.list_runs(RunQuery(tags=["baseline", "x"])).items] == ["a"]
        for where, words in (
            ("config > 1", "the key of config is missing"),
            ("lr > 1", "there is no field 'lr'"),
            ("confg.lr > 1", "no field"),
            ('any(kind == "train")', "no function 'any'"),
            ('config.lr["x"] > 1', "has no keys"),
            ('status == "done"', "is never 'done'"),
        ):
            with pytest.raises(InputError, match=words):
                store.runs.list_runs(RunQuery(where=where))

    def test_orders_by_tags_and_host(self, store: Store) -> None:
        told = {"a": (["y", "x"], "two"), "b": (["x"], "three"), "c": ([], "one"), "d": (["z"], None)}
        for run_id, (tags, host) in told.items():
            environment = None if host is None else {"host": host}
            store.ingest(batch_of(run_id, RunUpdate(run_id, "p", T, tags=tags, environment=environment)))
        for order, wanted in {
            "tags": "badc",
            "-tags": "dabc",
            "environment.host": "cbad",
            "-environment.host": "abcd",
        }.items():
            assert "".join(run.run_id for run in store.runs.list_runs(RunQuery(order=order)).items) == wanted, order
        store.runs.change_run("c", tags=["a"])
        assert store.runs.list_runs(RunQuery(order="tags")).items[0].run_id == "c"
        groups = store.runs.group_runs(RunQuery(), ["environment.host"], [])
        hosts = {group.keys["environment.host"]: group.runs for group in groups}
        assert hosts == {"one": 1, "two": 1, "three": 1, None: 1}

    def test_orders_by_any_field(self, store: Store) -> None:
        fill(store)
        cases = {
            "config.lr": "cbad",
            "-config.lr": "abcd",
            "config.opt": "acbd",
            "config.mixed": "abcd",
            "status": "cabd",
            "-status": "dbac",
            "kind": "dabc",
            "group": "cdab",
            "duration_s": "cdab",
            "-summary.loss": "abcd",
            "-config.none": "dcba",
        }
        for order, wanted in cases.items():
            found, cursor = "", None
            for _ in range(4):
                page = store.runs.list_runs(RunQuery(order=order, limit=1, cursor=cursor))
                found, cursor = found + page.items[0].run_id, page.cursor
            assert (found, cursor) == (wanted, None), order

    def test_groups(self, store: Store) -> None:
        fill(store)

        def groups(by: list[str], metrics: list[str], **filters: Any) -> list[Any]:
            found = store.runs.group_runs(RunQuery(**filters), by, metrics)
            return [(tuple(group.keys.values()), group.runs, tuple(group.figures.values())) for group in found]

        assert sorted(groups(["config.opt"], ["summary.loss"]), key=str) == [
            (("adam",), 2, ((1.0, 0.0, 2.0, 2),)),
            (("sgd",), 1, ((1.0, 1.0, 1.0, 1),)),
            ((None,), 1, ((None, None, None, 0),)),
        ]
        assert groups([], ["config.lr"], project="p") == [((), 3, ((pytest.approx(0.16 / 3), 0.01, 0.1, 3),))]
        assert groups(["status", "kind"], [], where='kind == "train"')[0] == (("finished", "train"), 2, ())
        assert {keys[0] for keys, _, _ in groups(["config.model.depth"], [])} == {3.0, None}
        assert groups(["group"], ["duration_s"], group="g") == [(("g",), 2, ((None, None, None, 0),))]
        with pytest.raises(InputError, match="no field 'secret' to group by"):
            store.runs.group_runs(RunQuery(), ["secret"])

    def test_a_change_is_a_decision(self, store: Store) -> None:
        fill(store)
        changed = store.runs.change_run("a", name="new", tags=["t"], notes="why", config={"lr": 5}, summary={"s": "x"})
        assert changed == store.runs.get_run("a")
        assert (changed.name, changed.tags, changed.notes, changed.group) == ("new", ["t"], "why", None)
        assert (changed.config["lr"], changed.config["opt"], changed.summary["s"]) == (5, "adam", "x")
        store.ingest(batch_of("late", RunUpdate("a", "p", T + 5, name="old", tags=["old"])))
        assert store.runs.get_run("a").name == "new"
        cases = {"config.lr == 5": ["a"], '"t" in tags': ["a"], '"x" in tags': [], 'name == "Alpha"': []}
        for where, wanted in cases.items():
            assert [run.run_id for run in store.runs.list_runs(RunQuery(where=where)).items] == wanted, where
        with pytest.raises(NotFoundError, match="There is no run 'gone'"):
            store.runs.change_run("gone", name="x")
        with pytest.raises(InputError, match="tags"):
            store.runs.change_run("a", tags=[1])  # type: ignore[list-item]

    def test_the_plain_name_of_a_metric_is_what_its_definition_keeps(self, store: Store) -> None:
        for place, (kept, told) in enumerate(
            [
                ("max", {"acc.max": 0.9, "acc.min": 0.1}),
                ("mean,best", {"acc.mean": 0.4, "acc.best": 0.7}),
                ("copy", {"acc": 0.8, "acc.max": 1}),
            ]
        ):
            given = {"a*": {"summary": kept.split(",")}}
            store.ingest(batch_of(f"w{place}", RunUpdate(f"r{place}", "p", T, summary=told, definitions=given)))
        for query, wanted in (
            (RunQuery(order="-summary.acc"), ["r0", "r2", "r1"]),
            (RunQuery(where="summary.acc < 0.85", order="name"), ["r1", "r2"]),
        ):
            assert [run.run_id for run in store.runs.list_runs(query).items] == wanted
        assert store.runs.group_runs(RunQuery(), [], ["summary.acc"])[0].figures["summary.acc"][3] == 3

    def test_names_of_any_script(self, store: Store) -> None:
        project, name = "Größe & Проект +1 (a,b)=c 🚀", "модель ä"
        store.ingest(batch_of("w", RunUpdate("r", project, T, group="gruppe ä/1?", tags=["метка"])))
        assert store.runs.list_projects() == [project]
        query = RunQuery(project=project, group="gruppe ä/1?", where='"метка" in tags')
        assert [run.project for run in store.runs.list_runs(query).items] == [project]
        made = store.artifacts.create_version(ArtifactVersion(project, name, "модель", 0, "d", T, run_id="r"))
        store.artifacts.set_alias(project, name, "лучший", 1)
        assert store.artifacts.get_version(project, f"{name}:лучший").ref == made.ref == f"{name}:v1"
        assert store.artifacts.lineage(project, NodeKind.ARTIFACT, made.ref).upstream[0].source == "r"
        with pytest.raises(InputError, match="cannot stand in an address"):
            store.artifacts.create_version(replace(made, name="a\u202eb"))

    def test_fields_follow_their_run(self, store: Store) -> None:
        fill(store)
        store.ingest(batch_of("move", RunUpdate("a", "q", T + 9 * _SECOND)))
        query = RunQuery(where='config.lr == 0.1 and "baseline" in tags')
        assert [run.run_id for run in store.runs.list_runs(replace(query, project="q")).items] == ["a"]
        assert store.runs.list_runs(replace(query, project="p")).items == []
        store.runs.delete_run("a")
        store.ingest(batch_of("again", RunUpdate("a", "q", T + 10 * _SECOND)))
        assert store.runs.list_runs(query).items == []


def fill(store: Store) -> None:
    """Four runs: two that finished, one that crashed, one of another project that runs."""
    a = RunUpdate(
        "a", "p", T + 1, RunKind.TRAIN, "Alpha", RunStatus.FINISHED,
        {"lr": 0.1, "opt": "adam", "fast": True, "model": {"depth": 3}, "mixed": 1}, {"loss": 2.0},
        ["baseline", "x"], started_at_ns=T, ended_at_ns=T + _SECOND, exit_code=0,
    )  # fmt: skip
    b = RunUpdate(
        "b", "p", T + 1, RunKind.TRAIN, "beta", RunStatus.FINISHED,
        {"lr": 0.05, "opt": "sgd", "fast": False, "mixed": "text"}, {"loss": 1.0, "val/loss": 0.5},
        ["baseline"], "a long-range plan", started_at_ns=T + _SECOND, ended_at_ns=T + 11 * _SECOND, exit_code=0,
    )  # fmt: skip
    c = RunUpdate(
        "c", "p", T + 1, RunKind.TRAIN, "gamma", config={"lr": 0.01, "opt": "adam"}, summary={"loss": 0.0},
        group="g", started_at_ns=T + 2 * _SECOND, writer="dead",
    )  # fmt: skip
    d = RunUpdate("d", "q", T + 1, RunKind.APP, "delta", group="g", parent_run_id="a", started_at_ns=T + 3 * _SECOND)
    store.ingest(batch_of("w", a, b, c, d))
    store.ingest(batch_of("dead", Writer("dead", T + 9, 1, "host", ended=True)))
