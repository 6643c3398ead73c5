"""A generative adversarial network: two networks play, and one learns to make points on a ring."""

import sys

import microgrest as torch
from microgrest import nn

BATCH, NOISE = 128, 4


def ring(n):
    """Points near the circle of radius 1."""
    x = torch.randn(n, 2)
    return x / x.norm(dim=1, keepdim=True) * (1 + 0.05 * torch.randn(n, 1))


def network(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2),
        nn.Linear(64, outputs),
    )  # fmt: skip


def main(steps=2000, compiled=False, plot=False):
    torch.manual_seed(0)
    make, judge = network(NOISE, 2), network(2, 1)
    of_maker = torch.optim.Adam(make.parameters(), lr=1e-3, betas=(0.5, 0.9))
    of_judge = torch.optim.Adam(judge.parameters(), lr=1e-3, betas=(0.5, 0.9))
    loss_fn = nn.BCEWithLogitsLoss()
    true, false = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

    def step(real):
        # The judge learns to tell real points from made ones; through `detach` the maker does not.
        made = make(torch.randn(BATCH, NOISE))
        of_judge.zero_grad()
        judging = loss_fn(judge(real), true) + loss_fn(judge(made.detach()), false)
        judging.backward()
        of_judge.step()
        # The maker learns to be taken for real.
        of_maker.zero_grad()
        making = loss_fn(judge(made), true)
        making.backward()
        of_maker.step()
        return judging, making

    step = torch.compile(step) if compiled else step
    for t in range(steps):
        judging, making = step(ring(BATCH))
        if t % 500 == 499:
            print(f"step {t + 1}: judge {judging.item():.3f}, maker {making.item():.3f}")

    with torch.no_grad():
        points = make(torch.randn(1000, NOISE))
    radius = points.norm(dim=1)
    print(f"radius of made points: {radius.mean().item():.3f} +- {radius.std().item():.3f}")
    if plot:
        import matplotlib.pyplot as plt

        plt.scatter(*ring(1000).T.numpy(), s=3, label="real")
        plt.scatter(*points.T.numpy(), s=3, label="made")
        plt.legend()
        plt.axis("equal")
        plt.show()
    return {"radius": radius.mean().item(), "spread": radius.std().item()}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
