"""Softmax regression: points of four kinds, by the cross entropy of a linear model."""

import sys

import microgrest as torch
from microgrest import nn

CENTERS = [[2.0, 2.0], [-2.0, 2.0], [-2.0, -2.0], [2.0, -2.0]]


def main(steps=150, compiled=False, plot=False):
    torch.manual_seed(0)
    labels = torch.randint(0, 4, (400,))
    x = torch.tensor(CENTERS)[labels] + torch.randn(400, 2)

    model = nn.Linear(2, 4)
    loss_fn = nn.CrossEntropyLoss()  # of scores, which are no probabilities yet
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)

    def step():
        optimizer.zero_grad()
        loss = loss_fn(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    for t in range(steps):
        loss = step()
        if t % 50 == 49:
            print(f"step {t + 1}: loss {loss.item():.4f}")

    with torch.no_grad():
        predicted = model(x).argmax(1)
        right = (predicted == labels).float().mean().item()
        print(f"{right:.1%} right; the middle has the probabilities", end=" ")
        print([round(p, 2) for p in torch.softmax(model(torch.zeros(2)), 0).tolist()])
    if plot:
        import matplotlib.pyplot as plt

        plt.scatter(*x.T.numpy(), c=predicted.numpy(), s=8)
        plt.show()
    return {"loss": loss.item(), "right": right}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
