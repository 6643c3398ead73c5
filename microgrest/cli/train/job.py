"""A fit that is posed: the points, the start, the rate, and what takes its steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import problem
from ..data.problem import Problem
from ..settings import Settings
from .training import KINDS, Training


@dataclass(frozen=True)
class Job:
    """A fit: `begin` makes it anew, in a mode and on a device, from `start` (scaled units)."""

    problem: Problem
    start: NDArray[np.float64]
    lr: float
    mode: str
    begin: Callable[[str, str], Training]


def prepare(settings: Settings, posed: Problem | None, device: str) -> tuple[Job, Training]:
    """Pose the problem, unless it is `posed`, and begin a fit that has all its kernels."""
    job = pose(settings, posed)
    training = job.begin(job.mode, device)
    training.prepare()
    return job, training


def pose(settings: Settings, posed: Problem | None) -> Job:
    """The fit that `settings` ask for, of `posed` or of the synthetic problem."""
    posed = posed or problem.synthetic(settings)
    lr = settings.lr or problem.default_rate(settings, posed)
    start = _start(settings)

    def begin(mode: str, device: str) -> Training:
        kind: type[Training] = KINDS[mode]
        return kind(posed.t, posed.z, start.tolist(), settings, lr, device)

    return Job(posed, start, lr, settings.mode, begin)


def _start(settings: Settings) -> NDArray[np.float64]:
    """The random coefficients from which the fit starts, in scaled units.

    By NumPy: it has no kernel to compile for a few numbers.
    """
    drawn = np.random.default_rng(settings.seed).standard_normal(settings.degree + 1)
    return drawn.astype(settings.dtype).astype(np.float64)
