"""The training steps that are compared: their data, their starting points, and their programs.

A program is an ordinary training step against a module with PyTorch's names. Beside it stands what
peers without modules and optimizers need of the same step: its loss as a function of the
parameters, and its rule of update.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from cases import PARALLEL, points
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = tuple[Array, ...]
Step = Callable[[], Any]

FIT_STEPS = 2000  # of a whole fit: what one call of a whole loop takes
ELEMENTS = 20_000_000  # of all steps of one call, where points are many


class Rule(NamedTuple):
    """An optimizer: `update(xp, p, g, slots, t)` gives the new p and slots.

    Each parameter has `slots` arrays of state, which begin at zero. t is the number of the step,
    from 1 on, if the rule `counts` them.
    """

    slots: int
    update: Callable[..., tuple[Any, tuple[Any, ...]]]
    counts: bool = False


class Runner(NamedTuple):
    """Steps of one peer: `advance(n)` takes n of them and waits for the last.

    `values()` are copies of all parameters, flat, one after the other in the workload's order.
    """

    advance: Callable[[int], object]
    values: Callable[[], Array]
    whole: bool = True  # whether `advance` is one call, or a Python loop over steps

    @classmethod
    def of_steps(cls, step: Step, values: Callable[[], Array]) -> Runner:
        """That of a function that takes one step."""

        def advance(steps: int) -> None:
            for _ in range(steps):
                step()

        return cls(advance, values, whole=False)


class Program(NamedTuple):
    """What a step is made of in one library: a call takes a step and returns its loss."""

    step: Step
    parameters: tuple[Any, ...]


@dataclass(frozen=True)
class Workload:
    """One training step on fixed data, from fixed parameters.

    `program(torch, workload, **options)` writes it in PyTorch's way, `options` to be those of the
    optimizer; `loss(xp, parameters, data)` is its loss in the functions that NumPy, JAX and PyTorch
    share. `bounds` are the largest ratios of microgrest's time to a peer's that pass.
    """

    name: str
    n: int
    make: Callable[[int], tuple[Arrays, Arrays]]  # data and starting parameters of n points
    program: Callable[..., Program]
    loss: Callable[[Any, Any, Any], Any]
    rule: Callable[[int], Rule]
    bounds: dict[str, float] = field(default_factory=dict)
    parallel: bool = False  # whether all threads take part, or one
    steps: int = FIT_STEPS  # of one call of a whole loop
    title: str = ""  # what tables for readers call it

    @property
    def id(self) -> str:
        return f"{self.name}-{self.n}"


# ---- a cubic to the sine: four scalars, gradients by backward(), updates by hand -----------------

COEFFICIENTS = (0.1, 0.2, 0.3, 0.4)


def cubic_data(n: int) -> tuple[Arrays, Arrays]:
    """x and sin x; a, b, c, d."""
    x, y, _ = points(np, n, np.float32)
    return (x, y), tuple(np.array(v, np.float32) for v in COEFFICIENTS)


def learning_rate(n: int) -> float:
    """With which the sum of n squares converges."""
    return 1e-6 * min(1.0, FIT_STEPS / n)


def cubic(torch: Any, workload: Workload) -> Program:
    """The loss is a sum of squares; the gradients are dropped after each step."""
    data, start = workload.make(workload.n)
    x, y = map(torch.tensor, data)
    a, b, c, d = parameters = tuple(torch.tensor(v, requires_grad=True) for v in start)
    rate = learning_rate(workload.n)

    def step() -> Any:
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = (y_pred - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= rate * p.grad
                p.grad = None
        return loss

    return Program(step, parameters)


def cubic_loss(xp: Any, parameters: Any, data: Any) -> Any:
    """The same, by Horner's rule."""
    (a, b, c, d), (x, y) = parameters, data
    return ((a + x * (b + x * (c + x * d)) - y) ** 2).sum()


def sgd(n: int) -> Rule:
    """p -= rate g."""
    rate = learning_rate(n)
    return Rule(0, lambda xp, p, g, slots, t: (p - rate * g, ()))


# ---- the same as a module: Sequential(Linear(3, 1), Flatten(0, 1)), MSELoss, RMSprop -------------


