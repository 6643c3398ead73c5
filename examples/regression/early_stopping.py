"""Early stopping: training ends when the loss on other points has not fallen for a while.

The weights of the best epoch are kept, and taken back at the end.
"""

import copy
import sys

import microgrest as torch
from microgrest import nn

PATIENCE = 20


def points(n):
    x = torch.rand(n, 1) * 6 - 3
    return x, torch.sin(2 * x) + 0.3 * torch.randn(n, 1)


def main(epochs=400, compiled=False, plot=False):
    torch.manual_seed(0)
    (x, y), (x_other, y_other) = points(30), points(100)
    model = nn.Sequential(
        nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
    )
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    best, best_epoch, kept, curves = float("inf"), 0, None, []
    for epoch in range(epochs):
        loss = step().item()
        with torch.no_grad():
            other = loss_fn(model(x_other), y_other).item()
        curves.append((loss, other))
        if other < best:
            best, best_epoch, kept = other, epoch, copy.deepcopy(model.state_dict())
        elif epoch - best_epoch >= PATIENCE:
            print(f"stopped after epoch {epoch}")
            break

    model.load_state_dict(kept)
    with torch.no_grad():
        again = loss_fn(model(x_other), y_other).item()
    print(f"the best epoch was {best_epoch}, with a loss of {again:.4f} on other points")
    if plot:
        import matplotlib.pyplot as plt

        plt.semilogy(curves, label=["points of the fit", "other points"])
        plt.axvline(best_epoch, color="black", linestyle=":")
        plt.legend()
        plt.show()
    return {"best": best, "again": again, "epochs": len(curves)}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
