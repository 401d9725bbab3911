"""Pictures from files and from matplotlib's neighbours, lists of them, text beside."""

from pathlib import Path

import numpy as np
import wandb
from PIL import Image

pixels = (np.arange(64 * 64).reshape(64, 64) % 255).astype(np.uint8)
Image.fromarray(pixels).save("picture.png")
with wandb.init(project="pictures") as run:
    run.log({"from_file": wandb.Image("picture.png", caption="a file")})
    run.log({"from_pil": wandb.Image(Image.open("picture.png"))})
    run.log(
        {
            "masks": wandb.Image(
                pixels,
                masks={"truth": {"mask_data": (pixels > 128).astype(np.uint8), "class_labels": {0: "sky", 1: "sea"}}},
            )
        }
    )
    run.save(str(Path("picture.png")))
