"""Overfitting: 20 samples of 200 features are learned by heart, unless weights have to stay small.

The decay is an option of one group of parameters, the weight, and not of the bias.
"""

import sys

import microgrest as torch
from microgrest import nn
from microgrest.utils.data import DataLoader, TensorDataset

FEATURES, TRAIN, TEST = 200, 20, 100


def samples(n):
    x = torch.randn(n, FEATURES)
    return x, 0.01 * x.sum(1, keepdim=True) + 0.05 + 0.01 * torch.randn(n, 1)


def fit(weight_decay, epochs, compiled):
    """Losses on both sets after each epoch, and the norm of the weight."""
    torch.manual_seed(0)
    train, test = samples(TRAIN), samples(TEST)
    loader = DataLoader(TensorDataset(*train), batch_size=5, shuffle=True)

    model = nn.Linear(FEATURES, 1)
    loss_fn = nn.MSELoss(reduction="none")
    optimizer = torch.optim.SGD(
        [{"params": [model.weight], "weight_decay": weight_decay}, {"params": [model.bias]}],
        lr=0.003,
    )

    def step(xb, yb):
        optimizer.zero_grad()
        loss_fn(model(xb), yb).mean().backward()
        optimizer.step()

    step = torch.compile(step) if compiled else step
    curves = []
    for _ in range(epochs):
        for xb, yb in loader:
            step(xb, yb)
        with torch.no_grad():
            curves.append([loss_fn(model(x), y).mean().item() for x, y in (train, test)])
    return curves, model.weight.norm().item()


def main(epochs=100, compiled=False, plot=False):
    results, found = {}, {}
    for weight_decay in (0, 3):
        curves, norm = fit(weight_decay, epochs, compiled)
        train, test = curves[-1]
        print(f"weight decay {weight_decay}: train {train:.5f}, test {test:.5f}, |w| = {norm:.4f}")
        results[weight_decay] = curves
        found |= {f"test, {weight_decay}": test, f"norm, {weight_decay}": norm}
    if plot:
        import matplotlib.pyplot as plt

        for axes, (decay, curves) in zip(plt.subplots(1, 2)[1], results.items(), strict=True):
            axes.semilogy(curves, label=["train", "test"])
            axes.set(title=f"weight decay {decay}", xlabel="epoch")
            axes.legend()
        plt.show()
    return found


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
