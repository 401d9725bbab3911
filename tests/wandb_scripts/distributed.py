"""Every process a run of its own, held together by a group."""

import multiprocessing
import os

import wandb


def work(rank: int) -> None:
    with wandb.init(project="distributed", group="ddp", job_type="worker", name=f"rank-{rank}") as run:
        run.config.update({"rank": rank})
        for step in range(5):
            run.log({"loss": rank + 1 / (step + 1)})


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(rank,)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert os.environ
