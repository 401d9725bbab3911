"""Folds of a cross validation as runs of one group, one after the other."""

import wandb

for fold in range(3):
    run = wandb.init(project="folds", group="cv-1", job_type="fold", name=f"fold-{fold}", reinit=True)
    for epoch in range(4):
        run.log({"loss": 1 / (epoch + 1 + fold)})
    run.finish()
