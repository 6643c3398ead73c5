"""Fit a cubic to the sine: backward() finds the gradients of four scalar parameters."""

import math

import microgrest as torch


def fit(start=None, dtype=torch.float32, steps=2000, learning_rate=1e-6):
    """The coefficients a, b, c, d after `steps` steps, and the loss of the last of them."""
    x = torch.linspace(-math.pi, math.pi, 2000, dtype=dtype)
    y = torch.sin(x)
    start = torch.randn(4).tolist() if start is None else start
    a, b, c, d = (torch.tensor(v, dtype=dtype, requires_grad=True) for v in start)

    for t in range(steps):
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = (y_pred - y).pow(2).sum()
        if t % 100 == 99:
            print(t, loss.item())

        loss.backward()

        # The update is no part of the graph
        with torch.no_grad():
            a -= learning_rate * a.grad
            b -= learning_rate * b.grad
            c -= learning_rate * c.grad
            d -= learning_rate * d.grad

            a.grad = None
            b.grad = None
            c.grad = None
            d.grad = None

    return a.item(), b.item(), c.item(), d.item(), loss.item()


if __name__ == "__main__":
    torch.manual_seed(0)
    a, b, c, d, loss = fit()
    print(f"Result: y = {a} + {b} x + {c} x^2 + {d} x^3")
