"""Newton's method, by derivatives of derivatives: a root, and the valley of Rosenbrock."""

import sys

import microgrest as torch


def root(steps, compiled):
    """Where x e^x = 1, the omega constant."""
    x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)

    def step():
        y = x * torch.exp(x) - 1
        (slope,) = torch.autograd.grad(y, x)
        with torch.no_grad():
            x.sub_(y / slope)

    step = torch.compile(step) if compiled else step
    for _ in range(steps):
        step()
    return x.item()


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def lowest(steps, compiled):
    """The path to the minimum at (1, 1): each step goes to that of a parabola at the point."""
    p = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)

    def derivatives():
        value = rosenbrock(p)
        (slope,) = torch.autograd.grad(value, p, create_graph=True)
        rows = [torch.autograd.grad(slope[i], p, retain_graph=True)[0] for i in range(2)]
        return value, slope, torch.stack(rows)

    derivatives = torch.compile(derivatives) if compiled else derivatives
    path = [p.tolist()]
    for k in range(steps):
        value, slope, curvature = derivatives()
        with torch.no_grad():  # no part of a compiled step: `solve` is LAPACK's
            p.sub_(torch.linalg.solve(curvature, slope))
        path.append(p.tolist())
        print(f"step {k + 1}: from {value.item():.3e} to ({path[-1][0]:.6f}, {path[-1][1]:.6f})")
    return path


def main(steps=8, compiled=False, plot=False):
    omega = root(steps, compiled)
    print(f"x e^x = 1 at x = {omega:.15f}")
    path = lowest(steps, compiled)
    if plot:
        import matplotlib.pyplot as plt

        x, y = torch.meshgrid(
            torch.linspace(-1.5, 1.5, 80), torch.linspace(-4, 2, 80), indexing="xy"
        )
        heights = rosenbrock(torch.stack([x, y])).log()
        plt.contour(x.numpy(), y.numpy(), heights.numpy(), 20)
        plt.plot(*zip(*path, strict=True), "ko-")
        plt.show()
    return {"omega": omega, "x": path[-1][0], "y": path[-1][1]}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
