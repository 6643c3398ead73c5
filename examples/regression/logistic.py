"""Logistic regression: two clouds of points, and the line where both are as likely."""

import sys

import microgrest as torch
from microgrest import nn


def main(steps=200, compiled=False, plot=False):
    torch.manual_seed(0)
    x = torch.cat([torch.randn(100, 2) + 1.5, torch.randn(100, 2) - 1.5])
    y = torch.cat([torch.ones(100), torch.zeros(100)])

    model = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    loss_fn = nn.BCEWithLogitsLoss()  # the sigmoid is in it, where it loses no digits
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-3)

    def step():
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    for t in range(steps):
        loss = step()
        if t % 50 == 49:
            print(f"step {t + 1}: loss {loss.item():.4f}")

    with torch.no_grad():
        right = ((model(x) > 0) == (y == 1)).float().mean().item()
    print(f"{right:.1%} of the points are on their side")
    if plot:
        import matplotlib.pyplot as plt

        (a, b), c = model[0].weight[0].tolist(), model[0].bias.item()
        plt.scatter(*x.T.numpy(), c=y.numpy(), s=8)
        plt.axline((0, -c / b), slope=-a / b, color="black")
        plt.show()
    return {"loss": loss.item(), "right": right}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
