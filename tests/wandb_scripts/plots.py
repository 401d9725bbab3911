"""Charts that are logged as such."""

import numpy as np
import wandb

rng = np.random.default_rng(0)
with wandb.init(project="plots") as run:
    data = [[x, float(np.sin(x / 5))] for x in range(50)]
    table = wandb.Table(data=data, columns=["x", "y"])
    run.log({"line": wandb.plot.line(table, "x", "y", title="A sine")})
    run.log({"scatter": wandb.plot.scatter(table, "x", "y", title="Points")})
    bars = wandb.Table(data=[["a", 3], ["b", 5]], columns=["label", "value"])
    run.log({"bar": wandb.plot.bar(bars, "label", "value", title="Bars")})
    values = wandb.Table(data=[[float(v)] for v in rng.normal(size=100)], columns=["score"])
    run.log({"histogram": wandb.plot.histogram(values, "score", title="Scores")})
    lines = wandb.plot.line_series(
        xs=[0, 1, 2, 3], ys=[[1, 2, 3, 4], [4, 3, 2, 1]], keys=["up", "down"], title="Two", xname="step"
    )
    run.log({"series": lines})
    truth = rng.integers(0, 3, 60)
    probs = rng.dirichlet(np.ones(3), 60)
    names = ["ant", "bee", "cow"]
    guesses = probs.argmax(axis=1)
    confusion = wandb.plot.confusion_matrix(y_true=truth.tolist(), preds=guesses.tolist(), class_names=names)
    run.log({"confusion": confusion})
    run.log({"pr": wandb.plot.pr_curve(truth, probs, labels=names)})
    run.log({"roc": wandb.plot.roc_curve(truth, probs, labels=names)})
