"""The fit itself: an ordinary PyTorch training loop, written in microgrest, and compiled or not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data import polynomial
from ..settings import Settings
from ..terminal.progress import Progress

if TYPE_CHECKING:
    from ...tensor import Tensor

# Seconds of steps between two looks at the loss, and at most so many steps.
CHUNK, LONGEST = 0.05, 1 << 20

Losses = NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """Coefficients (scaled) at the end, the last loss, and seconds taken.

    `steps` is how many were done: less than were asked for if Ctrl-C came between.
    """

    coefficients: NDArray[np.float64]
    loss: float
    seconds: float
    steps: int


class Diverged(Exception):
    """The loss or the coefficients left the finite numbers within so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.steps = steps


@dataclass(frozen=True)
class Divergence:
    """Loss or coefficients leave the finite numbers at `step`; the last finite ones."""

    step: int
    loss: float
    coefficients: NDArray[np.float64]


class Training:
    """A fit in progress: z = c0 + c1 t + c2 t^2 + ..., see `polynomial.value`.

    `t` and `z` are vectors of one dtype, `start` holds the first coefficients, constant first. This
    one takes its steps eagerly.
    """

    at_once = 1  # steps that are queued together where queueing is timed

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

        self._coefficients, self._powers = polynomial.tensors(t, start, device)
        self._start = [coefficient.detach().clone() for coefficient in self._coefficients]
        self._targets = torch.from_numpy(z).to(device)
        rules = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam}
        self._optimizer = rules[settings.optimizer](self._coefficients, lr=lr)

    def step(self) -> Tensor:
        """One full-batch step; returns the loss before it."""
        prediction = polynomial.value(self._coefficients, self._powers)
        loss = ((prediction - self._targets) ** 2).sum()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss

    def values(self) -> NDArray[np.float64]:
        """The coefficients now."""
        return np.concatenate([np.ravel(c.tolist()) for c in self._coefficients])

    def advance(self, steps: int) -> Tensor:
        """Take `steps` steps, at least 1; the last loss, which nobody has waited for."""
        for _ in range(steps):
            loss = self.step()
        return loss

    def losses(self, steps: int) -> Losses:
        """Take `steps` steps; the loss of each."""
        return np.array([self.step().item() for _ in range(steps)])

    def look(self, steps: int) -> Losses:
        """Take `steps` steps; what losses there are without waiting, the last one among them."""
        return np.array([self.advance(steps).item()])

    def prepare(self) -> None:
        """Take the steps after which nothing is left to compile; then start anew."""
        self.losses(1)
        self.restart()

    def restart(self) -> None:
        """Go back to the start: coefficients, and what the optimizer remembers."""
        import microgrest as torch

        with torch.no_grad():
            for coefficient, value in zip(self._coefficients, self._start, strict=True):
                coefficient.copy_(value)
            for state in self._optimizer.state.values():
                for name, value in state.items():
                    state[name] = value.zero_() if isinstance(value, torch.Tensor) else 0


class Compiled(Training):
    """A fit whose step is compiled, and repeated in native code."""

    at_once = 100

    def __init__(self, *args: Any) -> None:
        from microgrest import compile

        super().__init__(*args)
        self._compiled = compile(self.step)

    def advance(self, steps: int) -> Tensor:
        loss: Tensor = self._compiled.repeat(steps, nan_check=False)
        return loss

    def losses(self, steps: int) -> Losses:
        _, losses = self._compiled.repeat(steps, history=1, nan_check=False)
        return np.asarray(losses, np.float64)

    look = losses  # they come for nothing

    def prepare(self) -> None:
        self.losses(3)  # the first is eager, the second recorded
        self.restart()


KINDS = {"compiled": Compiled, "eager": Training}


def train(
    training: Training, steps: int, progress: Progress, stopped: Callable[[], bool] = lambda: False
) -> Trained:
    """Run `steps` steps from the start, or fewer if `stopped`; Diverged if they diverge."""
    done, count = 0, 1
    started = time.perf_counter()
    while done < steps and not (done and stopped()):
        taken = min(count, steps - done)
        before = time.perf_counter()
        losses = training.look(taken)
        seconds = time.perf_counter() - before
        done += taken
        if not np.isfinite(losses).all():
            raise Diverged(done)
        progress.show(done, float(losses[-1]))
        count = _paced(count, taken, seconds)
    final = training.values()
    seconds = time.perf_counter() - started
    if not np.isfinite(final).all():
        raise Diverged(done)
    return Trained(final, float(losses[-1]), seconds, done)


def _paced(count: int, taken: int, seconds: float) -> int:
    """How many steps to take at once, `count` being the last such number, `taken` those timed."""
    aim = int(CHUNK * taken / max(seconds, 1e-9))
    return max(1, min(aim, 16 * count, LONGEST))


def divergence(training: Training, steps: int) -> Divergence:
    """Where a fit that is not finite after `steps` steps left the finite numbers: it runs anew."""
    training.restart()
    number, last, done = steps, math.nan, 0
    while done < steps:
        losses = training.losses(min(1000, steps - done))
        bad = np.flatnonzero(~np.isfinite(losses))
        finite = losses[: bad[0]] if bad.size else losses
        last = float(finite[-1]) if finite.size else last
        done += finite.size
        if bad.size:
            number = done + 1
            break
    training.restart()
    if done > 1:
        training.losses(done - 1)
    return Divergence(number, last, training.values())
