"""A differential equation solved by a network, whose second derivative has to be right.

u'' = -u with u(0) = 0 and u'(0) = 1 is the sine. `u = x + x^2 N(x)` begins as it has to, whatever
the network N is, so the loss is the equation alone (Lagaris et al. 1998).
"""

import sys

import microgrest as torch
from microgrest import nn


def main(steps=1500, compiled=False, plot=False):
    torch.manual_seed(0)
    x = torch.linspace(0, 4, 60, dtype=torch.float64).unsqueeze(1).requires_grad_()
    network = nn.Sequential(
        nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
    )
    network.double()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)

    def solution():
        return x + x**2 * network(x)

    def step():
        optimizer.zero_grad()
        u = solution()
        # Each u depends on its own x alone, so the gradient of the sum has every derivative.
        (du,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        (ddu,) = torch.autograd.grad(du.sum(), x, create_graph=True)
        loss = (ddu + u).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    for t in range(steps):
        loss = step()
        if t % 300 == 299:
            print(f"step {t + 1}: loss {loss.item():.2e}")

    error = (solution() - torch.sin(x)).abs().max().item()
    print(f"largest distance from the sine: {error:.4f}")
    if plot:
        import matplotlib.pyplot as plt

        points = x.detach().numpy()
        plt.plot(points, torch.sin(x).detach().numpy(), "k:", label="sine")
        plt.plot(points, solution().detach().numpy(), label="solution")
        plt.legend()
        plt.show()
    return {"error": error}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
