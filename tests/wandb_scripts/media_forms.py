"""Media, tables and charts in the other forms that they are given in."""

import io
from pathlib import Path

import numpy as np
import wandb
from wandb.data_types import Image, PartitionedTable
from wandb.plot import line

rng = np.random.default_rng(0)
pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
classes = wandb.Classes([{"id": 0, "name": "sea"}, {"id": 1, "name": "sky"}])
SHAPE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
Path("shape.obj").write_text(SHAPE)
Path("water.pdb").write_text("HETATM    1  O   HOH A   1       0.000   0.000   0.000\n")
box = wandb.box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(1, 0, 0, 0), color=(1, 0, 0), label="car", score=0.5)
with wandb.init(project="forms") as run:
    run.log(
        data={
            "image": wandb.Image(data_or_path=pixels, mode="RGB", caption="c", file_type="jpg", classes=classes),
            "floats": Image(rng.random((8, 8)) * 255, normalize=False),
            "mask": wandb.Image(pixels, masks={"truth": {"mask_data": np.zeros((8, 8)), "class_labels": {0: "x"}}}),
            "sound": wandb.Audio(np.zeros(100, np.float32), caption="quiet", sample_rate=8000),
            "video": wandb.Video(rng.integers(0, 255, (2, 3, 3, 8, 8), dtype=np.uint8), fps=4, format="gif"),
            "page": wandb.Html(io.StringIO("<p>hi</p>")),
            "raw": wandb.Html("a/page.html", inject=False, data_is_not_path=True),
            "shape": wandb.Object3D.from_file("shape.obj"),
            "open": wandb.Object3D(io.StringIO(SHAPE), file_type="obj"),
            "scene": wandb.Object3D(
                {"type": "lidar/beta", "points": rng.random((9, 6)), "boxes": np.array([box]), "vectors": []}
            ),
            "cloud": wandb.Object3D.from_point_cloud(
                points=rng.random((9, 3)).tolist(), boxes=[], vectors=[{"start": [0, 0, 0], "end": [1, 1, 1]}]
            ),
            "molecule": wandb.Molecule("water.pdb", caption="water"),
        }
    )
    assert wandb.Image(pixels).image.size == (8, 8)
    table = wandb.Table(columns=["a", "b"], rows=[[1, "x"], [2, "y"]], log_mode="MUTABLE")
    table.add_computed_columns(lambda index, row: {"twice": row["a"] * 2})
    table.cast("a", classes.get_type())
    assert table.get_index() == [0, 1]
    assert table.get_column("twice", convert_to="numpy").sum() == 6
    other = wandb.Table(columns=["a", "b"], data=np.array([[1, 10], [2, 20]]))
    joined = wandb.JoinedTable(table, other, "a")
    assert joined.columns == ["a", "b_1", "twice", "b_2"]
    parts = wandb.Artifact("parts", type="dataset")
    for part in range(3):
        parts.add(wandb.Table(columns=["n"], data=[[part]]), name=f"parts/{part}")
    parts.add(PartitionedTable(parts_path="parts"), "all")
    run.log_artifact(parts).wait()
    assert [row for _, row in run.use_artifact("parts:latest").get("all").iterrows()] == [[0], [1], [2]]
    fields = {"x": "a", "y": "twice"}
    run.log(
        {
            "joined": joined,
            "line": line(table, "a", "twice", split_table=True),
            "known": wandb.plot_table("wandb/scatter/v0", table, fields, {"title": "twice"}),
            "own": wandb.plot.plot_table(vega_spec_name="my-team/chart", data_table=table, fields=fields),
        }
    )
