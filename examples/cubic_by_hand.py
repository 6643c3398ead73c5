"""Fit a cubic to the sine with tensors only: the gradients are written out by hand."""

import math

import microgrest as torch


def fit(start=None, dtype=torch.float32, steps=2000, learning_rate=1e-6):
    """The coefficients a, b, c, d after `steps` steps, and the loss of the last of them."""
    x = torch.linspace(-math.pi, math.pi, 2000, dtype=dtype)
    y = torch.sin(x)
    start = torch.randn(4, dtype=dtype) if start is None else torch.tensor(start, dtype=dtype)
    a, b, c, d = start

    for t in range(steps):
        # Forward: the prediction and its loss
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = (y_pred - y).pow(2).sum().item()
        if t % 100 == 99:
            print(t, loss)

        # Backward: the gradients of the loss with respect to a, b, c and d
        grad_y_pred = 2.0 * (y_pred - y)
        grad_a = grad_y_pred.sum()
        grad_b = (grad_y_pred * x).sum()
        grad_c = (grad_y_pred * x**2).sum()
        grad_d = (grad_y_pred * x**3).sum()

        a = a - learning_rate * grad_a
        b = b - learning_rate * grad_b
        c = c - learning_rate * grad_c
        d = d - learning_rate * grad_d

    return a.item(), b.item(), c.item(), d.item(), loss


if __name__ == "__main__":
    torch.manual_seed(0)
    a, b, c, d, loss = fit()
    print(f"Result: y = {a} + {b} x + {c} x^2 + {d} x^3")
