"""Matrix factorization: what people would give to films that they have not seen.

Each person and each film is a short vector, and a rating is their product. Only ratings that were
given count in the loss.
"""

import sys

import microgrest as torch
from microgrest import nn

PEOPLE, FILMS, TASTES = 60, 40, 3


class Ratings(nn.Module):
    """A rating of each pair of a person and a film."""

    def __init__(self, rank):
        super().__init__()
        self.people = nn.Embedding(PEOPLE, rank)
        self.films = nn.Embedding(FILMS, rank)
        self.mean = nn.Parameter(torch.zeros(()))

    def forward(self, person, film):
        return (self.people(person) * self.films(film)).sum(-1) + self.mean


def main(steps=600, compiled=False, plot=False):
    torch.manual_seed(0)
    true = torch.randn(PEOPLE, TASTES) @ torch.randn(TASTES, FILMS) + 3
    given = torch.rand(PEOPLE, FILMS) < 0.5
    person, film = given.nonzero(as_tuple=True)
    rating = true[person, film] + 0.1 * torch.randn(len(person))

    model = Ratings(TASTES)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, weight_decay=1e-4)

    def step():
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(person, film), rating)
        loss.backward()
        optimizer.step()
        return loss

    step = torch.compile(step) if compiled else step
    for t in range(steps):
        loss = step()
        if t % 200 == 199:
            print(f"step {t + 1}: loss {loss.item():.4f}")

    with torch.no_grad():
        guessed = model.people.weight @ model.films.weight.T + model.mean
        error = (guessed - true)[~given].square().mean().sqrt().item()
        spread = true[~given].std().item()
    print(f"ratings not given: error {error:.3f}, where they vary by {spread:.3f}")
    if plot:
        import matplotlib.pyplot as plt

        plt.scatter(true[~given].numpy(), guessed[~given].numpy(), s=3)
        plt.xlabel("true rating")
        plt.ylabel("guessed rating")
        plt.show()
    return {"error": error, "share": error / spread}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
