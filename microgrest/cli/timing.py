"""How long a step of a fit takes, and on a GPU, how much of that is the host's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from .training import Training

ROUNDS = 15, 3  # if steps are quick, and if they take long
SECONDS = 0.4  # of steps, in all rounds together

Act = Callable[[], object]


@dataclass(frozen=True)
class OnGpu:
    """A step on the GPU beside the CPU's, in seconds.

    `step_seconds` is the wall time of one among many, synchronized at the end. `host_seconds` is
    the time to queue one in an empty queue, without waiting for it; `host_share` is their quotient.
    """

    cpu_step_seconds: float
    step_seconds: float
    host_seconds: float
    launches: int

    @property
    def speedup(self) -> float:
        """How many steps the GPU does in the time of one on the CPU."""
        return self.cpu_step_seconds / self.step_seconds

    def facts(self) -> dict[str, Any]:
        """All of it as JSON-ready values."""
        share = min(1.0, self.host_seconds / self.step_seconds)
        return {**asdict(self), "speedup": self.speedup, "host_share": share}


def on_gpu(begin: Callable[[str], Training]) -> OnGpu:
    """Time steps of the training that `begin` makes on the device it is given, CPU and GPU."""
    from microgrest import cuda

    cpu = seconds_a_step(begin("cpu").step)
    step = begin("cuda").step
    seconds = seconds_a_step(step, cuda.synchronize)
    return OnGpu(cpu, seconds, _queueing(step, cuda.synchronize, seconds), _launches(step))


def seconds_a_step(step: Act, finish: Act = lambda: None) -> float:
    """The median wall time of `step` over rounds of many, each closed by `finish`."""
    _timed(step, finish, 1)  # loads the kernels
    once = _timed(step, finish, 1)
    count = max(1, int(SECONDS / ROUNDS[0] / once))
    return median(_timed(step, finish, count) / count for _ in range(_rounds(once)))


def _rounds(once: float) -> int:
    """The number of rounds where a step takes `once` seconds."""
    most, fewest = ROUNDS
    return max(fewest, min(most, int(SECONDS / once)))


def _timed(step: Act, finish: Act, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        step()
    finish()
    return time.perf_counter() - began


def _queueing(step: Act, finish: Act, once: float) -> float:
    """The median time until `step` returns when the queue was empty before it."""
    seconds = []
    for _ in range(_rounds(once)):
        finish()
        seconds.append(_timed(step, lambda: None, 1))
    finish()
    return median(seconds)


def _launches(step: Act) -> int:
    from microgrest.kernels.cuda.launch import counting

    with counting() as counts:
        step()
    return sum(counts.values())
