"""Linear regression: a line through noisy points, by mini-batches and gradient descent."""

import sys

import microgrest as torch
from microgrest import nn
from microgrest.utils.data import DataLoader, TensorDataset


def main(epochs=30, compiled=False, plot=False):
    torch.manual_seed(0)
    x = 4 * torch.rand(400, 1)
    y = 2.5 * x - 4 + torch.randn(400, 1)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)

    model = nn.Linear(1, 1)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def step(xb, yb):
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    for epoch in range(epochs):
        total = sum(step(xb, yb).item() for xb, yb in loader)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")

    slope, intercept = model.weight.item(), model.bias.item()
    print(f"y = {slope:.2f} x + {intercept:.2f} (true: y = 2.50 x - 4.00)")
    if plot:
        import matplotlib.pyplot as plt

        plt.scatter(x.numpy(), y.numpy(), s=5)
        plt.axline((0, intercept), slope=slope, color="black")
        plt.show()
    return {"slope": slope, "intercept": intercept}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
