"""The fit itself: an ordinary PyTorch training loop, written in microgrest."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .progress import Progress
from .settings import Settings

if TYPE_CHECKING:
    from ..tensor import Tensor

# Steps after which the coefficients are also kept: before RMSprop can have become chaotic.
EARLY = 20


@dataclass(frozen=True)
class Trained:
    """Coefficients (scaled) at the end and after EARLY steps, the last loss, and seconds taken."""

    coefficients: NDArray[np.float64]
    early: NDArray[np.float64]
    loss: float
    seconds: float


class Diverged(Exception):
    """The loss left the finite numbers at `step`; the last finite one, and its coefficients."""

    def __init__(self, step: int, loss: float, coefficients: NDArray[np.float64]) -> None:
        super().__init__(step, loss, coefficients)
        self.step, self.loss, self.coefficients = step, loss, coefficients


class Training:
    """A fit in progress: y = c0 + c1 t + c2 t^2 + ... with a 0-d tensor for each coefficient.

    `t` and `z` are vectors of one dtype, `start` holds the first coefficients, constant first.
    """

    def __init__(
        self,
        t: NDArray[Any],
        z: NDArray[Any],
        start: Sequence[float],
        settings: Settings,
        lr: float,
        device: str,
    ) -> None:
        import microgrest as torch

        inputs = torch.from_numpy(t).to(device)
        self._powers = [inputs**exponent for exponent in range(1, len(start))]
        self._targets = torch.from_numpy(z).to(device)
        self._coefficients = [
            torch.tensor(value, dtype=inputs.dtype, device=device, requires_grad=True)
            for value in start
        ]
        rules = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam}
        self._optimizer = rules[settings.optimizer](self._coefficients, lr=lr)

    def step(self) -> Tensor:
        """One full-batch step; returns the loss before it."""
        prediction, *slopes = self._coefficients
        for slope, power in zip(slopes, self._powers, strict=True):
            prediction = prediction + slope * power
        loss = ((prediction - self._targets) ** 2).sum()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss

    def values(self) -> NDArray[np.float64]:
        """The coefficients now."""
        return np.array([coefficient.item() for coefficient in self._coefficients])


def train(begin: Callable[[], Training], steps: int, progress: Progress) -> Trained:
    """Run `steps` steps of the training that `begin` makes; Diverged if the loss is not finite.

    Reading the loss makes a GPU wait, so it is read only when the progress is due. Should it then
    not be finite, the fit runs again from the same start, reading every step, to name the first.
    """
    training = begin()
    early = training.values()
    started = time.perf_counter()
    for done in range(1, steps + 1):
        loss = training.step()
        if done == EARLY:
            early = training.values()
        if progress.due(done):
            value = loss.item()
            progress.show(done, value)
            if not math.isfinite(value):
                raise _divergence(begin(), done)
    final = training.values()
    seconds = time.perf_counter() - started
    if not np.isfinite(final).all():
        raise _divergence(begin(), steps)
    return Trained(final, early if steps > EARLY else final, value, seconds)


def _divergence(training: Training, steps: int) -> Diverged:
    """Where a fit that is not finite after `steps` steps left the finite numbers."""
    values, last, number = training.values(), math.nan, 0
    while number < steps:
        number += 1
        before, loss = training.values(), training.step().item()
        if not math.isfinite(loss):
            break
        values, last = before, loss
    return Diverged(number, last, values)
