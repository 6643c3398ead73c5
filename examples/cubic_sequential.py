"""Fit a cubic to the sine with a model from nn: a linear layer over x, x^2 and x^3."""

import math

import microgrest as torch


def fit(start=None, dtype=torch.float32, steps=2000, learning_rate=1e-6):
    """The coefficients a, b, c, d after `steps` steps, and the loss of the last of them."""
    x = torch.linspace(-math.pi, math.pi, 2000, dtype=dtype)
    y = torch.sin(x)
    p = torch.tensor([1, 2, 3])
    xx = x.unsqueeze(-1).pow(p)  # of shape (2000, 3)

    model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0, 1)).to(dtype)
    if start is not None:
        with torch.no_grad():
            model[0].bias.copy_(torch.tensor(start[:1], dtype=dtype))
            model[0].weight.copy_(torch.tensor([start[1:]], dtype=dtype))
    loss_fn = torch.nn.MSELoss(reduction="sum")

    for t in range(steps):
        y_pred = model(xx)
        loss = loss_fn(y_pred, y)
        if t % 100 == 99:
            print(t, loss.item())

        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= learning_rate * param.grad

    linear = model[0]
    b, c, d = (linear.weight[:, i].item() for i in range(3))
    return linear.bias.item(), b, c, d, loss.item()


if __name__ == "__main__":
    torch.manual_seed(0)
    a, b, c, d, loss = fit()
    print(f"Result: y = {a} + {b} x + {c} x^2 + {d} x^3")
