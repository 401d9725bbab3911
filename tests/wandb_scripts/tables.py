"""A table of predictions with images, and a table from pandas."""

import numpy as np
import pandas as pd
import wandb

rng = np.random.default_rng(0)
with wandb.init(project="tables") as run:
    table = wandb.Table(columns=["id", "image", "truth", "guess", "score"])
    for index in range(10):
        picture = wandb.Image(rng.integers(0, 255, (28, 28), dtype=np.uint8), caption=f"digit {index}")
        table.add_data(index, picture, index % 3, index % 2, float(rng.random()))
    run.log({"predictions": table})

    frame = pd.DataFrame({"name": ["a", "b"], "value": [1.5, 2.5]})
    run.log({"frame": wandb.Table(dataframe=frame)})

    artifact = wandb.Artifact("predictions", type="predictions")
    artifact.add(wandb.Table(columns=["x", "y"], data=[[1, 2.0], [3, 4.0]]), "small")
    run.log_artifact(artifact)
