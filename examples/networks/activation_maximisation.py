"""Activation maximisation: which picture does a trained network like best?

It learns to tell lines that lie, stand and lean in pictures of 8 x 8. Then its weights are left
alone, and pixels climb the gradient of what it says of them.
"""

import sys

import microgrest as torch
from microgrest import nn

KINDS = ["lying", "standing", "leaning"]


def pictures(n):
    """Noisy pictures with one line each, and of which kind that is."""
    kinds, places = torch.randint(0, 3, (n,)), torch.randint(1, 7, (n,))
    row, column = torch.arange(8).view(8, 1), torch.arange(8).view(1, 8)
    at = places.view(n, 1, 1)
    lying, standing = (row == at).expand(n, 8, 8), (column == at).expand(n, 8, 8)
    leaning = (row - column) == at - 4
    lines = torch.stack([lying, standing, leaning.expand(n, 8, 8)], 1)
    return lines[torch.arange(n), kinds].float() + 0.2 * torch.randn(n, 8, 8), kinds


def main(steps=200, compiled=False, plot=False):
    torch.manual_seed(0)
    x, y = pictures(500)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def learn():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    learn = torch.compile(learn) if compiled else learn
    for _ in range(steps):
        loss = learn()
    print(f"the network has learned: loss {loss.item():.4f}")

    model.requires_grad_(False)
    # Three pictures at once, each to please one of the outputs.
    liked = torch.zeros(3, 8, 8, requires_grad=True)
    ascent = torch.optim.SGD([liked], lr=0.1, maximize=True)

    def climb():
        ascent.zero_grad()
        # Without the second term pixels would grow for ever.
        score = model(liked).diagonal().sum() - liked.square().sum()
        score.backward()
        ascent.step()
        return score

    climb = torch.compile(climb) if compiled else climb
    for _ in range(steps):
        score = climb()
    chances = torch.softmax(model(liked.detach()), 1).diagonal()
    for kind, chance in zip(KINDS, chances.tolist(), strict=True):
        print(f"{kind}: {chance:.4f}")
    if plot:
        import matplotlib.pyplot as plt

        for axes, picture, kind in zip(plt.subplots(1, 3)[1], liked.detach(), KINDS, strict=True):
            axes.imshow(picture.numpy(), cmap="gray")
            axes.set_title(kind)
        plt.show()
    return {"score": score.item(), "least": chances.min().item()}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
