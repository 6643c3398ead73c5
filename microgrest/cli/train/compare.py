"""What is reported beside a fit: NumPy's speed and result, and steps in other modes and places."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from ..data.problem import Problem
from ..settings import Settings
from ..terminal.interrupts import Held
from . import baseline, timing
from .job import Job
from .training import Trained, Training

# Steps after which fits by RMSprop are compared: before they can have become chaotic.
EARLY = 20

# How far apart our polynomial and NumPy's may be, as a share of the largest |y|: what sums taken in
# another order cost.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def compared(
    settings: Settings,
    job: Job,
    device: str,
    training: Training,
    trained: Trained,
    stopped: Held,
) -> dict[str, Any]:
    """What is reported beside the fit; nothing if that is not wanted, or Ctrl-C came."""
    nothing: dict[str, Any] = {"compare": None, "gpu": None, "modes": None}
    if not settings.compare or stopped():
        return nothing
    try:
        with stopped.lifted():
            compare = _compare(settings, job, training, trained)
            return {"compare": compare, **_times(job, device)}
    except KeyboardInterrupt:
        return nothing


def _times(job: Job, device: str) -> dict[str, Any]:
    """Times of a step in the mode of the fit and in eager mode, on the GPU beside the CPU's."""
    modes = timing.in_modes(job.begin, job.mode, device)
    if device != "cuda":
        return {"gpu": None, "modes": modes}
    from microgrest import cuda

    return {"gpu": {"name": cuda.get_device_name(), **modes[job.mode]}, "modes": modes}


def _compare(settings: Settings, job: Job, training: Training, trained: Trained) -> dict[str, Any]:
    """Speed of and agreement with the NumPy forms, and how far the fit is from the best possible.

    They are compared after the steps that NumPy can do within PATIENCE. RMSprop never settles: near
    the optimum the last bits decide each step, so its fits are compared after EARLY steps.
    """
    posed = job.problem, job.start, settings, job.lr
    seconds = {name: baseline.step_seconds(name, *posed) for name in baseline.FORMS}
    most = EARLY if settings.optimizer == "rmsprop" else settings.steps
    count = max(1, min(most, settings.steps, int(baseline.PATIENCE / max(seconds.values()))))
    ours = trained.coefficients if count == trained.steps else _after(count, training)
    difference = max(
        _difference(job.problem, ours, baseline.after(count, name, *posed))
        for name in baseline.FORMS
    )
    step = trained.seconds / trained.steps
    return {
        "numpy": {
            name: {"step_seconds": theirs, "speedup": theirs / step}
            for name, theirs in seconds.items()
        },
        "after_steps": count,
        "difference": difference,
        "equal": bool(difference <= TOLERANCE[settings.dtype]),
        "least_squares_residual": job.problem.least_squares(settings.degree),
    }


def _after(count: int, training: Training) -> NDArray[np.float64]:
    """The coefficients after `count` steps."""
    training.restart()
    training.advance(count)
    return training.values()


def _difference(posed: Problem, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """The largest distance between two polynomials on the points, as a share of max(1, |z|)."""
    gap = np.abs(Polynomial(ours - theirs)(posed.t.astype(np.float64))).max()
    return float(gap / max(1.0, np.abs(posed.z).max()))
