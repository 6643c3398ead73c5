"""The result of a fit: as plain data, as JSON, as text."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...version import __version__
from ..data.problem import Problem
from ..settings import Settings
from ..terminal.errors import InputError
from ..train.training import Trained
from .formula import formula

DIGITS = {"float32": 7, "float64": 10}  # of coefficients, where those are enough


@dataclass(frozen=True)
class Phases:
    """Seconds until all is imported, since the process began; then for kernels; then for steps."""

    startup: float
    compile: float
    steps: float


def build(
    settings: Settings,
    problem: Problem,
    lr: float,
    device: str,
    trained: Trained,
    phases: Phases,
    interrupted: bool,
) -> dict[str, Any]:
    """All that a fit found, in the units of the data, as JSON-ready values; times in seconds."""
    found = formula(problem, trained.coefficients, DIGITS[settings.dtype])
    if not np.isfinite(found.coefficients).all():
        raise InputError(f"{problem.y_name} is too large: the coefficients overflow in its units")
    return {
        "microgrest": __version__,
        "problem": problem.title,
        "polynomial": found.text(problem.x_name, problem.y_name),
        "coefficients": found.coefficients.tolist(),
        "center": found.center,
        "scale": found.scale,
        "loss": trained.loss * problem.scaling.spread**2,
        "residual": problem.residual(trained.coefficients),
        "points": problem.x.size,
        "degree": settings.degree,
        "steps": trained.steps,
        "interrupted": interrupted,
        "optimizer": settings.optimizer,
        "lr": lr,
        "dtype": settings.dtype,
        "device": device,
        "mode": settings.mode,
        "seed": settings.seed,
        "seconds": {
            "startup": phases.startup,
            "compile": phases.compile,
            "steps": phases.steps,
            "step": phases.steps / trained.steps,
        },
    }


def as_json(result: dict[str, Any]) -> str:
    """`result` as one JSON document."""
    return json.dumps(result, indent=2, allow_nan=False)


def as_text(result: dict[str, Any], quiet: bool = False) -> str:
    """`result` for a reader; if quiet, the polynomial and its loss alone."""
    lines = [result["polynomial"], f"loss {result['loss']:.10g}, residual {result['residual']:.6g}"]
    return "\n".join(lines if quiet else [*lines, *_details(result)])


def _details(result: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{result['problem']}; {result['steps']} steps of {result['optimizer']} at lr "
        f"{result['lr']:.4g}, {result['dtype']}, {result['device']}, {result['mode']}"
    )
    if (result["center"], result["scale"]) != (0, 1):
        yield "not in powers of x itself, which are so alike here that they would cancel all digits"
    seconds = result["seconds"]
    yield ""
    yield f"start-up            {seconds['startup']:9.3f} s"
    yield f"kernel compilation  {seconds['compile']:9.3f} s"
    yield f"steps               {seconds['steps']:9.3f} s   {_micro(seconds['step'])} us a step"
    if result["modes"] is not None:
        yield from _modes(result["modes"])
    if result["gpu"] is not None:
        yield from _gpu(result["gpu"])
    if result["compare"] is not None:
        yield from _comparison(result["compare"], result["residual"])


def _modes(modes: dict[str, Any]) -> Iterator[str]:
    """A step in the mode of the fit and in eager mode, timed alike."""
    if modes["speedup"] is not None:
        for name in ("compiled", "eager"):
            yield f"{f'one step, {name}':34s}{_micro(modes[name]['step_seconds'])} us a step"
        yield f"{'':34s}compiled steps are {modes['speedup']:.1f} times as fast as eager ones"


def _gpu(found: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{'GPU, without reading the loss':34s}{_micro(found['step_seconds'])} us a step, of which "
        f"{found['host_share']:.0%} host time for {found['launches']:.4g} launches"
    )
    yield (
        f"{'CPU':34s}{_micro(found['cpu_step_seconds'])} us a step, "
        f"speedup of the GPU {found['speedup']:.2f}"
    )
    if found["speedup"] < 1:
        yield (
            f"the GPU is slower at this size: a step takes {1 / found['speedup']:.1f} times as "
            "long as on the CPU; --sweep shows from how many points on it is faster"
        )


def _comparison(compare: dict[str, Any], residual: float) -> Iterator[str]:
    for name, form in compare["numpy"].items():
        label = f"NumPy, {name} form"
        yield f"{label:34s}{_micro(form['step_seconds'])} us a step, speedup {form['speedup']:.2f}"
    verdict = "equal to" if compare["equal"] else "DIFFERENT from"
    yield ""
    yield (
        f"{verdict} NumPy's result after {compare['after_steps']} steps: "
        f"largest difference {compare['difference']:.1e}"
    )
    best = compare["least_squares_residual"]
    if best > 0:
        yield f"residual {residual / best:.4f} times that of the least-squares polynomial"


def _micro(seconds: float) -> str:
    """Microseconds in a column, small ones with more digits."""
    return f"{seconds * 1e6:9.{3 if seconds < 1e-5 else 1}f}"


def save(text: str, path: Path) -> None:
    """Write `text` to `path`. A link stays; a pipe or a device is not replaced."""
    target, text = path.resolve(), text.removesuffix("\n") + "\n"
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
        else:
            _replace(target, text)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def _replace(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check(path: Path) -> None:
    """InputError now, before the fit, if there is no directory to put `path` into after it."""
    if not path.absolute().parent.is_dir():
        raise InputError(f"cannot write {path}: there is no directory {path.parent}")
