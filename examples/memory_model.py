"""A memory model of 20 numbers, fitted to the review logs of one learner, and of 2,000 at once.

A card that was learned is forgotten by a power law, R(t) = 1 / sqrt(1 + t / S): the chance to
recall it t days after a review. Each review changes the strength S, by how hard the card is, how
strong it was, and how much of it was forgotten. So a log of reviews, with the days since the last
one and the answer's grade, says what a learner's numbers are. The logs here are drawn from learners
that are drawn themselves, and the fits are tried on other cards of theirs.

    python examples/memory_model.py --plot
"""

import sys
import time

import microgrest as torch
from microgrest import nn, optim

REVIEWS, CARDS = 5, 64
AGAIN, GRADES = 0, 4  # again, hard, good, easy
# What learners have in common: where fits begin, and what they are drawn to.
COMMON = (
    *(-0.7, 0.2, 0.9, 2.0),  # log of the strength after the first answer, by grade
    *(0.6, 0.3, 0.0, -0.4),  # difficulty after it, by grade
    *(0.4, -0.5, -0.15, 1.5),  # growth: in general, by difficulty, strength, and forgetting
    *(-0.3, 0.0, 0.3),  # growth, by grade from hard on
    *(-0.5, 0.3, -0.3),  # strength after a lapse: in general, by old strength, and difficulty
    *(-0.2, 0.3),  # difficulty: by grade, and back to the mean
)
SPREAD = 0.3  # how far learners are from that


def by_grade(values, grade):
    """The value of each answer's grade, counted from the last of `values` down."""
    found = values[0]
    for k, value in enumerate(values[1:], GRADES - len(values) + 1):
        found = torch.where(grade >= k, value, found)
    return found


def first(numbers, grade):
    """Log of the strength, and difficulty, after the first answer."""
    return by_grade(numbers[:4], grade), by_grade(numbers[4:8], grade)


def log_recall(strength, days):
    """log R after so many days."""
    return -0.5 * torch.log1p(days * torch.exp(-strength))


def reviewed(numbers, strength, difficulty, recall, grade):
    """Both after another answer; `recall` is log R at the time."""
    general, hardness, saturation, spacing = numbers[8:12]
    growth = (
        general + hardness * difficulty + saturation * strength + by_grade(numbers[12:15], grade)
    )
    stronger = strength + torch.exp((growth - spacing * torch.expm1(recall)).clamp(max=1.5))
    lapsed = numbers[15] + numbers[16] * strength + numbers[17] * difficulty
    difficulty = difficulty * (1 - numbers[19]) + numbers[18] * (grade - 2)
    return torch.where(grade == AGAIN, lapsed, stronger), difficulty


def recalls(numbers, days, grades):
    """log R of the reviews after the first; `days` and `grades` are (..., cards, reviews)."""
    strength, difficulty = first(numbers, grades[..., 0])
    found = []
    for k in range(1, REVIEWS):
        found.append(log_recall(strength, days[..., k]))
        strength, difficulty = reviewed(numbers, strength, difficulty, found[-1], grades[..., k])
    return torch.stack(found, -1)


def surprise(recall, grades):
    """The mean of -log of the chance that was given to what happened."""
    lapse = torch.log(-torch.expm1(recall.clamp(max=-1e-6)))
    return -torch.where(grades[..., 1:] == AGAIN, lapse, recall).mean()


class Learner(nn.Module):
    """One learner, who begins as any."""

    def __init__(self):
        super().__init__()
        self.numbers = nn.Parameter(torch.tensor(COMMON))

    def forward(self, days, grades):
        return recalls(self.numbers.unbind(), days, grades)


def training():
    """A learner, and a step of the fit to a log."""
    learner = Learner()
    optimizer = optim.Adam(learner.parameters(), lr=0.05)
    common, answers = torch.tensor(COMMON), CARDS * (REVIEWS - 1)

    @torch.compile
    def step(days, grades):
        optimizer.zero_grad()
        loss = surprise(learner(days, grades), grades)
        # Who has a short log is taken to be like others.
        prior = ((learner.numbers - common) / SPREAD).square().sum() / (2 * answers)
        (loss + prior).backward()
        optimizer.step()
        return loss

    return learner, step


def batched(numbers):
    """Each of the numbers of many learners, (learners, 20), as functions of cards take them."""
    return numbers.T.unsqueeze(-1).unbind()


def logs(numbers):
    """Reviews of CARDS cards by each learner: days and grades, (learners, CARDS, REVIEWS)."""
    known, shape = batched(numbers), (len(numbers), CARDS)
    grade = torch.randint(0, GRADES, shape)
    strength, difficulty = first(known, grade)
    days, grades = [torch.zeros(shape)], [grade]
    for _ in range(1, REVIEWS):
        # Some cards come sooner than they should, and some later.
        days.append(torch.exp(strength + torch.randn(shape)).clamp(0.01, 1000))
        recall = log_recall(strength, days[-1])
        grade = torch.randint(1, GRADES, shape) * (torch.rand(shape) < torch.exp(recall))
        strength, difficulty = reviewed(known, strength, difficulty, recall, grade)
        grades.append(grade)
    return torch.stack(days, 2), torch.stack(grades, 2)


def fit_one(steps=200):
    """One learner; the surprise before and after."""
    torch.manual_seed(0)
    true = torch.tensor(COMMON) + SPREAD * torch.randn(1, len(COMMON))
    days, grades = (x[0] for x in logs(true))
    _, step = training()
    before = step(days, grades).item()
    return before, step.repeat(steps, days, grades).item()


def fit_many(learners=2000, steps=200):
    """Many learners; recalls and grades of other cards of theirs, by what fits began with, by
    what they came to, and by the truth."""
    torch.manual_seed(0)
    true = torch.tensor(COMMON) + SPREAD * torch.randn(learners, len(COMMON))
    days, grades = logs(true)
    learner, step = training()
    many = step.replicas(learners, None, days, grades, in_dims=0)
    began = time.perf_counter()
    many.repeat(steps)
    seconds = time.perf_counter() - began
    fitted = torch.from_numpy(many[learner.numbers])
    days, grades = logs(true)
    sides = {"common": torch.tensor(COMMON).expand_as(true), "fitted": fitted, "true": true}
    return {name: recalls(batched(x), days, grades) for name, x in sides.items()}, grades, seconds


def calibration(recall, grades, bins=10):
    """The mean chance, and the share that was recalled, of reviews with like chances."""
    chance, came = torch.exp(recall).reshape(-1), (grades[..., 1:] != AGAIN).reshape(-1).float()
    order = chance.argsort()
    parts = zip(chance[order].chunk(bins), came[order].chunk(bins), strict=True)
    return [(c.mean().item(), r.mean().item()) for c, r in parts]


def plot(sides, grades, file="memory_model.png"):
    """What the chances were worth, before and after the fits."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.5)
    for name in ("common", "fitted"):
        axes.plot(
            *zip(*calibration(sides[name], grades), strict=True), "o-", label=f"{name} numbers"
        )
    axes.set(xlabel="chance to recall, by the model", ylabel="share recalled")
    axes.legend()
    figure.savefig(file)
    print(f"plotted to {file}")


def main(learners=2000):
    before, after = fit_one()
    print(f"one learner: surprise {before:.4f} -> {after:.4f}")
    sides, grades, seconds = fit_many(learners)
    print(f"{learners} learners in {seconds:.1f} s; at other cards of theirs")
    for name, recall in sides.items():
        print(f"  {name} numbers: surprise {surprise(recall, grades).item():.4f}")
    if "--plot" in sys.argv:
        plot(sides, grades)


if __name__ == "__main__":
    main()
