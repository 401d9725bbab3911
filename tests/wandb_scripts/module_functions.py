"""Everything through the module: wandb.config, wandb.log, wandb.summary, wandb.run, wandb.finish."""

import wandb

wandb.login(key="0" * 40, relogin=False)
wandb.init(project="module", config={"epochs": 3, "optimizer": {"name": "adam", "betas": [0.9, 0.999]}})
wandb.run.name = "through-the-module"
wandb.config.update({"batch_size": 32})
wandb.config.dropout = 0.1
config = wandb.config
for epoch in range(config.epochs):
    wandb.log({"train": {"loss": 1.0 / (epoch + 1)}, "lr": 0.1**epoch}, step=epoch)
    wandb.log({"val/accuracy": 0.5 + epoch / 10}, step=epoch)
wandb.summary["status"] = "done"
wandb.run.summary.update({"checked": True})
assert wandb.run.id
assert wandb.run.project == "module"
wandb.finish()
assert wandb.run is None
