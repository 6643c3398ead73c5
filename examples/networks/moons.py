"""Two moons: what no line can separate, a small network can."""

import math
import sys

import microgrest as torch
from microgrest import nn


def moons(n):
    """2 n points around two half circles, and which of them each belongs to."""
    angle = math.pi * torch.rand(n)
    upper = torch.stack([angle.cos(), angle.sin()], 1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    x = torch.cat([upper, lower]) + 0.1 * torch.randn(2 * n, 2)
    return x, torch.cat([torch.zeros(n), torch.ones(n)])


def main(steps=500, compiled=False, plot=False):
    torch.manual_seed(0)
    x, y = moons(100)
    model = nn.Sequential(
        nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0)
    )
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    for t in range(steps):
        loss = step()
        if t % 100 == 99:
            print(f"step {t + 1}: loss {loss.item():.4f}")

    x_new, y_new = moons(500)
    with torch.no_grad():
        right = ((model(x_new) > 0) == (y_new == 1)).float().mean().item()
    print(f"{right:.1%} of new points are right")
    if plot:
        import matplotlib.pyplot as plt

        across, up = torch.meshgrid(
            torch.linspace(-1.5, 2.5, 100), torch.linspace(-1, 1.5, 100), indexing="xy"
        )
        with torch.no_grad():
            share = torch.sigmoid(model(torch.stack([across.flatten(), up.flatten()], 1)))
        plt.contourf(across.numpy(), up.numpy(), share.reshape(100, 100).numpy(), cmap="coolwarm")
        plt.scatter(*x.T.numpy(), c=y.numpy(), cmap="coolwarm", edgecolors="white")
        plt.show()
    return {"right": right}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
