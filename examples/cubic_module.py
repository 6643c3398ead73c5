"""Fit a cubic to the sine with a Module of one's own and SGD from optim."""

import math

import microgrest as torch


class Cubic(torch.nn.Module):
    """y = a + b x + c x^2 + d x^3"""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.randn(()))
        self.b = torch.nn.Parameter(torch.randn(()))
        self.c = torch.nn.Parameter(torch.randn(()))
        self.d = torch.nn.Parameter(torch.randn(()))

    def forward(self, x):
        return self.a + self.b * x + self.c * x**2 + self.d * x**3

    def string(self):
        a, b, c, d = (p.item() for p in self.parameters())
        return f"y = {a} + {b} x + {c} x^2 + {d} x^3"


def fit(start=None, dtype=torch.float32, steps=2000, learning_rate=1e-6):
    """The coefficients a, b, c, d after `steps` steps, and the loss of the last of them."""
    x = torch.linspace(-math.pi, math.pi, 2000, dtype=dtype)
    y = torch.sin(x)

    model = Cubic().to(dtype)
    if start is not None:
        names = ("a", "b", "c", "d")
        values = (torch.tensor(v, dtype=dtype) for v in start)
        model.load_state_dict(dict(zip(names, values, strict=True)))
    criterion = torch.nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)

    for t in range(steps):
        y_pred = model(x)
        loss = criterion(y_pred, y)
        if t % 100 == 99:
            print(t, loss.item())

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    print(f"Result: {model.string()}")
    return *(p.item() for p in model.parameters()), loss.item()


if __name__ == "__main__":
    torch.manual_seed(0)
    fit()
