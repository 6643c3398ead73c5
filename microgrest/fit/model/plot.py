"""A fit as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 4000  # points that are drawn of more


def plot(
    result: Any, sigma: float = 2.0, points: int = 400, parts: bool = True, figure: Any = None
) -> Any:
    """Data, curve, its band of `sigma`, and residuals below: a matplotlib figure.

    `parts` shows the models of a sum. ValueError for several independent variables, ImportError
    without matplotlib.
    """
    if len(result.xs) != 1 or np.ndim(result.xs[0]) != 1:
        raise ValueError("plot shows models of one independent variable")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plot needs matplotlib: pip install 'microgrest[plot]'") from error

    figure = Figure(figsize=(7, 6), layout="constrained") if figure is None else figure
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    (name,), (x,) = result.model.independent, result.xs
    fine, every = np.linspace(x.min(), x.max(), points), slice(None, None, -(-x.size // MOST))
    x, errors = np.asarray(x)[every], None
    if result.weights is not None:
        weights = np.broadcast_to(result.weights, result.data.shape)[every]
        errors = 1 / np.where(weights, weights, np.nan)
    top.errorbar(x, result.data[every], errors, fmt=".", color="0.4", label="data", zorder=1)
    curve = result.eval(**{name: fine})
    top.plot(fine, curve, color="C0", label="fit", zorder=3)
    if result.covar is not None:
        half = result.eval_uncertainty(sigma, **{name: fine})
        label = f"band of {sigma:g} sigma"
        top.fill_between(fine, curve - half, curve + half, color="C0", alpha=0.25, label=label)
    if parts and hasattr(result.model, "components"):
        for label, values in result.eval_components(**{name: fine}).items():
            top.plot(fine, np.broadcast_to(values, fine.shape), "--", lw=0.8, label=label)
    top.legend()
    bottom.axhline(0, color="0.7")
    bottom.plot(x, result.residual[every], ".", color="0.4")
    bottom.set(xlabel=name, ylabel="residual" if errors is None else "residual / error")
    return figure
