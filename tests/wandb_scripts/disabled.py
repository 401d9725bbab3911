"""Turned off: every call works and nothing is recorded."""

import wandb

run = wandb.init(project="disabled", mode="disabled", config={"lr": 1})
run.log({"loss": 1})
wandb.log({"loss": 2})
run.summary["a"] = 1
assert run.config.lr == 1
run.define_metric("loss", summary="min")
run.alert(title="nothing", text="happens")
run.finish()
