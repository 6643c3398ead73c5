"""What `microgrest fit` does, from the options to the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from . import baseline, gpu, plot, problem, report, timing
from .errors import InputError
from .problem import Problem
from .progress import Progress
from .settings import Settings
from .training import EARLY, Diverged, Trained, Training, train

# How far apart our polynomial and NumPy's may be, as a share of the largest |y|: what sums taken in
# another order cost.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


@dataclass(frozen=True)
class Phases:
    """Seconds until all is imported, since the process began; then for kernels; then for steps."""

    startup: float
    compile: float
    steps: float


def run(settings: Settings) -> None:
    """Fit, report, save and plot as `settings` say; exits with status 1 if NumPy disagrees."""
    _check_files(settings)
    posed, result = _fit(settings)
    click.echo(report.as_json(result) if settings.json else report.as_text(result, settings.quiet))
    if settings.save is not None:
        report.save(result, settings.save)
    if settings.plot is not None:
        plot.draw(posed, result, settings.plot)
    if result["compare"] is not None and not result["compare"]["equal"]:
        raise click.ClickException("the result differs from NumPy's")


def _check_files(settings: Settings) -> None:
    for path in filter(None, (settings.save, settings.plot)):
        report.check(path)
    if settings.plot is not None:
        plot.check(settings.plot)


def _fit(settings: Settings) -> tuple[Problem, dict[str, Any]]:
    device = gpu.choose(settings.device)
    posed = None if settings.data is None else problem.from_file(settings)
    startup = _load_library()

    began = time.perf_counter()
    job = prepare(settings, posed, device)
    ready = time.perf_counter() - began
    trained = _train(settings, job, device)
    # Of what preparing took, one step was a step.
    phases = Phases(startup, max(0.0, ready - trained.seconds / settings.steps), trained.seconds)

    compared = _compare(settings, job, trained) if settings.compare else None
    built = report.build(settings, job.problem, job.lr, device, trained, phases, compared)
    built["gpu"] = _beside_cpu(job) if device == "cuda" and settings.compare else None
    return job.problem, built


def _beside_cpu(job: Job) -> dict[str, Any]:
    from microgrest import cuda

    return {"name": cuda.get_device_name(), **timing.on_gpu(job.begin).facts()}


def _train(settings: Settings, job: Job, device: str) -> Trained:
    try:
        with Progress(settings.steps, settings.quiet) as progress:
            return train(partial(job.begin, device), settings.steps, progress)
    except Diverged as error:
        scaling = job.problem.scaling
        values = ", ".join(f"{value:.6g}" for value in scaling.coefficients(error.coefficients))
        raise InputError(
            f"the fit diverged at lr {job.lr:.4g}: the loss left the finite numbers at step "
            f"{error.step}. The last finite loss was {error.loss * scaling.spread**2:.6g}, with "
            f"coefficients {values}. Try a smaller --lr."
        ) from error


@dataclass(frozen=True)
class Job:
    """A fit: `begin` makes it anew on a device, from `start` (scaled units) every time."""

    problem: Problem
    start: NDArray[np.float64]
    lr: float
    begin: Callable[[str], Training]


def prepare(settings: Settings, posed: Problem | None, device: str) -> Job:
    """Pose the problem, unless it is `posed`, and take one step, which loads all kernels."""
    job = pose(settings, posed)
    job.begin(device).step().item()
    return job


def pose(settings: Settings, posed: Problem | None) -> Job:
    """The fit that `settings` ask for, of `posed` or of the synthetic problem."""
    posed = posed or problem.synthetic(settings)
    lr = settings.lr or problem.default_rate(settings, posed)
    start = _start(settings)
    begin = partial(Training, posed.t, posed.z, start.tolist(), settings, lr)
    return Job(posed, start, lr, begin)


def _load_library() -> float:
    """Import the library and Numba; seconds since the process began."""
    import numba  # noqa: F401 - the first kernel needs it; its import is start-up, not compilation

    import microgrest  # noqa: F401

    from . import PROCESS_START

    return time.perf_counter() - PROCESS_START


def _start(settings: Settings) -> NDArray[np.float64]:
    """The random coefficients from which the fit starts, in scaled units."""
    import microgrest as torch

    torch.manual_seed(settings.seed)
    dtype = getattr(torch, settings.dtype)
    drawn: NDArray[Any] = torch.randn(settings.degree + 1, dtype=dtype).numpy()
    return drawn.astype(np.float64)


def _compare(settings: Settings, job: Job, trained: Trained) -> dict[str, Any]:
    """Speed of and agreement with the NumPy forms, and how far the fit is from the best possible.

    RMSprop never settles: near the optimum the last bits decide each step, so its fits are compared
    after EARLY steps instead of at the end.
    """
    early = settings.optimizer == "rmsprop"
    ours = trained.early if early else trained.coefficients
    step_seconds = trained.seconds / settings.steps
    forms, differences = {}, []
    for name in baseline.FORMS:
        numpy_fit = baseline.run(name, job.problem, job.start, settings, job.lr)
        theirs = numpy_fit.early if early else numpy_fit.coefficients
        differences.append(_difference(job.problem, ours, theirs))
        forms[name] = {
            "step_seconds": numpy_fit.step_seconds,
            "speedup": numpy_fit.step_seconds / step_seconds,
        }
    return {
        "numpy": forms,
        "after_steps": min(EARLY, settings.steps) if early else settings.steps,
        "difference": max(differences),
        "equal": bool(max(differences) <= TOLERANCE[settings.dtype]),
        "least_squares_residual": job.problem.least_squares(settings.degree),
    }


def _difference(posed: Problem, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """The largest distance between two polynomials on the points, as a share of max(1, |z|)."""
    gap = np.abs(Polynomial(ours - theirs)(posed.t.astype(np.float64))).max()
    return float(gap / max(1.0, np.abs(posed.z).max()))
