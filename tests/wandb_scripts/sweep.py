"""A sweep as its documentation begins: a configuration, a function, an agent."""

import wandb


def objective(config):
    return config.x**3 + config.y


def main():
    with wandb.init(project="my-first-sweep") as run:
        score = objective(run.config)
        run.log({"score": score})


def train(config=None):
    with wandb.init(config=config):
        config = wandb.config
        for epoch in range(config.epochs):
            wandb.log({"loss": 1 / (epoch + 1 + config.learning_rate), "epoch": epoch})


sweep_configuration = {
    "method": "random",
    "metric": {"goal": "minimize", "name": "score"},
    "parameters": {
        "x": {"max": 0.1, "min": 0.01},
        "y": {"values": [1, 3, 7]},
    },
}
sweep_id = wandb.sweep(sweep=sweep_configuration, project="my-first-sweep")
wandb.agent(sweep_id, function=main, count=4)

sweep_config = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "epochs": {"value": 3},
        "optimizer": {"values": ["adam", "sgd"]},
        "learning_rate": {"values": [0.1, 0.01]},
    },
    "early_terminate": {"type": "hyperband", "min_iter": 3},
}
sweep_id = wandb.sweep(sweep_config, project="my-first-sweep")
wandb.agent(sweep_id, train)
