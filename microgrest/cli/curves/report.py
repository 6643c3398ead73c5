"""What was found, as text, as JSON, as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from microgrest.fit.model.report import estimates, measured

from ...version import __version__
from ..settings import Asked
from .chosen import Chosen
from .fitting import Found
from .rows import Rows


def title(asked: Asked, rows: Rows) -> str:
    """What is fitted."""
    left = f" ({rows.left_out} left out: a value is missing)" if rows.left_out else ""
    source = "standard input" if str(asked.data) == "-" else asked.data.name
    return f"{rows.y_name} by {rows.x_name}, {len(rows)} rows of {source}{left}"


def build(
    asked: Asked, rows: Rows, model: Chosen, fits: Sequence[Found], interrupted: bool
) -> dict[str, Any]:
    """All of it as JSON-ready values: null for what is not known."""
    return {
        "microgrest": __version__,
        "model": asked.model,
        "formula": model.text,
        "problem": title(asked, rows),
        "x": rows.x_name,
        "y": rows.y_name,
        "rows": len(rows),
        "left_out": rows.left_out,
        "sigma": asked.sigma,
        "absolute_sigma": asked.absolute_sigma,
        "loss": asked.loss,
        "f_scale": asked.f_scale,
        "parameters": {name: _given(model, name) for name in model.names},
        "group": asked.group,
        "fits": [_fit(asked, model, found) for found in fits],
        "interrupted": interrupted,
    }


def _given(model: Chosen, name: str) -> dict[str, Any]:
    """How a parameter began, and where it may be."""
    if name in model.fixed:
        return {"fixed": model.fixed[name]}
    at = model.free.index(name)
    return {"start": _known(model.start[at]), "bounds": [_known(b[at]) for b in model.bounds]}


def _fit(asked: Asked, model: Chosen, found: Found) -> dict[str, Any]:
    return {
        "group": None if asked.group is None else found.group,
        "points": found.points,
        "values": dict(zip(model.free, map(_known, found.values), strict=True)),
        "errors": dict(zip(model.free, map(_known, found.errors), strict=True)),
        "correlations": {f"{a},{b}": _known(c) for a, b, c in _correlations(model, found)},
        "chisqr": _known(found.chisqr),
        "redchi": _known(found.reduced),
        "evaluations": found.evaluations,
        "converged": found.converged,
        "message": found.message,
    }


def _known(value: Any) -> float | None:
    """A number, or None for what JSON cannot hold."""
    return float(value) if math.isfinite(value) else None


def _correlations(model: Chosen, found: Found) -> list[tuple[str, str, float]]:
    """Those of every two parameters, the strongest first."""
    errors = found.errors
    with np.errstate(all="ignore"):
        matrix = found.covariance / np.outer(errors, errors)
    n = len(model.free)
    pairs = [
        (model.free[i], model.free[j], float(matrix[i, j]))
        for i in range(n)
        for j in range(i + 1, n)
    ]
    return sorted(pairs, key=lambda pair: -abs(np.nan_to_num(pair[2])))


def as_text(asked: Asked, rows: Rows, model: Chosen, fits: Sequence[Found]) -> str:
    """For a reader."""
    if asked.group is not None:
        return "\n".join(_table(asked, rows, model, fits))
    (found,) = fits
    assert found.result is not None
    if asked.quiet:
        return "\n".join(estimates(found.result.params))
    return f"{title(asked, rows)}\n{found.result.fit_report()}"


def _table(asked: Asked, rows: Rows, model: Chosen, fits: Sequence[Found]) -> Iterator[str]:
    """A line for each group."""
    if not asked.quiet:
        fixed = "".join(f", {name} = {value:g}" for name, value in model.fixed.items())
        yield f"{rows.y_name} = {model.text}{fixed}"
        yield f"{title(asked, rows)}, by {asked.group}"
        yield ""
    lines = [[asked.group or "", "points", *model.free, "reduced chi-square", ""]]
    for found in fits:
        cells = map(measured, found.values.tolist(), found.errors.tolist())
        note = "" if found.converged else found.message
        lines.append([found.group, str(found.points), *cells, f"{found.reduced:.4g}", note])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()
    failed = sum(not found.converged for found in fits)
    if failed and not asked.quiet:
        yield ""
        yield f"{failed} of {len(fits)} groups did not converge"


def as_csv(asked: Asked, model: Chosen, fits: Sequence[Found]) -> str:
    """A line for each fit, under a header; empty for what is not known."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    group = [] if asked.group is None else [asked.group]
    pairs = [column for name in model.free for column in (name, f"{name}_error")]
    write.writerow([*group, "points", *pairs, "chisqr", "redchi", "evaluations", "message"])
    for found in fits:
        values = np.stack([found.values, found.errors], 1).ravel()
        numbers = ["" if _known(v) is None else repr(float(v)) for v in values]
        quality = [repr(v) if math.isfinite(v) else "" for v in (found.chisqr, found.reduced)]
        row = [found.points, *numbers, *quality, found.evaluations, found.message]
        write.writerow([found.group, *row] if group else row)
    return out.getvalue()
