"""A variational autoencoder: pictures of discs, in two numbers each (Kingma and Welling 2014)."""

import sys

import microgrest as torch
from microgrest import nn
from microgrest.nn import functional as F


def discs(n):
    """Pictures of 8 x 8 with a bright disc at any place."""
    place = 1.5 + 4 * torch.rand(n, 2, 1, 1)
    row, column = torch.arange(8.0).view(8, 1), torch.arange(8.0).view(1, 8)
    distance = (row - place[:, 0]) ** 2 + (column - place[:, 1]) ** 2
    return torch.exp(-distance / 2).flatten(1)


class Autoencoder(nn.Module):
    """A picture to the mean and spread of its code, and a code to the scores of pixels."""

    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
        self.decode = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        mean, log_var = self.encode(x).chunk(2, dim=1)
        # Drawn so that gradients reach mean and spread.
        code = mean + torch.exp(log_var / 2) * torch.randn_like(mean)
        return self.decode(code), mean, log_var


def main(steps=1000, compiled=False, plot=False):
    torch.manual_seed(0)
    x = discs(256)
    model = Autoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def step():
        optimizer.zero_grad()
        scores, mean, log_var = model(x)
        pixels = F.binary_cross_entropy_with_logits(scores, x, reduction="sum") / len(x)
        # How far the codes' distribution is from the one that new codes are drawn from.
        apart = -0.5 * (1 + log_var - mean.square() - log_var.exp()).sum() / len(x)
        loss = pixels + apart
        loss.backward()
        optimizer.step()
        return loss, apart

    step = torch.compile(step) if compiled else step
    for t in range(steps):
        loss, apart = step()
        if t % 50 == 49:
            print(f"step {t + 1}: loss {loss.item():.3f}, of which codes {apart.item():.3f}")
    if plot:
        import matplotlib.pyplot as plt

        across = torch.linspace(-1.5, 1.5, 8)
        codes = torch.cartesian_prod(across, across)
        with torch.no_grad():
            made = torch.sigmoid(model.decode(codes)).view(8, 8, 8, 8)
        plt.imshow(made.permute(0, 2, 1, 3).reshape(64, 64).numpy(), cmap="gray")
        plt.title("what the codes of a square mean")
        plt.show()
    return {"loss": loss.item(), "apart": apart.item()}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
