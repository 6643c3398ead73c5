"""A recurrent sine: an LSTM learns to say the next value of a wave, then goes on by itself."""

import sys

import microgrest as torch
from microgrest import nn


class Next(nn.Module):
    """What comes after each of a sequence of values, (batch, time, 1), and where it stands."""

    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x, state=None):
        y, state = self.lstm(x, state)
        return self.out(y), state


def waves(n, length):
    """Sines that begin anywhere."""
    return torch.sin(0.3 * torch.arange(length) + 6.28 * torch.rand(n, 1)).unsqueeze(-1)


def main(steps=200, compiled=False, plot=False):
    torch.manual_seed(0)
    x = waves(32, 41)
    model = Next()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        predicted, _ = model(x[:, :-1])
        loss = nn.functional.mse_loss(predicted, x[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    for t in range(steps):
        loss = step()
        if t % 50 == 49:
            print(f"step {t + 1}: loss {loss.item():.5f}")

    whole = waves(1, 120)
    with torch.no_grad():
        predicted, state = model(whole[:, :40])
        value, told = predicted[:, -1:], []
        for _ in range(80):  # what it says is what it is given next
            told.append(value.item())
            value, state = model(value, state)
    error = (torch.tensor(told[:20]) - whole[0, 40:60, 0]).abs().max().item()
    print(f"largest error in the 20 values that follow: {error:.3f}")
    if plot:
        import matplotlib.pyplot as plt

        plt.plot(whole[0, :, 0].numpy(), "k:", label="the wave")
        plt.plot(range(40, 120), told, label="what the network goes on with")
        plt.legend()
        plt.show()
    return {"loss": loss.item(), "error": error}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
