"""Gradients of a scalar, of a vector, and of a function of several variables."""

import microgrest as torch

# One variable: d(x^2 + 20)/dx = 2x, which is 20 at x = 10
x = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
y = x**2 + 20
print(y)
y.backward()
print("dy/dx =", x.grad)

# A vector: the mean of x^2 + 20 over four points has the gradient 2x / 4
x = torch.tensor([10.0, 20.0, 30.0, 40.0], dtype=torch.float64, requires_grad=True)
y = (x**2 + 20).mean()
print(x)
print(y)
y.backward()
print("dy/dx =", x.grad)

# Two variables: x1^2 + x2^2 + x1 x2
x1 = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
x2 = torch.tensor(20.0, dtype=torch.float64, requires_grad=True)
y = x1**2 + x2**2 + x1 * x2
print(y)
y.backward()
print("dy/dx1 =", x1.grad, "dy/dx2 =", x2.grad)

# Two vectors, on the GPU where there is one
device = "cuda" if torch.cuda.is_available() else "cpu"
x1 = torch.tensor([10.0, 20.0], dtype=torch.float64, device=device, requires_grad=True)
x2 = torch.tensor([30.0, 40.0], dtype=torch.float64, device=device, requires_grad=True)
y = (x1**2 + x2**2 + x1 * x2).mean()
print(y)
y.backward()
print("dy/dx1 =", x1.grad, "dy/dx2 =", x2.grad)
