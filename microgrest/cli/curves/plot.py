"""Pictures of fits. Needs matplotlib, the extra `plot`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..settings import Asked
from ..show.plot import save
from .chosen import Chosen
from .fitting import Found
from .rows import Rows

MOST_PANELS = 16  # groups with a panel each; of more, parameters are drawn
SMOOTH = 400  # points of a curve


def draw(asked: Asked, rows: Rows, model: Chosen, fits: Sequence[Found], path: Path) -> None:
    """Draw data, curve and residuals; of groups, a panel each, or their parameters."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5.5), layout="constrained")
    if asked.group is None:
        _single(figure, rows, fits[0])
    elif len(fits) <= MOST_PANELS:
        _panels(figure, rows, model, fits)
    else:
        _parameters(figure, asked, model, fits)
    save(figure, path)


def _single(figure: Any, rows: Rows, found: Found) -> None:
    """As `Model` draws it, with the names of the columns."""
    assert found.result is not None
    with np.errstate(all="ignore"):
        found.result.plot(figure=figure)
    above, below = figure.axes
    above.set_ylabel(rows.y_name)
    below.set_xlabel(rows.x_name)


def _values(x: Any, model: Chosen, found: Found) -> Any:
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(model.f(x, *found.values)), x.shape)


def _curve(axes: Any, x: Any, model: Chosen, found: Found) -> None:
    smooth = np.linspace(x.min(), x.max(), SMOOTH)
    axes.plot(
        smooth, _values(smooth, model, found), label=model.text if len(model.text) < 40 else "fit"
    )


def _panels(figure: Any, rows: Rows, model: Chosen, fits: Sequence[Found]) -> None:
    columns = int(np.ceil(np.sqrt(len(fits))))
    grid = figure.subplots(-(-len(fits) // columns), columns, squeeze=False, sharex=True)
    members = dict(zip(rows.groups, rows.members(), strict=True))
    for axes, found in zip(grid.flat, fits, strict=False):
        x, y = rows.x[members[found.group]], rows.y[members[found.group]]
        axes.plot(x, y, ".", markersize=3)
        if found.converged:
            _curve(axes, x, model, found)
        axes.set_title(found.group, fontsize="small")
    for axes in grid.flat[len(fits) :]:
        axes.set_visible(False)
    figure.supxlabel(rows.x_name)
    figure.supylabel(rows.y_name)


def _parameters(figure: Any, asked: Asked, model: Chosen, fits: Sequence[Found]) -> None:
    grid = figure.subplots(len(model.free), sharex=True, squeeze=False)[:, 0]
    values = np.array([found.values for found in fits])
    errors = np.array([found.errors for found in fits])
    errors[~np.isfinite(errors)] = 0
    for k, (axes, name) in enumerate(zip(grid, model.free, strict=True)):
        axes.errorbar(range(len(fits)), values[:, k], errors[:, k], fmt=".", markersize=3)
        axes.set_ylabel(name)
    grid[-1].set_xlabel(f"{asked.group}, in the order of the file")
