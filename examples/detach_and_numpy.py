"""What shares memory: detach(), data, numpy() and from_numpy()."""

import numpy as np

import microgrest as torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
try:
    x.numpy()
except RuntimeError as error:
    print("RuntimeError:", error)

# A detached tensor is out of the graph, and has the same memory
d = x.detach()
print(d, d.requires_grad)
d[0] = 10.0
print("x sees the write:", x)

array = x.detach().numpy()
array[1] = 20.0
print("x sees this one too:", x)

source = np.array([1.0, 2.0, 3.0])
t = torch.from_numpy(source)
source[2] = 30.0
print("from_numpy shares:", t)
t[0] = -1.0
print("in both directions:", source)

# Replacing .data of a detached tensor gives it other memory, and leaves the first one alone
x1 = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
x2 = x1.detach()
x2.data = torch.tensor([7.0, 8.0, 9.0])
print("x1:", x1)
print("x2:", x2)
