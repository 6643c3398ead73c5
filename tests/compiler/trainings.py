"""Training loops: a step, what it changes, and what is done by hand between steps.

Each maker gives a new `Training`, always with the same numbers, so that one may run eagerly and
another compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import microgrest as mg
from microgrest import optim
from microgrest.optim import lr_scheduler as schedulers

STEPS = 50
Maker = Callable[[], "Training"]


# Trainings by name.
KINDS: dict[str, Maker] = {}


class Training:
    """`step` and all that it changes; `between[k]` is called when k steps are done.

    `recordings` is how many of a compiled step serve all steps.
    """

    def __init__(
        self,
        step: Callable[[], Any],
        *changed: Any,
        between: Mapping[int, Callable[[], object]] | None = None,
        recordings: int = 1,
    ) -> None:
        self.step, self.changed = step, changed
        self.between = dict(between or {})
        self.recordings = recordings

    def state(self) -> dict[str, Any]:
        """Everything that a step may change, by name: arrays and plain values."""
        found = dict(flat("changed", self.changed))
        return found | dict(flat("random numbers", mg.get_rng_state()))


def flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The arrays and plain values in a nested value, with their places."""
    if isinstance(value, mg.Tensor):
        yield path, value.detach().cpu().numpy().copy()
        if value.requires_grad and value.is_leaf:
            yield from flat(f"{path}.grad", value.grad)
    elif isinstance(value, optim.Optimizer):
        yield from flat(f"{path}.groups", value.param_groups)
        yield from flat(f"{path}.state", list(value.state.values()))
    elif isinstance(value, mg.nn.Module):
        yield from flat(path, dict(value.named_parameters()) | dict(value.named_buffers()))
    elif isinstance(value, schedulers.LRScheduler):
        plain = {name: entry for name, entry in vars(value).items() if name != "optimizer"}
        yield from flat(path, plain)
    elif isinstance(value, (list, tuple, dict)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from flat(f"{path}[{key}]", inner)
    elif not callable(value):
        yield path, value


def leaf(values: Any, dtype: Any = mg.float64) -> Any:
    """A parameter."""
    return mg.tensor(values, dtype=dtype, requires_grad=True)


class Problem:
    """A small fit whose loss bends, and grows no faster than its parameters, up or down."""

    def __init__(self, dtype: Any = mg.float64) -> None:
        mg.manual_seed(3)
        self.x = mg.linspace(-1, 1, 12, dtype=dtype).reshape(6, 2)
        self.y = mg.sin(3 * self.x).sum(1) + 5
        self.w = leaf([[0.5, -0.3, 0.4], [0.2, 0.8, -0.6]], dtype)
        self.b = leaf([0.1, -0.2, 0.3], dtype)
        self.gain = leaf(1.5, dtype)
        self.params = [self.w, self.b, self.gain]

    def loss(self) -> Any:
        """The mean of sqrt(1 + error^2)."""
        error = mg.tanh(self.x @ self.w + self.b).sum(1) * self.gain - self.y
        return (1 + error * error).sqrt().mean()


def fit(problem: Problem, *others: Any) -> Callable[[], Any]:
    """The usual step: no gradients, loss, gradients, then `others` step, optimizers first."""
    optimizer = others[0]

    def step() -> Any:
        optimizer.zero_grad()
        loss = problem.loss()
        loss.backward()
        for other in others:
            other.step()
        return loss

    return step


def kind(make: Callable[..., Training], *args: Any, title: str = "") -> Callable[..., Training]:
    """Enter a training under its name, or, called with arguments for it, under `title`."""
    KINDS[title or make.__name__] = lambda: make(*args)
    return make
