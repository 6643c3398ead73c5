"""Dropout: a network that is much too large learns less of the noise if half of it is missing."""

import sys

import microgrest as torch
from microgrest import nn


def fit(share, steps, compiled):
    """The mean loss on both sets when training is over, and the model."""
    torch.manual_seed(1)
    x = torch.linspace(-2, 2, 20).unsqueeze(1)
    y = torch.sin(2 * x) + 0.4 * torch.randn(20, 1)
    x_new = torch.linspace(-2, 2, 200).unsqueeze(1)

    model = nn.Sequential(
        nn.Linear(1, 100), nn.ReLU(), nn.Dropout(share),
        nn.Linear(100, 100), nn.ReLU(), nn.Dropout(share),
        nn.Linear(100, 1),
    )  # fmt: skip
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()

    step = torch.compile(step) if compiled else step
    for _ in range(steps):
        step()
    model.eval()  # from now on nothing is missing
    with torch.no_grad():
        return (
            loss_fn(model(x), y).item(),
            loss_fn(model(x_new), torch.sin(2 * x_new)).item(),
            model,
        )


def main(steps=1000, compiled=False, plot=False):
    found, models = {}, {}
    for share in (0.0, 0.5):
        train, test, models[share] = fit(share, steps, compiled)
        print(f"dropout {share}: noisy points {train:.4f}, true curve {test:.4f}")
        found |= {f"train, {share}": train, f"test, {share}": test}
    if plot:
        import matplotlib.pyplot as plt

        x = torch.linspace(-2, 2, 200).unsqueeze(1)
        for share, model in models.items():
            plt.plot(x.numpy(), model(x).detach().numpy(), label=f"dropout {share}")
        plt.plot(x.numpy(), torch.sin(2 * x).numpy(), "k:", label="true curve")
        plt.legend()
        plt.show()
    return found


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
