"""Gradients of repeated backward() calls add up until they are cleared."""

import microgrest as torch

x = torch.tensor(10.0, requires_grad=True)


def backward():
    y = x**2
    y.backward()
    return x.grad


for _ in range(3):
    print("accumulated:", backward())

x.grad.zero_()
print("after grad.zero_():", x.grad, end=" ")
print("then", backward())

x.grad.data.zero_()
print("after grad.data.zero_():", x.grad, end=" ")
print("then", backward())

x.grad = None
print("after grad = None:", x.grad, end=" ")
print("then", backward())
