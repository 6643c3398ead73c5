"""What `microgrest fit` does, from the options to the report."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import Any

import click

from . import gpu
from .data import problem
from .data.problem import Problem
from .settings import Settings
from .show import plot, report
from .show.formula import formula
from .show.report import Phases
from .start import PROCESS_START
from .terminal.errors import INTERRUPTED, InputError
from .terminal.interrupts import Held
from .terminal.progress import Progress
from .terminal.streams import tell
from .train.compare import compared
from .train.job import Job, prepare
from .train.training import Diverged, Divergence, Trained, Training, divergence, train


def run(settings: Settings) -> None:
    """Fit, report, save and plot as `settings` say.

    Exits with status 1 if NumPy disagrees, and INTERRUPTED after Ctrl-C, which from the first step
    on ends what is being done, but keeps what was found.
    """
    _check_files(settings)
    device = gpu.choose(settings.device)
    posed = None if settings.data is None else problem.from_file(settings)
    if not settings.quiet:
        tell("preparing the fit")
    startup = _load_library()
    began = time.perf_counter()
    job, training = prepare(settings, posed, device)
    ready = time.perf_counter() - began
    with Held() as stopped:
        trained = _train(settings, job, training, stopped)
        # Of what preparing took, one step was a step.
        phases = Phases(startup, max(0.0, ready - trained.seconds / trained.steps), trained.seconds)
        beside = compared(settings, job, device, training, trained, stopped)
        result = report.build(settings, job.problem, job.lr, device, trained, phases, stopped())
        result |= beside
        _deliver(settings, job.problem, result)
    if result["interrupted"]:
        whole = " (all), before the comparison was done" * (trained.steps == settings.steps)
        tell(f"interrupted after step {trained.steps} of {settings.steps}{whole}")
        sys.exit(INTERRUPTED)
    if result["compare"] is not None and not result["compare"]["equal"]:
        raise click.ClickException("the result differs from NumPy's")


def _check_files(settings: Settings) -> None:
    for path in filter(None, (settings.save, settings.plot)):
        report.check(path)
    if settings.plot is not None:
        plot.check(settings.plot)


def _deliver(settings: Settings, posed: Problem, result: dict[str, Any]) -> None:
    """Print, save and plot: each, whatever becomes of the others."""
    with ExitStack() as last_first:
        if settings.plot is not None:
            last_first.callback(plot.draw, posed, result, settings.plot)
        if settings.save is not None:
            last_first.callback(report.save, report.as_json(result), settings.save)
        text = report.as_json(result) if settings.json else report.as_text(result, settings.quiet)
        last_first.callback(click.echo, text)


def _train(settings: Settings, job: Job, training: Training, stopped: Held) -> Trained:
    unit = job.problem.scaling.spread**2
    try:
        with Progress(settings.steps, settings.quiet, unit) as progress:
            return train(training, settings.steps, progress, stopped)
    except Diverged as error:
        if not settings.quiet:
            tell(f"the fit diverged within {error.steps} steps; looking for where it began")
        with stopped.lifted():
            last = divergence(training, error.steps)
        raise _diverged(job, last) from error


def _diverged(job: Job, last: Divergence) -> InputError:
    found = formula(job.problem, last.coefficients, 6)
    values = ", ".join(f"{value:.6g}" for value in found.coefficients)
    of = "" if found.plain else f" of powers of {found.variable(job.problem.x_name)}"
    loss = last.loss * job.problem.scaling.spread**2
    return InputError(
        f"the fit diverged at lr {job.lr:.4g}: the loss left the finite numbers at step "
        f"{last.step}. The last finite loss was {loss:.6g}, with "
        f"coefficients{of} {values}. Try a smaller --lr."
    )


def _load_library() -> float:
    """Import the library and Numba; seconds since the process began."""
    import numba  # noqa: F401 - the first kernel needs it; its import is start-up, not compilation

    import microgrest  # noqa: F401

    return time.perf_counter() - PROCESS_START
