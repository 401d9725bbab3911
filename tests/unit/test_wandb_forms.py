"""Values and filters in the forms of W&B's users: what they become, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import weft
from weft.api.mongo import parted
from weft.errors import InputError, NotFoundError, WeftError
from weft.records import Run, RunKind, RunStatus
from weft.training.artifacts import places_of
from weft.training.media.joined import gathered

BAD_BOX = {"center": (0, 0), "size": (1, 1, 1), "orientation": (1, 0, 0, 0), "color": (1, 0, 0)}
TABLE = weft.Table(columns=["a"], data=[[1]])
SCENE = {"points": np.zeros((1, 3)), "vectors": [{"start": [0, 0]}]}
MASK = {"truth": {"path": "nowhere.png"}}


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: weft.Classes([{"id": 0}]), InputError, "A class has an id and a name"),
        (lambda: weft.JoinedTable(TABLE, TABLE, "b"), InputError, "has no column 'b'. Join on columns"),
        (lambda: gathered([TABLE, weft.Table(columns=["b"])]), InputError, "A part has the columns"),
        (lambda: weft.Molecule("CCO", file_type="smi"), InputError, "'molecule.smi' is no molecule that is known"),
        (lambda: weft.box3d(**BAD_BOX), InputError, "A box needs a center and a size of three numbers"),
        (lambda: weft.Object3D(SCENE), InputError, "A vector has a start and an end of three numbers"),
        (lambda: weft.Image(np.zeros((2, 2)), masks=MASK), NotFoundError, "The mask 'nowhere.png' cannot be read"),
        (lambda: parted({"name": {"$regex": "(["}}), InputError, "It is no regular expression"),
        (lambda: weft.Artifact("a", "b").save(), WeftError, "'a' is logged by a run. Call weft.init"),
        (lambda: weft.plot_table("wandb/line/v0", [[1]], {}), InputError, "A list is no table"),
        (lambda: weft.init(nothing=1), TypeError, "unexpected keyword argument 'nothing'"),
        (lambda: weft.Artifact("a", "b").nothing, AttributeError, "an artifact has no 'nothing'"),
        (lambda: weft.Settings().nothing, AttributeError, "no setting 'nothing' was given"),
    ],
)
def test_what_is_refused(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message.replace("(", r"\(")):
        make()


def test_where_a_reference_may_lead() -> None:
    assert places_of("data:v1", "home") == [("home", "data:v1")]
    assert places_of("registry/clf:production", "home") == [("home", "registry/clf:production")]
    assert places_of("team/wandb-registry-model/clf:v2", "home") == [("home", "registry/clf:v2")]
    assert places_of("team/shop/data:best", "home") == [("team.shop", "data:best"), ("shop", "data:best")]
    assert places_of("team/home/data", "home") == [("home", "data")]


def test_patterns_are_asked_of_the_runs() -> None:
    rest, questions = parted(
        {"$and": [{"name": {"$regex": "^a.c$"}}, {"state": "finished"}], "config.o.kind": {"$regex": "x|y", "$ne": "z"}}
    )
    assert rest == {"$and": [{"state": "finished"}], "config.o.kind": {"$ne": "z"}}
    run = Run("1", "p", RunKind.TRAIN, "abc", RunStatus.FINISHED, config={"o": {"kind": "my"}})
    assert [asked(run) for asked in questions] == [True, True]
    other = Run("1", "p", RunKind.TRAIN, "abcd", RunStatus.FINISHED, config={"o": 3})
    assert [asked(other) for asked in questions] == [False, False]


def test_a_turned_box() -> None:
    half = np.sqrt(0.5)  # a quarter turn around z: x and y change places
    box = weft.box3d(center=(1, 0, 0), size=(2, 4, 6), orientation=(half, 0, 0, half), color=(1, 0.5, 0), label="car")
    corners = np.array(box["corners"])
    assert corners.min(axis=0) == pytest.approx([-1, -1, -3])
    assert corners.max(axis=0) == pytest.approx([3, 1, 3])
    assert (box["color"], box["label"]) == ([255, 128, 0], "car")


def test_tables_side_by_side() -> None:
    left = weft.Table(columns=["id", "v"], data=[[1, "a"], [2, "b"], [3, "c"]])
    right = weft.Table(columns=["key", "v"], data=[[2, "x"], [1, "y"], [1, "z"]])
    joined = weft.JoinedTable(left, right, ("id", "key"))
    assert joined.columns == ["id", "v_1", "v_2"]
    assert joined.data == [[1, "a", "y"], [1, "a", "z"], [2, "b", "x"]]
    left.add_computed_columns(lambda number, row: {"odd": row["id"]} if row["id"] % 2 else {})
    assert left.get_column("odd") == [1, None, 3]
    left.cast("id", float)
    assert left.types["id"] == "number"


def test_images_of_floats_that_are_bytes_already() -> None:
    white = weft.Image(np.full((2, 2), 255.0)).image
    assert np.asarray(white).min() == 255
    assert np.asarray(weft.Image(np.full((2, 2), 1.0), normalize=False).image).max() == 1
    assert weft.Image(weft.Image(np.zeros((2, 3)))).width == 3
    assert weft.Image(weft.Image(np.zeros((2, 3))).image.convert("RGB"), "L").image.mode == "L"


def test_a_mask_from_a_picture(tmp_path: Path) -> None:
    weft.Image(np.full((2, 2), 3, np.uint8)).image.save(tmp_path / "mask.png")
    image = weft.Image(np.zeros((2, 2)), masks={"truth": {"path": tmp_path / "mask.png", "class_labels": {3: "sky"}}})
    assert image.reference()["masks"]["truth"]["classes"] == {"3": "sky"}


def test_what_is_open_is_read() -> None:
    assert weft.Object3D(io.BytesIO(b"glTF...."), file_type="glb").media_type == "model/gltf-binary"
    assert weft.Molecule(io.StringIO("HETATM"), file_type="pdb").data == b"HETATM"
    assert weft.Html("a.html", data_is_not_path=True).html == "a.html"
    assert weft.Audio([0, 1, 2], sample_rate=8000).media_type == "audio/wav"
    assert weft.Histogram([1, 2], num_bins=2).histogram == [1, 1]
