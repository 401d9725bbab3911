"""What scripts do around a run: settings, guards, attributes, notebooks."""

import argparse

import wandb
from wandb.errors import CommError, UsageError
from wandb.sdk.lib.runid import generate_id
from wandb.sdk.wandb_settings import Settings

assert wandb.run is None
wandb.setup()
wandb.require("core")
wandb.ensure_configured()
for error, call in ((wandb.Error, lambda: wandb.log({"a": 1})), (UsageError, lambda: wandb.config.update({"a": 1}))):
    try:
        call()
    except error as caught:
        wandb.termwarn(str(caught), repeat=False)
    else:
        raise SystemExit("a call before init has passed")
settings = Settings(start_method="thread", _disable_stats=True, console="off", code_dir=".", disable_job_creation=True)
settings.run_notes = "from settings"
assert settings.console == "off"
run = wandb.init(
    project="around", id=generate_id(8), settings=settings, anonymous="allow", tensorboard=False, monitor_gym=True
)
assert wandb.run is run
assert (run.notes, run.sweep_url, run.get_project_url()) == ("from settings", None, run.project_url)
assert run.url in run.to_html(hidden=True)
assert run.display() is False
run.config.update(argparse.Namespace(seed=1))
run.save()
run.log(data={"loss": 0.5}, step=3, commit=True)
try:
    wandb.init(id="nothing", resume="must")
except CommError as caught:
    wandb.termerror(str(caught))
wandb.join()
assert wandb.run is None
