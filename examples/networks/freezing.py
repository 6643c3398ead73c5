"""Freezing: what was learned for one task stays as it is, and only the last layer learns another.

A network fits sin(2x) from many points. Then it has 5 points of another curve made of the same
bends: with all weights free it learns these 5, with the first layers frozen the curve.
"""

import copy
import sys

import microgrest as torch
from microgrest import nn


def train(model, x, y, steps, compiled):
    """Fit what of the model is free; the last loss."""
    free = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(free, lr=0.01)

    def step():
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    for _ in range(steps):
        loss = step()
    return loss.item()


def main(steps=1000, compiled=False, plot=False):
    torch.manual_seed(0)
    x = torch.linspace(-2, 2, 200).unsqueeze(1)
    few = torch.tensor([[-1.8], [-1.0], [0.1], [0.9], [1.9]])
    first, second = (lambda x: torch.sin(2 * x)), (lambda x: 0.5 - 2 * torch.sin(2 * x))

    trained = nn.Sequential(
        nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
    )
    print(f"first task: loss {train(trained, x, first(x), steps, compiled):.5f}")

    found, models = {}, {}
    for frozen in (False, True):
        model = models[frozen] = copy.deepcopy(trained)
        for name, parameter in model.named_parameters():
            if frozen and not name.startswith("4."):
                parameter.requires_grad = False
        count = sum(p.numel() for p in model.parameters() if p.requires_grad)
        train(model, few, second(few), steps, compiled)
        with torch.no_grad():
            error = nn.functional.mse_loss(model(x), second(x)).item()
        print(f"second task, {count} free weights: loss {error:.5f} on the whole curve")
        found["frozen" if frozen else "free"] = error
    kept = all(torch.equal(models[True][k].weight, trained[k].weight) for k in (0, 2))
    if plot:
        import matplotlib.pyplot as plt

        for frozen, model in models.items():
            plt.plot(x.numpy(), model(x).detach().numpy(), label="frozen" if frozen else "free")
        plt.plot(x.numpy(), second(x).numpy(), "k:", label="true curve")
        plt.scatter(few.numpy(), second(few).numpy())
        plt.legend()
        plt.show()
    return {**found, "kept": kept}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