def features_data(n: int) -> tuple[Arrays, Arrays]:
    """The powers 1, 2, 3 of x as columns, and sin x; the weight, of shape (1, 3), and the bias."""
    (x, y), _ = cubic_data(n)
    features = np.ascontiguousarray(np.stack([x, x**2, x**3], axis=1))
    return (features, y), (np.full((1, 3), 0.1, np.float32), np.full(1, 0.1, np.float32))


def linear(torch: Any, workload: Workload) -> Program:
    """As in PyTorch's tutorial on nn and optim."""
    nn = torch.nn
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    return training(torch, workload, model, nn.MSELoss(reduction="sum"), optimizer)


def linear_loss(xp: Any, parameters: Any, data: Any) -> Any:
    """The sum of the squares of features @ weight.T + bias - y."""
    (weight, bias), (features, y) = parameters, data
    return ((features @ weight[0] + bias[0] - y) ** 2).sum()


def rmsprop(n: int) -> Rule:
    """PyTorch's defaults: alpha 0.99, eps 1e-8; lr 1e-3."""

    def update(xp: Any, p: Any, g: Any, slots: Any, t: Any) -> tuple[Any, tuple[Any]]:
        square = 0.99 * slots[0] + 0.01 * g * g
        return p - 1e-3 * g / (xp.sqrt(square) + 1e-8), (square,)

    return Rule(1, update)


# ---- networks ------------------------------------------------------------------------------------


def training(
    torch: Any, workload: Workload, model: Any, loss_fn: Callable[..., Any], optimizer: Any
) -> Program:
    """The ordinary step of a model on the whole of the workload's data."""
    data, start = workload.make(workload.n)
    x, y = map(torch.tensor, data)
    parameters = tuple(model.parameters())
    with torch.no_grad():
        for p, value in zip(parameters, start, strict=True):
            p.copy_(torch.tensor(value))

    def step() -> Any:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return Program(step, parameters)


def weights(random: np.random.Generator, *widths: int) -> Arrays:
    """Weights of shape (out, in) and biases, layer after layer, of the size PyTorch starts with."""
    found = []
    for k, m in pairwise(widths):
        bound = 1 / math.sqrt(k)
        found.append(random.uniform(-bound, bound, (m, k)).astype(np.float32))
        found.append(random.uniform(-bound, bound, m).astype(np.float32))
    return tuple(found)


def layers(activation: Callable[[Any], Any], parameters: Any, x: Any) -> Any:
    """Linear layers with `activation` between them."""
    for i in range(0, len(parameters), 2):
        x = (x if i == 0 else activation(x)) @ parameters[i].T + parameters[i + 1]
    return x


SMALL = (2, 16, 16, 1)
LARGE = (784, 256, 128, 10)
MOMENTUM_RATE, ADAM_RATE = 0.05, 1e-4


def saddle_data(n: int) -> tuple[Arrays, Arrays]:
    """n points of the plane and the product of their coordinates, of shape (n, 1)."""
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (n, 2)).astype(np.float32)
    return (x, x[:, :1] * x[:, 1:]), weights(random, *SMALL)


def small(torch: Any, workload: Workload) -> Program:
    """2-16-16-1 with tanh, mean squared error, SGD with momentum 0.9."""
    nn = torch.nn
    a, b, c = (nn.Linear(*pair) for pair in pairwise(SMALL))
    model = nn.Sequential(a, nn.Tanh(), b, nn.Tanh(), c)
    optimizer = torch.optim.SGD(model.parameters(), lr=MOMENTUM_RATE, momentum=0.9)
    return training(torch, workload, model, nn.MSELoss(), optimizer)


def small_loss(xp: Any, parameters: Any, data: Any) -> Any:
    """The mean squared error."""
    x, y = data
    return ((layers(xp.tanh, parameters, x) - y) ** 2).mean()


def momentum(n: int) -> Rule:
    """SGD with momentum 0.9."""

    def update(xp: Any, p: Any, g: Any, slots: Any, t: Any) -> tuple[Any, tuple[Any]]:
        velocity = 0.9 * slots[0] + g
        return p - MOMENTUM_RATE * velocity, (velocity,)

    return Rule(1, update)


