"""The fit itself: an ordinary PyTorch training loop, written in microgrest, and compiled or not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .polynomial import polynomial
from .progress import Progress
from .settings import Settings

if TYPE_CHECKING:
    from ..tensor import Tensor

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
    """The loss left the finite numbers at `step`; the last finite one, and its coefficients."""

    def __init__(self, step: int, loss: float, coefficients: NDArray[np.float64]) -> None:
        super().__init__(step, loss, coefficients)
        self.step, self.loss, self.coefficients = step, loss, coefficients


class Training:
    """A fit in progress: z = c0 + c1 t + c2 t^2 + ..., see `polynomial`.

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

        self._start = start
        self._polynomial = polynomial(t, start, device)
        self._targets = torch.from_numpy(z).to(device)
        rules = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam}
        self._optimizer = rules[settings.optimizer](self._polynomial.coefficients, lr=lr)

    def step(self) -> Tensor:
        """One full-batch step; returns the loss before it."""
        loss = ((self._polynomial() - self._targets) ** 2).sum()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss

    def values(self) -> NDArray[np.float64]:
        """The coefficients now."""
        return self._polynomial.values()

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
            self._polynomial.fill(self._start)
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
            raise _divergence(training, done)
        progress.show(done, float(losses[-1]))
        count = _paced(count, taken, seconds)
    final = training.values()
    seconds = time.perf_counter() - started
    if not np.isfinite(final).all():
        raise _divergence(training, done)
    return Trained(final, float(losses[-1]), seconds, done)


def _paced(count: int, taken: int, seconds: float) -> int:
    """How many steps to take at once, `count` being the last such number, `taken` those timed."""
    aim = int(CHUNK * taken / max(seconds, 1e-9))
    return max(1, min(aim, 16 * count, LONGEST))


def _divergence(training: Training, steps: int) -> Diverged:
    """Where a fit that is not finite after `steps` steps left the finite numbers."""
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
    return Diverged(number, last, training.values())
