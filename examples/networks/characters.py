"""A small transformer learns to write, one character at a time, from a page about a harbour."""

import math
import sys
from pathlib import Path

import microgrest as torch
from microgrest import nn

TEXT = (Path(__file__).parent / "harbour.txt").read_text(encoding="utf-8")
ALPHABET = sorted(set(TEXT))
CONTEXT, WIDTH, BATCH = 32, 64, 32


class Writer(nn.Module):
    """Scores of the next character, at each place of (batch, time) characters."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, dropout=0.0, batch_first=True)
        self.characters = nn.Embedding(len(ALPHABET), WIDTH)
        self.places = nn.Parameter(0.02 * torch.randn(CONTEXT, WIDTH))
        self.layers = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(WIDTH, len(ALPHABET))
        # What comes later cannot be seen.
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(CONTEXT))

    def forward(self, x):
        n = x.shape[1]
        hidden = self.characters(x) * math.sqrt(WIDTH) + self.places[:n]
        return self.out(self.layers(hidden, mask=self.mask[:n, :n], is_causal=True))


def write(model, start, length):
    """What the model goes on with, drawn by the chances that it gives."""
    x = torch.tensor([[ALPHABET.index(c) for c in start]])
    for _ in range(length):
        with torch.no_grad():
            chances = torch.softmax(model(x[:, -CONTEXT:])[0, -1] / 0.7, 0)
        x = torch.cat([x, torch.multinomial(chances, 1).unsqueeze(0)], 1)
    return "".join(ALPHABET[i] for i in x[0].tolist())


def main(steps=600, compiled=False, plot=False):
    torch.manual_seed(0)
    text = torch.tensor([ALPHABET.index(c) for c in TEXT])
    model = Writer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    losses = []
    for t in range(steps):
        begin = torch.randint(0, len(text) - CONTEXT, (BATCH, 1))
        pieces = text[begin + torch.arange(CONTEXT + 1)]
        losses.append(step(pieces[:, :-1], pieces[:, 1:]).item())
        if t % 100 == 99:
            print(f"step {t + 1}: loss {losses[-1]:.3f} (chance: {math.log(len(ALPHABET)):.3f})")
    written = write(model, "The boy ", min(steps, 200))
    print(written)
    if plot:
        import matplotlib.pyplot as plt

        plt.plot(losses)
        plt.xlabel("step")
        plt.ylabel("cross entropy of the next character")
        plt.show()
    return {"loss": losses[-1]}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