def digits_data(n: int) -> tuple[Arrays, Arrays]:
    """n noise images of 784 pixels in [0, 1), and their labels, 0 to 9 in turn."""
    random = np.random.default_rng(0)
    x = random.random((n, LARGE[0]), dtype=np.float32)
    return (x, np.arange(n) % LARGE[-1]), weights(random, *LARGE)


def large(torch: Any, workload: Workload, **options: Any) -> Program:
    """784-256-128-10 with ReLU, cross entropy, Adam."""
    nn = torch.nn
    a, b, c = (nn.Linear(*pair) for pair in pairwise(LARGE))
    model = nn.Sequential(a, nn.ReLU(), b, nn.ReLU(), c)
    optimizer = torch.optim.Adam(model.parameters(), lr=ADAM_RATE, **options)
    return training(torch, workload, model, cross_entropy(torch), optimizer)


def cross_entropy(torch: Any) -> Callable[[Any, Any], Any]:
    """The library's own, or its definition where it has none."""
    if hasattr(torch.nn.functional, "cross_entropy"):
        return torch.nn.functional.cross_entropy  # type: ignore[no-any-return]

    def by_definition(logits: Any, labels: Any) -> Any:
        shifted = logits - logits.detach().amax(1, keepdim=True)
        true = shifted.gather(1, labels.unsqueeze(1)).squeeze(1)
        return (shifted.exp().sum(1).log() - true).mean()

    return by_definition


def large_loss(xp: Any, parameters: Any, data: Any) -> Any:
    """Cross entropy; the logits of these data are small, so no maximum is taken off."""
    x, labels = data
    logits = layers(lambda z: xp.where(z > 0, z, 0.0), parameters, x)
    true = logits[xp.arange(len(labels)), labels]
    return (xp.log(xp.exp(logits).sum(1)) - true).mean()


def adam(n: int) -> Rule:
    """PyTorch's defaults: betas 0.9 and 0.999, eps 1e-8."""

    def update(xp: Any, p: Any, g: Any, slots: Any, t: Any) -> tuple[Any, tuple[Any, Any]]:
        mean = 0.9 * slots[0] + 0.1 * g
        square = 0.999 * slots[1] + 0.001 * g * g
        scale = xp.sqrt(square) / (1 - 0.999**t) ** 0.5 + 1e-8
        return p - ADAM_RATE / (1 - 0.9**t) * mean / scale, (mean, square)

    return Rule(2, update, counts=True)


# ---- the list ------------------------------------------------------------------------------------

HAND = "hand loop"
CUBIC_BOUNDS = {
    HAND: 1.25,
    "PyTorch eager": 1 / 150,
    "JAX step": 1 / 50,
    "JAX loop": 1 / 10,
    "PyTensor scan": 1 / 4,
    "torch while_loop": 1 / 4,
}


def cubic_workload(n: int, bounds: dict[str, float]) -> Workload:
    """The cubic over n points."""
    steps = max(2, min(FIT_STEPS, ELEMENTS // n))
    return Workload(
        *("cubic", n, cubic_data, cubic, cubic_loss, sgd, bounds),
        parallel=n >= PARALLEL,
        steps=steps,
        title=f"cubic, {n:,} points",
    )


WORKLOADS = (
    cubic_workload(2000, CUBIC_BOUNDS),
    Workload(
        *("rmsprop", 2000, features_data, linear, linear_loss, rmsprop, {HAND: 2.0}),
        title="`Linear(3, 1)`, RMSprop, 2,000 points",
    ),
    *(cubic_workload(n, {HAND: bound}) for n, bound in ((10**4, 1.25), (10**5, 1.25))),
    *(cubic_workload(n, {HAND: 1.4}) for n in (10**6, 10**7)),
    Workload(
        *("tanh", 1000, saddle_data, small, small_loss, momentum, {"PyTorch eager": 1 / 5}),
        steps=200,
        title="2-16-16-1 tanh, momentum, 1,000 points",
    ),
    Workload(
        *("relu", 128, digits_data, large, large_loss, adam, {"PyTorch eager": 1.0}),
        steps=20,
        parallel=True,
        title="784-256-128-10 ReLU, Adam, batch 128",
    ),
)
