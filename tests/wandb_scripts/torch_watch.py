"""A small network, watched."""

import torch
import wandb

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with wandb.init(project="watched", config={"lr": 0.1}) as run:
    run.watch(model, criterion=torch.nn.functional.mse_loss, log="all", log_freq=2)
    for _step in range(10):
        x = torch.randn(16, 4)
        loss = torch.nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log({"loss": loss})
    torch.save(model.state_dict(), "model.pt")
    run.log_artifact("model.pt", name="watched-model", type="model")
