"""Reading by W&B's names: what is refused, and what no script asks for."""

from __future__ import annotations

from typing import Any

import pytest

import weft
from weft.api import Runs
from weft.errors import InputError, NotFoundError


@pytest.fixture
def api(fresh_home: Any) -> Any:
    with weft.init("shop", settings={"system_interval_s": 0.0}) as run:
        run.log({"loss": 1.0})
        for name in ("a.txt", "b.txt"):
            artifact = weft.Artifact("rows", "dataset")
            artifact.add_bytes("1", "0.txt").add_bytes(name, name)
            run.log_artifact(artifact)
    with weft.Api() as opened:
        yield opened


def test_reading_by_their_names(api: Any) -> None:
    [run] = api.runs("shop")
    refused: Any = (
        (lambda: api.artifact("rows", "shop", type="model"), InputError, "rows:v2 is a dataset, not a model"),
        (lambda: api.artifact_type("model", "shop"), NotFoundError, "no artifact of type 'model' in 'shop'"),
        (lambda: api.artifact_collection("dataset", "shop/cols"), NotFoundError, "There is no dataset 'cols'"),
        (lambda: api.artifact("rows", "shop").file(), InputError, "rows:v2 has 2 files. Name one, or use download"),
        (lambda: api.artifact("rows", "shop").get_path("0.txt").ref_target(), ValueError, "is a file, not a reference"),
        (
            lambda: api.artifact("rows", "shop").add_file("a"),
            AttributeError,
            r"not changed by 'add_file'. Instead: new_",
        ),
        (lambda: api.artifact("rows", "shop").nothing, AttributeError, "an artifact has no 'nothing'"),
        (lambda: run.log_artifact("rows"), InputError, "'rows' is no artifact to be logged"),
        (lambda: Runs([run]).histories(format="csv"), InputError, "There is no format 'csv'"),
    )
    for call, kind, message in refused:
        with pytest.raises(kind, match=message):
            call()
    [kind] = api.artifact_types("shop")
    rows = kind.collection("rows")
    assert [one.version for one in rows.versions()] == ["v2", "v1"]
    newest = api.artifact("rows", "shop")
    assert api.artifact(f"{newest.name}:{newest.version}", "shop").number == int(newest.version[1:]) == 2
    assert (newest.collection.name, newest.source_artifact.ref, newest.linked_artifacts) == ("rows", "rows:v2", [])
    assert newest.commit_hash == run.git.get("commit")
    assert (rows.created_at <= rows.versions()[0].created_at, rows.tags, repr(rows)) == (
        True,
        [],
        "<artifacts 'rows' (dataset) of 'shop'>",
    )
    assert api.artifact("shop/rows:v1").get_path("0.txt").read() == b"1"
    project = api.project("shop")
    assert (project.path, project.artifacts_types()[0].name, project.sweeps()) == (["shop"], "dataset", [])
    assert project.url.endswith("/runs?project=shop")
    assert run.url.endswith(f"/run/{run.id}")
    assert run.summary["_runtime"] >= 0
    with pytest.raises(KeyError):
        run.summary["nothing"]
    rows.delete()
    assert not api.artifact_collection_exists("shop/rows", "dataset")
    run.wait_until_finished()
    run.delete(delete_artifacts=True)
    assert api.from_path("shop") == "shop"
    assert api.runs("shop") == []
