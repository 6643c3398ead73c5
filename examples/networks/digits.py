"""LeNet on scikit-learn's handwritten digits, pictures of 8 x 8 (`pip install scikit-learn`)."""

import sys

from sklearn.datasets import load_digits

import microgrest as torch
from microgrest import nn
from microgrest.utils.data import DataLoader, TensorDataset, random_split


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 32), nn.ReLU(),
        nn.Linear(32, 10),
    )  # fmt: skip


def main(epochs=10, compiled=False, plot=False):
    torch.manual_seed(0)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    train, test = random_split(TensorDataset(x, torch.tensor(digits.target)), [1400, 397])
    loader = DataLoader(train, batch_size=50, shuffle=True)
    model = lenet()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)

    def step(xb, yb):
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    x_test, y_test = test[:]
    for epoch in range(epochs):
        for xb, yb in loader:
            loss = step(xb, yb)
        with torch.no_grad():
            guessed = model(x_test).argmax(1)
        right = (guessed == y_test).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}, {right:.1%} of the test set right")
    if plot:
        import matplotlib.pyplot as plt

        wrong = (guessed != y_test).nonzero().flatten()[:8].tolist()
        for axes, i in zip(plt.subplots(2, 4)[1].flat, wrong, strict=False):
            axes.imshow(x_test[i, 0].numpy(), cmap="gray")
            axes.set_title(f"{y_test[i].item()}, taken for {guessed[i].item()}")
            axes.axis("off")
        plt.show()
    return {"right": right}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
