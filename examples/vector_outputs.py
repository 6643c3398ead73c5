"""backward() of an output with several elements needs their weights."""

import microgrest as torch

x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
y = x**2
try:
    y.backward()
except RuntimeError as error:
    print("refused:", type(error).__name__)

# With weights w it is the gradient of (w * y).sum()
weights = torch.tensor([1.0, 0.1, 0.01], dtype=torch.float64)
y.backward(gradient=weights)
print("weighted:", x.grad)

x.grad = None
(weights * x**2).sum().backward()
print("the same by a sum:", x.grad)
