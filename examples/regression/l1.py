"""An L1 penalty: of 50 features 5 matter, and the sum of sizes in the loss finds out which."""

import sys

import microgrest as torch

TRUE = {3: 2.0, 11: -1.5, 20: 1.0, 34: -2.5, 47: 1.5}


def fit(penalty, steps, compiled):
    """The weights that a penalty leads to."""
    torch.manual_seed(0)
    true = torch.zeros(50)
    true[list(TRUE)] = torch.tensor(list(TRUE.values()))
    x = torch.randn(60, 50)
    y = x @ true + 0.5 * torch.randn(60)

    w = torch.zeros(50, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.02)

    def step():
        optimizer.zero_grad()
        loss = (x @ w - y).square().mean() + penalty * w.abs().sum()
        loss.backward()
        optimizer.step()

    step = torch.compile(step) if compiled else step
    for _ in range(steps):
        step()
    return w.detach(), (w - true).norm().item()


def main(steps=1000, compiled=False, plot=False):
    found, weights = {}, {}
    for penalty in (0.0, 0.3):
        w, error = fit(penalty, steps, compiled)
        # The penalty's gradient has one size everywhere, so weights that do not matter end
        # within a step of 0, and go to and fro there.
        large = (w.abs() > 0.1).nonzero().flatten().tolist()
        print(f"penalty {penalty}: {len(large)} weights above 0.1, error {error:.3f}")
        weights[penalty] = w
        found |= {f"large, {penalty}": len(large), f"error, {penalty}": error}
    print("those of the last:", large, "true:", list(TRUE))
    if plot:
        import matplotlib.pyplot as plt

        for penalty, w in weights.items():
            plt.stem(w.numpy(), label=f"penalty {penalty}", markerfmt=f"C{int(penalty > 0)}o")
        plt.legend()
        plt.show()
    return found


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
