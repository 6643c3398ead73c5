"""The picture of a fit. Needs matplotlib, the extra `plot`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from ..data.problem import Problem
from ..terminal.errors import InputError

FORMATS = (".png", ".svg", ".pdf")


def check(path: Path) -> None:
    """InputError now, before the fit, for what would keep `draw` from writing `path` after it."""
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"cannot plot to {path}: its name must end in {', '.join(FORMATS)}")
    if find_spec("matplotlib") is None:
        raise InputError("--plot needs matplotlib: pip install 'microgrest[plot]'")


def draw(problem: Problem, result: dict[str, Any], path: Path) -> None:
    """Draw points, polynomial and, below, their difference into the file at `path`."""
    from matplotlib.figure import Figure

    order = np.argsort(problem.x)[:: max(1, problem.x.size // 4000)]
    x, y = problem.x[order], problem.y[order]
    fitted = Polynomial(result["coefficients"])((x - result["center"]) / result["scale"])
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    above.plot(x, y, ".", markersize=4, label="data")
    above.plot(x, fitted, label=f"degree {result['degree']}, loss {result['loss']:.6g}")
    above.legend()
    above.set_ylabel(problem.y_name)
    below.plot(x, y - fitted, ".", markersize=3)
    below.axhline(0, color="gray", linewidth=0.8)
    below.set(xlabel=problem.x_name, ylabel="residual")
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a picture; InputError where that cannot be."""
    try:
        figure.savefig(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
