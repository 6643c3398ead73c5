"""Gradient descent by hand: the minimum of x^2, from x = 10."""

import microgrest as torch

x = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
for step in range(1, 5001):
    y = x**2
    y.backward()
    x.data = x.data - 0.001 * x.grad
    x.grad.zero_()
    if step in (1, 10, 100, 1000, 5000):
        print("step %4d: x = %.10f" % (step, x.data))  # noqa: UP031

# A leaf that requires grad must not change in place while operations are recorded
try:
    x -= 0.001
except RuntimeError as error:
    print("refused:", type(error).__name__)
with torch.no_grad():
    x -= 0.001
print("x = %.10f" % x.data)  # noqa: UP031
