"""One of each medium."""

import numpy as np
import wandb

rng = np.random.default_rng(0)
with wandb.init(project="media") as run:
    for step in range(3):
        pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        run.log(
            {
                "examples": [wandb.Image(pixels, caption=f"{step}-{n}") for n in range(2)],
                "boxes": wandb.Image(
                    pixels,
                    boxes={
                        "predictions": {
                            "box_data": [
                                {
                                    "position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.7},
                                    "class_id": 1,
                                    "box_caption": "cat",
                                    "scores": {"score": 0.9},
                                }
                            ],
                            "class_labels": {0: "dog", 1: "cat"},
                        }
                    },
                ),
                "weights": wandb.Histogram(rng.normal(size=1000)),
                "page": wandb.Html("<p>hello <b>there</b></p>"),
            },
            step=step,
        )
    run.log({"bins": wandb.Histogram(np_histogram=np.histogram(rng.normal(size=100), bins=10))})
    cloud = rng.random((50, 6))
    cloud[:, 3:] *= 255
    run.log({"cloud": wandb.Object3D(cloud)})
