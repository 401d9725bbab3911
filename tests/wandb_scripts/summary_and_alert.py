"""A best value kept by hand, a message to people."""

import wandb
from wandb import AlertLevel

run = wandb.init(project="alerts", settings=wandb.Settings(silent=True))
best = 0.0
for epoch in range(5):
    accuracy = epoch / 10
    run.log({"epoch": epoch, "accuracy": accuracy})
    if accuracy > best:
        best = accuracy
        run.summary["best_accuracy"] = best
if best < 0.5:
    run.alert(title="Low accuracy", text=f"Accuracy {best} is below 0.5", level=AlertLevel.WARN, wait_duration=60)
run.tags = (*run.tags, "alerted")
run.mark_preempting()
run.finish(exit_code=0)
