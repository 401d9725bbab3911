"""Settings by the environment, as cluster jobs have them."""

import os

os.environ["WANDB_PROJECT"] = "by-environment"
os.environ["WANDB_NAME"] = "named-outside"
os.environ["WANDB_TAGS"] = "nightly,gpu"
os.environ["WANDB_NOTES"] = "from a job file"
os.environ["WANDB_RUN_GROUP"] = "cluster"
os.environ["WANDB_JOB_TYPE"] = "train"

import wandb

run = wandb.init(config={"lr": 0.5})
assert run.project == "by-environment"
assert run.name == "named-outside"
run.log({"loss": 1.0})
wandb.finish()
