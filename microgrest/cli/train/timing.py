"""How long a step of a fit takes, and on a GPU, how much of that is the host's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

from .training import Training

ROUNDS = 15, 3  # if steps are quick, and if they take long
SECONDS = 0.4  # of steps, in all rounds together

Act = Callable[[], object]
Begin = Callable[[str, str], Training]  # in a mode, on a device
Advance = Callable[[int], object]  # takes so many steps


@dataclass(frozen=True)
class OnGpu:
    """A step on the GPU beside the CPU's, in seconds.

    `step_seconds` is the wall time of one among many, synchronized at the end. `host_seconds` is
    the time to queue one in an empty queue, without waiting for it; `host_share` is their quotient.
    `launches` is the number of kernels launched for a step, below 1 where one takes many steps.
    """

    cpu_step_seconds: float
    step_seconds: float
    host_seconds: float
    launches: float

    @property
    def speedup(self) -> float:
        """How many steps the GPU does in the time of one on the CPU."""
        return self.cpu_step_seconds / self.step_seconds

    def facts(self) -> dict[str, Any]:
        """All of it as JSON-ready values."""
        share = min(1.0, self.host_seconds / self.step_seconds)
        return {**asdict(self), "speedup": self.speedup, "host_share": share}


def in_modes(begin: Begin, mode: str, device: str) -> dict[str, Any]:
    """Facts of steps in `mode`, and in eager mode; on a GPU those of OnGpu, beside the CPU's.

    `speedup` is by how much `mode` is the faster, null where it is eager itself.
    """
    facts = {name: _facts(partial(begin, name), device) for name in dict.fromkeys((mode, "eager"))}
    faster = facts["eager"]["step_seconds"] / facts[mode]["step_seconds"]
    return {**facts, "speedup": None if mode == "eager" else faster}


def _facts(begin: Callable[[str], Training], device: str) -> dict[str, Any]:
    if device == "cuda":
        return on_gpu(begin).facts()
    return {"step_seconds": seconds_a_step(prepared(begin(device)))}


def on_gpu(begin: Callable[[str], Training]) -> OnGpu:
    """Time steps of the training that `begin` makes on the device it is given, CPU and GPU."""
    from microgrest import cuda

    cpu = seconds_a_step(prepared(begin("cpu")))
    training = begin("cuda")
    advance = prepared(training)
    seconds = seconds_a_step(advance, cuda.synchronize)
    count = max(1, min(training.at_once, int(SECONDS / ROUNDS[0] / seconds)))
    host = _queueing(advance, cuda.synchronize, count, seconds)
    return OnGpu(cpu, seconds, host, _launches(advance, count))


def prepared(training: Training) -> Advance:
    """What takes steps of a training for which nothing is left to compile."""
    from microgrest.kernels.cpu import first_calls

    training.prepare()
    first_calls.settle()
    training.prepare()
    return training.advance


def repeated(step: Callable[[], object]) -> Advance:
    """What takes steps by calls of `step`."""

    def advance(count: int) -> None:
        for _ in range(count):
            step()

    return advance


def seconds_a_step(advance: Advance, finish: Act = lambda: None) -> float:
    """The median wall time of a step over rounds of many, each closed by `finish`."""
    _timed(advance, finish, 1)  # first touch
    once = _timed(advance, finish, 1)
    few = max(1, int(SECONDS / ROUNDS[0] / once))
    once = min(once, _timed(advance, finish, few) / few)  # one alone may be mostly overhead
    count = max(1, int(SECONDS / ROUNDS[0] / once))
    return median(_timed(advance, finish, count) / count for _ in range(_rounds(once)))


def _rounds(once: float) -> int:
    """The number of rounds where a step takes `once` seconds."""
    most, fewest = ROUNDS
    return max(fewest, min(most, int(SECONDS / once)))


def _timed(advance: Advance, finish: Act, count: int) -> float:
    began = time.perf_counter()
    advance(count)
    finish()
    return time.perf_counter() - began


def _queueing(advance: Advance, finish: Act, count: int, once: float) -> float:
    """The median time a step until `count` steps are queued when the queue was empty before."""
    seconds = []
    for _ in range(_rounds(count * once)):
        finish()
        seconds.append(_timed(advance, lambda: None, count) / count)
    finish()
    return median(seconds)


def _launches(advance: Advance, count: int) -> float:
    """The kernels launched for `count` steps, over `count`."""
    from microgrest.kernels.cuda.driver.launch import counting

    with counting() as counts:
        advance(count)
    return sum(counts.values()) / count
