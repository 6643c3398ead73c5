"""What `microgrest fit` does, from the options to the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
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
from .training import EARLY, KINDS, Diverged, Trained, Training, train

# How far apart our polynomial and NumPy's may be, as a share of the largest |y|: what sums taken in
# another order cost.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


INTERRUPTED = 130  # what shells report of a program that SIGINT ended


@dataclass(frozen=True)
class Phases:
    """Seconds until all is imported, since the process began; then for kernels; then for steps."""

    startup: float
    compile: float
    steps: float


def run(settings: Settings) -> None:
    """Fit, report, save and plot as `settings` say.

    Exits with status 1 if NumPy disagrees, and INTERRUPTED after Ctrl-C.
    """
    _check_files(settings)
    posed, result = _fit(settings)
    click.echo(report.as_json(result) if settings.json else report.as_text(result, settings.quiet))
    if settings.save is not None:
        report.save(result, settings.save)
    if settings.plot is not None:
        plot.draw(posed, result, settings.plot)
    if result["interrupted"]:
        click.echo(f"interrupted after step {result['steps']} of {settings.steps}", err=True)
        sys.exit(INTERRUPTED)
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
    job, training = prepare(settings, posed, device)
    ready = time.perf_counter() - began
    trained = _train(settings, job, training)
    # Of what preparing took, one step was a step.
    phases = Phases(startup, max(0.0, ready - trained.seconds / trained.steps), trained.seconds)

    compares = settings.compare and trained.steps == settings.steps
    compared = _compare(settings, job, trained) if compares else None
    built = report.build(settings, job.problem, job.lr, device, trained, phases, compared)
    return job.problem, built | (_times(job, device) if compares else {"gpu": None, "modes": None})


def _times(job: Job, device: str) -> dict[str, Any]:
    """Times of a step in the mode of the fit and in eager mode, on the GPU beside the CPU's."""
    modes = timing.in_modes(job.begin, job.mode, device)
    if device != "cuda":
        return {"gpu": None, "modes": modes}
    from microgrest import cuda

    return {"gpu": {"name": cuda.get_device_name(), **modes[job.mode]}, "modes": modes}


def _train(settings: Settings, job: Job, training: Training) -> Trained:
    unit = job.problem.scaling.spread**2
    try:
        with Progress(settings.steps, settings.quiet, unit) as progress:
            return train(training, settings.steps, progress)
    except Diverged as error:
        found = job.problem.scaling.coefficients(error.coefficients)
        values = ", ".join(f"{value:.6g}" for value in found)
        raise InputError(
            f"the fit diverged at lr {job.lr:.4g}: the loss left the finite numbers at step "
            f"{error.step}. The last finite loss was {error.loss * unit:.6g}, with "
            f"coefficients {values}. Try a smaller --lr."
        ) from error


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


def _load_library() -> float:
    """Import the library and Numba; seconds since the process began."""
    import numba  # noqa: F401 - the first kernel needs it; its import is start-up, not compilation

    import microgrest  # noqa: F401

    from . import PROCESS_START

    return time.perf_counter() - PROCESS_START


def _start(settings: Settings) -> NDArray[np.float64]:
    """The random coefficients from which the fit starts, in scaled units.

    By NumPy: it has no kernel to compile for a few numbers.
    """
    drawn = np.random.default_rng(settings.seed).standard_normal(settings.degree + 1)
    return drawn.astype(settings.dtype).astype(np.float64)


def _compare(settings: Settings, job: Job, trained: Trained) -> dict[str, Any]:
    """Speed of and agreement with the NumPy forms, and how far the fit is from the best possible.

    RMSprop never settles: near the optimum the last bits decide each step, so its fits are compared
    after EARLY steps instead of at the end.
    """
    early = settings.optimizer == "rmsprop"
    ours = trained.early if early else trained.coefficients
    step_seconds = trained.seconds / trained.steps
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
